import { describe, expect, test } from 'vitest';
import { assetsFromGraph, define, graph, input, live, op, source, type Lag, type LiveService } from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { deferred, ready, until } from '../rig/deferred.ts';
import { chain, interferedStore, pair, seenOf, type LiveInterference } from '../rig/live-rig.ts';
import { untyped } from '../rig/untyped.ts';

type Service = LiveService<{ readonly doubled: number; readonly text: string }>;

const valueOf = (change: { readonly state: string; readonly value?: unknown } | undefined): unknown =>
  change?.state === 'value' ? change.value : change?.state;

async function started(interference: LiveInterference = {}, defs = chain()) {
  const store = interferedStore(interference);
  await store.put('x', 0);
  const service: Service = await live(defs, { store });
  await service.durable();
  return { store, service };
}

describe('changes and values', () => {
  test('changes() tells each change from then on, value() what there is first', async () => {
    const { service } = await started();
    await service.push('x', 1);
    const [changes, values] = [seenOf(service.changes('doubled')), seenOf(service.value('doubled'))];
    await ready();
    expect(values.map(valueOf)).toEqual([2]);
    await service.push('x', 2);
    await service.push('x', 2);
    await service.push('x', 3);
    expect(changes.map(valueOf)).toEqual([4, 6]);
    expect(values.map(valueOf)).toEqual([2, 4, 6]);
    expect(values.map(({ key, epoch }) => [key, epoch])).toEqual([
      ['doubled', 1],
      ['doubled', 2],
      ['doubled', 4],
    ]);
    await service.close();
  });

  test('a service that finds everything fresh tells what is stored, whenever it is asked', async () => {
    const { service: first, store } = await started();
    await first.close();
    const service = await live(chain(), { store });
    // Before its first epoch, which changes nothing.
    const [early, iterated] = [seenOf(service.value('doubled')), service.value('text')[Symbol.asyncIterator]()];
    expect(valueOf(await service.current('doubled'))).toBe(0);
    await service.settled();
    const late = seenOf(service.value('doubled'));
    await ready();
    expect([early, late].map((seen) => seen.map(valueOf))).toEqual([[0], [0]]);
    expect(valueOf((await iterated.next()).value)).toBe('is 0');
    await service.close();
  });

  test('current() gives what the last settled epoch gave, while the next one runs', async () => {
    const gate = deferred();
    let isSlow = false;
    const store = memoryStore();
    const defs = chain(async (x) => {
      if (isSlow) await gate.promise;
      return 2 * x;
    });
    await store.put('x', 1);
    const watched = await live(defs, { store });
    await watched.settled();
    isSlow = true;
    const pushed = watched.push('x', 2);
    await ready();
    expect([valueOf(await watched.current('doubled')), valueOf(await watched.current('text'))]).toEqual([2, 'is 2']);
    const values = seenOf(watched.value('text', { at: 'settled' }));
    await ready();
    gate.resolve();
    await pushed;
    expect(values.map(valueOf)).toEqual(['is 2', 'is 4']);
    await watched.close();
  });

  test('current() sees no half of an epoch: not what one step gave when the next one has not ended', async () => {
    const gates = [deferred(), deferred()];
    const store = memoryStore();
    await store.put('x', 1);
    let epoch = 0;
    const fast = op({ name: 'fast', codeVersion: '1', inputs: { x: input<number>() }, run: ({ x }) => x });
    const slow = op({
      name: 'slow',
      codeVersion: '1',
      inputs: { x: input<number>() },
      run: async ({ x }) => {
        await gates[epoch]?.promise;
        return x;
      },
    });
    const body = graph('both', { inputs: { x: input<number>() } }, ({ x }) => ({ fast: fast({ x }), slow: slow({ x }) }));
    gates[0]?.resolve();
    const service = await live(define({ assets: [source<number>('x'), assetsFromGraph(body)] }), { store });
    await service.settled();
    epoch = 1;
    const pushed = service.push('x', 2);
    await ready();
    expect([valueOf(await service.current('fast')), valueOf(await service.current('slow'))]).toEqual([1, 1]);
    gates[1]?.resolve();
    await pushed;
    expect([valueOf(await service.current('fast')), valueOf(await service.current('slow'))]).toEqual([2, 2]);
    await service.close();
  });

  test('an asset whose step fails reads as what it was, on disk or on its way there', async () => {
    const interference: LiveInterference = {};
    const { service } = await started(
      interference,
      chain((x) => {
        if (x < 0) throw new RangeError('below zero');
        return 2 * x;
      }),
    );
    const held = deferred();
    interference.beforeAppend = () => held.promise;
    void service.push('x', 5);
    void service.push('x', -1);
    await service.settled();
    const now = service.current('doubled');
    held.resolve();
    expect(valueOf(await now)).toBe(10);
    await service.close();
  });
});

