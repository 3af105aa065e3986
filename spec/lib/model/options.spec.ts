import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { isRecord } from '../../../lib/kernel/record.ts';
import { checkOptions, optionalFlag, optionalRecord, optionalString } from '../../../lib/model/options.ts';
import { expectRefusal } from './refusal.ts';

describe('a record', () => {
  test('is an object that is nothing but its fields', () => {
    for (const value of [
      {},
      { a: 1 },
      Object.freeze({}),
      Object.create(null),
      JSON.parse('{"__proto__":1}'),
      runInNewContext('({ a: 1 })'),
    ])
      expect(isRecord(value)).toBe(true);
    for (const value of [
      null,
      undefined,
      5,
      'a',
      [],
      new Map(),
      Promise.resolve(),
      new Date(),
      () => 1,
      new (class {})(),
      Object.create({}),
      runInNewContext('[]'),
    ]) {
      expect(isRecord(value)).toBe(false);
    }
  });
});

describe('options', () => {
  test('that nobody reads are refused, with the nearest that somebody does', () => {
    const fields = { name: true, timeoutMs: true } as const;
    expect(() => checkOptions({ name: 1 }, fields, 'op "a"')).not.toThrow();
    expectRefusal(
      () => checkOptions({ nam: 1 }, fields, 'op "a"'),
      'INVALID_DEFINITION',
      'op "a" has no option "nam"',
      'Did you mean "name"?',
    );
    expectRefusal(
      () => checkOptions({ toString: 1 }, fields, 'op "a"'),
      'INVALID_DEFINITION',
      'no option "toString"',
      'There are "name" and "timeoutMs".',
    );
    expectRefusal(() => checkOptions(JSON.parse('{"__proto__":1}'), fields, 'op "a"'), 'INVALID_DEFINITION', 'no option "__proto__"');
    expectRefusal(
      () => checkOptions([], fields, 'op "a"'),
      'INVALID_DEFINITION',
      'op "a" takes its options as one object, and got an array',
      'Write { name: … }.',
    );
  });

  test('are read as what they are, or refused', () => {
    expect([optionalString(undefined, 'a', 'x'), optionalString('', 'a', 'x')]).toEqual([undefined, '']);
    expect([undefined, false, true].map((value) => optionalFlag(value, 'a', 'x'))).toEqual([false, false, true]);
    expect([undefined, {}].map((value) => optionalRecord(value, 'a', 'x'))).toEqual([undefined, {}]);
    expectRefusal(() => optionalString(null, 'a', 'x'), 'INVALID_DEFINITION', 'x: "a" is null. Give a string');
    expectRefusal(() => optionalFlag(0, 'a', 'x'), 'INVALID_DEFINITION', 'x: "a" is a number. Give true or false');
    expectRefusal(() => optionalRecord('', 'a', 'x'), 'INVALID_DEFINITION', 'x: "a" is a string. Give a record');
  });
});
