import { describe, expect, test } from 'vitest';
import { assetsFromGraph, define, graph, input, source } from '../../../index.ts';
import { addOne, pair, two } from './ops.ts';
import { expectRefusal } from './refusal.ts';
import { untyped } from './untyped.ts';

// up → x → y, and z beside them; l and r are outputs of one step.
const wired = graph('g', { inputs: { up: input<number>(), free: input<number>() } }, ({ up, free }) => {
  const x = addOne({ x: up });
  const { left, right } = pair();
  return { x, y: addOne({ x }), z: addOne({ x: free }), l: left, r: right };
});
const depsOf = (internalDeps: object): Readonly<Record<string, readonly string[]>> => {
  // The specs below pass what the type allows.
  const made = untyped(assetsFromGraph)(wired, { keyPrefix: 'p', internalDeps }) as ReturnType<typeof assetsFromGraph>;
  const defs = define({ assets: [source('up'), source('free'), made] });
  return Object.fromEntries([...defs.assets.values()].map(({ output, deps }) => [output, deps]));
};

describe('D3: what an asset depends on', () => {
  test('is exactly the upstream assets and siblings that reach it through the wiring', () => {
    expect(depsOf({})).toEqual({ x: ['up'], y: ['p/x'], z: ['free'], l: [], r: [] });
  });

  test('may be declared narrower, or with more order, by internalDeps', () => {
    expect(depsOf({ y: [], z: ['up', 'x'] })).toEqual({ x: ['up'], y: [], z: ['up', 'p/x'], l: [], r: [] });
    expect(depsOf({ z: ['x', 'x', 'free'] })).toMatchObject({ z: ['p/x', 'free'] });
  });

  test('a declared sibling also runs first, and is no input', () => {
    const defs = define({ assets: [source('up'), source('free'), assetsFromGraph(wired, { internalDeps: { x: ['z'], l: ['y'] } })] });
    const paths = defs.graph.steps.map(({ path }) => path);
    expect(paths.indexOf('add_one_3')).toBeLessThan(paths.indexOf('add_one'));
    expect(paths.indexOf('add_one_2')).toBeLessThan(paths.indexOf('pair'));
    const pairStep = defs.graph.steps.find(({ path }) => path === 'pair');
    expect(pairStep?.after.map((before) => paths[before])).toEqual(['add_one_2']);
    expect(pairStep?.inputs).toEqual([]);
  });

  test('two outputs of one step may depend on each other in one direction', () => {
    expect(depsOf({ l: ['r'] })).toMatchObject({ l: ['p/r'] });
  });
});

describe('D5: internalDeps that are refused', () => {
  const expectRefused = (internalDeps: unknown, ...words: readonly string[]): void => {
    expectRefusal(
      () => untyped(assetsFromGraph)(wired, { internalDeps }),
      'INVALID_INTERNAL_DEPS',
      '"internalDeps" of definition "g"',
      'Its assets are "x", "y"',
      ...words,
    );
  };

  test('those that name no output of the graph', () => {
    expectRefused({ w: [] }, '"w" is no output of the graph', 'Did you mean');
    expectRefused({ up: [] }, '"up" is no output of the graph');
    expectRefused({ toString: [] }, '"toString" is no output of the graph');
  });

  test('those that list what is neither an input nor an output', () => {
    expectRefused({ y: ['upp'] }, '"y" lists "upp", which is neither an input nor an output of the graph', 'Did you mean "up"');
    expectRefused({ y: ['constructor'] }, '"constructor"');
    expectRefused({ y: ['p/x'] }, '"p/x"');
  });

  test('those that are no lists of names', () => {
    expectRefused(5, 'it is a number');
    expectRefused(['x'], 'it is an array');
    expectRefused({ y: 'x' }, '"y" has a string instead of a list of names');
    expectRefused({ y: [undefined] }, '"y" lists undefined instead of a name');
    // oxlint-disable-next-line no-sparse-arrays
    expectRefused({ y: ['x', , 'z'] }, '"y" lists undefined instead of a name');
  });

  test('those that form a cycle among themselves, with the shortest one in the direction of the flow', () => {
    expectRefused({ x: ['y'], y: ['x'] }, 'they form a cycle: x → y → x', 'Remove one');
    expectRefused({ x: ['z'], z: ['l'], l: ['x'], r: ['r'] }, 'they form a cycle: r → r');
    expectRefused({ l: ['r'], r: ['l'] }, 'they form a cycle: l → r → l');
  });

  test('those that form a cycle with the wiring', () => {
    expectRefused({ x: ['y'] }, 'they form a cycle: add_one → add_one_2 → add_one');
  });

  test('a name that is both an input and an output, where it is listed', () => {
    const both = graph('g', { inputs: { x: input<number>() } }, ({ x }) => ({ x: addOne({ x }), y: two() }));
    expectRefusal(
      () => assetsFromGraph(both, { internalDeps: { y: ['x'] } }),
      'INVALID_INTERNAL_DEPS',
      '"x" is both an input and an output of the graph',
      'Rename one',
    );
    expect(() => assetsFromGraph(both, { internalDeps: { y: [] } })).not.toThrow();
  });
});
