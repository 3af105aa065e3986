import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { projectFiles, root } from '../house/project.ts';
import { instrumented, isAsSaid, programsOf } from './page.ts';
import { workspace, type Diagnostic } from './workspace.ts';

// ERRORS.md is a page of examples that throw: errors.spec.ts runs them.
const pages = projectFiles().filter(({ path }) => /^(README\.md|docs\/.*\.md|examples\/.*\.md)$/.test(path) && path !== 'docs/ERRORS.md');
const programs = pages.flatMap(({ path, text }) =>
  programsOf(text).map((program, index) => ({ ...program, path, file: `${path.replaceAll(/\W/g, '-')}-${index}.ts` })),
);

/** Marks what `printAt` prints, which may stand between other output. */
const MARK = '\u0001';
const printAt = `import { format } from 'node:util';
export function printAt(line: number, ...values: readonly unknown[]): void {
  process.stdout.write(${JSON.stringify(MARK)} + JSON.stringify([line, format(...values)]) + '\\n');
}
`;

describe('every ts block of the documentation', () => {
  const place = workspace();
  let said: readonly Diagnostic[] = [];

  beforeAll(() => {
    place.write('run/print-at.ts', printAt);
    for (const { file, whole, runnable } of programs) {
      // An empty export makes a module of a page without imports.
      place.write(file, `${whole}\nexport {};\n`);
      if (runnable !== undefined) place.write(`run/${file}`, instrumented(runnable, "import { printAt } from './print-at.ts'; "));
    }
    said = place.compile();
  }, 120_000);

  afterAll(() => place.remove());

  test('is found', () => {
    expect(programs.map(({ path }) => path)).toContain('README.md');
    expect(programs.flatMap(({ expected }) => expected)).not.toEqual([]);
  });

  test.each(programs)('$path:$line compiles', ({ path, file }) => {
    expect(said.filter((each) => each.file === file).map(({ line, message }) => `${path}:${line}: ${message}`)).toEqual([]);
  });

  test.each(programs.filter(({ runnable }) => runnable !== undefined))(
    '$path:$line runs, and prints what the page says',
    ({ path, file, expected }) => {
      const { status, stdout, stderr } = place.run(`run/${file}`);
      expect(status === 0 ? '' : `ended with ${status}: ${stderr}`).toBe('');
      const printed = printedBy(stdout);
      const wrong = expected.filter(({ line, text }) => !isAsSaid(printed.get(line) ?? '', text));
      expect(wrong.map(({ line, text }) => `${path}:${line} says "${text}" and prints "${printed.get(line) ?? ''}"`)).toEqual([]);
    },
    60_000,
  );
});

test('every file that a page of docs points at is there', () => {
  const broken = projectFiles()
    .filter(({ path }) => /^(README\.md|CONTRIBUTING\.md|docs\/.*\.md)$/.test(path))
    .flatMap(({ path, text }) =>
      [...text.matchAll(/\]\((?<target>[^)#:\s]+)(?:#[^)]*)?\)/g)]
        .map((found) => found.groups?.['target'] ?? '')
        .filter((target) => !existsSync(join(root, dirname(path), target)))
        .map((target) => `${path}: ${target}`),
    );
  expect(broken).toEqual([]);
});

/** What each `console.log` printed, by its line; several calls of the same one below each other. */
function printedBy(stdout: string): ReadonlyMap<number, string> {
  const printed = new Map<number, string>();
  for (const each of stdout.split('\n').filter((text) => text.startsWith(MARK))) {
    // Written by printAt, above.
    const [line, text] = JSON.parse(each.slice(MARK.length)) as readonly [number, string];
    printed.set(line, printed.has(line) ? `${printed.get(line) ?? ''}\n${text}` : text);
  }
  return printed;
}
