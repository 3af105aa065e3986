import { tmpdir } from 'node:os';
import { describe, expect, test } from 'vitest';
import { StoreError } from '../../lib/kernel/errors.ts';
import { isFatal, storeFailure, writeFailure } from '../../store/store-failure.ts';

const failure = (code: unknown): Error => Object.assign(new Error('what lmdb says'), { code });

describe('an error of lmdb or the system', () => {
  test.each([
    [28, 'STORE_FULL', false],
    ['ENOSPC', 'STORE_FULL', false],
    [-30792, 'STORE_FULL', false],
    [5, 'STORE_IO', false],
    ['EIO', 'STORE_IO', false],
    [undefined, 'STORE_IO', false],
    [22, 'STORE_IO', false],
    [-30795, 'STORE_IO', false],
    [-30796, 'STORE_CORRUPT', true],
    [-30797, 'STORE_CORRUPT', true],
    [-30794, 'STORE_FORMAT', true],
    ['EACCES', 'STORE_PATH', false],
    [30, 'STORE_PATH', false],
  ])('%s is %s', (code, expected, fatal) => {
    const error = failure(code);
    const made = storeFailure(error, 'the/path');
    expect(made).toMatchObject({ code: expected, cause: error, details: { path: 'the/path' } });
    expect(made.message).toContain('the/path');
    expect(made.message).toContain('what lmdb says');
    expect(isFatal(error)).toBe(fatal);
  });

  test('that is no error is one all the same', () => {
    expect(storeFailure('text', 'p')).toMatchObject({ code: 'STORE_IO' });
  });

  test("that is the store's own already stays as it is", () => {
    const own = new StoreError('STORE_LOCKED', 'own');
    expect(storeFailure(own, 'p')).toBe(own);
    expect(isFatal(own)).toBe(false);
  });

  test('of writing means a full disk where what was written does not fit', () => {
    const error = failure(5);
    expect(storeFailure(writeFailure(error, { path: tmpdir(), bytes: 2 ** 60 }), 'p').code).toBe('STORE_FULL');
    expect(writeFailure(error, { path: tmpdir(), bytes: 1 })).toBe(error);
    expect(writeFailure(error, { path: `${tmpdir()}/none/at/all`, bytes: 2 ** 60 })).toBe(error);
    expect(writeFailure('text', { path: tmpdir(), bytes: 2 ** 60 })).toBe('text');
  });
});
