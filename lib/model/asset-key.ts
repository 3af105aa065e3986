import type { Brand } from '../kernel/brand.ts';
import { DefinitionError } from '../kernel/errors.ts';
import { kindOf, quote } from '../kernel/print.ts';

/** An asset's identity in its printed form: parts joined by `/`. No part holds a `/`, so the print is the key. */
export type AssetKey = Brand<string, 'AssetKey'>;

/** How a key may be written: printed (`'a/b'`) or as its parts (`['a', 'b']`). */
export type KeyLike = string | readonly string[];

/** The printed form of a key, as a type: `['a', 'b']` is `'a/b'`. */
export type PrintedKey<K extends KeyLike> = K extends string
  ? K
  : K extends readonly [infer Only extends string]
    ? Only
    : K extends readonly [infer First extends string, ...infer Rest extends readonly string[]]
      ? `${First}/${PrintedKey<Rest>}`
      : string;

/** Longest part of a key, in UTF-8 bytes. */
export const MAX_KEY_PART_BYTES = 1000;

/**
 * Reads a key from its printed form or its parts.
 *
 * @param where what the key is written for, for the message
 * @throws DefinitionError INVALID_KEY when a part is empty, holds `/`, or is longer than 1,000 bytes
 */
export function assetKey(key: KeyLike, where: string): AssetKey {
  const parts: unknown = typeof key === 'string' ? key.split('/') : key;
  if (!Array.isArray(parts) || parts.length === 0) {
    throw invalid(key, where, `it is ${Array.isArray(parts) ? 'an empty list' : kindOf(key)}`);
  }
  for (const part of parts) checkPart(part, key, where);
  // Every part was checked, and none holds the separator: the joined string is the key's only print.
  return parts.join('/') as AssetKey;
}

/** The parts of a key, in order. */
export function keyParts(key: AssetKey): readonly string[] {
  return key.split('/');
}

function checkPart(part: unknown, key: unknown, where: string): void {
  if (typeof part !== 'string') throw invalid(key, where, `one part is ${kindOf(part)}`);
  if (part === '') throw invalid(key, where, 'one part is empty');
  if (part.includes('/')) throw invalid(key, where, `the part ${quote(part)} holds "/"`);
  if (Buffer.byteLength(part) > MAX_KEY_PART_BYTES) {
    throw invalid(key, where, `the part ${quote(part)} is longer than ${MAX_KEY_PART_BYTES} bytes`);
  }
}

function invalid(key: unknown, where: string, problem: string): DefinitionError {
  return new DefinitionError(
    'INVALID_KEY',
    `This is no asset key for ${where}: ${problem}. Write parts joined by "/" ('a/b') or a list of parts (['a', 'b']), each 1 to ${MAX_KEY_PART_BYTES} bytes.`,
    { details: { key, where } },
  );
}
