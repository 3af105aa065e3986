import { Readable } from 'node:stream';
import { concat, NEVER, Observable, of, Subject, throwError } from 'rxjs';
import { describe, expect, test } from 'vitest';
import {
  assetsFromGraph,
  define,
  DefinitionError,
  endOfEpoch,
  feed,
  graph,
  input,
  live,
  op,
  source,
  type FeedContext,
  type FeedOptions,
  type Pushed,
} from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { deferred, ready, until } from '../rig/deferred.ts';
import { brief, chain, interferedStore, offsetOf, seenOf, type LiveInterference } from '../rig/live-rig.ts';
import { manualClock } from '../rig/manual-clock.ts';
import { untyped } from '../rig/untyped.ts';
import { ofType } from '../rig/watch-run.ts';
import { logOf } from '../rig/watched-store.ts';

interface Message {
  readonly id: number;
  readonly value: number;
}

const offset = ({ id }: Message): string => String(id);
const fold = (_: number | undefined, { value }: Message): number => value;
const messages = (from: number, to: number): readonly Message[] =>
  Array.from({ length: to - from + 1 }, (_, index) => ({ id: from + index, value: 10 * (from + index) }));

/** Messages behind an offset, as an origin gives them that can replay. */
const replay =
  (to: number) =>
  ({ offset: at = '0' }: FeedContext): readonly Message[] =>
    messages(Number(at) + 1, to);

/** These, and then nothing more for ever. */
async function* unending<Item>(given: readonly Item[]): AsyncGenerator<Item> {
  yield* given;
  await new Promise(() => undefined);
}

/** Refuses what is below zero. */
function positive(_: number | undefined, item: number): number {
  if (item < 0) throw Object.assign(new RangeError('below zero'), { code: 'BELOW_ZERO' });
  return item;
}

/** A service with a feed that may be opened again three times, how often that was, and what lets time go on. */
async function reopening(options: FeedOptions<number, number>, store = memoryStore()) {
  const clock = manualClock();
  const opened = { times: 0 };
  const { from } = options;
  const counted = async (context: FeedContext) => {
    opened.times += 1;
    return typeof from === 'function' ? from(context) : (from ?? []);
  };
  const restart = { max: 3, delayMs: 1 };
  const service = await live(chain(), { store, clock, sources: { x: feed<number>({ ...options, from: counted, restart }) } });
  const turn = async (): Promise<void> => {
    await ready(3);
    clock.advance(1);
  };
  return { opened, service, turn };
}

