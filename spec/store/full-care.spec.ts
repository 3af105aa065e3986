import type * as Files from 'node:fs';
import type { StatsFs } from 'node:fs';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { pruneStore } from '../../lib/events/prune.ts';
import type { Store } from '../../lib/events/store.ts';
import { openStore } from '../../store/open-store.ts';
import { repairFile } from '../../store/repair-file.ts';
import { verifyStore } from '../../store/verify.ts';
import { batchOf, materialized, runEnded, runStarted, sampleValue, stepSettled } from '../kit/sample-events.ts';
import { newFolder } from './folder.ts';

/** A disk on which a store is all there is, and that has so many bytes. */
const disk = vi.hoisted(() => ({ bytes: Infinity, file: '' }));

vi.mock('node:fs', async (original) => {
  const real = await original<typeof Files>();
  const statfsSync = (path: string): StatsFs => {
    const found = real.statfsSync(path);
    if (disk.bytes === Infinity) return found;
    const used = real.statSync(disk.file, { throwIfNoEntry: false })?.size ?? 0;
    return Object.assign(found, { bavail: Math.max(0, disk.bytes - used), bsize: 1, blocks: 1000 });
  };
  return { ...real, statfsSync };
});

afterEach(() => {
  disk.bytes = Infinity;
});

const full = { code: 'STORE_FULL' };

async function sizeOf(folder: string): Promise<number> {
  const found = await stat(join(folder, 'data.mdb')).catch(() => undefined);
  return found?.size ?? 0;
}

describe('a repair never writes more than the disk has', () => {
  /** Long rows of events, and many names. */
  async function longEvents(): Promise<string> {
    const folder = await newFolder();
    const store = await openStore(folder);
    for (let run = 0; run < 8; run += 1) {
      const runId = `${run} ${'r'.repeat(3000)}`;
      const steps = Array.from({ length: 150 }, (_, step) => stepSettled({ runId, step: `${run}.${step}.${'s'.repeat(500)}` }));
      await store.port.append(batchOf(runStarted({ runId }), ...steps, runEnded({ runId })));
    }
    await store.close();
    return folder;
  }

  /** Values of all sizes, and next to nothing else. */
  async function largeValues(): Promise<string> {
    const folder = await newFolder();
    const store = await openStore(folder);
    for (let index = 0; index < 30; index += 1) await store.put(`s/${index % 3}`, `${index} ${'v'.repeat(20_000 * (1 + index))}`);
    await store.close();
    return folder;
  }

  test.each([
    ['long events', longEvents],
    ['large values', largeValues],
  ])('and is refused where it would, whatever the disk has (%s); the store that was damaged is as it was', async (_, make) => {
    const folder = await make();
    const before = await readFile(join(folder, 'data.mdb'));
    const outcomes = new Set<string>();
    for (let bytes = 2 ** 18; ; bytes = Math.ceil(bytes * 1.25)) {
      const target = join(await newFolder(), 'made');
      await mkdir(target);
      Object.assign(disk, { bytes, file: join(target, 'data.mdb') });
      const place = { path: folder, label: 'damaged', target, targetLabel: 'made', raiseEpochBy: 1 };
      const outcome = await repairFile(place, () => undefined).then(
        () => 'made',
        (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : String(error)),
      );
      disk.bytes = Infinity;
      outcomes.add(outcome);
      expect(await sizeOf(target)).toBeLessThanOrEqual(bytes);
      expect((await readFile(join(folder, 'data.mdb'))).equals(before)).toBe(true);
      if (outcome === 'made') break;
    }
    expect([...outcomes]).toEqual(['STORE_FULL', 'made']);
  });
});

describe('a prune never writes more than the disk has', () => {
  const MEGABYTES = 3;
  const table = (price: number): readonly unknown[] => [
    ...Array.from({ length: MEGABYTES * 1000 }, (_, row) => `${row} ${'x'.repeat(1000)}`),
    { price },
  ];

  /** Values that are kept as changes of one that nothing needs. */
  async function changesOfOne(folder: string, count: number): Promise<Store> {
    const store = await openStore(folder);
    const base = sampleValue(table(0)).address;
    for (let price = 0; price <= count; price += 1) {
      const value = sampleValue(table(price));
      const event = materialized(price === 0 ? 's' : `s/${price}`, { address: value.address, version: value.address });
      await store.port.append({ ...batchOf(event), values: [price === 0 ? value : { ...value, base }] });
    }
    await store.put('s', 'last');
    return store;
  }

  test('and is refused where it would; what it was about to write anew is there as it was', async () => {
    const folder = await newFolder();
    // Never so much that nobody looks again for a while.
    Object.assign(disk, { bytes: 2 ** 30, file: join(folder, 'data.mdb') });
    const store = await changesOfOne(folder, 4);
    const size = await sizeOf(folder);
    expect(size).toBeLessThan(2 * MEGABYTES * 2 ** 20);
    // More than a step was thought to take, and less than one value takes.
    disk.bytes = size + 5 * 2 ** 20;
    await expect(pruneStore(store, { versions: 1, runs: 0 })).rejects.toMatchObject(full);
    expect(await sizeOf(folder)).toBeLessThanOrEqual(disk.bytes);
    expect(await store.value('s/4')).toEqual(table(4));
    // One value at a time, each in a transaction of its own: all four together would not fit.
    disk.bytes = size + 26 * 2 ** 20;
    const steps: number[] = [];
    const report = await pruneStore(store, {
      versions: 1,
      runs: 0,
      onProgress: ({ doing, rows }) => doing === 'values' && steps.push(rows),
    });
    expect(report).toMatchObject({ values: { kept: 5, removed: 1 } });
    expect(report.values.rewritten).toBeGreaterThan(2);
    expect(await sizeOf(folder)).toBeLessThanOrEqual(disk.bytes);
    expect(steps.length).toBeGreaterThan(report.values.rewritten);
    disk.bytes = Infinity;
    expect(await store.value('s/4')).toEqual(table(4));
    await store.close();
    expect(await verifyStore(folder)).toMatchObject({ ok: true });
  });
});
