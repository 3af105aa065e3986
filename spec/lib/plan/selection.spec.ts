import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { define, difference, downstreamOf, intersection, plan, source, union, upstreamOf, type Selection } from '../../../index.ts';
import { resolveSelection, type Select } from '../../../lib/plan/selection.ts';
import { assetsOf, world } from '../../kit/arbitraries.ts';
import { defineWorld, type DefinableWorld } from '../../kit/define-world.ts';
import { diamond, fooBarBaz, stacked } from './fixtures.ts';

const defs = stacked();
const everything = ['a', 'b', 'c', 'd', 'e', 'f', 'g/h'];

const selected = (select: Select<unknown> | undefined): readonly string[] => [...resolveSelection(defs, select)];

describe('a selection', () => {
  test('is every asset where it is left out', () => {
    expect(selected(undefined)).toEqual(everything);
  });

  test('is a set of exact keys, in the order of the definitions', () => {
    expect(selected(['g/h', 'a', 'a'])).toEqual(['a', 'g/h']);
    expect(selected([])).toEqual([]);
  });

  test('is frozen', () => {
    const set = resolveSelection(defs, ['a']);
    expect(() => Reflect.apply(Reflect.get(set, 'add'), set, ['b'])).toThrow(TypeError);
  });
});

describe('upstreamOf', () => {
  const cases: readonly (readonly [string, Selection, readonly string[]])[] = [
    ['follows wires through siblings and definitions, order alone included', upstreamOf('g/h'), ['a', 'b', 'c', 'd', 'f', 'g/h']],
    ['is the asset itself at depth 0', upstreamOf('d', { depth: 0 }), ['d']],
    ['counts one dependency a depth', upstreamOf('f', { depth: 1 }), ['d', 'f']],
    ['counts the shortest way', upstreamOf('e', { depth: 1 }), ['a', 'd', 'e']],
    ['takes several', upstreamOf(['b', 'c'], { depth: 1 }), ['a', 'b', 'c']],
    ['leaves out sources', upstreamOf('a'), ['a']],
    ['takes expressions', upstreamOf(intersection(['b', 'd'], ['b'])), ['a', 'b']],
    ['gives nothing for nothing', upstreamOf([]), []],
  ];
  for (const [name, expression, wanted] of cases) test(name, () => expect(selected(expression)).toEqual(wanted));
});

describe('downstreamOf', () => {
  const cases: readonly (readonly [string, Selection, readonly string[]])[] = [
    ['follows wires through siblings and definitions, order alone included', downstreamOf('d'), ['d', 'e', 'f', 'g/h']],
    ['is the asset itself at depth 0', downstreamOf('d', { depth: 0 }), ['d']],
    ['counts one dependency a depth', downstreamOf('c', { depth: 1 }), ['c', 'd']],
    ['starts at a source and leaves it out', downstreamOf('x', { depth: 1 }), ['a']],
    ['gives nothing for a source that nothing reads', downstreamOf('unread'), []],
    ['takes several', downstreamOf(['b', 'f'], { depth: 1 }), ['b', 'd', 'f', 'g/h']],
  ];
  for (const [name, expression, wanted] of cases) test(name, () => expect(selected(expression)).toEqual(wanted));
});

