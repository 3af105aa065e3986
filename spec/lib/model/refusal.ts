import { expect } from 'vitest';
import { DefinitionError } from '../../../lib/kernel/errors.ts';
import type { DefinitionCode } from '../../../lib/kernel/error-codes.ts';

/** What a call throws; it must be a DefinitionError. */
export function refusalOf(call: () => unknown): DefinitionError {
  try {
    call();
  } catch (error) {
    if (error instanceof DefinitionError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

/** The call is refused with this code, in a message that holds each of these words. */
export function expectRefusal(call: () => unknown, code: DefinitionCode, ...words: readonly string[]): DefinitionError {
  const error = refusalOf(call);
  expect({ code: error.code, message: error.message }).toMatchObject({ code });
  for (const word of words) expect(error.message).toContain(word);
  // What happened and what to do: two sentences at least, the last one ended.
  expect(error.message).toMatch(/[.:;?] .*[.?]$/su);
  expect(error.name).toBe('DefinitionError');
  return error;
}
