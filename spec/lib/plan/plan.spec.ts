import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  asset,
  assetsFromGraph,
  define,
  graph,
  input,
  op,
  plan,
  source,
  type Definitions,
  type Plan,
  type PlanOptions,
} from '../../../index.ts';
import { worldCase } from '../../kit/arbitraries.ts';
import { defineWorld } from '../../kit/define-world.ts';
import { diamond, fooBarBaz, stacked } from './fixtures.ts';

const siblings = define({ assets: [source('x'), diamond()] });

/** Everything that can be reached, definitions aside: they are the definitions' own business. */
function reachable(of: unknown, found = new Set<object>()): ReadonlySet<object> {
  if (typeof of !== 'object' || of === null || found.has(of)) return found;
  found.add(of);
  const inside =
    of instanceof Set || of instanceof Map
      ? [...of]
      : Object.entries(of).flatMap(([name, value]) => (name === 'defs' || name === 'step' ? [] : [value]));
  for (const value of inside) reachable(value, found);
  return found;
}

describe('a plan', () => {
  test('has the steps that run, each after everything that it reads, with what it is asked for', () => {
    const planned = plan(fooBarBaz(), { select: ['baz_asset'] });
    expect(
      planned.steps.map(({ index, step, needed, selectedOutputs, predecessors }) => [
        index,
        step.id,
        needed,
        [...selectedOutputs],
        predecessors,
      ]),
    ).toEqual([
      [0, 'bar', [0, 1], ['bar_1', 'bar_2'], []],
      [1, 'foo', [1], ['foo_2'], [0]],
      [2, 'baz', [0], ['result'], [1, 0]],
    ]);
    expect([...planned.selection]).toEqual(['baz_asset']);
  });

  test('numbers its own steps: entries and predecessors point inside the plan', () => {
    const planned = plan(stacked(), { select: ['f', 'd', 'c'], inGraphUpstream: 'load' });
    expect(planned.steps.map(({ step, predecessors }) => [step.id, predecessors])).toEqual([
      ['diamond:make_c', []],
      ['diamond:make_d', [0]],
      ['f:f', [1]],
    ]);
  });

  test('is empty for an empty selection', () => {
    expect(plan(siblings, { select: [] }).steps).toEqual([]);
  });

  test('keeps the order that internalDeps adds, only between steps that both run', () => {
    const one = op({ name: 'one', run: () => 1 });
    const two = op({ name: 'two', run: () => 2 });
    const built = graph('pair', () => ({ first: one(), second: two() }));
    const defs = define({ assets: [assetsFromGraph(built, { canSubset: true, internalDeps: { first: ['second'] } })] });
    expect(plan(defs).steps.map(({ step, predecessors }) => [step.id, predecessors])).toEqual([
      ['two', []],
      ['one', [0]],
    ]);
    expect(plan(defs, { select: ['first'] }).steps.map(({ step, predecessors }) => [step.id, predecessors])).toEqual([['one', []]]);
  });

  test('is frozen all the way down', () => {
    expect.hasAssertions();
    const law = fc.property(worldCase({ maxDefinitions: 2, maxRuns: 1 }), ({ world, runs: [run] }) => {
      const planned = plan(defineWorld(world), { select: [...(run?.select ?? [])] });
      expect([...reachable(planned)].filter((each) => !Object.isFrozen(each))).toEqual([]);
    });
    fc.assert(law, { numRuns: 50 });
  });

  test('every step stands after its predecessors, every entry points at an output in need, and every step is asked for something', () => {
    expect.hasAssertions();
    const law = fc.property(worldCase({ maxDefinitions: 3, maxRuns: 1 }), ({ world, runs: [run] }) => {
      const { steps } = plan(defineWorld(world), { select: [...(run?.select ?? [])], inGraphUpstream: run?.inGraphUpstream ?? 'load' });
      for (const { index, inputs, predecessors, needed } of steps) {
        expect(steps[index]?.index).toBe(index);
        expect(needed.length).toBeGreaterThan(0);
        expect(predecessors.every((before) => before < index)).toBe(true);
        const read = inputs.flatMap(({ entries }) => entries.flatMap((entry) => (entry.from === 'step' ? [entry] : [])));
        expect(new Set(predecessors)).toEqual(new Set(read.map(({ step }) => step)));
        expect(read.every(({ step, output }) => steps[step]?.needed.includes(output) === true)).toBe(true);
      }
    });
    fc.assert(law, { numRuns: 200 });
  });
});

/** A plan without the definitions that it was made of. */
describe('the hash of a plan', () => {
  const hashes: readonly (readonly [string, () => readonly [Plan, Plan]])[] = [
    ['the selection', () => [plan(siblings, { select: ['b'] }), plan(siblings, { select: ['c'] })]],
    ['the selection, also where equal steps run', () => [plan(siblings, { select: ['a', 'b'] }), plan(siblings, { select: ['b'] })]],
    ['a policy', () => [plan(siblings, { unselectedOutputs: 'error' }), plan(siblings)]],
    [
      'what is loaded',
      () => [plan(siblings, { select: ['b'], inGraphUpstream: 'load' }), plan(siblings, { select: ['b'], inGraphUpstream: 'recompute' })],
    ],
    ['a code version', () => [plan(versioned('1')), plan(versioned('2'))]],
    ['a name of an op', () => [plan(versioned('1', 'one')), plan(versioned('1', 'two'))]],
    ['a source behind an input', () => [plan(reading('x')), plan(reading('y'))]],
  ];
  for (const [what, make] of hashes) {
    test(`tells apart ${what}`, () => {
      const [one, other] = make();
      expect(one.hash).toMatch(/^sha256:[0-9a-f]{64}$/);
      expect(one.hash).not.toBe(other.hash);
    });
  }

  function versioned(codeVersion: string, name = 'one'): Definitions {
    return define({ assets: [asset({ key: 'a', name, codeVersion, run: () => 1 })] });
  }

  function reading(key: string): Definitions {
    return define({
      assets: [source('x'), source('y'), asset({ key: 'a', inputs: { in: input<number>() }, keysByInputName: { in: key }, run: () => 1 })],
    });
  }
});

describe('policies', () => {
  test('have the defaults of materialize', () => {
    expect(plan(siblings).policies).toEqual({ unselectedOutputs: 'discard', inGraphUpstream: 'auto', crossGraphUpstream: 'load' });
  });

  test('are kept as given', () => {
    const given = { unselectedOutputs: 'error', inGraphUpstream: 'load', crossGraphUpstream: 'auto' } as const;
    expect(plan(siblings, given).policies).toEqual(given);
  });

  const refused: readonly (readonly [object, string])[] = [
    [{ unselectedOutputs: 'drop' }, '"unselectedOutputs" is "drop". Give one of "discard", "materialize", "error".'],
    [{ inGraphUpstream: 'reload' }, '"inGraphUpstream" is "reload". Give one of "recompute", "load", "auto".'],
    [{ crossGraphUpstream: 'recompute' }, '"crossGraphUpstream" is "recompute". Give one of "load", "auto".'],
  ];
  for (const [options, message] of refused) {
    test(`refuses ${JSON.stringify(options)}`, () => {
      // What untyped callers may pass.
      expect(() => plan(siblings, options as PlanOptions<unknown>)).toThrow(
        expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringContaining(message) }),
      );
    });
  }

  test('are asked of definitions only', () => {
    // What untyped callers may pass.
    for (const value of [undefined, null, {}, [diamond()]])
      expect(() => plan(value as Definitions)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  });
});
