import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isReadable, type LoggedEvent, type NewEvent, type RunMode } from '../../lib/events/logged-event.ts';
import { pruneStore, type PruneOptions } from '../../lib/events/prune.ts';
import type { Store } from '../../lib/events/store.ts';
import type { AppendBatch, PruneProgress, RetentionStore, StoredValue, StorePort } from '../../lib/events/store-port.ts';
import { decodeValue } from '../../lib/kernel/value/decode.ts';
import { memoryStore } from '../../lib/memory/index.ts';
import { openLmdb } from '../../store/lmdb-environment.ts';
import { readState, writeState } from '../../store/log-state.ts';
import { openStore } from '../../store/open-store.ts';
import { openValueRow, valueKey } from '../../store/value-rows.ts';
import { verifyStore } from '../../store/verify.ts';
import { hookFailed, logLine, materialized, runEnded, runStarted, sampleValue, sourceObserved, stepSettled } from '../kit/sample-events.ts';
import { anyVersions, ballast } from './any-version.ts';
import { newFolder } from './folder.ts';

type Kept = StorePort & RetentionStore;

function retaining({ port }: Store): Kept {
  if (!('prune' in port) || !('removed' in port)) throw new Error('no store that can forget');
  // Both stores that are tested here can.
  return port as Kept;
}

/** A version of a source. */
function version(key: string, value: unknown, base?: string): AppendBatch {
  const { address, bytes } = sampleValue(value);
  const stored: StoredValue = base === undefined ? { address, bytes } : { address, bytes, base };
  return { events: [sourceObserved(key, { address, version: address })], values: [stored] };
}

const addressOf = (value: unknown): string => sampleValue(value).address;

async function isKept(store: Store, value: unknown): Promise<boolean> {
  const [bytes] = await store.port.values([addressOf(value)]);
  return bytes !== undefined && isDeepStrictEqual(decodeValue(bytes), value);
}

/** What R3 says, read from its words: every event, for every value, asked whether it is a reason to keep it. */
function neededIn(log: readonly LoggedEvent[], { versions = 100, runs = 20 }: PruneOptions): ReadonlySet<string> {
  const needed = new Set<string>();
  const keep = (event: LoggedEvent | undefined): void => {
    if (event === undefined) return;
    if ('address' in event && event.address !== null) needed.add(event.address);
    if (event.type !== 'step-settled') return;
    for (const { address } of event.outputs) if (address !== null) needed.add(address);
    if (event.stateAddress !== null) needed.add(event.stateAddress);
  };
  const keys = new Set(log.flatMap((event) => ('key' in event ? [event.key] : [])));
  for (const key of keys) {
    const told = log.filter((event) => (event.type === 'source-observed' || event.type === 'asset-materialized') && event.key === key);
    const changes = told.filter((event, index) => {
      const before = told[index - 1];
      return !('version' in event) || before === undefined || !('version' in before) || before.version !== event.version;
    });
    const oldest = changes.at(-versions)?.position ?? 0;
    for (const event of told) if (event.position >= oldest) keep(event);
  }
  const settled = log.filter((event) => event.type === 'step-settled');
  for (const { step } of settled) keep(settled.findLast((event) => event.step === step));
  const starts = log.filter((event) => event.type === 'run-started');
  // A live service is no run that anybody takes up again.
  const ids = runs === 0 ? [] : starts.flatMap(({ mode, runId }) => (mode === 'live' ? [] : [runId])).slice(-runs);
  for (const event of log) {
    if (!('runId' in event) || event.runId === null || !ids.includes(event.runId)) continue;
    keep(event);
    if (event.type === 'step-settled') for (const { position } of event.inputs) keep(log[(position ?? 0) - 1]);
  }
  // Found with a service that started behind an open run: that one is the last run all the same.
  const last = starts.findLast(({ mode }) => mode !== 'live')?.runId ?? '';
  const isOver = (runId: string): boolean => log.some((event) => event.type === 'run-ended' && event.runId === runId);
  const steps = new Set(settled.map(({ step }) => step));
  for (const started of log) {
    if (started.type !== 'run-started' || started.mode === 'live') continue;
    const isKeptRun = ids.includes(started.runId) || (started.runId === last && !isOver(last));
    for (const step of isKeptRun ? steps : []) {
      const before = settled.findLast((event) => event.step === step && event.position <= started.readsAt)?.stateAddress;
      // What keeps no state any more starts from none.
      const keepsState = typeof settled.findLast((event) => event.step === step)?.stateAddress === 'string';
      if (keepsState && typeof before === 'string') needed.add(before);
    }
  }
  for (const started of log) {
    // Of an older run that has not ended nobody knows; its process is gone.
    if (started.type !== 'run-started' || started.mode === 'live' || ![last, ...ids].includes(started.runId)) continue;
    if (isOver(started.runId)) continue;
    for (const key of keys) keep(log.findLast((event) => event.position <= started.readsAt && isReadable(event) && event.key === key));
  }
  return needed;
}

