import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { asset, define, input, plan, source, type Definitions, type Plan, type PlanOptions } from '../../../index.ts';
import { assetsOf, world } from '../../kit/arbitraries.ts';
import { printWorld } from '../../kit/print-world.ts';
import { defineWorld } from '../../kit/define-world.ts';
import { diamond, fooBarBaz, stacked } from './fixtures.ts';

type Options = Omit<PlanOptions<unknown>, 'select'>;

/** The outputs in need, as `step.output`. */
function outputsOf({ steps }: Plan): ReadonlySet<string> {
  return new Set(steps.flatMap(({ step, selectedOutputs }) => [...selectedOutputs].map((name) => `${step.id}.${name}`)));
}

function need(defs: Definitions, select: readonly string[], options: Options = {}): ReadonlySet<string> {
  return outputsOf(plan(defs, { select, ...options }));
}

/** Nothing ends a path. */
const whole = { inGraphUpstream: 'recompute', crossGraphUpstream: 'auto' } as const;

interface Drawn {
  readonly defs: Definitions;
  readonly assets: readonly string[];
  readonly s: readonly string[];
  readonly t: readonly string[];
}

/** A law over two selections of one world. */
function law(check: (drawn: Drawn) => void): void {
  const bits = fc.array(fc.boolean(), { minLength: 24, maxLength: 24 });
  const drawn = fc.tuple(world({ maxDefinitions: 3 }), bits, bits).map(([shape, left, right]) => {
    const assets = assetsOf(shape);
    const pick = (side: readonly boolean[]): readonly string[] => assets.filter((_, i) => side[i] === true);
    const [s, t] = [pick(left), pick(right)];
    return { shape, assets, s, t, [fc.toStringMethod]: () => `\n${printWorld(shape)}\ns = [${s.join(', ')}]\nt = [${t.join(', ')}]` };
  });
  const property = fc.property(drawn, ({ shape, assets, s, t }) => {
    check({ defs: defineWorld(shape), assets, s, t });
  });
  fc.assert(property, { numRuns: 200 });
}

const isSubset = (small: ReadonlySet<string>, large: ReadonlySet<string>): boolean => [...small].every((each) => large.has(each));

/** The assets whose outputs are in need. */
function assetsIn(defs: Definitions, outputs: ReadonlySet<string>): readonly string[] {
  return [...defs.assets.values()].flatMap(({ key, step, output }) => {
    const made = defs.graph.steps[step];
    const name = made?.outputs.find((each) => each.key === key)?.name;
    return outputs.has(`${made?.id ?? output}.${name ?? ''}`) ? [key] : [];
  });
}

describe('need', () => {
  test('S5 closure, extensive: the selected assets are in need, whatever the policies', () => {
    expect.hasAssertions();
    law(({ defs, s }) => {
      for (const options of [whole, { inGraphUpstream: 'load' } as const])
        expect(isSubset(new Set(s), new Set(assetsIn(defs, need(defs, s, options))))).toBe(true);
    });
  });

  test('S5 closure, monotone: a larger selection needs no less, whatever the policies', () => {
    expect.hasAssertions();
    law(({ defs, s, t }) => {
      for (const options of [whole, { inGraphUpstream: 'load' } as const]) {
        expect(isSubset(need(defs, s, options), need(defs, [...new Set([...s, ...t])], options))).toBe(true);
      }
    });
  });

  test('S5 closure, idempotent: selecting the assets in need needs nothing more', () => {
    expect.hasAssertions();
    law(({ defs, s }) => {
      const once = need(defs, s, whole);
      expect(need(defs, assetsIn(defs, once), whole)).toEqual(once);
    });
  });

  test('S6 union: need(s ∪ t) = need(s) ∪ need(t), where no path ends early', () => {
    expect.hasAssertions();
    law(({ defs, s, t }) => {
      const both = need(defs, [...new Set([...s, ...t])], whole);
      expect(both).toEqual(new Set([...need(defs, s, whole), ...need(defs, t, whole)]));
    });
  });

  test('S6 intersection: need(s ∩ t) ⊆ need(s) ∩ need(t), and need(∅) = ∅', () => {
    expect.hasAssertions();
    law(({ defs, s, t }) => {
      const common = need(
        defs,
        s.filter((each) => t.includes(each)),
        whole,
      );
      expect(isSubset(common, need(defs, s, whole)) && isSubset(common, need(defs, t, whole))).toBe(true);
      expect(need(defs, [], whole)).toEqual(new Set());
    });
  });

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
