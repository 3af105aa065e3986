import { describe, expect, test } from 'vitest';
import { assetsFromGraph, define, graph, input, live, materialize, op, source } from '../../index.ts';
import type { RetentionOptions } from '../../lib/events/retention-options.ts';
import { isRetentionStore } from '../../lib/events/retention.ts';
import type { Store } from '../../lib/events/store.ts';
import type { PruneReport, RetentionStore, StorePort } from '../../lib/events/store-port.ts';
import { StoreError } from '../../lib/kernel/errors.ts';
import { memoryStore } from '../../lib/memory/index.ts';
import { openLmdb } from '../../store/lmdb-environment.ts';
import { readState, writeState } from '../../store/log-state.ts';
import { openStore } from '../../store/open-store.ts';
import { verifyStore } from '../../store/verify.ts';
import { sampleValue, sourceObserved } from '../kit/sample-events.ts';
import { liveDefinitions } from '../torture/live-tape.ts';
import { newFolder } from './folder.ts';

function retaining({ port }: Store): StorePort & RetentionStore {
  if (!isRetentionStore(port)) throw new Error('no store that can forget');
  return port;
}

/** Resolves with the reports as they come. */
class Told {
  readonly reports: PruneReport[] = [];
  #wake: () => void = () => undefined;

  readonly onPruned = (report: PruneReport): void => {
    this.reports.push(report);
    this.#wake();
  };

