import { describe, expect, test } from 'vitest';
import { graph, input, list, op, optional, output } from '../../../index.ts';
import { entryNames, inKey, outputAt, planFrame } from '../../../operators/face/frame-plan.ts';
import { asGraph } from '../../../operators/face/op-graph.ts';

const joins = op({
  name: 'joins',
  inputs: { all: list<number>() },
  outputs: { sum: output<number>(), size: optional<number>() },
  run: ({ all }) => ({ sum: all.length }),
});
const g = graph('g', { inputs: { xs: list<number>(), x: input<number>() } }, ({ xs, x }) => {
  const { sum, size } = joins({ all: [x, xs] });
  return { sum, again: sum, size };
});

function entriesOf(count: number) {
  const planned = planFrame(g, { select: new Set(['sum']), entries: new Map([['xs', count]]) });
  const step = planned.steps.find(({ step: { path } }) => path === 'joins');
  return step?.inputs[0]?.entries.map((entry) => (entry.from === 'store' ? entry.key : entry.from));
}

describe('a plan for frames', () => {
  test('has the steps under the ids that they have in the graph, and one that passes on for each output', () => {
    const planned = planFrame(g, { select: new Set(['sum', 'again']) });
    expect(planned.steps.map(({ step }) => step.id)).toEqual(['joins', '$pass_0', '$pass_1']);
    expect([...planned.selection].map(outputAt)).toEqual(['sum', 'again']);
    expect(planned.steps.map(({ step: { within } }) => within.length)).toEqual([1, 0, 0]);
    expect(planned.steps[0]?.selectedOutputs).toEqual(new Set(['sum']));
  });

  test('puts the entries of a list where the list stood, as many as there are', () => {
    expect(entriesOf(0)).toEqual(['in/x']);
    expect(entriesOf(1)).toEqual(['in/x', 'in/xs']);
    expect(entriesOf(3)).toEqual(['in/x', 'in/xs', 'in/xs[1]', 'in/xs[2]']);
    expect(entryNames('xs', 3).map(inKey)).toEqual(['in/xs', 'in/xs[1]', 'in/xs[2]']);
    expect(entryNames('xs')).toEqual(['xs']);
  });

  test('is empty where nothing is selected', () => {
    expect(planFrame(g, { select: new Set() }).steps).toEqual([]);
  });

  test('of an op is that of a graph of it, with its inputs and outputs', () => {
    const wrapped = asGraph(joins);
    expect([wrapped.name, Object.keys(wrapped.inputs), wrapped.outputNames, wrapped.single]).toEqual([
      'joins',
      ['all'],
      ['sum', 'size'],
      false,
    ]);
    expect(asGraph(g)).toBe(g);
    expect(asGraph(op({ name: 'one', run: () => 1 })).single).toBe(true);
  });
});
