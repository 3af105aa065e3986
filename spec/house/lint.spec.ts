import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { root } from './project.ts';

const oxlint = (
  args: readonly string[],
  cwd: string,
): { readonly status: number | null; readonly stdout: string; readonly stderr: string } =>
  spawnSync(join(root, 'node_modules', '.bin', 'oxlint'), args, { cwd, encoding: 'utf8', shell: process.platform === 'win32' });

// The lock may lack the linter's binary for a platform (see CONTRIBUTING.md). In CI it has to be there.
const absent = process.env['CI'] === undefined && oxlint(['--version'], root).status !== 0;

/** What the linter says of a folder: `path:line: rule`. */
function lint(folder: string): readonly string[] {
  const { stdout, stderr } = oxlint(['--type-aware', '--format=json', '.'], folder);
  const report = parseReport(stdout, stderr);
  return report.diagnostics.map(({ filename, code, labels }) => `${filename}:${labels?.[0]?.span?.line ?? 1}: ${code}`);
}

interface Report {
  readonly diagnostics: readonly {
    readonly filename: string;
    readonly code: string;
    readonly labels?: readonly { readonly span?: { readonly line: number } }[];
  }[];
}

function parseReport(stdout: string, stderr: string): Report {
  try {
    return JSON.parse(stdout) as Report;
  } catch {
    throw new Error(`oxlint gave no report: ${stdout}${stderr}`);
  }
}

/** One file for each rule that the linter keeps for us, written so that it breaks this rule. */
const bad: Readonly<Record<string, string>> = {
  'max-lines-per-function': `export function f(): void {\n${'  f();\n'.repeat(51)}}\n`,
  'max-params': 'export function f(a: 1, b: 2, c: 3, d: 4, e: 5): number {\n  return a + b + c + d + e;\n}\n',
  'max-depth': 'export function f(a: number): void {\n  if (a) while (a) { if (a > 1) { if (a > 2) f(a); } }\n}\n',
  complexity: `export function f(a: number): number {\n  ${Array.from({ length: 12 }, (_, n) => `if (a === ${n}) return ${n + 1};`).join('\n  ')}\n  return a;\n}\n`,
  eqeqeq: 'export const f = (a: unknown): boolean => a == 1;\n',
  'no-console': "console.log('here');\n",
  'no-param-reassign': 'export function f(a: number): number {\n  a = 2;\n  return a;\n}\n',
  'no-unused-vars': 'const a = 1;\nexport const b = 2;\n',
  'no-warning-comments': `// ${'TO' + 'DO'}: later\nexport const a = 1;\n`,
  'no-cycle': "import type { B } from './no-cycle-2.ts';\nexport interface A { readonly b: B }\n",
  'no-default-export': 'export default 1;\n',
  'no-mutable-exports': 'export let a = 1;\nexport function f(): void { a += 1; }\n',
  'await-thenable': 'export const f = async (): Promise<number> => await 1;\n',
  'ban-ts-comment': `// @ts-${'ig' + 'nore'}\nexport const a: string = 1;\n`,
  'consistent-type-imports': "import { B } from './no-cycle-2.ts';\nexport const f = (b: B): B => b;\n",
  'no-explicit-any': 'export const f = (a: any): unknown => a;\n',
  'no-floating-promises': 'export function f(g: () => Promise<void>): void {\n  g();\n}\n',
  'no-misused-promises': 'export const f = (g: () => Promise<void>): void => [1].forEach(async () => { await g(); });\n',
  'no-non-null-assertion': 'export const f = (a: string | undefined): string => a!;\n',
  'no-unnecessary-type-assertion': 'export const f = (a: string): string => a as string;\n',
  'only-throw-error': "export function f(): never {\n  throw 'text';\n}\n",
  'switch-exhaustiveness-check': "export function f(a: 'x' | 'y'): void {\n  switch (a) {\n    case 'x':\n      f(a);\n  }\n}\n",
};

const beside = { 'no-cycle-2': "import type { A } from './no-cycle.ts';\nexport interface B { readonly a: A }\n" };

describe.skipIf(absent)('the linter', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-lint-'));
  let said: readonly string[] = [];

  beforeAll(() => {
    for (const file of ['.oxlintrc.json', 'tsconfig.json', 'tsconfig.base.json']) copyFileSync(join(root, file), join(folder, file));
    // The type-aware half of the linter is looked for beside the files that it lints.
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction');
    for (const [name, text] of Object.entries({ ...bad, ...beside })) {
      const file = join(folder, 'lib', 'plan', `${name}.ts`);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
    said = lint(folder);
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  for (const rule of Object.keys(bad)) {
    test(`refuses what breaks ${rule}`, () => {
      const own = said.filter((line) => line.startsWith(`lib/plan/${rule}.ts:`));
      expect(own.filter((line) => line.includes(`(${rule})`))).not.toEqual([]);
    });
  }

  test('has nothing to say about this project', () => {
    expect(lint(root)).toEqual([]);
  });
});
