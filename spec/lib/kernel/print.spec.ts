import { describe, expect, test } from 'vitest';
import { cutText, isClass, kindOf, printCycle, printValue, quote, quoteList } from '../../../lib/kernel/print.ts';
import { untyped } from '../model/untyped.ts';

const throwing = {
  toString: () => {
    throw new Error('must not be called');
  },
};

describe('what messages show', () => {
  test('a name is quoted, and cut where it would fill the screen', () => {
    expect(quote('a"b')).toBe('"a\\"b"');
    expect(quote('a\nb')).toBe('"a\\nb"');
    expect([undefined, 5, {}].map((name) => untyped(quote)(name))).toEqual(['undefined', 'a number', 'an object']);
    expect(quote('x'.repeat(80))).toHaveLength(82);
    expect(quote('x'.repeat(81))).toBe(`"${'x'.repeat(80)}…"`);
  });

  test('a list of names is cut at eight', () => {
    expect(quoteList([])).toBe('none');
    expect(quoteList(['a'])).toBe('"a"');
    expect(quoteList(['a', 'b', 'c'])).toBe('"a", "b" and "c"');
    expect(quoteList('abcdefgh'.split(''))).toBe('"a", "b", "c", "d", "e", "f", "g" and "h"');
    expect(quoteList('abcdefghij'.split(''))).toBe('"a", "b", "c", "d", "e", "f", "g" and 3 more');
  });

  test('a cycle ends where it starts, and a long one is cut in its middle', () => {
    expect(printCycle(['a'])).toBe('a → a');
    expect(printCycle(['a', 'b'])).toBe('a → b → a');
    const names = Array.from({ length: 20 }, (_, index) => `n${index}`);
    expect(printCycle(names)).toBe('n0 → n1 → n2 → n3 → n4 → n5 → … 9 more … → n15 → n16 → n17 → n18 → n19 → n0');
  });

  test.each<[unknown, string]>([
    [undefined, 'undefined'],
    [null, 'null'],
    [5, 'a number'],
    ['', 'a string'],
    [true, 'a boolean'],
    [5n, 'a bigint'],
    [Symbol('s'), 'a symbol'],
    [[], 'an array'],
    [{}, 'an object'],
    [Object.create(null), 'an object'],
    [new (class Thing {})(), 'an object'],
    [Promise.resolve(), 'a promise'],
    [new Map(), 'a Map'],
    [new Date(), 'a Date'],
    [new Error('e'), 'an Error'],
    [new Uint8Array(), 'a Uint8Array'],
    [new AbortController().signal, 'an AbortSignal'],
    [(function* () {})(), 'a Generator'],
    [() => 1, 'a function'],
    [class {}, 'a class'],
    [Map, 'a function'],
    [{ [Symbol.toStringTag]: 'x y' }, 'an object'],
    [Object.assign([], { [Symbol.toStringTag]: 'Row' }), 'an array'],
    [
      {
        get [Symbol.toStringTag]() {
          throw new Error('must not matter');
        },
      },
      'an object',
    ],
  ])('names its kind (%#)', (value, name) => {
    expect(kindOf(value)).toBe(name);
  });

  test('a value is shown where it is short, and named where it is not, without asking it', () => {
    expect([5, NaN, 5n, null, undefined, true, 'a'].map(printValue)).toEqual(['5', 'NaN', '5', 'null', 'undefined', 'true', '"a"']);
    expect([throwing, Object.create(null), [], () => 1, Symbol('s')].map(printValue)).toEqual([
      'an object',
      'an object',
      'an array',
      'a function',
      'Symbol(s)',
    ]);
  });
});

test('a Proxy that was revoked has a kind too', () => {
  const revokedList = Proxy.revocable([], {});
  const revokedFunction = Proxy.revocable(() => 1, {});
  for (const { revoke } of [revokedList, revokedFunction]) revoke();
  for (const show of [kindOf, printValue, untyped(quote)]) {
    expect(show(revokedList.proxy)).toBe('an object');
    expect(show(revokedFunction.proxy)).toBe('a function');
  }
});

describe('text that is cut', () => {
  test('says so, and only where it is', () => {
    expect([cutText('', 2), cutText('ab', 2), cutText('abc', 2)]).toEqual(['', 'ab', 'ab…']);
  });

  test('keeps surrogate pairs whole', () => {
    expect(cutText('a😀b', 2)).toBe('a…');
    expect(cutText('a😀b', 3)).toBe('a😀…');
    expect(cutText('a😀', 3)).toBe('a😀');
    expect(cutText('a\ud83db', 2)).toBe('a\ud83d…');
    expect(quote(`${'x'.repeat(79)}😀`)).toBe(`"${'x'.repeat(79)}…"`);
  });
});

test('a class is told from a function by how it is written', () => {
  expect([class {}, class A extends Map {}].map(isClass)).toEqual([true, true]);
  const odd: unknown = Reflect.get({ class() {} }, 'class');
  expect([() => 1, function f() {}, async () => 1, Map, odd, null, 'class A {}'].map(isClass)).toEqual([
    false,
    false,
    false,
    false,
    false,
    false,
    false,
  ]);
});
