import { isProxy } from 'node:util/types';
import { isRecord } from '../../lib/kernel/record.ts';
import { decodeValue, encodeValue } from '../../lib/kernel/value/canonical.ts';
import { fixValue, isKnownImmutable } from '../../lib/kernel/value/fix.ts';

const MOST_BYTES = 100_000;
const TOO_MUCH = { problem: `more than ${MOST_BYTES} bytes` };

/** The data of a log line as it is now, frozen where it can be; or why it cannot be kept. Never throws, and runs none of the user's code. */
export function readLogData(given: unknown): { readonly data: unknown } | { readonly problem: string } {
  const data = copyPlain(given, new Map());
  const fixed = fixValue(data);
  if (!fixed.storable) return { problem: `${fixed.problem} at ${fixed.path}` };
  // Before it is encoded: plain data that shares parts can take more bytes than there are.
  if (bytesLeft(MOST_BYTES, data) < 0) return TOO_MUCH;
  const bytes = encodeValue(data);
  if (bytes.length > MOST_BYTES) return TOO_MUCH;
  // What cannot be frozen is still the body's to change; the line is not.
  return { data: fixed.immutable ? data : decodeValue(bytes) };
}

/** Deeper than what can be kept; the rest is not looked at. */
const DEEPEST = 1001;

/**
 * A copy of lists and records, since the line is frozen, and what a body logs is most often what it goes on working with. Runs no getter
 * and no Proxy trap. What is neither stays what it is.
 */
function copyPlain(value: unknown, copies: Map<object, object>, depth = 0): unknown {
  if (typeof value !== 'object' || value === null || !isForCopying(value, depth)) return value;
  const known = copies.get(value);
  if (known !== undefined) return known;
  const copy: object = Array.isArray(value) ? [] : {};
  copies.set(value, copy);
  for (const key of Reflect.ownKeys(value)) {
    const property = Object.getOwnPropertyDescriptor(value, key) ?? {};
    if ('value' in property) property.value = copyPlain(property.value, copies, depth + 1);
    Object.defineProperty(copy, key, property);
  }
  return copy;
}

function isForCopying(value: object, depth: number): boolean {
  return depth <= DEEPEST && !isKnownImmutable(value) && !isProxy(value) && (Array.isArray(value) || isRecord(value));
}

/** What is left of so many bytes at best when a value that can be stored is encoded; counts no further than to below none. */
function bytesLeft(bytes: number, value: unknown): number {
  if (typeof value === 'string') return bytes - value.length;
  if (typeof value !== 'object' || value === null) return bytes - 1;
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return bytes - value.byteLength;
  let left = bytes - 1;
  for (const member of membersOf(value)) {
    if (left < 0) break;
    left = bytesLeft(left, member);
  }
  return left;
}

function membersOf(value: object): Iterable<unknown> {
  if (value instanceof Map) return [...value.keys(), ...value.values()];
  return value instanceof Set ? value : Object.values(value);
}
