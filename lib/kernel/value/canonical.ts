import { invariant } from '../invariant.ts';
import type { Key } from '../keyed/key.ts';
import { KeyedRows } from '../keyed/keyed-rows.ts';
import { visitEntries, type Tree } from '../keyed/tree.ts';
import { CborWriter, Major, Simple } from './cbor-writer.ts';
import { fixValue } from './fix.ts';
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

function encode(value: unknown, sorted: boolean): Uint8Array {
  const fixed = fixValue(value);
  if (!fixed.storable) throw new Error(`Not a value that can be stored: what is at ${fixed.path} is ${fixed.problem}.`);
  const out = new CborWriter();
  out.byte(FORM);
  put({ out, sorted }, value);
  return out.take();
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
  if (Array.isArray(value)) {
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
  } else if (isBinary(value)) {
    const tag = binaryTag(value);
    invariant(tag !== undefined, 'only binaries of a known kind are encoded');
    out.head(Major.tag, tag);
    out.byteString(bytesOf(value));
  } else {
    const entries = Object.entries(value);
    out.head(Major.map, entries.length);
    putEach(to, entries, putEntry);
  }
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
