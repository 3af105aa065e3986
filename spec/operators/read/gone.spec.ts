import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  asset,
  assetsFromGraph,
  define,
  emit,
  explain,
  graph,
  input,
  op,
  optional,
  refresh,
  source,
  stateOf,
  status,
  type Definitions,
  type Store,
} from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { openStore } from '../../../store/index.ts';
import { batchOf, sourceObserved } from '../../kit/sample-events.ts';
import { losingStore } from '../../kit/losing-store.ts';

interface Names {
  readonly step: string;
  readonly outputs: readonly string[];
}

/** An asset that counts its runs in its state. */
function counting({ step, outputs }: Names): Definitions {
  const count = op({
    name: 'count',
    codeVersion: '1',
    inputs: { x: input<number>() },
    outputs: Object.fromEntries(outputs.map((name) => [name, optional<number>()])),
    state: { initial: () => ({ runs: 0 }) },
    *run(_inputs, { state }) {
      state.runs += 1;
      for (const name of outputs) yield emit(name, state.runs);
    },
  });
  const body = graph('counter', { inputs: { x: input<number>() } }, ({ x }) => {
    const made = count.as(step)({ x });
    return Object.fromEntries(Object.entries(made).map(([name, handle]) => [`${name}_asset`, handle]));
  });
  return define({ assets: [source<number>('x'), assetsFromGraph(body, { canSubset: true })] }) as Definitions;
}

