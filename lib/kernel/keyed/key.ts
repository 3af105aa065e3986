import { printValue } from '../print.ts';
import { DeltaError } from '../errors.ts';

/**
 * What rows are kept under: what databases give as keys, and what can be put in order. Keys are equal as those of a Map are: `NaN` is one
 * key, `-0` is `0`, and `1`, `1n` and `"1"` are three.
 */
export type Key = string | number | bigint;

/** Kinds in the order in which they are kept. */
const RANK = { number: 0, bigint: 1, string: 2 } as const;

/** The order of all keys: numbers with `NaN` last, then bigints, then strings by UTF-16 code unit. 0 iff they are the same key. */
export function compareKeys(a: Key, b: Key): number {
  if (typeof a === 'string' && typeof b === 'string') return a === b ? 0 : a < b ? -1 : 1;
  if (typeof a === 'number' && typeof b === 'number') return compareNumbers(a, b);
  if (typeof a === 'bigint' && typeof b === 'bigint') return a === b ? 0 : a < b ? -1 : 1;
  return rankOf(a) - rankOf(b);
}

function compareNumbers(a: number, b: number): number {
  if (a < b) return -1;
  if (a > b) return 1;
  if (a === b) return 0;
  return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
}

function rankOf(key: Key): number {
  return typeof key === 'number' ? RANK.number : typeof key === 'bigint' ? RANK.bigint : RANK.string;
}

/**
 * The key to keep something under: what was given, but for `-0`.
 *
 * @throws DeltaError ROW_KEY_INVALID if it is no key; `where` says who gave it
 */
export function checkKey<K extends Key>(key: K, where: string): K {
  if (typeof key === 'string' || typeof key === 'bigint') return key;
  if (typeof key === 'number') {
    // -0 is a number of the same type; a literal type `-0` is the only one this could be wrong for.
    return key === 0 ? (0 as K) : key;
  }
  throw new DeltaError(
    'ROW_KEY_INVALID',
    `${where} gave ${printValue(key)} as a key. Keys are strings, numbers or bigints; to key by several, join them into one string.`,
    { details: { where } },
  );
}

/**
 * One key out of two, different for different pairs: `3:ann|7` for `"ann"` and `7`. Strings have their length in front, so that nothing in
 * them can be taken for the border, and pairs of pairs grow no faster than their parts.
 */
export function pairKey(first: Key, second: Key): string {
  return `${keyText(first)}|${keyText(second)}`;
}

function keyText(key: Key): string {
  if (typeof key === 'string') return `${key.length}:${key}`;
  return typeof key === 'bigint' ? `${key}n` : `${key}`;
}
