import { isCount } from '../count.ts';
import { encodeValue } from '../value/canonical.ts';
import { CborWriter, Major } from '../value/cbor-writer.ts';
import { decodeValue } from '../value/decode.ts';
import type { Key } from './key.ts';

/**
 * Form of a piece of keyed rows that refers to others: byte 3, then the CBOR of form c1 of `[height, children]`, each child
 * `[lowest key, rows, bytes, lanes, hash]`. Its lowest pieces are collections of at most 32 rows in form c1. No value in another form starts
 * with byte 3. Written to disk and hashed into addresses: no piece may ever be written otherwise.
 */
const FORM = 3;
const FORM_C1 = 1;
/** The tag of a Uint8Array in form c1. */
const BYTES_TAG = 64;

/** One piece below another. */
export interface NodeChild {
  /** The lowest key in it. */
  readonly low: Key;
  /** How many rows it has. */
  readonly rows: number;
  /** How many bytes it takes, with all that is below it. */
  readonly bytes: number;
  /** The sum of the hashes of its rows: four unsigned numbers of 32 bits, the lowest first. */
  readonly lanes: readonly number[];
  /** The sha256 of its bytes, in hex. */
  readonly hash: string;
}

/** A piece that refers to others, in the order of their keys. */
export interface Node {
  /** 1 where the pieces below it hold rows. */
  readonly height: number;
  readonly children: readonly NodeChild[];
}

/** What a piece that refers to another one says of it: the bytes of a child, the same in every piece that it is a child of. */
export function childBytes({ low, rows, bytes, lanes, hash }: NodeChild): Uint8Array {
  const out = new CborWriter();
  out.head(Major.array, 5);
  out.item(encodeValue(low).subarray(1));
  out.head(Major.uint, rows);
  out.head(Major.uint, bytes);
  out.head(Major.array, lanes.length);
  for (const lane of lanes) out.head(Major.uint, lane);
  out.head(Major.tag, BYTES_TAG);
  out.byteString(Buffer.from(hash, 'hex'));
  return out.take();
}

/** The bytes of a piece that refers to others, each child as `childBytes` gives it. */
export function nodeBytes(height: number, children: readonly Uint8Array[]): Uint8Array {
  const out = new CborWriter();
  out.byte(FORM);
  out.head(Major.array, 2);
  out.head(Major.uint, height);
  out.head(Major.array, children.length);
  for (const child of children) out.item(child);
  return out.take();
}

/** Whether stored bytes refer to others. */
export function isNode(bytes: Uint8Array): boolean {
  return bytes[0] === FORM;
}

/**
 * What a piece refers to.
 *
 * @throws Error if the bytes are none that `nodeBytes` wrote
 */
export function readNode(bytes: Uint8Array): Node {
  const encoded = new Uint8Array(bytes);
  if (!isNode(encoded)) throw new Error('Not a piece of keyed rows that refers to others.');
  encoded[0] = FORM_C1;
  const [height, list] = listOf(decodeValue(encoded));
  const children = listOf(list).map(readChild);
  if (typeof height !== 'number' || children.length === 0) throw new Error('Not a piece of keyed rows: it refers to nothing.');
  return { height, children };
}

function readChild(child: unknown): NodeChild {
  const [low, rows, bytes, lanes, hash] = listOf(child);
  if (!isKey(low) || !isCount(rows) || !isCount(bytes) || !(hash instanceof Uint8Array))
    throw new Error('Not a piece of keyed rows: what it says of another one cannot be read.');
  return { low, rows, bytes, lanes: listOf(lanes).map(Number), hash: Buffer.from(hash).toString('hex') };
}

function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new Error('Not a piece of keyed rows: something in it is no list.');
}

function isKey(value: unknown): value is Key {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint';
}
