import { describe, expect, test } from 'vitest';
import { projectFiles } from './project.ts';
import { tokenize } from './tokens.ts';

const kinds = (text: string): readonly string[] => tokenize(text).map(({ kind, text: piece }) => `${kind} ${piece}`);

describe('the tokenizer of the house rules', () => {
  test('tells comments from text that looks like one', () => {
    expect(kinds("a('// no') // yes")).toEqual(['word a', 'punctuation (', "string '// no'", 'punctuation )', 'comment // yes']);
  });

  test('tells a regular expression from a division', () => {
    expect(kinds('a / b / c')).toEqual(['word a', 'punctuation /', 'word b', 'punctuation /', 'word c']);
    expect(kinds("return /['/]/g")).toEqual(['word return', "regex /['/]/g"]);
  });

  test('reads the code inside of a template, and the text around it as text', () => {
    expect(kinds('`// a ${{ b: `${c}` }} "d`')).toEqual([
      'template `// a ${',
      'punctuation {',
      'word b',
      'punctuation :',
      'template `${',
      'word c',
      'template }`',
      'punctuation }',
      'template } "d`',
    ]);
  });

  test('counts lines through comments and templates', () => {
    expect(tokenize('/*\n*/ a\n`\n` b').map(({ line, lastLine }) => [line, lastLine])).toEqual([
      [1, 2],
      [2, 2],
      [3, 4],
      [4, 4],
    ]);
  });

  test('loses nothing of any file of the project', () => {
    const squeeze = (text: string): string => text.replaceAll(/\s+/g, '');
    for (const { path, text, tokens } of projectFiles().filter((file) => file.tokens.length > 0)) {
      expect(squeeze(tokens.map((token) => token.text).join('')), path).toBe(squeeze(text));
    }
  });
});
