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
  plan,
  source,
  type GivenConfig,
  type Store,
} from '../../../index.ts';
import { assetKey } from '../../../lib/model/asset-key.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { staleInputs, type StaleInput } from '../../../operators/run/stale-inputs.ts';

/** What a run that loads `key` would be told, if it were given that config. */
async function staleAt(
  defs: Parameters<typeof plan>[0],
  store: Store,
  { key, config }: { readonly key: string; readonly config?: GivenConfig },
) {
  const { port } = store;
  return staleInputs(defs, {
    port,
    readsAt: await port.head(),
    keys: [assetKey(key, 'a spec')],
    resources: new Map(),
    observed: new Map(),
    ...(config !== undefined && { config: plan(defs, { select: [], config }).config }),
  });
}

const times = z.object({ by: z.number().default(1) });
const top = asset({
  key: 'top',
  inputs: { feed: input<number>() },
  config: times,
  codeVersion: '1',
  run: ({ feed }, { config }) => feed * config.by,
});
const up = asset({ key: 'up', inputs: { top: input<number>() }, codeVersion: '1', run: ({ top: x }) => x });
const out = asset({ key: 'out', inputs: { up: input<number>() }, codeVersion: '1', run: ({ up: x }) => x });
const defs = define({ assets: [source<number>('feed'), top, up, out] });

async function made(config: GivenConfig): Promise<Store> {
  const store = memoryStore();
  await materialize(defs, { store, sources: { feed: 1 }, config });
  return store;
}

const topBy = (by: unknown): GivenConfig => ({ ops: { top: { by } } });

