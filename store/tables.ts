import type { Database } from 'lmdb';

/**
 * What is on disk, table by table (docs/STORE-FORMAT.md explains it). Every name and number here is persisted.
 *
 *     table      key                                    value
 *     meta       'format'                               text: 'sluice-store ' and the number of the format
 *                'state'                                record: [epoch, head, next name id]
 *                'lease'                                record: who may write; no row: nobody
 *     names      sha256 of the name                     record: [id, name]
 *     events     position u48                           record: the event, as event-codec.ts lists it
 *     readable   key id u32, partition u32, position u48      nothing
 *     settled    output id u32, partition u32, position u48   nothing
 *     runs       position u48 of run-started            record: [position of run-ended, or 0]
 *     values     sha256 of the bytes                    kind u8 (1: the whole value), then the bytes
 *     cursors    sha256 of the name                     record: [name, position]
 *
 * Numbers in keys are big-endian, so that the order of bytes is the order of numbers. `partition` is 0 until partitions exist.
 */
export const TABLE_NAMES = ['meta', 'names', 'events', 'readable', 'settled', 'runs', 'values', 'cursors'] as const;

/** The format that this version writes, and the only one that it reads. */
export const FORMAT = 1;

/** The name of one table. */
export type TableName = (typeof TABLE_NAMES)[number];

/** One named database, keys and values in bytes. */
export type Table = Database<Buffer, Buffer>;

/**
 * Every table of an open store. One that was made before there were cursors and is opened to read has no table of them: ask
 * {@link cursorsIn}.
 */
export type Tables = Readonly<Record<TableName, Table>>;

/** The table of cursors, where there is one. */
export function cursorsIn(tables: Tables): Table | undefined {
  // Typed as all others are, for those who work on any of them; openTables may have left it out.
  return tables.cursors;
}

/** Keys of the rows of `meta`. */
export const META: Readonly<Record<'format' | 'state' | 'lease', Buffer>> = {
  format: Buffer.from('format'),
  state: Buffer.from('state'),
  lease: Buffer.from('lease'),
};

/** The highest position that a key has room for. */
export const LAST_POSITION: number = 2 ** 48 - 1;

const POSITION_BYTES = 6;
const INDEX_BYTES = 14;
const POSITION_IN_INDEX = 8;

/** Key of a row of `events` and `runs`. */
export function positionKey(position: number): Buffer {
  const key = Buffer.allocUnsafe(POSITION_BYTES);
  key.writeUIntBE(position, 0, POSITION_BYTES);
  return key;
}

/** The position in a key of `events` or `runs`. */
export function positionOf(key: Buffer): number {
  return key.readUIntBE(0, POSITION_BYTES);
}

/** Key of a row of `readable` and `settled`. */
export function indexKey(id: number, position: number): Buffer {
  const key = Buffer.allocUnsafe(INDEX_BYTES);
  key.writeUInt32BE(id, 0);
  key.writeUInt32BE(0, 4);
  key.writeUIntBE(position, POSITION_IN_INDEX, POSITION_BYTES);
  return key;
}

/** The last position under `id` at `at` or before. Cost: one descent of the tree. */
export function lastInIndex(index: Table, id: number, at: number): number | undefined {
  if (!(at >= 1)) return undefined;
  const range = { start: indexKey(id, Math.min(Math.floor(at), LAST_POSITION)), end: indexKey(id, 0), reverse: true, limit: 1 };
  for (const key of index.getKeys(range)) return key.readUIntBE(POSITION_IN_INDEX, POSITION_BYTES);
  return undefined;
}
