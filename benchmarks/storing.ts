import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Appender, Material } from './appender.ts';
import { rowsOfAppends, sampleAppends } from './appends.ts';
import type { Benchmark, Figure } from './benchmark.ts';
import { openingFigures } from './opening.ts';
import { readFigures } from './reading.ts';
import { retentionFigure } from './retaining.ts';
import { pglite, sqlite } from './sql-appenders.ts';
import { eventRows, plainFile, sameRows, sluice } from './store-appenders.ts';

const APPENDS = 4000;
const ROUNDS = 7;
/** Whoever takes longer for a round has only a few. */
const SLOW_MS = 4000;
const SLOW_ROUNDS = 2;
/** How many are in flight, and how many appends that is in all. */
const IN_FLIGHT = [
  { inFlight: 1, count: 300 },
  { inFlight: 10, count: 2000 },
  { inFlight: 100, count: 4000 },
  { inFlight: 1000, count: 4000 },
] as const;

/**
 * Appends of a settled step with its asset and its value, with so many in flight, beside others who bring the same bytes to the same disk in
 * groups of the same size. Rounds of all take turns, so that a slow moment of the machine is one for all: the least of our times is given, and the
 * others' by the median of what they took in the same rounds. Then what it costs to forget, to read, and to open a store of many events.
 */
export const storing: Benchmark = {
  name: 'storing',
  run: async (isFull) => {
    const folder = mkdtempSync(join(process.cwd(), '.bench', 'stores-'));
    try {
      return [
        ...(await appendFigures(folder)),
        await retentionFigure(folder),
        ...(await readFigures(join(folder, 'reads'))),
        ...(await openingFigures(folder, isFull)),
      ];
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

async function appendFigures(folder: string): Promise<readonly Figure[]> {
  const appends = sampleAppends(APPENDS);
  const material: Material = { appends, ...(await rowsOfAppends(join(folder, 'rows'), appends)) };
  const postgres = await pglite(join(folder, 'pglite'));
  const lite = sqlite();
  if (lite === undefined) console.log('  (SQLite is not installed: no better-sqlite3, no node:sqlite)');
  const others = [sameRows, eventRows, plainFile, ...(lite === undefined ? [] : [lite]), postgres];
  const figures: Figure[] = [];
  for (const { inFlight, count } of IN_FLIGHT) {
    const times = await takeTurns([sluice, ...others], { folder, material, inFlight, count });
    const ours = times.get(sluice) ?? [];
    const value = (Math.min(...ours) / count) * 1000;
    for (const other of others) {
      const ratios = (times.get(other) ?? []).map((took, round) => took / (ours[round] ?? Number.NaN));
      figures.push({
        name: `append, ${inFlight} in flight`,
        value,
        unit: 'µs',
        against: { name: other.name, value: value * middle(ratios) },
      });
    }
  }
  await postgres.end();
  return figures;
}

interface Work {
  readonly folder: string;
  readonly material: Material;
  readonly inFlight: number;
  readonly count: number;
}

function middle(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

/** The time that each took in each round, in milliseconds. */
async function takeTurns(appenders: readonly Appender[], work: Work): Promise<ReadonlyMap<Appender, readonly number[]>> {
  const times = new Map(appenders.map((appender): [Appender, number[]] => [appender, []]));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [appender, taken] of times) {
      const isSlow = appender !== sluice && (taken[0] ?? 0) > SLOW_MS;
      if (!isSlow || round < SLOW_ROUNDS) taken.push(await appendAll(appender, work));
    }
  }
  return times;
}

async function appendAll(appender: Appender, { folder, material, inFlight, count }: Work): Promise<number> {
  const path = join(folder, 'place');
  const place = await appender.open(path, material);
  const start = performance.now();
  for (let from = 0; from < count; from += inFlight) await place.append(from, Math.min(from + inFlight, count));
  const took = performance.now() - start;
  await place.check(count);
  await place.close();
  rmSync(path, { recursive: true, force: true });
  return took;
}
