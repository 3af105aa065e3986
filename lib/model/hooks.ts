import { DefinitionError, type StepError } from '../kernel/errors.ts';
import type { AssetKey } from './asset-key.ts';
import { readMethods } from './methods.ts';
import type { Fields } from './options.ts';

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
 * the run goes on. Steps do not wait for hooks; the run's end does, up to `graceMs`. At most 16 hooks run at the same time in one run; the
 * others wait in line, in the order of the log, and one that did not get its turn before the end of the run is a `hook-failed` event too.
 * Where nothing is recorded (`testOp`, `runGraph`, `toOperator`), none is called.
 *
 * Each is called as a method of the object that it was given with, so that `this` is that object.
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

/** What hooks were copied from, which is what they are called on. */
const givenWith = new WeakMap<object, object>();

/**
 * Copies hooks, after checking them: those of a record, or of an instance of a class.
 *
 * @throws DefinitionError INVALID_DEFINITION
 */
export function checkHooks(given: unknown, where: string): Hooks | undefined {
  if (given === undefined) return undefined;
  // Functions by the names of hooks, as was checked; what they take cannot be.
  const hooks = readMethods(given, HOOK_FIELDS, { what: '"hooks"', where }) as Hooks;
  // Hooks that were copied before are called on what they were first given with.
  givenWith.set(hooks, givenWith.get(Object(given)) ?? Object(given));
  return hooks;
}

/** A hook by its name, to be called with its context; nothing where there is none. */
export function hookOf(hooks: Hooks, name: HookName): ((context: unknown) => unknown) | undefined {
  const hook = hooks[name];
  return hook && ((context) => Reflect.apply(hook, givenWith.get(hooks) ?? hooks, [context]));
}

/** Whether a value is hooks, for checks of what verbs are given. */
export function isHooks(value: unknown): boolean {
  try {
    return checkHooks(value, 'a run') !== undefined;
  } catch (error) {
    if (error instanceof DefinitionError) return false;
    throw error;
  }
}