describe('settled and durable', () => {
  test('who watches at settled is told before it is on disk, who watches at durable after', async () => {
    const interference: LiveInterference = {};
    const { service } = await started(interference);
    const [settled, durable] = [seenOf(service.changes('doubled', { at: 'settled' })), seenOf(service.changes('doubled'))];
    const held = deferred();
    interference.beforeAppend = () => held.promise;
    const pushed = service.push('x', 1);
    await service.settled();
    expect([settled, durable].map((seen) => seen.map(valueOf))).toEqual([[2], []]);
    held.resolve();
    await pushed;
    expect(durable.map(valueOf)).toEqual([2]);
    await service.close();
  });

  test('value() at durable gives nothing that a crash could forget', async () => {
    const interference: LiveInterference = {};
    const { service } = await started(interference);
    const held = deferred();
    interference.beforeAppend = () => held.promise;
    void service.push('x', 1);
    await service.settled();
    const values = seenOf(service.value('doubled'));
    await ready();
    expect(values).toEqual([]);
    held.resolve();
    await service.durable();
    await ready();
    expect(values.map(valueOf)).toEqual([2]);
    await service.close();
  });

  test('durable() gives the position at which the log ends', async () => {
    const { service, store } = await started();
    void service.push('x', 3);
    expect(await service.durable()).toBe(await store.port.head());
    await service.close();
  });
});

describe('who watches', () => {
  test('an observer that throws harms neither the service nor the others', async () => {
    const { service } = await started();
    const told: unknown[] = [];
    const reported: unknown[] = [];
    const onError = (error: unknown): void => void reported.push(error);
    const listeners = process.rawListeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', onError);
    try {
      service.changes('doubled').subscribe(() => {
        throw new Error('an observer of mine');
      });
      service.changes('doubled').subscribe((change) => told.push(valueOf(change)));
      await service.push('x', 1);
      await service.push('x', 2);
      await until(() => reported.length >= 2);
    } finally {
      process.off('uncaughtException', onError);
      for (const listener of listeners) process.on('uncaughtException', untyped(listener));
    }
    expect(told).toEqual([2, 4]);
    await service.close();
  });

  test('what an observer pushes lands in a later epoch', async () => {
    const { service } = await started();
    const order: string[] = [];
    service.epochs({ at: 'settled' }).subscribe(({ epoch }) => order.push(`epoch ${epoch} over`));
    service.changes('doubled', { at: 'settled' }).subscribe((change) => {
      order.push(`told of epoch ${change.epoch}`);
      if (change.epoch < 3) void service.push('x', change.epoch + 10).then(({ epoch }) => order.push(`landed in ${epoch}`));
    });
    await service.push('x', 1);
    await service.durable();
    await ready();
    expect(order.filter((line) => !line.startsWith('landed'))).toEqual([
      'told of epoch 1', 'epoch 1 over', 'told of epoch 2', 'epoch 2 over', 'told of epoch 3', 'epoch 3 over',
    ]); // prettier-ignore
    expect(order.filter((line) => line.startsWith('landed'))).toEqual(['landed in 2', 'landed in 3']);
    await service.close();
  });

  test('by iteration, lag policies give all, or what stands for what was not asked for', async () => {
    const { service } = await started();
    const iterate = (lag?: Lag) => service.changes('doubled', lag === undefined ? {} : { lag })[Symbol.asyncIterator]();
    const [lossless, conflate, latest] = [iterate(), iterate({ policy: 'conflate' }), iterate({ policy: 'latest' })];
    for (const n of [1, 2, 3]) await service.push('x', n);
    const closed = service.close();
    const all = async (iterator: ReturnType<typeof iterate>): Promise<readonly unknown[]> => {
      const given: unknown[] = [];
      for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) given.push(valueOf(next.value));
      return given;
    };
    await closed;
    expect(await Promise.all([lossless, conflate, latest].map(all))).toEqual([[2, 4, 6], [6], [6]]);
  });

  test('who stops to iterate is forgotten; who iterates a service that ends is at the end, or told why it ended', async () => {
    const interference: LiveInterference = {};
    const { service } = await started(interference);
    const told: unknown[] = [];
    const reading = (async () => {
      for await (const change of service.changes('doubled')) {
        told.push(valueOf(change));
        if (told.length === 2) break;
      }
    })();
    for (const n of [1, 2, 3]) await service.push('x', n);
    await reading;
    expect(told).toEqual([2, 4]);
    const waiting = service.epochs()[Symbol.asyncIterator]().next();
    interference.beforeAppend = () => {
      throw new Error('the disk is gone');
    };
    const failed = service.push('x', 4);
    await expect(failed).rejects.toThrow('the disk is gone');
    await expect(waiting).rejects.toThrow('the disk is gone');
    await expect(service.closed).rejects.toThrow('the disk is gone');
    const late = service.epochs()[Symbol.asyncIterator]().next();
    await expect(late).rejects.toThrow('the disk is gone');
  });

  test('unknown names and options are refused at the call', async () => {
    const { service } = await started();
    expect(() => service.changes(untyped('dubled'))).toThrow('doubled');
    expect(() => service.value('doubled', untyped({ at: 'once' }))).toThrow('"at"');
    expect(() => service.epochs(untyped({ lag: { policy: 'lossless' } }))).toThrow('"lag"');
    await expect(service.current(untyped('nothing'))).rejects.toMatchObject({ code: 'UNKNOWN_ASSET' });
    await expect(service.push('y', 1)).rejects.toMatchObject({ code: 'UNKNOWN_SOURCE', details: { key: 'y' } });
    await expect(service.push('x', 1, untyped({ offset: 1 }))).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    await service.close();
  });
});

