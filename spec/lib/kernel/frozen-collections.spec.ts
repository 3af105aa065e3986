import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { frozenMap, frozenSet } from '../../../lib/kernel/frozen-collections.ts';

test('a frozen set reads like any set', () => {
  const set = frozenSet(['b', 'a', 'b']);
  expect([...set]).toEqual(['b', 'a']);
  expect([set.size, set.has('a'), set.has('c')]).toEqual([2, true, false]);
  expect(set).toEqual(new Set(['b', 'a']));
  expect(inspect(set)).toBe("Set(2) { 'b', 'a' }");
  expect(frozenSet([]).size).toBe(0);
});

test('a frozen set refuses every change, and says what to do', () => {
  const set = frozenSet([1]);
  // What a JavaScript user can try.
  const open = set as Set<number>;
  for (const change of [() => open.add(2), () => open.delete(1), () => open.clear(), () => Object.assign(open, { add: () => open })])
    expect(change).toThrow(TypeError);
  expect(() => open.add(2)).toThrow('Copy it: new Set(…)');
  expect([...set]).toEqual([1]);
  expect(Object.isFrozen(set)).toBe(true);
  expect(new Set(set).add(2).size).toBe(2);
});

test('a frozen map reads like any map, and refuses every change', () => {
  const map = frozenMap([['a', 1]]);
  expect(map).toEqual(new Map([['a', 1]]));
  expect(inspect(map)).toBe("Map(1) { 'a' => 1 }");
  // What a JavaScript user can try.
  const open = map as Map<string, number>;
  for (const change of [() => open.set('b', 2), () => open.delete('a'), () => open.clear()]) expect(change).toThrow('Copy it');
  expect([...map]).toEqual([['a', 1]]);
});