describe('origins', () => {
  const origins: Readonly<Record<string, () => NonNullable<FeedOptions<number, number>['from']>>> = {
    'an iterable': () => [1, 2, 3],
    'an async iterable': () =>
      (async function* () {
        yield 1;
        yield 2;
        yield 3;
      })(),
    'a Node stream': () => Readable.from([1, 2, 3]),
    'a function that opens one': () => () => [1, 2, 3],
    'a function that opens one some time': () => async () => Readable.from([1, 2, 3]),
  };
  for (const [name, origin] of Object.entries(origins)) {
    test(`${name} is pulled, item by item`, async () => {
      const store = memoryStore();
      const service = await live(chain(), { store, sources: { x: feed<number>({ from: origin() }) }, closeWhenDone: true });
      const values = seenOf(service.changes('doubled'));
      await service.closed;
      expect(values.map((change) => change.state === 'value' && change.value)).toEqual([2, 4, 6]);
    });
  }

  test('items are what they are when they come, also of an origin that uses its objects again', async () => {
    const reading = new Float64Array(1);
    const reused = function* (): Generator<Float64Array> {
      for (const n of [1, 2, 3]) {
        reading[0] = n;
        yield reading;
      }
    };
    const first = op({ name: 'first', codeVersion: '1', inputs: { x: input<Float64Array>() }, run: ({ x }) => x[0] });
    const body = graph('first', { inputs: { x: input<Float64Array>() } }, (inputs) => first(inputs));
    const defs = define({ assets: [source<Float64Array>('x'), assetsFromGraph(body)] });
    const service = await live(defs, { sources: { x: feed<Float64Array>({ from: reused() }) }, closeWhenDone: true });
    const values = seenOf(service.changes('first'));
    await service.closed;
    expect(values.map((change) => change.state === 'value' && change.value)).toEqual([1, 2, 3]);
  });

  test('a Node stream that waits for more is destroyed when the service closes', async () => {
    const stream = new Readable({ objectMode: true, read: () => undefined });
    const service = await live(chain(), { sources: { x: stream } });
    stream.push(1);
    await until(() => service.runId !== '');
    const isClosed = new Promise((resolve) => stream.once('close', resolve));
    await service.close();
    await isClosed;
    expect([stream.destroyed, stream.errored]).toEqual([true, null]);
  });

  test('what was pulled is drained when the service closes, also where there was no room', async () => {
    let given = 0;
    const counting = function* (): Generator<number> {
      for (;;) yield (given += 1);
    };
    const store = memoryStore();
    const service = await live(chain(), {
      store,
      epochs: { marks: true },
      sources: { x: feed<number>({ from: counting(), capacity: 3 }) },
    });
    service.pause();
    await ready();
    await service.close();
    expect(given).toBeGreaterThanOrEqual(3);
    expect(await store.value('x')).toBe(given);
  });

  test('an origin alone is a feed of it', async () => {
    const store = memoryStore();
    const service = await live(chain(), { store, sources: { x: [1, 2, 3] }, closeWhenDone: true });
    await service.closed;
    expect(await store.value('doubled')).toBe(6);
  });

  test('what is pushed says what to do when it is too much, or is refused before anything is written', async () => {
    const store = memoryStore();
    const refused = live(chain(), { store, sources: { x: of(1) } });
    await expect(refused).rejects.toThrow(DefinitionError);
    await expect(refused).rejects.toMatchObject({ code: 'OVERFLOW_UNDECLARED', details: { key: 'x' } });
    const blocking = live(chain(), { store, sources: { x: feed<number>({ from: of(1), overflow: 'block' }) } });
    await expect(blocking).rejects.toMatchObject({ code: 'OVERFLOW_UNDECLARED' });
    expect(await store.port.head()).toBe(0);
    const service = await live(chain(), {
      store,
      sources: { x: feed<number>({ from: of(1, 2), overflow: 'error' }) },
      closeWhenDone: true,
    });
    await service.closed;
    expect(await store.value('doubled')).toBe(4);
  });

  test('what is opened and turns out to push is refused, too', async () => {
    const service = await live(chain(), { sources: { x: feed<number>({ from: () => of(1) }) } });
    await expect(service.closed).rejects.toMatchObject({ code: 'SOURCE_FAILED', cause: { code: 'OVERFLOW_UNDECLARED' } });
  });

  test('what cannot be a feed is refused where it is written', () => {
    const refusals: readonly [unknown, string][] = [
      [7, 'one object'],
      [{ form: [] }, 'no option "form"'],
      [{ from: 7 }, '"from"'],
      [{ overflow: 'block it' }, '"overflow"'],
      [{ capacity: 0 }, '"capacity"'],
      [{ offset: 'id' }, '"offset"'],
      [{ fold, overflow: 'conflate' }, '"merge"'],
    ];
    for (const [options, word] of refusals) expect(() => feed(untyped(options)), word).toThrow(word);
  });

  test('a feed of what is no source is refused with the nearest name', async () => {
    await expect(live(chain(), { sources: untyped({ y: [1] }) })).rejects.toMatchObject({ code: 'UNKNOWN_SOURCE', details: { key: 'y' } });
    await expect(live(chain(), { sources: untyped({ x: 7 }) })).rejects.toMatchObject({ code: 'INVALID_DEFINITION' });
  });
});

