import { of } from 'rxjs';
import { describe, expectTypeOf, test } from 'vitest';
import {
  asset,
  assetsFromGraph,
  define,
  difference,
  downstreamOf,
  graph,
  input,
  list,
  materialize,
  op,
  output,
  plan,
  source,
  upstreamOf,
} from '../../index.ts';
import type { AssetsDefinition, Definitions, Graph, Handle, KeyOf, Outcome, RunResult, ValueAt } from '../../index.ts';

const two = op({ name: 'two', run: () => 2 });
const text = op({ name: 'text', run: () => 'x' });
const pair = op({ name: 'pair', outputs: { left: output<number>(), right: output<string>() }, run: () => ({ left: 1, right: 'r' }) });
const inc = op({ name: 'inc', inputs: { x: input<number>() }, run: ({ x }) => x + 1 });

const single = graph('my_graph', () => two());
const namedResult = graph('my_graph', () => ({ result: two() }));
const several = graph('my_graph', () => ({ foo_asset: text(), baz_asset: two() }));

type AssetsOf<D> = D extends AssetsDefinition<infer Assets> ? Assets : never;

/** What a definition makes, as its type says. */
declare function assetsOf<D>(definition: D): AssetsOf<D>;

describe('graphs', () => {
  test('carry their name, their inputs and what they return', () => {
    expectTypeOf(single.name).toEqualTypeOf<'my_graph'>();
    expectTypeOf(single).toExtend<Graph<'my_graph', Readonly<Record<never, never>>, Handle<number>>>();
    const nested = graph('outer', { inputs: { x: input<number>(), xs: list<string>() } }, ({ x, xs }) => {
      const inner = graph('inner', { inputs: { x: input<number>(), xs: list<string>() } }, (given) => {
        expectTypeOf(given.x).toEqualTypeOf<Handle<number>>();
        return { y: inc({ x: given.x }), n: op({ name: 'n', inputs: { xs: list<string>() }, run: (i) => i.xs.length })({ xs: given.xs }) };
      });
      expectTypeOf(inner({ x, xs })).toEqualTypeOf<{ y: Handle<number>; n: Handle<number> }>();
      // @ts-expect-error xs is required
      inner({ x });
      // @ts-expect-error xs is a list of strings
      inner({ x, xs: [two()] });
      expectTypeOf(single()).toEqualTypeOf<Handle<number>>();
      return inner.as('again')({ x, xs: [text()] }).y;
    });
    expectTypeOf(nested.name).toEqualTypeOf<'outer'>();
  });

  test('return a handle or a record of handles, at once', () => {
    // @ts-expect-error an async body
    graph('bad', async () => two());
    // @ts-expect-error a list
    graph('bad', () => [two()]);
    // @ts-expect-error nothing
    graph('bad', () => {});
    // @ts-expect-error a value
    graph('bad', () => ({ a: 5 }));
    // @ts-expect-error y is no input
    graph('bad', { inputs: { x: input<number>() } }, ({ y }) => inc({ x: y }));
  });
});

describe('D1 and D2: printed keys', () => {
  test('are inferred', () => {
    expectTypeOf(assetsOf(assetsFromGraph(single))).toEqualTypeOf<{ readonly my_graph: number }>();
    expectTypeOf(assetsOf(assetsFromGraph(namedResult))).toEqualTypeOf<{ readonly my_graph: number }>();
    expectTypeOf(assetsOf(assetsFromGraph(graph('g', () => ({ answer: two() }))))).toEqualTypeOf<{ readonly answer: number }>();
    expectTypeOf(assetsOf(assetsFromGraph(several))).toEqualTypeOf<{ readonly foo_asset: string; readonly baz_asset: number }>();
    expectTypeOf(assetsOf(assetsFromGraph(graph('g', () => pair())))).toEqualTypeOf<{ readonly left: number; readonly right: string }>();
    expectTypeOf(assetsOf(assetsFromGraph(graph('g', () => ({ result: two(), other: text() }))))).toEqualTypeOf<{
      readonly result: number;
      readonly other: string;
    }>();
  });

  test('are given, printed or as parts', () => {
    expectTypeOf(assetsOf(assetsFromGraph(single, { keysByOutputName: { result: 'a/b' } }))).toEqualTypeOf<{ readonly 'a/b': number }>();
    expectTypeOf(assetsOf(assetsFromGraph(several, { keysByOutputName: { foo_asset: ['x', 'foo'], baz_asset: 'baz' } }))).toEqualTypeOf<{
      readonly 'x/foo': string;
      readonly baz: number;
    }>();
  });

  test('have the prefix before them, explicit ones too', () => {
    expectTypeOf(assetsOf(assetsFromGraph(single, { keyPrefix: 'eu' }))).toEqualTypeOf<{ readonly 'eu/my_graph': number }>();
    expectTypeOf(assetsOf(assetsFromGraph(several, { keyPrefix: ['eu', 'west'] }))).toEqualTypeOf<{
      readonly 'eu/west/foo_asset': string;
      readonly 'eu/west/baz_asset': number;
    }>();
    expectTypeOf(assetsOf(assetsFromGraph(single, { keyPrefix: 'eu', keysByOutputName: { result: ['a', 'b'] } }))).toEqualTypeOf<{
      readonly 'eu/a/b': number;
    }>();
  });

  test('come from maps that name exactly the outputs and inputs', () => {
    // @ts-expect-error baz_asset is left out
    assetsFromGraph(several, { keysByOutputName: { foo_asset: 'a' } });
    // @ts-expect-error there is no output c
    assetsFromGraph(several, { keysByOutputName: { foo_asset: 'a', baz_asset: 'b', c: 'c' } });
    // @ts-expect-error a key is a string or a list of strings
    assetsFromGraph(single, { keysByOutputName: { result: 5 } });
    const fed = graph('fed', { inputs: { a: input<number>() } }, ({ a }) => inc({ x: a }));
    assetsFromGraph(fed, { keysByInputName: { a: ['raw', 'a'] } });
    // @ts-expect-error there is no input b
    assetsFromGraph(fed, { keysByInputName: { a: 'a', b: 'b' } });
    // @ts-expect-error a is left out
    assetsFromGraph(fed, { keysByInputName: {} });
    assetsFromGraph(fed, { internalDeps: { result: ['a'] } });
    // @ts-expect-error neither an input nor an output
    assetsFromGraph(fed, { internalDeps: { result: ['b'] } });
    // @ts-expect-error no output of this name
    assetsFromGraph(fed, { notes: { other: {} } });
    // @ts-expect-error not an option
    assetsFromGraph(fed, { cansubset: true });
  });
});

