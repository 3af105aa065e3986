import { crc32 } from 'node:zlib';
import { StoreError } from '../lib/kernel/errors.ts';
import { crc32Of } from './checksum.ts';
import type { Entry } from './lmdb-put.ts';
import type { TableName } from './tables.ts';

/** Version of the record's own layout: this byte, crc32 u32 over all the rest and the key, then JSON text. Persisted. */
const RECORD = 1;
/** Before the text of a record. */
export const HEADER_BYTES = 5;

/** Finishes records of one table, where they stand behind their keys. */
export class Sealer {
  readonly #table: Buffer;

  constructor(table: TableName) {
    this.#table = Buffer.from(table);
  }

  /** Makes a record of a text that has its key before it. May be done again, for another key. */
  seal({ space, start, row, end }: Entry): void {
    const ofText = crc32Of(space, row + HEADER_BYTES, end, RECORD);
    const ofTable = crc32Of(this.#table, 0, this.#table.length, ofText);
    space[row] = RECORD;
    space.writeInt32LE(crc32Of(space, start, row, ofTable), row + 1);
  }
}

/** A record in one go. JSON, because it is the fastest codec at hand to read, and gives every string back as it was, lone surrogates too. */
export function record(table: TableName, key: Buffer, content: unknown): Buffer {
  const text = Buffer.from(JSON.stringify(content));
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + text.length);
  bytes[0] = RECORD;
  bytes.writeUInt32LE(crc32(key, crc32(table, crc32(text, RECORD))), 1);
  bytes.set(text, HEADER_BYTES);
  return bytes;
}

/** Where a record is read, for messages. */
export interface RecordPlace {
  readonly table: TableName;
  readonly key: Buffer;
  /** How messages call the store. */
  readonly label: string;
}

/**
 * What is in a record. A page that was swapped for another is noticed too, since the checksum covers table and key.
 *
 * @throws StoreError STORE_CORRUPT, or STORE_FORMAT for a record that a later version wrote
 */
export function openRecord(bytes: Buffer, place: RecordPlace): unknown {
  const { table, key, label } = place;
  if (!isSealed(bytes, table, key)) throw corrupt(place, 'fails its checksum');
  if (bytes[0] !== RECORD) {
    throw new StoreError(
      'STORE_FORMAT',
      `A record of "${table}" in the store ${JSON.stringify(label)} is in layout ${bytes[0]}, which this version of Sluice does not know. Use the version that wrote it.`,
      {
        details: { table, key: key.toString('hex') },
      },
    );
  }
  return JSON.parse(bytes.subarray(HEADER_BYTES).toString());
}

/** Whether a record's checksum is that of this table and key. */
export function isSealed(bytes: Buffer, table: TableName, key: Buffer): boolean {
  if (bytes.length < HEADER_BYTES) return false;
  return checksumOf(bytes) === crc32(key, crc32(table, crc32(bytes.subarray(HEADER_BYTES), bytes[0])));
}

/** The checksum that stands in a record. */
export function checksumOf(bytes: Buffer): number {
  return bytes.readUInt32LE(1);
}

/** A row that is not as it was written. */
export function corrupt({ table, key, label }: RecordPlace, problem: string): StoreError {
  return new StoreError(
    'STORE_CORRUPT',
    `The row ${key.toString('hex')} of "${table}" in the store ${JSON.stringify(label)} ${problem}. Nothing read from it can be trusted: restore a backup, or run the assets again in a new store.`,
    {
      details: { table, key: key.toString('hex') },
    },
  );
}
