import { hash } from 'node:crypto';
import type { Position } from '../lib/events/position.ts';
import { corrupt, openRecord, record } from './record.ts';
import { laterTable, type Tables } from './tables.ts';

/** What is in a row of `cursors`. */
type CursorRow = readonly [name: string, position: Position];

/**
 * Reads how far a reader came.
 *
 * @throws StoreError STORE_CORRUPT
 */
export function readCursor(tables: Tables, name: string, label: string): Position | undefined {
  const row = rowAt(tables, cursorKey(name), label) ?? rowAt(tables, textKey(name), label);
  // Under its text's key may stand the cursor of another name, from before there were two kinds of keys.
  return row?.[0] === name ? row[1] : undefined;
}

/** Writes how far a reader came, inside of a transaction. */
export function writeCursor(
  tables: Tables,
  name: string,
  { position, label }: { readonly position: Position; readonly label: string },
): void {
  const key = cursorKey(name);
  const before = rowAt(tables, textKey(name), label);
  if (before !== undefined && before[0] !== name) put(tables, before);
  else if (before !== undefined && !key.equals(textKey(name))) tables.cursors.removeSync(textKey(name));
  put(tables, [name, position]);
}

function put(tables: Tables, row: CursorRow): void {
  const key = cursorKey(row[0]);
  tables.cursors.putSync(key, record('cursors', key, row));
}

function rowAt(tables: Tables, key: Buffer, label: string): CursorRow | undefined {
  const bytes = laterTable(tables, 'cursors')?.get(key);
  if (bytes === undefined) return undefined;
  const place = { table: 'cursors', key, label } as const;
  // The checksum held: this is what put wrote.
  const row = openRecord(bytes, place) as CursorRow;
  if (!isKeyOfCursor(key, row[0])) throw corrupt(place, 'belongs to another cursor');
  return row;
}

/**
 * The key of a cursor's row: the hash of its name in UTF-8. A name with half of a surrogate pair has no UTF-8 of its own, and would have that
 * of another one: its key is the hash of its units, behind a byte that no UTF-8 has.
 */
function cursorKey(name: string): Buffer {
  const text = Buffer.from(name);
  if (text.toString() === name) return textKey(name);
  return hash('sha256', Buffer.concat([NO_UTF8, Buffer.from(name, 'utf16le')]), 'buffer');
}

const NO_UTF8 = Buffer.of(0xff);

/** Whether the row of a cursor may stand under a key: names that are not well-formed had another one once. */
export function isKeyOfCursor(key: Buffer, name: string): boolean {
  return key.equals(cursorKey(name)) || key.equals(textKey(name));
}

function textKey(name: string): Buffer {
  return hash('sha256', name, 'buffer');
}
