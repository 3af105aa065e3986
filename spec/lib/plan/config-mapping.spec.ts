import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { assetsFromGraph, define, graph, op, plan, type GivenConfig } from '../../../index.ts';
import { ready } from '../../operators/rig/deferred.ts';
import { untyped } from '../../operators/rig/untyped.ts';
import { expectSelectionError } from './selection-refusal.ts';

const sized = op({ name: 'sized', config: z.object({ size: z.number().default(1) }), run: (_, { config }) => config.size });
const plain = op({ name: 'plain', run: () => 1 });

interface Mapping {
  readonly mapConfig: (config: unknown) => unknown;
  readonly config?: unknown;
}

/** One graph `g` with steps `a` and `b` that take config and `c` that takes none, where its config is mapped like that. */
function mapping({ mapConfig, config }: Mapping) {
  const made = graph('g', untyped({ mapConfig, ...(config !== undefined && { config }) }), () => ({
    a: sized.as('a')(),
    b: sized.as('b')(),
    c: plain.as('c')(),
  }));
  return define({ assets: [assetsFromGraph(made, { canSubset: true })] });
}

const planOf = (how: Mapping, config: GivenConfig = {}, select: readonly string[] = ['a', 'b', 'c']): unknown =>
  Object.fromEntries(plan(mapping(how), { config, select: untyped(select) }).steps.map(({ step, config: made }) => [step.id, made?.value]));

describe('what a graph maps', () => {
  const perPage = {
    config: z.object({ page: z.number() }),
    mapConfig: (config: unknown) => ({ a: { size: untyped<{ page: number }>(config).page } }),
  };

  test('is checked by the graph, then by the op, with names that say who gave it', () => {
    expect(planOf(perPage, { graphs: { g: { page: 3 } } })).toEqual({ a: { size: 3 }, b: { size: 1 }, c: undefined });
    expectSelectionError(
      () => planOf(perPage, { graphs: { g: { page: 'x' } } }),
      'INVALID_CONFIG',
      'The config of graph "g" is invalid: ',
      'at $.page',
    );
    const wrong = { config: z.number(), mapConfig: (size: unknown) => ({ b: { size: `${String(size)}` } }) };
    const error = expectSelectionError(
      () => planOf(wrong, { graphs: { g: 3 } }),
      'INVALID_CONFIG',
      'The config of step "b", as graph "g" maps it, is invalid: ',
      'at $.size',
    );
    expect(error.details).toMatchObject({ step: 'b', op: 'sized', issues: [{ path: '$.size' }] });
  });

  test('is missed where it is not given', () => {
    const error = expectSelectionError(
      () => planOf(perPage),
      'INVALID_CONFIG',
      'The config of graph "g" is not given, and has no default: ',
      'at $.page',
    );
    expect(error.details).toMatchObject({ graph: 'g', issues: [{ path: '$.page' }] });
  });

  test('is asked for by those who read it alone: not by a step that takes none, nor by one that is given its own', () => {
    expect(planOf(perPage, {}, ['c'])).toEqual({ c: undefined });
    expect(planOf(perPage, { steps: { a: { size: 9 } } }, ['a', 'c'])).toEqual({ a: { size: 9 }, c: undefined });
    expectSelectionError(() => planOf(perPage, { ops: { sized: { size: 9 } } }, ['a']), 'INVALID_CONFIG', 'graph "g" is not given');
  });

  test('counts as a whole, and goes before what the op is given', () => {
    const config = { ops: { sized: { size: 7 } }, graphs: { g: { page: 3 } } };
    expect(planOf(perPage, config)).toEqual({ a: { size: 3 }, b: { size: 7 }, c: undefined });
    const empty = { mapConfig: () => ({ a: {} }) };
    expect(planOf(empty, { ops: config.ops })).toEqual({ a: { size: 1 }, b: { size: 7 }, c: undefined });
  });

  test('may be an undefined, which gives nothing: what is next in line counts', () => {
    expect(planOf({ mapConfig: () => ({ a: undefined }) }, { ops: { sized: { size: 7 } } })).toMatchObject({ a: { size: 7 } });
  });

  test('may come from a graph that takes none itself', () => {
    const seen: unknown[] = [];
    const how = {
      mapConfig: (config: unknown) => {
        seen.push(config);
        return { a: { size: 5 } };
      },
    };
    expect(planOf(how)).toEqual({ a: { size: 5 }, b: { size: 1 }, c: undefined });
    expect(seen).toEqual([undefined]);
    expectSelectionError(() => planOf(how, { graphs: { g: 1 } }), 'INVALID_CONFIG', 'the graph "g", which takes none.');
  });

  test('gets what the schema of the graph makes of it', () => {
    const how = { config: z.string().transform(Number).default(4), mapConfig: (size: unknown) => ({ a: { size } }) };
    expect(planOf(how)).toMatchObject({ a: { size: 4 } });
    expect(planOf(how, { graphs: { g: '12' } })).toMatchObject({ a: { size: 12 } });
  });
});

