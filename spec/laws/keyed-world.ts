import fc from 'fast-check';
import { keyed, keyedFrom, type Keyed } from '../../lib/kernel/keyed/keyed.ts';
import type { Key } from '../../lib/kernel/keyed/key.ts';
import { assetsFromGraph } from '../../lib/model/assets-from-graph.ts';
import { define } from '../../lib/model/definitions.ts';
import { graph } from '../../lib/model/graph.ts';
import { keyedInput, keyedOutput } from '../../lib/model/keyed-port.ts';
import { op } from '../../lib/model/op.ts';
import { input } from '../../lib/model/port.ts';
import { source } from '../../lib/model/source.ts';
import { edits, row, type Edit, type Row } from '../lib/delta/arbitraries.ts';
import { flowOf, mostRows, stages, type FlowStage } from '../lib/delta/random-flows.ts';

/** A table of the laws. */
export type Rows = Keyed<Key, Row>;

/** Two tables, by the names of their sources. */
export interface Tables {
  readonly a: Rows;
  readonly b: Rows;
}

/** The flows of three outputs. */
export interface FlowsOfWorld {
  readonly one: readonly FlowStage[];
  readonly two: readonly FlowStage[];
  readonly end: readonly FlowStage[];
}

/** Random flows for the ops of a world. */
const anyFlows: fc.Arbitrary<FlowsOfWorld> = fc.record({
  one: stages({ maxLength: 3, squares: 1 }),
  two: stages({ maxLength: 3, squares: 1 }),
  end: stages({ maxLength: 2, squares: 1 }),
});

/** Rows enough for several pieces, among keys that meet those of edits. */
const tableOf = (most: number): fc.Arbitrary<Rows> =>
  fc
    .tuple(fc.integer({ min: 0, max: most }), fc.array(row, { minLength: 1, maxLength: 5 }))
    .map(([size, rows]) => keyed(Array.from({ length: size }, (_, key) => [key, rows[key % rows.length] ?? { to: null, n: 0 }] as const)));

/** As many rows as are made of the largest table, and no more: whole histories of runs are played on them. */
const MOST_ROWS = 25_000;

/** Flows, and two tables that are as large as the flows let them be. */
export const anyWorld: fc.Arbitrary<{ readonly flows: FlowsOfWorld; readonly tables: Tables }> = anyFlows.chain((flows) => {
  let most = 150;
  while (most > 1 && Math.max(mostRows(most, [...flows.one, ...flows.end]), mostRows(most, flows.two)) > MOST_ROWS) most -= 1;
  return fc.record({ flows: fc.constant(flows), tables: fc.record({ a: tableOf(most), b: tableOf(most) }) });
});

/** What happens in a history. */
export type Move =
  | { readonly move: 'put' | 'follow'; readonly table: 'a' | 'b'; readonly edits: readonly Edit<Row>[] }
  | { readonly move: 'given'; readonly table: 'a' | 'b'; readonly edits: readonly Edit<Row>[] }
  | { readonly move: 'refresh'; readonly select: readonly ('one' | 'two' | 'end' | 'listed' | 'rows')[] }
  | { readonly move: 'forget-memory' | 'forget-rows' | 'reopen' | 'prune' | 'anew' };

const made = fc.record({ table: fc.constantFrom('a' as const, 'b' as const), edits: edits(row, 4) });

/** Anything that may happen: mostly changes, and refreshes of some or all. */
export const anyMove: fc.Arbitrary<Move> = fc.oneof(
  { weight: 2, arbitrary: made.map((each) => ({ move: 'put' as const, ...each })) },
  { weight: 6, arbitrary: made.map((each) => ({ move: 'follow' as const, ...each })) },
  { weight: 1, arbitrary: made.map((each) => ({ move: 'given' as const, ...each })) },
  {
    weight: 2,
    arbitrary: fc
      .subarray(['one', 'two', 'end', 'listed', 'rows'] as const, { minLength: 1 })
      .map((select) => ({ move: 'refresh' as const, select })),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(...(['forget-memory', 'forget-rows', 'reopen', 'prune', 'anew'] as const)).map((move) => ({ move })),
  },
);

/** Ops in a graph of keyed rows: two that follow changes one after the other, one that computes the whole, and a reader that knows no rows. */
export function worldOf({ one, two, end }: FlowsOfWorld) {
  const first = op({
    name: 'first',
    inputs: { a: keyedInput<Key, Row>(), b: keyedInput<Key, Row>() },
    outputs: { one: keyedOutput<Key, Row>(), two: keyedOutput<Key, Row>() },
    keyed: ({ a, b }) => ({ one: flowOf(one, [a, b]), two: flowOf(two, [b, a]) }),
  });
  const last = op({
    name: 'last',
    inputs: { x: keyedInput<Key, Row>(), b: keyedInput<Key, Row>() },
    keyed: ({ x, b }) => flowOf(end, [b, x]),
  });
  const list = op({
    name: 'list',
    inputs: { rows: input<Rows>() },
    outputs: { listed: keyedOutput<Key, Row>() },
    run: ({ rows }) => ({ listed: new Map([...rows].filter((_, at) => at % 2 === 0)) }),
  });
  const size = op({
    name: 'size',
    inputs: { rows: input<Rows>() },
    run: ({ rows }) => ({ rows: rows.size, first: [...rows.keys()].slice(0, 3) }),
  });
  return graph('world', { inputs: { a: keyedInput<Key, Row>(), b: keyedInput<Key, Row>() } }, ({ a, b }) => {
    const { one: x, two: y } = first({ a, b });
    return { one: x, two: y, end: last({ x, b }), ...list({ rows: y }), rows: size({ rows: x }) };
  });
}

/** Definitions of a world. */
export function definitionsOf(world: ReturnType<typeof worldOf>) {
  return define({ assets: [assetsFromGraph(world, { canSubset: true }), source<Rows, 'a'>('a'), source<Rows, 'b'>('b')] });
}

/** A table after edits. A row may be given from outside, and so is another object each time. */
export function edited(rows: Rows, made: readonly Edit<Row>[]): Rows {
  let now = rows;
  for (const [key, next] of made) now = next === undefined ? now.delete(key) : now.set(key, { ...next });
  return now;
}

/** The same table, built anew and sharing nothing. */
export function rebuilt(rows: Rows): Rows {
  return keyedFrom([...rows].toReversed(), 'a table that was built anew');
}
