import { compareKeys, type Key } from './key.ts';
import type { Lanes, Notes } from './notes.ts';
import { Splicer } from './splicer.ts';

/** A row as it was: its bytes with keys as its writer had them, and with keys sorted. */
export interface EncodedRow {
  readonly stored: Uint8Array;
  readonly canonical: Uint8Array;
}

/** One key with its value. The entry stays the same object from version to version for as long as neither changes. */
export class Entry<K extends Key, V> {
  readonly key: K;
  readonly value: V;
  /** The entry's hash, once something asked for it. */
  lanes: Lanes | undefined = undefined;
  /** How many levels of objects the value has, once something asked; -1 where something in it can change. */
  levels: number | undefined = undefined;
  /** The bytes of a value that cannot be frozen, as it was when it came in. */
  encoded: EncodedRow | undefined = undefined;

  constructor(key: K, value: V) {
    this.key = key;
    this.value = value;
  }
}

/** Entries beside each other, in the order of their keys. Only an empty tree is a leaf without any. Small: an index has one for each key. */
export class Leaf<K extends Key, V> {
  readonly entries: readonly Entry<K, V>[];
  notes: Notes | undefined = undefined;

  constructor(entries: readonly Entry<K, V>[]) {
    this.entries = entries;
  }

  get height(): number {
    return 0;
  }

  get size(): number {
    return this.entries.length;
  }

  /** The lowest key. */
  get low(): K | undefined {
    return this.entries[0]?.key;
  }
}

/** Trees of one height beside each other, in the order of their keys. */
export class Branch<K extends Key, V> {
  readonly children: readonly Tree<K, V>[];
  readonly height: number;
  readonly size: number;
  readonly low: K | undefined;
  notes: Notes | undefined = undefined;

  constructor(children: readonly Tree<K, V>[]) {
    let size = 0;
    for (const child of children) size += child.size;
    this.children = children;
    this.height = (children[0]?.height ?? 0) + 1;
    this.size = size;
    this.low = children[0]?.low;
  }
}

/**
 * A persistent sorted map: a B+ tree whose nodes never change. A new version shares with the older one every node that no changed key is
 * below, so older versions stay as they are for whoever holds them, and nothing of an older one is kept once nobody does.
 *
 * Sorted, and not hashed: the order of the entries is then a function of what they are, never of how they came to be, and no two keys can
 * be mistaken for each other.
 */
export type Tree<K extends Key, V> = Leaf<K, V> | Branch<K, V>;

/** How many entries or children a node may have, and below how many it is put together with a neighbour. */
const MOST = 32;
const FEW = 8;

const EMPTY: Leaf<never, never> = new Leaf<never, never>([]);

/** The tree without entries. */
export function emptyTree<K extends Key, V>(): Tree<K, V> {
  return EMPTY;
}

/** The entry under a key. Cost: logarithmic. */
export function findEntry<K extends Key, V>(tree: Tree<K, V>, key: K): Entry<K, V> | undefined {
  let node = tree;
  while (node instanceof Branch) {
    const child: Tree<K, V> | undefined = node.children[childFor(node.children, key)];
    if (child === undefined) return undefined;
    node = child;
  }
  const entry = node.entries[firstNotBelow(node.entries, key, 0, node.entries.length)];
  return entry !== undefined && compareKeys(entry.key, key) === 0 ? entry : undefined;
}

/** Every entry in the order of the keys. */
export function* entriesOf<K extends Key, V>(tree: Tree<K, V>): Generator<Entry<K, V>, void, undefined> {
  const open: Tree<K, V>[] = [tree];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (node instanceof Branch) open.push(...node.children.toReversed());
    // Not `yield*`, which asks the list's own iterator for each entry on top.
    else for (const entry of node.entries) yield entry;
  }
}

/** Visits every entry in the order of the keys: `entriesOf` for where a pause at each costs too much. */
export function visitEntries<K extends Key, V>(tree: Tree<K, V>, visit: (entry: Entry<K, V>) => void): void {
  if (tree instanceof Leaf) for (const entry of tree.entries) visit(entry);
  else for (const child of tree.children) visitEntries(child, visit);
}

/** What an entry becomes: the same one if nothing changes, or none. Called once an item, in the order of the keys. */
export type Merge<K extends Key, V, Item> = (existing: Entry<K, V> | undefined, item: Item) => Entry<K, V> | undefined;

/**
 * The tree after `merge` was asked about the key of each item. Items are in the order of their keys, no key twice. If `merge` throws,
 * nothing happened. Gives the very same tree if no entry changed.
 *
 * Cost: d items on n entries take O(d log n), and building from nothing is linear.
 */
export function updateTree<K extends Key, V, Item extends { readonly key: K }>(
  tree: Tree<K, V>,
  items: readonly Item[],
  merge: Merge<K, V, Item>,
): Tree<K, V> {
  if (items.length === 0) return tree;
  let nodes = tree.size === 0 ? built(items, merge) : updateNode(tree, { items, merge, from: 0, to: items.length });
  while (nodes.length > 1) nodes = branches(nodes);
  let root = nodes[0] ?? emptyTree<K, V>();
  while (root instanceof Branch && root.children.length === 1) root = root.children[0] ?? emptyTree<K, V>();
  return root;
}