describe('glitches', () => {
  test('every call over a diamond sees inputs of one epoch, and there is one call an epoch', async () => {
    const calls: (readonly [number, number, number])[] = [];
    const later = (name: string, ms: number) =>
      op({
        name,
        codeVersion: '1',
        inputs: { x: input<number>() },
        run: async ({ x }) => {
          await ready(ms * (x % 3));
          return x;
        },
      });
    const join = op({
      name: 'join',
      codeVersion: '1',
      inputs: { a: input<number>(), b: input<number>(), x: input<number>() },
      run: ({ a, b, x }) => {
        calls.push([a, b, x]);
        return a + b + x;
      },
    });
    const body = graph('diamond', { inputs: { x: input<number>() } }, ({ x }) =>
      join({ a: later('left', 1)({ x }), b: later('right', 2)({ x }), x }),
    );
    const service = await live(define({ assets: [source<number>('x'), assetsFromGraph(body)] }), {});
    const changes = seenOf(service.changes('diamond'));
    await Promise.all([1, 2, 3, 4, 5, 6].map((n) => service.push('x', n)));
    expect(calls).toEqual([1, 2, 3, 4, 5, 6].map((n) => [n, n, n]));
    expect(changes.map(valueOf)).toEqual([3, 6, 9, 12, 15, 18]);
    await service.close();
  });

  test('two sources that change together are one call with both', async () => {
    const called: string[] = [];
    const service = await live(
      pair((a, b) => called.push(`${a} ${b}`)),
      { epochs: { marks: true } },
    );
    for (const n of [1, 2, 3]) {
      const pushed = [service.push('a', n), service.push('b', n)];
      service.mark();
      await Promise.all(pushed);
    }
    expect(called).toEqual(['1 1', '2 2', '3 3']);
    await service.close();
  });
});

test('who conflates epochs and does not ask is kept each step and key for once, with its last failure, however many there were', async () => {
  const failing = chain((x) => {
    if (x % 2 === 1) throw new RangeError(`${x} is odd`);
    return x;
  });
  await using service = await live(failing, { store: memoryStore() });
  const epochs = service.epochs({ lag: { policy: 'conflate' } })[Symbol.asyncIterator]();
  for (let x = 0; x <= 21; x += 1) await service.push('x', x);
  const { value } = await epochs.next();
  expect(value).toMatchObject({ items: 22, epoch: 21, ran: ['double', 'say'], blocked: ['say'] });
  expect(value).toMatchObject({
    materialized: ['doubled', 'text'],
    failed: [{ step: 'double', error: { cause: { message: '21 is odd' } } }],
  });
});
