import { hash } from 'node:crypto';
import type { Position } from '../lib/events/position.ts';
import type { SourceOffset } from '../lib/events/store-port.ts';
import type { AssetKey } from '../lib/model/asset-key.ts';
import { corrupt, openRecord, record } from './record.ts';
import { laterTable, type Tables } from './tables.ts';

/** How far a source was read, ready to be written. */
export interface OffsetDraft {
  /** The key of its row. */
  readonly row: Buffer;
  readonly key: AssetKey;
  readonly offset: string;
}

/** What a row of `offsets` holds: with where the log ended then, its batch included, so that one which is ahead of its batch is noticed. Persisted. */
export type OffsetRow = readonly [key: AssetKey, offset: string, head: Position];

/** Makes an offset ready. */
export function draftOffset({ key, offset }: SourceOffset): OffsetDraft {
  return { row: offsetKey(key), key, offset };
}

/** Key of a row of `offsets`: of the source's key as JSON text, which is well-formed where the key is not. */
export function offsetKey(key: string): Buffer {
  return hash('sha256', JSON.stringify(key), 'buffer');
}

/**
 * Reads how far a source was read.
 *
 * @throws StoreError STORE_CORRUPT
 */
export function readOffset(tables: Tables, key: AssetKey, label: string): string | undefined {
  const row = offsetKey(key);
  const bytes = laterTable(tables, 'offsets')?.get(row);
  if (bytes === undefined) return undefined;
  const place = { table: 'offsets', key: row, label } as const;
  // The checksum held: this is what putOffset wrote.
  const [written, offset] = openRecord(bytes, place) as OffsetRow;
  if (written !== key) throw corrupt(place, 'belongs to another source');
  return offset;
}

/** Writes how far a source was read, inside of the transaction of its batch. */
export function putOffset(tables: Tables, { row, key, offset }: OffsetDraft, head: Position): void {
  const content: OffsetRow = [key, offset, head];
  tables.offsets.putSync(row, record('offsets', row, content));
}
