import { childBytes, isNode, nodeBytes, readNode, type Node, type NodeChild } from '../kernel/keyed/node-form.ts';
import type { Key } from '../kernel/keyed/key.ts';
import { Keyed } from '../kernel/keyed/keyed.ts';
import { KeyedRows } from '../kernel/keyed/keyed-rows.ts';
import { lanesOfTree } from '../kernel/keyed/keyed-version.ts';
import { notesOf, type Kept } from '../kernel/keyed/notes.ts';
import { shareRows } from '../kernel/keyed/share-rows.ts';
import { Branch, Leaf, type Tree } from '../kernel/keyed/tree.ts';
import { encodeRows } from '../kernel/value/canonical.ts';
import { fixValue, isKnownImmutable } from '../kernel/value/fix.ts';
import { decodeValue } from '../kernel/value/decode.ts';
import { address as addressOf } from '../kernel/value/version.ts';
import { decodeStored, unlessCorrupt, type EncodedValue, type ValuePlace } from './coded-value.ts';
import type { Address } from './data-version.ts';
import { recallPiece, recallRows, rememberRows } from './recent-rows.ts';
import type { StoredValue, StorePort } from './store-port.ts';
import type { Codecs } from '../model/codec.ts';

/** Any tree of rows. */
type Rows = Tree<Key, unknown>;

/** Bytes of pieces that were encoded to find out their addresses, and are likely to be stored next. */
type Fresh = Map<Rows, Uint8Array>;

/**
 * Encodes keyed rows: few of them as any value, many in pieces, one for each node of their tree. Cost: follows the pieces that were never
 * encoded before, so after d changes of n rows O(d log n).
 */
export function encodeKeyed(rows: Keyed<Key, unknown>): EncodedValue {
  const tree = KeyedRows.treeOf(rows);
  const fresh: Fresh = new Map();
  const { address, size } = keptAs(tree, fresh);
  const root = new Piece(tree, fresh);
  const immutable = isKnownImmutable(rows);
  if (immutable) rememberRows(rows, size, (piece) => keptAs(piece, fresh).address);
  return {
    version: rows.version,
    address,
    bytes: root.bytes,
    size,
    ...(immutable && { value: rows }),
    ...(tree instanceof Branch && { pieces: () => root.pieces() }),
  };
}

/** An encoded value that shares with the rows at an address what it has in common with them, where both are rows, and those were used lately. */
export function encodedOn(address: Address | null, encoded: EncodedValue): EncodedValue {
  const earlier = address === null || address === encoded.address ? undefined : recallRows(address);
  if (earlier === undefined || !(encoded.value instanceof Keyed)) return encoded;
  const shared = shareRows(encoded.value, earlier);
  if (shared === encoded.value) return encoded;
  fixValue(shared);
  return encodeKeyed(shared);
}

/** A piece of keyed rows as a store takes it: encoded where the store has it not. */
class Piece implements StoredValue {
  readonly address: Address;
  readonly #tree: Rows;
  readonly #fresh: Fresh;

  constructor(tree: Rows, fresh: Fresh) {
    this.#tree = tree;
    this.#fresh = fresh;
    this.address = keptAs(tree, fresh).address;
  }

  get bytes(): Uint8Array {
    return this.#fresh.get(this.#tree) ?? encodePiece(this.#tree, this.#fresh);
  }

  pieces(): readonly StoredValue[] {
    return this.#tree instanceof Branch ? this.#tree.children.map((child) => new Piece(child, this.#fresh)) : [];
  }
}

function keptAs(tree: Rows, fresh: Fresh): Kept {
  const notes = notesOf(tree);
  if (notes.kept !== undefined) return notes.kept;
  const bytes = encodePiece(tree, fresh);
  fresh.set(tree, bytes);
  let size = bytes.length;
  if (tree instanceof Branch) for (const child of tree.children) size += keptAs(child, fresh).size;
  return (notes.kept = { address: addressOf(bytes), size, said: undefined });
}

function encodePiece(tree: Rows, fresh: Fresh): Uint8Array {
  if (tree instanceof Leaf) return encodeRows(tree);
  const said = tree.children.map((child) => {
    const kept = keptAs(child, fresh);
    return (kept.said ??= saidOf(child, kept));
  });
  return nodeBytes(tree.height, said);
}

function saidOf(child: Rows, { address, size }: Kept): Uint8Array {
  // Only an empty tree has no lowest key, and no branch holds one.
  return childBytes({ low: child.low ?? '', rows: child.size, bytes: size, lanes: lanesOfTree(child), hash: hashIn(address) });
}

function hashIn(address: Address): string {
  return address.slice(address.indexOf(':') + 1);
}

function addressFrom({ hash }: NodeChild): Address {
  return `sha256:${hash}`;
}

