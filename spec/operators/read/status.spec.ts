import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  asset,
  assetsFromGraph,
  define,
  graph,
  input,
  materialize,
  op,
  optional,
  output,
  refresh,
  resource,
  source,
  status,
  type Definitions,
  type Status,
  type Store,
} from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { openStore } from '../../../store/open-store.ts';
import { newFolder } from '../../store/folder.ts';
import { untyped } from '../rig/untyped.ts';
import { logOf } from '../rig/watched-store.ts';

const quiet = { throwOnFailure: false } as const;

/** `feed → first → a → b`, where `first` is no asset. */
function chain({ versions = {}, broken = '' }: { readonly versions?: Readonly<Record<string, string>>; readonly broken?: string } = {}) {
  const step = (name: string) =>
    op({
      name,
      codeVersion: versions[name] ?? '1',
      inputs: { x: input<number>() },
      run: ({ x }) => {
        if (broken === name) throw new Error('broken');
        return x + 1;
      },
    });
  const built = graph('chain', { inputs: { feed: input<number>() } }, ({ feed }) => {
    const a = step('second')({ x: step('first')({ x: feed }) });
    return { a, b: step('third')({ x: a }) };
  });
  return define({ assets: [source<number>('feed'), assetsFromGraph(built, { canSubset: true })] });
}

const causes = ({ assets }: Status): unknown => [...assets].map(([key, { state, stale }]) => [key, stale ?? state]);

async function filled(defs: Definitions = chain()): Promise<Store> {
  const store = memoryStore();
  await refresh(defs, { store, sources: { feed: 1 } });
  return store;
}

