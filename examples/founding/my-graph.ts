import { assetsFromGraph, define, emit, graph, input, op, optional, output } from 'sluice';

const bar = op({
  name: 'bar',
  outputs: { bar_1: output<number>(), bar_2: output<number>() },
  run: () => ({ bar_1: 1, bar_2: 2 }),
});

/** The first form of `foo`: it always returns both values. */
const fooWithBoth = op({
  name: 'foo',
  inputs: { bar_1: input<number>() },
  outputs: { foo_1: output<number>(), foo_2: output<number>() },
  run: ({ bar_1 }) => ({ foo_1: bar_1 + 1, foo_2: bar_1 + 2 }),
});

/** The second form: optional outputs, and it yields only what is asked for. */
const foo = op({
  name: 'foo',
  inputs: { bar_1: input<number>() },
  outputs: { foo_1: optional<number>(), foo_2: optional<number>() },
  *run({ bar_1 }, { selectedOutputs }) {
    if (selectedOutputs.has('foo_1')) yield emit('foo_1', bar_1 + 1);
    if (selectedOutputs.has('foo_2')) yield emit('foo_2', bar_1 + 2);
  },
});

const baz = op({ name: 'baz', inputs: { foo_2: input<number>(), bar_2: input<number>() }, run: ({ foo_2, bar_2 }) => foo_2 + bar_2 });

function myGraph(oneOfTheFoos: typeof foo | typeof fooWithBoth) {
  return graph('my_graph', () => {
    const { bar_1, bar_2 } = bar();
    const { foo_1, foo_2 } = oneOfTheFoos({ bar_1 });
    return { foo_asset: foo_1, baz_asset: baz({ foo_2, bar_2 }) };
  });
}

/** `foo_asset` and `baz_asset`, with the `foo` that always returns both. */
export const firstForm = define({ assets: [assetsFromGraph(myGraph(fooWithBoth), { canSubset: true })] });

/** `foo_asset` and `baz_asset`, with the `foo` that yields what is asked for. */
export const secondForm = define({ assets: [assetsFromGraph(myGraph(foo), { canSubset: true })] });
