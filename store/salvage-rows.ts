import { hash } from 'node:crypto';
import { checksumOf, isSealed } from './record.ts';
import type { DamagedFile, SalvagedNode } from './salvage-pages.ts';
import type { RankedPage } from './salvage-order.ts';
import { META, positionOf } from './tables.ts';
import { openValueRow, VALUE_KIND } from './value-rows.ts';

/** Where a row's data stands in the damaged file. */
export interface FoundRow {
  readonly at: number;
  readonly size: number;
  readonly rank: number;
  /** What tells two rows with one key apart: the checksum of a record, the kind of a value. */
  readonly mark: number;
}

/** A row of `meta`. */
export interface FoundMeta extends FoundRow {
  /** The transaction that wrote its page. */
  readonly transaction: number;
}

/** Rows by the bytes of their keys, one character each. */
export type FoundRows = Map<string, FoundRow>;

/** What stands in a damaged file and proves itself, the surest row of each key. */
export class FoundTables {
  readonly events: Map<number, FoundRow> = new Map();
  /** Positions at which different events stand that are both whole. */
  readonly contradicted: Set<number> = new Set();
  /** Rows of one key, the surest of each kind. What they say of other rows is not proven yet. */
  readonly values: Map<string, readonly FoundRow[]> = new Map();
  /** Parts of values. Only all parts of a value together can be proven. */
  readonly chunks: FoundRows = new Map();
  readonly cursors: FoundRows = new Map();
  readonly appends: FoundRows = new Map();
  readonly offsets: FoundRows = new Map();
  readonly states: FoundMeta[] = [];
  readonly leases: FoundMeta[] = [];
  /** What the store says about its format, the surest first. */
  readonly formats: string[] = [];
  /** The highest position that a row of `runs` speaks of is not beyond this one. */
  lastRun = 0;
  /** Positions of events that are whole, and that no log can have which was ever in this file. */
  readonly absurd: Set<number> = new Set();
  readonly #file: DamagedFile;
  readonly #mostEvents: number;

  /** @param mostEvents how many events a log in this file can have had */
  constructor(file: DamagedFile, mostEvents: number) {
    this.#file = file;
    this.#mostEvents = mostEvents;
  }

  /** Whether anything of a store was found. */
  get isEmpty(): boolean {
    const maps = [this.events, this.values, this.cursors, this.appends, this.offsets];
    return this.states.length === 0 && this.formats.length === 0 && maps.every(({ size }) => size === 0);
  }

  /** Takes what a page has. Pages come in the order of their ranks. */
  add(page: RankedPage): void {
    for (const node of this.#file.page(page.page).nodes()) {
      if (!node.isTree && node.size > 0) this.#addNode(node, page);
    }
  }

  #addNode(node: SalvagedNode, page: RankedPage): void {
    const { key } = node;
    const { rank } = page;
    if (key.equals(META.format)) this.#addFormat(node);
    else if (key.equals(META.state)) this.#addMeta(this.states, node, page);
    else if (key.equals(META.lease)) this.#addMeta(this.leases, node, page);
    else if (key.length === POSITION_BYTES) this.#addAtPosition(node, rank);
    else if (key.length === HASH_BYTES) this.#addUnderHash(node, rank);
    else if (key.length === CHUNK_BYTES) this.#addChunk(node, rank);
  }

  #addFormat({ data }: SalvagedNode): void {
    const text = data?.toString('latin1') ?? '';
    if (/^sluice-store \d+$/.test(text)) this.formats.push(text);
  }

  #addMeta(rows: FoundMeta[], node: SalvagedNode, { rank, transaction }: RankedPage): void {
    const bytes = this.#bytesOf(node);
    if (isSealed(bytes, 'meta', node.key)) rows.push({ ...found(node, rank, checksumOf(bytes)), transaction });
  }

  #addAtPosition(node: SalvagedNode, rank: number): void {
    const bytes = this.#bytesOf(node);
    const position = positionOf(node.key);
    const isAbsurd = position > this.#mostEvents;
    if (isSealed(bytes, 'runs', node.key) && !isAbsurd) this.lastRun = Math.max(this.lastRun, position);
    if (!isSealed(bytes, 'events', node.key)) return;
    if (isAbsurd) {
      this.absurd.add(position);
      return;
    }
    const before = this.events.get(position);
    if (before === undefined) this.events.set(position, found(node, rank, checksumOf(bytes)));
    else if (before.mark !== checksumOf(bytes)) this.contradicted.add(position);
  }

  #addUnderHash(node: SalvagedNode, rank: number): void {
    const key = node.key.toString('latin1');
    // What is whole is the same everywhere, and costs a hash to be proven once more.
    if (this.values.get(key)?.some(({ mark }) => mark === VALUE_KIND.whole) === true) return;
    const bytes = this.#bytesOf(node);
    for (const table of ['cursors', 'appends', 'offsets'] as const) {
      if (!isSealed(bytes, table, node.key)) continue;
      if (!this[table].has(key)) this[table].set(key, found(node, rank, checksumOf(bytes)));
      return;
    }
    const rows = this.values.get(key) ?? [];
    const kind = bytes.readUInt8(0);
    if (!rows.some(({ mark }) => mark === kind) && isValue(bytes, node.key)) this.values.set(key, [...rows, found(node, rank, kind)]);
  }

  #addChunk(node: SalvagedNode, rank: number): void {
    const key = node.key.toString('latin1');
    if (!this.chunks.has(key)) this.chunks.set(key, found(node, rank, 0));
  }

  #bytesOf({ data, at, size }: SalvagedNode): Buffer {
    return data ?? this.#file.read(at, size);
  }
}

const POSITION_BYTES = 6;
const HASH_BYTES = 32;
const CHUNK_BYTES = 36;

function found({ at, size }: SalvagedNode, rank: number, mark: number): FoundRow {
  return { at, size, rank, mark };
}

/** Whether a row of `values` is as it was written. */
function isValue(row: Buffer, key: Buffer): boolean {
  try {
    const opened = openValueRow(row, key, '');
    return opened.kind !== 'whole' || key.equals(hash('sha256', opened.bytes, 'buffer'));
  } catch {
    return false;
  }
}
