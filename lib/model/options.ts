import { DefinitionError } from '../kernel/errors.ts';
import { suggest } from '../kernel/nearest.ts';
import { kindOf, quote } from '../kernel/print.ts';
import { isRecord } from '../kernel/record.ts';
import { isSchema, type Schema } from '../kernel/schema.ts';

/** The fields that a constructor reads. A record, so that the compiler notices a field that was forgotten here. */
export type Fields<Options> = Readonly<Record<keyof Options & string, true>>;

/**
 * Refuses what holds no options, and an option that would be ignored.
 *
 * @param where whose options they are: `op "clean"`
 * @throws DefinitionError INVALID_DEFINITION
 */
export function checkOptions(given: unknown, fields: Readonly<Record<string, true>>, where: string): void {
  if (!isRecord(given)) {
    throw new DefinitionError(
      'INVALID_DEFINITION',
      `${where} takes its options as one object, and got ${kindOf(given)}. Write { ${Object.keys(fields)[0]}: … }.`,
      {
        details: { where },
      },
    );
  }
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(fields, name));
  if (unknown === undefined) return;
  throw new DefinitionError('INVALID_DEFINITION', `${where} has no option ${quote(unknown)}. ${suggest(unknown, Object.keys(fields))}`, {
    details: { where, option: unknown },
  });
}

/**
 * Reads an option that is a string.
 *
 * @throws DefinitionError INVALID_DEFINITION
 */
export function optionalString(value: unknown, field: string, where: string): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  throw invalidOption(where, field, `${kindOf(value)}. Give a string or leave it out`);
}

/**
 * Reads an option that is true or false, and false where it is left out.
 *
 * @throws DefinitionError INVALID_DEFINITION
 */
export function optionalFlag(value: unknown, field: string, where: string): boolean {
  if (value === undefined || typeof value === 'boolean') return value === true;
  throw invalidOption(where, field, `${kindOf(value)}. Give true or false, or leave it out`);
}

/**
 * Reads an option that is a record.
 *
 * @throws DefinitionError INVALID_DEFINITION
 */
export function optionalRecord(value: unknown, field: string, where: string): Readonly<Record<string, unknown>> | undefined {
  if (value === undefined || isRecord(value)) return value;
  throw invalidOption(where, field, `${kindOf(value)}. Give a record, or leave it out`);
}

/**
 * Reads an option that is a schema.
 *
 * @throws DefinitionError INVALID_DEFINITION
 */
export function optionalSchema(value: unknown, field: string, where: string): Schema | undefined {
  if (value === undefined || isSchema(value)) return value;
  throw invalidOption(where, field, `${kindOf(value)}. Give a schema of a library that speaks Standard Schema (zod, valibot, arktype)`);
}

function invalidOption(where: string, field: string, is: string): DefinitionError {
  return new DefinitionError('INVALID_DEFINITION', `${where}: "${field}" is ${is}.`, { details: { where, option: field } });
}
