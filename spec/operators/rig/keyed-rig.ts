import fc from 'fast-check';
import { assetsFromGraph, define, graph, keyed, keyedInput, op, source, type AssetChange, type Keyed } from '../../../index.ts';

/** Rows of numbers under letters. */
export type Rows = Keyed<string, number>;

/** What `picked` leaves out is below this. */
export const LARGE = 5;

/** Some rows, of which `picked` has about half. */
export const anyRows: fc.Arbitrary<readonly (readonly [string, number])[]> = fc.uniqueArray(
  fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e'), fc.nat({ max: 9 })),
  { selector: ([key]) => key },
);

const large = op({
  name: 'large',
  codeVersion: '1',
  inputs: { rows: keyedInput<string, number>() },
  keyed: ({ rows }) => rows.filter((row) => row >= LARGE),
});

/** Definitions of keyed rows, `rows`, and of those of them that are large, `picked`. */
export function pickedRows() {
  const body = graph('picked', { inputs: { rows: keyedInput<string, number>() } }, ({ rows }) => large({ rows }));
  return define({ assets: [source<Rows>('rows'), assetsFromGraph(body)] });
}

/** What deltas add up to, from nothing. */
export function totalOf(changes: readonly AssetChange<Rows>[]): readonly (readonly [string, number])[] {
  let rows: Rows = keyed<string, number>([]);
  for (const change of changes) if (change.state === 'value') rows = rows.apply(change.delta);
  return [...rows];
}
