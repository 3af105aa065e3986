import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { assetsFromGraph, define, explain, graph, input, list, op, output, plan, source, type PlanOptions } from '../../../index.ts';
import { worldCase } from '../../kit/arbitraries.ts';
import { defineWorld } from '../../kit/define-world.ts';
import { diamond, fooBarBaz, stacked } from '../plan/fixtures.ts';

const siblings = define({ assets: [source('x'), diamond()] });

const linesOf = (defs: Parameters<typeof plan>[0], options: PlanOptions<unknown>): readonly string[] =>
  explain(plan(defs, options)).toString().split('\n');

describe('explain', () => {
  test('says for the founding example why each step runs and what becomes of each asset', () => {
    expect(linesOf(fooBarBaz(), { select: ['baz_asset'] })).toEqual([
      'bar runs, since it gives bar_1 to foo and bar_2 to baz.',
      'foo runs, since it gives foo_2 to baz; asked for foo_2, not for foo_1, which nothing selected needs.',
      'baz runs, since "baz_asset" is selected.',
      '"foo_asset" is left out: nothing selected needs it, and foo runs without being asked for foo_1.',
      '"baz_asset" is selected: baz makes it and the run records it.',
    ]);
  });

  test('says why steps are left out', () => {
    expect(linesOf(fooBarBaz(), { select: ['foo_asset'] })).toEqual([
      'bar runs, since it gives bar_1 to foo; asked for bar_1, not for bar_2, which nothing selected needs.',
      'foo runs, since "foo_asset" is selected; asked for foo_1, not for foo_2, which nothing selected needs.',
      'baz is left out: nothing selected needs "baz_asset".',
      '"foo_asset" is selected: foo makes it and the run records it.',
      '"baz_asset" is left out: nothing selected needs it, and its step baz does not run.',
    ]);
    expect(linesOf(fooBarBaz(), { select: [] })[0]).toBe('bar is left out: no selected asset needs it.');
  });

  test('says that a step without a path to any asset never runs (D6)', () => {
    const two = op({ name: 'two', outputs: { kept: output<number>(), lost: output<number>() }, run: () => ({ kept: 1, lost: 2 }) });
    const end = op({ name: 'end', inputs: { value: input<number>() }, run: ({ value }) => value });
    const inner = graph('inner', () => {
      const { kept, lost } = two();
      return { kept, ended: end({ value: lost }) };
    });
    const defs = define({ assets: [assetsFromGraph(graph('outer', () => ({ only: inner().kept })))] });
    expect(linesOf(defs, {})).toEqual([
      'inner.two runs, since "only" is selected; asked for kept, not for lost, which nothing selected needs.',
      'inner.end is left out: nothing of it reaches an asset (D6).',
      '"only" is selected: inner.two makes it and the run records it.',
    ]);
  });

  test('tells what is used from what is recorded, by policy', () => {
    const sentence = (unselectedOutputs: 'discard' | 'materialize'): string | undefined =>
      linesOf(siblings, { select: ['b'], unselectedOutputs }).find((line) => line.startsWith('"a"'));
    expect(sentence('discard')).toBe('"a" is made and used but not recorded: the selection needs it and does not name it.');
    expect(sentence('materialize')).toBe('"a" is made and used but recorded as unexpected: the selection needs it and does not name it.');
  });

  test('tells what is loaded, for whom, and why', () => {
    expect(linesOf(siblings, { select: ['b', 'c'], inGraphUpstream: 'load' })).toContain(
      '"a" is loaded from the store for make_b and make_c: it is not selected, and the policy says load.',
    );
    expect(linesOf(siblings, { select: ['a'] })).toContain('"x" is a source, read from the store for make_a.');
    expect(linesOf(stacked(), { select: ['f'] })).toContain('"unread" is a source that nothing selected reads.');
  });

  test('names a few of many readers and counts the rest', () => {
    const one = op({ name: 'one', run: () => 1 });
    const add = op({ name: 'add', inputs: { all: list<number>() }, run: ({ all }) => all.length });
    const built = graph('many', () => {
      const value = one();
      return Object.fromEntries(Array.from({ length: 6 }, (_, i) => [`out_${i}`, add({ all: [value] })]));
    });
    const [first] = linesOf(define({ assets: [assetsFromGraph(built)] }), {});
    expect(first).toBe('one runs, since it gives its value to add, its value to add_2, its value to add_3 and 3 more.');
  });

  test('has one sentence for every step, asset and source, each with the verdict of the plan', () => {
    expect.hasAssertions();
    const law = fc.property(worldCase({ maxDefinitions: 3, maxRuns: 1 }), ({ world, runs: [run] }) => {
      const defs = defineWorld(world);
      const planned = plan(defs, { select: [...(run?.select ?? [])], inGraphUpstream: run?.inGraphUpstream ?? 'auto' });
      const explained = explain(planned);
      const { steps, assets } = explained;
      expect(steps.map(({ step }) => step)).toEqual(defs.graph.steps.map(({ id }) => id));
      expect(assets.map(({ key }) => key).toSorted()).toEqual([...defs.sources.keys(), ...defs.assets.keys()].toSorted());
      const ids = planned.steps.map(({ step }) => step.id);
      expect(steps.filter(({ verdict }) => verdict === 'runs').map(({ step }) => step)).toEqual(ids);
      expect(new Set(assets.filter(({ verdict }) => verdict === 'selected').map(({ key }) => key))).toEqual(planned.selection);
      const loaded = planned.steps.flatMap(({ inputs }) =>
        inputs.flatMap(({ entries }) => entries.flatMap((entry) => (entry.from === 'store' ? [entry.key] : []))),
      );
      const mentioned = assets.filter(({ verdict }) => verdict === 'loaded').map(({ key }) => key);
      expect(new Set(mentioned)).toEqual(new Set(loaded));
      const all = [...steps, ...assets].map(({ sentence }) => sentence);
      expect(all.every((sentence) => /^\S.*\.$/.test(sentence))).toBe(true);
      expect(explained.toString()).toBe(all.join('\n'));
    });
    fc.assert(law, { numRuns: 150 });
  });

  test('is pure and frozen', () => {
    const planned = plan(siblings, { select: ['d'] });
    expect(explain(planned).toString()).toBe(explain(planned).toString());
    const explained = explain(planned);
    expect([explained, explained.steps, explained.assets].every(Object.isFrozen)).toBe(true);
  });
});
