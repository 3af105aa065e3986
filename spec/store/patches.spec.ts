import type * as Everything from 'immer';
import { expect, test, vi } from 'vitest';
import { encodeValue } from '../../lib/kernel/value/canonical.ts';
import { patched } from '../../store/patches.ts';

// An Immer that cannot apply two patches together.
vi.mock('immer', async (importOriginal) => {
  const immer = await importOriginal<typeof Everything>();
  class OneAtATime extends immer.Immer {
    override applyPatches<Base extends Parameters<typeof immer.applyPatches>[0]>(base: Base, patches: readonly Everything.Patch[]): Base {
      if (patches.length > 1) throw new Error('two patches');
      return super.applyPatches(base, patches);
    }
  }
  return { ...immer, Immer: OneAtATime };
});

const change = (...values: readonly number[]): Uint8Array => encodeValue(values.map((value) => ({ op: 'replace', path: ['a'], value })));
const base = encodeValue({ a: 1, b: 2 });
const right = (value: unknown): ((bytes: Uint8Array) => boolean) => {
  const expected = Buffer.from(encodeValue(value));
  return (bytes) => expected.equals(bytes);
};

test('changes that do something else together than one by one are applied one by one', () => {
  const made = patched(base, [change(3), change(4), change(5)], right({ a: 5, b: 2 }));
  expect(made?.equals(encodeValue({ a: 5, b: 2 }))).toBe(true);
});

test('changes that come to something else, or cannot be applied, come to nothing', () => {
  expect(patched(base, [change(3), change(4)], right({ a: 5, b: 2 }))).toBeUndefined();
  expect(patched(base, [change(3, 4), change(5)], right({ a: 5, b: 2 }))).toBeUndefined();
  expect(patched(Buffer.of(7), [change(3)], right({ a: 3, b: 2 }))).toBeUndefined();
});
