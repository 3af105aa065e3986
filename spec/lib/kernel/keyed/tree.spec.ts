import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareKeys, type Key } from '../../../../lib/kernel/keyed/key.ts';
import { Branch, emptyTree, entriesOf, Entry, findEntry, updateTree, type Tree } from '../../../../lib/kernel/keyed/tree.ts';
import { diffTrees } from '../../../../lib/kernel/keyed/tree-diff.ts';
import { key } from '../../delta/arbitraries.ts';
import { nodesIn } from '../../delta/rig.ts';

interface Put {
  readonly key: Key;
  readonly value: number | undefined;
}

function put(tree: Tree<Key, number>, items: readonly Put[]): Tree<Key, number> {
  return updateTree(tree, items, (existing, item) => {
    if (item.value === existing?.value) return existing;
    return item.value === undefined ? undefined : new Entry(item.key, item.value);
  });
}

const byKey = (a: Put, b: Put): number => compareKeys(a.key, b.key);
/** One item a key, in order; keys come to a tree checked, so none is -0. */
const unique = (items: readonly Put[]): readonly Put[] =>
  [...new Map(items.map((item) => [item.key, item.value]))].map(([at, value]) => ({ key: at, value })).sort(byKey);
const pairs = (tree: Tree<Key, number>): (readonly [Key, number])[] => [...entriesOf(tree)].map((entry) => [entry.key, entry.value]);
const sorted = (model: ReadonlyMap<Key, number>): (readonly [Key, number])[] => [...model].sort(([a], [b]) => compareKeys(a, b));
const numbers = (count: number, value = 0): readonly Put[] => Array.from({ length: count }, (_, at) => ({ key: at, value }));

/** What every tree is, besides a sorted map: what is wrong with it. */
function faultsOf(tree: Tree<Key, number>, isRoot = true): readonly string[] {
  const width = tree instanceof Branch ? tree.children.length : tree.entries.length;
  const faults = [width > 32 && 'too wide', width === 0 && !isRoot && 'empty'];
  if (!(tree instanceof Branch)) return faults.filter((each) => each !== false);
  const widths = tree.children.map((child) => (child instanceof Branch ? child.children.length : child.entries.length));
  faults.push(
    isRoot && width === 1 && 'higher than it has to be',
    tree.size !== tree.children.reduce((sum, { size }) => sum + size, 0) && 'of another size',
    tree.children.some(({ height }) => height !== tree.height - 1) && 'not of one height',
    width > 1 && Math.min(...widths) < 8 && 'with a small node beside another',
  );
  return [...faults.filter((each) => each !== false), ...tree.children.flatMap((child) => faultsOf(child, false))];
}

/** Enough keys for three levels, in runs, so that whole nodes come and go. */
const batch = fc
  .tuple(fc.nat({ max: 3000 }), fc.nat({ max: 1500 }), fc.integer({ min: 1, max: 3 }), fc.option(fc.nat({ max: 1 }), { nil: undefined }))
  .map(([from, count, stride, value]): readonly Put[] => Array.from({ length: count }, (_, at) => ({ key: from + at * stride, value })));
const few = fc.array(fc.record({ key: fc.oneof(key, fc.nat({ max: 3000 })), value: fc.option(fc.nat({ max: 2 }), { nil: undefined }) }), {
  maxLength: 40,
});

