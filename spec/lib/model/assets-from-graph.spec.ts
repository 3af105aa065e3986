import { describe, expect, test } from 'vitest';
import { assetsFromGraph, define, graph, input, op, output, source } from '../../../index.ts';
import { addOne, pair, two } from './ops.ts';
import { expectRefusal } from './refusal.ts';
import { untyped } from './untyped.ts';

const keysOf = ({ assets }: { readonly assets: ReadonlyMap<string, unknown> }): readonly string[] => [...assets.keys()];

const single = graph('my_graph', () => two());
const namedResult = graph('my_graph', () => ({ result: two() }));
const other = graph('my_graph', () => ({ answer: two() }));
const several = graph('my_graph', () => ({ result: two(), other: pair().right }));
const fed = graph('fed', { inputs: { a: input<number>(), b: input<number>() } }, ({ a, b }) => ({
  x: addOne({ x: a }),
  y: addOne({ x: b }),
}));

describe('D1: keys are inferred', () => {
  test('one output with the default name result has the name of the graph', () => {
    expect(keysOf(assetsFromGraph(single))).toEqual(['my_graph']);
    expect(keysOf(assetsFromGraph(namedResult))).toEqual(['my_graph']);
  });

  test('one output of any other name, and each of several, has its own name', () => {
    expect(keysOf(assetsFromGraph(other))).toEqual(['answer']);
    expect(keysOf(assetsFromGraph(several))).toEqual(['result', 'other']);
  });

  test('the name of a definition does not matter for its keys', () => {
    expect(keysOf(assetsFromGraph(single, { name: 'elsewhere' }))).toEqual(['my_graph']);
    expect(assetsFromGraph(single, { name: 'else where/1' }).name).toBe('else where/1');
    expect(assetsFromGraph(single).name).toBe('my_graph');
  });

  test('the name of each graph input is the key of an upstream asset', () => {
    expect([...assetsFromGraph(fed).upstream]).toEqual([
      ['a', 'a'],
      ['b', 'b'],
    ]);
  });
});

describe('D2: keys are given', () => {
  test('maps override what would be inferred', () => {
    expect(keysOf(assetsFromGraph(single, { keysByOutputName: { result: 'x/y' } }))).toEqual(['x/y']);
    expect(keysOf(assetsFromGraph(several, { keysByOutputName: { result: ['a', 'b'], other: 'other' } }))).toEqual(['a/b', 'other']);
    expect([...assetsFromGraph(fed, { keysByInputName: { a: ['raw', 'a'], b: 'raw/b' } }).upstream.values()]).toEqual(['raw/a', 'raw/b']);
  });

  test('the prefix goes before every output key, explicit ones too, and never before input keys', () => {
    expect(keysOf(assetsFromGraph(single, { keyPrefix: 'eu' }))).toEqual(['eu/my_graph']);
    expect(keysOf(assetsFromGraph(several, { keyPrefix: ['eu', 'west'] }))).toEqual(['eu/west/result', 'eu/west/other']);
    expect(keysOf(assetsFromGraph(single, { keyPrefix: 'eu/west', keysByOutputName: { result: ['a', 'b'] } }))).toEqual(['eu/west/a/b']);
    const prefixed = assetsFromGraph(fed, { keyPrefix: 'eu', keysByInputName: { a: 'raw/a', b: 'b' } });
    expect(keysOf(prefixed)).toEqual(['eu/x', 'eu/y']);
    expect([...prefixed.upstream.values()]).toEqual(['raw/a', 'b']);
  });

  test.each([
    [
      'leaves out an output',
      { keysByOutputName: { x: 'x' } },
      ['"keysByOutputName" of definition "fed" leaves out "y"', 'must name exactly "x" and "y"'],
    ],
    ['leaves out everything', { keysByOutputName: {} }, ['leaves out "x" and "y"']],
    [
      'names an output that is not there',
      { keysByOutputName: { x: 'x', y: 'y', yy: 'z' } },
      ['names "yy", which the graph does not have', 'Did you mean "y"', 'exactly "x" and "y"'],
    ],
    ['leaves out an input', { keysByInputName: { b: 'b' } }, ['"keysByInputName" of definition "fed" leaves out "a"']],
    [
      'names an output among the inputs',
      { keysByInputName: { a: 'a', b: 'b', x: 'x' } },
      ['names "x", which the graph does not have', 'exactly "a" and "b"'],
    ],
    ['inherits a name instead of having it', { keysByOutputName: Object.create({ x: 'x', y: 'y' }) }, ['keysByOutputName']],
    ['names toString', { keysByOutputName: { x: 'x', toString: 'y' } }, ['names "toString"']],
  ])('a map that %s is refused', (_, options, words) => {
    expectRefusal(() => untyped(assetsFromGraph)(fed, options), 'KEY_MAP_MISMATCH', ...words);
  });

  test('a map with a name and no key is refused: leaving the map out is what infers', () => {
    expectRefusal(
      () => untyped(assetsFromGraph)(fed, { keysByOutputName: { x: undefined, y: 'y' } }),
      'INVALID_KEY',
      'output "x" of definition "fed"',
      'it is undefined',
    );
    expectRefusal(
      () => untyped(assetsFromGraph)(fed, { keysByInputName: { a: null, b: 'b' } }),
      'INVALID_KEY',
      'input "a" of definition "fed"',
      'it is null',
    );
  });

  test('keys that are none are refused, with the output or input that they are for', () => {
    expectRefusal(
      () => assetsFromGraph(fed, { keysByOutputName: { x: 'a//b', y: 'y' } }),
      'INVALID_KEY',
      'output "x" of definition "fed"',
      'one part is empty',
    );
    expectRefusal(() => assetsFromGraph(fed, { keysByInputName: { a: ['a/b'], b: 'b' } }), 'INVALID_KEY', 'input "a" of definition "fed"');
    expectRefusal(() => assetsFromGraph(fed, { keyPrefix: '' }), 'INVALID_KEY', '"keyPrefix" of definition "fed"');
  });
});

