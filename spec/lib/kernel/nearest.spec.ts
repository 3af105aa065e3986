import { describe, expect, test } from 'vitest';
import { nearest, suggest } from '../../../lib/kernel/nearest.ts';
import { untyped } from '../model/untyped.ts';

describe('the nearest names', () => {
  test('are those with the fewest edits, best first, at most three', () => {
    expect(nearest('clean', ['claen', 'cleans', 'cleaned', 'clear', 'dirty'])).toEqual(['cleans', 'clear', 'claen']);
    expect(nearest('clean', ['dirty'])).toEqual([]);
    expect(nearest('clean', [])).toEqual([]);
  });

  test('of what is no name are none', () => {
    for (const name of [undefined, null, 5, {}, ['a']]) expect(untyped(nearest)(name, ['a'])).toEqual([]);
    expect(untyped(suggest)(undefined, ['a'])).toBe('There is "a".');
  });

  test('do not mind capitals', () => {
    expect(nearest('CODEVERSION', ['codeVersion', 'name'])).toEqual(['codeVersion']);
  });

  test('find the same name under another prefix, which no edit distance would', () => {
    expect(nearest('users', ['warehouse/raw/users', 'uses', 'abc'])).toEqual(['warehouse/raw/users', 'uses']);
    expect(nearest('warehouse/users', ['users', 'warehouse/orders'])).toEqual(['users', 'warehouse/orders']);
  });

  test('find a name that was cut short', () => {
    expect(nearest('meta', ['group', 'metadata'])).toEqual(['metadata']);
  });

  test('compare the beginnings of long names', () => {
    expect(nearest('x'.repeat(500), ['x'.repeat(90), 'y'.repeat(90)])).toEqual(['x'.repeat(90)]);
  });
});

describe('the sentence about them', () => {
  test('asks whether they were meant', () => {
    expect(suggest('cleen', ['clean', 'dirty'])).toBe('Did you mean "clean"?');
    expect(suggest('cleen', ['clean', 'green'])).toBe('Did you mean "clean" or "green"?');
  });

  test('lists a few of all where none is near, or says that there is none', () => {
    expect(suggest('zebra', ['one'])).toBe('There is "one".');
    expect(suggest('a long name', ['one', 'two', 'six', 'ten', 'and'])).toBe('There are "one", "two" and "six" and 2 more.');
    expect(suggest('zebra', [])).toBe('There is none.');
  });

  test('takes an iterator, once', () => {
    expect(suggest('cleen', new Map([['clean', 1]]).keys())).toBe('Did you mean "clean"?');
  });
});
