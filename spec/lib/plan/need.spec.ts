import { describe, expect, test } from 'vitest';
import { asset, define, input, plan, source, type Definitions, type Plan, type PlanOptions } from '../../../index.ts';
import { diamond, fooBarBaz, stacked } from './fixtures.ts';

type Options = Omit<PlanOptions<unknown>, 'select'>;

/** The outputs in need, as `step.output`. */
function outputsOf({ steps }: Plan): ReadonlySet<string> {
  return new Set(steps.flatMap(({ step, selectedOutputs }) => [...selectedOutputs].map((name) => `${step.id}.${name}`)));
}

function need(defs: Definitions, select: readonly string[], options: Options = {}): ReadonlySet<string> {
  return outputsOf(plan(defs, { select, ...options }));
}

describe('need', () => {
  test('of baz_asset alone asks foo for foo_2 alone (S22)', () => {
    expect(need(fooBarBaz(), ['baz_asset'])).toEqual(new Set(['baz.result', 'foo.foo_2', 'bar.bar_1', 'bar.bar_2']));
  });

  test('of foo_asset alone leaves baz out and asks bar for bar_1 alone', () => {
    expect(need(fooBarBaz(), ['foo_asset'])).toEqual(new Set(['foo.foo_1', 'bar.bar_1']));
  });
});

describe('inGraphUpstream', () => {
  const siblings = define({ assets: [source('x'), diamond()] });

  test('"recompute" and "auto" take siblings from the run (N6)', () => {
    for (const inGraphUpstream of ['recompute', 'auto', undefined] as const) {
      expect(need(siblings, ['d'], inGraphUpstream === undefined ? {} : { inGraphUpstream })).toEqual(
        new Set(['make_a.result', 'make_b.result', 'make_c.result', 'make_d.result']),
      );
    }
  });

  test('"load" ends paths at siblings that are not selected, in a fan-in too (N6)', () => {
    const planned = plan(siblings, { select: ['d', 'b'], inGraphUpstream: 'load' });
    expect(outputsOf(planned)).toEqual(new Set(['make_b.result', 'make_d.result']));
    expect(planned.steps.map(({ step, inputs }) => [step.id, inputs.map(({ entries }) => entries)])).toEqual([
      ['make_b', [[{ from: 'store', key: 'a', source: false }]]],
      [
        'make_d',
        [
          [
            { from: 'step', step: 0, output: 0 },
            { from: 'store', key: 'c', source: false },
          ],
        ],
      ],
    ]);
  });

  test('"load" ends paths at entries for order alone too', () => {
    const planned = plan(siblings, { select: ['e'], inGraphUpstream: 'load' });
    expect(planned.steps.map(({ step, inputs }) => [step.id, inputs.map(({ kind, entries }) => [kind, entries])])).toEqual([
      [
        'make_e',
        [
          ['nothing', [{ from: 'store', key: 'd', source: false }]],
          ['value', [{ from: 'store', key: 'a', source: false }]],
        ],
      ],
    ]);
  });

  test('"load" still takes what is no asset from the run', () => {
    expect(need(fooBarBaz(), ['baz_asset'], { inGraphUpstream: 'load' })).toEqual(
      need(fooBarBaz(), ['baz_asset'], { inGraphUpstream: 'recompute' }),
    );
  });
});

describe('crossGraphUpstream', () => {
  const ids = (options: PlanOptions<unknown>): readonly string[] => plan(stacked(), options).steps.map(({ step }) => step.id);

  test('"load" is the default and ends paths at assets of other definitions that are not selected (N5)', () => {
    expect(ids({ select: ['g/h'] })).toEqual(['g/h:h']);
    expect(ids({ select: ['g/h'], crossGraphUpstream: 'load', inGraphUpstream: 'recompute' })).toEqual(['g/h:h']);
  });

  test('"auto" takes them from the run', () => {
    expect(ids({ select: ['f'], crossGraphUpstream: 'auto' })).toEqual([
      'diamond:make_a',
      'diamond:make_b',
      'diamond:make_c',
      'diamond:make_d',
      'f:f',
    ]);
  });

  test('a selected asset of another definition is taken from the run under every policy', () => {
    expect(ids({ select: ['d', 'f'], inGraphUpstream: 'load' })).toEqual(['diamond:make_d', 'f:f']);
  });

  test('which of the two policies is asked depends on the reader: an asset may be loaded by one step and made for another', () => {
    // f reads d across definitions; e, a sibling of d, waits for it.
    const planned = plan(stacked(), { select: ['e', 'f'], inGraphUpstream: 'recompute', crossGraphUpstream: 'load' });
    const entries = new Map(planned.steps.map(({ step, inputs }) => [step.id, inputs[0]?.entries.map(({ from }) => from)]));
    expect([entries.get('f:f'), entries.get('diamond:make_e')]).toEqual([['store'], ['step']]);
  });
});

describe('sources', () => {
  test('always come from the store', () => {
    const only = asset({ key: 'only', inputs: { x: input<number>() }, run: ({ x }) => x });
    const [step] = plan(define({ assets: [source('x'), only] }), { crossGraphUpstream: 'auto' }).steps;
    expect(step?.inputs).toMatchObject([
      { name: 'x', kind: 'value', optional: false, entries: [{ from: 'store', key: 'x', source: true }] },
    ]);
    expect(step?.predecessors).toEqual([]);
  });
});
