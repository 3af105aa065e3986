import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const op = { ins: [], outs: [['o0', true]], body: 'tuple', k: 7 };
const graph = { name: 'g', inputs: [], steps: [{ name: 's0', op: 'one', in: {} }], outputs: { a0: { step: 's0', out: 'o0' } } };
const head = { ops: { one: op }, graph, policy: { unselectedOutputs: 'discard', inGraphUpstream: 'recompute' } };

const expecting = (id: string, a0: number): string =>
  JSON.stringify({ id, ...head, runs: [{ select: ['a0'], expect: { materialized: { a0 } } }] });

/** A first refresh, which runs, and a second one, of which it is expected wrongly that nothing is reused. */
const script = [
  { do: 'refresh', select: ['a0'], expect: { executed: ['s0'], reused: [], materialized: { a0: 7 }, state: { a0: 7 } } },
  { do: 'refresh', select: ['a0'], expect: { executed: [], reused: [] } },
];

let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-vectors-'));
  writeFileSync(join(folder, 'b.jsonl'), `${expecting('good', 7)}\n${expecting('bad', 8)}\n`);
  writeFileSync(join(folder, 'a.jsonl'), `${JSON.stringify({ id: 'script', ...head, script })}\n`);
  writeFileSync(join(folder, 'notes.md'), 'not a vector');
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(...args: readonly string[]): { readonly status: number | null; readonly out: readonly string[]; readonly error: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/run.mjs', 'scripts/conformance.ts', ...args], {
    cwd: root,
    encoding: 'utf8',
  });
  return { status, out: stdout.trimEnd().split('\n'), error: stderr };
}

describe('npm run conformance', () => {
  test('prints each mismatch, ends with the count, and fails', () => {
    expect(run(folder)).toEqual({
      status: 1,
      out: [
        'a.jsonl script select=[a0] reused: expected [] got ["s0"]',
        'b.jsonl bad select=[a0] materialized: expected {"a0":8} got {"a0":7}',
        '2 passed, 2 failed',
      ],
      error: '',
    });
  });

  test('plays on disk, and succeeds when every run is as expected', () => {
    rmSync(join(folder, 'a.jsonl'));
    writeFileSync(join(folder, 'b.jsonl'), `${expecting('good', 7)}\n`);
    expect(run(folder, '--store', 'lmdb')).toMatchObject({ status: 0, error: '' });
  });

  test('plays those cases live that have one selection, and leaves out all others', () => {
    const actions = [
      { do: 'refresh', select: ['a0'], expect: { executed: ['s0'], materialized: { a0: 7 }, state: { a0: 7 } } },
      { do: 'refresh', select: ['a0'], expect: { executed: [], materialized: {}, state: { a0: 8 } } },
    ];
    writeFileSync(
      join(folder, 'b.jsonl'),
      `${expecting('left', 8)}\n${JSON.stringify({ id: 'live', ...head, select: ['a0'], script: actions })}\n`,
    );
    expect(run(folder, '--live')).toEqual({
      status: 1,
      out: ['b.jsonl live select=[a0] state: expected {"a0":8} got {"a0":7}', '1 passed, 1 failed'],
      error: '',
    });
  });

  const refused: readonly (readonly [string, readonly string[], RegExp])[] = [
    ['no folder', [], /^Name one folder of \*\.jsonl files, not 0\.\nUsage: npm run conformance -- DIR/],
    ['a folder that is not there', ['no/such/folder'], /^There is no folder no\/such\/folder\.\n$/],
    ['a folder without vectors', ['docs'], /^There is no \*\.jsonl file in .*docs\.\n$/],
    ['an option that it does not know', ['docs', '--fast'], /^Unknown option '--fast'.*\nUsage: /],
    ['a store that it does not know', ['docs', '--store', 'tape'], /^--store takes memory or lmdb, not "tape"\.\nUsage: /],
  ];
  for (const [what, args, message] of refused) {
    test(`refuses ${what}, with 2`, () => {
      const { status, error } = run(...args);
      expect(error).toMatch(message);
      expect(status).toBe(2);
    });
  }
});
