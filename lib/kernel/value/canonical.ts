import { invariant } from '../invariant.ts';
import type { Key } from '../keyed/key.ts';
import { KeyedRows } from '../keyed/keyed-rows.ts';
import { visitEntries, type Tree } from '../keyed/tree.ts';
import { CborWriter, Major, Simple } from './cbor-writer.ts';
import { fixValue } from './fix.ts';
import { isRecord } from '../record.ts';
import { binaryTag, bytesOf, isBinary } from './kind.ts';

/**
 * Form c1: byte 1, then one CBOR item.
 *
 *     null undefined true false     simple values
 *     number                        integer if a safe integer other than -0, else 64-bit float
 *     string                        text; UTF16(bytes, little-endian) if UTF-8 would not give it back
 *     bigint                        POSITIVE(bytes of n) or NEGATIVE(bytes of -1 - n), big-endian, none for 0
 *     plain object, array           map with keys as strings are, array
 *     Map, Set                      MAP(map), SET(array)
 *     Date                          DATE(number): milliseconds, NaN if invalid
 *     binary                        its tag in kind.ts, of bytes
 *     Keyed                         KEYED(array): key and row of each entry, in the order of the keys
 *
 * Written to disk and hashed into versions: no encoding of any value may ever change under byte 1.
 */
export const FORM = 1;

/** The tags of form c1, beside those of binaries. */
export const Tag = { positive: 2, negative: 3, set: 258, map: 259, date: 0xc100, utf16: 0xc101, keyed: 0xc104 } as const;

/** Lone surrogates have no UTF-8 (encoders write U+FFFD), and decoders drop a byte order mark in front. */
export const LOST_IN_UTF8: RegExp = /^\uFEFF|\p{Surrogate}/u;

interface Encoding {
  readonly out: CborWriter;
  /** Whether entries and members are put into the order of their bytes. */
  readonly sorted: boolean;
}

/**
 * The bytes that a value is stored as. Keys, entries and members keep the writer's order. Fixes the value,
 * which costs nothing if it was, and encodes shared parts at every place where they stand.
 *
 * @throws Error if `fixValue` finds that it cannot be stored, RangeError if it takes more than 1 GiB
 */
export function encodeValue(value: unknown): Uint8Array {
  return encode(value, false);
}

/**
 * The bytes that a value's version is the hash of: those of `encodeValue`, with keys of objects, entries of
 * Maps and members of Sets sorted by their bytes. Two values have the same ones iff they are equal.
 *
 * @throws Error if `fixValue` finds that it cannot be stored, RangeError if it takes more than 1 GiB
 */
export function canonicalBytes(value: unknown): Uint8Array {
  return encode(value, true);
}

/** As `encodeValue` of the collection: its rows were fixed when they came in. */
export function encodeRows(rows: Tree<Key, unknown>): Uint8Array {
  const to = start(false);
  putKeyed(to, rows);
  return to.out.take();
}

/** As `canonicalBytes` of the pair of a key and its row, which was fixed when it came in. */
export function canonicalRow(key: Key, row: unknown): Uint8Array {
  const to = start(true);
  to.out.head(Major.array, 2);
  put(to, key);
  put(to, row);
  return to.out.take();
}

function encode(value: unknown, sorted: boolean): Uint8Array {
  const fixed = fixValue(value);
  if (!fixed.storable) throw new Error(`Not a value that can be stored: what is at ${fixed.path} is ${fixed.problem}.`);
  const to = start(sorted);
  put(to, value);
  return to.out.take();
}

function start(sorted: boolean): Encoding {
  const out = new CborWriter();
  out.byte(FORM);
  return { out, sorted };
}

// Below here the value has passed fixValue: there is no depth, kind or property to be surprised by.

function put(to: Encoding, value: unknown): void {
  const { out } = to;
  switch (typeof value) {
    case 'string':
      putString(out, value);
      break;
    case 'number':
      putNumber(out, value);
      break;
    case 'boolean':
      out.byte(value ? Simple.true : Simple.false);
      break;
    case 'bigint':
      putBigint(out, value);
      break;
    case 'object':
      if (value === null) out.byte(Simple.null);
      else putObject(to, value);
      break;
    default:
      out.byte(Simple.undefined);
  }
}

function putString(out: CborWriter, value: string): void {
  if (out.shortText(value)) return;
  if (LOST_IN_UTF8.test(value)) {
    out.head(Major.tag, Tag.utf16);
    out.byteString(Buffer.from(value, 'utf16le'));
  } else {
    out.text(value);
  }
}

function putNumber(out: CborWriter, value: number): void {
  if (!Number.isSafeInteger(value) || Object.is(value, -0)) out.float(value);
  else if (value >= 0) out.head(Major.uint, value);
  else out.head(Major.negative, -1 - value);
}

function putBigint(out: CborWriter, value: bigint): void {
  const count = value < 0n ? -1n - value : value;
  const hex = count === 0n ? '' : count.toString(16);
  out.head(Major.tag, value < 0n ? Tag.negative : Tag.positive);
  out.byteString(Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex'));
}

function putObject(to: Encoding, value: object): void {
  const { out } = to;
  if (isRecord(value)) {
    putRecord(to, value);
  } else if (Array.isArray(value)) {
    out.head(Major.array, value.length);
    for (const element of value) put(to, element);
  } else if (value instanceof Map) {
    out.head(Major.tag, Tag.map);
    out.head(Major.map, value.size);
    putEach(to, value, putEntry);
  } else if (value instanceof Set) {
    out.head(Major.tag, Tag.set);
    out.head(Major.array, value.size);
    putEach(to, value, put);
  } else if (value instanceof Date) {
    out.head(Major.tag, Tag.date);
    putNumber(out, value.getTime());
  } else if (KeyedRows.is(value)) {
    putKeyed(to, KeyedRows.treeOf(value));
  } else {
    const tag = isBinary(value) ? binaryTag(value) : undefined;
    invariant(isBinary(value) && tag !== undefined, 'what has passed fixValue and is none of the above is a binary of a known kind');
    out.head(Major.tag, tag);
    out.byteString(bytesOf(value));
  }
}

/** Not a list of entries first: plain objects are what most of any value is. */
function putRecord(to: Encoding, record: Readonly<Record<string, unknown>>): void {
  const { out, sorted } = to;
  const keys = Object.keys(record);
  const starts: number[] = [];
  out.head(Major.map, keys.length);
  for (const key of keys) {
    if (sorted) starts.push(out.length);
    putString(out, key);
    put(to, record[key]);
  }
  if (sorted) out.sort(starts);
}

/** What cannot be frozen stands there as it was when it came in. */
function putKeyed(to: Encoding, rows: Tree<Key, unknown>): void {
  const { out, sorted } = to;
  out.head(Major.tag, Tag.keyed);
  out.head(Major.array, 2 * rows.size);
  visitEntries(rows, ({ key, value, encoded }) => {
    put(to, key);
    if (encoded === undefined) put(to, value);
    else out.item((sorted ? encoded.canonical : encoded.stored).subarray(1));
  });
}

function putEntry(to: Encoding, [key, value]: readonly [unknown, unknown]): void {
  put(to, key);
  put(to, value);
}

function putEach<Item>(to: Encoding, items: Iterable<Item>, putItem: (to: Encoding, item: Item) => void): void {
  const starts: number[] = [];
  for (const item of items) {
    if (to.sorted) starts.push(to.out.length);
    putItem(to, item);
  }
  if (to.sorted) to.out.sort(starts);
}
