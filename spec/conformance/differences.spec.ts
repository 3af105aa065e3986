import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildCase } from './build.ts';
import { readCase } from './case.ts';
import type { World, WorldEntry, WorldStep } from '../kit/reference.ts';
import { meantDifferences, withoutDeadSteps, type Compared } from './differences.ts';
import { drawnCase } from './draw-case.ts';
import { worldOfCase } from './world-of-case.ts';

const ran = { success: true, executed: [], selectedOutputs: {}, failed: {}, skipped: [], materialized: {} };
const value = (step: string): WorldEntry => ({ step: `g:${step}`, output: 'o0' });

/** A step with one input, which reads the outputs named, and one output, which is an asset or not. */
function step(reads: readonly string[], asset: string | undefined, kind: 'value' | 'list' = 'value'): WorldStep {
  return {
    definition: 'g',
    inputs: reads.length > 0 ? [{ name: 'i0', kind, optional: false, entries: reads.map(value) }] : [],
    outputs: { o0: { required: true, asset } },
    emit: () => [],
  };
}

const world: World = { steps: { 'g:s0': step([], 'a0'), 'g:s1': step(['s0'], 'a1') }, sources: {} };
const compared: Compared = { world, select: ['a1'], run: ran, stored: { a0: 1 }, mismatches: ['materialized: expected {} got {"a1":1}'] };
const meant = (given: Partial<Compared>): readonly string[] =>
  (meantDifferences({ ...compared, ...given }) ?? []).map((name) => name.slice(0, 2));