describe('union, intersection and difference', () => {
  const cases: readonly (readonly [string, Selection, readonly string[]])[] = [
    ['union has what any part has', union('a', ['b', 'c'], upstreamOf('f', { depth: 1 })), ['a', 'b', 'c', 'd', 'f']],
    ['union of nothing is nothing', union(), []],
    ['intersection has what every part has', intersection(upstreamOf('d'), downstreamOf('b')), ['b', 'd']],
    ['intersection of one part is the part', intersection('c'), ['c']],
    ['intersection of nothing is nothing', intersection(), []],
    ['difference has what only the first part has', difference(upstreamOf('d'), 'd', upstreamOf('b')), ['c']],
    ['difference from one part alone is the part', difference(['a', 'b']), ['a', 'b']],
    ['sources are left out of all of them', union('x', difference(['x', 'a'], 'b')), ['a']],
  ];
  for (const [name, expression, wanted] of cases) test(name, () => expect(selected(expression)).toEqual(wanted));

  test('stand beside keys in one list', () => {
    expect(selected(['a', downstreamOf('f')])).toEqual(['a', 'f', 'g/h']);
  });

  test('are values: an expression is frozen, does not change with the list that it was made of, and is used again', () => {
    const list = ['a'];
    const expression = union(list, 'b');
    list.push('c');
    expect(selected(expression)).toEqual(['a', 'b']);
    expect(selected([upstreamOf(expression), expression])).toEqual(['a', 'b']);
    expect(Object.isFrozen(expression)).toBe(true);
  });
});

describe('the algebra', () => {
  /** Direct dependencies by the wiring alone: assets that reach an asset without passing through another one (D3). */
  function dependencies({ steps }: DefinableWorld): ReadonlyMap<string, ReadonlySet<string>> {
    const behind = new Map<string, ReadonlySet<string>>();
    const deps = new Map<string, ReadonlySet<string>>();
    for (const [id, { inputs, outputs }] of Object.entries(steps)) {
      const found = new Set<string>();
      for (const entry of inputs.flatMap(({ entries }) => entries)) {
        const key = 'step' in entry ? steps[entry.step]?.outputs[entry.output]?.asset : undefined;
        if (key !== undefined) found.add(key);
        else if ('step' in entry) for (const each of behind.get(entry.step) ?? []) found.add(each);
      }
      behind.set(id, found);
      for (const { asset } of Object.values(outputs)) if (asset !== undefined) deps.set(asset, found);
    }
    return deps;
  }

  function closure(from: readonly string[], next: (key: string) => Iterable<string>): ReadonlySet<string> {
    const found = new Set(from);
    for (const key of found) for (const each of next(key)) found.add(each);
    return found;
  }

  const worlds = world({ maxDefinitions: 3 });

  test('upstreamOf and downstreamOf are each other turned around, and agree with the wiring', () => {
    expect.hasAssertions();
    const law = fc.property(worlds, fc.nat(), (shape, n) => {
      const built = defineWorld(shape);
      const deps = dependencies(shape);
      const assets = assetsOf(shape);
      const key = assets[n % assets.length] ?? '';
      const up = resolveSelection(built, upstreamOf(key));
      const down = resolveSelection(built, downstreamOf(key));
      expect(new Set<string>(up)).toEqual(closure([key], (each) => deps.get(each) ?? []));
      expect(new Set<string>(down)).toEqual(closure([key], (each) => assets.filter((other) => deps.get(other)?.has(each) === true)));
      expect(
        [...down].every(
          (other) =>
            resolveSelection(built, upstreamOf(other)).has(built.assets.get(other)?.key ?? other) &&
            new Set<string>(resolveSelection(built, upstreamOf(other))).has(key),
        ),
      ).toBe(true);
    });
    fc.assert(law, { numRuns: 200 });
  });

  test('one more depth is one more step out', () => {
    expect.hasAssertions();
    const law = fc.property(worlds, fc.nat(), fc.nat({ max: 3 }), (shape, n, depth) => {
      const built = defineWorld(shape);
      const assets = assetsOf(shape);
      const key = assets[n % assets.length] ?? '';
      for (const reach of [upstreamOf, downstreamOf]) {
        const further = resolveSelection(built, reach(key, { depth: depth + 1 }));
        expect(further).toEqual(resolveSelection(built, reach(reach(key, { depth }), { depth: 1 })));
        expect([...resolveSelection(built, reach(key, { depth }))].every((each) => further.has(each))).toBe(true);
      }
    });
    fc.assert(law, { numRuns: 200 });
  });

  test('union, intersection and difference are those of sets', () => {
    expect.hasAssertions();
    const bits = fc.array(fc.boolean(), { minLength: 24, maxLength: 24 });
    const law = fc.property(worlds, bits, bits, (shape, left, right) => {
      const built = defineWorld(shape);
      const [a, b] = [left, right].map((side) => assetsOf(shape).filter((_, i) => side[i] === true));
      const keys = (expression: Selection): ReadonlySet<string> => resolveSelection(built, expression);
      expect(keys(union(a ?? [], b ?? []))).toEqual(new Set([...(a ?? []), ...(b ?? [])]));
      expect(keys(intersection(a ?? [], b ?? []))).toEqual(new Set(a?.filter((each) => b?.includes(each))));
      expect(keys(difference(a ?? [], b ?? []))).toEqual(new Set(a?.filter((each) => b?.includes(each) === false)));
    });
    fc.assert(law, { numRuns: 100 });
  });
});

