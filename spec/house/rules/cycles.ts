import type { Finding, Rule } from '../rule.ts';
import type { SourceFile } from '../source-file.ts';

/** Depth first; each file is entered once, and a way back to a file that is still open is a cycle. */
function check(files: readonly SourceFile[]): readonly Finding[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const done = new Set<string>();
  const findings: Finding[] = [];

  const visit = (file: SourceFile, trail: readonly string[]): void => {
    const way = [...trail, file.path];
    for (const { target = '', line } of file.imports) {
      const start = way.indexOf(target);
      if (start >= 0) {
        const cycle = [...way.slice(start), target].join(' → ');
        findings.push({ path: file.path, line, message: `import cycle ${cycle}, use a floor below both for what they share` });
        continue;
      }
      const next = byPath.get(target);
      if (next !== undefined && !done.has(target)) visit(next, way);
    }
    done.add(file.path);
  };
  for (const file of files) if (!done.has(file.path)) visit(file, []);
  return findings;
}

/** No import cycles anywhere; imports of types count, because a reader follows them too. */
export const cycles: Rule = {
  name: 'no file imports itself, through others or through types',
  check,
  bad: [
    {
      files: { 'lib/model/a.ts': "import { b } from './b.ts';", 'lib/model/b.ts': "\nimport type { A } from './a.ts';" },
      found: ['lib/model/b.ts:2'],
    },
    {
      files: {
        'operators/a.ts': "import { b } from './b.ts';",
        'operators/b.ts': "export { c } from './c.ts';",
        'operators/c.ts': "type A = import('./a.ts').A;",
      },
      found: ['operators/c.ts:1'],
    },
  ],
  good: {
    'lib/model/a.ts': "import { b } from './b.ts';\nimport { c } from './c.ts';",
    'lib/model/b.ts': "import { c } from './c.ts';",
    'lib/model/c.ts': "// import { a } from './a.ts';",
  },
};
