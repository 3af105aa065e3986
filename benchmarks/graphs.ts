import { assetsFromGraph, define, graph, input, op, type Definitions } from 'sluice';

/** A chain of `length` ops in one graph-backed asset `chain`, whose value is `length`. */
export function chain(length: number, asynchronous = false): Definitions<{ readonly chain: number }> {
  const first = op({ name: 'first', codeVersion: '1', run: () => 1 });
  const add = asynchronous
    ? op({ name: 'add', codeVersion: '1', inputs: { n: input<number>() }, run: async ({ n }) => Promise.resolve(n + 1) })
    : op({ name: 'add', codeVersion: '1', inputs: { n: input<number>() }, run: ({ n }) => n + 1 });
  const wired = graph('chain', () => {
    let last = first();
    for (let index = 1; index < length; index += 1) last = add({ n: last });
    return last;
  });
  return define({ assets: [assetsFromGraph(wired)] });
}

/** `pairs` assets, each made by two ops from one common first op: 2 × pairs + 1 ops in one graph that can be subset. */
export function fan(pairs: number): Definitions<Readonly<Record<string, number>>> {
  const first = op({ name: 'first', run: () => 1 });
  const double = op({ name: 'double', inputs: { n: input<number>() }, run: ({ n }) => n * 2 });
  const add = op({ name: 'add', inputs: { n: input<number>() }, run: ({ n }) => n + 1 });
  const wired = graph('fan', () => {
    const root = first();
    return Object.fromEntries(Array.from({ length: pairs }, (_, index) => [`asset_${index}`, add({ n: double({ n: root }) })]));
  });
  return define({ assets: [assetsFromGraph(wired, { canSubset: true })] });
}
