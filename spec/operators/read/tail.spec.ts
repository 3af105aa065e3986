import { setImmediate as nextTurn } from 'node:timers/promises';
import { concatMap, map, Subject, take, toArray, firstValueFrom, type Observable } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { StoreError } from '../../../lib/kernel/errors.ts';
import type { LoggedEvent } from '../../../lib/events/logged-event.ts';
import { createStore } from '../../../lib/events/store.ts';
import { tail } from '../../../operators/read/tail.ts';
import { appendSome, countedPort, range } from '../../lib/events/tail-rig.ts';
import { untyped } from '../rig/untyped.ts';

function setUp(...given: Parameters<typeof countedPort>) {
  const port = countedPort(...given);
  return { port, store: createStore(port, { now: () => 0 }) };
}

const firstPositions = (events: Observable<LoggedEvent>, count: number): Promise<readonly number[]> =>
  firstValueFrom(
    events.pipe(
      map(({ position }) => position),
      take(count),
      toArray(),
    ),
  );

/** What a subscriber was told. */
function watch(events: Observable<LoggedEvent>) {
  const seen: (number | string)[] = [];
  const subscription = events.subscribe({
    next: ({ position }) => seen.push(position),
    error: (error: unknown) => seen.push(error instanceof StoreError ? error.code : String(error)),
    complete: () => seen.push('complete'),
  });
  return { seen, subscription };
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await nextTurn();
}

describe('tail', () => {
  test('gives each subscriber what is there from a position on, and what comes', async () => {
    const { port, store } = setUp();
    await appendSome(port, 3);
    const events = tail(store, { from: 2 });
    expect(port.reads).toEqual([]);
    const [first, second] = [watch(events), watch(tail(store))];
    await turns(3);
    await appendSome(port, 2);
    await turns(3);
    expect(first.seen).toEqual([2, 3, 4, 5]);
    expect(second.seen).toEqual([4, 5]);
    expect(await firstPositions(events, 4)).toEqual([2, 3, 4, 5]);
    first.subscription.unsubscribe();
    second.subscription.unsubscribe();
  });

  test('lets go of everything when it is unsubscribed, also in the middle of a page', async () => {
    const { port, store } = setUp();
    await appendSome(port, 600);
    const { seen, subscription } = watch(tail(store, { from: 1 }));
    await turns(5);
    expect(seen).toEqual(range(1, 600));
    expect(port.watching()).toBe(1);
    subscription.unsubscribe();
    expect(port.watching()).toBe(0);
    await appendSome(port, 5);
    await turns(3);
    expect(seen).toHaveLength(600);
    expect(await firstPositions(tail(store, { from: 1 }), 10)).toEqual(range(1, 10));
    expect(port.watching()).toBe(0);
  });

  test('gives other work a turn between pages', async () => {
    const { port, store } = setUp();
    await appendSome(port, 5000);
    const { seen, subscription } = watch(tail(store, { from: 1 }));
    await nextTurn();
    expect(seen.length).toBeLessThan(1100);
    subscription.unsubscribe();
    await turns(3);
    expect(seen.length).toBeLessThan(1100);
  });

  test('completes when the store is closed', async () => {
    const { port, store } = setUp();
    await appendSome(port, 1);
    const { seen } = watch(tail(store, { from: 1 }));
    await turns(2);
    await store.close();
    await turns(2);
    expect(seen).toEqual([1, 'complete']);
    const late = watch(tail(store));
    await turns(2);
    expect(late.seen).toEqual(['STORE_CLOSED']);
  });

  test('gives errors of the store to the error channel', async () => {
    const { port, store } = setUp(() => ({ read: () => Promise.reject(new StoreError('STORE_CORRUPT', 'damaged')) }));
    const { seen } = watch(tail(store, { from: 1 }));
    await turns(2);
    expect(seen).toEqual(['STORE_CORRUPT']);
    expect(port.watching()).toBe(0);
  });

  test('goes on with a cursor behind the last event whose "next" returned, and gives the one at which it was left again', async () => {
    const { port, store } = setUp();
    await appendSome(port, 9);
    expect(await firstPositions(tail(store, { cursor: 'c' }), 4)).toEqual([1, 2, 3, 4]);
    expect(await firstPositions(tail(store, { cursor: 'c' }), 3)).toEqual([4, 5, 6]);
    const { seen, subscription } = watch(tail(store, { cursor: 'c' }));
    await turns(2);
    expect(seen).toEqual([6, 7, 8, 9]);
    subscription.unsubscribe();
    await turns(2);
    expect(await port.cursor('c')).toBe(9);
  });

  test('does not pass an event that breaks the work downstream', async () => {
    const { port, store } = setUp();
    await appendSome(port, 9);
    const broken = tail(store, { cursor: 'c' }).pipe(
      map((event) => {
        if (event.position === 5) throw new Error('cannot do 5');
        return event;
      }),
    );
    const { seen } = watch(broken);
    await turns(3);
    expect(seen).toEqual([1, 2, 3, 4, 'Error: cannot do 5']);
    expect(await port.cursor('c')).toBe(4);
  });

  test('refuses a cursor that another subscriber has, and gives it to the next one at once', async () => {
    const { port, store } = setUp();
    await appendSome(port, 2);
    const events = tail(store, { cursor: 'c' });
    const [first, second] = [watch(events), watch(events)];
    await turns(2);
    expect(first.seen).toEqual([1, 2]);
    expect(second.seen).toEqual(['STORE_BUSY']);
    first.subscription.unsubscribe();
    const third = watch(events);
    await appendSome(port, 1);
    await turns(2);
    expect(third.seen).toEqual([3]);
    third.subscription.unsubscribe();
  });

  test('passes what work downstream has only begun, as it says', async () => {
    const { port, store } = setUp();
    await appendSome(port, 3);
    const never = new Subject<never>();
    const subscription = tail(store, { cursor: 'c' })
      .pipe(concatMap(() => never))
      .subscribe();
    await turns(2);
    subscription.unsubscribe();
    expect(await port.cursor('c')).toBe(3);
  });

  test('checks what it is given where it is called', () => {
    const { store } = setUp();
    for (const options of [{ from: -1 }, { cursor: '' }, { signal: new AbortController().signal }, 5])
      expect(() => tail(store, untyped(options))).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
    expect(() => tail(untyped(Promise.resolve(store)))).toThrow('tail() takes a store first, and got a promise');
  });
});
