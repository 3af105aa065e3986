import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addExactly, roundSum, ZERO_SUM, type ExactSum } from '../../../lib/delta/exact-sum.ts';
import { amount } from './arbitraries.ts';

const total = (values: readonly number[]): ExactSum => values.reduce((sum, value) => addExactly(sum, value, 1), ZERO_SUM);
const finite = fc.oneof(amount.filter(Number.isFinite), fc.double({ noNaN: true, noDefaultInfinity: true }));

describe('an exact sum', () => {
  test('does not depend on the order of its parts', () => {
    fc.assert(
      fc.property(
        fc
          .array(amount, { maxLength: 8 })
          .chain((values) => fc.tuple(fc.constant(values), fc.shuffledSubarray(values, { minLength: values.length }))),
        ([values, shuffled]) => {
          expect(total(shuffled)).toStrictEqual(total(values));
        },
      ),
    );
  });

  test('forgets what is taken away', () => {
    fc.assert(
      fc.property(fc.array(amount, { maxLength: 6 }), fc.array(amount, { maxLength: 6 }), (kept, gone) => {
        const back = gone.reduce((sum, value) => addExactly(sum, value, -1), total([...gone, ...kept]));
        expect(back).toStrictEqual(total(kept));
      }),
    );
  });

  test('is the number that it is the sum of', () => {
    fc.assert(
      fc.property(amount, (value) => {
        expect(roundSum(total([value]))).toBe(value + 0);
      }),
      { numRuns: 1000 },
    );
  });

  test('of two numbers is what the processor gives: the nearest number', () => {
    fc.assert(
      fc.property(finite, finite, (a, b) => {
        expect(roundSum(total([a, b]))).toBe(a + b + 0);
      }),
      { numRuns: 5000 },
    );
  });

  test.each<[readonly number[], number]>([
    [[0.1, 0.2, 0.3, -0.3, -0.2], 0.1],
    [[1e16, 1, -1e16], 1],
    [[1e308, 1e308, -1e308], 1e308],
    [[1e308, 1e308], Infinity],
    [[-1e308, -1e308], -Infinity],
    [[5e-324, 5e-324], 1e-323],
    [[-0], 0],
    [[2 ** 53, 1, 1], 2 ** 53 + 2],
    [[2 ** 53, 1, 5e-324], 2 ** 53 + 2],
    [[Infinity, 1], Infinity],
    [[Infinity, -Infinity], NaN],
    [[NaN, 1], NaN],
  ])('of %j is %d', (values, expected) => {
    expect(roundSum(total(values))).toBe(expected);
  });
});
