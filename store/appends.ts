import { hash } from 'node:crypto';
import { idempotencyConflict } from '../lib/events/append-conflicts.ts';
import type { Position } from '../lib/events/position.ts';
import type { StoreError } from '../lib/kernel/errors.ts';
import { corrupt, openRecord, record } from './record.ts';
import { laterTable, type Tables } from './tables.ts';

/** The id of a batch, ready to be looked for and to be written. */
export interface AppendId {
  readonly id: string;
  readonly key: Buffer;
  /** What the batch is compared by: the hash of what it asks for. */
  readonly content: string;
}

/** Where a batch stands. */
export interface AppendRange {
  readonly first: Position;
  readonly last: Position;
}

/** What a row of `appends` holds. Persisted. */
export type AppendRow = readonly [id: string, first: Position, last: Position, content: string];

/** Makes an id ready. What is asked for is text, and different texts ask for different things. */
export function appendId(id: string, request: string): AppendId {
  return { id, key: appendKey(id), content: hash('sha256', request) };
}

/** Key of a row of `appends`: of the id as JSON text, which is well-formed where the id is not. */
export function appendKey(id: string): Buffer {
  return hash('sha256', JSON.stringify(id), 'buffer');
}

/**
 * Where the batch of an id stands, or the refusal of a batch that asks for something else than that one did.
 *
 * @throws StoreError STORE_CORRUPT
 */
export function findAppend(tables: Tables, { id, key, content }: AppendId, label: string): AppendRange | StoreError | undefined {
  const bytes = laterTable(tables, 'appends')?.get(key);
  if (bytes === undefined) return undefined;
  const place = { table: 'appends', key, label } as const;
  // The checksum held: this is what putAppend wrote.
  const [written, first, last, asked] = openRecord(bytes, place) as AppendRow;
  if (written !== id) throw corrupt(place, 'belongs to another append');
  return asked === content ? { first, last } : idempotencyConflict(label, id, { first, last });
}

/** Writes where the batch of an id stands, inside of its transaction. */
export function putAppend(tables: Tables, { id, key, content }: AppendId, { first, last }: AppendRange): void {
  const row: AppendRow = [id, first, last, content];
  tables.appends.putSync(key, record('appends', key, row));
}
