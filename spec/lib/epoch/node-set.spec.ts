import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NodeSet } from '../../../lib/epoch/node-set.ts';

const size = 100;
const node = fc.oneof(fc.nat({ max: size - 1 }), fc.constantFrom(0, 31, 32, 63, 64, 95, 96, 99));

test('is a set of numbers that knows its lowest member', () => {
  expect.hasAssertions();
  const moves = fc.array(fc.tuple(fc.constantFrom('add', 'add', 'delete', 'lowest'), node), { maxLength: 60 });
  const law = fc.property(moves, (all) => {
    const [set, model] = [new NodeSet(size), new Set<number>()];
    for (const [move, member] of all) {
      if (move !== 'lowest') {
        set[move](member);
        model[move](member);
      }
      // Asking for the lowest moves a mark inside, so it is only asked now and then.
      const asked = move === 'lowest' ? [set.lowest(), model.size === 0 ? -1 : Math.min(...model)] : [0, 0];
      expect(asked[0]).toBe(asked[1]);
      expect(set.has(member)).toBe(model.has(member));
    }
    expect(Array.from({ length: size }, (_, i) => i).filter((i) => set.has(i))).toEqual([...model].toSorted((a, b) => a - b));
  });
  fc.assert(law, { numRuns: 500 });
});

test('takes in all members of another set', () => {
  expect.hasAssertions();
  const members = fc.uniqueArray(node, { maxLength: 20 });
  const law = fc.property(members, members, (a, b) => {
    const [one, other] = [new NodeSet(size), new NodeSet(size)];
    for (const each of a) one.add(each);
    for (const each of b) other.add(each);
    one.lowest();
    one.addAll(other);
    const both = [...a, ...b];
    expect(both.every((each) => one.has(each))).toBe(true);
    expect(one.lowest()).toBe(both.length === 0 ? -1 : Math.min(...both));
  });
  fc.assert(law, { numRuns: 300 });
});

test('of size 0 has no lowest member', () => {
  expect(new NodeSet(0).lowest()).toBe(-1);
});
