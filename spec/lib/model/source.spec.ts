import { describe, expect, test } from 'vitest';
import { source } from '../../../index.ts';
import { expectRefusal } from './refusal.ts';
import { untyped } from './untyped.ts';

describe('source', () => {
  test('is named after its key, and keeps what it was given', () => {
    const read = (): number => 1;
    const made = source(['raw', 'users'], { read, group: 'g', description: 'd', metadata: { x: 1 } });
    expect(made).toEqual({
      kind: 'source',
      name: 'raw/users',
      aliases: [],
      key: 'raw/users',
      read,
      notes: { group: 'g', description: 'd', metadata: { x: 1 } },
    });
    expect(source('raw/users')).toEqual({ kind: 'source', name: 'raw/users', aliases: [], key: 'raw/users', notes: {} });
    expect(Object.isFrozen(made) && Object.isFrozen(made.notes)).toBe(true);
  });

  test('does not read when it is made', () => {
    const read = (): never => {
      throw new Error('read too early');
    };
    expect(() => source('a', { read })).not.toThrow();
  });

  test('refuses a key that is none, and a read that is no function', () => {
    expectRefusal(() => source('a//b'), 'INVALID_KEY', 'source()', 'one part is empty');
    expectRefusal(() => untyped(source)('a', { read: 'file' }), 'INVALID_DEFINITION', 'source "a": "read" is a string', 'Give a function');
    expectRefusal(
      () => untyped(source)('a', () => 1),
      'INVALID_DEFINITION',
      'source "a" takes its options as one object, and got a function',
    );
  });
});