describe('a loaded asset (N5)', () => {
  test('is stale where this run would give its step another config', async () => {
    const store = await made(topBy(2));
    expect(await staleAt(defs, store, { key: 'top', config: topBy(3) })).toEqual([{ key: 'top', cause: 'config', what: 'top:top' }]);
    expect(await staleAt(defs, store, { key: 'top', config: topBy(2) })).toEqual([]);
  });

  test('is stale where this run would give none, and the default is another one', async () => {
    expect(await staleAt(defs, await made(topBy(2)), { key: 'top', config: {} })).toEqual([
      { key: 'top', cause: 'config', what: 'top:top' },
    ]);
    expect(await staleAt(defs, await made(topBy(1)), { key: 'top', config: {} })).toEqual([]);
    expect(await staleAt(defs, await made({}), { key: 'top', config: topBy(1) })).toEqual([]);
  });

  test('is stale where that is so of a step further up, which is named', async () => {
    const store = await made(topBy(2));
    expect(await staleAt(defs, store, { key: 'up', config: topBy(3) })).toEqual([{ key: 'up', cause: 'upstream', what: 'top:top' }]);
    expect(await staleAt(defs, store, { key: 'up', config: topBy(2) })).toEqual([]);
  });

  test('is judged by its latest trace', async () => {
    const store = await made(topBy(2));
    await materialize(defs, { store, select: ['top'], config: topBy(3) });
    expect(await staleAt(defs, store, { key: 'top', config: topBy(3) })).toEqual([]);
    expect(await staleAt(defs, store, { key: 'top', config: topBy(2) })).toMatchObject([{ cause: 'config' }]);
  });

  test('is not judged by a config that this run does not give, or gives wrongly: it need not, since it does not run the step', async () => {
    const needy = asset({ key: 'top', config: z.object({ by: z.number() }), codeVersion: '1', run: (_, { config }) => config.by });
    const both = define({ assets: [needy, up, out] });
    const store = memoryStore();
    await materialize(both, { store, config: topBy(2) });
    expect(await staleAt(both, store, { key: 'up', config: {} })).toEqual([]);
    expect(await staleAt(both, store, { key: 'up', config: topBy('x') })).toEqual([]);
    expect(await staleAt(both, store, { key: 'up', config: topBy(3) })).toMatchObject([{ cause: 'upstream', what: 'top:top' }]);
  });

  test('is not judged by config where nobody knows what the run is given', async () => {
    expect(await staleAt(defs, await made(topBy(2)), { key: 'top' })).toEqual([]);
  });

  test('is stale where its op takes config now and took none, and the other way round', async () => {
    const plainTop = asset({ key: 'top', inputs: { feed: input<number>() }, codeVersion: '1', run: ({ feed }) => feed });
    const plainDefs = define({ assets: [source<number>('feed'), plainTop, up, out] });
    const store = memoryStore();
    await materialize(plainDefs, { store, sources: { feed: 1 } });
    expect(await staleAt(plainDefs, store, { key: 'top', config: {} })).toEqual([]);
    expect(await staleAt(defs, store, { key: 'top', config: {} })).toMatchObject([{ key: 'top', cause: 'config' }]);
    expect(await staleAt(plainDefs, await made({}), { key: 'top', config: {} })).toMatchObject([{ key: 'top', cause: 'config' }]);
  });

  test('is called stale for its code first, and for its config before what it reads', async () => {
    const store = await made(topBy(2));
    const newer = asset({ key: 'top', inputs: { feed: input<number>() }, config: times, codeVersion: '2', run: ({ feed }) => feed });
    const newerDefs = define({ assets: [source<number>('feed'), newer, up, out] });
    expect(await staleAt(newerDefs, store, { key: 'top', config: topBy(3) })).toMatchObject([{ cause: 'code' }]);
    await store.put('feed', 5);
    expect(await staleAt(defs, store, { key: 'top', config: topBy(3) })).toMatchObject([{ cause: 'config' }]);
    expect(await staleAt(defs, store, { key: 'top', config: topBy(2) })).toEqual([{ key: 'top', cause: 'data', what: 'feed' }]);
  });

  test('knows what graphs map, and asks each of them once', async () => {
    let asked = 0;
    const leaf = op({ name: 'leaf', config: z.number(), codeVersion: '1', run: (_, { config }) => config });
    const sum = op({ name: 'sum', inputs: { a: input<number>(), b: input<number>() }, codeVersion: '1', run: ({ a, b }) => a + b });
    const inner = graph(
      'inner',
      {
        config: z.number(),
        mapConfig: (by) => {
          asked += 1;
          return { a: by, b: by * 10 };
        },
      },
      () => sum({ a: leaf.as('a')(), b: leaf.as('b')() }),
    );
    const base = graph('base', () => inner.as('place')());
    const reader = asset({ key: 'reader', inputs: { base: input<number>() }, codeVersion: '1', run: ({ base: x }) => x });
    const nested = define({ assets: [assetsFromGraph(base), reader] });
    const store = memoryStore();
    await materialize(nested, { store, config: { graphs: { inner: 2 } } });
    expect(await store.value('base')).toBe(22);
    asked = 0;
    expect(await staleAt(nested, store, { key: 'base', config: { steps: { 'base:place': 2 } } })).toEqual([]);
    expect(asked).toBe(1);
    expect(await staleAt(nested, store, { key: 'base', config: { graphs: { inner: 3 } } })).toEqual([
      { key: 'base', cause: 'upstream', what: 'base:place.a' },
    ]);
    expect(await staleAt(nested, store, { key: 'base', config: {} })).toEqual([]);
  });

  test('is judged by what the config hashes to, not by how it was given', async () => {
    const link = z.string().transform((text) => new URL(text));
    const linked = asset({ key: 'linked', config: link, codeVersion: '1', run: (_, { config }) => config.host });
    const only = define({ assets: [linked] });
    const store = memoryStore();
    const given = (text: string): GivenConfig => ({ ops: { linked: text } });
    await materialize(only, { store, config: given('https://a.test/') });
    expect(await staleAt(only, store, { key: 'linked', config: { steps: { linked: 'https://a.test/' } } })).toEqual([]);
    const stale: readonly StaleInput[] = await staleAt(only, store, { key: 'linked', config: given('https://b.test/') });
    expect(stale).toEqual([{ key: 'linked', cause: 'config', what: 'linked' }]);
  });

  test('a throw that is no refusal of the config is not taken for one', async () => {
    const store = await made(topBy(2));
    const hostile = new Proxy(
      {},
      {
        getOwnPropertyDescriptor: () => {
          throw new RangeError('broken');
        },
      },
    );
    const { port } = store;
    const question = { port, readsAt: await port.head(), keys: [assetKey('top', 'a spec')], observed: new Map(), resources: new Map() };
    await expect(staleInputs(defs, { ...question, config: { steps: hostile } })).rejects.toThrow('broken');
  });
});
