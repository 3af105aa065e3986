import { describe, expect, test } from 'vitest';
import { emit, SelectionError } from '../../../index.ts';
import { untyped as untypedValue } from '../../operators/rig/untyped.ts';
import { untyped } from './untyped.ts';

const emitWith = (options: unknown) => () => untyped(emit)('rows', 5, options);

function refusalOf(make: () => unknown): unknown {
  try {
    make();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was refused');
}

function expectRefused(make: () => unknown, ...words: readonly string[]): void {
  const error = refusalOf(make);
  expect(error).toBeInstanceOf(SelectionError);
  expect(error).toMatchObject({ code: 'INVALID_OPTION' });
  for (const word of words) expect(String(error)).toContain(word);
}

describe('what an emission says beside its value', () => {
  test('is its metadata and its version, and only what was given', () => {
    expect(Object.keys(emit('rows', 5, { version: 'v1' }))).toEqual(['output', 'value', 'version']);
    expect(emit('rows', 5, { metadata: { a: 1 }, version: 'v1' })).toMatchObject({ metadata: { a: 1 }, version: 'v1' });
    expect(Object.keys(emit('rows', 5, untypedValue({ metadata: undefined, version: undefined })))).toEqual(['output', 'value']);
  });

  test.each<[string, unknown]>([
    ['an empty text', ''],
    ['a number', 5],
    ['null', null],
    ['a list', ['v']],
    ['1,001 characters', 'v'.repeat(1001)],
  ])('has no version that is %s', (_, version) => {
    expectRefused(emitWith({ version }), 'emit(): "version" is', '1 to 1000 characters');
  });

  test('has a version of 1 to 1,000 characters', () => {
    expect(emit('rows', 5, { version: 'v' }).version).toBe('v');
    expect(emit('rows', 5, { version: 'v'.repeat(1000) }).version).toHaveLength(1000);
  });

  test('has no other option, and is one object', () => {
    expectRefused(emitWith({ versoin: 'a' }), 'emit() has no option "versoin"', 'Did you mean "version"');
    for (const wrong of [null, 5, 'v1', [], new Map()]) expectRefused(emitWith(wrong), 'emit() takes its options as one object');
  });
});
