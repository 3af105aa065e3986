import type { Key } from '../kernel/keyed/key.ts';
import type { Keyed } from '../kernel/keyed/keyed.ts';
import { KeyedRows } from '../kernel/keyed/keyed-rows.ts';
import { notesOf } from '../kernel/keyed/notes.ts';
import { Leaf, type Tree } from '../kernel/keyed/tree.ts';
import type { Address } from './data-version.ts';

/** How many bytes of keyed rows are kept from being read again, counted as they are encoded, and shared ones each time. */
const MOST_BYTES = 64 * 2 ** 20;

interface Recent {
  readonly rows: Keyed<Key, unknown>;
  readonly bytes: number;
}

/**
 * Keyed rows in which nothing can change, by where any store keeps them: least recently used first. An address stands for one content
 * whatever the store, so these are right for every store, and whether a store has them is for it to say.
 */
const recent = new Map<Address, Recent>();
let held = 0;

/** Their pieces, and those of rows that somebody else holds. */
let pieces = new Map<Address, WeakRef<Tree<Key, unknown>>>();
const collected = new FinalizationRegistry<Address>((address) => {
  // The same piece may have come anew meanwhile.
  if (pieces.get(address)?.deref() === undefined) pieces.delete(address);
});

/** The rows at an address, if they were read or written lately. */
export function recallRows(address: Address): Keyed<Key, unknown> | undefined {
  const found = recent.get(address);
  if (found === undefined) return undefined;
  recent.delete(address);
  recent.set(address, found);
  return found.rows;
}

/** The piece of some rows at an address, if anybody still has it. */
export function recallPiece(address: Address): Tree<Key, unknown> | undefined {
  return pieces.get(address)?.deref();
}

/** Keeps rows until others were used that take all the room. Cost: follows the pieces that were not known yet. */
export function rememberRows(rows: Keyed<Key, unknown>, bytes: number, addressOf: (piece: Tree<Key, unknown>) => Address): void {
  const tree = KeyedRows.treeOf(rows);
  notePieces(tree, addressOf);
  const address = addressOf(tree);
  held -= recent.get(address)?.bytes ?? 0;
  recent.delete(address);
  if (bytes > MOST_BYTES) return;
  recent.set(address, { rows, bytes });
  held += bytes;
  for (const [oldest, { bytes: freed }] of recent) {
    if (held <= MOST_BYTES) return;
    recent.delete(oldest);
    held -= freed;
  }
}

/** Forgets everything, as a new process would. */
export function forgetRows(): void {
  recent.clear();
  pieces = new Map();
  held = 0;
}

function notePieces(tree: Tree<Key, unknown>, addressOf: (piece: Tree<Key, unknown>) => Address): void {
  const notes = notesOf(tree);
  if (notes.finder === pieces) return;
  notes.finder = pieces;
  const address = addressOf(tree);
  pieces.set(address, new WeakRef(tree));
  collected.register(tree, address);
  if (!(tree instanceof Leaf)) for (const child of tree.children) notePieces(child, addressOf);
}
