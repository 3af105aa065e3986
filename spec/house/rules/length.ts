import type { Finding, Rule } from '../rule.ts';
import { isSource, type SourceFile } from '../source-file.ts';

const longest = 300;

/** Lines that hold code: not blank, and not all comment. */
function countCodeLines({ code }: SourceFile): number {
  const lines = new Set<number>();
  for (const { line, lastLine } of code) for (let at = line; at <= lastLine; at += 1) lines.add(at);
  return lines.size;
}

/** Files that are one table of data may be as long as the data: they say so in their name. */
function isTable({ path }: SourceFile): boolean {
  return path.endsWith('-table.ts');
}

function check(files: readonly SourceFile[]): readonly Finding[] {
  return files
    .filter((file) => isSource(file) && !isTable(file))
    .flatMap((file) => {
      const lines = countCodeLines(file);
      if (lines <= longest) return [];
      return [
        { path: file.path, line: longest, message: `${lines} code lines, use at most ${longest}: a second idea wants a second file` },
      ];
    });
}

const code = (lines: number): string => 'call();\n'.repeat(lines);

/** A file is short enough to be read in one go. The length of functions is oxlint's business. */
export const length: Rule = {
  name: `a file has at most ${longest} code lines`,
  check,
  bad: [
    { files: { 'lib/plan/a.ts': code(301) }, found: ['lib/plan/a.ts:300'] },
    { files: { 'store/a.ts': `${code(200)}const a = \`${'\n'.repeat(100)}\`;` }, found: ['store/a.ts:300'] },
  ],
  good: {
    'lib/plan/a.ts': `${code(300)}${'// a comment\n\n/* and\n another */\n'.repeat(50)}`,
    'lib/kernel/unicode-table.ts': code(900),
    'spec/plan/a.spec.ts': code(900),
  },
};