describe('a mapConfig that goes wrong', () => {
  test('throws: said with its message and its cause', () => {
    const thrown = new Error('no such page');
    const error = expectSelectionError(
      () =>
        planOf({
          mapConfig: () => {
            throw thrown;
          },
        }),
      'INVALID_CONFIG',
      '"mapConfig" of graph "g" threw: no such page.',
    );
    expect(error.cause).toBe(thrown);
    expect(error.details).toEqual({ graph: 'g' });
    const other = (): unknown => {
      // oxlint-disable-next-line no-throw-literal
      throw 'text';
    };
    expectSelectionError(() => planOf({ mapConfig: other }), 'INVALID_CONFIG', '"mapConfig" of graph "g" threw: "text".');
  });

  test('returns a record that cannot be read', () => {
    const record = {
      get a(): unknown {
        throw new Error('not readable');
      },
    };
    expectSelectionError(() => planOf({ mapConfig: () => record }), 'INVALID_CONFIG', '"mapConfig" of graph "g" threw: not readable.');
  });

  test('returns something else than a record', () => {
    const cases = [
      [undefined, 'undefined'],
      [null, 'null'],
      [5, 'a number'],
      [['a'], 'an array'],
      [new Map(), 'a Map'],
      [Promise.resolve({ a: 1 }), 'a promise'],
    ] as const;
    for (const [value, said] of cases)
      expectSelectionError(
        () => planOf({ mapConfig: () => value }),
        'INVALID_CONFIG',
        `"mapConfig" of graph "g" returned ${said}. Return a record of invocation name to config.`,
      );
  });

  test('is async and fails: refused, and what it rejects with harms nobody later', async () => {
    const unhandled: unknown[] = [];
    const listen = (error: unknown): void => void unhandled.push(error);
    process.on('unhandledRejection', listen);
    expectSelectionError(() => planOf({ mapConfig: () => Promise.reject(new Error('later')) }), 'INVALID_CONFIG', 'returned a promise.');
    await ready();
    process.off('unhandledRejection', listen);
    expect(unhandled).toEqual([]);
  });

  test('names what is not in the graph, or what takes none', () => {
    const unknown = expectSelectionError(
      () => planOf({ mapConfig: () => ({ a: {}, sized: {} }) }),
      'INVALID_CONFIG',
      '"mapConfig" of graph "g" returned config for "sized", which is not in the graph. There are "a", "b" and "c".',
    );
    expect(unknown.details).toEqual({ graph: 'g', invocation: 'sized' });
    expectSelectionError(
      () => planOf({ mapConfig: () => ({ a: {}, c: {} }) }),
      'INVALID_CONFIG',
      '"mapConfig" of graph "g" returned config for "c", which takes none. Declare "config" on op "plain", or leave it out.',
    );
    for (const name of ['__proto__', 'constructor', 'toString'])
      expectSelectionError(
        () => planOf({ mapConfig: () => Object.fromEntries([[name, {}]]) }),
        'INVALID_CONFIG',
        `returned config for "${name}", which is not in the graph.`,
      );
  });
});