interface Step {
  readonly batch?: AppendBatch;
  readonly prune?: PruneOptions;
  readonly reopen?: true;
}

const FROM_ASSET = { from: 'asset', key: 'a' } as const;
const FROM_STEP = { from: 'step', definition: 'graph', step: 'step 0', output: 'result' } as const;

let runCount = 0;
let openCount = 0;

/** A run that reads a source, or what a step gave, at some position, and makes an asset; it may leave a state, or be of a live service, which goes on. */
function runOf(value: unknown, step: string, readAt: number, { state, readsAt, mode = 'materialize' }: KindOfRun = {}): AppendBatch {
  const runId = `run ${(runCount += 1)}`;
  const left = state === undefined ? undefined : sampleValue(state);
  const made = sampleValue(value);
  const inputs = [
    { input: 'x', kind: 'value', origin: readAt % 2 === 0 ? FROM_ASSET : FROM_STEP, state: { state: 'absent' }, position: readAt },
  ] as const;
  const outputs = [{ output: 'result', state: { state: 'value', version: made.address }, address: made.address }] as const;
  // A key as any user would write it.
  const stateAddress = left?.address ?? null;
  const settled = stepSettled({ runId, step, outputs, inputs: readAt === 0 ? [] : (inputs as never), stateAddress });
  const started = runStarted({ runId, mode, ...(readsAt !== undefined && { readsAt }) });
  const ended = mode === 'live' ? logLine({ runId }) : runEnded({ runId });
  const events: readonly NewEvent[] = [started, logLine({ runId }), settled, ended];
  return { events, values: left === undefined ? [made] : [made, left] };
}

interface KindOfRun {
  readonly state?: unknown;
  /** 0 by default. */
  readonly readsAt?: number;
  readonly mode?: RunMode;
}

const anyHistory: fc.Arbitrary<readonly Step[]> = fc
  .tuple(
    anyVersions(6),
    fc.infiniteStream(fc.nat()),
    fc.array(fc.constantFrom('a', 'a', 'a', 'b', 'run', 'run', 'live', 'open run', 'prune', 'prune', 'reopen', 'again'), {
      minLength: 4,
      maxLength: 20,
    }),
  )
  .map(([versions, numbers, deeds]) => {
    const latest = new Map<string, string>();
    let events = 0;
    const observe = (key: string, value: unknown): Step => {
      const base = latest.get(key);
      latest.set(key, addressOf(value));
      events += 1;
      return { batch: version(key, value, base) };
    };
    return deeds.map((deed, index): Step => {
      const [number = 0] = numbers.take(1);
      const value = versions[index % versions.length];
      if (deed === 'open run') {
        // The one before has ended: its process would have done that, or the next one.
        const last = `open ${openCount}`;
        const runId = `open ${(openCount += 1)}`;
        events += 2;
        return { batch: { events: [runEnded({ runId: last }), runStarted({ runId, readsAt: events - 2 })], values: [] } };
      }
      if (deed === 'reopen') return { reopen: true };
      if (deed === 'prune') return { prune: { versions: 1 + (number % 3), runs: (number >> 2) % 3 } };
      if (deed === 'run' || deed === 'live') {
        const batch = runOf(
          ['made', number % 5, ...ballast(10)],
          `step ${number % 2}`,
          number % 2 === 0 || events === 0 ? 0 : 1 + (number % events),
          {
            mode: deed === 'live' ? 'live' : 'materialize',
            readsAt: events - (number % 7 > events ? 0 : number % 7),
            ...(number % 5 > 0 && { state: ['state', index] }),
          },
        );
        events += 4;
        return { batch };
      }
      return observe(deed === 'b' ? 'b' : 'a', deed === 'again' ? versions[number % versions.length] : value);
    });
  });

