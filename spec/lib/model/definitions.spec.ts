import { describe, expect, test } from 'vitest';
import { asset, assetsFromGraph, define, graph, input, list, materialize, nothing, op, source } from '../../../index.ts';
import type { AnyDefinition, Handle } from '../../../index.ts';
import { addOne, lenient, pair, sum, two } from './ops.ts';
import { expectRefusal } from './refusal.ts';
import { untyped } from './untyped.ts';

const one = (key: string, ...upstream: readonly string[]): AnyDefinition =>
  asset({
    key,
    inputs: Object.fromEntries(upstream.map((_, index) => [`in${index}`, input<number>()])),
    keysByInputName: Object.fromEntries(upstream.map((from, index) => [`in${index}`, from])),
    run: () => 1,
  });

describe('define', () => {
  test('joins graph-backed assets, assets and sources', () => {
    const g = graph('g', { inputs: { raw: input<number>(), a: input<number>() } }, ({ raw, a }) => ({
      x: addOne({ x: raw }),
      y: addOne({ x: a }),
    }));
    const defs = define({ assets: [assetsFromGraph(g), source('raw'), one('a', 'raw'), one('b', 'x', 'y')] });
    expect([...defs.assets].map(([key, { definition, deps }]) => [key, definition.name, deps])).toEqual([
      ['x', 'g', ['raw']],
      ['y', 'g', ['a']],
      ['a', 'a', ['raw']],
      ['b', 'b', ['x', 'y']],
    ]);
    expect([...defs.sources.keys()]).toEqual(['raw']);
    expect(defs.definitions.map(({ name }) => name)).toEqual(['g', 'a', 'b']);
    expect(Object.isFrozen(defs) && Object.isFrozen(defs.definitions)).toBe(true);
  });

  test('takes nothing at all', async () => {
    const defs = define({ assets: [] });
    expect([defs.assets.size, defs.graph.steps.length]).toEqual([0, 0]);
    expect((await materialize(defs)).success).toBe(true);
  });

  test('an optional input names a key that something provides, like any other', () => {
    const g = graph('g', { inputs: { maybe: input<number>({ optional: true }) } }, ({ maybe }) => lenient({ x: maybe }).out);
    expectRefusal(() => define({ assets: [assetsFromGraph(g)] }), 'UNKNOWN_UPSTREAM', 'reads the asset "maybe"');
    expect(define({ assets: [assetsFromGraph(g), source('maybe')] }).graph.steps[0]?.inputs[0]?.entries).toEqual([
      { from: 'source', key: 'maybe' },
    ]);
  });
});

