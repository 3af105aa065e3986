import type { SettledEpoch } from './epoch-work.ts';
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

/**
 * What two epochs that follow each other did together; what it says of one epoch is that of the later one. Each step and key is named once, with
 * its last failure: who does not ask for long would be kept everything for otherwise.
 */
export function mergeReports(earlier: EpochReport, report: EpochReport): EpochReport {
  const { items, ran, reused, skipped, blocked, failed, materialized, unchanged, absent, tookMs } = earlier;
  return Object.freeze({
    ...report,
    items: items + report.items,
    ran: union(ran, report.ran),
    reused: union(reused, report.reused),
    skipped: union(skipped, report.skipped),
    blocked: union(blocked, report.blocked),
    failed: [...new Map([...failed, ...report.failed].map((each) => [each.step, each])).values()],
    materialized: union(materialized, report.materialized),
    unchanged: union(unchanged, report.unchanged),
    absent: union(absent, report.absent),
    tookMs: tookMs + report.tookMs,
  });
}

function union(earlier: readonly string[], later: readonly string[]): readonly string[] {
  return [...new Set([...earlier, ...later])];
}
