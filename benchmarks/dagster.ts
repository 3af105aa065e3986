import { readFileSync } from 'node:fs';

/** What Dagster takes for the same work, measured on two cores of such a machine. */
export interface DagsterFigures {
  readonly dagster: string;
  readonly import_s: number;
  readonly memory_ms_per_step: number;
  readonly subset_planning_s: Readonly<Record<string, number>>;
}

/** The figures of one release. They were measured elsewhere, so only large ratios against them mean anything. */
export function dagsterFigures(release: string): DagsterFigures {
  // The file holds what the interface says; it is data of this folder.
  const all = JSON.parse(readFileSync('benchmarks/data/dagster-figures.json', 'utf8')) as readonly DagsterFigures[];
  const found = all.find(({ dagster }) => dagster === release);
  if (found === undefined) throw new Error(`There are no figures for Dagster ${release}.`);
  return found;
}
