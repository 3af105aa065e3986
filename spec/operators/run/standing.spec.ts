import { describe, expect, test } from 'vitest';
import {
  assetsFromGraph,
  define,
  graph,
  input,
  materialize,
  op,
  refresh,
  resource,
  source,
  status,
  type Definitions,
  type Store,
} from '../../../index.ts';
import { createStore } from '../../../lib/events/store.ts';
import type { StorePort } from '../../../lib/events/store-port.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { openStore } from '../../../store/open-store.ts';
import { newFolder } from '../../store/folder.ts';
import { logOf } from '../rig/watched-store.ts';

const LANES = 12;

/** Lanes `x_0 → half_0 → add_0`, `x_1 → …`, each behind a source of its own. */
function lanes({ codeVersion = '1', version }: { readonly codeVersion?: string; readonly version?: string } = {}): Definitions {
  const rate = resource<number>('rate');
  const half = op({ name: 'half', codeVersion, inputs: { x: input<number>() }, run: ({ x }) => Math.floor(x / 2) });
  const add = op({
    name: 'add',
    codeVersion: '1',
    inputs: { x: input<number>() },
    resources: { rate },
    run: ({ x }, { resources }) => x + resources.rate,
  });
  const names = Array.from({ length: LANES }, (_, lane) => `x_${lane}`);
  const inputs = Object.fromEntries(names.map((name) => [name, input<number>()]));
  const wired = graph('lanes', { inputs }, (sources) =>
    Object.fromEntries(
      Object.values(sources).map((x, lane) => [`end_${lane}`, add.as(`add_${lane}`)({ x: half.as(`half_${lane}`)({ x }) })]),
    ),
  );
  const provided = rate.value(1, version === undefined ? {} : { version });
  return define({
    assets: [assetsFromGraph(wired, { canSubset: true }), ...names.map((name) => source<number>(name))],
    resources: [provided],
  });
}

const sources = Object.fromEntries(Array.from({ length: LANES }, (_, lane) => [`x_${lane}`, 0]));

/** A store that says which traces it was asked for. */
function counted({ port }: Store): { readonly store: Store; readonly asked: () => readonly string[] } {
  let asked: string[] = [];
  // A copy whose methods are bound: what is asked of it is asked of the store.
  const bound = new Proxy(port, {
    get: (target, name) => {
      const found: unknown = Reflect.get(target, name);
      if (typeof found !== 'function') return found;
      if (name !== 'lastSettled') return found.bind(target) as unknown;
      return (...[outputs, at]: Parameters<StorePort['lastSettled']>) => {
        asked.push(...outputs.map(({ step }) => step));
        return target.lastSettled(outputs, at);
      };
    },
  });
  const take = (): readonly string[] => {
    const taken = asked;
    asked = [];
    return taken.toSorted();
  };
  return { store: createStore(bound, { now: () => 0 }), asked: take };
}

describe('steps that stand', () => {
  test('are not looked at: only what a changed source reaches is', async () => {
    const { store, asked } = counted(memoryStore());
    const defs = lanes();
    await refresh(defs, { store, sources });
    asked();
    const again = await refresh(defs, { store });
    expect(asked()).toEqual([]);
    expect([again.outcome('end_0'), again.steps.get('half_0')?.outcome, await again.value('end_3')]).toEqual(['fresh', 'reused', 1]);
    asked();
    const changed = await refresh(defs, { store, sources: { x_2: 4 } });
    expect(asked()).toEqual(['add_2', 'half_2']);
    expect([await changed.value('end_2'), changed.outcome('end_1')]).toEqual([3, 'fresh']);
  });

  test('stand in another process too: on disk, with definitions made anew', async () => {
    const folder = await newFolder();
    {
      await using first = await openStore(folder);
      await refresh(lanes(), { store: first, sources });
    }
    await using second = await openStore(folder);
    const { store, asked } = counted(second);
    await store.put('x_5', 8);
    expect([...(await status(lanes(), store)).assets.values()].flatMap(({ state, key }) => (state === 'fresh' ? [] : [key]))).toEqual([
      'end_5',
    ]);
    expect(asked()).toEqual(['add_5', 'half_5']);
    const result = await refresh(lanes(), { store });
    expect([await result.value('end_5'), asked()]).toEqual([5, ['add_5', 'half_5']]);
  });

  test('are all looked at under another plan: an op has other code', async () => {
    const { store, asked } = counted(memoryStore());
    await refresh(lanes(), { store, sources });
    asked();
    const ran = await refresh(lanes({ codeVersion: '2' }), { store });
    expect([asked().length, ran.steps.get('half_0')?.outcome]).toEqual([2 * LANES, 'succeeded']);
  });

  test('are looked at where a resource has another version, with all that reads them', async () => {
    const { store, asked } = counted(memoryStore());
    await refresh(lanes({ version: '1' }), { store, sources });
    asked();
    const ran = await refresh(lanes({ version: '2' }), { store });
    expect(new Set(asked().map((step) => step.replace(/_.*/, '')))).toEqual(new Set(['half', 'add']));
    expect([ran.steps.get('half_0')?.outcome, ran.steps.get('add_0')?.outcome]).toEqual(['reused', 'succeeded']);
  });

  test('do not stand where somebody put another value under the key of their asset', async () => {
    const store = memoryStore();
    const defs = lanes();
    await refresh(defs, { store, sources });
    await store.put('end_4', 99);
    const again = await refresh(defs, { store });
    expect([again.outcome('end_4'), again.outcome('end_3'), await store.value('end_4')]).toEqual(['materialized', 'fresh', 1]);
  });

  test('do not stand behind a run that somebody else made meanwhile', async () => {
    const { store, asked } = counted(memoryStore());
    const defs = lanes();
    await refresh(defs, { store, sources });
    await materialize(defs, { store, select: ['end_1'] });
    asked();
    await refresh(defs, { store });
    expect(asked()).toEqual(['add_1', 'half_1']);
  });

  test('are looked at by a run that tries older traces', async () => {
    const { store, asked } = counted(memoryStore());
    const defs = lanes();
    await refresh(defs, { store, sources });
    asked();
    await refresh(defs, { store, traces: 2 });
    expect(asked().length).toBeGreaterThanOrEqual(2 * LANES);
  });

  test('are told of as reused, in the run and in its result', async () => {
    const store = memoryStore();
    const defs = lanes();
    await refresh(defs, { store, sources });
    const reused: string[] = [];
    const { steps } = await refresh(defs, { store, onEvent: (event) => event.type === 'step-reused' && reused.push(event.step) });
    expect(reused).toHaveLength(2 * LANES);
    expect(new Set([...steps.values()].map(({ outcome }) => outcome))).toEqual(new Set(['reused']));
    const [ended] = (await logOf(store)).filter(({ type }) => type === 'run-ended').slice(-1);
    expect(ended).toMatchObject({ verified: { open: [], alone: [] } });
  });
});
