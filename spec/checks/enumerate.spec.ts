import { expect, test } from 'vitest';
import { assetsOf, smallWorlds } from '../kit/index.ts';

const count = (steps: number, distinct: boolean): number =>
  [...smallWorlds({ steps, kinds: ['emits'], distinct })].filter((world) => assetsOf(world).length === steps).length;

test.each([
  [1, 1, 1],
  [2, 2, 2],
  [3, 8, 6],
  [4, 64, 31],
])('of %i steps that are all assets there are %i wirings, and %i of different shape', (steps, all, shapes) => {
  // The number of acyclic graphs of so many nodes, named and not.
  expect([count(steps, false), count(steps, true)]).toEqual([all, shapes]);
});

test('what is left out is there in another order, with its kinds and assets', () => {
  const described = (distinct: boolean): readonly string[] =>
    [...smallWorlds({ steps: 2, kinds: ['emits', 'fails'], distinct })].map(({ steps }) =>
      Object.values(steps)
        .map(
          ({ op, outputs, inputs }) =>
            `${op.shown.split(',')[0] ?? ''} ${Object.values(outputs)[0]?.asset === undefined ? '' : 'asset'} ${inputs.length}`,
        )
        .toSorted()
        .join('; '),
    );
  expect(new Set(described(true))).toEqual(new Set(described(false)));
  expect(described(true).length).toBeLessThan(described(false).length);
});
