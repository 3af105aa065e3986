import type { Patch } from 'immer';
import { encodeValue } from '../lib/kernel/value/canonical.ts';
import { objectKind } from '../lib/kernel/value/kind.ts';

/** What a patch takes beside its path and its value, about: names, lengths and the operation. */
const PATCH_BYTES = 24;
/** What a member of an object takes that is no text, about; never more than it does. */
const MEMBER_BYTES = 2;
/** A member's own patch takes about as much as so many members. */
const MEMBERS_A_PATCH = 4;
/** How often a byte may be looked at, about. Ordinary values need two: parts that differ only deep inside are compared once a level. */
const LOOKS = 4;
/** Elements of arrays are moved one by one, through a Proxy: all of a table perhaps, never many of them by many others. */
const BYTES_A_MOVE = 8;

/** How one value becomes another. */
export interface Changes {
  readonly patches: readonly Patch[];
  /** Whether elements of arrays are moved, which takes Immer a hundred times as long as to replace one. */
  readonly moves: boolean;
}

/** Thrown and caught here: the change is not worth to be known. */
class TooMuch extends Error {}

/**
 * What makes one decoded value of another, as Immer's patches; `undefined` where both are not objects or arrays, where it takes more than
 * about `most` bytes, or where finding or applying it would take too long for a value of that size. What Immer cannot change (Map, Set,
 * Date, bytes, keys in another order) is replaced as a whole.
 */
export function changesBetween(before: unknown, after: unknown, most: number): Changes | undefined {
  const comparison = new Comparison(most);
  try {
    if (!comparison.compare(before, after)) return undefined;
    return { patches: comparison.patches, moves: comparison.moves > 0 };
  } catch (error) {
    if (error instanceof TooMuch) return undefined;
    throw error;
  }
}

type Properties = Readonly<Record<string, unknown>>;

class Comparison {
  readonly patches: Patch[] = [];
  readonly #path: (string | number)[] = [];
  readonly #most: number;
  #bytes = 0;
  #looks: number;
  moves = 0;

  constructor(most: number) {
    this.#most = most;
    this.#looks = most * LOOKS;
  }

  /** Whether one can be made of the other without replacing the whole; what that takes is in `patches` then. */
  compare(before: unknown, after: unknown): boolean {
    this.#look();
    if (Array.isArray(before) && Array.isArray(after)) return this.#compareElements(before, after);
    if (!isProperties(before) || !isProperties(after)) return isSameLeaf(before, after);
    return this.#compareProperties(before, after);
  }

  #compareProperties(before: Properties, after: Properties): boolean {
    const names = Object.keys(after);
    const removed = Object.keys(before).filter((name) => !Object.hasOwn(after, name));
    const kept = Object.keys(before).filter((name) => Object.hasOwn(after, name));
    const added = names.filter((name) => !Object.hasOwn(before, name));
    // What is added stands at the end.
    if (![...kept, ...added].every((name, index) => name === names[index])) return false;
    for (const name of removed) this.#add('remove', name);
    for (const name of kept) this.#member(name, before[name], after[name]);
    for (const name of added) this.#add('add', name, after[name]);
    return true;
  }

  #compareElements(before: readonly unknown[], after: readonly unknown[]): boolean {
    const shorter = Math.min(before.length, after.length);
    let start = 0;
    while (start < shorter && this.#isSame(before[start], after[start])) start += 1;
    let tail = 0;
    while (tail < shorter - start && this.#isSame(before.at(-1 - tail), after.at(-1 - tail))) tail += 1;
    const [endBefore, endAfter] = [before.length - tail, after.length - tail];
    const end = Math.min(endBefore, endAfter);
    for (let index = start; index < end; index += 1) this.#member(index, before[index], after[index]);
    if (tail === 0 && endBefore > end) this.#add('replace', 'length', end);
    else for (let index = endBefore - 1; index >= end; index -= 1) this.#move('remove', index, before.length);
    for (let index = end; index < endAfter; index += 1) this.#move('add', index, tail, after[index]);
    return true;
  }

  #move(op: 'add' | 'remove', index: number, moved: number, value?: unknown): void {
    this.moves += moved;
    if (this.moves * BYTES_A_MOVE > this.#most) throw new TooMuch();
    this.#add(op, index, value);
  }

  /** Changes a member, or replaces it where that takes less. */
  #member(name: string | number, before: unknown, after: unknown): void {
    const first = this.patches.length;
    const bytes = this.#bytes;
    this.#path.push(name);
    const isChanged = this.compare(before, after);
    this.#path.pop();
    const count = this.patches.length - first;
    if (isChanged && (count < 2 || !this.#isSmall(after, count * MEMBERS_A_PATCH))) return;
    this.patches.length = first;
    this.#bytes = bytes;
    this.#add('replace', name, after);
  }

  #add(op: Patch['op'], name: string | number, value?: unknown): void {
    this.patches.push(op === 'remove' ? { op, path: [...this.#path, name] } : { op, path: [...this.#path, name], value });
    this.#bytes += PATCH_BYTES;
    if (op !== 'remove') this.#count(value);
    // Early: to make all of a change that is then not kept takes the longest.
    if (this.#bytes > this.#most) throw new TooMuch();
  }

  #count(part: unknown): void {
    this.#look();
    this.#bytes += typeof part === 'string' ? part.length : MEMBER_BYTES;
    if (Array.isArray(part)) for (const element of part) this.#count(element);
    else if (isProperties(part)) for (const member of Object.values(part)) this.#count(member);
  }

  /** Equal down to the order of keys. */
  #isSame(a: unknown, b: unknown): boolean {
    this.#look();
    if (Object.is(a, b)) return true;
    if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((element, index) => this.#isSame(element, b[index]));
    if (!isProperties(a) || !isProperties(b)) return isSameLeaf(a, b);
    const names = Object.keys(a);
    const others = Object.keys(b);
    return names.length === others.length && names.every((name, index) => name === others[index] && this.#isSame(a[name], b[name]));
  }

  /** Whether a value has fewer members than so many, all the way down. */
  #isSmall(value: unknown, most: number): boolean {
    let left = most;
    const count = (part: unknown): boolean => {
      this.#look();
      left -= 1;
      if (left < 0) return false;
      if (Array.isArray(part)) return part.every(count);
      return !isProperties(part) || Object.values(part).every(count);
    };
    return count(value);
  }

  #look(): void {
    this.#looks -= 1;
    if (this.#looks < 0) throw new TooMuch();
  }
}

function isProperties(value: unknown): value is Properties {
  return typeof value === 'object' && value !== null && objectKind(value) === 'object';
}

/** Whether two values, not both objects nor both arrays, are the same: Maps, Sets, Dates and bytes are compared as they are written. */
function isSameLeaf(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return Object.is(a, b);
  if (isProperties(a) || isProperties(b) || Array.isArray(a) || Array.isArray(b)) return false;
  return Buffer.compare(encodeValue(a), encodeValue(b)) === 0;
}
