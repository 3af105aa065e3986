import { describe, expect, test } from 'vitest';
import {
  asset,
  assetsFromGraph,
  define,
  graph,
  input,
  list,
  materialize,
  nothing,
  op,
  optional,
  plan,
  resolve,
  run,
  source,
  type Definitions,
} from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { deferred, ready } from '../rig/deferred.ts';
import { untyped } from '../rig/untyped.ts';
import { ofType, watchRun } from '../rig/watch-run.ts';
import { logOf, watchedStore } from '../rig/watched-store.ts';

const reads = (key: string, ...from: readonly string[]) =>
  asset({
    key,
    inputs: Object.fromEntries(from.map((name) => [name, input<number>()])),
    run: (inputs) => Object.values<number>(inputs).reduce((sum, x) => sum + x, 1),
  });

/** Everything that a store tells, to compare before and after. */
async function everything(store: ReturnType<typeof memoryStore>): Promise<unknown> {
  return { log: await logOf(store), runs: await store.runs() };
}

describe('a source’s value is recorded before any step reads it (D7)', () => {
  const defs = define({ assets: [source<number>('feed'), source<number>('other'), reads('out', 'feed')] });

  test('by store.put: an equal value writes nothing and gives the position of the first', async () => {
    const store = memoryStore();
    const first = await store.put('feed', 1);
    expect(first).toMatchObject({ observed: true, position: 1 });
    expect(await store.put('feed', 1)).toEqual({ ...first, observed: false });
    expect(await store.put('feed', 2)).toMatchObject({ observed: true, position: 2 });
    // Equal to what readers get now, not to any older one.
    expect(await store.put('feed', 1)).toMatchObject({ observed: true, position: 3, version: first.version });
    expect(await logOf(store)).toHaveLength(3);
    expect((await materialize(defs, { store })).value('out')).toBe(2);
    expect(ofType(await logOf(store), 'source-observed')).toHaveLength(3);
  });

  test('by "sources": the observation comes right after run-started, and inputs point at it', async () => {
    const store = memoryStore();
    await materialize(defs, { store, sources: { feed: 5 } });
    const log = await logOf(store);
    expect(log.slice(0, 2).map(({ type }) => type)).toEqual(['run-started', 'source-observed']);
    const [observed] = ofType(log, 'source-observed');
    expect(observed).toMatchObject({ key: 'feed', runId: (await store.runs())[0]?.started.runId, offset: null });
    expect(ofType(log, 'step-settled')[0]?.inputs).toMatchObject([
      { input: 'feed', origin: { from: 'asset', key: 'feed' }, position: observed?.position, state: { version: observed?.version } },
    ]);
    expect(await store.value('feed')).toBe(5);
    expect(await store.value('out')).toBe(6);
  });

  test('by "sources": an equal value writes nothing, and inputs point at the event that is there', async () => {
    const store = memoryStore();
    const put = await store.put('feed', 5);
    await materialize(defs, { store, sources: { feed: 5 } });
    const log = await logOf(store);
    expect(ofType(log, 'source-observed')).toHaveLength(1);
    expect(ofType(log, 'step-settled')[0]?.inputs).toMatchObject([{ position: put.position }]);
  });

  test('"sources" are taken as they are when the run is asked for, also where it has to wait for its turn', async () => {
    const store = memoryStore();
    const release = await store.turn('queue');
    const sources: Record<string, number> = { feed: 1 };
    const tags: Record<string, string> = { by: 'one' };
    const running = materialize(defs, { store, sources, tags });
    sources['feed'] = 2;
    sources['other'] = 3;
    tags['by'] = 'two';
    release();
    expect((await running).value('out')).toBe(2);
    expect(await store.value('other')).toBeUndefined();
    expect((await store.runs())[0]?.started.tags).toEqual({ by: 'one' });
  });

  /** A store in which somebody puts values of sources just before a run begins to write, once each. */
  function overtakenBy(...puts: readonly (readonly [key: string, value: number])[]): ReturnType<typeof watchedStore> {
    const left = [...puts];
    const watched = watchedStore({
      beforeAppend: async ({ events }) => {
        const put = events[0]?.type === 'run-started' ? left.shift() : undefined;
        if (put !== undefined) await watched.store.put(...put);
      },
    });
    return watched;
  }

  test('by "sources": of equal values of a run and a put at the same time, one is logged, and the run reads as of that', async () => {
    const { store } = overtakenBy(['feed', 5]);
    const result = await materialize(defs, { store, sources: { feed: 5 } });
    expect(result.value('out')).toBe(6);
    const log = await logOf(store);
    expect(log.filter(({ type }) => type === 'source-observed')).toMatchObject([{ position: 1, key: 'feed', runId: null }]);
    expect(log[1]).toMatchObject({ type: 'run-started', readsAt: 1 });
    expect(log.find(({ type }) => type === 'step-settled')).toMatchObject({ inputs: [{ position: 1 }] });
  });

  test('by "sources": a value comes after another one that was put at the same time, each time, and sources are read once', async () => {
    const { store } = overtakenBy(['feed', 1], ['other', 2], ['feed', 3]);
    let looks = 0;
    const live = source<number>('other', { read: () => (looks += 1) + 9 });
    const both = define({ assets: [source<number>('feed'), live, reads('out', 'feed', 'other')] });
    const result = await materialize(both, { store, sources: { feed: 5 } });
    expect(result.value('out')).toBe(16);
    expect(looks).toBe(1);
    const log = await logOf(store);
    expect(log.slice(0, 4)).toMatchObject([{ key: 'feed' }, { key: 'other' }, { key: 'feed' }, { type: 'run-started', readsAt: 3 }]);
    expect(log.slice(4, 6)).toMatchObject([
      { type: 'source-observed', key: 'feed' },
      { type: 'source-observed', key: 'other' },
    ]);
    expect(await store.value('feed')).toBe(5);
  });

  test('by "sources", also for a source that nothing in the plan reads', async () => {
    const store = memoryStore();
    await materialize(defs, { store, sources: { feed: 1, other: 2 } });
    expect(await store.value('other')).toBe(2);
  });

  test('"sources" names sources: an unknown one, or an asset, is refused with the nearest names, and nothing is written', async () => {
    const store = memoryStore();
    await expect(materialize(defs, { store, sources: { fed: 1 } })).rejects.toMatchObject({
      code: 'UNKNOWN_SOURCE',
      message: expect.stringContaining('"feed"'),
    });
    await expect(materialize(defs, { store, sources: { feed: 1, out: 1 } })).rejects.toMatchObject({ code: 'UNKNOWN_SOURCE' });
    await expect(materialize(defs, { store, sources: JSON.parse('{"__proto__":1}') })).rejects.toMatchObject({ code: 'UNKNOWN_SOURCE' });
    expect(await logOf(store)).toEqual([]);
  });

  test.each<[string, unknown]>([
    ['undefined', undefined],
    ['a function', () => 1],
    ['an instance of a class', new (class Feed {})()],
  ])('a source cannot be %s: nothing runs and nothing is written', async (_, value) => {
    const store = memoryStore();
    await expect(materialize(defs, { store, sources: { feed: value } })).rejects.toMatchObject({ code: 'VALUE_NOT_STORABLE' });
    await expect(store.put('feed', value)).rejects.toMatchObject({ code: 'VALUE_NOT_STORABLE' });
    expect(await logOf(store)).toEqual([]);
  });

  test('sources cannot be selected', async () => {
    await expect(materialize(untyped<Definitions>(defs), { select: ['feed'] })).rejects.toMatchObject({ code: 'SOURCE_NOT_COMPUTED' });
  });

  test('what a run was given is fixed when it starts: changing it later changes nothing of the record', async () => {
    const rows = new Map([['a', 1]]);
    const gate = deferred();
    const made = define({
      assets: [
        source<Map<string, number>>('rows'),
        asset({ key: 'size', inputs: { rows: input<Map<string, number>>() }, run: async () => (await gate.promise, 1) }),
      ],
    });
    const store = memoryStore();
    const running = materialize(made, { store, sources: { rows } });
    await ready();
    rows.set('b', 2);
    gate.resolve();
    await running;
    expect(await store.value('rows')).toEqual(new Map([['a', 1]]));
  });
});