describe('the value of a source', () => {
  test('is the item, or what a fold makes of it and the value before', async () => {
    const sum = feed<number, number>({ from: [1, 2, 3, 4], fold: (so_far = 0, item) => so_far + item });
    const store = memoryStore();
    await (
      await live(chain(), { store, sources: { x: sum }, closeWhenDone: true })
    ).closed;
    expect(await store.value('x')).toBe(10);
    // A fold goes on from what is stored.
    await (
      await live(chain(), { store, sources: { x: sum }, closeWhenDone: true })
    ).closed;
    expect(await store.value('x')).toBe(20);
  });

  test('is what it starts with, where it says so and nothing is stored', async () => {
    const store = memoryStore();
    const service = await live(chain(), { store, sources: { x: feed<number>({ initial: 7 }) } });
    await service.settled();
    expect(await service.current('doubled')).toMatchObject({ state: 'value', value: 14 });
    await service.push('x', 8);
    await service.close();
    await (await live(chain(), { store, sources: { x: feed<number>({ initial: 7 }) } })).close();
    expect(await store.value('doubled')).toBe(16);
  });

  test('that cannot be stored, or is too large, refuses its item alone', async () => {
    const store = memoryStore({ maxValueBytes: 100 });
    await store.put('x', 0);
    const service = await live(chain(), { store });
    await expect(
      service.push(
        'x',
        untyped(() => 1),
      ),
    ).rejects.toMatchObject({ code: 'VALUE_NOT_STORABLE' });
    await expect(service.push('x', untyped('long '.repeat(100)))).rejects.toMatchObject({ code: 'VALUE_TOO_LARGE' });
    expect((await service.push('x', 1)).outcome).toBe('applied');
    await service.close();
  });

  test('that cannot be the first one refuses its item alone, and the next one is the first', async () => {
    const folding = feed<number, number>({
      fold: (_, item) => {
        if (item < 0) throw new RangeError('below zero');
        return item;
      },
    });
    const service = await live(chain(), { sources: { x: folding } });
    await expect(service.push('x', -1)).rejects.toThrow('below zero');
    await expect(service.push('x', 1)).resolves.toMatchObject({ outcome: 'applied', epoch: 0 });
    await expect(service.push('x', -2)).rejects.toThrow('below zero');
    await service.push('x', 3);
    expect(await service.current('doubled')).toMatchObject({ value: 6 });
    await service.close();
  });

  test('pushed by hand is as it was at the call', async () => {
    const service = await live(chain(), { epochs: { marks: true } });
    const bytes = new Uint8Array([1]);
    const pushed = service.push('x', bytes);
    bytes[0] = 2;
    await service.settled();
    await pushed;
    expect(await service.current('doubled')).toMatchObject({ value: 2 });
    await service.close();
  });
});

describe('offsets', () => {
  const reading = (from: NonNullable<FeedOptions<number, Message>['from']>) => feed<number, Message>({ from, offset, fold });

  test('an item at or before what was applied is dropped: repeated, redelivered, out of order', async () => {
    const store = memoryStore();
    const given = [1, 2, 2, 1, 3, 2, 3, 10, 9].map((id) => ({ id, value: id }));
    const service = await live(chain(), { store, sources: { x: reading(given) }, closeWhenDone: true });
    await service.closed;
    const observed = ofType(await logOf(store), 'source-observed').map((event) => event.offset);
    expect(observed).toEqual(['1', '2', '3', '10']);
  });

  test('a service goes on behind the last item that is on disk', async () => {
    const store = memoryStore();
    const asked: (string | undefined)[] = [];
    const run = async (to: number): Promise<void> => {
      const from = (context: FeedContext): readonly Message[] => {
        asked.push(context.offset);
        return replay(to)(context);
      };
      await (
        await live(chain(), { store, sources: { x: reading(from) }, closeWhenDone: true })
      ).closed;
    };
    await run(3);
    await run(5);
    await run(5);
    expect(asked).toEqual([undefined, '3', '5']);
    expect(ofType(await logOf(store), 'source-observed').map((event) => event.offset)).toEqual(['1', '2', '3', '4', '5']);
  });

  test('an item whose value equals the one before moves the offset, too', async () => {
    const store = memoryStore();
    const same = [1, 2, 3].map((id) => ({ id, value: 7 }));
    await (
      await live(chain(), { store, sources: { x: reading(same) }, closeWhenDone: true })
    ).closed;
    expect(await offsetOf(store, 'x')).toBe('3');
    expect(ofType(await logOf(store), 'source-observed')).toHaveLength(1);
  });

  test('a service that is started while another one of the process still writes waits for how far that one comes', async () => {
    const store = memoryStore();
    const first = await live(chain(), { store, sources: { x: reading(replay(4)) }, closeWhenDone: true });
    const closed = first.close();
    const second = await live(chain(), { store, sources: { x: reading(replay(6)) }, closeWhenDone: true });
    await Promise.all([closed, second.closed]);
    const observed = ofType(await logOf(store), 'source-observed').map((event) => Number(event.offset));
    expect(observed).toEqual([...new Set(observed)]);
    expect(observed.at(-1)).toBe(6);
  });

  test('of what is pushed by hand count too, also where the source has no feed', async () => {
    const store = memoryStore();
    const outcomes: Pushed['outcome'][] = [];
    for (let life = 0; life < 2; life += 1) {
      const service = await live(chain(), { store });
      for (const at of ['9', '10']) outcomes.push((await service.push('x', Number(at), { offset: at })).outcome);
      await service.close();
    }
    expect(outcomes).toEqual(['applied', 'applied', 'duplicate', 'duplicate']);
  });

  test('are kept with what came of them: an epoch that cannot be written moves none, nor does one after it', async () => {
    const interference: LiveInterference = {};
    const store = interferedStore(interference);
    const service = await live(chain(), { store, window: 10 });
    await service.push('x', 1, { offset: '1' });
    const held = deferred();
    interference.beforeAppend = async (_, index) => {
      if (index > 0) await held.promise;
      if (index === 1) throw new Error('the disk is gone');
    };
    const lost = service.push('x', 2, { offset: '2' });
    // Its value is that of the item before: an offset is all that there is to write.
    const behind = service.push('x', 2, { offset: '3' });
    await ready();
    held.resolve();
    await expect(lost).rejects.toThrow('the disk is gone');
    await expect(behind).rejects.toThrow('the disk is gone');
    expect(await offsetOf(store, 'x')).toBe('1');
    await expect(service.closed).rejects.toThrow('the disk is gone');
  });

  test('compare digits as numbers and everything else as text, or as the feed says', async () => {
    const store = memoryStore();
    const given = ['b', 'a', 'c'].map((id, index) => ({ id, value: index }));
    const letters = feed<number, (typeof given)[number]>({
      from: given,
      offset: ({ id }) => id,
      fold: (_, { value }) => value,
      compare: (a, b) => b.localeCompare(a),
    });
    await (
      await live(chain(), { store, sources: { x: letters }, closeWhenDone: true })
    ).closed;
    expect(ofType(await logOf(store), 'source-observed').map((event) => event.offset)).toEqual(['b', 'a']);
  });
});

