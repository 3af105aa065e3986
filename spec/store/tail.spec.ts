import { fork } from 'node:child_process';
import { getEventListeners, once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { open } from 'lmdb';
import { describe, expect, test, vi } from 'vitest';
import type { LoggedEvent } from '../../lib/events/logged-event.ts';
import type { Store } from '../../lib/events/store.ts';
import { livePort, type TailOptions } from '../../lib/events/tail.ts';
import { openLmdb } from '../../store/lmdb-environment.ts';
import { openStore } from '../../store/open-store.ts';
import { META, positionKey, type Tables } from '../../store/tables.ts';
import { record } from '../../store/record.ts';
import { thisProcess } from '../../store/process-identity.ts';
import { batchOf, sourceObserved } from '../kit/sample-events.ts';
import { newFolder } from './folder.ts';

const start = (store: Store, options?: TailOptions): AsyncIterator<LoggedEvent> => store.tail(options)[Symbol.asyncIterator]();

const watchers = (): number => process.getActiveResourcesInfo().filter((resource) => resource === 'FSEventWrap').length;

async function append(store: Store, count: number): Promise<void> {
  await store.port.append(batchOf(...Array.from({ length: count }, () => sourceObserved('k'))));
}

/** Changes a store that is closed by hand. */
async function tamper(folder: string, change: (tables: Tables) => void): Promise<void> {
  const environment = await openLmdb(folder, { writable: true, label: 'tampering' });
  environment.transact(() => change(environment.tables));
  await environment.close();
}

describe('a tail of a store on disk', () => {
  test.each(['abort', 'close', 'return'] as const)('leaves no watcher, timer or listener behind after: %s', async (how) => {
    const timers = { made: 0, cleared: 0 };
    const { setInterval: make, clearInterval: clear } = globalThis;
    vi.stubGlobal('setInterval', (...given: Parameters<typeof make>) => ((timers.made += 1), make(...given)));
    vi.stubGlobal('clearInterval', (timer: NodeJS.Timeout) => ((timers.cleared += 1), clear(timer)));
    const store = await openStore(await newFolder());
    const controller = new AbortController();
    const { signal } = controller;
    const tails = [start(store, { signal }), start(store, { signal, cursor: 'a' }), start(store, { signal, from: 1 })];
    const waiting = tails.map((events) => events.next());
    await append(store, 3);
    const [, first, other] = tails;
    await Promise.all(waiting);
    const last = first?.next();
    const pending = other?.next();
    expect([watchers(), getEventListeners(signal, 'abort').length]).toEqual([1, 3]);
    if (how === 'abort') controller.abort();
    if (how === 'close') await store.close();
    if (how === 'return') for (const events of tails) await events.return?.();
    await Promise.all([last, pending]);
    // What the system is told to forget it forgets in the next turn.
    await nextTurn();
    expect([watchers(), getEventListeners(signal, 'abort').length]).toEqual([0, 0]);
    expect(timers).toEqual({ made: 1, cleared: 1 });
    await store.close();
    vi.unstubAllGlobals();
  });

  test('of one hold goes on when another hold is closed, and shares its cursors', async () => {
    const folder = await newFolder();
    const [one, two] = await Promise.all([openStore(folder), openStore(folder)]);
    const [first, second] = [start(one, { cursor: 'c' }), start(two, { from: 1 })];
    const next = [first.next(), second.next()];
    await expect(start(two, { cursor: 'c' }).next()).rejects.toMatchObject({ code: 'STORE_BUSY' });
    await one.close();
    expect((await next[0])?.done).toBe(true);
    await append(two, 1);
    expect((await next[1])?.value).toMatchObject({ position: 1 });
    const third = start(two, { cursor: 'c' });
    expect((await third.next()).value).toMatchObject({ position: 1 });
    expect(watchers()).toBe(1);
    await two.close();
    await nextTurn();
    expect(watchers()).toBe(0);
  });

  test('goes on while the store is opened to write under it', async () => {
    const folder = await newFolder();
    await (await openStore(folder)).close();
    const reader = await openStore(folder, { mode: 'read' });
    const events = start(reader, { from: 1 });
    for (let position = 1; position <= 3; position += 1) {
      const next = events.next();
      const writer = await openStore(folder);
      await append(writer, 1);
      expect((await next).value).toMatchObject({ position });
      await writer.close();
    }
    await reader.close();
  });

  test('is told of the close of its port, also where nothing is written at it', async () => {
    const folder = await newFolder();
    await (await openStore(folder)).close();
    const store = await openStore(folder, { mode: 'read' });
    const waiting = start(store).next();
    let told = 0;
    livePort(store.port).watch(() => (told += 1));
    await nextTurn();
    expect([watchers(), told]).toEqual([1, 0]);
    const closing = store.port.close();
    expect(told).toBe(1);
    await closing;
    expect((await waiting).done).toBe(true);
    await nextTurn();
    expect([watchers(), told]).toEqual([0, 1]);
  });

  test('writes what its reader passed when the store is closed, before it is', async () => {
    const folder = await newFolder();
    const store = await openStore(folder);
    await append(store, 9);
    const events = start(store, { cursor: 'c' });
    for (let count = 0; count < 6; count += 1) await events.next();
    await store.close();
    const again = await openStore(folder);
    expect(await livePort(again.port).cursor('c')).toBe(5);
    expect((await start(again, { cursor: 'c' }).next()).value).toMatchObject({ position: 6 });
    await again.close();
  });
});

describe('a tail of a log that a later version wrote', () => {
  test('gives events of kinds that are not known as they are', async () => {
    const folder = await newFolder();
    const store = await openStore(folder);
    await append(store, 3);
    await store.close();
    const key = positionKey(2);
    await tamper(folder, (tables) => tables.events.putSync(key, record('events', key, ['asset-checked', 'run', 5])));
    const again = await openStore(folder);
    const events = start(again, { from: 1 });
    await events.next();
    expect((await events.next()).value).toEqual({ type: 'unknown', kind: 'asset-checked', position: 2 });
    expect((await events.next()).value).toMatchObject({ position: 3 });
    await again.close();
  });

  test('ends with an error at an event that is not as it was written, and passes those before it', async () => {
    const folder = await newFolder();
    const store = await openStore(folder);
    await append(store, 600);
    await store.close();
    await tamper(folder, (tables) => void tables.events.removeSync(positionKey(550)));
    const again = await openStore(folder);
    const seen: number[] = [];
    const reading = (async () => {
      for await (const { position } of again.tail({ cursor: 'c' })) seen.push(position);
    })();
    await expect(reading).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
    expect(seen).toHaveLength(500);
    expect(await livePort(again.port).cursor('c')).toBe(500);
    await nextTurn();
    expect(watchers()).toBe(0);
    await again.close();
  });
});

describe('a cursor on disk', () => {
  test('needs a store that was opened to write, and says so before the first event', async () => {
    const folder = await newFolder();
    const writer = await openStore(folder);
    await append(writer, 3);
    await livePort(writer.port).setCursor('c', 2);
    const reader = await openStore(folder, { mode: 'read' });
    for (const cursor of ['c', 'd']) await expect(start(reader, { cursor }).next()).rejects.toMatchObject({ code: 'STORE_READ_ONLY' });
    expect(await livePort(reader.port).cursor('c')).toBe(2);
    await Promise.all([reader.close(), writer.close()]);
  });

  test('is not written any more once the lease is lost', async () => {
    const folder = await newFolder();
    const store = await openStore(folder);
    await append(store, 3);
    await livePort(store.port).setCursor('c', 1);
    const taker = await openLmdb(folder, { writable: true, label: 'taking' });
    taker.transact(() => {
      taker.tables.meta.putSync(META.lease, record('meta', META.lease, { ...thisProcess(), pid: 2 ** 30, copy: 'another' }));
      taker.tables.meta.putSync(META.state, record('meta', META.state, [99, 3, 2]));
    });
    await expect(livePort(store.port).setCursor('c', 2)).rejects.toMatchObject({ code: 'STORE_LOCKED' });
    expect(await livePort(store.port).cursor('c')).toBe(1);
    await store.close();
    await taker.close();
  });

  test.each([0, 1, 7, -1])('that is not as it was written is refused (byte %i)', async (byte) => {
    const folder = await newFolder();
    const store = await openStore(folder);
    await append(store, 3);
    await livePort(store.port).setCursor('c', 2);
    await store.close();
    await tamper(folder, (tables) => {
      for (const { key, value } of Array.from(tables.cursors.getRange())) {
        const changed = Buffer.from(value);
        changed[(byte + value.length) % value.length] = (value.at(byte) ?? 0) ^ 1;
        tables.cursors.putSync(key, changed);
      }
    });
    const again = await openStore(folder);
    await expect(livePort(again.port).cursor('c')).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
    await expect(start(again, { cursor: 'c' }).next()).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
    await again.close();
  });

  test("in another's place is refused", async () => {
    const folder = await newFolder();
    const store = await openStore(folder);
    await livePort(store.port).setCursor('c', 0);
    await store.close();
    await tamper(folder, (tables) => {
      for (const { key } of Array.from(tables.cursors.getRange())) tables.cursors.putSync(key, record('cursors', key, ['d', 0]));
    });
    const again = await openStore(folder);
    await expect(livePort(again.port).cursor('c')).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
    await again.close();
  });
});

/** A store as it was made before there were cursors. */
async function oldStore(): Promise<string> {
  const folder = await newFolder();
  const store = await openStore(folder);
  await append(store, 3);
  await store.close();
  const root = open({ path: folder, noSubdir: false, overlappingSync: false, maxDbs: 32 });
  root.openDB('cursors', { encoding: 'binary', keyEncoding: 'binary' }).dropSync();
  expect([...root.getKeys()]).not.toContain('cursors');
  await root.close();
  return folder;
}

describe('a store from before there were cursors', () => {
  test('opened to read has none, until a writer makes one', async () => {
    const folder = await oldStore();
    const store = await openStore(folder, { mode: 'read' });
    expect(await livePort(store.port).cursor('c')).toBeUndefined();
    expect(await store.port.read(1, 10)).toHaveLength(3);
    const script = fileURLToPath(new URL('tail-process.ts', import.meta.url));
    const [code] = (await once(fork(script, ['set a cursor', folder], { execArgv: ['--import', 'tsx'] }), 'exit')) as [number];
    expect(code).toBe(0);
    expect(await livePort(store.port).cursor('c')).toBe(2);
    expect(await livePort(store.port).cursor('d')).toBeUndefined();
    expect(await store.port.read(1, 10)).toHaveLength(3);
    await store.close();
  });

  test('opened to write has a table for them', async () => {
    const store = await openStore(await oldStore());
    const events = start(store, { cursor: 'c' });
    for (const position of [1, 2, 3]) expect((await events.next()).value).toMatchObject({ position });
    await events.return?.();
    expect(await livePort(store.port).cursor('c')).toBe(2);
    await store.close();
  });
});
