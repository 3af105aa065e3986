import type { Finding, Rule } from '../rule.ts';
import { isSource, type SourceFile } from '../source-file.ts';
import type { Token } from '../tokens.ts';

/** The name that an export declares: the first word that is not a keyword of the declaration. */
function declaredName(code: readonly Token[], at: number): string {
  const keywords = /^(export|declare|abstract|async|const|let|var|function|class|interface|type|enum|\*)$/;
  return code.slice(at).find(({ text }) => !keywords.test(text))?.text ?? '';
}

/** What is wrong with an `export` that declares nothing; undefined where it may stay. */
function judgeList(tokens: readonly Token[], at: number): string | undefined {
  const next = tokens[at + 1]?.text;
  if (next === '*') return 'export *, use the names';
  if (next === 'default') return 'export default, use a name';
  const end = tokens.findIndex(({ text }, index) => index > at && text === '}');
  return tokens[end + 1]?.text === 'from' ? undefined : 'export list, use export where it is declared';
}

function declares(tokens: readonly Token[], at: number): boolean {
  const next = tokens[at + 1]?.text ?? '';
  return !/^(\*|default|\{)$/.test(next) && !(next === 'type' && tokens[at + 2]?.text === '{');
}

function hasDoc(tokens: readonly Token[], at: number): boolean {
  const before = tokens[at - 1];
  return before?.kind === 'comment' && before.text.startsWith('/**') && (tokens[at]?.line ?? 0) - before.lastLine <= 1;
}

function checkFile({ path, tokens }: SourceFile): readonly Finding[] {
  let documented = ''; // overloads share the doc comment of the first
  return tokens.flatMap(({ kind, text, line }, at) => {
    if (kind !== 'word' || text !== 'export' || tokens[at - 1]?.text === '.') return [];
    if (!declares(tokens, at)) {
      const message = judgeList(tokens, at);
      return message === undefined ? [] : [{ path, line, message }];
    }
    const name = declaredName(tokens, at);
    if (!hasDoc(tokens, at) && name !== documented) {
      return [{ path, line, message: `${name} has no doc comment, use one that says what its name does not` }];
    }
    documented = name;
    return [];
  });
}

/** Everything exported is exported by name, where it is declared, under a doc comment. */
export const exports: Rule = {
  name: 'every export is named, and documented where it is declared',
  check: (files) => files.filter(isSource).flatMap(checkFile),
  bad: [
    { files: { 'lib/plan/a.ts': '// not a doc comment\nexport const a = 1;' }, found: ['lib/plan/a.ts:2'] },
    { files: { 'lib/plan/a.ts': '/** Far away. */\n\n\nexport function a() {}' }, found: ['lib/plan/a.ts:4'] },
    { files: { 'store/a.ts': '/** A. */\nexport const a = 1;\nexport interface B {}' }, found: ['store/a.ts:3'] },
    { files: { 'spec/kit/a.ts': 'export abstract class A {}' }, found: ['spec/kit/a.ts:1'] },
    { files: { 'operators/index.ts': "export * from './run/run.ts';" }, found: ['operators/index.ts:1'] },
    { files: { 'lib/plan/a.ts': '/** A. */\nexport default function a() {}' }, found: ['lib/plan/a.ts:2'] },
    { files: { 'lib/plan/a.ts': 'const a = 1;\nexport { a };' }, found: ['lib/plan/a.ts:2'] },
  ],
  good: {
    'lib/plan/a.ts': '/** A. */\nexport function a(x: 1): 1;\nexport function a(x: 2): 2;\nexport function a(x: number) { return x; }\n',
    'lib/plan/b.ts': '/**\n * B.\n */\nexport const b = "export const c";\nconst quiet = 1;',
    'operators/index.ts': "export { run } from './run/run.ts';\nexport type { Run } from './run/run.ts';",
    'spec/laws/a.ts': 'export const a = 1;',
  },
};