describe('differences from Dagster that are meant', () => {
  test('are not taken for granted: a plain mismatch is none of them', () => expect(meant({})).toEqual([]));

  test('X6: only where the output that was left out is not in need', () => {
    const message = 'Core compute for op "g.s0" did not return an output for non-optional output "o1"';
    const failed = { 'g:s0': { error: 'DagsterStepOutputNotFoundError', message } };
    expect(meant({ run: { ...ran, failed, selectedOutputs: { 'g:s0': ['o0'] } } })).toEqual(['X6']);
    expect(meant({ run: { ...ran, failed, selectedOutputs: { 'g:s0': ['o0', 'o1'] } } })).toEqual([]);
  });

  test('X8: only where nothing else differs, and the step that failed had recorded something', () => {
    const run = { ...ran, failed: { 'g:s0': { error: 'E', message: '' } }, materialized: { a0: 1 } };
    expect(meant({ run })).toEqual(['X8']);
    expect(meant({ run, mismatches: ['executed: expected [] got ["s0"]'] })).toEqual([]);
    expect(meant({ run: { ...run, materialized: { a1: 1 } } })).toEqual([]);
  });

  test('X2: only where what was skipped has a failure upstream, and only for what was skipped', () => {
    const run = { ...ran, failed: { 'g:s0': { error: 'E', message: '' } }, skipped: ['g:s1'] };
    const mismatches = ['skipped: expected ["s1"] got []'];
    expect(meant({ run, mismatches })).toEqual(['X2']);
    expect(meant({ run: { ...run, failed: {} }, mismatches })).toEqual([]);
    expect(meant({ run, mismatches: [...mismatches, 'executed: expected [] got ["s0"]'] })).toEqual([]);
    // Two differences may explain a run together.
    const both = { ...run, materialized: { a0: 1 } };
    expect(meant({ run: both, mismatches: [...mismatches, ...compared.mismatches] })).toEqual(['X2', 'X8']);
  });

  test('N7: only where Sluice refuses, and what is read is not there', () => {
    const mismatches = ['error: expected nothing got "MISSING_VALUE"', 'success: expected false got nothing'];
    expect(meant({ mismatches, stored: {} })).toEqual(['N7']);
    expect(meant({ mismatches })).toEqual([]);
  });

  test('N6: only where an asset that is not selected is not stored', () => {
    const mismatches = ['skipped: expected [] got ["s1"]'];
    expect(meant({ mismatches, stored: {} })).toEqual(['N6']);
    expect(meant({ mismatches })).toEqual([]);
    expect(meant({ mismatches, stored: {}, select: ['a0', 'a1'] })).toEqual([]);
  });

  test('N6: only where a list of a step in need reads an asset', () => {
    const withList = (reads: readonly string[], asset: string): World => ({
      ...world,
      steps: { ...world.steps, 'g:s2': step([], undefined), 'g:s3': step([], undefined), 'g:s4': step(reads, asset, 'list') },
    });
    expect(meant({ world: withList(['s0', 's2'], 'a4'), select: ['a4'] })).toEqual(['N6']);
    expect(meant({ world: withList(['s2', 's3'], 'a4'), select: ['a4'] })).toEqual([]);
    expect(meant({ world: withList(['s0', 's2'], 'a4') })).toEqual([]);
    // A source is an asset to Dagster, too.
    const { steps } = withList(['s2'], 'a4');
    const [list] = steps['g:s4']?.inputs ?? [];
    const beside = {
      ...step([], 'a4'),
      inputs: [{ name: 'i0', kind: 'list' as const, optional: false, entries: [{ source: 'x0' }, ...(list?.entries ?? [])] }],
    };
    expect(meant({ world: { sources: { x0: 1 }, steps: { ...steps, 'g:s4': beside } }, select: ['a4'] })).toEqual(['N6']);
  });

  test('X3: only where what was skipped reads a list of a stored value and an output', () => {
    const skipping = { run: { ...ran, skipped: ['g:s1'] }, mismatches: ['skipped: expected ["g:s1"] got []'], select: ['a0', 'a1'] };
    const reading = (...entries: readonly WorldEntry[]): World => {
      const { inputs: _, ...rest } = step([], 'a1');
      const steps = { ...world.steps, 'g:s2': step([], undefined) };
      return { ...world, steps: { ...steps, 'g:s1': { ...rest, inputs: [{ name: 'i0', kind: 'list', optional: false, entries }] } } };
    };
    const source = { source: 'x0' };
    expect(meant({ ...skipping, world: reading(source, { step: 'g:s2', output: 'o0' }) })).toEqual(['X3']);
    expect(meant({ ...skipping, world: reading(source) })).toEqual([]);
    expect(meant({ ...skipping, run: ran, world: reading(source, { step: 'g:s2', output: 'o0' }) })).toEqual([]);
  });

  const refusing = (message: string): Partial<Compared> => ({
    run: { refused: 'DagsterInvalidDefinitionError', message },
    mismatches: ['error: expected "DagsterInvalidDefinitionError" got nothing'],
  });

  test('N3: only where a graph is nested, and Dagster has lost a part of it', () => {
    const nested: World = { ...world, steps: { ...world.steps, 'g:n0.s2': step([], 'a2') } };
    const lost =
      "Error resolving selection for asset job: output mapping from graph 'n0' references output 'o0', which the node does not contain.";
    expect(meant({ ...refusing(lost), world: nested })).toEqual(['N3']);
    expect(meant({ ...refusing("Failed to resolve asset job ← KeyError: 'list_0'"), world: nested })).toEqual(['N3']);
    expect(meant(refusing(lost))).toEqual([]);
    expect(meant({ ...refusing('something else'), world: nested })).toEqual([]);
  });

  test('N3: only where there is a list, and Dagster finds no place for an input in it', () => {
    const noPlace = 'target "s1.i0" index 0 in the MultiDependencyDefinition is not a MappedInputPlaceholder';
    const list: World = { ...world, steps: { ...world.steps, 'g:s1': step(['s0'], 'a1', 'list') } };
    expect(meant({ ...refusing(noPlace), world: list, select: ['a0', 'a1'] })).toEqual(['N3']);
    expect(meant(refusing(noPlace))).toEqual([]);
  });

  test('N5: only where the upstream asset that Dagster asks for is selected, and read by no step in need', () => {
    const other: World = {
      ...world,
      steps: { ...world.steps, 'h:s2': { ...step(['s1'], 'a2'), definition: 'h' }, 'h:s3': { ...step([], 'a3'), definition: 'h' } },
    };
    const asks = refusing('Invalid dependencies: graph "h" does not have input "a1". Available inputs: []');
    expect(meant({ ...asks, world: other, select: ['a1', 'a3'] })).toEqual(['N5']);
    expect(meant({ ...asks, world: other, select: ['a1', 'a2'] })).toEqual([]);
    expect(meant({ ...asks, world: other, select: ['a3'] })).toEqual([]);
  });

  test('D6: what nothing selected needs is taken away from what Dagster ran, and nothing else', () => {
    const dead: World = { ...world, steps: { ...world.steps, 'g:s2': step([], undefined) } };
    const died = { error: 'E', message: '' };
    const all = { ...ran, executed: ['g:s1', 'g:s2'], selectedOutputs: { 'g:s1': ['o0'], 'g:s2': [] }, materialized: { a1: 1 } };
    const rest = { ...ran, executed: ['g:s1'], selectedOutputs: { 'g:s1': ['o0'] }, materialized: { a1: 1 } };
    expect(withoutDeadSteps({ ...all, success: false, failed: { 'g:s2': died } }, dead, ['a1'])).toEqual(rest);
    expect(withoutDeadSteps({ ...all, success: false, failed: { 'g:s1': died } }, dead, ['a1'])).toEqual({
      ...rest,
      success: false,
      failed: { 'g:s1': died },
    });
    expect(withoutDeadSteps(rest, dead, ['a1'])).toBe(rest);
  });
});