describe('D4: one graph, several definitions', () => {
  test('each has a name, keys and steps of its own', () => {
    const eu = assetsFromGraph(fed, { name: 'eu', keyPrefix: 'eu' });
    const us = assetsFromGraph(fed, { name: 'us', keyPrefix: 'us' });
    const defs = define({ assets: [source('a'), source('b'), eu, us] });
    expect([...defs.assets.keys()]).toEqual(['eu/x', 'eu/y', 'us/x', 'us/y']);
    expect(defs.graph.steps.map(({ id }) => id)).toEqual(['eu:add_one', 'eu:add_one_2', 'us:add_one', 'us:add_one_2']);
  });
});

describe('D5: what assets of a graph may not be', () => {
  test('two outputs on one key', () => {
    expectRefusal(
      () => assetsFromGraph(fed, { keysByOutputName: { x: 'a/b', y: ['a', 'b'] } }),
      'KEY_MAPPED_TWICE',
      'Outputs "x" and "y" of definition "fed" both have the key "a/b"',
      'Give each a key of its own',
    );
    // The inferred keys of several outputs cannot meet, and the graph's own name is no key there.
    expect(() => assetsFromGraph(graph('result', () => ({ result: two(), other: two() })))).not.toThrow();
  });

  test('one op output under two keys', () => {
    const twice = graph('g', () => {
      const made = two();
      return { a: made, b: made };
    });
    expectRefusal(
      () => assetsFromGraph(twice),
      'OUTPUT_MAPPED_TWICE',
      'In definition "g" the assets "a" and "b" are one and the same output of step "two"',
      'copy the value in an op of its own',
    );
    expectRefusal(() => assetsFromGraph(twice, { keyPrefix: 'p' }), 'OUTPUT_MAPPED_TWICE', '"p/a" and "p/b"');
    // Such a graph is fine as long as nobody makes assets of it.
    expect(() => assetsFromGraph(graph('outer', () => addOne({ x: twice().a })))).not.toThrow();
  });

  test('one op output under two keys through nesting', () => {
    const twice = graph('inner', () => {
      const made = pair();
      return { a: made.left, b: made.left, c: made.right };
    });
    expectRefusal(() => assetsFromGraph(graph('outer', () => twice())), 'OUTPUT_MAPPED_TWICE', 'definition "outer"', 'step "inner.pair"');
    expect(() => assetsFromGraph(graph('outer', () => ({ a: twice().a, c: twice.as('again')().b })))).not.toThrow();
  });

  test('an output that its op declares transient', () => {
    const passing = op({
      name: 'passing',
      outputs: { kept: output<number>(), open: output<number>({ transient: true }) },
      run: () => ({ kept: 1, open: 2 }),
    });
    expectRefusal(
      () => assetsFromGraph(graph('g', () => passing())),
      'INVALID_DEFINITION',
      'the asset "open"',
      'op "passing"',
      'transient',
    );
    expect(() => assetsFromGraph(graph('g', () => passing().kept))).not.toThrow();
  });
});

describe('notes', () => {
  test('the group is that of every asset, and single notes go over it', () => {
    const { assets } = assetsFromGraph(several, {
      group: 'all',
      notes: { other: { group: 'own', description: 'd', metadata: { rows: 5 } } },
    });
    expect([...assets.values()].map(({ output: name, notes }) => [name, notes])).toEqual([
      ['result', { group: 'all' }],
      ['other', { group: 'own', description: 'd', metadata: { rows: 5 } }],
    ]);
  });

  test('for an output that is not there are refused', () => {
    expectRefusal(
      () => untyped(assetsFromGraph)(several, { notes: { othr: {} } }),
      'KEY_MAP_MISMATCH',
      '"notes" of definition "my_graph" names "othr"',
      'no output of graph "my_graph"',
      'Did you mean "other"?',
    );
  });

  test('of the wrong kind are refused', () => {
    expectRefusal(
      () => untyped(assetsFromGraph)(several, { notes: { other: { descripton: 'd' } } }),
      'INVALID_DEFINITION',
      '"notes" for output "other" of definition "my_graph" has no option "descripton"',
      'Did you mean "description"?',
    );
    expectRefusal(
      () => untyped(assetsFromGraph)(several, { notes: { other: { metadata: [] } } }),
      'INVALID_DEFINITION',
      '"metadata" is an array',
      'Give a record',
    );
  });

  test('an output named like something that every object has gets no notes from there', () => {
    const odd = graph('g', () => ({ constructor: two(), toString: two(), a: two() }));
    expect([...assetsFromGraph(odd).assets.values()].map(({ notes }) => notes)).toEqual([{}, {}, {}]);
  });
});

test('a definition is frozen', () => {
  const made = assetsFromGraph(fed);
  expect(Object.isFrozen(made)).toBe(true);
  for (const each of made.assets.values()) expect(Object.isFrozen(each) && Object.isFrozen(each.notes)).toBe(true);
});
