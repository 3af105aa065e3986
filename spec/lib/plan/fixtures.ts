import { asset, assetsFromGraph, define, graph, input, list, nothing, op, optional, output, source } from '../../../index.ts';
import type { AssetsDefinition, Definitions } from '../../../index.ts';

const bar = op({ name: 'bar', outputs: { bar_1: output<number>(), bar_2: output<number>() }, run: () => ({ bar_1: 1, bar_2: 2 }) });

const foo = op({
  name: 'foo',
  inputs: { bar_1: input<number>() },
  outputs: { foo_1: optional<number>(), foo_2: optional<number>() },
  run: ({ bar_1 }) => ({ foo_1: bar_1 + 1, foo_2: bar_1 + 2 }),
});

const baz = op({ name: 'baz', inputs: { foo_2: input<number>(), bar_2: input<number>() }, run: ({ foo_2, bar_2 }) => foo_2 + bar_2 });

const myGraph = graph('my_graph', () => {
  const { bar_1, bar_2 } = bar();
  const { foo_1, foo_2 } = foo({ bar_1 });
  return { foo_asset: foo_1, baz_asset: baz({ foo_2, bar_2 }) };
});

/** The graph of the founding document: bar feeds foo and baz, foo feeds baz. */
export function fooBarBaz(canSubset = true): Definitions<{ readonly foo_asset: number; readonly baz_asset: number }> {
  return define({ assets: [assetsFromGraph(myGraph, { canSubset })] });
}

const copy = op({ name: 'copy', inputs: { from: input<number>() }, run: ({ from }) => from });
const sum = op({ name: 'sum', inputs: { all: list<number>() }, run: ({ all }) => all.reduce((a, b) => a + b, 0) });
const last = op({ name: 'last', inputs: { after: nothing(), value: input<number>() }, run: ({ value }) => value });

/**
 * One definition of siblings:
 *
 *     x → a → b → d      d adds b and c up, e copies a once d is there
 *         a → c → d ⇢ e
 */
export function diamond(canSubset = true): AssetsDefinition {
  const built = graph('diamond', { inputs: { x: input<number>() } }, ({ x }) => {
    const a = copy.as('make_a')({ from: x });
    const b = copy.as('make_b')({ from: a });
    const c = copy.as('make_c')({ from: a });
    const d = sum.as('make_d')({ all: [b, c] });
    return { a, b, c, d, e: last.as('make_e')({ after: d, value: a }) };
  });
  return assetsFromGraph(built, { canSubset });
}

/** The diamond, and two definitions on top of it: `f` copies d, and `g/h` copies f. */
export function stacked(): Definitions {
  const f = asset({ key: 'f', inputs: { d: input<number>() }, run: ({ d }) => d });
  const g = asset({ key: ['g', 'h'], inputs: { f: input<number>() }, run: ({ f }) => f });
  return define({ assets: [source('x'), source('unread'), diamond(), f, g] });
}