describe('a tree', () => {
  test('is a sorted Map, and every older version stays what it was', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(batch, few.map(unique)), { maxLength: 5 }), (batches) => {
        const model = new Map<Key, number>();
        let tree = emptyTree<Key, number>();
        const versions: [Tree<Key, number>, (readonly [Key, number])[]][] = [];
        for (const items of batches) {
          versions.push([tree, pairs(tree)]);
          for (const { key: at, value } of items) {
            if (value === undefined) model.delete(at);
            else model.set(at, value);
          }
          tree = put(tree, items);
          expect(faultsOf(tree)).toEqual([]);
          expect(tree.size).toBe(model.size);
          expect(pairs(tree)).toEqual(sorted(model));
          const wrong = items.filter(({ key: at }) => findEntry(tree, at)?.value !== model.get(at));
          expect(wrong).toEqual([]);
        }
        for (const [version, before] of versions) expect(pairs(version)).toEqual(before);
      }),
      { numRuns: 30 },
    );
  });

  test('has as many nodes as entries take, however they came and went', () => {
    let tree = put(emptyTree(), numbers(10_000));
    expect(nodesIn(tree).length).toBeLessThan(400);
    tree = put(
      tree,
      numbers(9_990).map((item) => ({ ...item, value: undefined })),
    );
    expect(nodesIn(tree)).toHaveLength(1);
    for (const item of numbers(2_000)) tree = put(tree, [item]);
    for (const [at, item] of numbers(2_000).entries()) if (at % 16 !== 0) tree = put(tree, [{ ...item, value: undefined }]);
    expect(nodesIn(tree).length).toBeLessThan(30);
    for (const item of numbers(10_000)) tree = put(tree, [{ ...item, value: undefined }]);
    expect(tree).toBe(emptyTree());
  });

  test('is the very same one after an update that changes nothing', () => {
    const tree = put(emptyTree(), numbers(2_000));
    expect(put(tree, numbers(2_000))).toBe(tree);
    expect(put(tree, [{ key: 'not there', value: undefined }])).toBe(tree);
    expect(put(tree, [])).toBe(tree);
  });

  test('shares with the version before it all but the way to what changed', () => {
    const tree = put(emptyTree(), numbers(10_000));
    const before = new Set(nodesIn(tree));
    for (const at of [0, 5_000, 9_999, 10_001, -1]) {
      const fresh = nodesIn(put(tree, [{ key: at, value: 7 }])).filter((node) => !before.has(node));
      expect(fresh.length).toBeLessThanOrEqual(2 * (tree.height + 1));
    }
  });

  test('asks about each item once, in order, with what is there', () => {
    const tree = put(emptyTree(), numbers(100, 5));
    const asked: unknown[] = [];
    updateTree(tree, [{ key: -1 }, { key: 40 }, { key: 40.5 }, { key: 'a' }], (existing, item) => {
      asked.push([item.key, existing?.value]);
      return existing;
    });
    expect(asked).toEqual([
      [-1, undefined],
      [40, 5],
      [40.5, undefined],
      ['a', undefined],
    ]);
  });

  test('stays what it was if the update throws half way', () => {
    const tree = put(emptyTree(), numbers(100));
    const before = pairs(tree);
    expect(() =>
      updateTree(tree, [{ key: 1 }, { key: 60 }], (_, item) => {
        if (item.key === 60) throw new Error('stop');
        return new Entry<Key, number>(item.key, 9);
      }),
    ).toThrow('stop');
    expect(pairs(tree)).toEqual(before);
  });
});

describe('diffTrees', () => {
  test('finds what is different, in order, and nothing else', () => {
    fc.assert(
      fc.property(fc.oneof(batch, few.map(unique)), fc.array(few.map(unique), { maxLength: 3 }), fc.boolean(), (first, then, unrelated) => {
        const older = put(emptyTree(), first);
        const start = unrelated
          ? put(
              emptyTree(),
              pairs(older).map(([at, number]) => ({ key: at, value: number })),
            )
          : older;
        const newer = then.reduce(put, start);
        const found = [...diffTrees(older, newer)].filter((each) => each.older?.value !== each.newer?.value);
        const before = new Map(pairs(older));
        const after = new Map(pairs(newer));
        const expected = [...new Set([...before.keys(), ...after.keys()])]
          .filter((at) => before.get(at) !== after.get(at))
          .sort(compareKeys);
        expect(found.map((each) => (each.older ?? each.newer)?.key)).toEqual(expected);
        expect(found.map((each) => each.older?.value)).toEqual(expected.map((at) => before.get(at)));
        expect(found.map((each) => each.newer?.value)).toEqual(expected.map((at) => after.get(at)));
      }),
      { numRuns: 30 },
    );
  });

  test('looks into nothing that both have', () => {
    const older = put(emptyTree(), numbers(10_000));
    const newer = put(older, [{ key: 5_000, value: 1 }]);
    const before = new Set(nodesIn(older));
    let read = 0;
    for (const node of nodesIn(newer).filter((each) => before.has(each))) {
      const inside = node instanceof Branch ? 'children' : 'entries';
      const list: unknown = Reflect.get(node, inside);
      Object.defineProperty(node, inside, { get: () => ((read += 1), list) });
    }
    expect([...diffTrees(older, newer)]).toHaveLength(1);
    expect(read).toBe(0);
  });
});
