import { DefinitionError, type StepError } from '../kernel/errors.ts';
import { isClass, kindOf } from '../kernel/print.ts';
import { isRecord } from '../kernel/record.ts';
import type { AssetKey } from './asset-key.ts';
import { checkOptions, type Fields } from './options.ts';

/** What a hook is told of the step that it is called for. */
export interface StepHookContext {
  readonly runId: string;
  readonly definition: string;
  /** The step's id: its path, after `definition:` where more than one definition has steps. */
  readonly step: string;
  readonly op: string;
  /** How often the step was tried. */
  readonly attempts: number;
}

/** What `onFailure` is told. */
export interface FailureHookContext extends StepHookContext {
  readonly error: StepError;
}

/** What `onMaterialization` is told: the event that was recorded. */
export interface MaterializationHookContext extends StepHookContext {
  readonly output: string;
  readonly key: AssetKey;
  readonly version: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** The position of the event in the store's log. */
  readonly position: number;
}

/**
 * What to call when something is recorded. Hooks watch and change nothing: one that throws, or rejects, becomes a `hook-failed` event, and
 * the run goes on. Steps do not wait for hooks; the run's end does, up to `graceMs`. Where nothing is recorded (`testOp`, `runGraph`,
 * `toOperator`), none is called.
 */
export interface Hooks {
  /** A step succeeded. */
  readonly onSuccess?: (context: StepHookContext) => unknown;
  /** A step failed, after its last attempt. */
  readonly onFailure?: (context: FailureHookContext) => unknown;
  /** A step was skipped, since a required input came out absent (X3). */
  readonly onSkip?: (context: StepHookContext) => unknown;
  /** An asset was recorded. */
  readonly onMaterialization?: (context: MaterializationHookContext) => unknown;
}

/** The names of hooks. */
export type HookName = keyof Hooks;

const HOOK_FIELDS: Fields<Hooks> = { onSuccess: true, onFailure: true, onSkip: true, onMaterialization: true };

/**
 * Copies hooks, after checking them.
 *
 * @throws DefinitionError INVALID_DEFINITION
 */
export function checkHooks(given: unknown, where: string): Hooks | undefined {
  if (given === undefined) return undefined;
  checkOptions(given, HOOK_FIELDS, `"hooks" of ${where}`);
  // A record with these fields at most, as was just checked; what they hold is checked here.
  const hooks = given as Hooks;
  for (const [name, hook] of Object.entries<unknown>({ ...hooks })) {
    if (hook === undefined || isCallable(hook)) continue;
    throw new DefinitionError('INVALID_DEFINITION', `"hooks" of ${where}: "${name}" is ${kindOf(hook)}. Give a function.`, {
      details: { where, option: name },
    });
  }
  return Object.freeze({ ...hooks });
}

/** Whether a value is hooks, for checks of what verbs are given. */
export function isHooks(value: unknown): boolean {
  return (
    isRecord(value) &&
    Object.entries(value).every(([name, hook]) => Object.hasOwn(HOOK_FIELDS, name) && (hook === undefined || isCallable(hook)))
  );
}

/** A class is a function that nobody can call. */
function isCallable(hook: unknown): boolean {
  return typeof hook === 'function' && !isClass(hook);
}