describe('asset and source', () => {
  test('have the key that is printed, and the type that the body gives', () => {
    expectTypeOf(assetsOf(asset({ key: 'a', run: () => 1 }))).toEqualTypeOf<{ readonly a: number }>();
    expectTypeOf(assetsOf(asset({ key: ['a', 'b'], inputs: { x: input<string>() }, run: async ({ x }) => x.length }))).toEqualTypeOf<{
      readonly 'a/b': number;
    }>();
    expectTypeOf(assetsOf(asset({ key: 'a', operator: () => of('x') }))).toEqualTypeOf<{ readonly a: string }>();
    asset({
      key: 'a',
      inputs: { x: input<string>({ optional: true }) },
      keysByInputName: { x: 'raw/x' },
      run: ({ x }) => expectTypeOf(x).toEqualTypeOf<string | undefined>(),
    });
    // @ts-expect-error y is no input
    asset({ key: 'a', inputs: { x: input<string>() }, keysByInputName: { y: 'raw/x' }, run: () => 1 });
    // @ts-expect-error an asset emits nothing
    asset({
      key: 'a',
      *run() {
        yield 1;
      },
    });
    // @ts-expect-error an asset has one result
    asset({ key: 'a', outputs: { b: output<number>() }, run: () => ({ b: 1 }) });
    source<number>('a', { read: () => 1 });
    // @ts-expect-error a number
    source<number>('a', { read: () => 'x' });
  });
});

const defs = define({
  assets: [
    assetsFromGraph(several, { canSubset: true }),
    asset({ key: ['x', 'y'], run: () => true }),
    source<number>('raw'),
    assetsFromGraph(single, { keyPrefix: 'eu' }),
  ],
});
type Assets = typeof defs extends Definitions<infer A> ? A : never;

describe('define', () => {
  test('knows every key and every type of all definitions, and no source', () => {
    expectTypeOf<KeyOf<Assets>>().toEqualTypeOf<'foo_asset' | 'baz_asset' | 'x/y' | 'eu/my_graph'>();
    expectTypeOf<ValueAt<Assets, 'baz_asset'>>().toEqualTypeOf<number>();
    expectTypeOf<ValueAt<Assets, 'x/y'>>().toEqualTypeOf<boolean>();
  });

  test('takes definitions alone', () => {
    // @ts-expect-error a graph is no definition yet
    define({ assets: [several] });
    // @ts-expect-error an op is no definition
    define({ assets: [two] });
    // @ts-expect-error the list is called assets
    define({ definitions: [] });
    // @ts-expect-error a list
    define({ assets: asset({ key: 'a', run: () => 1 }) });
  });

  test('definitions that are only known at run time have any key', () => {
    const loose: Definitions = defs;
    expectTypeOf(loose).toExtend<Definitions>();
    expectTypeOf<KeyOf<unknown>>().toEqualTypeOf<string>();
    expectTypeOf<ValueAt<unknown, 'a'>>().toEqualTypeOf<unknown>();
    void materialize(loose, { select: ['anything'] });
  });
});

describe('selecting and reading', () => {
  test('take known keys, or expressions', () => {
    void materialize(defs, { select: ['foo_asset', 'eu/my_graph'] });
    void materialize(defs, { select: upstreamOf('foo_asset') });
    void materialize(defs, { select: ['x/y', difference(downstreamOf('raw'), 'baz_asset')] });
    plan(defs, { select: ['baz_asset'] });
    // @ts-expect-error misspelt
    void materialize(defs, { select: ['foo_aset'] });
    // @ts-expect-error a source cannot be selected
    void materialize(defs, { select: ['raw'] });
    // @ts-expect-error a list
    void materialize(defs, { select: 'foo_asset' });
    // @ts-expect-error misspelt
    plan(defs, { select: ['foo_aset'] });
    // @ts-expect-error not an option
    void materialize(defs, { selection: ['foo_asset'] });
    // @ts-expect-error not a policy
    void materialize(defs, { inGraphUpstream: 'reload' });
  });

  test('give the type under each key', async () => {
    const result = await materialize(defs);
    expectTypeOf(result).toEqualTypeOf<RunResult<Assets>>();
    expectTypeOf(result.value('baz_asset')).toEqualTypeOf<number>();
    expectTypeOf(result.value('foo_asset')).toEqualTypeOf<string>();
    expectTypeOf(result.value('x/y')).toEqualTypeOf<boolean>();
    expectTypeOf(result.outcome('eu/my_graph')).toEqualTypeOf<Outcome>();
    // @ts-expect-error misspelt
    result.value('baz_aset');
    // @ts-expect-error a source has no outcome
    result.outcome('raw');
  });
});