describe('a source that is read (D7)', () => {
  function readable(read: () => unknown) {
    let calls = 0;
    const feed = source<number>('feed', { read: untyped(() => ((calls += 1), read())) });
    const other = source<number>('other', { read: untyped(() => ((calls += 100), 1)) });
    const defs = define({
      assets: [
        feed,
        other,
        reads('a', 'feed'),
        reads('b', 'feed'),
        reads('c', 'a', 'b'),
        asset({ key: 'free', run: () => 0 }),
        reads('d', 'other'),
      ],
    });
    return { defs, calls: () => calls };
  }

  test.each<[string, () => unknown]>([
    ['at once', () => 5],
    ['later', async () => 5],
  ])('once a run, also when several steps read it, and not when no step of the plan does: %s', async (_, read) => {
    const { defs, calls } = readable(read);
    const store = memoryStore();
    const result = await materialize(defs, { store, select: ['a', 'b', 'c'] });
    expect(result.value('c')).toBe(13);
    expect(calls()).toBe(1);
    await materialize(defs, { store, select: ['free'] });
    expect(calls()).toBe(1);
    await materialize(defs, { store, select: ['a'] });
    expect(calls()).toBe(2);
    // An equal value writes nothing.
    expect(ofType(await logOf(store), 'source-observed')).toHaveLength(1);
  });

  test('not where the run was given its value', async () => {
    const { defs, calls } = readable(() => 5);
    expect((await materialize(defs, { select: ['a'], sources: { feed: 7 } })).value('a')).toBe(8);
    expect(calls()).toBe(0);
  });

  test.each<[string, () => unknown, unknown]>([
    [
      'throws',
      () => {
        throw new Error('down');
      },
      new Error('down'),
    ],
    ['rejects', () => Promise.reject(new Error('down')), new Error('down')],
    [
      'throws no Error',
      () => {
        throw 'down';
      },
      'down',
    ],
  ])('where it %s, nothing runs and nothing is written', async (_, read, cause) => {
    const { defs } = readable(read);
    const store = memoryStore();
    const failing = materialize(defs, { store, select: ['a'] });
    await expect(failing).rejects.toMatchObject({ code: 'SOURCE_READ_FAILED', cause, message: expect.stringContaining('down') });
    expect(await logOf(store)).toEqual([]);
    expect((await materialize(defs, { store, select: ['free'], whenBusy: 'error' })).success).toBe(true);
  });

  test('where it throws what cannot even be printed', async () => {
    const { defs } = readable(() => {
      throw Object.create(Error.prototype, {
        message: {
          get: () => {
            throw new Error('no message');
          },
        },
      });
    });
    await expect(materialize(defs, { select: ['a'] })).rejects.toMatchObject({ code: 'SOURCE_READ_FAILED' });
  });

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['a function', () => 1],
    [
      'a cycle',
      (() => {
        const value: Record<string, unknown> = {};
        value['self'] = value;
        return value;
      })(),
    ],
  ])('where it gives %s, nothing runs and nothing is written', async (_, value) => {
    const { defs } = readable(() => value);
    const store = memoryStore();
    await expect(materialize(defs, { store, select: ['a'] })).rejects.toMatchObject({ code: 'VALUE_NOT_STORABLE' });
    expect(await logOf(store)).toEqual([]);
  });

  test('null is a value (X11)', async () => {
    const made = define({
      assets: [
        source<null>('feed', { read: () => null }),
        asset({ key: 'out', inputs: { feed: input<null>() }, run: ({ feed }) => feed === null }),
      ],
    });
    expect((await materialize(made)).value('out')).toBe(true);
  });

  test('its value counts as observed where the run reads, and is not written when the run stops for a missing value (N7, N8)', async () => {
    const made = define({ assets: [source<number>('feed', { read: () => 1 }), reads('up'), reads('out', 'feed', 'up')] });
    const store = memoryStore();
    await expect(materialize(made, { store, select: ['out'], sources: {} })).rejects.toMatchObject({ code: 'MISSING_VALUE' });
    expect(await logOf(store)).toEqual([]);
  });
});

