import type { Finding, Rule } from '../rule.ts';
import type { SourceFile } from '../source-file.ts';

// Spelt in two halves, so that this file may speak of them.
const unfinished = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX'].join('|')})\\b`);
const silenced = new RegExp(`@ts-(${['ig' + 'nore', 'no' + 'check'].join('|')})\\b`);

function check(files: readonly SourceFile[]): readonly Finding[] {
  return files.flatMap(({ path, tokens }) =>
    tokens
      .filter(({ kind }) => kind === 'comment')
      .flatMap(({ text, line }) =>
        text.split('\n').flatMap((content, offset) => {
          if (unfinished.test(content))
            return [{ path, line: line + offset, message: 'unfinished work in a comment, use an issue, or do it' }];
          return silenced.test(content) ? [{ path, line: line + offset, message: 'a silenced compiler, use a type that is right' }] : [];
        }),
      ),
  );
}

/** What is in the tree is finished. */
export const words: Rule = {
  name: 'no comment puts work off or silences the compiler',
  check,
  bad: [
    { files: { 'lib/a.ts': `/**\n * Doc.\n * ${'TO' + 'DO'}: later\n */` }, found: ['lib/a.ts:3'] },
    { files: { 'spec/a.spec.ts': `// ${'FIX' + 'ME'}` }, found: ['spec/a.spec.ts:1'] },
    { files: { 'lib/a.ts': `\n// @ts-${'ig' + 'nore'}\nconst a: 1 = 2;` }, found: ['lib/a.ts:2'] },
  ],
  good: { 'lib/a.ts': `const a = '${'TO' + 'DO'}';\n// @ts-expect-error a wrong name is refused\n` },
};
