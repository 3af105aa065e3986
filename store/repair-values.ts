import { hash } from 'node:crypto';
import { isNode, readNode } from '../lib/kernel/keyed/node-form.ts';
import { readBytes } from './value-reader.ts';
import { addressOf, openValueRow, removedRow, VALUE_KIND, type ValueRow } from './value-rows.ts';
import { chunkKey } from './chunks.ts';
import type { RepairTarget } from './repair-rows.ts';
import type { Salvage } from './salvage-file.ts';
import { RANK } from './salvage-order.ts';
import type { FoundRow } from './salvage-rows.ts';
import type { Tables } from './tables.ts';

/** What became of the values. */
export interface RepairedValues {
  readonly kept: number;
  /** Addresses of those that are lost, of those that are needed. */
  readonly lost: ReadonlySet<string>;
}

/**
 * Brings over every value that the store has, and those beside them that an event refers to, as they are kept. A value that is needed and
 * cannot be read any more gets a row that says so.
 *
 * @param needed keys of the values that events refer to, one character a byte
 */
export function repairValues(salvage: Salvage, target: RepairTarget, needed: ReadonlySet<string>): RepairedValues {
  const values = new ValueRepair(salvage, target);
  const inUse = [...salvage.found.values].filter(([, rows]) => rows.some(({ rank }) => rank <= RANK.cutOff)).map(([key]) => key);
  for (const key of new Set([...needed, ...inUse].toSorted())) values.bring(key);
  return values.finish(needed);
}

class ValueRepair {
  readonly #salvage: Salvage;
  readonly #target: RepairTarget;
  /** Keys that were brought, and whether they have yet to prove themselves. */
  readonly #brought = new Map<string, 'proven' | 'unproven'>();
  /** Keys of those that were brought as removed. */
  readonly #removed = new Set<string>();
  /** What values refer to, by their keys. */
  readonly #pieces = new Map<string, readonly string[]>();

  constructor(salvage: Salvage, target: RepairTarget) {
    this.#salvage = salvage;
    this.#target = target;
  }

  /** Brings a value, those that it is a change of, and its pieces. */
  bring(first: string): void {
    const open = [first];
    for (let key = open.pop(); key !== undefined; key = open.pop()) if (!this.#brought.has(key)) open.push(...this.#bringOne(key));
  }

  /** Gives the keys of the values that this one cannot be without. */
  #bringOne(key: string): readonly string[] {
    const bytes = keyFrom(key);
    for (const found of this.#inOrder(key)) {
      const row = this.#salvage.file.read(found.at, found.size);
      const opened = openValueRow(row, bytes, this.#target.label);
      const chunks = opened.kind === 'chunks' ? this.#bringChunks(bytes, opened.count) : NOTHING;
      if (chunks === undefined) continue;
      this.#target.writer.put(this.#tables.values, bytes, row);
      this.#brought.set(key, opened.kind === 'patch' ? 'unproven' : 'proven');
      if (opened.kind === 'removed') this.#removed.add(key);
      return opened.kind === 'patch'
        ? [opened.base.toString('latin1')]
        : this.#notePieces(key, opened.kind === 'whole' ? opened.bytes : chunks);
    }
    return [];
  }

  #notePieces(key: string, bytes: Buffer): readonly string[] {
    if (!isNode(bytes)) return [];
    const pieces = readNode(bytes).children.map(({ hash: piece }) => Buffer.from(piece, 'hex').toString('latin1'));
    this.#pieces.set(key, pieces);
    return pieces;
  }

