import { removeChunks } from './chunks.ts';
import type { Read } from './prune-roots.ts';
import { PieceMarks } from './prune-pieces.ts';
import type { Table } from './tables.ts';
import { piecesOf } from './value-pieces.ts';
import { readBytes, type ValuePlace } from './value-reader.ts';
import { addressOf, openValueRow, removedRow, valueRowAt } from './value-rows.ts';
import { rewriteFull } from './value-writer.ts';
import type { Writer } from './writer.ts';
import type { PruneReport } from '../lib/events/store-port.ts';
import type { Position } from '../lib/events/position.ts';

/** What a sweep works on. */
export interface SweepOptions {
  readonly writer: Writer;
  readonly read: Read;
  readonly label: string;
  /** Addresses that are needed. */
  readonly live: ReadonlySet<string>;
  /** Hex keys of what was appended or referred to since they were found. */
  readonly touched: ReadonlySet<string>;
}

/** A value that nothing needs. */
interface Dead {
  readonly key: Buffer;
  /** How far it is from a value that is kept in full. */
  readonly depth: number;
  /** How far it is above values that refer to nothing. */
  readonly height: number;
}

/** Rows that one transaction changes at most, and bytes that it writes: it holds the event loop, and one value is never divided. */
const LIMITS = { rows: 500, bytes: 2 ** 20 } as const;

const PAGE = 200;
const AFTER = Buffer.of(0);

/**
 * Removes values that nothing needs. What is kept as a change of one of them is written in full before, in the same transaction. Those
 * that are the furthest from a value that is kept in full go first, so that at no time a change is left whose base is gone; and what refers
 * to pieces goes before these.
 */
export class ValueSweep {
  readonly #options: SweepOptions;
  #dead: Dead[] = [];
  readonly #pieces = new PieceMarks();
  /** Hex keys of pieces of what has come to be needed since. */
  readonly #held = new Set<string>();
  /** Keys of the values that are kept as a change of a value, by the hex of its key. */
  readonly #changes = new Map<string, Buffer[]>();
  readonly #counts = { kept: 0, removed: 0, rewritten: 0, bytes: 0 };
  #next = 0;

  constructor(options: SweepOptions) {
    this.#options = options;
  }

  /** Looks at every value. */
  async find(pass: (rows: number) => Promise<void>): Promise<void> {
    const { read, label } = this.#options;
    for (let last: Buffer | undefined; ;) {
      const from: Buffer | undefined = last;
      const page = await read((_reader, tables) => {
        const found = pageOf(tables.values, from);
        for (const { key, row } of found) this.#look({ tables, label }, key, row);
        return found;
      });
      last = page.at(-1)?.key;
      await pass(page.length);
      if (last === undefined) break;
    }
    const needed = this.#pieces.neededBy((key) => this.#options.live.has(`sha256:${key}`));
    this.#dead = this.#dead.filter(({ key }) => !needed.has(key.toString('hex'))).sort((a, b) => b.depth - a.depth || b.height - a.height);
  }

  #look(place: ValuePlace, key: Buffer, bytes: Buffer): void {
    const row = openValueRow(bytes, key, place.label);
    if (row.kind === 'removed') return;
    const pieces = piecesOf(place, key, bytes);
    this.#pieces.add(key, pieces);
    this.#counts.kept += 1;
    if (row.kind === 'patch') {
      const base = row.base.toString('hex');
      const changes = this.#changes.get(base);
      if (changes === undefined) this.#changes.set(base, [key]);
      else changes.push(key);
    }
    if (!this.#options.live.has(addressOf(key)))
      this.#dead.push({ key, depth: row.kind === 'patch' ? row.depth : 0, height: pieces.height });
  }

  /** One transaction; says whether there is more to do. */
  step(): boolean {
    if (this.#next >= this.#dead.length) return false;
    const { next, counts } = { next: this.#next, counts: { ...this.#counts } };
    try {
      this.#options.writer.transact((place, { head }) => this.#sweep(place, head));
    } catch (error) {
      this.#next = next;
      Object.assign(this.#counts, counts);
      throw error;
    }
    return true;
  }

  #sweep(place: ValuePlace, head: Position): void {
    let left: { rows: number; bytes: number } = { ...LIMITS };
    for (let dead = this.#dead[this.#next]; dead !== undefined && left.rows > 0 && left.bytes > 0; dead = this.#dead[this.#next]) {
      this.#next += 1;
      if (this.#isHeld(dead.key.toString('hex'))) continue;
      const rewritten = this.#rewriteChangesOf(place, dead.key);
      const rows = this.#remove(place, dead.key, head);
      left = { rows: left.rows - rows, bytes: left.bytes - rewritten };
    }
  }

  /** Whether a value was touched since it was found to be dead, or what refers to it was, which came before it. */
  #isHeld(key: string): boolean {
    if (!this.#options.touched.has(key) && !this.#held.has(key)) return false;
    for (const piece of this.#pieces.of(key)) this.#held.add(piece);
    return true;
  }

  /** What is needed and kept as a change of this value is kept in full from here on. Gives how many bytes that took. */
  #rewriteChangesOf(place: ValuePlace, base: Buffer): number {
    let bytes = 0;
    for (const key of this.#changes.get(base.toString('hex')) ?? []) {
      const row = valueRowAt(place.tables.values, key, place.label);
      // One that nothing needs was removed before this one; and one that was removed may be there again, in another form.
      if (row?.kind !== 'patch' || !row.base.equals(base)) continue;
      const whole = readBytes(place, key);
      if (whole === undefined) continue;
      rewriteFull(place.tables, key, whole);
      this.#counts.rewritten += 1;
      bytes += whole.length;
    }
    return bytes;
  }

  /** Gives how many rows that took. */
  #remove({ tables, label }: ValuePlace, key: Buffer, head: Position): number {
    const bytes = tables.values.get(key);
    const row = bytes === undefined ? undefined : openValueRow(bytes, key, label);
    if (bytes === undefined || row === undefined || row.kind === 'removed') return 1;
    const count = row.kind === 'chunks' ? row.count : 0;
    removeChunks(tables, key, count);
    const size = row.kind === 'whole' ? row.bytes.length : row.size;
    tables.values.putSync(key, removedRow(key, { reason: 'retention', size, head }));
    this.#counts.kept -= 1;
    this.#counts.removed += 1;
    this.#counts.bytes += row.kind === 'chunks' ? row.size : bytes.length;
    return 1 + count;
  }

  /** What was done. */
  result(): PruneReport['values'] {
    return Object.freeze({ ...this.#counts });
  }
}

interface FoundRow {
  readonly key: Buffer;
  readonly row: Buffer;
}

function pageOf(values: Table, last: Buffer | undefined): readonly FoundRow[] {
  const range = last === undefined ? { limit: PAGE } : { start: Buffer.concat([last, AFTER]), limit: PAGE };
  // All keys first: what is read in the loop would move the cursor under it.
  return [...values.getKeys(range)].flatMap((key) => {
    const row = values.get(key);
    return row === undefined ? [] : [{ key, row }];
  });
}