describe('status says', () => {
  test('fresh, with the event that readers get', async () => {
    const store = await filled();
    const told = await status(chain(), store);
    expect([...told.assets.values()]).toEqual([
      { key: 'a', state: 'fresh', stale: undefined, position: (await store.latest('a'))?.position, sentence: '"a" is fresh.' },
      { key: 'b', state: 'fresh', stale: undefined, position: (await store.latest('b'))?.position, sentence: '"b" is fresh.' },
    ]);
    expect(told.position).toBe(await store.port.head());
    expect(String(told)).toBe('"a" is fresh.\n"b" is fresh.');
    expect([Object.isFrozen(told), [...told.assets.values()].every(Object.isFrozen)]).toEqual([true, true]);
  });

  test('never, of a store with nothing in it: a source that was never put, or an asset', async () => {
    expect(String(await status(chain(), memoryStore()))).toBe('"a" is stale: "feed" was never made.\n"b" is stale: "feed" was never made.');
    const alone = define({ assets: [asset({ key: 'x', run: () => 1 })] });
    const told = await status(alone, memoryStore());
    expect([...told.assets.values()]).toEqual([
      {
        key: 'x',
        state: 'stale',
        stale: { cause: 'never', what: 'x' },
        position: undefined,
        sentence: '"x" is stale: it was never recorded.',
      },
    ]);
  });

  test('never, of an asset that was made and not recorded', async () => {
    const store = memoryStore();
    await materialize(chain(), { store, select: ['b'], sources: { feed: 1 } });
    expect(causes(await status(chain(), store))).toEqual([
      ['a', { cause: 'never', what: 'a' }],
      ['b', 'fresh'],
    ]);
    expect((await refresh(chain(), { store, select: ['a'] })).steps.get('second')?.outcome).toBe('reused');
  });

  test('data, with the source, however far upstream it is', async () => {
    const store = await filled();
    await store.put('feed', 2);
    expect(String(await status(chain(), store))).toBe('"a" is stale: "feed" changed.\n"b" is stale: "feed" changed.');
    await store.put('feed', 1);
    expect(causes(await status(chain(), store))).toEqual([
      ['a', 'fresh'],
      ['b', 'fresh'],
    ]);
  });

  test('data, with the asset, where that was made anew and not what reads it', async () => {
    const store = await filled();
    await refresh(chain(), { store, select: ['a'], sources: { feed: 2 } });
    expect(causes(await status(chain(), store))).toEqual([
      ['a', 'fresh'],
      ['b', { cause: 'data', what: 'a' }],
    ]);
  });

  test('data, where what was recorded last is not what the step gave last', async () => {
    const store = await filled();
    await materialize(chain(), { store, select: ['b'], inGraphUpstream: 'recompute', sources: { feed: 2 } });
    const told = await status(chain(), store);
    expect(causes(told)).toEqual([
      ['a', { cause: 'data', what: 'a' }],
      ['b', 'fresh'],
    ]);
    expect(told.assets.get('a')?.sentence).toBe('"a" is stale: what was recorded last is not what its step gave last.');
  });

  test('code, with the step, and upstream behind it', async () => {
    const store = await filled();
    const told = await status(chain({ versions: { second: '2' } }), store);
    expect(causes(told)).toEqual([
      ['a', { cause: 'code', what: 'second' }],
      ['b', { cause: 'upstream', what: 'second' }],
    ]);
    expect(String(told)).toBe('"a" is stale: the code of "second" changed.\n"b" is stale: "second", upstream of it, has to run.');
  });

  test('code, where ops without a version come from another definitions object', async () => {
    const make = (): Definitions => define({ assets: [asset({ key: 'x', run: () => 1 })] });
    const [defs, store] = [make(), memoryStore()];
    await refresh(defs, { store });
    expect(causes(await status(defs, store))).toEqual([['x', 'fresh']]);
    expect(causes(await status(make(), store))).toEqual([['x', { cause: 'code', what: 'x' }]]);
  });

  test('code, where a resource has another version, as define provides it or as it is given', async () => {
    const api = resource<number>('api');
    const make = (version: string): Definitions =>
      define({
        assets: [asset({ key: 'x', codeVersion: '1', resources: { api }, run: (_, { resources }) => resources.api })],
        resources: [api.value(1, { version })],
      });
    const store = memoryStore();
    await refresh(make('1'), { store });
    expect(causes(await status(make('1'), store))).toEqual([['x', 'fresh']]);
    expect(causes(await status(make('2'), store))).toEqual([['x', { cause: 'code', what: 'x' }]]);
    expect(causes(await status(make('2'), store, { resources: [api.value(1, { version: '1' })] }))).toEqual([['x', 'fresh']]);
  });

  test('config, where it is given and another one', async () => {
    const defs = define({
      assets: [asset({ key: 'x', codeVersion: '1', config: z.object({ n: z.number().default(1) }), run: (_, { config }) => config.n })],
    });
    const store = memoryStore();
    await refresh(defs, { store, config: { ops: { x: { n: 2 } } } });
    expect(causes(await status(defs, store))).toEqual([['x', 'fresh']]);
    expect(causes(await status(defs, store, { config: { ops: { x: { n: 2 } } } }))).toEqual([['x', 'fresh']]);
    const told = await status(defs, store, { config: {} });
    expect(String(told)).toBe('"x" is stale: the config of "x" changed.');
  });

  test('wiring, where a step reads something else', async () => {
    const make = (from: string): Definitions =>
      define({
        assets: [
          source<number>('one'),
          source<number>('two'),
          asset({ key: 'x', codeVersion: '1', inputs: { n: input<number>() }, keysByInputName: { n: from }, run: ({ n }) => n }),
        ],
      });
    const store = memoryStore();
    await store.put('one', 1);
    await store.put('two', 1);
    await refresh(make('one'), { store });
    expect(String(await status(make('two'), store))).toBe('"x" is stale: "x" reads something else than before.');
  });

  test('volatile, always', async () => {
    const defs = define({ assets: [asset({ key: 'x', codeVersion: '1', volatile: true, run: () => 1 })] });
    const store = memoryStore();
    await refresh(defs, { store });
    expect(String(await status(defs, store))).toBe('"x" is stale: "x" is volatile, and runs every time.');
  });

  test('failed, where the last run gave no value, also when nothing else changed', async () => {
    const store = await filled();
    await materialize(chain({ broken: 'second' }), { store, ...quiet });
    const told = await status(chain(), store);
    expect(causes(told)).toEqual([
      ['a', { cause: 'failed', what: 'a' }],
      ['b', { cause: 'failed', what: 'b' }],
    ]);
    expect(told.assets.get('a')?.sentence).toBe('"a" is stale: its last run did not give it a value.');
    expect(told.assets.get('a')?.position).toBe((await store.latest('a'))?.position);
    await refresh(chain(), { store });
    expect(causes(await status(chain(), store))).toEqual([
      ['a', 'fresh'],
      ['b', 'fresh'],
    ]);
  });

  test('absent, of what has no value and would get none', async () => {
    const maybe = op({ name: 'maybe', codeVersion: '1', outputs: { x: optional<number>() }, run: () => ({}) });
    const next = op({ name: 'next', codeVersion: '1', inputs: { x: input<number>() }, run: ({ x }) => x });
    const built = graph('g', () => {
      const { x } = maybe();
      return { x, y: next({ x }) };
    });
    const defs = define({ assets: [assetsFromGraph(built)] });
    const store = memoryStore();
    await refresh(defs, { store });
    expect(String(await status(defs, store))).toBe('"x" is absent.\n"y" is absent.');
  });

  test('nothing of an output whose step never had to give it', async () => {
    const pair = op({ name: 'pair', codeVersion: '1', outputs: { l: output<number>(), r: output<number>() }, run: () => ({ l: 1, r: 2 }) });
    const defs = define({
      assets: [
        assetsFromGraph(
          graph('g', () => pair()),
          { canSubset: true },
        ),
      ],
    });
    const store = memoryStore();
    await refresh(defs, { store, select: untyped(['l']) });
    expect(causes(await status(defs, store))).toEqual([
      ['l', 'fresh'],
      ['r', { cause: 'never', what: 'pair' }],
    ]);
    expect(String(await status(defs, store))).toContain('"r" is stale: "pair" was never made.');
  });
});