describe('a feed that fails', () => {
  test('ends the service, which says so to whoever waits', async () => {
    const service = await live(chain(), {
      sources: {
        x: feed<number>({
          from: (async function* () {
            yield 1;
            throw new Error('the line is dead');
          })(),
        }),
      },
    });
    await expect(service.closed).rejects.toMatchObject({ code: 'SOURCE_FAILED', details: { key: 'x' } });
    await expect(service.push('x', 1)).rejects.toMatchObject({ code: 'SERVICE_CLOSED' });
    await expect(service.settled()).rejects.toMatchObject({ code: 'SOURCE_FAILED' });
  });

  test('is opened again as often as it says in a row, behind what is applied', async () => {
    const clock = manualClock();
    const store = memoryStore();
    const opened: (string | undefined)[] = [];
    const from = async function* ({ offset: at = '0' }: FeedContext): AsyncGenerator<Message> {
      opened.push(at);
      if (Number(at) >= 3) throw new Error('no more');
      yield { id: Number(at) + 1, value: Number(at) + 1 };
      await ready();
      throw new Error('cut off');
    };
    const service = await live(chain(), {
      store,
      clock,
      sources: { x: feed<number, Message>({ from, offset, fold, restart: { max: 2, delayMs: 100 } }) },
    });
    let isOver = false;
    service.closed.catch(() => (isOver = true));
    while (!isOver) {
      await until(() => clock.waiting() > 0 || isOver);
      clock.advance(100);
    }
    await expect(service.closed).rejects.toMatchObject({ code: 'SOURCE_FAILED' });
    expect(opened).toEqual(['0', '1', '2', '3', '3']);
    expect(await store.value('x')).toBe(3);
    expect(clock.waiting()).toBe(0);
  });

  test('and whose "restart" fails to say whether to open it again, ends the service with that', async () => {
    const from = (): AsyncIterable<number> => Readable.from([1, 2], {}).map(() => Promise.reject(new Error('cut off')));
    const when = (): boolean => {
      throw new RangeError('no idea');
    };
    const service = await live(chain(), { sources: { x: feed<number>({ from, restart: { max: 3, when } }) } });
    await expect(service.closed).rejects.toMatchObject({ code: 'SOURCE_FAILED', cause: { message: 'no idea' } });
  });

  test('with an item that is always refused is not opened again for ever', async () => {
    const clock = manualClock();
    let times = 0;
    const from = (): AsyncIterable<Message> => {
      times += 1;
      return unending(messages(1, 3));
    };
    const poison = (_: number | undefined, { id }: Message): number => {
      if (id === 2) throw new RangeError('poison');
      return id;
    };
    const service = await live(chain(), {
      clock,
      sources: { x: feed<number, Message>({ from, offset, fold: poison, restart: { max: 3, delayMs: 1 } }) },
    });
    let isOver = false;
    service.closed.catch(() => (isOver = true));
    for (let turn = 0; turn < 100 && !isOver; turn += 1) {
      await ready(3);
      clock.advance(1);
    }
    await expect(service.closed).rejects.toMatchObject({ code: 'SOURCE_FAILED', cause: { message: 'poison' } });
    expect(times).toBe(4);
  });

  test('that loses items, since it cannot give them again, is opened as often as it says, whatever else is applied', async () => {
    const losing: Readonly<Record<string, FeedOptions<number, number>>> = {
      // Three of five are applied each time, long after the fourth was refused.
      INTAKE_FULL: { from: () => of(1, 2, 3, 4, 5), overflow: 'error', capacity: 3 },
      VALUE_NOT_STORABLE: { from: () => unending([1, untyped<number>(() => 2), 3]) },
      BELOW_ZERO: { from: () => concat(of(1, -1, 2), NEVER), overflow: 'error', fold: positive },
    };
    for (const [code, options] of Object.entries(losing)) {
      const { opened, service, turn } = await reopening(options);
      for (let turns = 0; turns < 50 && opened.times < 10; turns += 1) await turn();
      await expect(service.closed, code).rejects.toMatchObject({ code: 'SOURCE_FAILED', cause: { code } });
      expect(opened.times, code).toBe(4);
    }
  });

  test('with an item that is no value applies what came before it', async () => {
    const store = memoryStore();
    const { opened, service, turn } = await reopening(
      {
        from: () => unending([1, 2, untyped<number>(() => 3)]),
        offset: (item) => (typeof item === 'number' ? String(item) : '3'),
      },
      store,
    );
    for (let turns = 0; turns < 50 && opened.times < 10; turns += 1) await turn();
    await expect(service.closed).rejects.toMatchObject({ code: 'SOURCE_FAILED', cause: { code: 'VALUE_NOT_STORABLE' } });
    expect([await store.value('x'), await offsetOf(store, 'x')]).toEqual([2, '2']);
    expect(opened.times).toBeLessThanOrEqual(5);
  });

  test('that fails by itself is opened as often as it says in a row: what is applied begins the count anew', async () => {
    const { opened, service, turn } = await reopening({
      from: () =>
        concat(
          of(1),
          throwError(() => new Error('cut off')),
        ),
      overflow: 'error',
    });
    for (let turns = 0; turns < 50 && opened.times < 10; turns += 1) await turn();
    expect(opened.times).toBe(10);
    await service.close();
  });

  test('with an item that is refused once loses none: what waits behind it does not go before it', async () => {
    const clock = manualClock();
    const store = memoryStore();
    await store.put('x', 0);
    let isPoisoned = true;
    const once = (_: number | undefined, { id }: Message): number => {
      if (id === 2 && isPoisoned) {
        isPoisoned = false;
        throw new RangeError('not yet');
      }
      return id;
    };
    const service = await live(chain(), {
      store,
      clock,
      sources: {
        x: feed<number, Message>({ from: (context) => unending(replay(5)(context)), offset, fold: once, restart: { max: 1, delayMs: 1 } }),
      },
    });
    for (let turn = 0; turn < 20; turn += 1) {
      await ready(3);
      clock.advance(1);
    }
    await service.close();
    expect(ofType(await logOf(store), 'source-observed').flatMap((event) => event.offset ?? [])).toEqual(['1', '2', '3', '4', '5']);
  });

  test('with a refused item although its origin has come to its end', async () => {
    const service = await live(chain(), {
      sources: { x: feed<number>({ from: [1, untyped<number>(() => 2)] }) },
      epochs: { items: 1 },
      closeWhenDone: true,
    });
    await expect(service.closed).rejects.toMatchObject({ code: 'SOURCE_FAILED', cause: { code: 'VALUE_NOT_STORABLE' } });
  });

  test('is told of a refused item at once, and not only when its origin has another one', async () => {
    const given = deferred<IteratorResult<number>>();
    let asked = 0;
    let isReturned = false;
    const origin: AsyncIterable<number> = {
      [Symbol.asyncIterator]: () => ({
        next: () => ((asked += 1) === 1 ? Promise.resolve({ done: false, value: -1 }) : given.promise),
        return: async () => {
          isReturned = true;
          return { done: true, value: undefined };
        },
      }),
    };
    const service = await live(chain(), { sources: { x: feed<number, number>({ from: origin, initial: 0, fold: positive }) } });
    await expect(service.closed).rejects.toMatchObject({ code: 'SOURCE_FAILED' });
    expect([asked, isReturned]).toEqual([2, true]);
  });

  test('closes its origin before it is opened again, also where it is pushed', async () => {
    const clock = manualClock();
    let [open, most] = [0, 0];
    const hot = new Subject<number>();
    const from = (): Observable<number> =>
      new Observable((subscriber) => {
        open += 1;
        most = Math.max(most, open);
        const inner = hot.subscribe(subscriber);
        return () => {
          open -= 1;
          inner.unsubscribe();
        };
      });
    const service = await live(chain(), {
      clock,
      sources: { x: feed<number>({ from, overflow: 'error', initial: 0, restart: { max: 5, delayMs: 10 } }) },
    });
    await service.settled();
    for (let times = 0; times < 3; times += 1) {
      hot.next(untyped(() => 1));
      await ready();
      clock.advance(10);
      await ready();
    }
    expect([open, most]).toEqual([1, 1]);
    await service.close();
    expect([open, clock.waiting()]).toEqual([0, 0]);
  });

  test('whose offset() throws fails as a feed, also where its items are pushed', async () => {
    const service = await live(chain(), {
      sources: {
        x: feed<number>({
          from: of(1, 2),
          overflow: 'error',
          offset: () => {
            throw new TypeError('no offset in it');
          },
        }),
      },
    });
    await expect(service.closed).rejects.toMatchObject({ code: 'SOURCE_FAILED', cause: { message: 'no offset in it' } });
  });

  test('that is opened when the service is closed already is not subscribed to', async () => {
    const opening = deferred<Observable<number>>();
    let subscribed = 0;
    const service = await live(chain(), {
      sources: { x: feed<number>({ from: () => opening.promise, overflow: 'error', initial: 0 }) },
    });
    await service.close();
    opening.resolve(
      new Observable(() => {
        subscribed += 1;
      }),
    );
    await ready();
    expect(subscribed).toBe(0);
  });
});

