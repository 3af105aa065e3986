import type { RunEvent } from '../../lib/events/run-event.ts';
import type { RunMode } from '../../lib/events/logged-event.ts';
import { checkVerbOptions, RULES, type OptionRules } from '../../lib/kernel/verb-options.ts';
import { checkDefinitions } from '../../lib/model/check-definitions.ts';
import type { Definitions } from '../../lib/model/definitions.ts';
import { plan, PLAN_RULES, type PlanOptions } from '../../lib/plan/plan.ts';
import { apart } from './apart.ts';
import { executeRun } from './execute-run.ts';
import { RUN_RULES, type RunOptions } from './options.ts';
import { AbortError, failureOf, type AnyResult, type ResultParts } from './result.ts';

/** What every verb takes that plans, runs and gives one promise. */
export interface VerbOptions<Assets> extends Omit<PlanOptions<Assets>, 'mode'>, RunOptions {
  /** With `false`, a run whose steps failed resolves with `success: false` instead of rejecting. */
  readonly throwOnFailure?: boolean;
  /** Told of everything that happens, as a subscriber of `run` would be. What it throws never reaches the run. */
  readonly onEvent?: (event: RunEvent) => void;
}

const { mode: _, ...PLANNING } = PLAN_RULES;
/** What the options of a verb must be. */
export const VERB_RULES: OptionRules<VerbOptions<unknown>> = {
  ...PLANNING,
  ...RUN_RULES,
  throwOnFailure: RULES.flag,
  onEvent: RULES.function,
};

/** Which verb it is, and what it makes of what came of the run. */
export interface Verb<Assets, Result> {
  readonly mode: RunMode;
  readonly result: (parts: ResultParts<Assets>) => Result;
}

/** Plan, resolve and run as one promise. */
export async function runVerb<Assets, Result extends AnyResult<Assets>>(
  { mode, result: resultOf }: Verb<Assets, Result>,
  defs: Definitions<Assets>,
  options: VerbOptions<Assets>,
): Promise<Result> {
  checkDefinitions(mode, defs);
  checkVerbOptions(mode, options, VERB_RULES);
  const { throwOnFailure = true, onEvent, ...given } = options;
  const { planning, running } = splitOptions<Assets>(given);
  const planned = plan(defs, { mode, ...planning });
  const result = resultOf(await executeRun(planned, running, { publish: apart(onEvent) }));
  return settleVerb(result, { throwOnFailure, signal: options.signal });
}

/** How a verb's promise settles. */
export interface Settling {
  readonly throwOnFailure: boolean;
  readonly signal: AbortSignal | undefined;
}

/**
 * Gives a result, or throws what it tells of.
 *
 * @throws StepError the first failure of a run, AbortError for one that was cancelled
 */
export function settleVerb<Result extends Pick<AnyResult, 'status'>>(result: Result, { throwOnFailure, signal }: Settling): Result {
  // Errors do not carry the types of the assets: whoever catches one does not know which definitions it comes from.
  const untyped = result as unknown as AnyResult;
  if (result.status === 'cancelled') throw new AbortError(untyped, signal?.reason);
  const failure = failureOf(untyped);
  if (failure !== undefined && throwOnFailure) throw failure;
  return result;
}

/** What is for `plan`, and what is for the run. */
export function splitOptions<Assets>(given: PlanOptions<Assets> & RunOptions): {
  readonly planning: PlanOptions<Assets>;
  readonly running: RunOptions;
} {
  const planning: Record<string, unknown> = {};
  const running: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(given)) (Object.hasOwn(PLAN_RULES, name) ? planning : running)[name] = value;
  // Both halves of a record whose fields are options of one or the other.
  return { planning, running };
}