describe('status', () => {
  test('of a selection, in the order of the definitions', async () => {
    const store = await filled();
    expect([...(await status(chain(), store, { select: ['b'] })).assets.keys()]).toEqual(['b']);
    await expect(status(chain(), store, { select: untyped(['c']) })).rejects.toMatchObject({ code: 'UNKNOWN_ASSET' });
    await expect(status(chain(), store, { select: untyped(['feed']) })).rejects.toMatchObject({ code: 'SOURCE_NOT_COMPUTED' });
  });

  test('runs nothing, reads no source and writes nothing', async () => {
    let reads = 0;
    const defs = define({
      assets: [
        source<number>('feed', { read: () => (reads += 1) }),
        asset({ key: 'x', codeVersion: '1', inputs: { feed: input<number>() }, run: ({ feed }) => feed }),
      ],
    });
    const store = memoryStore();
    await refresh(defs, { store });
    const log = await logOf(store);
    expect(causes(await status(defs, store))).toEqual([['x', 'fresh']]);
    expect([reads, await logOf(store)]).toEqual([1, log]);
  });

  test('is told in the middle of a run, as of what is recorded by then', async () => {
    const store = await filled();
    const release = await store.turn('queue');
    expect(causes(await status(chain(), store))).toEqual([
      ['a', 'fresh'],
      ['b', 'fresh'],
    ]);
    release();
  });

  test.each<[string, unknown[], string]>([
    ['no store', [undefined], 'status() takes a store second'],
    ['options for a store', [{ store: memoryStore() }], 'status() takes a store second'],
    ['an option that it does not have', [memoryStore(), { sources: {} }], 'status() has no option "sources"'],
    ['resources that are none', [memoryStore(), { resources: [1] }], '"resources"'],
  ])('refuses %s', async (_, given, said) => {
    const call: (...all: readonly unknown[]) => Promise<Status> = untyped(status);
    await expect(call(chain(), ...given)).rejects.toMatchObject({ code: 'INVALID_OPTION', message: expect.stringContaining(said) });
  });

  test('of a store on disk that another process reads too', async () => {
    const folder = await newFolder();
    const writer = await openStore(folder);
    await refresh(chain(), { store: writer, sources: { feed: 1 } });
    const reader = await openStore(folder, { mode: 'read' });
    expect(causes(await status(chain({ versions: { third: '2' } }), reader))).toEqual([
      ['a', 'fresh'],
      ['b', { cause: 'code', what: 'third' }],
    ]);
    await reader.close();
    await writer.close();
  });

  test('of a chain of 3,000 steps', async () => {
    const next = op({ name: 'next', codeVersion: '1', inputs: { x: input<number>() }, run: ({ x }) => x + 1 });
    const built = graph('long', { inputs: { feed: input<number>() } }, ({ feed }) => {
      let last = next({ x: feed });
      for (let index = 1; index < 3000; index += 1) last = next({ x: last });
      return last;
    });
    const defs = define({ assets: [source<number>('feed'), assetsFromGraph(built)] });
    const store = await filled(defs);
    expect(String(await status(defs, store))).toBe('"long" is fresh.');
    await store.put('feed', 2);
    expect(String(await status(defs, store))).toBe('"long" is stale: "feed" changed.');
  });
});
