import { invariant } from '../invariant.ts';
import { keyed, Keyed } from '../keyed/keyed.ts';
import { fixValue, isKnownImmutable } from './fix.ts';
import { binaryTag, bytesOf, isBinary, revivers, type Binary } from './kind.ts';

/**
 * Gives the very same values as often as wanted, whatever was done to those that were given before: what cannot be frozen (Map, Set, Date,
 * typed arrays) is copied now, and anew each time. What no store could keep passes by reference. Costs next to nothing for frozen values.
 */
export function copiesOf(values: Values): () => Values {
  const changeable = Object.entries(values).filter(([, value]) => {
    const fixed = fixValue(value);
    return fixed.storable && !fixed.immutable;
  });
  if (changeable.length === 0) return () => values;
  const kept = copyEach(changeable);
  return () => Object.freeze({ ...values, ...Object.fromEntries(copyEach(kept)) });
}

type Values = Readonly<Record<string, unknown>>;

type Entry = readonly [string, unknown];

/** In one go, since two values may be, or hold, one and the same object. */
function copyEach(entries: readonly Entry[]): readonly Entry[] {
  const copies: Copies = new Map();
  return entries.map(([name, value]) => [name, copy(copies, value)]);
}

type Copies = Map<object, object>;

/**
 * Not by what a store would keep, which gives a Buffer back as a Uint8Array and shares nothing. The value has passed `fixValue`, so there is
 * no cycle, depth or kind to be surprised by.
 */
function copy(copies: Copies, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || isKnownImmutable(value)) return value;
  const known = copies.get(value) ?? copyObject(value, (part) => copy(copies, part));
  copies.set(value, known);
  return known;
}

function copyObject(value: object, part: (value: unknown) => unknown): object {
  if (Array.isArray(value)) return Object.freeze(value.map(part));
  if (value instanceof Map) return new Map([...value].map(([key, member]) => [part(key), part(member)]));
  if (value instanceof Set) return new Set([...value].map(part));
  if (value instanceof Date) return new Date(value);
  if (value instanceof Keyed) return keyed(Array.from(value, ([key, row]) => [key, part(row)] as const));
  if (isBinary(value)) return copyBinary(value);
  // From entries, as an object may have a property "__proto__" of its own.
  const copied: object = Object.fromEntries(Object.entries(value).map(([name, member]) => [name, part(member)]));
  return Object.freeze(Object.getPrototypeOf(value) === null ? Object.setPrototypeOf(copied, null) : copied);
}

function copyBinary(value: Binary): object {
  const { buffer } = new Uint8Array(bytesOf(value));
  if (Buffer.isBuffer(value)) return Buffer.from(buffer);
  const revive = revivers.get(binaryTag(value) ?? 0);
  invariant(revive !== undefined, 'only binaries of a known kind are storable');
  return revive(buffer);
}