describe('graphs in graphs', () => {
  const inner = graph('inner', { config: z.number().default(1), mapConfig: (size) => ({ leaf: { size } }) }, () => sized.as('leaf')());
  const plainInner = graph('plain_inner', () => sized.as('leaf')());
  const outer = graph(
    'outer',
    { config: z.object({ left: z.number().optional() }).default({}), mapConfig: ({ left }) => (left === undefined ? {} : { left }) },
    () => ({ left: inner.as('left')(), right: inner.as('right')(), none: plainInner() }),
  );
  const one = define({ assets: [assetsFromGraph(outer)] });
  const two = define({
    assets: [assetsFromGraph(outer, { name: 'x', keyPrefix: 'x' }), assetsFromGraph(outer, { name: 'y', keyPrefix: 'y' })],
  });
  const sizes = (defs: unknown, config: GivenConfig): unknown =>
    plan(untyped<typeof one>(defs), { config }).steps.map(({ step, config: made }) => [
      step.id,
      untyped<{ size: number }>(made?.value).size,
    ]);

  test('the same graph twice: each place has its own', () => {
    expect(sizes(one, { steps: { right: 5 } })).toEqual([
      ['left.leaf', 1],
      ['right.leaf', 5],
      ['plain_inner.leaf', 1],
    ]);
    expect(sizes(one, { graphs: { outer: { left: 8 } } })).toMatchObject([['left.leaf', 8], ['right.leaf', 1], {}]);
  });

  test('a place goes before what its outer graph maps, which goes before its name; a step before all of them', () => {
    const graphs = { inner: 2, outer: { left: 3 } };
    expect(sizes(one, { graphs: { inner: 2 } })).toMatchObject([['left.leaf', 2], ['right.leaf', 2], {}]);
    expect(sizes(one, { graphs })).toMatchObject([['left.leaf', 3], ['right.leaf', 2], {}]);
    expect(sizes(one, { graphs, steps: { left: 4 } })).toMatchObject([['left.leaf', 4], ['right.leaf', 2], {}]);
    expect(sizes(one, { graphs, steps: { left: 4, 'left.leaf': { size: 5 } } })).toMatchObject([['left.leaf', 5], ['right.leaf', 2], {}]);
  });

  test('two definitions of one graph: places are named by `definition:path`', () => {
    expect(sizes(two, { steps: { 'x:left': 5, 'y:right.leaf': { size: 6 } } })).toEqual([
      ['x:left.leaf', 5],
      ['x:right.leaf', 1],
      ['x:plain_inner.leaf', 1],
      ['y:left.leaf', 1],
      ['y:right.leaf', 6],
      ['y:plain_inner.leaf', 1],
    ]);
    expectSelectionError(() => plan(two, { config: { steps: { left: 5 } } }), 'INVALID_CONFIG', 'Did you mean "x:left"');
  });

  test('messages say which place of a graph', () => {
    expectSelectionError(
      () => plan(one, { config: { steps: { right: 'x' } } }),
      'INVALID_CONFIG',
      'The config of graph "inner" at "right" is invalid: ',
    );
    expectSelectionError(
      () => plan(two, { config: { steps: { 'y:right': 'x' } } }),
      'INVALID_CONFIG',
      'The config of graph "inner" at "y:right" is invalid: ',
    );
  });

  test('the place of a graph that takes none is refused as a name, and so is the whole of a definition', () => {
    expectSelectionError(
      () => plan(one, { config: { steps: { plain_inner: 1 } } }),
      'INVALID_CONFIG',
      'the step "plain_inner", which takes none. Declare "config" on graph "plain_inner", or drop this one.',
    );
    for (const name of ['', 'x:', 'x'])
      expectSelectionError(() => plan(two, { config: { steps: { [name]: {} } } }), 'INVALID_CONFIG', 'not here');
  });

  test('a graph may not map to a nested one that takes none', () => {
    const wrong = graph('wrong', { mapConfig: () => ({ plain_inner: 1 }) }, () => ({ a: sized.as('a')(), b: plainInner() }));
    expectSelectionError(
      () => plan(define({ assets: [assetsFromGraph(wrong)] })),
      'INVALID_CONFIG',
      '"mapConfig" of graph "wrong" returned config for "plain_inner", which takes none. Declare "config" on graph "plain_inner", or leave it out.',
    );
  });

  test('is asked once a place, however many steps are in it', () => {
    let asked = 0;
    const many = graph(
      'many',
      {
        mapConfig: () => {
          asked += 1;
          return {};
        },
      },
      () => Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`s${index}`, sized.as(`s${index}`)()])),
    );
    const twice = graph('twice', () => {
      const results = [many.as('p')(), many.as('q')()];
      return Object.fromEntries(results.flatMap((result, at) => Object.entries(result).map(([name, handle]) => [`${name}_${at}`, handle])));
    });
    expect(plan(define({ assets: [assetsFromGraph(twice)] })).steps).toHaveLength(40);
    expect(asked).toBe(2);
  });
});
