import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { expect, test } from 'vitest';
import { laws } from '../kit/laws.ts';
import { lawsPage } from './laws-page.ts';

const root = resolve(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(resolve(root, file), 'utf8');

test('docs/LAWS.md is what the list of laws makes it: `npm run laws` writes it anew', async () => {
  const file = resolve(root, 'docs/LAWS.md');
  const page = await format(lawsPage(), { ...(await resolveConfig(file)), filepath: file });
  expect(read('docs/LAWS.md')).toBe(page);
});

test('every law is there once, in order', () => {
  const numbered = (letter: string, count: number): readonly string[] =>
    Array.from({ length: count }, (_, index) => `${letter}${index + 1}`);
  expect(laws.map(({ id }) => id)).toEqual([...numbered('S', 22), ...numbered('I', 23), ...numbered('L', 13)]);
});

test.each(laws)('$id is tried by a test that says so', ({ spec, title }) => {
  expect(read(spec)).toMatch(new RegExp(`(?:test|describe)\\(\\s*['\`]${title.replaceAll(/[()]/g, String.raw`\$&`)}`));
});

test('every test that names a law first tries one that is in the list', () => {
  const specs = [...new Set(laws.map(({ spec }) => spec))];
  const named = specs.flatMap((spec) => [...read(spec).matchAll(/(?:test|describe)\(\s*['`]([SIL]\d+) /g)].map(([, id]) => id));
  expect([...new Set(named)].filter((id) => laws.every((law) => law.id !== id))).toEqual([]);
});
