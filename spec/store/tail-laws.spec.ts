import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, test } from 'vitest';
import type { LoggedEvent } from '../../lib/events/logged-event.ts';
import { createStore, type Store } from '../../lib/events/store.ts';
import { livePort } from '../../lib/events/tail.ts';
import { memoryPort } from '../../lib/memory/memory-port.ts';
import { openStore } from '../../store/open-store.ts';
import { batchOf, sourceObserved } from '../kit/sample-events.ts';
import { newFolder } from './folder.ts';

type Action =
  | { readonly do: 'append'; readonly sizes: readonly number[] }
  | { readonly do: 'pull'; readonly tail: number; readonly count: number }
  | { readonly do: 'start'; readonly tail: number; readonly from: number | undefined }
  | { readonly do: 'return' | 'abort' | 'abort and ask'; readonly tail: number }
  | { readonly do: 'reopen' };

const tail = fc.nat(3);
const anyAction: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      sizes: fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 3 }),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('pull' as const), tail, count: fc.integer({ min: 1, max: 80 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('start' as const), tail, from: fc.option(fc.nat(40), { nil: undefined }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('return' as const, 'abort' as const, 'abort and ask' as const), tail }) },
  { weight: 1, arbitrary: fc.constant({ do: 'reopen' } as const) },
);

/** One tail as it is, and as it should be. */
class Tailed {
  readonly #controller = new AbortController();
  readonly #events: AsyncIterator<LoggedEvent>;
  #pending: Promise<IteratorResult<LoggedEvent>> | undefined;
  #next: number;
  #held: number | undefined;
  /** The last event after which another one was asked for. */
  passed: number;
  readonly start: number;

  constructor(
    store: Store,
    { cursor, from, next }: { readonly cursor: string | undefined; readonly from: number | undefined; readonly next: number },
  ) {
    const options = {
      signal: this.#controller.signal,
      ...(cursor === undefined ? {} : { cursor }),
      ...(from === undefined ? {} : { from }),
    };
    this.#events = store.tail(options)[Symbol.asyncIterator]();
    this.#next = next;
    this.passed = next - 1;
    this.start = this.passed;
  }

  /** Asks for so many events, and takes those that are there. */
  async pull(count: number, head: number): Promise<void> {
    for (let taken = 0; taken < count; taken += 1) {
      this.#pending ??= this.#ask();
      if (this.#next > head) return;
      await this.settle(head);
    }
  }

  /** Takes the event that is waited for, if it is there. */
  async settle(head: number): Promise<void> {
    if (this.#pending === undefined || this.#next > head) return;
    const { value, done } = await this.#pending;
    assert.deepEqual([done, value?.position], [false, this.#next]);
    this.#pending = undefined;
    this.#held = this.#next;
    this.#next += 1;
  }

  async end(how: 'return' | 'abort' | 'abort and ask' | 'close'): Promise<void> {
    if (how === 'return') await this.#events.return?.();
    else if (how !== 'close') this.#controller.abort();
    if (how === 'abort and ask' && this.#pending === undefined) this.#pending = this.#ask();
    if (this.#pending !== undefined) assert.equal((await this.#pending).done, true);
  }

  #ask(): Promise<IteratorResult<LoggedEvent>> {
    if (this.#held !== undefined) this.passed = this.#held;
    return this.#events.next();
  }
}

/** A store with tails 0 and 1, which have cursors, and 2 and 3, which have none. */
class Tails {
  readonly #open = new Map<number, Tailed>();
  readonly #passed = new Map<number, number>();
  readonly #written = new Set<number>();
  readonly #reopen: ((store: Store) => Promise<Store>) | undefined;
  #store: Store;
  #head = 0;

  constructor(store: Store, reopen: ((store: Store) => Promise<Store>) | undefined) {
    this.#store = store;
    this.#reopen = reopen;
  }

  async play(action: Action): Promise<void> {
    if (action.do === 'append') await this.#append(action.sizes);
    else if (action.do === 'reopen') await this.reopen();
    else if (action.do === 'start') await this.#start(action.tail, action.from);
    else if (action.do === 'pull') await this.#open.get(action.tail)?.pull(action.count, this.#head);
    else await this.#end(action.tail, action.do);
  }

  /** Every tail gets to the end of the log. */
  async finish(): Promise<void> {
    await this.#append([50]);
    for (const number of [0, 1, 2, 3]) await this.#start(number, 1);
    for (const each of this.#open.values()) await each.pull(this.#head + 1, this.#head);
    for (const number of [0, 1, 2, 3]) await this.#end(number, 'abort');
    for (const number of [0, 1]) assert.equal(await livePort(this.#store.port).cursor(`c${number}`), this.#head);
    await this.#store.close();
  }

  async reopen(): Promise<void> {
    if (this.#reopen === undefined) return;
    const next = this.#reopen(this.#store);
    for (const number of this.#open.keys()) await this.#end(number, 'close');
    this.#store = await next;
  }

  async #append(sizes: readonly number[]): Promise<void> {
    await Promise.all(sizes.map((size) => this.#store.port.append(batchOf(...Array.from({ length: size }, () => sourceObserved('k'))))));
    this.#head += sizes.reduce((sum, size) => sum + size, 0);
    for (const each of this.#open.values()) await each.settle(this.#head);
  }

  async #start(number: number, from: number | undefined): Promise<void> {
    if (this.#open.has(number)) return;
    const cursor = number < 2 ? `c${number}` : undefined;
    const known = this.#passed.get(number);
    const fresh = from === undefined && cursor === undefined ? this.#head + 1 : Math.max(1, from ?? 1);
    const next = cursor === undefined || known === undefined ? fresh : known + 1;
    const tailed = new Tailed(this.#store, { cursor, from, next });
    this.#open.set(number, tailed);
    await tailed.pull(1, this.#head);
    if (cursor === undefined || tailed.start > this.#head) return;
    // A store that is closed while a tail is being started keeps no cursor of it.
    while ((await livePort(this.#store.port).cursor(cursor)) === undefined) await nextTurn();
    this.#written.add(number);
  }

  async #end(number: number, how: 'return' | 'abort' | 'abort and ask' | 'close'): Promise<void> {
    const tailed = this.#open.get(number);
    if (tailed === undefined) return;
    this.#open.delete(number);
    await tailed.end(how);
    // A new cursor whose start is not there yet is not written: it stays with whoever asks for it.
    if (number < 2 && (tailed.passed > tailed.start || this.#written.has(number))) this.#passed.set(number, tailed.passed);
  }
}

describe('whatever is appended, read, ended and started again', () => {
  const actions = fc.array(anyAction, { maxLength: 40 });

  test('tails of a memory store give every event once, in order, and again only what was not asked past', async () => {
    await fc.assert(
      fc.asyncProperty(actions, async (all) => {
        const tails = new Tails(createStore(memoryPort(), { now: () => 0 }), undefined);
        for (const action of all) await tails.play(action);
        await tails.finish();
      }),
      { numRuns: 150, timeout: 5000 },
    );
  });

  test('tails of a store on disk do, over closing and opening it too', async () => {
    await fc.assert(
      fc.asyncProperty(actions, async (all) => {
        const folder = await newFolder();
        const tails = new Tails(await openStore(folder), async (store) => {
          await store.close();
          return openStore(folder);
        });
        for (const action of all) await tails.play(action);
        await tails.reopen();
        await tails.finish();
      }),
      { numRuns: 25, timeout: 10_000 },
    );
  });
});