  async next(): Promise<PruneReport> {
    while (this.reports.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
    const [report] = this.reports.splice(0, 1);
    if (report === undefined) throw new Error('there was one');
    return report;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof StoreError ? error.code : error;
}

/** The numbers that are there; of all others it is said that they were removed. */
async function keptOf(store: Store, versions: number): Promise<readonly unknown[]> {
  const kept: unknown[] = [];
  for (let position = 1; position <= versions; position += 1) {
    const value = await store.value('s', { position }).catch(codeOf);
    if (value !== 'VALUE_REMOVED') kept.push(value);
  }
  return kept;
}

const stores = [
  [
    'on disk',
    async (retention?: RetentionOptions | false): Promise<Store> =>
      openStore(await newFolder(), { ...(retention !== undefined && { retention }) }),
  ],
  [
    'in memory',
    async (retention?: RetentionOptions | false): Promise<Store> => memoryStore({ ...(retention !== undefined && { retention }) }),
  ],
] as const;

const turnOfLoop = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a store that forgets by itself', () => {
  test.each(stores)('does it when enough was added, again and again (%s)', async (_, open) => {
    const told = new Told();
    const store = await open({ versions: 2, every: 20, onPruned: told.onPruned });
    for (let value = 1; value <= 9; value += 1) await store.put('s', value);
    await turnOfLoop();
    expect(told.reports).toEqual([]);
    await store.put('s', 10);
    expect(await told.next()).toMatchObject({ values: { kept: 2, removed: 8 } });
    for (let value = 11; value <= 20; value += 1) await store.put('s', value);
    expect(await told.next()).toMatchObject({ values: { kept: 2, removed: 10 } });
    expect(await keptOf(store, 20)).toEqual([19, 20]);
    await store.close();
  });

  test.each(stores)('keeps 100 versions where nothing is said, and every one where it is told to (%s)', async (_, open) => {
    const told = new Told();
    const stores = [await open({ onPruned: told.onPruned }), await open(), await open(false)];
    for (let first = 0; first < 5000; first += 1000) {
      const values = Array.from({ length: 1000 }, (_unused, index) => first + index);
      const stored = values.map(sampleValue);
      const events = stored.map(({ address }) => sourceObserved('s', { address, version: address }));
      for (const store of stores) await store.port.append({ events, values: stored });
    }
    expect(await told.next()).toMatchObject({ values: { kept: 100, removed: 4900 } });
    const [first, last] = [sampleValue(0).address, sampleValue(4999).address];
    // The second one says nothing to anybody, so it is asked.
    while ((await retaining(stores[1] as Store).has([first]))[0] === true) await turnOfLoop();
    expect(await Promise.all(stores.map(({ port }) => port.has([first, last])))).toEqual([
      [false, true],
      [false, true],
      [true, true],
    ]);
    for (const store of stores) await store.close();
  });

  test.each(stores)('removes nothing while a run goes on, and does it after that (%s)', async (_, open) => {
    const told = new Told();
    const store = await open({ versions: 1, runs: 0, every: 1, onPruned: told.onPruned });
    const kept: (readonly boolean[])[] = [];
    const addresses = Array.from({ length: 20 }, (_unused, turn) => sampleValue(turn).address);
    const slow = op({
      name: 'slow',
      inputs: { s: input<number>() },
      run: async ({ s }) => {
        for (let turn = 0; turn < 20; turn += 1) {
          await store.put('other', turn);
          for (let more = 0; more < 5; more += 1) await turnOfLoop();
        }
        kept.push(await store.port.has(addresses));
        return s;
      },
    });
    const made = graph('made', { inputs: { s: input<number>() } }, ({ s }) => slow({ s }));
    const defs = define({ assets: [source<number>('s'), source<number>('other'), assetsFromGraph(made)] });
    await materialize(defs, { store, sources: { s: 'one' } });
    expect(kept).toEqual([addresses.map(() => true)]);
    // What was appended while it was at it waits for the next time, which a later append begins.
    for (let value = 0; (await store.port.has(addresses)).filter(Boolean).length > 1; value += 1) {
      await store.put('s', value);
      await turnOfLoop();
    }
    expect(await store.value('other')).toBe(19);
    await store.close();
  });

  test.each(stores)('removes between two epochs of a service, and takes nothing from it (%s)', async (_, open) => {
    const told = new Told();
    const store = await open({ versions: 1, every: 50, onPruned: told.onPruned });
    const service = await live(liveDefinitions(), { store });
    for (let item = 0; item < 100; item += 1) await service.push('x', item % 17);
    const removed = told.reports.reduce((sum, { values }) => sum + values.removed, 0);
    expect(removed).toBeGreaterThan(100);
    expect(await service.current('summed')).toMatchObject({
      state: 'value',
      value: '785 after 100',
    });
    await service.close();
    await store.close();
  });

  test.each(stores)('is nobody whom a run has to wait for, or is refused for (%s)', async (_, open) => {
    const pruned: PruneReport[] = [];
    const store = await open({ versions: 1, every: 1, onPruned: (report) => pruned.push(report) });
    for (let value = 0; value < 100; value += 1) {
      await store.put('s', value);
      (await store.turn('error'))();
    }
    expect(pruned.length).toBeGreaterThan(2);
    await store.close();
  });

  test.each(stores)('tells what failed, and tries again later; what was appended is there (%s)', async (_, open) => {
    const failures: unknown[] = [];
    const pruned: PruneReport[] = [];
    const reason = new Error('told too much');
    const onPruned = (report: PruneReport): void => {
      pruned.push(report);
      if (pruned.length === 1) throw reason;
    };
    const store = await open({ versions: 1, every: 4, onPruned, onFailure: (error) => failures.push(error) });
    for (let value = 0; pruned.length < 3; value += 1) {
      await store.put('s', value);
      await turnOfLoop();
    }
    expect(failures).toEqual([reason]);
    await store.close();
  });

  test.each(stores)('lets go of the store soon where it is closed in the middle (%s)', async (_, open) => {
    const failures: unknown[] = [];
    const store = await open({ versions: 1, every: 1000, onFailure: (error) => failures.push(error) });
    const stored = Array.from({ length: 600 }, (_unused, value) => sampleValue(value));
    await store.port.append({ events: stored.map(({ address }) => sourceObserved('s', { address, version: address })), values: stored });
    const release = await store.turn('queue');
    for (let turn = 0; turn < 20; turn += 1) await turnOfLoop();
    // Nobody lets go of the turn before the store is closed.
    await store.close();
    release();
    expect(failures).toEqual([]);
  });

  test.each(stores)('refuses a retention that it would misread (%s)', async (_, open) => {
    for (const retention of [true, 3, { versions: 0 }, { runs: -1 }, { every: 0 }, { keep: 1 }, { onFailure: 1 }])
      await expect(async () => open(retention as never)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });
});

describe('a store on disk that forgets by itself', () => {
  /** In one batch: what comes later comes after it was looked for. */
  const put = async (store: Store, count: number, from: number): Promise<void> => {
    const stored = Array.from({ length: count }, (_unused, index) => sampleValue(from + index));
    await store.port.append({ events: stored.map(({ address }) => sourceObserved('s', { address, version: address })), values: stored });
  };

  test('counts what was added from one process to the next, and begins anew after that', async () => {
    const folder = await newFolder();
    const told = new Told();
    const open = (): Promise<Store> => openStore(folder, { retention: { versions: 1, every: 8, onPruned: told.onPruned } });
    for (let from = 0; from < 6; from += 3) {
      const store = await open();
      await put(store, 3, from);
      await store.close();
    }
    expect(told.reports).toEqual([]);
    let store = await open();
    await put(store, 1, 6);
    expect(await told.next()).toMatchObject({ values: { kept: 1, removed: 6 } });
    await store.close();
    store = await open();
    await put(store, 3, 7);
    await store.close();
    expect(told.reports).toEqual([]);
    store = await open();
    await put(store, 4, 10);
    expect(await told.next()).toMatchObject({ values: { kept: 1, removed: 7 } });
    await store.close();
    expect(await verifyStore(folder)).toMatchObject({ ok: true });
  });

  test('keeps what any of those keeps who have it open', async () => {
    const folder = await newFolder();
    const told = new Told();
    const one = await openStore(folder, { retention: { versions: 1, every: 4, onPruned: told.onPruned } });
    const three = await openStore(folder, { retention: { versions: 3, every: 4 } });
    const never = await openStore(folder, { retention: false });
    await put(one, 10, 0);
    for (let turn = 0; turn < 50; turn += 1) await turnOfLoop();
    expect(told.reports).toEqual([]);
    await never.close();
    await put(one, 2, 10);
    expect(await told.next()).toMatchObject({ values: { kept: 3, removed: 9 } });
    await three.close();
    // As much has to come as it looked at, and to stop each time, so that nothing comes while it looks.
    for (let value = 12; told.reports.length === 0; value += 1) {
      await put(one, 1, value);
      for (let turn = 0; turn < 50; turn += 1) await turnOfLoop();
    }
    expect(await told.next()).toMatchObject({ values: { kept: 1 } });
    await one.close();
  });

  test('looks only at what the last time left and what came since, at no row of what was removed', async () => {
    const folder = await newFolder();
    const told = new Told();
    const store = await openStore(folder, { retention: { versions: 2, every: 4000, onPruned: told.onPruned } });
    const rowsOfPrune = async (): Promise<number> => {
      let rows = 0;
      await retaining(store).prune({
        versions: 2,
        runs: 20,
        logsOfRuns: undefined,
        signal: undefined,
        onProgress: (progress) => {
          if (progress.doing === 'values') rows = progress.rows;
        },
      });
      return rows;
    };
    await put(store, 300, 0);
    expect(await rowsOfPrune()).toBe(300);
    await put(store, 5, 300);
    expect(await rowsOfPrune()).toBe(2 + 5);
    // What was removed and has come again is one of them.
    await put(store, 1, 7);
    expect(await rowsOfPrune()).toBe(2 + 1);
    // At the position where it was first, too.
    expect(await keptOf(store, 306)).toEqual([7, 304, 7]);
    await store.close();
    expect(await verifyStore(folder)).toMatchObject({ ok: true });
  });

  test('tells that somebody else has taken the store over, and removes nothing', async () => {
    const folder = await newFolder();
    const failures: unknown[] = [];
    const retention = { versions: 1, every: 100, onFailure: (error: unknown) => failures.push(error) };
    const store = await openStore(folder, { retention });
    const stored = Array.from({ length: 60 }, (_unused, value) => sampleValue(value));
    const release = await store.turn('queue');
    await store.port.append({ events: stored.map(({ address }) => sourceObserved('s', { address, version: address })), values: stored });
    const other = await openLmdb(folder, { writable: true, label: 'taking over' });
    other.transact(() => {
      const state = readState(other.tables, 'taking over');
      writeState(other.tables, { ...state, epoch: state.epoch + 1 });
    });
    release();
    while (failures.length === 0) await turnOfLoop();
    expect(failures).toMatchObject([{ code: 'STORE_LOCKED' }]);
    expect(await store.port.has(stored.map(({ address }) => address))).toEqual(stored.map(() => true));
    await other.close();
    await store.close();
  });
});
