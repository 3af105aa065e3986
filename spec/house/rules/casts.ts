import type { Finding, Rule } from '../rule.ts';
import { isSource, type SourceFile } from '../source-file.ts';
import type { Token } from '../tokens.ts';

const pairs: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' };

/** Whether the word `as` at this place can be a cast: something ends before it, a type starts after it. */
function isCast(code: readonly Token[], at: number): boolean {
  const before = code[at - 1];
  const after = code[at + 1];
  const token = code[at];
  if (token?.kind !== 'word' || token.text !== 'as' || before === undefined || after === undefined) return false;
  if (after.text === 'const' || /^[,):;=.?]$/.test(after.text)) return false;
  const ends = before.kind !== 'punctuation' || /^[)\]}]$/.test(before.text);
  // `as(name) {` on a line of its own is a method of that name.
  const isMethod = after.text === '(' && before.lastLine < token.line;
  return ends && !isMethod && !/^(readonly|get|set|async|static|override|public|private|function)$/.test(before.text);
}

/** Where a bracket opens something in which `as` renames: `import { a as b }`, `{ [K in keyof T as …] }`. */
function opensRenaming(code: readonly Token[], at: number): boolean {
  const text = code[at]?.text;
  if (text === '[') return code[at + 1]?.kind === 'word' && code[at + 2]?.text === 'in';
  const words = [code[at - 1]?.text, code[at - 2]?.text, code[at - 3]?.text];
  return (
    text === '{' &&
    (/^(import|export)$/.test(words[0] ?? '') ||
      (words[0] === 'type' && /^(import|export)$/.test(words[1] ?? '')) ||
      (words[0] === ',' && words[2] === 'import'))
  );
}

function findCasts(code: readonly Token[]): readonly Token[] {
  const open: { readonly bracket: string; readonly renaming: boolean }[] = [];
  return code.filter((token, at) => {
    if (token.kind === 'punctuation' && /^[([{]$/.test(token.text)) open.push({ bracket: token.text, renaming: opensRenaming(code, at) });
    else if (token.kind === 'punctuation' && open.at(-1)?.bracket === pairs[token.text]) open.pop();
    const renamesAll = code[at - 1]?.text === '*' && /^(import|export|type)$/.test(code[at - 2]?.text ?? '');
    return isCast(code, at) && !renamesAll && open.at(-1)?.renaming !== true;
  });
}

function check(files: readonly SourceFile[]): readonly Finding[] {
  return files.filter(isSource).flatMap(({ path, code, tokens }) => {
    // Doc comments speak to callers; the reason for a cast is for the next editor.
    const reasons = tokens.filter(({ kind, text }) => kind === 'comment' && !text.startsWith('/**'));
    const lines = new Set(reasons.flatMap(({ line, lastLine }) => [line, lastLine, lastLine + 1]));
    return findCasts(code)
      .filter(({ line }) => !lines.has(line))
      .map(({ line }) => ({ path, line, message: 'a cast without its reason, use a type that needs none or a comment on the line above' }));
  });
}

/** The compiler is overruled only with a reason beside it. */
export const casts: Rule = {
  name: 'every cast says why it is right',
  check,
  bad: [
    { files: { 'lib/model/a.ts': '\nconst a = b as string;' }, found: ['lib/model/a.ts:2'] },
    { files: { 'lib/model/a.ts': '// far\n\nconst a = f(x) as (y: 1) => 2;' }, found: ['lib/model/a.ts:3'] },
    { files: { 'lib/model/a.ts': '/** Doc. */\nconst a = { x: 1 } as unknown as B;' }, found: ['lib/model/a.ts:2', 'lib/model/a.ts:2'] },
    { files: { 'store/a.ts': 'const a = list[0] as B;' }, found: ['store/a.ts:1'] },
    { files: { 'store/a.ts': 'const a = `${(x as B).y}`;' }, found: ['store/a.ts:1'] },
  ],
  good: {
    'lib/model/a.ts': '// frozen just above\nconst a = b as Frozen;\nconst c = d as E; // checked by f\nconst g = [1] as const;',
    'lib/model/b.ts':
      "import * as x from 'y';\nimport { a as b } from './a.ts';\nexport { c as d } from './c.ts';\nimport e, { type f as g } from './f.ts';",
    'lib/model/c.ts':
      'type A<T> = { [K in keyof T as T[K] extends 1 ? K : never]: T[K] };\nop.as("name");\nconst o = { as: 1, x: "a as b" };',
    'lib/model/d.ts': 'interface A {\n  as(name: string): A;\n  readonly as: B;\n}\nclass C {\n  f() {}\n  as(name: string) {}\n}',
    'spec/plan/a.spec.ts': 'const a = b as string;',
  },
};
