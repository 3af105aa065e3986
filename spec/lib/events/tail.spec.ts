import { getEventListeners } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LoggedEvent } from '../../../lib/events/logged-event.ts';
import { createStore, type Store } from '../../../lib/events/store.ts';
import type { LivePort } from '../../../lib/events/store-port.ts';
import { Tailing, type TailOptions } from '../../../lib/events/tail.ts';
import { CursorClaims } from '../../../lib/events/tail-cursor.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { StoreError } from '../../../lib/kernel/errors.ts';
import { untyped } from '../../operators/rig/untyped.ts';
import { appendSome, countedPort, positions, range } from './tail-rig.ts';

/** A store on a port, with a clock that a test moves. */
function storeOn(port: LivePort): { readonly store: Store; readonly clock: { now: number } } {
  const clock = { now: 1_000_000 };
  return { store: createStore(port, { now: () => clock.now }), clock };
}

const start = (store: Store, options?: TailOptions): AsyncIterator<LoggedEvent> => store.tail(options)[Symbol.asyncIterator]();

const full = (): Promise<never> => Promise.reject(new StoreError('STORE_FULL', 'The disk is full.'));

describe('a tail', () => {
  test('reads a page when it is asked for one, and not before', async () => {
    const port = countedPort();
    await appendSome(port, 1200);
    const events = start(storeOn(port).store, { from: 1 });
    expect(await positions(events, 500)).toEqual(range(1, 500));
    await nextTurn();
    expect(port.reads).toEqual([{ from: 1, limit: 500 }]);
    await positions(events, 1);
    expect(port.reads).toEqual([
      { from: 1, limit: 500 },
      { from: 501, limit: 500 },
    ]);
    await events.return?.();
  });

  test('asks nothing of the store while nothing changes', async () => {
    const port = countedPort();
    const events = start(storeOn(port).store, { from: 1 });
    const next = events.next();
    for (let turn = 0; turn < 5; turn += 1) await nextTurn();
    expect(port.reads).toHaveLength(1);
    await appendSome(port, 1);
    expect((await next).value).toMatchObject({ position: 1 });
    expect(port.reads).toHaveLength(2);
    await events.return?.();
  });

  test('asks nothing of the store before its first event is asked for, but where the end is', async () => {
    const port = countedPort();
    const { store } = storeOn(port);
    store.tail({ cursor: 'c' });
    store.tail();
    await nextTurn();
    expect([port.reads.length, port.watching(), port.saves.length]).toEqual([0, 0, 0]);
    expect(await store.tail({ cursor: 'c' })[Symbol.asyncIterator]().return?.()).toEqual({ done: true, value: undefined });
  });

  test('may be iterated twice, each time as a tail of its own', async () => {
    const port = countedPort();
    const { store } = storeOn(port);
    await appendSome(port, 2);
    const tail = store.tail();
    await appendSome(port, 3);
    for (let time = 0; time < 2; time += 1) {
      const events = tail[Symbol.asyncIterator]();
      expect(await positions(events, 3)).toEqual([3, 4, 5]);
      await events.return?.();
    }
  });

  test('answers questions that are asked at once in their order', async () => {
    const port = countedPort();
    await appendSome(port, 2);
    const events = start(storeOn(port).store, { from: 1 });
    const first = await Promise.all([events.next(), events.next()]);
    const last = await Promise.all([events.next(), events.return?.(), events.next()]);
    expect([...first, ...last].map((answer) => (answer?.done === true ? 'end' : answer?.value.position))).toEqual([
      1,
      2,
      'end',
      'end',
      'end',
    ]);
  });

  test.each(['abort', 'close', 'close the port', 'return'] as const)('that waits holds nothing any more after: %s', async (how) => {
    const port = countedPort();
    const { store } = storeOn(port);
    const { signal, abort } = new Aborting();
    const events = start(store, { signal, cursor: 'c' });
    const next = events.next();
    await nextTurn();
    expect([port.watching(), getEventListeners(signal, 'abort').length]).toEqual([1, 1]);
    if (how === 'abort') abort();
    if (how === 'close') await store.close();
    if (how === 'close the port') await port.close();
    if (how === 'return') await events.return?.();
    expect(await next).toEqual({ done: true, value: undefined });
    expect([port.watching(), getEventListeners(signal, 'abort').length]).toEqual([0, 0]);
    expect(port.reads).toHaveLength(how === 'close the port' ? 2 : 1);
  });

  test.each(['abort', 'close', 'return'] as const)('whose reader has an event holds nothing any more after: %s', async (how) => {
    const port = countedPort();
    const { store } = storeOn(port);
    await appendSome(port, 5);
    const { signal, abort } = new Aborting();
    const events = start(store, { signal, cursor: 'c' });
    await positions(events, 3);
    if (how === 'abort') abort();
    if (how === 'close') await store.close();
    if (how === 'return') await events.return?.();
    expect([port.watching(), getEventListeners(signal, 'abort').length]).toEqual([0, 0]);
    expect(port.saves).toEqual([0, 2]);
    expect(await events.next()).toEqual({ done: true, value: undefined });
    expect(port.reads).toHaveLength(1);
  });

  test.each(['abort', 'close'] as const)('that is being started ends quietly after: %s', async (how) => {
    const port = countedPort();
    const { store } = storeOn(port);
    await appendSome(port, 5);
    const { signal, abort } = new Aborting();
    const next = start(store, { signal, cursor: 'c' }).next();
    if (how === 'abort') abort();
    else await store.close();
    expect(await next).toEqual({ done: true, value: undefined });
    expect([port.watching(), getEventListeners(signal, 'abort').length]).toEqual([0, 0]);
  });

  test('gives an error of the store to its reader, and lets go', async () => {
    const port = countedPort(() => ({ read: full }));
    const events = start(storeOn(port).store, { from: 1 });
    await expect(events.next()).rejects.toMatchObject({ code: 'STORE_FULL' });
    expect(await events.next()).toEqual({ done: true, value: undefined });
    expect(port.watching()).toBe(0);
  });

  test('checks its options where it is called', () => {
    const store = memoryStore();
    for (const options of [
      { from: -1 },
      { from: 1.5 },
      { from: '1' },
      { cursor: '' },
      { cursor: 5 },
      { cursor: '\ud83e' },
      { signal: {} },
      { since: 1 },
    ]) {
      // @ts-expect-error options that a type checker would refuse
      expect(() => store.tail(options), JSON.stringify(options)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
    }
  });

  test('needs a port that tells of changes', () => {
    const port = untyped<LivePort>({ ...countedPort(), watch: undefined });
    expect(() => createStore(port, { now: () => 0 }).tail()).toThrow('no method "watch"');
  });
});

/** A signal, and what aborts it. */
class Aborting {
  readonly #controller = new AbortController();
  readonly signal = this.#controller.signal;
  readonly abort = (): void => this.#controller.abort();
}

describe('a cursor', () => {
  test('is written as the tail starts, after each page, and at the end, never ahead of what was asked past', async () => {
    const port = countedPort();
    await appendSome(port, 700);
    const events = start(storeOn(port).store, { cursor: 'c' });
    await positions(events, 500);
    expect(port.saves).toEqual([0]);
    await positions(events, 1);
    expect(port.saves).toEqual([0, 500]);
    await positions(events, 100);
    await events.return?.();
    expect(port.saves).toEqual([0, 500, 600]);
  });

  test('is written before the tail waits', async () => {
    const port = countedPort();
    await appendSome(port, 3);
    const events = start(storeOn(port).store, { cursor: 'c' });
    await positions(events, 3);
    const next = events.next();
    await nextTurn();
    expect(port.saves).toEqual([0, 3]);
    await events.return?.();
    await next;
    expect(port.saves).toEqual([0, 3]);
  });

  test('is written once a second in a page whose events take long', async () => {
    const port = countedPort();
    const { store, clock } = storeOn(port);
    await appendSome(port, 20);
    const events = start(store, { cursor: 'c' });
    for (let event = 1; event <= 10; event += 1) {
      await positions(events, 1);
      clock.now += 300;
    }
    expect(port.saves).toEqual([0, 4, 8]);
    clock.now -= 100_000;
    await positions(events, 1);
    expect(port.saves).toEqual([0, 4, 8, 10]);
    await events.return?.();
  });

  test('starts a new tail at "from", and never an old one', async () => {
    const port = countedPort();
    const { store } = storeOn(port);
    await appendSome(port, 10);
    for (const [options, first] of [
      [{ cursor: 'from 4', from: 4 }, 4],
      [{ cursor: 'from 4', from: 9 }, 4],
      [{ cursor: 'from 4', from: Infinity }, 4],
      [{ cursor: 'from 1' }, 1],
    ] as const) {
      const events = start(store, options);
      expect(await positions(events, 1)).toEqual([first]);
      await events.return?.();
    }
  });

  test('that starts with what comes next leaves out nothing that comes before the first event is asked past', async () => {
    const port = countedPort();
    await appendSome(port, 10);
    const first = start(storeOn(port).store, { cursor: 'c', from: Infinity });
    const next = first.next();
    await nextTurn();
    await first.return?.();
    await next;
    await appendSome(port, 5);
    const second = start(storeOn(port).store, { cursor: 'c', from: Infinity });
    expect(await positions(second, 5)).toEqual(range(11, 15));
    await second.return?.();
  });

  test('is never written for a place that is not there yet', async () => {
    const port = countedPort();
    await appendSome(port, 3);
    const events = start(storeOn(port).store, { cursor: 'c', from: 10 });
    const next = events.next();
    await nextTurn();
    expect(port.saves).toEqual([]);
    await appendSome(port, 8);
    expect((await next).value).toMatchObject({ position: 10 });
    await positions(events, 1);
    await events.return?.();
    expect(port.saves).toEqual([10]);
  });

  test('that points behind the last event is refused', async () => {
    const port = countedPort();
    await appendSome(port, 3);
    await port.setCursor('c', 4);
    await expect(start(storeOn(port).store, { cursor: 'c' }).next()).rejects.toMatchObject({
      code: 'STORE_CORRUPT',
      details: { cursor: 'c', position: 4, head: 3 },
    });
    expect(port.watching()).toBe(0);
  });

  test('that cannot be written ends the tail with the error, once, and is free again', async () => {
    let broken = false;
    const port = countedPort((inner) => ({ setCursor: (name, position) => (broken ? full() : inner.setCursor(name, position)) }));
    const { store } = storeOn(port);
    await appendSome(port, 3);
    for (const ending of ['next', 'return'] as const) {
      const events = start(store, { cursor: 'c' });
      await positions(events, 1);
      await positions(events, 1);
      broken = true;
      if (ending === 'next') await positions(events, 1);
      await expect(ending === 'next' ? events.next() : events.return?.()).rejects.toMatchObject({ code: 'STORE_FULL' });
      broken = false;
      expect(await events.next()).toEqual({ done: true, value: undefined });
    }
    expect(port.saves).toEqual([0, 3, 0, 1]);
    expect(port.watching()).toBe(0);
  });

  test('that cannot be written after an abort tells the reader who comes back', async () => {
    let broken = false;
    const port = countedPort((inner) => ({ setCursor: (name, position) => (broken ? full() : inner.setCursor(name, position)) }));
    await appendSome(port, 3);
    const { signal, abort } = new Aborting();
    const events = start(storeOn(port).store, { cursor: 'c', signal });
    await positions(events, 2);
    broken = true;
    abort();
    await nextTurn();
    await expect(events.next()).rejects.toMatchObject({ code: 'STORE_FULL' });
  });

  test('passes the event in which the reader aborted, if it asks for the next one', async () => {
    const port = countedPort();
    const { store } = storeOn(port);
    await appendSome(port, 9);
    const { signal, abort } = new Aborting();
    const seen: number[] = [];
    for await (const { position } of store.tail({ cursor: 'c', signal })) {
      seen.push(position);
      if (position === 4) abort();
      await nextTurn();
    }
    expect(seen).toEqual([1, 2, 3, 4]);
    expect(await port.cursor('c')).toBe(4);
  });

  test('does not go back when a reader comes back after another tail has gone on', async () => {
    const port = countedPort();
    const { store } = storeOn(port);
    await appendSome(port, 9);
    const { signal, abort } = new Aborting();
    const late = start(store, { cursor: 'c', signal });
    await positions(late, 3);
    abort();
    const other = start(store, { cursor: 'c' });
    expect(await positions(other, 4)).toEqual([3, 4, 5, 6]);
    expect(await late.next()).toEqual({ done: true, value: undefined });
    expect(await port.cursor('c')).toBe(2);
    await other.return?.();
    expect(await port.cursor('c')).toBe(5);

    const again = new Aborting();
    const later = start(store, { cursor: 'c', signal: again.signal });
    await positions(later, 1);
    again.abort();
    const last = start(store, { cursor: 'c' });
    await positions(last, 3);
    await last.return?.();
    expect(await port.cursor('c')).toBe(7);
    expect((await later.next()).done).toBe(true);
    expect(await port.cursor('c')).toBe(7);
  });

  test('is free for the next tail at once, however the one before ends', async () => {
    const port = countedPort();
    const { store } = storeOn(port);
    await appendSome(port, 9);
    const started = new Aborting();
    const starting = start(store, { cursor: 'c', signal: started.signal }).next();
    started.abort();
    const held = new Aborting();
    const holding = start(store, { cursor: 'c', signal: held.signal });
    expect(await positions(holding, 2)).toEqual([1, 2]);
    expect((await starting).done).toBe(true);
    held.abort();
    const waited = new Aborting();
    const waits = start(store, { cursor: 'c', signal: waited.signal });
    expect(await positions(waits, 8)).toEqual(range(2, 9));
    const waiting = waits.next();
    await nextTurn();
    waited.abort();
    const last = start(store, { cursor: 'c' });
    const next = last.next();
    await appendSome(port, 1);
    expect((await next).value).toMatchObject({ position: 10 });
    expect((await waiting).done).toBe(true);
    await last.return?.();
  });

  test('is refused while a tail has it, by all who hold the store, and the tail that has it goes on', async () => {
    const port = countedPort();
    const { store } = storeOn(port);
    await appendSome(port, 3);
    const events = start(store, { cursor: 'c' });
    await positions(events, 1);
    await expect(start(store, { cursor: 'c' }).next()).rejects.toMatchObject({ code: 'STORE_BUSY', details: { cursor: 'c' } });
    expect(await positions(events, 2)).toEqual([2, 3]);
    await events.return?.();
  });
});

interface Life {
  /** Appends, and how long the scheduler may be busy with others before each: a tail needs several answers for each page. */
  readonly batches: readonly { readonly size: number; readonly pause: number }[];
  /** How many events the reader takes before it ends the life, by what. */
  readonly takes: number;
  readonly end: 'return' | 'abort' | 'abort and ask';
}

/** Lives of one reader, while somebody appends. Every answer of the port comes when the scheduler says so. */
async function live(scheduler: fc.Scheduler, lives: readonly Life[], pageSize: number): Promise<void> {
  const slow = <T>(work: () => Promise<T>): Promise<T> =>
    scheduler
      .schedule(Promise.resolve())
      .then(work)
      .then((result) => scheduler.schedule(Promise.resolve(result)));
  const port = countedPort((inner) => ({
    read: (from, limit) => slow(() => inner.read(from, limit)),
    cursor: (name) => slow(() => inner.cursor(name)),
    setCursor: (name, position) => slow(() => inner.setCursor(name, position)),
    append: (batch) => slow(() => inner.append(batch)),
  }));
  const total = lives.reduce((sum, { batches }) => sum + batches.reduce((all, { size }) => all + size, 0), 0);
  const claims = new CursorClaims();
  const play = async (): Promise<void> => {
    let expected = 1;
    let appending: Promise<unknown> = Promise.resolve();
    for (const [index, { batches, takes, end }] of lives.entries()) {
      const before = appending;
      // One after the other, so that they go on while the tail reads and waits.
      appending = (async () => {
        await before;
        for (const { size, pause } of batches) {
          for (let turn = 0; turn < pause; turn += 1) await scheduler.schedule(Promise.resolve());
          await appendSome(port, size);
        }
      })();
      const { signal, abort } = new Aborting();
      const isLast = index === lives.length - 1;
      const events = new Tailing({ port, now: () => 0, claims }).tail({ cursor: 'c', signal }, pageSize)[Symbol.asyncIterator]();
      const goal = isLast ? total : Math.min(total, expected + takes - 1);
      let held: number | undefined;
      while (expected <= goal && (isLast || expected <= (await reachable(port, appending, expected)))) {
        const { value, done } = await events.next();
        expect([done, value?.position]).toEqual([false, expected]);
        held = expected;
        expected += 1;
      }
      if (end !== 'return') abort();
      const last = await (end === 'abort and ask' ? events.next() : end === 'return' ? events.return?.() : undefined);
      expect(last?.done).toBe(end === 'abort' ? undefined : true);
      // What was not asked past comes again.
      if (held !== undefined && end !== 'abort and ask') expected = held;
    }
    expect(expected).toBeGreaterThanOrEqual(total);
  };
  const playing = play();
  // The turn lets everybody come to the next thing to wait for, however many promises that takes, before one of them goes on.
  await scheduler.waitFor(playing, async (goOn) => {
    await goOn();
    await nextTurn();
  });
  await scheduler.waitAll();
  expect(port.watching()).toBe(0);
}

/** The head, once all that was asked for is appended if the next event is not there yet. */
async function reachable(port: LivePort, appending: Promise<unknown>, expected: number): Promise<number> {
  if ((await port.head()) < expected) await appending;
  return port.head();
}

describe('however the answers of the store fall', () => {
  const life: fc.Arbitrary<Life> = fc.record({
    batches: fc.array(fc.record({ size: fc.integer({ min: 1, max: 4 }), pause: fc.nat(10) }), { maxLength: 8 }),
    takes: fc.nat(12),
    end: fc.constantFrom('return' as const, 'abort' as const, 'abort and ask' as const),
  });

  test('a tail gives every event once, and again only what was not asked past', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.array(life, { minLength: 1, maxLength: 5 }), fc.integer({ min: 1, max: 7 }), live),
      { numRuns: 300, timeout: 3000 },
    );
  });
});
