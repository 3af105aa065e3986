import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Appender, Material } from './appender.ts';
import { rowsOfAppends, sampleAppends } from './appends.ts';
import type { Benchmark, Figure } from './benchmark.ts';
import { openingFigures } from './opening.ts';
import { readFigures } from './reading.ts';
import { pglite, sqlite } from './sql-appenders.ts';
import { eventRows, plainFile, sameRows, sluice } from './store-appenders.ts';

const APPENDS = 4000;
const ROUNDS = 7;
const SLOW_ROUNDS = 2;
/** How many are in flight, how many appends that is in all, and the share of the speed of the very same rows that is promised. */
const IN_FLIGHT = [
  { inFlight: 1, count: 300 },
  { inFlight: 10, count: 2000 },
  { inFlight: 100, count: 4000 },
  { inFlight: 1000, count: 4000 },
] as const;

/**
 * Appends of a settled step with its asset and its value, with so many in flight, beside others who bring the same bytes to the same disk in
 * groups of the same size. Rounds of all take turns, so that a slow moment of the machine is one for all; the least time of each counts. Then
 * what it costs to read, and to open a store of many events.
 */
export const storing: Benchmark = {
  name: 'storing',
  run: async (isFull) => {
    const folder = mkdtempSync(join(process.cwd(), '.bench', 'stores-'));
    try {
      return [...(await appendFigures(folder)), ...(await readFigures(join(folder, 'reads'))), ...(await openingFigures(folder, isFull))];
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
    const value = (times.get(sluice) ?? Number.NaN) / count;
    for (const other of others) {
      const against = { name: other.name, value: ((times.get(other) ?? Number.NaN) / count) * 1000 };
      figures.push({ name: `append, ${inFlight} in flight`, value: value * 1000, unit: 'µs', against });
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

/** The least time that each took, in milliseconds. */
async function takeTurns(appenders: readonly Appender[], work: Work): Promise<ReadonlyMap<Appender, number>> {
  const times = new Map<Appender, number>();
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const appender of appenders) {
      const isSlow = (times.get(appender) ?? 0) > 1000;
      if (isSlow && round >= SLOW_ROUNDS) continue;
      times.set(appender, Math.min(times.get(appender) ?? Infinity, await appendAll(appender, work)));
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
