import { canonicalBytes } from '../value/canonical.ts';
import { isRecord } from '../record.ts';

/**
 * Whether two storable values are equal: whether they have the same canonical bytes, found without making these where it can be told from
 * plain data alone. Cost: until the first difference, and nothing for parts that are one object.
 */
export function sameValue(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (isRecord(a)) return isRecord(b) && sameProperties(a, b);
  if (Array.isArray(a)) return Array.isArray(b) && sameElements(a, b);
  return Buffer.compare(canonicalBytes(a), canonicalBytes(b)) === 0;
}

function sameElements(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((element, index) => sameValue(element, b[index]));
}

function sameProperties(a: Readonly<Record<string, unknown>>, b: Readonly<Record<string, unknown>>): boolean {
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  // A key that holds undefined is not a key that is missing.
  return keys.every((key) => sameValue(a[key], b[key]) && (a[key] !== undefined || Object.hasOwn(b, key)));
}