async function play(steps: readonly Step[]): Promise<void> {
  const folder = await newFolder();
  let disk = await openStore(folder);
  const memory = memoryStore();
  const values = new Map<string, string>();
  let gone = new Set<string>();
  for (const { batch, prune, reopen } of steps) {
    if (reopen) {
      await disk.close();
      disk = await openStore(folder);
    }
    for (const { address, bytes } of batch?.values ?? []) {
      values.set(address, Buffer.from(bytes).toString('hex'));
      gone.delete(address);
    }
    for (const store of [disk, memory]) {
      if (batch !== undefined) await store.port.append(batch);
      if (prune !== undefined) await pruneStore(store, prune);
    }
    const log = await disk.port.read(1, Infinity);
    const needed = prune === undefined ? undefined : neededIn(log, prune);
    if (needed !== undefined) gone = new Set([...values.keys()].filter((address) => gone.has(address) || !needed.has(address)));
    for (const store of [disk, memory]) {
      const read = await store.port.values([...values.keys()]);
      expect(read.map((bytes) => bytes && Buffer.from(bytes).toString('hex'))).toEqual(
        [...values].map(([address, hex]) => (gone.has(address) ? undefined : hex)),
      );
      expect((await retaining(store).removed([...values.keys()])).map((removed) => removed !== undefined)).toEqual(
        [...values.keys()].map((address) => gone.has(address)),
      );
    }
  }
  await disk.close();
  expect(await verifyStore(folder)).toMatchObject({ ok: true });
}