  get #tables(): Tables {
    return this.#target.environment.tables;
  }

  /** What retention took stays away. Else the form that needs least of other rows comes first: all say the same. */
  #inOrder(key: string): readonly FoundRow[] {
    const rows = this.#salvage.found.values.get(key) ?? [];
    const [surest] = rows;
    if (surest !== undefined && surest.rank <= RANK.cutOff && surest.mark === VALUE_KIND.removed) return [surest];
    return ORDER.flatMap((kind) => rows.filter(({ mark }) => mark === kind));
  }

  /** Brings the parts of a value, if they make it, and gives its bytes. */
  #bringChunks(key: Buffer, count: number): Buffer | undefined {
    const { file, found } = this.#salvage;
    const chunks: Buffer[] = [];
    while (chunks.length < count) {
      const chunk = found.chunks.get(chunkKey(key, chunks.length).toString('latin1'));
      if (chunk === undefined) return undefined;
      chunks.push(file.read(chunk.at, chunk.size));
    }
    const bytes = Buffer.concat(chunks);
    if (!key.equals(hash('sha256', bytes, 'buffer'))) return undefined;
    for (const [number, chunk] of chunks.entries()) this.#target.writer.put(this.#tables.chunks, chunkKey(key, number), chunk);
    return bytes;
  }

  /** Proves what could not be proven before all was there, and says of what is lost that it is. */
  finish(needed: ReadonlySet<string>): RepairedValues {
    const { writer, environment, label } = this.#target;
    writer.flush();
    environment.refresh();
    const unproven = [...this.#brought].filter(([, state]) => state === 'unproven').map(([key]) => key);
    const broken = unproven.filter((key) => !this.#canBeRead(keyFrom(key)) && !this.#wasRemoved(key));
    const lost = this.#withWhatNeedsThem(new Set([...broken, ...[...needed].filter((key) => !this.#brought.has(key))]));
    for (const key of lost) {
      const bytes = keyFrom(key);
      const row = { reason: 'lost', size: this.#sizeOf(key, label), head: this.#salvage.head } as const;
      writer.put(this.#tables.values, bytes, removedRow(bytes, row));
    }
    writer.flush();
    const addresses = [...lost].filter((key) => needed.has(key)).map((key) => addressOf(keyFrom(key)));
    return { kept: [...this.#brought.keys()].filter((key) => !lost.has(key)).length, lost: new Set(addresses) };
  }

  /** A value of which a piece is lost is lost itself: where a value is kept, its pieces are. */
  #withWhatNeedsThem(lost: ReadonlySet<string>): ReadonlySet<string> {
    const isThere = (key: string): boolean => this.#brought.has(key) && !this.#removed.has(key) && !all.has(key);
    const all = new Set(lost);
    // Heights are few, and each round reaches at least one more.
    for (let before = -1; before < all.size;) {
      before = all.size;
      for (const [key, pieces] of this.#pieces) if (!pieces.every(isThere)) all.add(key);
    }
    return all;
  }

  /** Puts the row back that says that a value was removed, where that is the last that is known of it. */
  #wasRemoved(key: string): boolean {
    const [last] = this.#salvage.found.values.get(key) ?? [];
    if (last?.mark !== VALUE_KIND.removed) return false;
    this.#target.writer.put(this.#tables.values, keyFrom(key), this.#salvage.file.read(last.at, last.size));
    return true;
  }

  #canBeRead(key: Buffer): boolean {
    try {
      return readBytes({ tables: this.#tables, label: this.#target.label }, key) !== undefined;
    } catch {
      return false;
    }
  }

  /** What a value took that is lost, where one of its rows still says so. */
  #sizeOf(key: string, label: string): number {
    for (const { at, size } of this.#salvage.found.values.get(key) ?? []) {
      const opened: ValueRow = openValueRow(this.#salvage.file.read(at, size), keyFrom(key), label);
      if (opened.kind !== 'whole') return opened.size;
    }
    return 0;
  }
}

const NOTHING = Buffer.alloc(0);

/** What a value may be found as, that which is proven by the fewest rows first. */
const ORDER = [VALUE_KIND.whole, VALUE_KIND.chunks, VALUE_KIND.patch, VALUE_KIND.removed] as const;

function keyFrom(key: string): Buffer {
  return Buffer.from(key, 'latin1');
}
