import { hash } from 'node:crypto';
import type { Address } from '../lib/events/data-version.ts';
import type { Position } from '../lib/events/position.ts';
import type { StoredValue } from '../lib/events/store-port.ts';
import { sizeOf } from '../lib/events/value-limits.ts';
import { StoreError } from '../lib/kernel/errors.ts';
import { isNode } from '../lib/kernel/keyed/node-form.ts';
import { isCoded } from '../lib/kernel/value/coded.ts';
import { isKnownImmutable } from '../lib/kernel/value/fix.ts';
import { ByteSpace } from './byte-space.ts';
import { countOfChunks, LARGEST_WHOLE, putChunks } from './chunks.ts';
import { DecodedValues } from './decoded-values.ts';
import { KeptValues } from './kept-values.ts';
import { IN_ANY_CASE, putEntry, WHERE_NONE_IS, type Entry, type PutCondition } from './lmdb-put.ts';
import { decoded, DEEPEST_CHAIN, encodePatch, SMALLEST_PATCHED, type EncodedPatch } from './patches.ts';
import type { Tables } from './tables.ts';
import { readBytes, type ValuePlace } from './value-reader.ts';
import { addressOf, chunksEntry, hexOf, isRemoved, patchRow, valueKey, valueRowAt, wholeEntry } from './value-rows.ts';

/** A value in the form, or the two, in which it may be kept. Its bytes are nobody else's. */
export interface ValueDraft extends FullDraft {
  readonly address: Address;
  /** The row of a change, where that was found to be smaller. */
  readonly patch: PatchDraft | undefined;
  /** What it refers to. */
  readonly pieces: readonly PieceDraft[];
  /** About what it will take, with those pieces that are not there yet. */
  readonly size: number;
  /** How many rows it will take, in the same way. */
  readonly rows: number;
}

/** A piece of a value, encoded where somebody needs it. */
interface PieceDraft {
  readonly address: Address;
  readonly draft: () => ValueDraft;
}

/** The row of the whole value, or of one in parts, which has its parts beside it. */
interface FullDraft {
  readonly entry: Entry;
  readonly parts: Buffer | undefined;
}

interface PatchDraft {
  readonly row: Buffer;
  readonly base: Buffer;
  /** Of the base, as it was found. */
  readonly depth: number;
}

const NONE: readonly never[] = [];
/** Bytes that pieces of a collection have at least, nearly all of them. */
const SMALLEST_PIECE = 256;

/** Bytes above which no change is looked for: it would hold the event loop for long. */
const LARGEST_PATCHED = 16 * 2 ** 20;

/**
 * Brings values into the form in which they are kept. What takes long, to find how a value differs from an earlier one, is done before the
 * transaction; in it, the earlier one has to be there still.
 */
export class ValueWriter {
  readonly #place: () => ValuePlace;
  readonly #decoded = new DecodedValues();
  /** What must not be removed, by the hex of its key, while somebody removes what was not needed before. */
  #touched: Set<string> | undefined;
  /** Positions of events that were read by what was appended since then. */
  #read: Set<Position> | undefined;
  /** What the next prune will have to look at. */
  readonly kept: KeptValues = new KeptValues();

  /** @param place what was committed, as of now */
  constructor(place: () => ValuePlace) {
    this.#place = place;
  }

