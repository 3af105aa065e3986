import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { seedOf, wordOfSources } from './drawn-from.ts';

const drawn: number[] = [];

describe('random cases', () => {
  test.each([1, 2])('are others in test %i', () => {
    drawn.push(...fc.sample(fc.integer(), 1));
    expect(new Set(drawn).size).toBe(drawn.length);
  });

  test('are the same in the same test', () => {
    const [first, second] = [fc.sample(fc.integer(), 20), fc.sample(fc.integer(), 20)];
    expect(first).toEqual(second);
    const word = process.env['SLUICE_CASES'] ?? '';
    expect(fc.readConfigureGlobal()?.seed).toBe(
      seedOf(word, 'spec/drawn/drawn-from.spec.ts > random cases > are the same in the same test'),
    );
  });

  test('are drawn from a word for the sources, which is always the same, or from one that was given', () => {
    expect(wordOfSources()).toBe(wordOfSources());
    expect(wordOfSources()).toMatch(/^\d+$/);
    expect(seedOf('a', 'test')).not.toBe(seedOf('b', 'test'));
  });
});
