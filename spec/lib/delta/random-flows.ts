import fc from 'fast-check';
import { aggregates, average, count, max, sum } from '../../../lib/delta/aggregates.ts';
import type { Flow } from '../../../lib/delta/flow.ts';
import type { Key } from '../../../lib/kernel/keyed/key.ts';
import type { Row } from './arbitraries.ts';

/** A flow of the rows that all specs work on. */
export type RowFlow = Flow<Key, Row>;

/** One operator of a random pipeline, on flows that come before it. */
type Make = (flow: RowFlow, other: RowFlow) => RowFlow;

const makes: Readonly<Record<string, Make>> = {
  filter: (flow) => flow.filter(({ n }) => n > 0),
  map: (flow) => flow.map(({ to, n }, key) => (n < -1 ? undefined : { to: typeof key === 'string' ? to : key, n: n * 2 })),
  flatMap: (flow) => flow.flatMap(({ to, n }) => [['a', { to, n }] as const, ...(n > 0 ? [[n, { to: n, n: 1 }] as const] : [])]),
  join: (flow, other) =>
    flow.join(other, { left: ({ to }) => to, right: (_, key) => key, combine: (a, b) => ({ to: b.to, n: a.n + b.n }) }),
  many: (flow, other) =>
    flow.join(other, { left: ({ to }) => to, right: ({ to }) => to, combine: (a, b) => ({ to: a.to, n: Math.max(a.n, b.n) }) }),
  sum: (flow) =>
    flow
      .groupBy(({ to }) => to)
      .aggregate(sum(({ n }) => n))
      .map((n, to) => ({ to, n })),
  several: (flow) =>
    flow
      .groupBy(({ n }) => Math.sign(n))
      .aggregate(aggregates({ rows: count(), most: max(({ n }) => n), mean: average(({ n }) => n) }))
      .map((each, to) => ({ to, n: each.rows + each.most + each.mean })),
  compute: (flow) =>
    flow.groupBy(({ to }) => to).compute((of, to) => ({ to, n: [...of.values()].reduce((n, each, at) => n + at * each.n, 0) })),
  computeAll: (flow) => flow.computeAll((all) => [...all].filter((_, at) => at % 2 === 0)),
};

/** One operator of random flows, and how far back the flows are that it reads. */
export interface FlowStage {
  readonly make: string;
  readonly reads: readonly [number, number];
}

const stage: fc.Arbitrary<FlowStage> = fc.record({
  make: fc.constantFrom(...Object.keys(makes)),
  reads: fc.tuple(fc.nat({ max: 3 }), fc.nat({ max: 3 })),
});

/**
 * Stages one behind the other. A join of many with many may square the rows, and one behind another squares them again: a few in a row would
 * take all memory. Those beyond `squares` become joins that find at most one row.
 */
export function stages({
  maxLength,
  squares,
}: {
  readonly maxLength: number;
  readonly squares: number;
}): fc.Arbitrary<readonly FlowStage[]> {
  return fc.array(stage, { maxLength }).map((drawn) => {
    let left = squares;
    return drawn.map((each) => (each.make === 'many' && (left -= 1) < 0 ? { ...each, make: 'join' } : each));
  });
}

/** How many rows a flow of these stages may have at most, a table of so many before it. */
export function mostRows(rows: number, of: readonly FlowStage[]): number {
  return of.reduce((most, { make }) => (make === 'many' ? most ** 2 : make === 'flatMap' ? 2 * most : most), rows);
}

/** Each stage reads two that come before it, counted back from the newest, the two inputs in front of all. */
export function flowOf(stages: readonly FlowStage[], inputs: readonly RowFlow[]): RowFlow {
  const flows = [...inputs];
  const back = (offset: number): RowFlow => {
    const flow = flows[flows.length - 1 - (offset % flows.length)];
    if (flow === undefined) throw new Error('a stage reads nothing');
    return flow;
  };
  for (const { make, reads } of stages) flows.push(makes[make]?.(back(reads[0]), back(reads[1])) ?? back(0));
  return back(0);
}