  /** Encodes a value, which may change after that. */
  draft(value: StoredValue): ValueDraft {
    const { address, bytes, base } = value;
    const { entry, parts } = draftFull(address, bytes);
    if (base === undefined && value.pieces === undefined)
      return { address, entry, parts, patch: undefined, pieces: NONE, size: bytes.length, rows: 1 };
    const pieces = value.pieces === undefined ? NONE : value.pieces().map((piece) => this.#draftPiece(piece));
    if (pieces.length > 0) return { address, entry, parts, patch: undefined, pieces, ...this.#volumeOf(value, pieces) };
    const patch =
      base === undefined ? undefined : this.#draftPatch({ key: valueKey(address), bytes, base: valueKey(base), value: value.value });
    return { address, entry, parts, patch, pieces, size: patch?.row.length ?? bytes.length, rows: 1 };
  }

  /** Encodes what is not there yet, which is not to be done while the lock is held. While a prune is under way, all of it may have to be written. */
  #volumeOf(value: StoredValue, pieces: readonly PieceDraft[]): Pick<ValueDraft, 'size' | 'rows'> {
    const { tables } = this.#place();
    const missing = isKept(tables, valueKey(value.address)) ? [] : pieces.filter(({ address }) => !isKept(tables, valueKey(address)));
    const below = missing.map(({ draft }) => draft());
    if (this.#touched !== undefined) return { size: sizeOf(value), rows: Math.ceil(sizeOf(value) / SMALLEST_PIECE) };
    return {
      size: below.reduce((sum, { size }) => sum + size, value.bytes.length),
      rows: below.reduce((sum, { rows }) => sum + rows, 1),
    };
  }

  #draftPiece(piece: StoredValue): PieceDraft {
    let made: ValueDraft | undefined;
    return { address: piece.address, draft: () => (made ??= this.draft(piece)) };
  }

  /** Writes a value, inside of a transaction. What is there already stays: rows under one key are the same value, in whatever form. */
  put(place: ValuePlace, draft: ValueDraft): void {
    const { tables, label } = place;
    const { address, patch, pieces } = draft;
    this.touch(address);
    // One descent of the tree for most values, which are new and kept in full.
    if (patch === undefined && pieces.length === 0 && putFull(tables, draft, WHERE_NONE_IS)) return;
    const key = valueKey(address);
    if (isKept(tables, key)) return;
    // Where a value is, its pieces are: so a piece that is there has all of its own.
    for (const piece of pieces) {
      this.touch(piece.address);
      if (!isKept(tables, valueKey(piece.address))) this.put(place, piece.draft());
    }
    const isUsable = patch !== undefined && (baseAt({ tables, label }, patch.base)?.depth ?? DEEPEST_CHAIN) <= patch.depth;
    if (isUsable) {
      this.touch(addressOf(patch.base));
      tables.values.putSync(key, patch.row);
    } else putFull(tables, draft, IN_ANY_CASE);
  }

  /** Keeps a value from being removed by a prune that is under way, and has the next one look at it. */
  touch(address: Address): void {
    if (this.#touched === undefined && !this.kept.isNoting) return;
    const hex = hexOf(address);
    this.#touched?.add(hex);
    this.kept.note(hex);
  }

  /** From here on until {@link forgetTouched}, remembers what is written and what events refer to. */
  rememberTouched(): ReadonlySet<string> {
    this.#touched = new Set();
    this.#read = new Set();
    return this.#touched;
  }

  /** Whether somebody wants to know what is written and what events refer to. */
  get isRemembering(): boolean {
    return this.#touched !== undefined;
  }

  /** Steps that are appended have read the events at these positions. */
  noteRead(positions: readonly Position[]): void {
    for (const position of positions) this.#read?.add(position);
  }

  /** The positions that were noted and not taken before. */
  takeRead(): readonly Position[] {
    const taken = [...(this.#read ?? [])];
    this.#read?.clear();
    return taken;
  }

  /** Remembers nothing any longer. */
  forgetTouched(): void {
    this.#touched = undefined;
    this.#read = undefined;
  }

  #draftPatch(change: Change): PatchDraft | undefined {
    const { key, bytes, base } = change;
    if (!mayBePatched(change)) return undefined;
    const place = this.#place();
    // Nobody looks at what is there already.
    if (isKept(place.tables, key)) return undefined;
    const below = baseAt(place, base);
    if (below === undefined || below.size < SMALLEST_PATCHED || below.depth >= DEEPEST_CHAIN) return undefined;
    const patch = this.#decoded.isWorthwhile(base) ? this.#encode(place, change) : undefined;
    this.#decoded.note(base, key, patch !== undefined);
    const { depth, chain } = below;
    if (patch === undefined || depth + patch.depth > DEEPEST_CHAIN || chain + patch.bytes.length > bytes.length) return undefined;
    const row = { base, depth: depth + patch.depth, size: bytes.length, chain: chain + patch.bytes.length, patches: patch.bytes };
    return { row: patchRow(key, row), base, depth };
  }

  #encode(place: ValuePlace, { key, bytes, base, value }: Change): EncodedPatch | undefined {
    const size = bytes.length;
    const before = this.#decoded.get(base, () => readDecoded(place, base));
    const after = value !== undefined && isKnownImmutable(value) ? { value } : decoded(bytes);
    if (before === undefined || after === undefined) return undefined;
    const isAfter = (made: Uint8Array): boolean => key.equals(hash('sha256', made, 'buffer'));
    const patch = encodePatch(before.value, { after: after.value, size, isAfter });
    // Only what is proven: the next version is compared with it, and kept as a change of what is stored here.
    if (patch !== undefined) this.#decoded.put(key, { value: patch.after, bytes: size });
    return patch;
  }
}

/** Patches are of plain data: nobody here could look into what has a codec. */
function mayBePatched({ key, bytes, base }: Change): boolean {
  return bytes.length >= SMALLEST_PATCHED && bytes.length <= LARGEST_PATCHED && !base.equals(key) && !isCoded(bytes) && !isNode(bytes);
}

interface Change {
  readonly key: Buffer;
  readonly bytes: Uint8Array;
  /** Key of the value that may be changed into this one. */
  readonly base: Buffer;
  /** The value itself, if it was given. */
  readonly value: unknown;
}

/** For rows that wait for their transaction. */
const space = new ByteSpace();

function draftFull(address: Address, bytes: Uint8Array): FullDraft {
  if (bytes.length <= LARGEST_WHOLE) return { entry: wholeEntry(address, bytes, space), parts: undefined };
  const size = bytes.length;
  return { entry: chunksEntry(address, { size, count: countOfChunks(size) }, space), parts: Buffer.from(bytes) };
}

/** Writes a value in full, inside of a transaction, over whatever row it has. */
export function rewriteFull(tables: Tables, key: Buffer, bytes: Uint8Array): void {
  putFull(tables, draftFull(addressOf(key), bytes), IN_ANY_CASE);
}

/** Writes a value in full, where a condition holds, and says whether it does. */
function putFull(tables: Tables, { entry, parts }: FullDraft, condition: PutCondition): boolean {
  if (!putEntry(tables.values, entry, condition)) return false;
  if (parts !== undefined) putChunks(tables, entry.space.subarray(entry.start, entry.row), parts);
  return true;
}

function isKept({ values }: Tables, key: Buffer): boolean {
  const row = values.doesExist(key) ? values.get(key) : undefined;
  return row !== undefined && !isRemoved(row);
}

/** What a change of a value has to know of it. */
interface Base {
  readonly size: number;
  readonly depth: number;
  readonly chain: number;
}

/** A value that may be changed into another; `undefined` where it is not there, or cannot be read: then that other one is kept in full. */
function baseAt({ tables, label }: ValuePlace, key: Buffer): Base | undefined {
  const row = unlessCorrupt(() => valueRowAt(tables.values, key, label));
  if (row === undefined || row.kind === 'removed') return undefined;
  if (row.kind === 'patch') return row;
  return { size: row.kind === 'whole' ? row.bytes.length : row.size, depth: 0, chain: 0 };
}

function readDecoded(place: ValuePlace, key: Buffer): { readonly value: unknown; readonly bytes: number } | undefined {
  const bytes = unlessCorrupt(() => readBytes(place, key));
  const value = bytes === undefined ? undefined : decoded(bytes);
  return bytes === undefined || value === undefined ? undefined : { ...value, bytes: bytes.length };
}

function unlessCorrupt<Result>(read: () => Result): Result | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof StoreError && error.code === 'STORE_CORRUPT') return undefined;
    throw error;
  }
}
