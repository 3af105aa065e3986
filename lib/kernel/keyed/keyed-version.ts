import { hash } from 'node:crypto';
import { canonicalBytes } from '../value/canonical.ts';
import type { Key } from './key.ts';
import { Leaf, type Entry, type Lanes, type Tree } from './tree.ts';

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
  node.lanes ??= node instanceof Leaf ? sum(node.entries.map(lanesOf)) : sum(node.children.map(lanesOfTree));
  return node.lanes;
}

/** The hash of an entry, made once. */
export function lanesOf<K extends Key, V>(entry: Entry<K, V>): Lanes {
  entry.lanes ??= hashEntry(entry.key, entry.value);
  return entry.lanes;
}

/** One item, not key and value behind each other: where one ends and the other starts is then part of what is hashed. */
function hashEntry(key: Key, value: unknown): Lanes {
  const digits = hash('sha256', canonicalBytes([key, value]));
  return [lane(digits, 0), lane(digits, 8), lane(digits, 16), lane(digits, 24)];
}

function lane(digits: string, from: number): number {
  return Number.parseInt(digits.slice(from, from + 8), 16);
}

/** At most 32 at a time, so that no lane leaves the integers that a number holds before it is carried over. */
function sum(all: readonly Lanes[]): Lanes {
  let [a, b, c, d] = [0, 0, 0, 0];
  for (const each of all) {
    a += each[0];
    b += each[1];
    c += each[2];
    d += each[3];
  }
  b += Math.floor(a / LANE);
  c += Math.floor(b / LANE);
  d += Math.floor(c / LANE);
  return [a % LANE, b % LANE, c % LANE, d % LANE];
}
