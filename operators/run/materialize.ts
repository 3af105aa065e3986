import { checkVerbOptions, RULES, type OptionRules } from '../../lib/kernel/verb-options.ts';
import type { RunEvent } from '../../lib/events/run-event.ts';
import type { Definitions } from '../../lib/model/definitions.ts';
import { plan, PLAN_RULES, type PlanOptions } from '../../lib/plan/plan.ts';
import { apart } from './apart.ts';
import { executeRun } from './execute-run.ts';
import { RUN_RULES, type RunOptions } from './options.ts';
import { AbortError, failureOf, type RunResult } from './result.ts';

/** What {@link materialize} takes beside the definitions. */
export interface MaterializeOptions<Assets> extends PlanOptions<Assets>, RunOptions {
  /** With `false`, a run whose steps failed resolves with `success: false` instead of rejecting. */
  readonly throwOnFailure?: boolean;
  /** Told of everything that happens, as a subscriber of `run` would be. What it throws never reaches the run. */
  readonly onEvent?: (event: RunEvent) => void;
}

const MATERIALIZE_RULES: OptionRules<MaterializeOptions<unknown>> = {
  ...PLAN_RULES,
  ...RUN_RULES,
  throwOnFailure: RULES.flag,
  onEvent: RULES.function,
};

/**
 * Makes the selected assets anew and records each one: plan, resolve and run as one promise.
 *
 * Rejects with SelectionError (nothing ran), StoreError, the first StepError (`details.result` is the whole result), or AbortError.
 */
export async function materialize<Assets>(defs: Definitions<Assets>, options: MaterializeOptions<Assets> = {}): Promise<RunResult<Assets>> {
  checkVerbOptions('materialize', options, MATERIALIZE_RULES);
  const { throwOnFailure = true, onEvent, ...given } = options;
  const { planning, running } = splitOptions<Assets>(given);
  const planned = plan(defs, planning);
  const result = await executeRun(planned, running, apart(onEvent));
  // Errors do not carry the types of the assets: whoever catches one does not know which definitions it comes from.
  const untyped = result as unknown as RunResult;
  if (result.status === 'cancelled') throw new AbortError(untyped, options.signal?.reason);
  const failure = failureOf(untyped);
  if (failure !== undefined && throwOnFailure) throw failure;
  return result;
}

/** What is for `plan`, and what is for the run. */
function splitOptions<Assets>(given: PlanOptions<Assets> & RunOptions): {
  readonly planning: PlanOptions<Assets>;
  readonly running: RunOptions;
} {
  const isForPlan = ([name]: readonly [string, unknown]): boolean => Object.hasOwn(PLAN_RULES, name);
  const entries = Object.entries(given);
  // Both halves of a record whose fields are options of one or the other.
  return {
    planning: Object.fromEntries(entries.filter(isForPlan)) as PlanOptions<Assets>, // as above
    running: Object.fromEntries(entries.filter((entry) => !isForPlan(entry))) as RunOptions, // as above
  };
}
