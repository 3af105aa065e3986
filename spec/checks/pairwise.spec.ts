import fc from 'fast-check';
import { expect, test } from 'vitest';
import { pairwise } from '../kit/index.ts';

const axesOf = (sizes: readonly number[]): Record<string, readonly string[]> =>
  Object.fromEntries(sizes.map((size, axis) => [`axis${axis}`, Array.from({ length: size }, (_, value) => `${axis}.${value}`)]));

test('every two values of two axes meet, and no case is there twice', () => {
  const property = fc.property(fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 6 }), (sizes) => {
    const axes = axesOf(sizes);
    const cases = pairwise(axes);
    for (const [a, of] of Object.entries(axes)) {
      expect(cases.every((each) => of.includes(each[a] ?? ''))).toBe(true);
      for (const [b, with_] of Object.entries(axes))
        for (const one of of)
          for (const other of with_) expect(a === b || cases.some((each) => each[a] === one && each[b] === other)).toBe(true);
    }
    const largest = sizes.toSorted((x, y) => y - x);
    expect(cases.length).toBeGreaterThanOrEqual((largest[0] ?? 1) * (largest[1] ?? 1));
    expect(new Set(cases.map((each) => JSON.stringify(each))).size).toBe(cases.length);
  });
  fc.assert(property, { numRuns: 100 });
});

test('that takes far fewer cases than all of them', () => {
  // 4^10 are a million.
  expect(pairwise(axesOf(Array.from({ length: 10 }, () => 4))).length).toBeLessThan(45);
  expect(pairwise(axesOf([12, 6, 6, 6, 3, 3, 2, 2, 2, 2, 2, 2])).length).toBeLessThan(100);
});

test('an axis without a value has no case, and one axis alone has a case a value', () => {
  expect(pairwise({ a: [1, 2], b: [] })).toEqual([]);
  expect(pairwise({ a: [1, 2] })).toEqual([{ a: 1 }, { a: 2 }]);
  expect(pairwise({})).toEqual([{}]);
});
