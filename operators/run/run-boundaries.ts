import type { RunEnded, RunStarted, Verification } from '../../lib/events/logged-event.ts';
import type { RunOptions } from './options.ts';
import type { ResolvedPlan } from './resolve.ts';
import type { SettledStep } from './settled-step.ts';

/** The first event of a run. */
export function startedEvent(
  { plan, readsAt, again }: Pick<ResolvedPlan, 'plan' | 'readsAt' | 'again'>,
  { tags = {}, causedBy }: Pick<RunOptions, 'tags' | 'causedBy'>,
  of: Pick<RunStarted, 'runId' | 'time'>,
): RunStarted {
  return {
    type: 'run-started',
    ...of,
    mode: plan.mode,
    selection: [...plan.selection],
    policies: plan.policies,
    planHash: plan.hash,
    readsAt,
    tags,
    causedBy: causedBy ?? null,
    again: again ?? null,
  };
}

/** The last event of a run. */
export function endedEvent(of: Omit<RunEnded, 'type' | 'verified'>, verified?: Verification): RunEnded {
  return { type: 'run-ended', ...of, ...(verified !== undefined && { verified }) };
}

/** How a run ended that was not cancelled. */
export function statusOf(settled: readonly SettledStep[]): 'failed' | 'succeeded' {
  return settled.some(({ outcome }) => outcome === 'failed') ? 'failed' : 'succeeded';
}
