import type { Plan } from '../../lib/plan/plan.ts';
import type { AssetOutcome } from './outcome.ts';
import type { ResultParts } from './result.ts';

interface NotStarted<Assets> {
  readonly plan: Plan<Assets>;
  readonly runId: string;
  readonly cancelled: boolean;
  readonly position: number;
}

/** The result of a run of which nothing ran and nothing was written. */
export function notStarted<Assets>(parts: NotStarted<Assets>): ResultParts<Assets> {
  const outcomes = [...parts.plan.selection].map((key): AssetOutcome => ({
    key,
    outcome: 'cancelled',
    unexpected: false,
    slot: undefined,
  }));
  return { ...parts, settled: [], outcomes, staleInputs: [], reasonOf: () => undefined };
}