describe('a missing value stops a run before its first step (N7)', () => {
  const two = (): Definitions =>
    untyped(define({ assets: [source<number>('feed'), reads('up', 'feed'), reads('out', 'up'), reads('both', 'up', 'feed')] }));

  test.each<[string, readonly string[], string]>([
    ['a source without a value', ['up'], 'feed'],
    ['an asset that was never made', ['out'], 'up'],
  ])('%s: it names the asset and who needs it, nothing runs, and nothing is written', async (_, select, missing) => {
    const store = memoryStore();
    await store.put('unrelated', 1);
    const before = await everything(store);
    const { error, events } = await watchRun(run(plan(two(), { select }), { store }));
    expect(error).toMatchObject({
      code: 'MISSING_VALUE',
      details: { missing: [{ key: missing, readers: [`${select[0]}:${select[0]}`] }] },
    });
    expect(events).toEqual([]);
    expect(await everything(store)).toEqual(before);
  });

  test('also where its step failed, was blocked or cancelled, and there is no earlier value', async () => {
    const defs = define({
      assets: [
        asset({
          key: 'up',
          run: (): number => {
            throw new Error('x');
          },
        }),
        reads('mid', 'up'),
        reads('out', 'mid'),
      ],
    });
    const store = memoryStore();
    await materialize(defs, { store, throwOnFailure: false });
    const before = await everything(store);
    await expect(materialize(defs, { store, select: ['out'] })).rejects.toMatchObject({ code: 'MISSING_VALUE' });
    expect(await everything(store)).toEqual(before);
  });

  test('a failure changes nothing of what a load gets (F8), and after absent it is absent', async () => {
    let up: number | undefined | Error = 1;
    const made = op({
      name: 'made',
      outputs: { up: optional<number>() },
      run: () => {
        if (up instanceof Error) throw up;
        return up === undefined ? {} : { up };
      },
    });
    const defs = define({ assets: [assetsFromGraph(graph('g', () => ({ up: made().up }))), reads('out', 'up')] });
    const store = memoryStore();
    await materialize(defs, { store, select: ['up'] });
    up = new Error('x');
    await materialize(defs, { store, select: ['up'], throwOnFailure: false });
    expect((await materialize(defs, { store, select: ['out'] })).value('out')).toBe(2);
    up = undefined;
    await materialize(defs, { store, select: ['up'] });
    expect((await materialize(defs, { store, select: ['out'] })).outcome('out')).toBe('absent');
    up = 1;
    await materialize(defs, { store, select: ['up'] });
    expect((await materialize(defs, { store, select: ['out'] })).value('out')).toBe(2);
  });

  test('order alone needs no value (N6), and points at the event where there is one', async () => {
    const defs = define({ assets: [reads('up'), asset({ key: 'after', inputs: { up: nothing() }, run: () => 1 })] });
    const store = memoryStore();
    await materialize(defs, { store, select: ['after'] });
    await materialize(defs, { store, select: ['up'] });
    await materialize(defs, { store, select: ['after'] });
    const positions = ofType(await logOf(store), 'step-settled').flatMap(({ step, inputs }) =>
      step === 'after' ? inputs.map(({ position }) => position) : [],
    );
    expect(positions).toEqual([null, ofType(await logOf(store), 'asset-materialized').find(({ key }) => key === 'up')?.position]);
  });

  test('resolve alone finds it too, and writes nothing when it finds nothing missing', async () => {
    const store = memoryStore();
    await expect(resolve(plan(two(), { select: ['up'] }), store)).rejects.toMatchObject({ code: 'MISSING_VALUE' });
    const resolved = await resolve(plan(two(), { select: ['up'] }), store, { sources: { feed: 1 } });
    expect(resolved.readsAt).toBe(0);
    expect(await store.port.head()).toBe(0);
  });

  test('resolve refuses what is no plan, and what is no store', async () => {
    await expect(resolve(untyped(two()), memoryStore())).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    await expect(resolve(plan(two()), untyped(Promise.resolve(memoryStore())))).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });

  test('a stored value that cannot be read any more errors the run, which the log says has failed', async () => {
    let broken = false;
    const { store } = watchedStore({
      beforeValues: () => {
        if (broken) throw new Error('gone');
      },
    });
    const defs = define({ assets: [reads('up'), reads('out', 'up'), reads('beside', 'up')] });
    await materialize(defs, { store, select: ['up'] });
    broken = true;
    const { error, events } = await watchRun(run(plan(defs, { select: ['out', 'beside'] }), { store }));
    expect(error).toEqual(new Error('gone'));
    expect(events.at(-1)).toMatchObject({ type: 'run-ended', status: 'failed' });
    broken = false;
    expect((await materialize(defs, { store, select: ['out', 'beside'], whenBusy: 'error' })).success).toBe(true);
  });
});

