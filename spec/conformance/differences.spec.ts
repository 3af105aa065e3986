import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildCase } from './build.ts';
import { readCase } from './case.ts';
import { meantDifferences, type Compared } from './differences.ts';
import { drawnCase, type DrawnCase } from './draw-case.ts';

const ran = { success: true, executed: [], selectedOutputs: {}, failed: {}, skipped: [], materialized: {} };
const value = (step: string): { readonly step: string; readonly out: string } => ({ step, out: 'o0' });
const shape: DrawnCase = {
  ops: {},
  graph: {
    name: 'g',
    inputs: [],
    steps: [
      { name: 's0', op: 'op_s0', in: {} },
      { name: 's1', op: 'op_s1', in: { i0: value('s0') } },
    ],
    outputs: { a0: value('s0'), a1: value('s1') },
  },
  upstream: {},
  selections: [],
};
const compared: Compared = { shape, select: ['a1'], run: ran, stored: { a0: 1 }, mismatches: ['materialized: expected {} got {"a1":1}'] };
const meant = (given: Partial<Compared>): readonly string[] =>
  (meantDifferences({ ...compared, ...given }) ?? []).map((name) => name.slice(0, 2));

describe('differences from Dagster that are meant', () => {
  test('are not taken for granted: a plain mismatch is none of them', () => expect(meant({})).toEqual([]));

  test('X6: only where the output that was left out is not in need', () => {
    const message = 'Core compute for op "g.s0" did not return an output for non-optional output "o1"';
    const failed = { s0: { error: 'DagsterStepOutputNotFoundError', message } };
    expect(meant({ run: { ...ran, failed, selectedOutputs: { s0: ['o0'] } } })).toEqual(['X6']);
    expect(meant({ run: { ...ran, failed, selectedOutputs: { s0: ['o0', 'o1'] } } })).toEqual([]);
  });

  test('X8: only where nothing else differs, and the step that failed had recorded something', () => {
    const run = { ...ran, failed: { s0: { error: 'E', message: '' } }, materialized: { a0: 1 } };
    expect(meant({ run })).toEqual(['X8']);
    expect(meant({ run, mismatches: ['executed: expected [] got ["s0"]'] })).toEqual([]);
    expect(meant({ run: { ...run, materialized: { a1: 1 } } })).toEqual([]);
  });

  test('X2: only where what was skipped has a failure upstream, and only for what was skipped', () => {
    const run = { ...ran, failed: { s0: { error: 'E', message: '' } }, skipped: ['s1'] };
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

  test('N6: only where a list reads an asset', () => {
    const withList = (entries: readonly string[]): DrawnCase => ({
      ...shape,
      graph: { ...shape.graph, steps: [...shape.graph.steps, { name: 's2', op: 'op_s2', in: { i0: entries.map(value) } }] },
    });
    expect(meant({ shape: withList(['s0', 's3']) })).toEqual(['N6']);
    expect(meant({ shape: withList(['s3', 's4']) })).toEqual([]);
  });
});

test('drawn cases are cases: every one can be read, and is definitions that are accepted', () => {
  expect.hasAssertions();
  const policy = { unselectedOutputs: 'error', inGraphUpstream: 'load' };
  const property = fc.property(drawnCase(), ({ selections, ...rest }) => {
    const runs = selections.map((select) => ({ select, expect: { success: true } }));
    const read = readCase(JSON.stringify({ id: 'drawn', ...rest, policy, runs }), 'drawn');
    expect(buildCase(read).assets.size).toBe(Object.keys(rest.graph.outputs).length);
    expect(selections.every(({ length }) => length > 0)).toBe(true);
  });
  fc.assert(property, { numRuns: 200 });
});