describe('what cannot be selected', () => {
  /** What untyped callers may pass. */
  const anything = (value: unknown): Select<unknown> => value as Select<unknown>;

  const refused: readonly (readonly [string, () => unknown, object])[] = [
    [
      'an unknown key, with the nearest ones',
      () => selected(['g/j']),
      { code: 'UNKNOWN_ASSET', message: expect.stringContaining('There is no asset "g/j". Did you mean "g/h"'), details: { key: 'g/j' } },
    ],
    [
      'an unknown key inside an expression',
      () => selected(upstreamOf(union('a', 'zz'))),
      { code: 'UNKNOWN_ASSET', details: { key: 'zz' } },
    ],
    ['an expression written as a string: strings are exact keys for ever', () => selected(['*d']), { code: 'UNKNOWN_ASSET' }],
    [
      'a source, which nothing computes',
      () => selected(['x']),
      { code: 'SOURCE_NOT_COMPUTED', message: expect.stringMatching(/store\.put\(\).*downstreamOf\("x"\)/), details: { key: 'x' } },
    ],
    ['a key without its list', () => selected(anything('a')), { code: 'INVALID_SELECTION' }],
    [
      'something that is neither a key nor an expression',
      () => selected(anything(['a', 3])),
      { code: 'INVALID_SELECTION', message: expect.stringContaining('a number') },
    ],
    ['null', () => selected(anything(null)), { code: 'INVALID_SELECTION' }],
    ['a depth that is no whole number', () => upstreamOf('a', { depth: 1.5 }), { code: 'INVALID_SELECTION', details: { depth: 1.5 } }],
    [
      'a negative depth',
      () => downstreamOf('a', { depth: -1 }),
      { code: 'INVALID_SELECTION', message: expect.stringContaining('downstreamOf()') },
    ],
  ];
  for (const [name, act, error] of refused) {
    test(name, () => expect(act).toThrow(expect.objectContaining({ name: 'SelectionError', ...error })));
  }

  test('a part of a definition without canSubset: the message names it and what is missing (N2)', () => {
    const whole = define({ assets: [source('x'), diamond(false)] });
    expect(() => plan(whole, { select: ['a', 'd'] })).toThrow(
      expect.objectContaining({
        code: 'NOT_SUBSETTABLE',
        message: expect.stringMatching(/"diamond".*"b", "c" and "e".*canSubset: true/),
        details: { definition: 'diamond', missing: ['b', 'c', 'e'] },
      }),
    );
    expect(() => plan(whole, { select: downstreamOf('d') })).toThrow(expect.objectContaining({ code: 'NOT_SUBSETTABLE' }));
    expect(plan(whole, { select: upstreamOf('e') }).selection.size).toBe(5);
    expect(plan(whole, { select: [] }).steps).toEqual([]);
    expect(() => plan(fooBarBaz(false), { select: ['baz_asset'] })).toThrow(
      expect.objectContaining({ code: 'NOT_SUBSETTABLE', details: { definition: 'my_graph', missing: ['foo_asset'] } }),
    );
  });
});