describe('acknowledging', () => {
  test('comes for each item, in order, when it is on disk and not before', async () => {
    const interference: LiveInterference = {};
    const store = interferedStore(interference);
    const acknowledged: number[] = [];
    const held = deferred();
    interference.beforeAppend = (_, index) => (index === 0 ? undefined : held.promise);
    const service = await live(chain(), {
      store,
      sources: {
        x: feed<number, Message>({
          from: [...messages(1, 3), ...messages(2, 3)],
          offset,
          fold,
          acknowledge: ({ id }) => void acknowledged.push(id),
        }),
      },
      closeWhenDone: true,
    });
    await until(() => acknowledged.length > 0);
    await ready();
    expect(acknowledged).toEqual([1]);
    held.resolve();
    await service.closed;
    await ready();
    expect(acknowledged.slice(0, 3)).toEqual([1, 2, 3]);
    expect(acknowledged.slice(3).toSorted((a, b) => a - b)).toEqual([2, 3]);
  });

  test('does not come for a repetition of what could not be written', async () => {
    const interference: LiveInterference = {};
    const store = interferedStore(interference);
    await store.put('x', 0);
    const held = deferred();
    interference.beforeAppend = async (_, index) => {
      if (index < 2) return;
      await held.promise;
      throw new Error('the disk is gone');
    };
    const acknowledged: number[] = [];
    const acknowledge = ({ id }: Message): void => void acknowledged.push(id);
    const from = unending([...messages(1, 1), ...messages(1, 1)]);
    const service = await live(chain(), { store, sources: { x: feed<number, Message>({ from, offset, fold, acknowledge }) } });
    await ready();
    held.resolve();
    await expect(service.closed).rejects.toThrow('the disk is gone');
    await ready();
    expect(acknowledged).toEqual([]);
  });

  test('what fails to be acknowledged ends the service, also when the feed has ended', async () => {
    const service = await live(chain(), {
      sources: { x: feed<number>({ from: [1], acknowledge: () => Promise.reject(new Error('the queue is gone')) }) },
    });
    await expect(service.closed).rejects.toMatchObject({ code: 'SOURCE_FAILED', cause: { message: 'the queue is gone' } });
  });

  test('a mark is no item, and nobody acknowledges it', async () => {
    const acknowledged: unknown[] = [];
    const service = await live(chain(), {
      sources: { x: feed<number>({ from: [endOfEpoch, 1, endOfEpoch], acknowledge: (item) => void acknowledged.push(item) }) },
      epochs: { marks: true },
      closeWhenDone: true,
    });
    const seen = seenOf(service.epochs());
    await service.closed;
    await ready();
    expect(acknowledged).toEqual([1]);
    expect(brief(seen)).toEqual(['start 1: double say']);
  });
});
