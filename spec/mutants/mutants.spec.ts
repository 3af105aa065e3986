import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { mutants } from './all-mutants.ts';
import { judge } from './judge.ts';
import { mutate, type Mutant } from './mutant.ts';

const read = (file: string): string => readFileSync(resolve(import.meta.dirname, '../..', file), 'utf8');

describe('every mutant', () => {
  test.each([...mutants])('%s fits the sources, and its killers are there', (_, mutant) => {
    for (const { file, to } of mutant.edits) {
      const mutated = mutate(mutant, file, read(file));
      expect(mutated).not.toBe(read(file));
      expect(mutated).toContain(to);
    }
    expect(mutant.killers.length).toBeGreaterThan(0);
    for (const { spec, test: title } of mutant.killers) {
      // Some titles are made of numbers and names.
      const words = title.replace(/\d+ steps$/, '');
      expect(read(spec), `${spec} has a test that begins with "${title}"`).toMatch(
        new RegExp(`['\`]${words.replaceAll(/[()]/g, String.raw`\$&`)}`),
      );
    }
  });

  test('there are fifty at least', () => expect(mutants.size).toBeGreaterThanOrEqual(50));
});

test('one that no longer fits says so', () => {
  const edits = [{ file: 'a.ts', from: 'one', to: 'two' }];
  const mutant: Mutant = { name: 'old', wrong: 'X1', edits, killers: [] };
  const nowhere = { ...mutant, edits: [{ file: 'a.ts', from: 'never', to: 'two' }] };
  expect(mutate(mutant, 'a.ts', 'one and only')).toBe('two and only');
  expect(mutate(mutant, 'b.ts', 'one and one')).toBe('one and one');
  expect(() => mutate(mutant, 'a.ts', 'one and one')).toThrow('finds it 2 times');
  expect(() => mutate(nowhere, 'a.ts', 'one')).toThrow('finds it 0 times');
});

// All of them: `npm run mutants`.
describe('a few mutants die', () => {
  test.each(['null-is-nothing', 'skip-reused', 'failure-erases-a-trace'])('%s', async (name) => {
    const killers = mutants.get(name)?.killers ?? [];
    const judged = await judge(name, killers);
    expect(judged).toEqual(killers.map((killer) => ({ killer, verdict: 'failed' })));
  });

  test('and the sources as they are live', async () => {
    const killers = mutants.get('failure-erases-a-trace')?.killers ?? [];
    expect(await judge('', killers)).toEqual(killers.map((killer) => ({ killer, verdict: 'passed' })));
    expect(await judge('', [{ spec: killers[0]?.spec ?? '', test: 'a title of no test' }])).toMatchObject([{ verdict: 'unknown' }]);
  });
});
