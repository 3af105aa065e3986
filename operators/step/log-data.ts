import { isProxy } from 'node:util/types';
import { UNREADABLE } from '../../lib/kernel/print.ts';
import { isRecord } from '../../lib/kernel/record.ts';
import { encodeValue } from '../../lib/kernel/value/canonical.ts';
import { decodeValue } from '../../lib/kernel/value/decode.ts';
import { fixValue, isKnownImmutable } from '../../lib/kernel/value/fix.ts';
import { isBinary, isDetached, objectKind } from '../../lib/kernel/value/kind.ts';

const MOST_BYTES = 100_000;
const TOO_MUCH = { problem: `more than ${MOST_BYTES} bytes` };

type LogData = { readonly data: unknown } | { readonly problem: string };

/** The data of a log line as it is now, frozen where it can be; or why it cannot be kept. Never throws, and costs no more than what is kept. */
export function readLogData(given: unknown): LogData {
  try {
    return keep(given);
  } catch {
    // A typed array may have been given getters that throw, and a body may log where the stack is all but full.
    return { problem: UNREADABLE };
  }
}

function keep(given: unknown): LogData {
  const copier = new Copier();
  const data = copier.copy(given);
  if (copier.isTooMuch) return TOO_MUCH;
  const fixed = fixValue(data);
  if (!fixed.storable) return { problem: `${fixed.problem} at ${fixed.path}` };
  const bytes = encodeValue(data);
  if (bytes.length > MOST_BYTES) return TOO_MUCH;
  // What cannot be frozen is still the body's to change; the line is not.
  return { data: fixed.immutable ? data : decodeValue(bytes) };
}

/** More levels than can be kept; what is below is not looked at. */
const DEEPEST = 1001;

/**
 * Copies lists, records, Maps and Sets, since the line is frozen, and what a body logs is most often what it goes on working with. Runs no
 * getter and no Proxy trap. What is none of these stays what it is. Counts what it copies, and stops where it is too much.
 */
class Copier {
  /** What is left of the bytes at best. */
  #left = MOST_BYTES;
  /** What was copied, and the bytes of its members: a part that is shared is encoded at every place where it stands. */
  readonly #known = new Map<object, { readonly copy: object; bytes: number }>();

  /** Whether there are more bytes than a line may have, for certain. The copy is not whole then. */
  get isTooMuch(): boolean {
    return this.#left < 0;
  }

  copy(value: unknown, depth = 0): unknown {
    this.#left -= leastBytes(value);
    if (this.isTooMuch || typeof value !== 'object' || value === null || isProxy(value)) return value;
    if (isKnownImmutable(value)) {
      this.#countMembers(value);
      return value;
    }
    const known = this.#known.get(value);
    if (known !== undefined) {
      this.#left -= known.bytes;
      return known.copy;
    }
    const copy = emptyLike(value);
    return copy === undefined ? value : this.#fill(value, copy, depth + 1);
  }

  #fill(value: object, copy: object, depth: number): object {
    const entry = { copy, bytes: 0 };
    this.#known.set(value, entry);
    const before = this.#left;
    if (depth <= DEEPEST && this.#hasRoomFor(value)) this.#copyMembers(value, copy, depth);
    entry.bytes = before - this.#left;
    return copy;
  }

  /** Whether there may be room for as many members as there are: each takes a byte. */
  #hasRoomFor(value: object): boolean {
    if (countOf(value) > this.#left) this.#left = -1;
    return !this.isTooMuch;
  }

  #copyMembers(value: object, copy: object, depth: number): void {
    if (value instanceof Map && copy instanceof Map) {
      for (const [key, member] of value) {
        if (this.isTooMuch) return;
        copy.set(this.copy(key, depth), this.copy(member, depth));
      }
    } else if (value instanceof Set && copy instanceof Set) {
      for (const member of value) {
        if (this.isTooMuch) return;
        copy.add(this.copy(member, depth));
      }
    } else {
      this.#copyProperties(value, copy, depth);
    }
  }

  #copyProperties(value: object, copy: object, depth: number): void {
    const isList = Array.isArray(value);
    for (const key of isList ? keysOfList(value) : Reflect.ownKeys(value)) {
      if (!isList && typeof key === 'string') this.#left -= leastBytes(key);
      if (this.isTooMuch) return;
      const property = Object.getOwnPropertyDescriptor(value, key);
      if (property === undefined) continue;
      // The length of a list is no member of it.
      if ('value' in property && !(isList && key === 'length')) property.value = this.copy(property.value, depth);
      Object.defineProperty(copy, key, property);
    }
  }

  /** Of a list or record that is immutable, and so are all in it. */
  #countMembers(value: object): void {
    if (!this.#hasRoomFor(value)) return;
    for (const member of Object.values(value)) {
      this.#left -= leastBytes(member);
      if (this.isTooMuch) return;
      if (typeof member === 'object' && member !== null) this.#countMembers(member);
    }
  }
}

/** The keys of a list one by one, those of its holes too: to ask for all of them at once takes its time where most are not needed. */
function* keysOfList(list: readonly unknown[]): Generator<string | symbol> {
  for (let index = 0; index < list.length; index += 1) yield String(index);
  // Indices come first, then "length", then what else there is.
  const keys = Reflect.ownKeys(list);
  yield* keys.slice(keys.indexOf('length'));
}

/** What a copy of a list, record, Map or Set starts as; nothing for what is not copied. */
function emptyLike(value: object): object | undefined {
  if (Array.isArray(value)) return [];
  // A Proxy among the prototypes would be asked for its own.
  if (!isProxy(Object.getPrototypeOf(value)) && isRecord(value)) return {};
  const kind = objectKind(value);
  if ((kind !== 'map' && kind !== 'set') || Reflect.ownKeys(value).length > 0) return undefined;
  return kind === 'map' ? new Map() : new Set();
}

function countOf(value: object): number {
  if (Array.isArray(value)) return value.length;
  return value instanceof Map || value instanceof Set ? value.size : 0;
}

/** The bytes that a value takes at least when it is encoded, without its members. */
function leastBytes(value: unknown): number {
  if (typeof value === 'string') return 1 + value.length;
  if (typeof value === 'number') return Number.isSafeInteger(value) ? 1 : 9;
  if (typeof value !== 'object' || value === null || !isBinary(value)) return 1;
  return isDetached(value) ? 1 : 1 + value.byteLength;
}