/** What comes of items alone: nothing is there that they could meet. */
function built<K extends Key, V, Item>(items: readonly Item[], merge: Merge<K, V, Item>): Nodes<K, V> {
  const entries: Entry<K, V>[] = [];
  for (const item of items) {
    const entry = merge(undefined, item);
    if (entry !== undefined) entries.push(entry);
  }
  return leaves(entries);
}

/** The items from `from` to before `to`. */
interface Update<K extends Key, V, Item> {
  readonly items: readonly Item[];
  readonly merge: Merge<K, V, Item>;
  readonly from: number;
  readonly to: number;
}

type Nodes<K extends Key, V> = readonly Tree<K, V>[];

/** What stands in a node's place after an update: nodes of its height, none if nothing is left, itself if nothing changed. */
function updateNode<K extends Key, V, Item extends { readonly key: K }>(node: Tree<K, V>, update: Update<K, V, Item>): Nodes<K, V> {
  return node instanceof Leaf ? updateLeaf(node, update) : updateBranch(node, update);
}

function updateLeaf<K extends Key, V, Item extends { readonly key: K }>(
  leaf: Leaf<K, V>,
  { items, merge, from, to }: Update<K, V, Item>,
): Nodes<K, V> {
  const next = new Splicer(leaf.entries);
  for (let at = from; at < to; at += 1) {
    const item = items[at];
    if (item === undefined) break;
    const place = firstNotBelow(leaf.entries, item.key, next.done, leaf.entries.length);
    const found = leaf.entries[place];
    const existing = found !== undefined && compareKeys(found.key, item.key) === 0 ? found : undefined;
    const merged = merge(existing, item);
    if (merged !== existing) next.splice(place, existing === undefined ? 0 : 1, merged === undefined ? [] : [merged]);
  }
  return next.isSame ? [leaf] : leaves(next.finish());
}

function updateBranch<K extends Key, V, Item extends { readonly key: K }>(
  branch: Branch<K, V>,
  { items, merge, from, to }: Update<K, V, Item>,
): Nodes<K, V> {
  const { children } = branch;
  const next = new Splicer(children);
  let hasFew = false;
  for (let at = from; at < to;) {
    const item = items[at];
    const place = item === undefined ? 0 : childFor(children, item.key);
    const child = children[place];
    if (child === undefined) break;
    const low = children[place + 1]?.low;
    const end = low === undefined ? to : firstNotBelow(items, low, at, to);
    const made = updateNode(child, { items, merge, from: at, to: end });
    if (made.length !== 1 || made[0] !== child) {
      next.splice(place, 1, made);
      hasFew ||= made.some((node) => widthOf(node) < FEW);
    }
    at = end;
  }
  if (next.isSame) return [branch];
  return branches(hasFew ? withoutFew(next.finish()) : next.finish());
}

/** Neighbours put together where one has few entries or children: nodes that stay small would make the tree higher than it has to be. */
function withoutFew<K extends Key, V>(nodes: Nodes<K, V>): Nodes<K, V> {
  const kept: Tree<K, V>[] = [];
  for (const node of nodes) {
    const before = kept.at(-1);
    if (before === undefined || (widthOf(before) >= FEW && widthOf(node) >= FEW)) {
      kept.push(node);
    } else {
      kept.pop();
      kept.push(...together(before, node));
    }
  }
  return kept;
}

function together<K extends Key, V>(a: Tree<K, V>, b: Tree<K, V>): Nodes<K, V> {
  if (a instanceof Leaf && b instanceof Leaf) return leaves([...a.entries, ...b.entries]);
  if (a instanceof Branch && b instanceof Branch) return branches(withoutFew([...a.children, ...b.children]));
  return [a, b];
}

function leaves<K extends Key, V>(entries: readonly Entry<K, V>[]): Nodes<K, V> {
  return evenly(entries, (part) => new Leaf(part));
}

function branches<K extends Key, V>(nodes: Nodes<K, V>): Nodes<K, V> {
  return evenly(nodes, (part) => new Branch(part));
}

/** What is made of as few parts as there can be, of the same length give or take one. */
function evenly<T, Made>(items: readonly T[], make: (part: readonly T[]) => Made): readonly Made[] {
  if (items.length === 0) return [];
  const count = Math.ceil(items.length / MOST);
  if (count === 1) return [make(items)];
  return Array.from({ length: count }, (_, part) =>
    make(items.slice(Math.floor((part * items.length) / count), Math.floor(((part + 1) * items.length) / count))),
  );
}

function widthOf<K extends Key, V>(node: Tree<K, V>): number {
  return node instanceof Leaf ? node.entries.length : node.children.length;
}

/** The child in which a key is, or would be: the last one whose lowest key is not above it. */
function childFor<K extends Key, V>(children: Nodes<K, V>, key: K): number {
  let low = 1;
  let high = children.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const at = children[middle]?.low;
    if (at !== undefined && compareKeys(at, key) <= 0) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The first place between `from` and `to` whose key is not below `key`. */
function firstNotBelow<K extends Key>(items: readonly { readonly key: K }[], key: K, from: number, to: number): number {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const at = items[middle];
    if (at !== undefined && compareKeys(at.key, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
