import { crc32 } from 'node:zlib';
import { invariant } from '../lib/kernel/invariant.ts';
import type { ByteSpace } from './byte-space.ts';
import type { Entry } from './lmdb-put.ts';
import { corrupt, type RecordPlace } from './record.ts';
import type { Table } from './tables.ts';

/**
 * First byte of a value's row. Persisted. After it, `whole` has the bytes, which prove themselves by the hash that is their key; all others
 * have a crc32 (u32, little-endian) over their kind, what follows, the table's name and the key, and then, numbers big-endian:
 *
 *     removed   reason u8, size u32, head u48          what the value took, and where the log ended when it went
 *     chunks    size u32, count u32                    the parts are in `chunks`, numbered from 0
 *     patch     base (sha256), depth u8, size u32, chain u32, then Immer's patches in form c1
 */
export const VALUE_KIND = { removed: 0, whole: 1, chunks: 2, patch: 3 } as const;

/** Why a value is not kept any more: nothing needs it (`retention`), or damage took it (`lost`). */
export type RemovalReason = 'retention' | 'lost';

/** Persisted. */
const REASONS: readonly (RemovalReason | undefined)[] = [undefined, 'retention', 'lost'];

/** A value that was kept once. */
export interface RemovedRow {
  readonly kind: 'removed';
  readonly reason: RemovalReason;
  /** How many bytes it had; 0 where nobody knows. */
  readonly size: number;
  /** The position at which the log ended when it was removed. */
  readonly head: number;
}

/** A value in parts. */
export interface ChunksRow {
  readonly kind: 'chunks';
  readonly size: number;
  readonly count: number;
}

/** A value as a change of another one. */
export interface PatchRow {
  readonly kind: 'patch';
  /** Key of the value that is changed. */
  readonly base: Buffer;
  /** How many changes there are from here to a value that is kept as it is, when this one was written: at most so many now. */
  readonly depth: number;
  /** Of the value, when it is put together. */
  readonly size: number;
  /** Bytes of all changes from here to a value that is kept as it is, when this one was written. */
  readonly chain: number;
  /** Form c1 of a list of patches. */
  readonly patches: Buffer;
}

/** What a row of `values` says. */
export type ValueRow = { readonly kind: 'whole'; readonly bytes: Buffer } | RemovedRow | ChunksRow | PatchRow;

const SCHEME = 'sha256:';
const HASH_BYTES = 32;
/** Bits that no digit has. */
const NO_DIGIT = 0xf0;
/** What each character stands for. */
const DIGITS = new Uint8Array(128).fill(NO_DIGIT);
for (let value = 0; value < 16; value += 1) DIGITS[value.toString(16).charCodeAt(0)] = value;
const HEADER_BYTES = 5;
const REMOVED_BYTES = HEADER_BYTES + 11;
const CHUNKS_BYTES = HEADER_BYTES + 8;
const PATCH_BYTES = HEADER_BYTES + HASH_BYTES + 9;

/** Key of a row of `values`: the hash in an address (`sha256:` and hex). */
export function valueKey(address: string): Buffer {
  return Buffer.from(hexOf(address), 'hex');
}

/** The hash in an address, in hex. */
export function hexOf(address: string): string {
  return address.slice(address.indexOf(':') + 1);
}

/** The address that a row of `values` is kept under. */
export function addressOf(key: Buffer): string {
  return `sha256:${key.toString('hex')}`;
}

/** Whether a row says that its value is gone. */
export function isRemoved(row: Buffer): boolean {
  return row[0] === VALUE_KIND.removed;
}

/**
 * Bytes for the row of a value, in a space that rows share, behind its key. Who appends may have made the address by hand: it is checked here, where
 * its digits are read, which takes half the time of a look of its own.
 */
function entryFor(address: string, rowBytes: number, space: ByteSpace): Entry {
  const entry = space.take(HASH_BYTES, rowBytes);
  invariant(writeHash(address, entry), 'a value is stored under the sha256 of its bytes');
  return entry;
}

/** Says whether it is `sha256:` and as many digits as there have to be. */
function writeHash(address: string, { space, start }: Entry): boolean {
  let all = 0;
  for (let index = 0, at = SCHEME.length; index < HASH_BYTES; index += 1, at += 2) {
    const high = DIGITS[address.charCodeAt(at)] ?? NO_DIGIT;
    const low = DIGITS[address.charCodeAt(at + 1)] ?? NO_DIGIT;
    all |= high | low;
    space[start + index] = (high << 4) | low;
  }
  return (all & NO_DIGIT) === 0 && address.length === SCHEME.length + 2 * HASH_BYTES && address.startsWith(SCHEME);
}

