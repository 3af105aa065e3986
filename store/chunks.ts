import { corrupt } from './record.ts';
import { laterTable, type Table, type Tables } from './tables.ts';
import type { ChunksRow } from './value-rows.ts';

/** Values up to this size are one row. Larger ones would need a long run of neighbouring free pages, and leave the file in pieces. */
export const LARGEST_WHOLE: number = 256 * 1024;

/** Bytes of a part: with the header of LMDB's page, 16 pages of 4 KiB. Not persisted: a reader joins whatever parts there are. */
const PART_BYTES = 64 * 1024 - 24;

const HASH_BYTES = 32;

/** Length of a key of `chunks`. */
export const CHUNK_KEY_BYTES: number = HASH_BYTES + 4;

/** Key of a row of `chunks`: the value's, then the number of the part. */
export function chunkKey(key: Buffer, number: number): Buffer {
  const chunk = Buffer.allocUnsafe(CHUNK_KEY_BYTES);
  chunk.set(key);
  chunk.writeUInt32BE(number, HASH_BYTES);
  return chunk;
}

/** Key of the value that a row of `chunks` is a part of. */
export function valueOfChunk(chunk: Buffer): Buffer {
  return chunk.subarray(0, HASH_BYTES);
}

/** How many parts a value of this size has. */
export function countOfChunks(size: number): number {
  return Math.ceil(size / PART_BYTES);
}

/** Writes the parts of a value, inside of a transaction. */
export function putChunks({ chunks }: Tables, key: Buffer, bytes: Buffer): void {
  for (let number = 0; number < countOfChunks(bytes.length); number += 1)
    chunks.putSync(chunkKey(key, number), bytes.subarray(number * PART_BYTES, (number + 1) * PART_BYTES));
}

/** Removes the parts of a value, inside of a transaction. */
export function removeChunks({ chunks }: Tables, key: Buffer, count: number): void {
  for (let number = 0; number < count; number += 1) chunks.removeSync(chunkKey(key, number));
}

/**
 * The parts of a value, joined. That they are the right ones is proven by the hash of the whole.
 *
 * @throws StoreError STORE_CORRUPT where one is missing
 */
export function readChunks(tables: Tables, key: Buffer, { row, label }: { readonly row: ChunksRow; readonly label: string }): Buffer {
  const chunks = laterTable(tables, 'chunks');
  const bytes = Buffer.allocUnsafe(row.size);
  let end = 0;
  for (let number = 0; number < row.count; number += 1) {
    const chunk = partAt(chunks, chunkKey(key, number), label);
    if (end + chunk.length <= row.size) bytes.set(chunk, end);
    end += chunk.length;
  }
  return bytes;
}

function partAt(chunks: Table | undefined, key: Buffer, label: string): Buffer {
  const chunk = chunks?.get(key);
  if (chunk === undefined) throw corrupt({ table: 'chunks', key, label }, 'is missing: it is a part of a value');
  return chunk;
}
