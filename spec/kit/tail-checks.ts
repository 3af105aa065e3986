import assert from 'node:assert/strict';
import type { LoggedEvent, NewEvent } from '../../lib/events/logged-event.ts';
import type { Store } from '../../lib/events/store.ts';
import { livePort } from '../../lib/events/tail.ts';
import { batchOf, everyKind, sourceObserved } from './sample-events.ts';
import type { Checks } from './store-check.ts';

const observed = (count: number): readonly NewEvent[] => Array.from({ length: count }, (_, index) => sourceObserved(`k/${index}`));

/** The next events of a tail, which goes on. */
async function take(events: AsyncIterator<LoggedEvent>, count: number): Promise<readonly LoggedEvent[]> {
  const taken: LoggedEvent[] = [];
  while (taken.length < count) {
    const result = await events.next();
    if (result.done === true) assert.fail(`the tail ended after ${taken.length} of ${count} events`);
    taken.push(result.value);
  }
  return taken;
}

const positionsOf = (events: readonly LoggedEvent[]): readonly number[] => events.map(({ position }) => position);

const tailOf = (store: Store, options?: Parameters<Store['tail']>[0]): AsyncIterator<LoggedEvent> =>
  store.tail(options)[Symbol.asyncIterator]();

/** A promise, and what settles it. */
function called(): { readonly promise: Promise<void>; readonly call: () => void } {
  let call: () => void = () => undefined;
  const promise = new Promise<void>((resolve) => (call = resolve));
  return { promise, call };
}

async function assertBusy(work: Promise<unknown>): Promise<void> {
  await assert.rejects(work, (error: unknown) => error instanceof Error && 'code' in error && error.code === 'STORE_BUSY');
}

/** Cursors: what was set is there. */
export const cursorChecks: Checks = {
  'remembers cursors by their names': async ({ store, settled }) => {
    const names = ['a', 'b', '__proto__', '🦊', 'x'.repeat(5000)];
    await store.port.append(batchOf(...observed(20)));
    for (const [index, name] of names.entries()) await livePort(store.port).setCursor(name, index);
    await livePort(store.port).setCursor('b', 20);
    await livePort(store.port).setCursor('🦊', 2);
    const port = livePort((await settled()).port);
    assert.deepEqual(await Promise.all([...names, 'never'].map((name) => port.cursor(name))), [0, 20, 2, 2, 4, undefined]);
    assert.equal(await port.head(), 20);
  },

  'tells cursors apart whose names are alike, also where they are no text that can be written down': async ({ store, settled }) => {
    const names = ['a', 'a ', 'A', 'é', 'e\u0301', '\ud83e', '\udd8a', '\ufffd', '\ud83e\ud83e', '"\\ud83e"', '', '\0'];
    await store.port.append(batchOf(...observed(20)));
    for (const [index, name] of names.entries()) await livePort(store.port).setCursor(name, index);
    const port = livePort((await settled()).port);
    assert.deepEqual(
      await Promise.all(names.map((name) => port.cursor(name))),
      names.map((_, index) => index),
    );
    assert.equal(await port.cursor('\udd8a\udd8a'), undefined);
  },

  'goes on with a tail behind the last event after which it was asked for another': async ({ store, settled }) => {
    await store.port.append(batchOf(...observed(9)));
    const before = tailOf(store, { cursor: 'c' });
    assert.deepEqual(positionsOf(await take(before, 5)), [1, 2, 3, 4, 5]);
    await before.return?.();
    const after = tailOf(await settled(), { cursor: 'c' });
    assert.deepEqual(positionsOf(await take(after, 5)), [5, 6, 7, 8, 9]);
    await after.return?.();
  },
};

/** Tails and what they stand on: appends are told, and every event is given once. */
export const tailChecks: Checks = {
  'tells all who watch of each append, until they stop': async ({ store }) => {
    const port = livePort(store.port);
    const counts = [0, 0];
    let told = called();
    const [stopFirst, stopSecond] = counts.map((_, index) =>
      port.watch(() => {
        counts[index] = (counts[index] ?? 0) + 1;
        if (counts.every((count) => count > 0)) told.call();
      }),
    );
    for (let round = 0; round < 3; round += 1) {
      counts.fill(0);
      told = called();
      await port.append(batchOf(...observed(1)));
      await told.promise;
    }
    stopFirst?.();
    stopSecond?.();
    counts.fill(0);
    await port.append(batchOf(...observed(1)));
    assert.deepEqual(counts, [0, 0]);
  },

  'tells who watches that it was closed, and lets go': async ({ store }) => {
    const told = called();
    const stop = livePort(store.port).watch(told.call);
    await store.port.close();
    await told.promise;
    stop();
  },

  'tails what is there and what comes, every kind of event as it is': async ({ store }) => {
    await store.port.append(batchOf(...everyKind()));
    const events = tailOf(store, { from: 1 });
    const there = await take(events, everyKind().length);
    assert.deepEqual(there, await store.port.read(1, 1000));
    const coming = take(events, 12);
    for (let round = 0; round < 4; round += 1) await store.port.append(batchOf(...observed(3)));
    assert.deepEqual(await coming, await store.port.read(there.length + 1, 1000));
    await events.return?.();
  },

  'tails from any position, and without one from the call on': async ({ store }) => {
    await store.port.append(batchOf(...observed(4)));
    const tails = [undefined, { from: Infinity }, { from: 3 }, { from: 0 }, { from: 6 }, { cursor: 'c' }].map((options) =>
      tailOf(store, options),
    );
    await store.port.append(batchOf(...observed(3)));
    const first = await Promise.all(tails.map(async (events) => positionsOf(await take(events, 2))));
    assert.deepEqual(first, [
      [5, 6],
      [5, 6],
      [3, 4],
      [1, 2],
      [6, 7],
      [1, 2],
    ]);
    for (const events of tails) await events.return?.();
  },

  'ends a tail quietly when its signal is aborted or the store is closed': async ({ store }) => {
    await store.port.append(batchOf(...observed(3)));
    const { signal, abort } = ((controller) => ({ signal: controller.signal, abort: () => controller.abort() }))(new AbortController());
    const waiting = [tailOf(store, { signal }), tailOf(store), tailOf(store, { from: 4, cursor: 'c' })].map((events) => events.next());
    const holding = tailOf(store, { from: 1 });
    await take(holding, 1);
    abort();
    assert.equal((await waiting[0])?.done, true);
    await store.close();
    for (const next of [...waiting, holding.next()]) assert.equal((await next).done, true);
    assert.equal((await tailOf(store, { signal }).next()).done, true);
  },

  'lets one tail have a cursor at a time': async ({ store }) => {
    await store.port.append(batchOf(...observed(3)));
    const [first, second, other] = [tailOf(store, { cursor: 'c' }), tailOf(store, { cursor: 'c' }), tailOf(store, { cursor: 'd' })];
    await take(first, 2);
    await assertBusy(second.next());
    assert.deepEqual(positionsOf(await take(other, 1)), [1]);
    // Not waited for: the next one waits for what ends.
    const ending = first.return?.();
    const third = tailOf(store, { cursor: 'c' });
    assert.deepEqual(positionsOf(await take(third, 1)), [2]);
    for (const end of [ending, third.return?.(), other.return?.()]) await end;
  },
};