/** A value that is kept as it is. */
export function wholeEntry(address: string, bytes: Uint8Array, space: ByteSpace): Entry {
  const entry = entryFor(address, 1 + bytes.length, space);
  entry.space[entry.row] = VALUE_KIND.whole;
  entry.space.set(bytes, entry.row + 1);
  return entry;
}

/** A value in parts. */
export function chunksEntry(address: string, { size, count }: Omit<ChunksRow, 'kind'>, space: ByteSpace): Entry {
  const entry = entryFor(address, CHUNKS_BYTES, space);
  const row = entry.space.subarray(entry.row, entry.end);
  row.writeUInt32BE(size, HEADER_BYTES);
  row.writeUInt32BE(count, HEADER_BYTES + 4);
  seal(row, VALUE_KIND.chunks, entry.space.subarray(entry.start, entry.row));
  return entry;
}

/** The row of a value that is gone. */
export function removedRow(key: Buffer, { reason, size, head }: Omit<RemovedRow, 'kind'>): Buffer {
  const row = Buffer.allocUnsafe(REMOVED_BYTES);
  row.writeUInt8(REASONS.indexOf(reason), HEADER_BYTES);
  row.writeUInt32BE(size, HEADER_BYTES + 1);
  row.writeUIntBE(head, HEADER_BYTES + 5, 6);
  return seal(row, VALUE_KIND.removed, key);
}

/** The row of a value as a change of another one. */
export function patchRow(key: Buffer, { base, depth, size, chain, patches }: Omit<PatchRow, 'kind'>): Buffer {
  const row = Buffer.allocUnsafe(PATCH_BYTES + patches.length);
  row.set(base, HEADER_BYTES);
  row.writeUInt8(depth, HEADER_BYTES + HASH_BYTES);
  row.writeUInt32BE(size, HEADER_BYTES + HASH_BYTES + 1);
  row.writeUInt32BE(chain, HEADER_BYTES + HASH_BYTES + 5);
  row.set(patches, PATCH_BYTES);
  return seal(row, VALUE_KIND.patch, key);
}

function seal(row: Buffer, kind: number, key: Buffer): Buffer {
  row[0] = kind;
  row.writeUInt32LE(checksum(row, key), 1);
  return row;
}

/** The table's name too, as in records: a row that stands in another's place is noticed. */
function checksum(row: Buffer, key: Buffer): number {
  return crc32(key, crc32('values', crc32(row.subarray(HEADER_BYTES), row[0])));
}

/**
 * What a row of `values` says. A whole value is given as it stands there: that its hash is the key is for the reader to see.
 *
 * @throws StoreError STORE_CORRUPT
 */
export function openValueRow(row: Buffer, key: Buffer, label: string): ValueRow {
  const place: RecordPlace = { table: 'values', key, label };
  const kind = row[0];
  if (kind === VALUE_KIND.whole) return { kind: 'whole', bytes: row.subarray(1) };
  if (kind === undefined || kind > VALUE_KIND.patch) throw corrupt(place, 'is in a form that this version of Sluice does not know');
  if (row.length < HEADER_BYTES || row.readUInt32LE(1) !== checksum(row, key)) throw corrupt(place, 'fails its checksum');
  const opened = kind === VALUE_KIND.patch ? openPatch(row) : kind === VALUE_KIND.chunks ? openChunks(row) : openRemoved(row);
  if (opened === undefined) throw corrupt(place, 'is in a form that this version of Sluice does not know');
  return opened;
}

function openRemoved(row: Buffer): RemovedRow | undefined {
  const reason = row.length === REMOVED_BYTES ? REASONS[row.readUInt8(HEADER_BYTES)] : undefined;
  if (reason === undefined) return undefined;
  return { kind: 'removed', reason, size: row.readUInt32BE(HEADER_BYTES + 1), head: row.readUIntBE(HEADER_BYTES + 5, 6) };
}

function openChunks(row: Buffer): ChunksRow | undefined {
  if (row.length !== CHUNKS_BYTES) return undefined;
  return { kind: 'chunks', size: row.readUInt32BE(HEADER_BYTES), count: row.readUInt32BE(HEADER_BYTES + 4) };
}

function openPatch(row: Buffer): PatchRow | undefined {
  if (row.length <= PATCH_BYTES) return undefined;
  const numbers = HEADER_BYTES + HASH_BYTES;
  return {
    kind: 'patch',
    base: row.subarray(HEADER_BYTES, numbers),
    depth: row.readUInt8(numbers),
    size: row.readUInt32BE(numbers + 1),
    chain: row.readUInt32BE(numbers + 5),
    patches: row.subarray(PATCH_BYTES),
  };
}

/**
 * The row of a value, opened; `undefined` where there is none.
 *
 * @throws StoreError STORE_CORRUPT
 */
export function valueRowAt(values: Table, key: Buffer, label: string): ValueRow | undefined {
  const row = values.get(key);
  return row === undefined ? undefined : openValueRow(row, key, label);
}