async function onEachStore(use: (store: Store) => Promise<void>): Promise<void> {
  await use(memoryStore());
  const folder = mkdtempSync(join(tmpdir(), 'sluice-gone-'));
  const store = await openStore(folder);
  try {
    await use(store);
  } finally {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

describe('what definitions leave behind', () => {
  test('is told by status: assets, with who recorded them and when, and sources', () =>
    onEachStore(async (store) => {
      const old = asset({ key: 'old/one', run: () => 1 });
      const stays = asset({ key: 'stays', run: () => 2 });
      const failing = asset({ key: 'never', run: (): number => { throw new Error('never'); } }); // prettier-ignore
      await refresh(define({ assets: [old, stays, failing] }), { store, throwOnFailure: false });
      await store.put('rates', 3);
      const now = await status(define({ assets: [stays] }), store);
      expect(now.gone).toEqual({
        assets: [
          { key: 'old/one', position: expect.any(Number), definition: 'old/one', now: undefined, sentence: expect.any(String) },
          { key: 'rates', position: expect.any(Number), definition: undefined, now: undefined, sentence: expect.any(String) },
        ],
        definitions: [],
        steps: [],
        more: 0,
      });
      const at = (key: string): Promise<number> => store.latest(key).then((event) => event?.position ?? 0);
      expect(now.gone?.assets.map(({ position }) => position)).toEqual([await at('old/one'), await at('rates')]);
      expect(String(now)).toContain(
        `"old/one" is no longer defined; it was recorded last by definition "old/one", at position ${await at('old/one')}.`,
      );
      expect((await status(define({ assets: [old, stays, failing, source('rates')] }), store)).gone).toEqual({
        assets: [],
        definitions: [],
        steps: [],
        more: 0,
      });
      expect((await status(define({ assets: [stays] }), store, { select: ['stays'] })).gone).toBeUndefined();
    }));

  test('is told of a step that left a state and is not there any more', () =>
    onEachStore(async (store) => {
      const before = counting({ step: 'count', outputs: ['a'] });
      await refresh(before, { store, sources: { x: 1 } });
      expect((await status(before, store)).gone?.steps).toEqual([]);
      const after = counting({ step: 'counter', outputs: ['a'] });
      expect((await status(after, store)).gone?.steps).toMatchObject([
        {
          definition: 'counter',
          step: 'count',
          sentence: expect.stringMatching(/^Step "counter:count" is no longer defined; nothing goes on from the state/),
        },
      ]);
    }));

  test('is not known of a store that cannot list what it has', async () => {
    const { store } = losingStore();
    expect((await status(define({ assets: [asset({ key: 'one', run: () => 1 })] }), store)).gone).toBeUndefined();
  });

  test('lists what there is, and nothing twice, however often it was recorded', async () => {
    const keys = Array.from({ length: 1200 }, (_, index) => `k${index}`);
    await onEachStore(async (store) => {
      for (const time of [1, 2]) await store.port.append(batchOf(...keys.map((key) => sourceObserved(key, { time }))));
      const { gone } = await status(define({ assets: [asset({ key: 'other', run: () => 1 }), source('k7')] }), store);
      expect(gone?.assets.map(({ key }) => String(key))).toEqual(keys.filter((key) => key !== 'k7').toSorted());
    });
  });
});

interface Called {
  readonly source: string;
  readonly definition: string;
  readonly step: string;
  readonly key: string;
}

const first: Called = { source: 'rows', definition: 'report', step: 'total', key: 'sum' };

/** A step that cleans, and one behind it that is an asset. */
function report(names: Partial<Called> = {}): Definitions {
  const called = { ...first, ...names };
  const clean = op({ name: 'clean', codeVersion: '1', inputs: { x: input<number>() }, run: ({ x }) => x });
  const total = op({ name: 'total', codeVersion: '2', inputs: { x: input<number>() }, run: ({ x }) => x + 1 });
  const body = graph('body', { inputs: { x: input<number>() } }, ({ x }) => ({ out: total.as(called.step)({ x: clean({ x }) }) }));
  return define({
    assets: [
      source<number>(called.source),
      assetsFromGraph(body, {
        name: called.definition,
        keysByInputName: { x: called.source },
        keysByOutputName: { out: called.key },
      }),
    ],
  }) as Definitions;
}

/** What a refresh under other names says of what it found, line by line. */
async function saidOf(names: Partial<Called>): Promise<readonly string[]> {
  const store = memoryStore();
  await refresh(report(), { store, sources: { rows: 1 } });
  const defs = report(names);
  const sources = { [names.source ?? first.source]: 1 };
  const result = await refresh(defs, { store, sources });
  const { gone } = explain(result);
  const lines = String(explain(result)).split('\n');
  expect(lines.slice(lines.length - gone.length)).toEqual(gone);
  const again = await refresh(defs, { store });
  expect(again.gone).toEqual((await status(defs, store)).gone);
  // What is recorded under its new name wants no alias any more.
  expect(explain(again).gone.filter((sentence) => sentence.includes('alias'))).toEqual([]);
  return gone;
}

describe('a refresh of everything (D9)', () => {
  test('tells what definitions have left behind, and what it may be now, each once', async () => {
    expect(await saidOf({})).toEqual([]);
    expect(await saidOf({ key: 'grand' })).toEqual([
      '"sum" is no longer defined; it was recorded last by definition "report", at position 5. If it is "grand" now, give that the alias "sum".',
    ]);
    expect(await saidOf({ source: 'row' })).toEqual([
      '"rows" is no longer defined; it was recorded last as a source, at position 2. If it is "row" now, give that the alias "rows".',
    ]);
    expect(await saidOf({ step: 'adding' })).toEqual([
      'Step "report:total" is no longer defined; it succeeded last at position 4. If it is "adding" now, give that the alias "total".',
    ]);
    expect(await saidOf({ definition: 'monthly' })).toEqual([
      'Definition "report" is no longer there; 2 steps of it are recorded. If it is "monthly" now, give that the alias "report".',
    ]);
  });

  test('says nothing of it where it was asked for a part, and explains as ever', async () => {
    const store = memoryStore();
    await refresh(report(), { store, sources: { rows: 1 } });
    const both = define({
      assets: [asset({ key: 'one', run: () => 1 }), asset({ key: 'two', run: () => 2 })],
    });
    const part = await refresh(both, { store, select: ['one'] });
    expect([part.gone, explain(part).gone]).toEqual([undefined, []]);
    expect((await refresh(both, { store })).gone?.assets.map(({ key }) => key)).toEqual(['rows', 'sum']);
  });

  test('looks at a hundred names, and says how many more there are', async () => {
    const store = memoryStore();
    await store.port.append(batchOf(...Array.from({ length: 130 }, (_, index) => sourceObserved(`k${index}`))));
    const result = await refresh(define({ assets: [asset({ key: 'one', run: () => 1 })] }), { store });
    expect([result.gone?.assets.length, result.gone?.more]).toEqual([100, 30]);
    expect(explain(result).gone.at(-1)).toBe('The store has 30 more names that are no longer defined: see status().');
  });

  test('tells of an asset that is one op as of an asset alone, and of its state', async () => {
    const store = memoryStore();
    const counted = (key: string): Definitions =>
      define({
        assets: [asset({ key, codeVersion: '1', state: { initial: () => ({ runs: 0 }) }, run: (_, { state }) => (state.runs += 1) })],
      }) as Definitions;
    await refresh(counted('visits'), { store });
    const { gone } = await refresh(counted('visitors'), { store });
    expect(gone).toMatchObject({
      assets: [{ key: 'visits', now: 'visitors' }],
      definitions: [],
      steps: [{ step: 'visits', hasState: true }],
    });
  });
});

describe('a state whose step has other outputs now (X14)', () => {
  test('is gone on from', () =>
    onEachStore(async (store) => {
      await refresh(counting({ step: 'count', outputs: ['a', 'b'] }), { store, sources: { x: 1 } });
      const renamed = counting({ step: 'count', outputs: ['c'] });
      await refresh(renamed, { store, sources: { x: 2 } });
      expect(await store.value('c_asset')).toBe(2);
      expect(await stateOf(store, renamed, 'count')).toEqual({ runs: 2 });
    }));

  test('is that of its newest success, though not all outputs of that are there any more', async () => {
    const store = memoryStore();
    await refresh(counting({ step: 'count', outputs: ['a', 'b'] }), { store, sources: { x: 1 } });
    await refresh(counting({ step: 'count', outputs: ['a', 'b'] }), { store, sources: { x: 2 }, select: ['b_asset'] });
    await refresh(counting({ step: 'count', outputs: ['a', 'c'] }), { store, sources: { x: 3 } });
    expect(await store.value('a_asset')).toBe(3);
  });
});