/** Where the pieces are kept that stored bytes refer to, if they are of a kind that does. Their pieces are not among them. */
export function pieceAddresses(bytes: Uint8Array): readonly Address[] {
  return isNode(bytes) ? readNode(bytes).children.map(addressFrom) : [];
}

/** What a store has of a value: the value, the address of what is not there any more, or nothing. */
export type ReadValue = { readonly value: unknown } | { readonly gone: Address };

/**
 * Reads a value, whoever encoded it and in however many pieces. Every reader of a store goes through here. Pieces that were read or written
 * lately are not read again, so that versions which share them share them in memory too.
 *
 * Rejects with StoreError STORE_CORRUPT where the bytes are none that were ever stored, CODEC_UNKNOWN, CODEC_FAILED.
 */
export async function readStored(
  port: StorePort,
  address: Address,
  { codecs, place }: { readonly codecs: Codecs; readonly place: ValuePlace },
): Promise<ReadValue> {
  const [bytes] = await port.values([address]);
  if (bytes === undefined) return { gone: address };
  if (!isNode(bytes)) return { value: decodeStored(bytes, codecs, place) };
  const recent = recallRows(address);
  if (recent !== undefined) return { value: recent };
  const tree = await new PieceReader(port, place).tree(address, bytes);
  if ('gone' in tree) return tree;
  const rows = new Keyed(tree);
  fixValue(rows);
  if (isKnownImmutable(rows)) rememberRows(rows, keptAs(tree, new Map()).size, (piece) => keptAs(piece, new Map()).address);
  return { value: rows };
}

/** The value again that was encoded, as it was then: for what cannot be frozen. */
export function decodeEncoded({ bytes, pieces }: StoredValue): unknown {
  if (!isNode(bytes)) return decodeValue(bytes);
  const build = (piece: StoredValue): Rows => {
    const below = piece.pieces?.() ?? [];
    return isNode(piece.bytes) ? branchOf(readNode(piece.bytes), below.map(build)) : leafOf(piece.bytes);
  };
  const rows = new Keyed(branchOf(readNode(bytes), (pieces?.() ?? []).map(build)));
  fixValue(rows);
  return rows;
}

/** Puts the pieces of one value together. */
class PieceReader {
  readonly #port: StorePort;
  readonly #place: ValuePlace;

  constructor(port: StorePort, place: ValuePlace) {
    this.#port = port;
    this.#place = place;
  }

  async tree(address: Address, bytes: Uint8Array): Promise<Rows | { readonly gone: Address }> {
    if (!isNode(bytes)) return this.#keep(address, bytes.length, () => leafOf(bytes));
    const node = unlessCorrupt(() => readNode(bytes), this.#place);
    const at = node.children.map(addressFrom);
    const recent = at.map(recallPiece);
    // A branch at a time: the bytes of all that a collection has would be there beside it.
    const read = await this.#port.values(at.filter((_, child) => recent[child] === undefined));
    const trees: Rows[] = [];
    let next = 0;
    for (const [child, address] of at.entries()) {
      const tree = recent[child] ?? (await this.#read(address, read[next++]));
      if ('gone' in tree) return tree;
      trees.push(tree);
    }
    const size = node.children.reduce((sum, child) => sum + child.bytes, bytes.length);
    return this.#keep(address, size, () => branchOf(node, trees));
  }

  async #read(address: Address, bytes: Uint8Array | undefined): Promise<Rows | { readonly gone: Address }> {
    return bytes === undefined ? { gone: address } : this.tree(address, bytes);
  }

  #keep(address: Address, size: number, build: () => Rows): Rows {
    const tree = unlessCorrupt(build, this.#place);
    notesOf(tree).kept = { address, size, said: undefined };
    return tree;
  }
}

function leafOf(bytes: Uint8Array): Rows {
  const value = decodeValue(bytes);
  const tree = typeof value === 'object' && value !== null && KeyedRows.is(value) ? KeyedRows.treeOf(value) : undefined;
  if (tree instanceof Leaf) return tree;
  throw new Error('A piece of keyed rows holds something else.');
}

function branchOf({ height, children }: Node, trees: readonly Rows[]): Rows {
  const fits = children.length === trees.length && trees.every((tree, at) => isAsSaid(tree, children[at]));
  const branch = new Branch(trees);
  if (!fits || branch.height !== height) throw new Error('A piece of keyed rows is not what another piece says of it.');
  return branch;
}

function isAsSaid(tree: Rows, said: NodeChild | undefined): boolean {
  const [a = 0, b = 0, c = 0, d = 0] = said?.lanes ?? [];
  notesOf(tree).lanes ??= [a, b, c, d];
  return tree.size === said?.rows && Object.is(tree.low, said.low);
}
