import type { Finding, Rule } from '../rule.ts';
import type { SourceFile } from '../source-file.ts';

const declared = 'lib/kernel/error-codes.ts';
const described = 'docs/ERRORS.md';

/** Every string in capitals (or key, where the codes are a table), with its first line. */
function declaredCodes({ code }: SourceFile): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  code.forEach(({ kind, text, line }, at) => {
    const name = kind === 'string' ? text.slice(1, -1) : kind === 'word' && code[at + 1]?.text === ':' ? text : '';
    if (/^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/.test(name) && !found.has(name)) found.set(name, line);
  });
  return found;
}

/** Every heading that is one code, with its line. */
function describedCodes({ text }: SourceFile): readonly (readonly [code: string, line: number])[] {
  return text.split('\n').flatMap((content, index) => {
    const code = /^#{2,3} `?([A-Z][A-Z0-9_]*)`?\s*$/.exec(content)?.[1];
    return code === undefined ? [] : [[code, index + 1] as const];
  });
}

function check(files: readonly SourceFile[]): readonly Finding[] {
  const source = files.find(({ path }) => path === declared);
  const page = files.find(({ path }) => path === described);
  if (source === undefined) return [{ path: declared, line: 1, message: 'is not there, use it for every code' }];
  if (page === undefined) return [{ path: described, line: 1, message: 'is not there, use it to describe every code' }];
  const codes = declaredCodes(source);
  const headings = describedCodes(page);
  const names = headings.map(([code]) => code);
  return [
    ...[...codes]
      .filter(([code]) => !names.includes(code))
      .map(([code, line]) => ({
        path: declared,
        line,
        message: `${code} is described nowhere, use a heading "## ${code}" in ${described}`,
      })),
    ...headings.flatMap(([code, line], index) => {
      if (!codes.has(code)) return [{ path: described, line, message: `${code} is no code, use one of ${declared}` }];
      return names.indexOf(code) === index ? [] : [{ path: described, line, message: `${code} is described twice, use one heading` }];
    }),
  ];
}

/** A code that a user sees can be looked up. */
export const errorCodes: Rule = {
  name: 'every error code has its heading in docs/ERRORS.md, and every heading its code',
  check,
  bad: [
    { files: { [declared]: "type Code =\n  | 'A_B'\n  | 'CYCLE';", [described]: '# Errors\n## A_B' }, found: [`${declared}:3`] },
    { files: { [declared]: 'const codes = {\n  A_B: "text",\n};', [described]: '' }, found: [`${declared}:2`] },
    {
      files: { [declared]: "type Code = 'A_B';", [described]: '## A_B\n\n### OLD_ONE\n## A_B' },
      found: [`${described}:3`, `${described}:4`],
    },
    { files: { [declared]: "type Code = 'A_B';" }, found: [`${described}:1`] },
  ],
  good: { [declared]: "type Code = 'A_B' | 'CYCLE';", [described]: '# Errors\n## How to read this\n## A_B\n### `CYCLE`\n#### OTHER' },
};
