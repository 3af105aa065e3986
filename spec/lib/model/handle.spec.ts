import { describe, expect, test } from 'vitest';
import { createHandle, isHandle, originOf, printRef } from '../../../lib/model/handle.ts';

const owner = Object.freeze({});

describe('a handle', () => {
  test('says what it stands for to those who print it, and nothing else', () => {
    const handle = createHandle(owner, { from: 'invocation', invocation: 'clean', output: 'rows' });
    expect({ ...handle }).toEqual({ handle: 'clean.rows' });
    expect(Object.isFrozen(handle)).toBe(true);
    expect(printRef({ from: 'input', input: 'feed' })).toBe('input feed');
  });

  test('is known by identity: a copy of it is none', () => {
    const handle = createHandle(owner, { from: 'input', input: 'x' });
    expect(isHandle(handle)).toBe(true);
    for (const other of [{ ...handle }, structuredClone(handle), null, undefined, 'input x', () => handle])
      expect(isHandle(other)).toBe(false);
    expect(originOf(handle)).toEqual({ owner, ref: { from: 'input', input: 'x' } });
    expect(() => originOf({ ...handle })).toThrow('Sluice bug');
  });
});
