import { isAnyArrayBuffer, isDate, isMap, isSet, isSharedArrayBuffer } from 'node:util/types';

/** What a storable object can be. Everything else is an instance of somebody's class. */
export type ObjectKind = 'object' | 'array' | 'map' | 'set' | 'date' | 'binary';

/** What holds raw bytes. */
export type Binary = ArrayBufferLike | ArrayBufferView;

interface BinaryKind {
  readonly prototype: object;
  readonly tag: number;
  readonly revive: (bytes: ArrayBuffer) => object;
}

/**
 * Binary kinds with their CBOR tags: RFC 8746 for typed arrays (the little-endian ones), our own for the
 * last two. Written to disk: never change one. A Buffer is stored as, and comes back as, a Uint8Array.
 */
const BINARY: readonly BinaryKind[] = [
  { prototype: Uint8Array.prototype, tag: 64, revive: (bytes) => new Uint8Array(bytes) },
  { prototype: Buffer.prototype, tag: 64, revive: (bytes) => new Uint8Array(bytes) },
  { prototype: Uint8ClampedArray.prototype, tag: 68, revive: (bytes) => new Uint8ClampedArray(bytes) },
  { prototype: Uint16Array.prototype, tag: 69, revive: (bytes) => new Uint16Array(bytes) },
  { prototype: Uint32Array.prototype, tag: 70, revive: (bytes) => new Uint32Array(bytes) },
  { prototype: BigUint64Array.prototype, tag: 71, revive: (bytes) => new BigUint64Array(bytes) },
  { prototype: Int8Array.prototype, tag: 72, revive: (bytes) => new Int8Array(bytes) },
  { prototype: Int16Array.prototype, tag: 77, revive: (bytes) => new Int16Array(bytes) },
  { prototype: Int32Array.prototype, tag: 78, revive: (bytes) => new Int32Array(bytes) },
  { prototype: BigInt64Array.prototype, tag: 79, revive: (bytes) => new BigInt64Array(bytes) },
  { prototype: Float32Array.prototype, tag: 85, revive: (bytes) => new Float32Array(bytes) },
  { prototype: Float64Array.prototype, tag: 86, revive: (bytes) => new Float64Array(bytes) },
  { prototype: ArrayBuffer.prototype, tag: 0xc102, revive: (bytes) => bytes },
  { prototype: DataView.prototype, tag: 0xc103, revive: (bytes) => new DataView(bytes) },
];

const tagByPrototype: ReadonlyMap<unknown, number> = new Map(BINARY.map(({ prototype, tag }) => [prototype, tag]));

interface BuiltIn {
  readonly kind: ObjectKind;
  /** Whether an object is one by what the engine keeps in it: a prototype is easily put on something else. */
  readonly is: (value: object) => boolean;
}

const builtIns: ReadonlyMap<unknown, BuiltIn> = new Map<unknown, BuiltIn>([
  [Array.prototype, { kind: 'array', is: Array.isArray }],
  [Map.prototype, { kind: 'map', is: isMap }],
  [Set.prototype, { kind: 'set', is: isSet }],
  [Date.prototype, { kind: 'date', is: isDate }],
  ...BINARY.map(({ prototype }) => [prototype, { kind: 'binary', is: isBinary }] as const),
]);

/** How bytes become a binary of each tag again. */
export const revivers: ReadonlyMap<number, (bytes: ArrayBuffer) => object> = new Map(BINARY.map(({ tag, revive }) => [tag, revive]));

/**
 * What `value` is, by its exact prototype: a subclass, or an object dressed up as one of ours, is nothing
 * that can be given back as it was.
 */
export function objectKind(value: object): ObjectKind | undefined {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return Array.isArray(value) ? undefined : 'object';
  const builtIn = builtIns.get(prototype);
  return builtIn?.is(value) === true ? builtIn.kind : undefined;
}

/** The CBOR tag that says which binary kind `value` is, or none if it is no binary that can be stored. */
export function binaryTag(value: Binary): number | undefined {
  return tagByPrototype.get(Object.getPrototypeOf(value));
}

/**
 * The bytes that `value` covers, not copied. Bytes are in the machine's order, which is little-endian
 * wherever the store's native code runs.
 *
 * @throws TypeError if its buffer was transferred away
 */
export function bytesOf(value: Binary): Uint8Array {
  return ArrayBuffer.isView(value) ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength) : new Uint8Array(value);
}

/** Whether the bytes were transferred away, which Node 20 has no property for: only an empty buffer has to be tried. */
export function isDetached(value: Binary): boolean {
  const buffer = ArrayBuffer.isView(value) ? value.buffer : value;
  if (buffer.byteLength > 0) return false;
  try {
    return new Uint8Array(buffer).length > 0;
  } catch {
    return true;
  }
}

/** Whether another thread may change the bytes at any time. */
export function isShared(value: Binary): boolean {
  return isSharedArrayBuffer(ArrayBuffer.isView(value) ? value.buffer : value);
}

/** Whether `value` holds raw bytes, of whatever kind. */
export function isBinary(value: object): value is Binary {
  return ArrayBuffer.isView(value) || isAnyArrayBuffer(value);
}
