import { crc32 } from 'node:zlib';
import { StoreError } from '../lib/kernel/errors.ts';
import type { TableName } from './tables.ts';

/** Version of the record's own layout: this byte, crc32 u32 over all the rest and the key, then JSON text. Persisted. */
const RECORD = 1;
const HEADER_BYTES = 5;

/**
 * A row on its way to disk. The text is summed up when the record is made, the key when it is known, which for an event is inside of
 * the transaction. JSON, because it is the fastest codec at hand to read (half of msgpackr's time), a sixth longer, and gives every
 * string back as it was, lone surrogates too.
 */
export interface Draft {
  readonly bytes: Buffer;
  readonly crcOfText: number;
}

/** Makes a record without its key. */
export function draft(content: unknown): Draft {
  const text = JSON.stringify(content);
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + Buffer.byteLength(text));
  bytes[0] = RECORD;
  bytes.write(text, HEADER_BYTES);
  return { bytes, crcOfText: crc32(bytes.subarray(HEADER_BYTES), RECORD) };
}

/** Puts the checksum over table, key and text in. May be done again, for another key. */
export function seal({ bytes, crcOfText }: Draft, table: TableName, key: Buffer): Buffer {
  bytes.writeUInt32LE(crc32(key, crc32(table, crcOfText)), 1);
  return bytes;
}

/** A record in one go. */
export function record(table: TableName, key: Buffer, content: unknown): Buffer {
  return seal(draft(content), table, key);
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
  const text = bytes.subarray(HEADER_BYTES);
  const isWhole = bytes.length >= HEADER_BYTES && bytes.readUInt32LE(1) === crc32(key, crc32(table, crc32(text, bytes[0])));
  if (!isWhole) throw corrupt(place, 'fails its checksum');
  if (bytes[0] !== RECORD) {
    throw new StoreError(
      'STORE_FORMAT',
      `A record of "${table}" in the store ${JSON.stringify(label)} is in layout ${bytes[0]}, which this version of Sluice does not know. Use the version that wrote it.`,
      {
        details: { table, key: key.toString('hex') },
      },
    );
  }
  return JSON.parse(text.toString());
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
