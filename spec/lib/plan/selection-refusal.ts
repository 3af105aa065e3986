import { expect } from 'vitest';
import { SelectionError, type SelectionCode } from '../../../index.ts';

/** The call is refused with this code, in a message that holds each of these words. */
export function expectSelectionError(call: () => unknown, code: SelectionCode, ...words: readonly string[]): SelectionError {
  const error = thrownBy(call);
  expect({ code: error.code, message: error.message }).toMatchObject({ code });
  for (const word of words) expect(error.message).toContain(word);
  return error;
}

function thrownBy(call: () => unknown): SelectionError {
  try {
    call();
  } catch (error) {
    if (error instanceof SelectionError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}
