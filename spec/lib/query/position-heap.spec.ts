import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PositionHeap } from '../../../lib/query/position-heap.ts';

test('a heap gives the highest of its positions, whatever was added and taken before', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.nat({ max: 50 }), { nil: undefined }), { maxLength: 200 }), (steps) => {
      const heap = new PositionHeap();
      const model: number[] = [];
      const taken: (number | undefined)[] = [];
      const wanted: (number | undefined)[] = [];
      for (const added of [...steps, ...steps.map(() => undefined)]) {
        if (added === undefined) {
          taken.push(heap.pop());
          wanted.push(model.sort((a, b) => a - b).pop());
        } else {
          heap.push(added);
          model.push(added);
        }
      }
      expect(taken).toEqual(wanted);
    }),
  );
});
