import { decode, type TagDecodeControl, type TagDecoder } from 'cborg';
import { invariant } from '../invariant.ts';
import { CborWriter, Major, Simple } from './cbor-writer.ts';
import { fixValue } from './fix.ts';
import { binaryTag, bytesOf, isBinary, revivers } from './kind.ts';

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
 *
 * Written to disk and hashed into versions: no encoding of any value may ever change under byte 1.
 */
const FORM = 1;
const Tag = { positive: 2, negative: 3, set: 258, map: 259, date: 0xc100, utf16: 0xc101 } as const;

/** Lone surrogates have no UTF-8 (encoders write U+FFFD), and decoders drop a byte order mark in front. */
const LOST_IN_UTF8 = /^\uFEFF|\p{Surrogate}/u;

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

/**
 * The value that `encodeValue` or `canonicalBytes` wrote, its plain data deep-frozen, its bytes its own.
 * Objects have the ordinary prototype, and share nothing.
 *
 * @throws Error if `bytes` are not in form c1
 */
export function decodeValue(bytes: Uint8Array): unknown {
  if (bytes[0] !== FORM) {
    throw new Error(`Not a value in form c1: it starts with ${bytes[0] === undefined ? 'nothing' : `byte ${bytes[0]}`}, not with byte 1.`);
  }
  const value = decodeItem(bytes.subarray(1));
  const fixed = fixValue(value);
  if (!fixed.storable) throw new Error(`Not a value in form c1: what is at ${fixed.path} is ${fixed.problem}.`);
  return value;
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

const tags: Record<number, TagDecoder> = {
  [Tag.positive]: (read) => takeCount(read),
  [Tag.negative]: (read) => -1n - takeCount(read),
  [Tag.set]: takeSet,
  [Tag.map]: takeMap,
  [Tag.date]: takeDate,
  [Tag.utf16]: takeUtf16,
  ...Object.fromEntries([...revivers].map(([tag, revive]) => [tag, (read: TagDecodeControl): object => revive(takeBytes(read))])),
};

/** As strict as cborg gets. Short floats and broken UTF-8 pass still, as values that are written otherwise. */
const strictly = { strict: true, allowIndefinite: false, allowBigInt: false, rejectDuplicateMapKeys: true, tags };

function decodeItem(bytes: Uint8Array): unknown {
  try {
    return decode(bytes, strictly);
  } catch (cause) {
    // Nesting without end lands here too, as the engine's RangeError.
    throw new Error(`Not a value in form c1: ${cause instanceof Error ? cause.message : String(cause)}.`, { cause });
  }
}

function check(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

/** Copied: cborg gives every empty byte string as one and the same object. */
function takeBytes(read: TagDecodeControl): ArrayBuffer {
  const bytes = read();
  check(bytes instanceof Uint8Array, 'a tag for bytes is on something else');
  return new Uint8Array(bytes).buffer;
}

function takeCount(read: TagDecodeControl): bigint {
  const hex = Buffer.from(takeBytes(read)).toString('hex');
  check(!hex.startsWith('00'), 'a bigint starts with zeros');
  return BigInt(`0x0${hex}`);
}

function takeUtf16(read: TagDecodeControl): string {
  const text = Buffer.from(takeBytes(read)).toString('utf16le');
  check(LOST_IN_UTF8.test(text), 'text that UTF-8 can write is in UTF-16');
  return text;
}

function takeDate(read: TagDecodeControl): Date {
  const time = read();
  check(typeof time === 'number', 'a Date is not a number');
  const date = new Date(time);
  check(Object.is(date.getTime(), time), 'a Date is not a time');
  return date;
}

function takeSet(read: TagDecodeControl): Set<unknown> {
  const members = read();
  check(Array.isArray(members), 'a Set is not a list');
  const set = new Set<unknown>(members);
  check(set.size === members.length, 'a Set has a member twice');
  return set;
}

function takeMap(read: TagDecodeControl): Map<unknown, unknown> {
  const entries = read.entries();
  const map = new Map(entries);
  check(map.size === entries.length, 'a Map has a key twice');
  return map;
}
