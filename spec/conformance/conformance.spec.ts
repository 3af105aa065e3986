import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { buildCase } from './build.ts';
import { readCase } from './case.ts';
import { playFile, vectorFiles } from './folder.ts';
import { playCase } from './play.ts';
import { fillLmdb, fillMemory } from './stores.ts';

const folder = fileURLToPath(new URL('subset', import.meta.url));

/** How many runs each committed file has, so that one which is read by half is noticed. */
const runsOf: Readonly<Record<string, number>> = { 'dagster-1.1.7.jsonl': 1202, 'dagster-1.13.27.jsonl': 1202, 'reference.jsonl': 2683 };

describe('the committed vectors', () => {
  test('are all there', () => {
    expect(vectorFiles(folder)).toEqual(Object.keys(runsOf).toSorted());
  });

  for (const [file, runs] of Object.entries(runsOf)) {
    test(`${file}: every run on the memory store is as expected`, async () => {
      const { passed, failed, mismatches } = await playFile(folder, file, { fill: fillMemory });
      expect(mismatches.slice(0, 20)).toEqual([]);
      expect({ passed, failed }).toEqual({ passed: runs, failed: 0 });
    });

    test(`${file}: every run of each 12th case on the store on disk is as expected`, async () => {
      const { passed, failed, mismatches } = await playFile(folder, file, { fill: fillLmdb, every: 12 });
      expect(mismatches.slice(0, 20)).toEqual([]);
      expect(passed).toBeGreaterThan(runs / 20);
      expect(failed).toBe(0);
    });
  }
});

const op = { ins: [], outs: [['o0', true]], body: 'tuple', k: 7 };
const graph = { name: 'g', inputs: [], steps: [{ name: 's0', op: 'one', in: {} }], outputs: { a0: { step: 's0', out: 'o0' } } };
const expectation = {
  success: true,
  executed: ['s0'],
  skipped: [],
  failed: [],
  blocked: [],
  selectedOutputs: { s0: ['o0'] },
  materialized: { a0: 7 },
  unexpected: [],
  loaded: [],
};

/** A case of one op, with one field of its expectation replaced. */
function caseWith(changes: object, others: object = {}): string {
  return JSON.stringify({
    id: 'c',
    ops: { one: op },
    graph,
    policy: { unselectedOutputs: 'discard', inGraphUpstream: 'recompute' },
    runs: [{ select: ['a0'], expect: { ...expectation, ...changes } }],
    ...others,
  });
}

