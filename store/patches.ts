import { enablePatches, Immer, type Patch } from 'immer';
import { encodeValue } from '../lib/kernel/value/canonical.ts';
import { decodeValue } from '../lib/kernel/value/decode.ts';
import { changesBetween } from './value-changes.ts';

enablePatches();

/**
 * Immer of our own, so that whatever its user sets for all changes nothing here. It freezes nothing: on a Map that takes properties, which
 * no value may have, and values are frozen where they are decoded.
 */
const immer = new Immer({ autoFreeze: false });

/** Most changes between a value and one that is kept as it is: reading goes through all of them. */
export const DEEPEST_CHAIN = 32;

/** As how many changes one counts that moves elements of arrays. */
const DEPTH_OF_MOVES = 8;

/** Bytes below which a value is never kept as a change: there is nothing to be saved. */
export const SMALLEST_PATCHED: number = 4 * 1024;

/** A change is kept only where it takes less than this part of the value. */
const MOST_OF_VALUE = 0.5;

/** A change of a value in bytes. */
export interface EncodedPatch {
  readonly bytes: Buffer;
  /** The value after the change: what was proven to be it, whatever it was made from. */
  readonly after: unknown;
  /** As how many changes it counts. */
  readonly depth: number;
}

/**
 * The change from one decoded value to another in form c1; `undefined` where it would not be small, or where what comes out when it is
 * applied is not proven to be the other one: Immer's patches cannot say everything (the order of keys, keys such as `__proto__`).
 *
 * @param isAfter whether bytes are those of the value after the change
 */
export function encodePatch(
  before: unknown,
  { after, size, isAfter }: { readonly after: unknown; readonly size: number; readonly isAfter: (bytes: Uint8Array) => boolean },
): EncodedPatch | undefined {
  const most = size * MOST_OF_VALUE;
  const changes = changesBetween(before, after, most);
  if (changes === undefined) return undefined;
  const bytes = Buffer.from(encodeValue(changes.patches));
  const made = bytes.length < most ? attempt(before, [bytes], isAfter) : undefined;
  return made === undefined ? undefined : { bytes, after: made.value, depth: changes.moves ? DEPTH_OF_MOVES : 1 };
}

/** The bytes of a value after some changes, oldest first; `undefined` where they are not the right ones. */
export function patched(base: Uint8Array, changes: readonly Uint8Array[], isRight: (bytes: Uint8Array) => boolean): Buffer | undefined {
  const before = decoded(base);
  if (before === undefined) return undefined;
  // All at once costs about as much as one of them. What was proven, though, is each change alone, when it was written, and since then a
  // value of the chain may have come to be kept in full: so where Immer takes them differently together, they are applied one by one.
  return attempt(before.value, changes, isRight)?.bytes ?? oneByOne(before.value, changes, isRight);
}

function oneByOne(value: unknown, changes: readonly Uint8Array[], isRight: (bytes: Uint8Array) => boolean): Buffer | undefined {
  let made: Made | undefined = { value, bytes: NOTHING };
  for (const change of changes) {
    made = attempt(made.value, [change], () => true);
    if (made === undefined) return undefined;
  }
  return isRight(made.bytes) ? made.bytes : undefined;
}

interface Made {
  readonly value: unknown;
  readonly bytes: Buffer;
}

const NOTHING = Buffer.alloc(0);

function attempt(before: unknown, changes: readonly Uint8Array[], isRight: (bytes: Uint8Array) => boolean): Made | undefined {
  try {
    const patches = changes.flatMap(patchesFrom);
    // Only what has properties or elements is ever changed: anything else is replaced, and so has no patches.
    const value = immer.applyPatches(before as object, patches);
    const bytes = encodeValue(value);
    return isRight(bytes) ? { value, bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) } : undefined;
  } catch {
    // Immer refuses paths that it finds dangerous, and what it made may be nothing that can be stored.
    return undefined;
  }
}

function patchesFrom(change: Uint8Array): readonly Patch[] {
  // The row's checksum held, or the change was encoded just now: this is what changesBetween gave.
  return decodeValue(change) as readonly Patch[];
}

/** A value as it is in bytes, where they are a value's. */
export function decoded(bytes: Uint8Array): { readonly value: unknown } | undefined {
  try {
    return { value: decodeValue(bytes) };
  } catch {
    return undefined;
  }
}
