import { SelectionError } from '../../lib/kernel/errors.ts';
import { kindOf, quote } from '../../lib/kernel/print.ts';
import { checkVerbOptions, RULES, type OptionRules } from '../../lib/kernel/verb-options.ts';
import { aliasedPort } from '../../lib/events/aliased-port.ts';
import type { Store } from '../../lib/events/store.ts';
import { checkDefinitions } from '../../lib/model/check-definitions.ts';
import type { Definitions } from '../../lib/model/definitions.ts';
import { plan, type Plan } from '../../lib/plan/plan.ts';
import { apart } from './apart.ts';
import { executeRun } from './execute-run.ts';
import { findChain, type RunChain } from './parent-run.ts';
import { createResult, type RunResult } from './result.ts';
import { resolveAgain, type Again } from './reexecution.ts';
import { settleVerb, splitOptions, VERB_RULES, type VerbOptions } from './run-verb.ts';

/** What {@link reexecute} takes beside the definitions and the run. What is selected, and by which policies, is that run's. */
export interface ReexecuteOptions<Assets> extends Omit<
  VerbOptions<Assets>,
  'store' | 'select' | 'sources' | 'unselectedOutputs' | 'inGraphUpstream' | 'crossGraphUpstream'
> {
  /** The store that has the run. */
  readonly store: Store;
  /** `failure`, the default: what failed, was blocked, was interrupted or never started, and everything downstream of that. */
  readonly from?: 'failure';
  /** Ids of the steps to run instead. */
  readonly steps?: readonly string[];
  /** With `steps`: everything downstream of them too. */
  readonly downstream?: boolean;
}

const {
  select: _select,
  sources: _sources,
  unselectedOutputs: _unselected,
  inGraphUpstream: _inGraph,
  crossGraphUpstream: _crossGraph,
  ...OTHERS
} = VERB_RULES;

const RULES_AGAIN: OptionRules<ReexecuteOptions<unknown>> = {
  ...OTHERS,
  from: { accepts: (value) => value === 'failure', cure: 'Give "failure", or leave it out.' },
  steps: {
    accepts: (value) => Array.isArray(value) && value.every((each) => typeof each === 'string'),
    cure: 'Give a list of ids of steps.',
  },
  downstream: RULES.flag,
};

/**
 * Runs a part of an earlier run again, at the boundaries of its steps (E1–E4): what does not run again gives what it gave then, and what that run
 * read of the store is read as it was then, whatever came since. The new run is one of its own, and says which one it took up.
 *
 * The definitions may be others than those of that run: steps are matched by definition and path, new code runs where a step runs, and a step
 * that was not in that run runs now.
 *
 * Rejects with SelectionError UNKNOWN_RUN, RUN_MISMATCH where these definitions lack what that run had selected or it is that of a live service,
 * MISSING_VALUE where a value is gone (nothing ran); otherwise as `materialize` does.
 */
export async function reexecute<Assets>(
  defs: Definitions<Assets>,
  runId: string,
  options: ReexecuteOptions<Assets>,
): Promise<RunResult<Assets>> {
  checkDefinitions('reexecute', defs);
  checkVerbOptions('reexecute', options, RULES_AGAIN);
  checkGiven(runId, options);
  const { throwOnFailure = true, onEvent, from, steps, downstream = false, ...given } = options;
  const again = readAgain({ from, steps, downstream });
  const { planning, running } = splitOptions<Assets>(given);
  const chain = await findChain(aliasedPort(options.store.port, defs.aliases), runId);
  const whole = planAgain(defs, chain, planning);
  const parts = await executeRun(whole, running, {
    publish: apart(onEvent),
    resolver: (planned, store, asked) => resolveAgain(planned, store, { ...asked, runId, again }),
  });
  return settleVerb(createResult(parts), { throwOnFailure, signal: options.signal });
}

/** What JavaScript may leave out. */
function checkGiven(runId: unknown, options: { readonly store?: Store } | undefined): void {
  if (options?.store === undefined) {
    throw new SelectionError('INVALID_OPTION', `reexecute() needs the "store" that has the run, in its options. ${VERB_RULES.store.cure}`, {
      details: { verb: 'reexecute', option: 'store' },
    });
  }
  if (typeof runId !== 'string') {
    throw new SelectionError(
      'INVALID_OPTION',
      `reexecute() takes the id of a run second, and got ${kindOf(runId)}. store.runs() lists them.`,
      { details: { verb: 'reexecute' } },
    );
  }
}

interface GivenAgain {
  readonly from: 'failure' | undefined;
  readonly steps: readonly string[] | undefined;
  readonly downstream: boolean;
}

function readAgain({ from, steps, downstream }: GivenAgain): Again {
  if (steps === undefined) {
    if (!downstream) return { from: 'failure' };
    throw new SelectionError('INVALID_OPTION', '"downstream" goes with "steps". From a failure, everything downstream runs in any case.');
  }
  if (from !== undefined) throw new SelectionError('INVALID_OPTION', 'Give "from" or "steps", not both.');
  return { steps: [...steps], downstream };
}

/** The plan of the first run of the chain, as these definitions make it. */
function planAgain<Assets>(defs: Definitions<Assets>, { root }: RunChain, planning: object): Plan<Assets> {
  const { selection, policies, mode, runId } = root.started;
  const known: ReadonlyMap<string, unknown> = defs.assets;
  const gone = selection.filter((key) => !known.has(key));
  if (gone.length > 0) {
    throw new SelectionError(
      'RUN_MISMATCH',
      `Run ${quote(runId)} had selected ${gone.map(quote).join(', ')}, which these definitions do not have. Use definitions that do, or run the assets again.`,
      { details: { runId, keys: gone } },
    );
  }
  // What the log has as a selection are keys of assets, and all of them are keys of these definitions.
  return plan<Assets>(defs, { ...planning, ...policies, mode, select: selection as never });
}
