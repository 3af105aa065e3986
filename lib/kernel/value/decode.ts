import { decode, type TagDecodeControl, type TagDecoder } from 'cborg';
import type { Key } from '../keyed/key.ts';
import { keyedFrom, type Keyed } from '../keyed/keyed.ts';
import { FORM, LOST_IN_UTF8, Tag } from './canonical.ts';
import { fixValue } from './fix.ts';
import { revivers } from './kind.ts';

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

const tags: Record<number, TagDecoder> = {
  [Tag.positive]: (read) => takeCount(read),
  [Tag.negative]: (read) => -1n - takeCount(read),
  [Tag.set]: takeSet,
  [Tag.map]: takeMap,
  [Tag.date]: takeDate,
  [Tag.utf16]: takeUtf16,
  [Tag.keyed]: takeKeyed,
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

function takeKeyed(read: TagDecodeControl): Keyed<Key, unknown> {
  const items = read();
  check(Array.isArray(items) && items.length % 2 === 0, 'keyed rows are not a list of keys and rows');
  return keyedFrom(pairs(items), 'A stored value');
}

function* pairs(items: readonly unknown[]): Generator<readonly [Key, unknown]> {
  // What is no key is refused where the rows are taken in.
  for (let at = 0; at < items.length; at += 2) yield [items[at] as Key, items[at + 1]];
}
