import { describe, expect, test } from 'vitest';
import { DefinitionError, SelectionError, SluiceError, StepError, StoreError } from '../../../index.ts';

const classes = [
  ['DefinitionError', () => new DefinitionError('CYCLE', 'what. where. cure.', { details: { a: 1 }, cause: 'why' })],
  ['SelectionError', () => new SelectionError('UNKNOWN_ASSET', 'what. where. cure.', { details: { a: 1 }, cause: 'why' })],
  ['StepError', () => new StepError('OP_THREW', 'what. where. cure.', { details: { a: 1 }, cause: 'why' })],
  ['StoreError', () => new StoreError('STORE_IO', 'what. where. cure.', { details: { a: 1 }, cause: 'why' })],
] as const;

describe.each(classes)('%s', (name, make) => {
  test('is an Error and a SluiceError under its own name', () => {
    const error = make();
    expect(error).toBeInstanceOf(Error);
    expect(error).toBeInstanceOf(SluiceError);
    expect(error.name).toBe(name);
    expect(String(error)).toBe(`${name}: what. where. cure.`);
    expect(error.stack).toContain('errors.spec.ts');
  });

  test('carries code, details and cause', () => {
    const { code, details, cause, message } = make();
    expect({ code, details, cause, message }).toMatchObject({ details: { a: 1 }, cause: 'why', message: 'what. where. cure.' });
    expect(code).toMatch(/^[A-Z_]+$/);
  });
});

describe('an error without context', () => {
  test('has empty details, and no cause at all', () => {
    const error = new DefinitionError('CYCLE', 'message');
    expect(error.details).toEqual({});
    expect(Object.hasOwn(error, 'cause')).toBe(false);
  });
});

test('the classes are told apart', () => {
  const made = classes.map(([, make]) => make());
  for (const [index, error] of made.entries()) {
    expect([DefinitionError, SelectionError, StepError, StoreError].map((each) => error instanceof each)).toEqual(
      [0, 1, 2, 3].map((at) => at === index),
    );
  }
});