describe('a vector', () => {
  test('passes when every field is as expected, and one that is not compared may be left out', async () => {
    expect((await playCase(readCase(caseWith({}), 'here'), fillMemory)).flatMap(({ mismatches }) => mismatches)).toEqual([]);
    expect(
      (await playCase(readCase(caseWith({ blocked: undefined }), 'here'), fillMemory)).flatMap(({ mismatches }) => mismatches),
    ).toEqual([]);
  });

  const wrong: Readonly<Record<string, unknown>> = {
    error: 'MISSING_VALUE',
    success: false,
    executed: [],
    skipped: ['s0'],
    failed: ['s0'],
    blocked: ['s0'],
    selectedOutputs: { s0: [] },
    materialized: { a0: 8 },
    unexpected: ['a0'],
    loaded: ['x'],
  };
  for (const [field, value] of Object.entries(wrong)) {
    test(`fails when only ${field} is not as expected`, async () => {
      const [played] = await playCase(readCase(caseWith({ [field]: value }), 'here'), fillMemory);
      expect(played?.mismatches).toHaveLength(1);
      expect(played?.mismatches[0]).toMatch(new RegExp(`^${field}: expected .+ got .+$`));
    });
  }

  test('ignores fields that it does not know', () => {
    expect(readCase(caseWith({ more: 1 }, { note: 'new' }), 'here').runs).toHaveLength(1);
  });

  test('of a graph that is refused fails in each of its runs', async () => {
    const unused = readCase(caseWith({}, { graph: { ...graph, inputs: ['x'] } }), 'here');
    const [played] = await playCase(unused, fillMemory);
    expect(played?.mismatches).toEqual([expect.stringMatching(/^definitions: expected to be accepted got DefinitionError: .*"x"/)]);
  });

  test('with an unknown asset is answered by the error code, before anything is written', async () => {
    const unknown = readCase(caseWith({}, { runs: [{ select: ['a9'], expect: { error: 'UNKNOWN_ASSET' } }] }), 'here');
    expect((await playCase(unknown, fillMemory)).flatMap(({ mismatches }) => mismatches)).toEqual([]);
  });

  test('may have several definitions, whose step paths start with the definition', async () => {
    const add = { ins: [['i0', 'list']], outs: [['o0', true]], body: 'tuple', k: 1 };
    const second = {
      name: 'h',
      inputs: ['a0', 'x'],
      steps: [{ name: 's0', op: 'add', in: { i0: [{ input: 'a0' }, { input: 'x' }] } }],
      outputs: { b0: { step: 's0', out: 'o0' } },
    };
    const runs = [{ select: ['b0'], expect: { executed: ['h:s0'], loaded: ['a0', 'x'], materialized: { b0: 1 + 7 + 2 * 5 } } }];
    const several = readCase(
      caseWith({}, { ops: { one: op, add }, graph: undefined, graphs: [graph, second], upstream: { x: 5 }, runs }),
      'here',
    );
    expect((await playCase(several, fillMemory)).flatMap(({ mismatches }) => mismatches)).toEqual([]);
  });

  test('may nest graphs whose inputs are fed with a fan-in', () => {
    const add = { ins: [['i0', 'list']], outs: [['o0', true]], body: 'tuple', k: 1 };
    const inner = {
      name: 'n',
      inputs: ['all'],
      steps: [{ name: 's0', op: 'add', in: { i0: { input: 'all' } } }],
      outputs: { out: { step: 's0', out: 'o0' } },
    };
    const outer = {
      name: 'g',
      inputs: ['x', 'y'],
      steps: [{ name: 'sub', graph: inner, in: { all: [{ input: 'x' }, { input: 'y' }] } }],
      outputs: { a0: { step: 'sub', out: 'out' } },
    };
    const defs = buildCase(readCase(caseWith({}, { ops: { add }, graph: outer, upstream: { x: 1, y: 2 } }), 'here'));
    expect(defs.graph.steps.map(({ id, inputs }) => [id, inputs.map(({ entries }) => entries)])).toEqual([
      [
        'sub.s0',
        [
          [
            { from: 'source', key: 'x' },
            { from: 'source', key: 'y' },
          ],
        ],
      ],
    ]);
  });
});

describe('a malformed vector is refused with the place of what is wrong', () => {
  const broken: readonly (readonly [string, string])[] = [
    ['{', 'f:1 (SyntaxError: '],
    ['[]', 'f:1: expected an object, got []'],
    ['{"id":"c"}', 'f:1: expected runs or a script, got ["id"]'],
    [caseWith({}, { id: 3 }), 'f:1: id: expected a string, got 3'],
    [
      caseWith({}, { ops: { one: { ...op, body: 'other' } } }),
      'f:1: ops.one.body: expected one of tuple, selected, data, fail, omit, collapse, got "other"',
    ],
    [caseWith({}, { ops: { one: { ...op, outs: [['o0']] } } }), 'f:1: ops.one.outs[0]: expected a list of two, got ["o0"]'],
    [caseWith({}, { graph: { ...graph, outputs: { a0: 's0' } } }), 'f:1: graph.outputs.a0: expected an object, got "s0"'],
    [
      caseWith({}, { graph: { ...graph, outputs: { a0: { step: 's0' } } } }),
      'f:1: graph.outputs.a0: expected {step, out} or {input}, got {"step":"s0"}',
    ],
    [caseWith({}, { policy: undefined }), 'f:1: policy: expected an object, got nothing'],
    [caseWith({}, { runs: [{ select: ['a0'], expect: {} }] }), 'f:1: runs[0].expect: expected something to compare, got {}'],
  ];
  for (const [line, message] of broken) {
    test(message, () => {
      expect(() => readCase(line, 'f:1')).toThrow(message);
    });
  }
});