describe('D5: definitions that are refused together', () => {
  test('two with one name', () => {
    const g = graph('g', () => pair());
    expectRefusal(
      () => define({ assets: [assetsFromGraph(g, { keyPrefix: 'a' }), assetsFromGraph(g, { keyPrefix: 'b' })] }),
      'DUPLICATE_DEFINITION',
      'Two definitions are named "g"',
      'Pass "name" to assetsFromGraph()',
    );
    // A source is named after its key, which is no name of a definition with steps.
    expect(() => define({ assets: [source('g'), assetsFromGraph(g)] })).not.toThrow();
  });

  test('two with one key, whatever they are', () => {
    const g = graph('g', () => ({ a: two(), b: two() }));
    expectRefusal(
      () => define({ assets: [one('a'), assetsFromGraph(g)] }),
      'DUPLICATE_KEY',
      'The key "a" is provided twice: by definition "a" and by definition "g"',
      'keyPrefix',
    );
    expectRefusal(() => define({ assets: [source('x'), one('x')] }), 'DUPLICATE_KEY', 'by source "x" and by definition "x"');
    expectRefusal(
      () => define({ assets: [source('x/y'), source(['x', 'y'])] }),
      'DUPLICATE_KEY',
      '"x/y" is provided twice: by source "x/y" and by another one of that name',
    );
    expectRefusal(
      () => define({ assets: [one('x'), one('x')] }),
      'DUPLICATE_KEY',
      '"x" is provided twice: by definition "x" and by another one of that name',
    );
  });

  test('an input key that nothing provides, with the nearest that something does', () => {
    const { message } = expectRefusal(
      () => define({ assets: [source('users'), one('orders'), one('report', 'user')] }),
      'UNKNOWN_UPSTREAM',
      'Input "in0" of definition "report" reads the asset "user", which nothing here provides',
      'Did you mean "users"?',
      'declare source("user")',
      'keysByInputName',
    );
    expect(message).not.toContain('orders');
    expectRefusal(() => define({ assets: [source('raw/users'), one('report', 'users')] }), 'UNKNOWN_UPSTREAM', 'Did you mean "raw/users"?');
    expectRefusal(() => define({ assets: [one('r', 'far-away')] }), 'UNKNOWN_UPSTREAM', 'There is "r".');
  });

  test('a prefix is never put before input keys, so a sibling of a prefixed one is not found by its bare name', () => {
    const g = graph('g', () => ({ a: two() }));
    expectRefusal(
      () => define({ assets: [assetsFromGraph(g, { keyPrefix: 'eu' }), one('report', 'a')] }),
      'UNKNOWN_UPSTREAM',
      '"a"',
      'Did you mean "eu/a"?',
    );
  });

  test('entries that are no definitions, with their place', () => {
    const sparse: unknown[] = [source('a')];
    sparse[2] = source('b');
    expectRefusal(() => untyped(define)({ assets: sparse }), 'INVALID_DEFINITION', 'entry 1 of "assets" is undefined, not a definition');
    expectRefusal(() => untyped(define)({ assets: [[source('a')]] }), 'INVALID_DEFINITION', 'entry 0 of "assets" is an array');
    expectRefusal(() => untyped(define)({ assets: [Promise.resolve(source('a'))] }), 'INVALID_DEFINITION', 'is a promise');
  });
});

describe('D5: cycles', () => {
  test('an asset that reads itself', () => {
    expectRefusal(
      () => define({ assets: [one('a', 'a')] }),
      'CYCLE',
      'These steps wait for each other: a ("a") → a ("a").',
      'remove one of the inputs',
    );
  });

  test('the shortest one is printed, in the direction of the flow', () => {
    const error = expectRefusal(
      // d → c → b → a → d, and a → c beside it: a → c → b → a is the shorter one.
      () => define({ assets: [one('a', 'b'), one('b', 'c'), one('c', 'd', 'a'), one('d', 'a')] }),
      'CYCLE',
      'a:a ("a") → c:c ("c") → b:b ("b") → a:a ("a").',
    );
    expect(error.details['cycle']).toEqual(['a:a ("a")', 'c:c ("c")', 'b:b ("b")']);
  });

  test('across graphs, through steps that are no assets', () => {
    const g = graph('g', { inputs: { back: input<number>() } }, ({ back }) => ({ out: addOne({ x: addOne.as('between')({ x: back }) }) }));
    expectRefusal(
      () => define({ assets: [assetsFromGraph(g), one('back', 'out')] }),
      'CYCLE',
      'g:between',
      'g:add_one ("out")',
      'back:back ("back")',
    );
  });

  test('through an input that is order alone', () => {
    const wait = (key: string, first: string): AnyDefinition =>
      asset({ key, inputs: { first: nothing() }, keysByInputName: { first }, run: () => 1 });
    expectRefusal(() => define({ assets: [wait('a', 'b'), wait('b', 'a')] }), 'CYCLE', 'a:a ("a") → b:b ("b") → a:a ("a")');
  });

  test('two definitions that read each other without a cycle of steps are fine', () => {
    const g = graph('g', { inputs: { b: input<number>() } }, ({ b }) => ({ a: two(), c: addOne({ x: b }) }));
    const defs = define({ assets: [assetsFromGraph(g), one('b', 'a')] });
    expect(defs.graph.steps.map(({ id }) => id)).toEqual(['g:two', 'b:b', 'g:add_one']);
  });

  test('a long one is cut in its middle, and whole in details', () => {
    const ring = Array.from({ length: 2000 }, (_, index) => one(`k${index}`, `k${(index + 1) % 2000}`));
    const error = expectRefusal(() => define({ assets: ring }), 'CYCLE', '… 1989 more …');
    expect(error.message.length).toBeLessThan(600);
    expect(error.details['cycle']).toHaveLength(2000);
  });
});

