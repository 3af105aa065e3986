import { cpSync, existsSync } from 'node:fs';
import { basename, dirname, join, posix } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { projectFiles, root } from '../house/project.ts';
import { anchorsOf, instrumented, isAsSaid, linksOf, programsOf } from './page.ts';
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
    // Pages may speak of the example, and import it by its place in the checkout.
    for (const folder of ['', 'run'])
      cpSync(join(root, 'examples/earthquakes'), join(place.folder, folder, 'examples/earthquakes'), { recursive: true });
    for (const { file, whole, runnable } of programs) {
      // An empty export makes a module of a page without imports.
      place.write(file, `${whole}\nexport {};\n`);
      if (runnable !== undefined) place.write(`run/${file}`, instrumented(runnable, "import { printAt } from './print-at.ts'; "));
    }
    said = place.compile();
  });

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
  );
});

describe('every link of a page of docs', () => {
  const texts = new Map(projectFiles().map(({ path, text }) => [path, text]));
  const links = [...texts]
    .filter(([path]) => /^(README\.md|CONTRIBUTING\.md|docs\/.*\.md)$/.test(path))
    .flatMap(([path, text]) => linksOf(text).map((link) => ({ path, ...link })));

  test('points at a file that is there', () => {
    const broken = links.filter(({ path, target }) => !existsSync(join(root, dirname(path), target)));
    expect(broken.map(({ path, target }) => `${path}: ${target}`)).toEqual([]);
  });

  test('points at a heading that is there', () => {
    const broken = links.filter(({ path, target, anchor }) => {
      const page = target === '' ? path : posix.join(dirname(path), target);
      return anchor !== '' && !anchorsOf(texts.get(page) ?? '').has(anchor);
    });
    expect(broken.map(({ path, target, anchor }) => `${path}: ${target}#${anchor}`)).toEqual([]);
  });
});

describe('the guide', () => {
  const guide = pages.filter(({ path }) => path.startsWith('docs/guide/'));
  const contents = guide.find(({ path }) => basename(path) === 'README.md');
  const topics = guide.filter((each) => each !== contents).map(({ path }) => path);

  test('lists every page of its own once', () => {
    const listed = linksOf(contents?.text ?? '').flatMap(({ target }) => (target === '' || target.includes('/') ? [] : [target]));
    expect(listed.toSorted()).toEqual(topics.map((path) => basename(path)).toSorted());
  });

  test.each(topics)('%s is one program that runs, and says what comes of it', (path) => {
    const own = programs.filter((program) => program.path === path);
    expect(own).toMatchObject([{ runnable: expect.any(String) as string }]);
    expect(own.flatMap(({ expected }) => expected).length).toBeGreaterThan(1);
  });
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