describe('siblings that the selection does not name (N6)', () => {
  let runs: string[] = [];
  const made = (name: string, value: number | undefined) =>
    op({
      name,
      outputs: { out: optional<number>() },
      run: () => {
        runs.push(name);
        return value === undefined ? {} : { out: value };
      },
    });
  const defs = (value: number | undefined) => {
    const collect = op({
      name: 'collect',
      inputs: { all: list<number>() },
      run: ({ all }) => {
        runs.push('collect');
        return all;
      },
    });
    const plain = op({
      name: 'plain',
      run: () => {
        runs.push('plain');
        return 7;
      },
    });
    return define({
      assets: [
        assetsFromGraph(
          graph('g', () => {
            const up = made('made', value)().out;
            return { up, down: collect({ all: [plain(), up, plain.as('again')()] }) };
          }),
          { canSubset: true },
        ),
      ],
    });
  };

  test('recompute and auto: its step runs, its value is used, and it is not recorded', async () => {
    for (const inGraphUpstream of ['recompute', 'auto'] as const) {
      runs = [];
      const store = memoryStore();
      const result = await materialize(defs(1), { store, select: ['down'], inGraphUpstream });
      expect(result.value('down')).toEqual([7, 1, 7]);
      expect(runs).toContain('made');
      expect(ofType(await logOf(store), 'asset-materialized').map(({ key }) => key)).toEqual(['down']);
    }
  });

  test('load: its stored value goes into its place in the fan-in, and its step does not run', async () => {
    const store = memoryStore();
    await materialize(defs(5), { store });
    runs = [];
    const result = await materialize(defs(1), { store, select: ['down'], inGraphUpstream: 'load' });
    expect(result.value('down')).toEqual([7, 5, 7]);
    expect(runs).toEqual(['plain', 'plain', 'collect']);
    const [started] = ofType(
      (await watchRun(run(plan(defs(1), { select: ['down'], inGraphUpstream: 'load' }), { store }))).events,
      'step-started',
    ).filter(({ op: name }) => name === 'collect');
    expect(started?.loaded).toEqual(['up']);
  });

  test('load: what is absent is an absent entry, and what never was stops the run', async () => {
    const store = memoryStore();
    await expect(materialize(defs(1), { store, select: ['down'], inGraphUpstream: 'load' })).rejects.toMatchObject({
      code: 'MISSING_VALUE',
    });
    await materialize(defs(undefined), { store });
    expect((await materialize(defs(1), { store, select: ['down'], inGraphUpstream: 'load' })).value('down')).toEqual([7, 7]);
  });
});

