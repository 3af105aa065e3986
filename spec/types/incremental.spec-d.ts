import { describe, expectTypeOf, test } from 'vitest';
import {
  asset,
  assetsFromGraph,
  define,
  graph,
  input,
  op,
  output,
  reexecute,
  refresh,
  source,
  status,
  type AssetKey,
  type AssetStatus,
  type Outcome,
  type RefreshOptions,
  type RefreshResult,
  type Stale,
  type Status,
  type Store,
} from '../../index.ts';

const pair = op({ name: 'pair', outputs: { left: output<number>(), right: output<string>() }, run: () => ({ left: 1, right: 'r' }) });
const label = asset({ key: ['reports', 'label'], inputs: { feed: input<number>() }, run: ({ feed }) => new Date(feed) });
const defs = define({
  assets: [
    source<number>('feed'),
    assetsFromGraph(
      graph('pair', () => pair()),
      { canSubset: true },
    ),
    label,
  ],
});
declare const store: Store;

describe('refresh', () => {
  test('gives values as promises of their types', () => {
    const check = async (): Promise<void> => {
      const result = await refresh(defs, { store, select: ['left', 'reports/label'] });
      expectTypeOf(result.value('left')).toEqualTypeOf<Promise<number>>();
      expectTypeOf(result.value('right')).toEqualTypeOf<Promise<string>>();
      expectTypeOf(result.value('reports/label')).toEqualTypeOf<Promise<Date>>();
      expectTypeOf(result.outcome('left')).toEqualTypeOf<Outcome>();
      // @ts-expect-error misspelt
      void result.value('lefd');
      // @ts-expect-error a source has no outcome
      void result.outcome('feed');
      // @ts-expect-error a promise is no number
      const left: number = result.value('left');
      void left;
    };
    void check;
    expectTypeOf<RefreshResult['value']>().returns.resolves.toBeUnknown();
  });

  test('takes what materialize takes, but for the policy that it has no use for', () => {
    void refresh(defs);
    void refresh(defs, { store, crossGraphUpstream: 'load', unselectedOutputs: 'error', sources: { feed: 1 }, throwOnFailure: false });
    // @ts-expect-error what it depends on is always brought up to date
    void refresh(defs, { inGraphUpstream: 'load' });
    // @ts-expect-error a source is not selected
    void refresh(defs, { select: ['feed'] });
    // @ts-expect-error misspelt
    void refresh(defs, { select: ['lefd'] });
    // @ts-expect-error the mode is that of the verb
    void refresh(defs, { mode: 'materialize' });
    expectTypeOf<RefreshOptions<unknown>>().not.toHaveProperty('inGraphUpstream');
  });
});

describe('reexecute', () => {
  test('gives values of their types', () => {
    const check = async (): Promise<void> => {
      const result = await reexecute(defs, 'id', { store, from: 'failure' });
      expectTypeOf(result.value('left')).toEqualTypeOf<number>();
      expectTypeOf(result.value('reports/label')).toEqualTypeOf<Date>();
      // @ts-expect-error misspelt
      result.value('lefd');
    };
    void check;
  });

  test('needs the store and the id of a run', () => {
    void reexecute(defs, 'id', { store, steps: ['pair'], downstream: true, config: {}, hooks: {}, tags: {} });
    // @ts-expect-error no options
    void reexecute(defs, 'id');
    // @ts-expect-error no store
    void reexecute(defs, 'id', {});
    // @ts-expect-error a store may be undefined elsewhere, not here
    void reexecute(defs, 'id', { store: undefined });
    // @ts-expect-error no id
    void reexecute(defs, { store });
  });

  test('takes nothing that is the run’s', () => {
    // @ts-expect-error the selection is that of the run
    void reexecute(defs, 'id', { store, select: ['left'] });
    // @ts-expect-error sources are what the run read
    void reexecute(defs, 'id', { store, sources: { feed: 1 } });
    // @ts-expect-error so are the policies
    void reexecute(defs, 'id', { store, inGraphUpstream: 'load' });
    // @ts-expect-error so are the policies
    void reexecute(defs, 'id', { store, crossGraphUpstream: 'load' });
    // @ts-expect-error so are the policies
    void reexecute(defs, 'id', { store, unselectedOutputs: 'error' });
    // @ts-expect-error one thing to run from
    void reexecute(defs, 'id', { store, from: 'start' });
    // @ts-expect-error a list
    void reexecute(defs, 'id', { store, steps: 'pair' });
  });
});

describe('status', () => {
  test('is told by key', () => {
    expectTypeOf(status(defs, store)).toEqualTypeOf<Promise<Status>>();
    expectTypeOf<Status['assets']>().toEqualTypeOf<ReadonlyMap<string, AssetStatus>>();
    expectTypeOf<AssetStatus['key']>().toEqualTypeOf<AssetKey>();
    expectTypeOf<AssetStatus['state']>().toEqualTypeOf<'fresh' | 'stale' | 'absent'>();
    expectTypeOf<AssetStatus['stale']>().toEqualTypeOf<Stale | undefined>();
  });

  test('is asked of assets, and of a store', () => {
    void status(defs, store, { select: ['left', 'reports/label'], config: {}, resources: [] });
    // @ts-expect-error a source has no status
    void status(defs, store, { select: ['feed'] });
    // @ts-expect-error misspelt
    void status(defs, store, { select: ['lefd'] });
    // @ts-expect-error the store comes second
    void status(defs, { store });
    // @ts-expect-error no store
    void status(defs);
  });
});