describe('a prune', () => {
  test('removes exactly what nothing needs, on disk and in memory, whatever was recorded before and after', async () => {
    await fc.assert(fc.asyncProperty(anyHistory, play), { numRuns: 25 });
  });

  const stores = [
    ['on disk', async (): Promise<Store> => openStore(await newFolder())],
    ['in memory', async (): Promise<Store> => memoryStore()],
  ] as const;

  test.each(stores)('keeps the last versions, tells of the others, and brings one back that is recorded again (%s)', async (_, open) => {
    const store = await open();
    // The last value twice, as runs record it: that is one version.
    for (const value of [1, 2, 3, 4, 4]) await store.port.append(version('s', value));
    const report = await pruneStore(store, { versions: 2 });
    expect(report).toMatchObject({ values: { kept: 2, removed: 2 }, events: { removed: 0 } });
    expect(Object.isFrozen(report) && Object.isFrozen(report.values)).toBe(true);
    expect(await Promise.all([1, 2, 3, 4].map((value) => isKept(store, value)))).toEqual([false, false, true, true]);
    await expect(store.value('s', { position: 1 })).rejects.toMatchObject({
      code: 'VALUE_REMOVED',
      message: expect.stringContaining('The value of "s" at position 1') as string,
      details: { key: 's', position: 1, reason: 'retention', removedAt: 5 },
    });
    expect(await store.value('s', { position: 3 })).toBe(3);
    await store.put('s', 1);
    expect(await store.value('s', { position: 1 })).toBe(1);
    expect(await retaining(store).removed([addressOf(1), addressOf(2), addressOf('never')])).toEqual([
      undefined,
      { reason: 'retention', size: sampleValue(2).bytes.length, head: 5 },
      undefined,
    ]);
    await store.close();
  });

  test.each(stores)('keeps what is appended or referred to while it is under way (%s)', async (_, open) => {
    const store = await open();
    for (let value = 0; value < 12; value += 1) await store.port.append(version('s', value));
    let turn = 0;
    const appended: Promise<unknown>[] = [];
    const appendOne = (): void => {
      turn += 1;
      // Half of them with the bytes, half only with an event that refers to what is there.
      const batch = version(`other ${turn}`, turn);
      if (turn < 8) appended.push(store.port.append(turn % 2 === 0 ? batch : { events: batch.events, values: [] }));
    };
    await pruneStore(store, { versions: 1, onProgress: appendOne });
    await Promise.all(appended);
    expect(turn).toBeGreaterThan(1);
    const during = Array.from({ length: Math.min(turn, 7) }, (_unused, index) => index + 1);
    // The last one may have come when all was done.
    for (const value of during.slice(0, -1)) {
      // An event alone may come too late for a value that was removed already; the value itself never does.
      const [removed] = await retaining(store).removed([addressOf(value)]);
      expect(await isKept(store, value)).toBe(value % 2 === 0 || removed === undefined);
    }
    expect(await isKept(store, 11)).toBe(true);
    await store.close();
  });

  test.each(stores)('keeps of a live service no more than its traces, whether it goes on or has ended (%s)', async (_, open) => {
    const store = await open();
    await store.port.append(version('a', 'read'));
    await store.port.append(runOf('of the run before', 'step 0', 1));
    await store.port.append(version('a', 'as it began'));
    const runId = 'live';
    const readsAt = await store.port.head();
    await store.port.append({ events: [runStarted({ runId, mode: 'live', readsAt })], values: [] });
    const kept = async (runs: number): Promise<readonly string[]> => {
      await pruneStore(store, { versions: 1, runs });
      const values = ['read', 'of the run before', 'as it began', 'first epoch', 'second epoch', 'latest'];
      const found = await Promise.all(values.map((value) => isKept(store, value)));
      return values.filter((_value, index) => found[index]);
    };
    for (const value of ['first epoch', 'second epoch']) {
      const { address, bytes } = sampleValue(value);
      const outputs = [{ output: 'result', state: { state: 'value', version: address }, address }] as const;
      const events = [stepSettled({ runId, step: 'step 1', outputs }), stepSettled({ runId, step: 'step 0', outputs })];
      await store.port.append({ events, values: [{ address, bytes }] });
    }
    await store.port.append(version('a', 'latest'));
    expect(await kept(1)).toEqual(['read', 'of the run before', 'second epoch', 'latest']);
    await store.port.append({ events: [runEnded({ runId })], values: [] });
    expect(await kept(1)).toEqual(['read', 'of the run before', 'second epoch', 'latest']);
    expect(await kept(0)).toEqual(['second epoch', 'latest']);
    await store.close();
  });

  test.each(stores)('looks beyond any number of live services for the last runs (%s)', async (_, open) => {
    const store = await open();
    await store.port.append(runOf('made', 'step 0', 0));
    await store.port.append(runOf('trace', 'step 0', 0));
    for (let live = 0; live < 40; live += 1)
      await store.port.append({
        events: [runStarted({ runId: `live ${live}`, mode: 'live' }), runEnded({ runId: `live ${live}` })],
        values: [],
      });
    await pruneStore(store, { versions: 1, runs: 2 });
    expect(await isKept(store, 'made')).toBe(true);
    await pruneStore(store, { versions: 1, runs: 1 });
    expect([await isKept(store, 'made'), await isKept(store, 'trace')]).toEqual([false, true]);
    await store.close();
  });

  test.each(stores)(
    'keeps what the last runs made and read, what traces refer to, and what an open run may yet read (%s)',
    async (_, open) => {
      const store = await open();
      for (const value of ['read', 'unread']) await store.port.append(version('a', value));
      await store.port.append(runOf('made long ago', 'step 1', 0));
      await store.port.append(runOf('trace', 'step 0', 0));
      await store.port.append(runOf('made', 'step 1', 1));
      await store.port.append(runOf('trace', 'step 1', 0));
      await store.port.append(version('a', 'pinned'));
      const readsAt = await store.port.head();
      await store.port.append({ events: [runStarted({ runId: 'open', readsAt })], values: [] });
      for (const value of ['newer', 'newest']) await store.port.append(version('a', value));
      const kept = async (runs: number): Promise<readonly string[]> => {
        await pruneStore(store, { versions: 1, runs });
        const values = ['read', 'unread', 'made long ago', 'trace', 'made', 'pinned', 'newer', 'newest'];
        const found = await Promise.all(values.map((value) => isKept(store, value)));
        return values.filter((_value, index) => found[index]);
      };
      expect(await kept(3)).toEqual(['read', 'trace', 'made', 'pinned', 'newest']);
      expect(await kept(0)).toEqual(['trace', 'pinned', 'newest']);
      await store.port.append({ events: [runEnded({ runId: 'open' })], values: [] });
      expect(await kept(0)).toEqual(['trace', 'newest']);
      await store.close();
    },
  );

  test.each(stores)('keeps what only an event refers to that came while it looked for what is needed (%s)', async (_, open) => {
    const store = await open();
    for (const value of [1, 2, 3]) await store.put('s', value);
    const appended: Promise<unknown>[] = [];
    const onProgress = (): void => {
      // A moment later: while it is at it.
      if (appended.length === 0)
        appended.push(Promise.resolve().then(() => store.port.append({ events: version('t', 1).events, values: [] })));
    };
    await pruneStore(store, { versions: 1, onProgress });
    await Promise.all(appended);
    expect(await Promise.all([1, 2, 3].map((value) => isKept(store, value)))).toEqual([true, false, true]);
    expect(await store.value('t')).toBe(1);
    await store.close();
  });

  test.each(stores)('stops when it is aborted, or its listener throws, and goes on the next time (%s)', async (_, open) => {
    const store = await open();
    for (let value = 0; value < 5; value += 1) await store.put('s', value);
    const reason = new Error('enough');
    await expect(pruneStore(store, { versions: 1, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const listener = (): never => {
      throw reason;
    };
    await expect(pruneStore(store, { versions: 1, onProgress: listener })).rejects.toBe(reason);
    const controller = new AbortController();
    await expect(pruneStore(store, { versions: 1, signal: controller.signal, onProgress: () => controller.abort(reason) })).rejects.toBe(
      reason,
    );
    expect(await pruneStore(store, { versions: 1 })).toMatchObject({ values: { kept: 1, removed: 4 } });
    await store.close();
  });

  test.each(stores)('refuses options that it would misread (%s)', async (_, open) => {
    const store = await open();
    const options: readonly object[] = [{ versions: 0 }, { versions: 1.5 }, { runs: -1 }, { logsOfRuns: '1' }, { keep: 1 }];
    for (const each of options) await expect(pruneStore(store, each)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    await expect(pruneStore(undefined as never)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    const { port } = store;
    const plain = { ...store, port: { label: port.label } } as never;
    await expect(pruneStore(plain)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    await store.close();
    await expect(pruneStore(store)).rejects.toMatchObject({ code: 'STORE_CLOSED' });
  });

  test.each(stores)('removes what old runs logged where it is asked to, and leaves every position (%s)', async (_, open) => {
    const store = await open();
    const run = (runId: string): readonly NewEvent[] => [
      runStarted({ runId }),
      logLine({ runId }),
      hookFailed({ runId }),
      materialized('a', { runId, address: null }),
      runEnded({ runId }),
    ];
    for (const runId of ['one', 'two', 'three']) await store.port.append({ events: run(runId), values: [] });
    const before = await store.port.read(1, 100);
    expect(await pruneStore(store)).toMatchObject({ events: { removed: 0 } });
    expect(await store.port.read(1, 100)).toStrictEqual(before);
    expect(await pruneStore(store, { logsOfRuns: 1 })).toMatchObject({ events: { removed: 4 } });
    const after = await store.port.read(1, 100);
    expect(after).toStrictEqual(
      before.map((event) => {
        const isOld = event.position <= 10 && (event.type === 'log-line' || event.type === 'hook-failed');
        return isOld ? { type: 'removed', kind: event.type, position: event.position } : event;
      }),
    );
    expect(after.every(Object.isFrozen)).toBe(true);
    expect(await pruneStore(store, { logsOfRuns: 0 })).toMatchObject({ events: { removed: 2 } });
    expect(await pruneStore(store, { logsOfRuns: 0 })).toMatchObject({ events: { removed: 0 } });
    await store.close();
  });

  test.each(stores)('counts no live service among the runs whose logs are kept (%s)', async (_, open) => {
    const store = await open();
    const append = (runId: string, mode: 'materialize' | 'live') =>
      store.port.append({ events: [runStarted({ runId, mode }), logLine({ runId }), runEnded({ runId })], values: [] });
    await append('service', 'live');
    await append('one', 'materialize');
    // There is one run, so nothing is older than the last two.
    expect(await pruneStore(store, { logsOfRuns: 2 })).toMatchObject({ events: { removed: 0 } });
    for (const runId of ['started again', 'and again']) await append(runId, 'live');
    expect(await pruneStore(store, { logsOfRuns: 1 })).toMatchObject({ events: { removed: 1 } });
    const kept = (await store.port.read(1, 100)).flatMap((event) => (event.type === 'log-line' ? [event.runId] : []));
    expect(kept).toEqual(['one', 'started again', 'and again']);
    await store.close();
  });
});

describe('a prune on disk', () => {
  const table = (price: number): readonly unknown[] => [...ballast(400), { price }];

  async function kindsIn(folder: string, values: readonly unknown[]): Promise<readonly (string | undefined)[]> {
    const environment = await openLmdb(folder, { writable: false, label: 'looking' });
    const kinds = values.map((value) => {
      const row = environment.tables.values.get(valueKey(addressOf(value)));
      return row === undefined ? undefined : openValueRow(row, valueKey(addressOf(value)), 'looking').kind;
    });
    await environment.close();
    return kinds;
  }

  async function appendChain(store: Store, prices: readonly number[]): Promise<void> {
    let base: string | undefined;
    for (const price of prices) {
      await store.port.append(version('s', table(price), base));
      base = addressOf(table(price));
    }
  }

  test('keeps in full what was a change of a value that it removes', async () => {
    const folder = await newFolder();
    const store = await openStore(folder);
    await appendChain(store, [1, 2, 3, 4, 5]);
    expect(await pruneStore(store, { versions: 2 })).toMatchObject({ values: { kept: 2, removed: 3, rewritten: 1 } });
    expect(await Promise.all([1, 2, 3, 4, 5].map((price) => isKept(store, table(price))))).toEqual([false, false, false, true, true]);
    await store.close();
    expect(await kindsIn(folder, [1, 2, 3, 4, 5].map(table))).toEqual(['removed', 'removed', 'removed', 'whole', 'patch']);
    expect(await verifyStore(folder)).toMatchObject({ ok: true });
  });

  test.each(['mark', 'values'] as const)(
    'keeps what becomes a change of a value that nothing needed, while it is under way (%s)',
    async (when) => {
      const folder = await newFolder();
      const store = await openStore(folder);
      await appendChain(store, [1, 2]);
      await store.put('s', 'last');
      const appended: Promise<unknown>[] = [];
      const onProgress = ({ doing }: PruneProgress): void => {
        if (doing === when && appended.length === 0) appended.push(store.port.append(version('t', table(3), addressOf(table(2)))));
      };
      await pruneStore(store, { versions: 1, onProgress });
      await Promise.all(appended);
      expect(appended.length).toBe(1);
      expect(await isKept(store, table(3))).toBe(true);
      await store.close();
      expect(await kindsIn(folder, [table(3)])).toEqual(['patch']);
      expect(await verifyStore(folder)).toMatchObject({ ok: true });
    },
  );

  test('gives the room of parts back', async () => {
    const folder = await newFolder();
    const store = await openStore(folder);
    const large = (seed: number): Uint8Array => Uint8Array.from({ length: 1_000_000 }, (_, index) => (index * seed) % 251);
    for (let seed = 1; seed <= 40; seed += 1) {
      await store.put('s', large(seed));
      if (seed % 4 === 0) await pruneStore(store, { versions: 4 });
    }
    await store.close();
    const live = 4 * 1_000_000;
    // Before each prune there is twice as much as after it, and its transactions copy pages before any are free.
    expect((await stat(join(folder, 'data.mdb'))).size).toBeLessThan(2 * (2 * live));
    expect(await verifyStore(folder)).toMatchObject({ ok: true, tables: { chunks: 4 * 16 } });
  });

  test('of a store that is open to read is refused, and after the lease was lost changes nothing', async () => {
    const folder = await newFolder();
    const store = await openStore(folder);
    for (const value of [1, 2, 3]) await store.put('s', value);
    const reader = await openStore(folder, { mode: 'read' });
    await expect(pruneStore(reader, { versions: 1 })).rejects.toMatchObject({ code: 'STORE_READ_ONLY' });
    await reader.close();
    const other = await openLmdb(folder, { writable: true, label: 'taking over' });
    other.transact(() => {
      const state = readState(other.tables, 'taking over');
      writeState(other.tables, { ...state, epoch: state.epoch + 1 });
    });
    await expect(pruneStore(store, { versions: 1 })).rejects.toMatchObject({ code: 'STORE_LOCKED' });
    expect(await isKept(store, 1)).toBe(true);
    await other.close();
    await store.close();
  });
});
