import { describe, expect, test } from 'vitest';
import { anchorsOf, blocksOf, instrumented, isAsSaid, linksOf, programsOf } from './page.ts';

const fence = '```';
const page = (...lines: readonly string[]): string => lines.join('\n');

describe('a page', () => {
  test('has blocks, with their language, their words and their place', () => {
    expect(blocksOf(page('# Title', `${fence}ts no-run`, 'a();', fence, `${fence}sh`, 'ls', fence))).toMatchObject([
      { language: 'ts', words: ['no-run'], line: 3, code: ['a();'] },
      { language: 'sh', words: [], line: 6, code: ['ls'] },
    ]);
  });

  test('may show a fence within a longer one', () => {
    expect(blocksOf(page('````md', `${fence}ts`, 'a();', fence, '````'))).toMatchObject([
      { language: 'md', code: [`${fence}ts`, 'a();', fence] },
    ]);
  });

  test('is one program, whose lines stand where they stand on the page', () => {
    const [program, ...others] = programsOf(page('# Title', `${fence}ts`, 'const a = 1;', fence, 'text', `${fence}ts`, 'a;', fence));
    expect(others).toEqual([]);
    expect(program?.whole.split('\n')).toEqual(['', '', 'const a = 1;', '', '', '', 'a;']);
  });

  test('starts another program at a block that is marked fresh', () => {
    expect(
      programsOf(page(`${fence}ts`, 'one', fence, `${fence}ts fresh`, 'two', fence, `${fence}ts`, 'three', fence)).map(({ whole }) =>
        whole.trim().split(/\s+/),
      ),
    ).toEqual([['one'], ['two', 'three']]);
  });

  test('is compiled with what is not run', () => {
    const [program] = programsOf(page(`${fence}ts`, 'one', fence, `${fence}ts no-run`, 'two', fence));
    expect([program?.whole.trim(), program?.runnable?.trim()].map((code) => code?.split(/\s+/))).toEqual([['one', 'two'], ['one']]);
    expect(programsOf(page(`${fence}ts no-run`, 'two', fence))[0]?.runnable).toBe(undefined);
  });

  test('may import the same name in several blocks', () => {
    const [program] = programsOf(
      page(
        `${fence}ts`,
        "import { a, b } from 'x';",
        fence,
        `${fence}ts`,
        "import { b, c } from 'x';",
        "import { a } from 'x';",
        "import { a } from 'y';",
        fence,
      ),
    );
    expect(program?.whole.split('\n').filter((line) => line !== '')).toEqual([
      "import { a, b } from 'x';",
      "import { c } from 'x';",
      "import { a } from 'y';",
    ]);
    expect(program?.whole.split('\n')[5]).toBe('');
  });
});

describe('links', () => {
  test('point at headings by the names that GitHub gives them, and at no comment in a block', () => {
    const text = page('# Four: `classes`', '## OP_THREW', 'text', '### In 30 seconds', `${fence}sh`, '# no heading', fence);
    expect([...anchorsOf(text)]).toEqual(['four-classes', 'op_threw', 'in-30-seconds']);
  });

  test('are found with their anchors, but for those that leave the project', () => {
    expect(linksOf('[a](b.md#c) ([d](../e.md)) [f](#g) [h](https://example.org/#i)')).toEqual([
      { target: 'b.md', anchor: 'c' },
      { target: '../e.md', anchor: '' },
      { target: '', anchor: 'g' },
    ]);
  });
});

describe('what a page says is printed', () => {
  const expectedOf = (...code: readonly string[]): unknown => programsOf(page(`${fence}ts`, ...code, fence))[0]?.expected;

  test('stands behind the call, or below it', () => {
    expect(
      expectedOf(
        'console.log(a); // → 5',
        'console.log(',
        '  b,',
        '); // prints x',
        'console.log(c);',
        '// → 1',
        '// → 2',
        '//     3',
        '// more',
      ),
    ).toEqual([
      { line: 2, text: '5' },
      { line: 3, text: 'x' },
      { line: 6, text: '1\n2\n3' },
    ]);
  });

  test('belongs to a call: an arrow without one is refused', () => {
    expect(() => expectedOf('a; // → 5')).toThrow('line 2: "→" says what is printed');
    expect(expectedOf('// a → b')).toEqual([]);
  });

  test('is compared without minding spaces, with … for anything and words after a comma', () => {
    expect(isAsSaid('{ a: 1,\n  b: 2 }', '{ a: 1, b: 2 }')).toBe(true);
    expect(isAsSaid('5', '5, and its type is number')).toBe(true);
    expect(isAsSaid('run 123 of (x)', 'run … of (x)')).toBe(true);
    expect(isAsSaid('a\nb', 'a…')).toBe(true);
    expect(isAsSaid('6', '5')).toBe(false);
    expect(isAsSaid('55', '5, and')).toBe(false);
    expect(isAsSaid('', '5')).toBe(false);
    expect(isAsSaid('x', '.')).toBe(false);
  });

  test('is told by its line', () => {
    expect(instrumented('\nconsole.log(a);\n', "import { printAt } from 'x'; ")).toBe("import { printAt } from 'x'; \nprintAt(2, a);\n");
  });
});