describe('drawn cases', () => {
  const policy = { unselectedOutputs: 'error', inGraphUpstream: 'load' };

  test('are cases: every one can be read, and is definitions that are accepted', () => {
    expect.hasAssertions();
    const property = fc.property(drawnCase(), ({ selections, ...rest }) => {
      const runs = selections.map((select) => ({ select, expect: { success: true } }));
      const read = readCase(JSON.stringify({ id: 'drawn', ...rest, policy, runs }), 'drawn');
      const assets = rest.graphs.flatMap(({ outputs }) => Object.keys(outputs));
      expect(new Set(buildCase(read).assets.keys())).toEqual(new Set(assets));
      expect(selections.every(({ length }) => length > 0)).toBe(true);
    });
    fc.assert(property, { numRuns: 200 });
  });

  test('have several definitions that read each other, graphs two deep with inputs, and selections across them', () => {
    const met = new Map<string, number>();
    for (const { graphs, selections, ...rest } of fc.sample(drawnCase(), { numRuns: 400, seed: 1 })) {
      const { steps } = worldOfCase(readCase(JSON.stringify({ id: 'drawn', ...rest, graphs, policy, runs: [] }), 'drawn'));
      const owners = new Map(graphs.flatMap(({ name, outputs }) => Object.keys(outputs).map((key) => [key, name])));
      const what = {
        'two deep': Object.keys(steps).some((id) => id.split('.').length > 2),
        'an asset of another definition': graphs.some(({ inputs }) => inputs.some((key) => owners.has(key))),
        'an input of a nested graph': graphs.some((outer) => outer.steps.some((each) => 'graph' in each && each.graph.inputs.length > 0)),
        'a list into a nested graph': graphs.some((outer) =>
          outer.steps.some((each) => 'graph' in each && each.graph.inputs.some((name) => name.startsWith('list'))),
        ),
        'a selection across': selections.some(
          (select) => select.length < owners.size && new Set(select.map((key) => owners.get(key))).size > 1,
        ),
      };
      for (const [name, holds] of Object.entries(what)) met.set(name, (met.get(name) ?? 0) + (holds ? 1 : 0));
    }
    expect(Object.fromEntries([...met].filter(([, count]) => count < 10))).toEqual({});
  });
});