describe('stale inputs (N5)', () => {
  const version = (codeVersion: string) => ({ codeVersion });
  const world = (up: object = version('1'), top: object = version('1')) =>
    define({
      assets: [
        source<number>('feed'),
        asset({ key: 'top', inputs: { feed: input<number>() }, run: ({ feed }) => feed, ...top }),
        asset({ key: 'up', inputs: { top: input<number>() }, run: ({ top: x }) => x, ...up }),
        asset({ key: 'out', inputs: { up: input<number>() }, run: ({ up: x }) => x, codeVersion: '1' }),
      ],
    });

  async function staleAfter(
    change: (store: ReturnType<typeof memoryStore>) => Promise<unknown>,
    later: Definitions = untyped(world()),
  ): Promise<unknown> {
    const store = memoryStore();
    const first = world();
    await materialize(first, { store, sources: { feed: 1 }, select: ['top'] });
    await materialize(first, { store, select: ['up'] });
    await change(store);
    const result = await materialize(later, { store, select: ['out'] });
    expect(result.value('out')).toBe(1);
    return result.staleInputs;
  }

  test('none where everything upstream is as it was', async () => {
    expect(await staleAfter(async () => undefined)).toEqual([]);
    expect(await staleAfter((store) => store.put('feed', 1))).toEqual([]);
  });

  test('a changed source, however far up', async () => {
    expect(await staleAfter((store) => store.put('feed', 2))).toEqual([{ key: 'up', cause: 'data', what: 'feed' }]);
  });

  test('changed code, of its own op or further up', async () => {
    expect(await staleAfter(async () => undefined, untyped(world(version('2'))))).toMatchObject([{ key: 'up', cause: 'code' }]);
    expect(await staleAfter(async () => undefined, untyped(world(version('1'), version('2'))))).toMatchObject([
      { key: 'up', cause: 'upstream' },
    ]);
  });

  test('an upstream asset that was made again meanwhile, with another value', async () => {
    expect(
      await staleAfter(async (store) => {
        await store.put('feed', 2);
        await materialize(world(), { store, select: ['top'] });
      }),
    ).toMatchObject([{ key: 'up', cause: 'data', what: 'top' }]);
  });

  test('an upstream asset that was made again meanwhile and came out equal is no reason', async () => {
    expect(await staleAfter((store) => materialize(world(), { store, select: ['top'] }))).toEqual([]);
  });

  test('an op without codeVersion is trusted while its definitions object lives, and not by another one (F6)', async () => {
    const one = world({});
    const store = memoryStore();
    await materialize(one, { store, sources: { feed: 1 }, select: ['top'] });
    await materialize(one, { store, select: ['up'] });
    expect((await materialize(one, { store, select: ['out'] })).staleInputs).toEqual([]);
    expect((await materialize(world({}), { store, select: ['out'] })).staleInputs).toMatchObject([{ key: 'up', cause: 'code' }]);
  });

  test('an asset that an unselected output of another run left behind is judged by its own record', async () => {
    const defs = world();
    const store = memoryStore();
    await materialize(defs, { store, sources: { feed: 1 }, select: ['top', 'up'] });
    expect((await materialize(defs, { store, select: ['out'] })).staleInputs).toEqual([]);
  });

  test('what the run makes itself is not listed', async () => {
    expect((await materialize(world(), { store: memoryStore(), sources: { feed: 1 } })).staleInputs).toEqual([]);
  });

  test('what order alone waits for is not loaded, and so not listed either (N6)', async () => {
    const defs = define({
      assets: [
        asset({ key: 'up', run: () => 1 }),
        asset({ key: 'after', inputs: { up: nothing() }, run: () => 1 }),
        asset({ key: 'reader', inputs: { up: input<number>() }, run: ({ up }) => up }),
      ],
    });
    const later = define({ assets: [...defs.definitions] });
    const store = memoryStore();
    expect((await materialize(defs, { store, select: ['after'] })).staleInputs).toEqual([]);
    await materialize(defs, { store, select: ['up'] });
    expect((await materialize(untyped<Definitions>(later), { store, select: ['after'] })).staleInputs).toEqual([]);
    expect((await materialize(untyped<Definitions>(later), { store, select: ['after', 'reader'] })).staleInputs).toMatchObject([
      { key: 'up', cause: 'code' },
    ]);
  });

  test('with crossGraphUpstream "auto" it is made anew instead, as a sibling would be', async () => {
    const defs = world();
    const store = memoryStore();
    await materialize(defs, { store, sources: { feed: 1 } });
    await store.put('feed', 2);
    const result = await materialize(defs, { store, select: ['out'], crossGraphUpstream: 'auto' });
    expect(result.value('out')).toBe(2);
    expect(result.staleInputs).toEqual([]);
  });
});

