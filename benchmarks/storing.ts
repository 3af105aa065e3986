import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { open } from 'lmdb';
import { openStore } from 'sluice/store';
import type { Benchmark, Figure } from './benchmark.ts';
import { check } from './measure.ts';
import { rowsOfAppends, sampleAppends, type Row } from './appends.ts';

const APPENDS = 3000;
const ROUNDS = 5;
const IN_FLIGHT = [1, 10, 100, 1000] as const;

/**
 * Appends of a settled step with its asset and its value, with so many in flight, beside bare transactions of lmdb that put the very same
 * rows, grouped in the same way, on the same disk. Rounds of both take turns, so that a slow disk slows both.
 */
export const storing: Benchmark = {
  name: 'storing',
  run: async () => {
    const folder = mkdtempSync(join(process.cwd(), '.bench', 'stores-'));
    try {
      return await measure(folder);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

async function measure(folder: string): Promise<readonly Figure[]> {
  const appends = sampleAppends(APPENDS);
  const rows = await rowsOfAppends(join(folder, 'rows'), appends);
  const figures: Figure[] = [];
  for (const inFlight of IN_FLIGHT) {
    const count = Math.min(APPENDS, inFlight * 300);
    const ours: number[] = [];
    const bare: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      ours.push(await appendAll(join(folder, `ours-${inFlight}-${round}`), appends.slice(0, count), inFlight));
      bare.push(putAll(join(folder, `bare-${inFlight}-${round}`), rows.slice(0, count), inFlight));
    }
    figures.push({
      name: `append, ${inFlight} in flight`,
      value: (middle(ours) / count) * 1000,
      unit: 'µs',
      against: {
        name: 'bare transactionSync of the same rows',
        value: (middle(bare) / count) * 1000,
      },
    });
  }
  figures.push({ name: 'floor: fdatasync after 4 KiB', value: flushFloor(join(folder, 'floor')) * 1000, unit: 'µs' });
  figures.push(...(await readFigures(join(folder, 'reads'), appends)));
  return figures;
}

async function appendAll(path: string, appends: ReturnType<typeof sampleAppends>, inFlight: number): Promise<number> {
  const store = await openStore(path);
  const start = performance.now();
  for (let from = 0; from < appends.length; from += inFlight)
    await Promise.all(appends.slice(from, from + inFlight).map((append) => store.port.append(append)));
  const took = performance.now() - start;
  const events = appends.reduce((sum, append) => sum + append.events.length, 0);
  check((await store.port.head()) === events, 'every event was appended');
  await store.close();
  return took;
}

/** What a store does, without being one: the same rows into the same tables, one transaction a group. */
function putAll(path: string, appends: readonly (readonly Row[])[], inFlight: number): number {
  const root = open({ path, noSubdir: false, overlappingSync: false, eventTurnBatching: false, maxDbs: 32, encoding: 'binary' });
  const names = [...new Set(appends.flatMap((rows) => rows.map(({ table }) => table)))];
  const tables = new Map(names.map((name) => [name, root.openDB({ name, encoding: 'binary', keyEncoding: 'binary' })]));
  const start = performance.now();
  for (let from = 0; from < appends.length; from += inFlight) {
    root.transactionSync(() => {
      for (const rows of appends.slice(from, from + inFlight))
        for (const { table, key, value } of rows) tables.get(table)?.putSync(key, value);
    });
  }
  const took = performance.now() - start;
  const found = [...tables.values()].reduce((sum, table) => sum + table.getCount(), 0);
  const given = new Set(appends.flatMap((rows) => rows.map(({ table, key }) => `${table} ${key.toString('hex')}`))).size;
  check(found === given, 'every row was put');
  void root.close();
  return took;
}

function flushFloor(path: string): number {
  const file = openSync(path, 'w');
  const page = Buffer.alloc(4096, 1);
  const times = Array.from({ length: 200 }, () => {
    const start = performance.now();
    writeSync(file, page);
    fdatasyncSync(file);
    return performance.now() - start;
  });
  closeSync(file);
  return middle(times);
}

async function readFigures(path: string, appends: ReturnType<typeof sampleAppends>): Promise<readonly Figure[]> {
  const store = await openStore(path);
  await Promise.all(appends.map((append) => store.port.append(append)));
  const latest = await timed(async () => check((await store.latest('asset_7')) !== undefined, 'the asset is there'), 500);
  const head = await store.port.head();
  const scan = await timed(async () => {
    let seen = 0;
    for await (const event of store.events()) seen += event.position > 0 ? 1 : 0;
    check(seen === head, 'a scan sees every event');
  }, 5);
  await store.close();
  const { size } = statSync(join(path, 'data.mdb'));
  return [
    { name: 'latest event of one asset', value: latest * 1000, unit: 'µs' },
    { name: 'scan, one event', value: (scan / head) * 1000, unit: 'µs' },
    { name: 'on disk, one event with its indices and values', value: size / head, unit: 'bytes' },
  ];
}

async function timed(work: () => Promise<void>, rounds: number): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const start = performance.now();
    await work();
    times.push(performance.now() - start);
  }
  return middle(times);
}

function middle(times: readonly number[]): number {
  const sorted = [...times].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
