import { describe, expect, test } from 'vitest';
import { emit } from '../../../index.ts';
import { isEmission } from '../../../lib/model/emission.ts';

describe('emit', () => {
  test('puts a value on an output, with metadata where there is some', () => {
    expect({ ...emit('rows', 5) }).toMatchObject({ output: 'rows', value: 5 });
    expect(Object.keys(emit('rows', 5))).toEqual(['output', 'value']);
    expect(emit('rows', 5, { metadata: { count: 1 } }).metadata).toEqual({ count: 1 });
    expect(Object.keys(emit('rows', 5, {}))).toEqual(['output', 'value']);
    expect(Object.isFrozen(emit('rows', 5))).toBe(true);
  });

  test('is what an emission is made by: what only looks like one is none', () => {
    expect(isEmission(emit('rows', undefined))).toBe(true);
    for (const other of [{ output: 'rows', value: 5 }, null, undefined, 'rows', []]) expect(isEmission(other)).toBe(false);
  });
});