describe('a run reads at one position (R7, N8)', () => {
  test('a put beside a run does not change what it reads, however late it reads', async () => {
    const gate = deferred();
    const defs = define({
      assets: [
        source<number>('feed'),
        asset({ key: 'slow', inputs: { feed: input<number>() }, run: async ({ feed }) => (await gate.promise, feed) }),
        asset({ key: 'late', inputs: { slow: input<number>(), feed: input<number>() }, run: ({ slow, feed }) => [slow, feed] }),
      ],
    });
    const store = memoryStore();
    const put = await store.put('feed', 1);
    const running = materialize(defs, { store });
    await ready();
    await store.put('feed', 2);
    gate.resolve();
    expect((await running).value('late')).toEqual([1, 1]);
    const log = await logOf(store);
    const fed = ofType(log, 'step-settled').flatMap(({ inputs }) => inputs.filter(({ input: name }) => name === 'feed'));
    expect(fed.map(({ position }) => position)).toEqual([put.position, put.position]);
    expect(ofType(log, 'run-started')[0]?.readsAt).toBe(1);
    expect(await store.value('feed')).toBe(2);
    expect((await materialize(defs, { store })).value('late')).toEqual([2, 2]);
  });

  test('a queued run reads where the one before it ended', async () => {
    const defs = define({ assets: [reads('up'), reads('out', 'up')] });
    const store = memoryStore();
    const [, second] = await Promise.all([materialize(defs, { store, select: ['up'] }), materialize(defs, { store, select: ['out'] })]);
    expect(second.value('out')).toBe(2);
    const [first, later] = ofType(await logOf(store), 'run-started');
    expect(later?.readsAt).toBe((later?.position ?? 0) - 1);
    expect(first?.readsAt).toBe(0);
  });

  test('a run that is cancelled while a value is fetched does not start the step that needs it (X12)', async () => {
    const gate = deferred();
    let fetching = false;
    const { store } = watchedStore({
      beforeValues: () => {
        fetching = true;
        return gate.promise;
      },
    });
    let ran = false;
    const defs = define({
      assets: [asset({ key: 'up', run: () => 1 }), asset({ key: 'out', inputs: { up: input<number>() }, run: () => (ran = true) })],
    });
    await materialize(defs, { store, select: ['up'] });
    const controller = new AbortController();
    const running = materialize(defs, { store, select: ['out'], signal: controller.signal });
    await ready();
    expect(fetching).toBe(true);
    controller.abort();
    gate.resolve();
    await expect(running).rejects.toMatchObject({ code: 'RUN_CANCELLED' });
    expect(ran).toBe(false);
  });

  test('a value is read from the store once a run, however many steps read it', async () => {
    let asked = 0;
    const { store } = watchedStore({ beforeValues: () => void (asked += 1) });
    const defs = define({ assets: [reads('up'), ...Array.from({ length: 5 }, (_, index) => reads(`out${index}`, 'up'))] });
    await materialize(defs, { store, select: ['up'] });
    await materialize(untyped<Definitions>(defs), { store, select: Array.from({ length: 5 }, (_, index) => `out${index}`) });
    expect(asked).toBe(1);
  });
});
