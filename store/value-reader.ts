import { hash } from 'node:crypto';
import { readChunks } from './chunks.ts';
import { DEEPEST_CHAIN, patched } from './patches.ts';
import { corrupt } from './record.ts';
import type { Tables } from './tables.ts';
import { openValueRow, valueRowAt, type PatchRow } from './value-rows.ts';

/** A table of values, and how messages call the store. */
export interface ValuePlace {
  readonly tables: Tables;
  readonly label: string;
}

/**
 * The bytes of a value, proven by their hash; `undefined` where it was removed, or never was.
 *
 * @throws StoreError STORE_CORRUPT
 */
export function readBytes({ tables, label }: ValuePlace, key: Buffer): Buffer | undefined {
  const row = tables.values.get(key);
  return row === undefined ? undefined : bytesOfRow({ tables, label }, key, row);
}

/**
 * The bytes that a row stands for; `undefined` where it says that they are gone.
 *
 * @throws StoreError STORE_CORRUPT
 */
export function bytesOfRow(place: ValuePlace, key: Buffer, row: Buffer): Buffer | undefined {
  const { label } = place;
  const opened = openValueRow(row, key, label);
  if (opened.kind === 'removed') return undefined;
  if (opened.kind === 'patch') return readPatched(place, key, opened);
  const bytes = opened.kind === 'whole' ? opened.bytes : readChunks(place.tables, key, { row: opened, label });
  if (!isAt(key, bytes)) throw corrupt({ table: 'values', key, label }, 'is not the value that its address stands for');
  return bytes;
}

/** Whether a value's bytes are those that a key stands for. */
function isAt(key: Buffer, bytes: Uint8Array): boolean {
  return key.equals(hash('sha256', bytes, 'buffer'));
}

function readPatched(place: ValuePlace, key: Buffer, row: PatchRow): Buffer {
  const { bytes, changes } = readChain(place, row);
  const result = patched(bytes, changes, (made) => isAt(key, made));
  if (result === undefined)
    throw corrupt({ table: 'values', key, label: place.label }, 'is not the value that its address stands for, or what it changes is not');
  return result;
}

/** The value at the bottom of a chain, and the changes from there up to here, oldest first. */
function readChain({ tables, label }: ValuePlace, top: PatchRow): { readonly bytes: Buffer; readonly changes: readonly Buffer[] } {
  const changes: Buffer[] = [top.patches];
  let key = top.base;
  for (;;) {
    const row = valueRowAt(tables.values, key, label);
    const place = { table: 'values', key, label } as const;
    if (row === undefined || row.kind === 'removed') throw corrupt(place, 'is missing: another value is kept as a change of it');
    // The bytes need no proof of their own: those of the value that is made of them have it.
    if (row.kind === 'whole') return { bytes: row.bytes, changes: changes.reverse() };
    if (row.kind === 'chunks') return { bytes: readChunks(tables, key, { row, label }), changes: changes.reverse() };
    if (changes.length >= DEEPEST_CHAIN) throw corrupt(place, 'is a change of a value that is a change, more often than any is');
    changes.push(row.patches);
    key = row.base;
  }
}
