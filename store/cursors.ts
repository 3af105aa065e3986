import { hash } from 'node:crypto';
import type { Position } from '../lib/events/position.ts';
import { corrupt, openRecord, record } from './record.ts';
import { laterTable, type Tables } from './tables.ts';

/**
 * Reads how far a reader came.
 *
 * @throws StoreError STORE_CORRUPT
 */
export function readCursor(tables: Tables, name: string, label: string): Position | undefined {
  const key = keyOf(name);
  const bytes = laterTable(tables, 'cursors')?.get(key);
  if (bytes === undefined) return undefined;
  const place = { table: 'cursors', key, label } as const;
  // The checksum held: this is what writeCursor wrote.
  const [written, position] = openRecord(bytes, place) as readonly [string, Position];
  if (written !== name) throw corrupt(place, 'belongs to another cursor');
  return position;
}

/** Writes how far a reader came, inside of a transaction. */
export function writeCursor(tables: Tables, name: string, position: Position): void {
  const key = keyOf(name);
  tables.cursors.putSync(key, record('cursors', key, [name, position]));
}

function keyOf(name: string): Buffer {
  return hash('sha256', name, 'buffer');
}