describe('large definitions are made in reasonable time and cost no stack', () => {
  const within = (ms: number, make: () => unknown): void => {
    const start = performance.now();
    make();
    // Generous for a loaded machine: what is meant is that nothing here is quadratic.
    expect(performance.now() - start).toBeLessThan(ms);
  };
  const size = 10_000;
  const numbers = Array.from({ length: size }, (_, index) => index);
  const chain = (start: Handle<number>, length: number): Handle<number> => {
    let last = start;
    for (let index = 0; index < length; index += 1) last = addOne({ x: last });
    return last;
  };

  test('10,000 ops in one graph, each an asset', () => {
    within(8000, () => {
      const wide = graph('wide', () =>
        Object.fromEntries(numbers.map((index) => [`a${index}`, op({ name: `op${index}`, run: () => 1 })()])),
      );
      const definition = assetsFromGraph(wide, {
        keysByOutputName: Object.fromEntries(numbers.map((index) => [`a${index}`, `k/${index}`])),
      });
      expect(define({ assets: [definition] }).assets.size).toBe(size);
    });
  });

  test('a chain of 10,000', () => {
    within(8000, () => {
      expect(define({ assets: [assetsFromGraph(graph('chain', () => chain(two(), size)))] }).graph.steps).toHaveLength(size + 1);
    });
  });

  test('a chain of 5,000 that 5,000 assets read', () => {
    within(8000, () => {
      const cone = graph('cone', { inputs: { raw: input<number>() } }, ({ raw }) => {
        const last = chain(raw, size / 2);
        return Object.fromEntries(numbers.slice(0, size / 2).map((index) => [`a${index}`, addOne({ x: last })]));
      });
      const { assets } = define({ assets: [source('raw'), assetsFromGraph(cone)] });
      expect(new Set([...assets.values()].map(({ deps }) => deps.join()))).toEqual(new Set(['raw']));
    });
  });

  test('a chain of 10,000 definitions, also as a ring', () => {
    const upstream = (index: number): readonly string[] => (index === 0 ? [] : [`k${index - 1}`]);
    within(15_000, () => expect(define({ assets: numbers.map((index) => one(`k${index}`, ...upstream(index))) }).assets.size).toBe(size));
  });

  test('a fan-in of 2,000', () => {
    within(4000, () => {
      const many = graph('many', () => sum({ xs: Array.from({ length: 2000 }, () => two()) }));
      expect(define({ assets: [assetsFromGraph(many)] }).graph.steps.at(-1)?.inputs[0]?.entries).toHaveLength(2000);
    });
  });

  test('300 levels of nesting', () => {
    within(4000, () => {
      let nested = graph('level0', { inputs: { x: input<number>(), xs: list<number>() } }, ({ x, xs }) => sum({ xs: [addOne({ x }), xs] }));
      for (let level = 1; level < 300; level += 1) {
        const inner = nested;
        // Each level is a graph of its own name, which the type of the first one does not allow for.
        nested = graph(`level${level}`, { inputs: { x: input<number>(), xs: list<number>() } }, ({ x, xs }) =>
          inner({ x, xs }),
        ) as unknown as typeof nested;
      }
      const defs = define({ assets: [source('x'), source('xs'), assetsFromGraph(nested)] });
      expect(defs.graph.steps.map(({ path }) => path.split('.').length)).toEqual([300, 300]);
    });
  });

  test('300 graphs made inside of each other', () => {
    const dig = (level: number): Handle<number> => (level === 0 ? two() : graph(`level${level}`, () => dig(level - 1))());
    within(4000, () => expect(define({ assets: [assetsFromGraph(graph('top', () => dig(300)))] }).graph.steps).toHaveLength(1));
  });
});
