import type { Database } from 'lmdb';

/**
 * What is on disk, table by table (docs/STORE-FORMAT.md explains it). Every name and number here is persisted.
 *
 *     table      key                                    value
 *     meta       'format'                               text: 'sluice-store ' and the number of the format
 *                'state'                                record: [epoch, head, next name id]
 *                'lease'                                record: who may write; no row: nobody
 *     names      sha256 of the name                     record: [id, name]
 *     events     position u48                           record: the event, as event-row.ts lists it
 *     readable   key id u32, partition u32, position u48      nothing
 *     settled    output id u32, partition u32, position u48   nothing
 *     missed     key id u32, partition u32, position u48      nothing
 *     runs       position u48 of run-started            record: [position of run-ended, or 0]
 *     values     sha256 of the bytes                    kind u8 (1: the whole value), then the bytes
 *     cursors    sha256 of the name                     record: [name, position]
 *     chunks     sha256 of the bytes, number u32        a part of a large value
 *     appends    sha256 of the id as JSON text          record: [id, first position, last position, sha256 of the batch]
 *     offsets    sha256 of the key as JSON text         record: [key, offset, head]
 *
 * Numbers in keys are big-endian, so that the order of bytes is the order of numbers. `partition` is 0 until partitions exist.
 */
export const TABLE_NAMES = [
  'meta',
  'names',
  'events',
  'readable',
  'settled',
  'runs',
  'values',
  'cursors',
  'chunks',
  'appends',
  'missed',
  'offsets',
] as const;

/** The format that this version writes. */
export const FORMAT = 2;

/** The oldest format that it reads; who opens one to write brings it to {@link FORMAT}. Format 1 has no tables of {@link LATER_TABLES}. */
export const OLDEST_FORMAT = 1;

/** Tables that stores of older formats lack. */
export const LATER_TABLES: readonly ['cursors', 'chunks', 'appends', 'missed', 'offsets'] = [
  'cursors',
  'chunks',
  'appends',
  'missed',
  'offsets',
];

/** The name of one table. */
export type TableName = (typeof TABLE_NAMES)[number];

/** One named database, keys and values in bytes. */
export type Table = Database<Buffer, Buffer>;

/** Every table of an open store. An older one that is opened to read may lack {@link LATER_TABLES}: ask {@link laterTable}. */
export type Tables = Readonly<Record<TableName, Table>>;

/** One of the tables that older stores lack, where there is one. */
export function laterTable(tables: Tables, name: (typeof LATER_TABLES)[number]): Table | undefined {
  // Typed as all others are, for those who work on any of them; openTables may have left it out.
  return tables[name];
}

/** Keys of the rows of `meta`. */
export const META: Readonly<Record<'format' | 'state' | 'lease', Buffer>> = {
  format: Buffer.from('format'),
  state: Buffer.from('state'),
  lease: Buffer.from('lease'),
};

/** The format that a store's row names, if it names any. */
export function formatOf(row: Buffer | undefined): number | undefined {
  const found = /^sluice-store (\d+)$/.exec(row?.toString('latin1') ?? '')?.[1];
  return found === undefined ? undefined : Number(found);
}

/** The highest position that a key has room for. */
export const LAST_POSITION: number = 2 ** 48 - 1;

/** Length of a key of `events` and `runs`. */
export const POSITION_BYTES = 6;
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

/** Key of a row of `readable`, `settled` and `missed`. */
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
