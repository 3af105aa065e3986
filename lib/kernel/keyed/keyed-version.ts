import { hash } from 'node:crypto';
import { canonicalRow } from '../value/canonical.ts';
import type { Key } from './key.ts';
import { notesOf, type Lanes } from './notes.ts';
import { Leaf, type Entry, type Tree } from './tree.ts';

const LANE = 2 ** 32;

/**
 * The data version of keyed rows: the sum modulo 2^128 of one hash an entry (the first 128 bits of the sha256 of the canonical bytes of
 * key and value), as `keyed:` and 32 hex digits. Equal rows have equal versions, however they came to be.
 *
 * A sum can be kept up by what came and what went, which no hash of the whole can. Its price: whoever may choose rows freely can find two
 * sets of them with one sum, so it says whether rows changed, not whether somebody forged them. Where versions guard against that, hash
 * the rows as a whole.
 *
 * Cost: each node remembers its sum, so a version whose older one was asked for takes O(d log n) after d changes; the first is linear.
 */
export function keyedVersion<K extends Key, V>(tree: Tree<K, V>): string {
  const [a, b, c, d] = lanesOfTree(tree);
  return `keyed:${[d, c, b, a].map((lane) => lane.toString(16).padStart(8, '0')).join('')}`;
}

/** The sum of the hashes of all entries, made once for each node. */
export function lanesOfTree<K extends Key, V>(node: Tree<K, V>): Lanes {
  const notes = notesOf(node);
  if (notes.lanes !== undefined) return notes.lanes;
  const sum = new Sum();
  if (node instanceof Leaf) for (const entry of node.entries) sum.add(lanesOf(entry));
  else for (const child of node.children) sum.add(lanesOfTree(child));
  return (notes.lanes = sum.lanes());
}

/** The hash of an entry, made once. */
export function lanesOf<K extends Key, V>(entry: Entry<K, V>): Lanes {
  entry.lanes ??= hashEntry(entry.key, entry.value);
  return entry.lanes;
}

/** One item, not key and value behind each other: where one ends and the other starts is then part of what is hashed. */
function hashEntry(key: Key, value: unknown): Lanes {
  const digits = hash('sha256', canonicalRow(key, value));
  return [lane(digits, 0), lane(digits, 8), lane(digits, 16), lane(digits, 24)];
}

function lane(digits: string, from: number): number {
  return Number.parseInt(digits.slice(from, from + 8), 16);
}

/** Of at most 32, so that no lane leaves the integers that a number holds before it is carried over. */
class Sum {
  #a = 0;
  #b = 0;
  #c = 0;
  #d = 0;

  add(lanes: Lanes): void {
    this.#a += lanes[0];
    this.#b += lanes[1];
    this.#c += lanes[2];
    this.#d += lanes[3];
  }

  lanes(): Lanes {
    const b = this.#b + Math.floor(this.#a / LANE);
    const c = this.#c + Math.floor(b / LANE);
    const d = this.#d + Math.floor(c / LANE);
    return [this.#a % LANE, b % LANE, c % LANE, d % LANE];
  }
}
