import type { SettledEpoch } from './live-graph.ts';
import type { EpochReport } from './publication.ts';

/** What an epoch did, as those who watch are told. `beside`: keys that somebody else changed. */
export function reportOf(
  { number, steps, outcomes, position }: SettledEpoch,
  told: Pick<EpochReport, 'cause' | 'items' | 'tookMs'> & { readonly beside: readonly string[] },
): EpochReport {
  const ids = (wanted: string): readonly string[] =>
    steps.flatMap(({ settled: { planned, outcome } }) => (outcome === wanted ? planned.step.id : []));
  const keys = (wanted: string): readonly string[] => outcomes.flatMap(({ key, outcome }) => (outcome === wanted ? key : []));
  return Object.freeze({
    epoch: number,
    cause: told.cause,
    items: told.items,
    ran: steps.flatMap(({ settled: { planned, attempts } }) => (attempts > 0 ? planned.step.id : [])),
    reused: ids('reused'),
    skipped: ids('skipped'),
    blocked: ids('blocked'),
    failed: steps.flatMap(({ settled: { planned, error } }) => (error === undefined ? [] : { step: planned.step.id, error })),
    materialized: [...new Set([...told.beside, ...keys('materialized')])],
    unchanged: keys('unchanged'),
    absent: keys('absent'),
    position,
    tookMs: told.tookMs,
  });
}
