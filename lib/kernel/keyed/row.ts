import { printValue } from '../print.ts';
import { fixValue } from '../value/fix.ts';
import { DeltaError } from '../errors.ts';
import type { Key } from './key.ts';

/**
 * Fixes a row where it comes in: deep-frozen, and sure to be storable. `undefined` is no row.
 *
 * @throws DeltaError ROW_NOT_STORABLE; `where` says who gave it
 */
export function fixRow<V>(value: V, key: Key, where: string): V {
  isImmutableRow(value, key, where);
  return value;
}

/**
 * Fixes a row as {@link fixRow} does, and says whether nothing in it can change any more.
 *
 * @throws DeltaError ROW_NOT_STORABLE
 */
export function isImmutableRow(value: unknown, key: Key, where: string): boolean {
  const fixed = fixValue(value);
  if (fixed.storable && value !== undefined) return fixed.immutable;
  const what = fixed.storable ? 'it is undefined, which stands for no row' : `what is at ${fixed.path} is ${fixed.problem}`;
  throw new DeltaError(
    'ROW_NOT_STORABLE',
    `${where} gave a row for key ${printValue(key)} that cannot be kept: ${what}. Rows are plain data: objects, arrays and primitives, and Dates, Maps, Sets and bytes in them.`,
    { details: { where, key } },
  );
}
