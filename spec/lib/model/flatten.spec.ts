import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { assetsFromGraph, define, graph, input, list, materialize, op, source } from '../../../index.ts';
import type { Handle, ListHandle } from '../../../index.ts';
import { flatten } from '../../../lib/model/flatten.ts';
import { addOne, after, lenient, sum, two } from './ops.ts';

const wires = (made: Parameters<typeof flatten>[0]): readonly unknown[] =>
  flatten(made).steps.map(({ path, inputs }) => [
    path,
    ...inputs.map(({ entries }) => entries.map((entry) => (entry.from === 'step' ? `${entry.step}.${entry.output}` : entry.input)).join()),
  ]);

describe('flatten', () => {
  test('makes every place of an op one step, with a path that joins invocation names', () => {
    const inc = graph('inc', { inputs: { x: input<number>() } }, ({ x }) => addOne({ x }));
    const inner = graph('inner', { inputs: { x: input<number>() } }, ({ x }) => addOne({ x: inc({ x }) }));
    const outer = graph('outer', { inputs: { up: input<number>() } }, ({ up }) => ({
      a: inner({ x: up }),
      b: inner({ x: two() }),
      c: inner.as('third')({ x: inc({ x: up }) }),
    }));
    expect(wires(outer)).toEqual([
      ['inner.inc.add_one', 'up'],
      ['inner.add_one', '0.0'],
      ['two'],
      ['inner_2.inc.add_one', '2.0'],
      ['inner_2.add_one', '3.0'],
      ['inc.add_one', 'up'],
      ['third.inc.add_one', '5.0'],
      ['third.add_one', '6.0'],
    ]);
    expect([...flatten(outer).outputs]).toEqual([
      ['a', { step: 1, output: 0 }],
      ['b', { step: 4, output: 0 }],
      ['c', { step: 7, output: 0 }],
    ]);
  });

  test('a list goes into a list with all its entries, in order, alone or among others', () => {
    const total = graph('total', { inputs: { xs: list<number>() } }, ({ xs }) => sum({ xs: [two(), xs, addOne({ x: two() })] }));
    const outer = graph('outer', { inputs: { a: input<number>() } }, ({ a }) => total({ xs: [a, two(), addOne({ x: a })] }));
    expect(wires(outer).at(-1)).toEqual(['total.sum', '2.0,a,0.0,1.0,4.0']);
    const alone = graph('alone', { inputs: { xs: list<number>() } }, ({ xs }) => sum({ xs }));
    expect(wires(graph('outer', () => alone({ xs: [] })))).toEqual([['alone.sum', '']]);
    expect(wires(graph('outer', () => alone({ xs: [two(), two()] }))).at(-1)).toEqual(['alone.sum', '0.0,1.0']);
  });

  test('one output may come into a fan-in twice through nesting: what is refused is to write it twice', () => {
    const both = graph('both', { inputs: { xs: list<number>(), ys: list<number>() } }, ({ xs, ys }) => sum({ xs: [xs, ys] }));
    const outer = graph('outer', () => {
      const made = two();
      return both({ xs: [made], ys: [made] });
    });
    expect(wires(outer)).toEqual([['two'], ['both.sum', '0.0,0.0']]);
  });

  test('an optional input that was left unfed feeds nothing inside', () => {
    const maybe = graph('maybe', { inputs: { x: input<number>({ optional: true }) } }, ({ x }) => lenient({ x }).out);
    expect(wires(graph('outer', () => maybe()))).toEqual([['maybe.lenient', '', '', '']]);
    expect(wires(graph('outer', () => maybe({ x: two() }))).at(-1)).toEqual(['maybe.lenient', '0.0', '', '']);
  });

  test('order alone goes through as order alone', () => {
    const wait = graph('wait', { inputs: { first: input<number>() } }, ({ first }) => after({ first }));
    expect(flatten(graph('outer', () => wait({ first: two() }))).steps[1]?.inputs[0]).toMatchObject({
      kind: 'nothing',
      entries: [{ from: 'step', step: 0 }],
    });
  });
});

/** A node reads earlier ones, by index; -1 is the graph's input. */
interface Node {
  readonly reads: readonly number[];
  /** How many of the last nodes before this one go into a nested graph together with it. */
  readonly wrap: boolean;
}

const nodes: fc.Arbitrary<readonly Node[]> = fc.array(
  fc.record({ reads: fc.array(fc.nat({ max: 20 }), { maxLength: 4 }), wrap: fc.boolean() }),
  { minLength: 1, maxLength: 12 },
);

const weigh = (name: string) =>
  op({ name, inputs: { xs: list<number>() }, run: ({ xs }) => xs.reduce((a, b) => (a * 31 + b) % 1_000_003, name.length) });

/** The graph of the nodes, flat or with every wrapped node in a nested graph (in a nested graph) of its own. */
function build(spec: readonly Node[], nested: boolean): Parameters<typeof flatten>[0] {
  return graph('g', { inputs: { up: input<number>() } }, ({ up }) => {
    const made: Handle<number>[] = [];
    spec.forEach(({ reads, wrap }, index) => {
      const place = weigh(`op_${index}${'x'.repeat(index % 3)}`);
      const sources = [...new Set([up, ...reads.map((read) => made[read % Math.max(1, index)] ?? up)])];
      if (!nested || !wrap) return void made.push(place({ xs: sources }));
      const inner = graph(`inner_${index}`, { inputs: { xs: list<number>() } }, ({ xs }: { readonly xs: ListHandle<number> }) =>
        place({ xs }),
      );
      const outer = graph(`outer_${index}`, { inputs: { first: input<number>(), rest: list<number>() } }, ({ first, rest }) =>
        inner({ xs: [first, rest] }),
      );
      made.push(outer({ first: up, rest: sources.slice(1) }));
    });
    return Object.fromEntries(made.map((handle, index) => [`o${index}`, handle]));
  });
}

describe('nesting changes nothing', () => {
  test('a nested graph has the wires of the one that was flattened by hand', () => {
    fc.assert(
      fc.property(nodes, (spec) => {
        const bare = (made: Parameters<typeof flatten>[0]): unknown => {
          const { steps, outputs } = flatten(made);
          return { steps: steps.map(({ op: used, inputs }) => [used.name, inputs]), outputs: [...outputs] };
        };
        expect(bare(build(spec, true))).toEqual(bare(build(spec, false)));
      }),
    );
  });

  test('and gives the same values', async () => {
    await fc.assert(
      fc.asyncProperty(nodes, fc.nat(), async (spec, up) => {
        const valuesOf = async (nested: boolean): Promise<readonly unknown[]> => {
          const built = build(spec, nested);
          // Keys are made up as the property goes, so there is nothing that a type could know.
          const definition = assetsFromGraph(built as never);
          const result = await materialize(define({ assets: [source('up'), definition] }), { sources: { up } });
          return [...result.outcomes.keys()].map((key) => result.value(key as never));
        };
        expect(await valuesOf(true)).toEqual(await valuesOf(false));
      }),
      { numRuns: 25 },
    );
  });
});
