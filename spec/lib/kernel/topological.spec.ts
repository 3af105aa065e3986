import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { topologicalOrder } from '../../../lib/kernel/topological.ts';

const order = (predecessors: readonly (readonly number[])[]): readonly number[] | undefined => {
  const sorted = topologicalOrder(predecessors);
  return 'order' in sorted ? sorted.order : undefined;
};
const cycle = (predecessors: readonly (readonly number[])[]): readonly number[] => {
  const sorted = topologicalOrder(predecessors);
  return 'cycle' in sorted ? sorted.cycle : [];
};

/** Any small graph; an edge to a later node may close a cycle. */
const graphs = fc
  .integer({ min: 0, max: 9 })
  .chain((size) =>
    fc.array(fc.uniqueArray(fc.nat({ max: Math.max(0, size - 1) }), { maxLength: 3 }), { minLength: size, maxLength: size }),
  );

/** The length of a shortest cycle, by trying every walk of every length; 0 where there is none. */
function girth(predecessors: readonly (readonly number[])[]): number {
  const size = predecessors.length;
  let reach = predecessors.map((before) => new Set(before));
  for (let length = 1; length <= size; length += 1) {
    if (reach.some((nodes, start) => nodes.has(start))) return length;
    reach = reach.map((nodes) => new Set([...nodes].flatMap((node) => predecessors[node] ?? [])));
  }
  return 0;
}

function orderProblem(predecessors: readonly (readonly number[])[], sorted: readonly number[]): string {
  const place = new Map(sorted.map((node, index) => [node, index]));
  if (sorted.length !== predecessors.length || place.size !== sorted.length) return 'not every node once';
  const late = predecessors.some((before, node) => before.some((each) => (place.get(each) ?? 0) >= (place.get(node) ?? 0)));
  if (late) return 'a predecessor that comes late';
  return girth(predecessors) === 0 ? 'none' : 'an order in spite of a cycle';
}

function cycleProblem(predecessors: readonly (readonly number[])[], found: readonly number[]): string {
  if (found.length !== girth(predecessors)) return 'not the shortest';
  if (new Set(found).size !== found.length) return 'a node twice';
  const joined = found.every((node, index) => predecessors[found[(index + 1) % found.length] ?? -1]?.includes(node) === true);
  return joined ? 'none' : 'an edge that is not there, or against the flow';
}

describe('the topological order', () => {
  test('keeps the order given where nothing speaks against it', () => {
    expect(order([[], [], []])).toEqual([0, 1, 2]);
    expect(order([[2], [], []])).toEqual([2, 0, 1]);
    expect(order([[], [0], [1], [0, 2]])).toEqual([0, 1, 2, 3]);
    expect(order([])).toEqual([]);
  });

  test('does not mind an edge that is given twice', () => {
    expect(order([[1, 1], []])).toEqual([1, 0]);
  });

  test('puts predecessors first, each node once, or gives a shortest cycle in the direction of the flow', () => {
    fc.assert(
      fc.property(graphs, (predecessors) => {
        const sorted = topologicalOrder(predecessors);
        expect('order' in sorted ? orderProblem(predecessors, sorted.order) : cycleProblem(predecessors, sorted.cycle)).toBe('none');
      }),
      { numRuns: 2000 },
    );
  });

  test('finds a node that waits for itself, and a short cycle beside a long one', () => {
    expect(cycle([[], [1]])).toEqual([1]);
    expect(cycle([[3], [0], [1], [2], [5], [4]])).toEqual([4, 5]);
    expect(cycle([[2], [0], [1]])).toEqual([0, 1, 2]);
  });

  test('costs no stack, and one long cycle one search', () => {
    const chain = Array.from({ length: 200_000 }, (_, node) => (node === 0 ? [] : [node - 1]));
    expect(order([...chain].reverse().map((before) => before.map((node) => 199_999 - node)))).toHaveLength(200_000);
    const ring = Array.from({ length: 50_000 }, (_, node) => [(node + 49_999) % 50_000]);
    expect(cycle(ring)).toHaveLength(50_000);
  });
});
