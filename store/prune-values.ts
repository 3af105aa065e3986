import { countOfChunks, removeChunks } from './chunks.ts';
import type { Volume } from './disk-room.ts';
import type { Read } from './prune-roots.ts';
import { MOST_REMEMBERED } from './kept-values.ts';
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
  /** Keys of all values that may be there; `undefined`: of all rows. */
  readonly known: readonly Buffer[] | undefined;
}

/** A value that nothing needs. */
interface Dead {
  readonly key: Buffer;
  /** How far it is from a value that is kept in full. */
  readonly depth: number;
  /** How far it is above values that refer to nothing. */
  readonly height: number;
  /** How many rows it has, with its parts. */
  readonly rows: number;
}

/** A value that is kept as a change of another one. */
interface Change {
  readonly key: Buffer;
  /** In full. */
  readonly size: number;
}

/** One thing to do: to keep a value in full that was a change of another one, or to remove one. */
type Task =
  | (Change & { readonly do: 'rewrite'; readonly base: Buffer; readonly isDead: boolean })
  | (Pick<Dead, 'key' | 'rows'> & { readonly do: 'remove' });

/** Rows that one transaction changes at most, and bytes that it writes: it holds the event loop, and one value is never divided. */
const LIMITS: Volume = { rows: 500, bytes: 2 ** 20 };

const PAGE = 200;
const AFTER = Buffer.of(0);

/**
 * Removes values that nothing needs. What is needed and kept as a change of one of them is written in full before. Those that are the
 * furthest from a value that is kept in full go first, so that at no time a change is left whose base is gone; and what refers to pieces goes
 * before these.
 */
export class ValueSweep {
  readonly #options: SweepOptions;
  #dead: Dead[] = [];
  readonly #pieces = new PieceMarks();
  /** Hex keys of pieces of what has come to be needed since. */
  readonly #held = new Set<string>();
  /** Keys of the values that are kept as a change of a value, by the hex of its key. */
  readonly #changes = new Map<string, Change[]>();
  readonly #counts = { kept: 0, removed: 0, rewritten: 0, bytes: 0 };
  /** By the hex of their keys. */
  readonly #left = new Map<string, Buffer>();
  #tasks: readonly Task[] = [];
  #next = 0;

  constructor(options: SweepOptions) {
    this.#options = options;
  }

  /** Looks at every value. */
  async find(pass: (rows: number) => Promise<void>): Promise<void> {
    const { known } = this.#options;
    if (known === undefined) await this.#lookAtAll(pass);
    else await this.#lookAt(known, pass);
    const needed = this.#pieces.neededBy((key) => this.#options.live.has(`sha256:${key}`));
    this.#dead = this.#dead.filter(({ key }) => !needed.has(key.toString('hex'))).sort((a, b) => b.depth - a.depth || b.height - a.height);
    const dead = new Set(this.#dead.map(({ key }) => key.toString('hex')));
    this.#tasks = this.#dead.flatMap((each) => this.#tasksFor(each, dead));
  }

  async #lookAtAll(pass: (rows: number) => Promise<void>): Promise<void> {
    for (let last: Buffer | undefined; ;) {
      const from = last;
      const keys = await this.#lookAtPage((values) => keysAfter(values, from));
      last = keys.at(-1);
      await pass(keys.length);
      if (last === undefined) break;
    }
  }

  async #lookAt(known: readonly Buffer[], pass: (rows: number) => Promise<void>): Promise<void> {
    for (let start = 0; start < known.length; start += PAGE) {
      const keys = known.slice(start, start + PAGE);
      await this.#lookAtPage(() => keys);
      await pass(keys.length);
    }
  }

  #lookAtPage(keysOf: (values: Table) => readonly Buffer[]): Promise<readonly Buffer[]> {
    const { read, label } = this.#options;
    return read((_reader, tables) => {
      const keys = keysOf(tables.values);
      for (const key of keys) {
        const row = tables.values.get(key);
        if (row !== undefined) this.#look({ tables, label }, key, row);
      }
      return keys;
    });
  }

  #tasksFor({ key, rows }: Dead, dead: ReadonlySet<string>): readonly Task[] {
    const changes = this.#changes.get(key.toString('hex')) ?? [];
    return [
      ...changes.map((change): Task => ({ do: 'rewrite', ...change, base: key, isDead: dead.has(change.key.toString('hex')) })),
      { do: 'remove', key, rows },
    ];
  }

  /** What a task takes at most, as of now. */
  #volumeOf(task: Task): Volume {
    if (task.do === 'remove') return { bytes: 0, rows: task.rows };
    // What nothing needs is gone by then, since it was further away; unless somebody came to need it meanwhile.
    const isGone = task.isDead && !this.#isHeld(task.key.toString('hex'));
    return { bytes: isGone ? 0 : task.size, rows: 1 + countOfChunks(task.size) };
  }

  /** Whether a value was touched since it was found to be dead, or what refers to it was, which came before it. */
  #isHeld(key: string): boolean {
    if (!this.#options.touched.has(key) && !this.#held.has(key)) return false;
    for (const piece of this.#pieces.of(key)) this.#held.add(piece);
    return true;
  }

  #look(place: ValuePlace, key: Buffer, bytes: Buffer): void {
    const row = openValueRow(bytes, key, place.label);
    if (row.kind === 'removed') return;
    const pieces = piecesOf(place, key, bytes);
    this.#pieces.add(key, pieces);
    this.#counts.kept += 1;
    if (this.#left.size <= MOST_REMEMBERED) this.#left.set(key.toString('hex'), key);
    if (row.kind === 'patch') {
      const base = row.base.toString('hex');
      const changes = this.#changes.get(base);
      const change = { key, size: row.size };
      if (changes === undefined) this.#changes.set(base, [change]);
      else changes.push(change);
    }
    if (this.#options.live.has(addressOf(key))) return;
    const rows = 1 + (row.kind === 'chunks' ? row.count : 0);
    this.#dead.push({ key, depth: row.kind === 'patch' ? row.depth : 0, height: pieces.height, rows });
  }

  /** One transaction; says whether there is more to do. */
  step(): boolean {
    const { tasks, volume } = this.#nextTasks();
    if (tasks.length === 0) return false;
    const counts = { ...this.#counts };
    try {
      this.#options.writer.transact((place, { head }) => {
        for (const task of tasks) this.#do(task, place, head);
      }, volume);
    } catch (error) {
      Object.assign(this.#counts, counts);
      throw error;
    }
    this.#next += tasks.length;
    return true;
  }

  #nextTasks(): { readonly tasks: readonly Task[]; readonly volume: Volume } {
    const tasks: Task[] = [];
    let volume: Volume = { rows: 0, bytes: 0 };
    while (volume.rows < LIMITS.rows && volume.bytes < LIMITS.bytes) {
      const task = this.#tasks[this.#next + tasks.length];
      if (task === undefined) break;
      tasks.push(task);
      const { rows, bytes } = this.#volumeOf(task);
      volume = { rows: volume.rows + rows, bytes: volume.bytes + bytes };
    }
    return { tasks, volume };
  }

  #do(task: Task, place: ValuePlace, head: Position): void {
    if (this.#isHeld((task.do === 'rewrite' ? task.base : task.key).toString('hex'))) return;
    if (task.do === 'rewrite') this.#rewrite(place, task.key, task.base);
    else this.#remove(place, task.key, head);
  }

  /** What is needed and kept as a change of this value is kept in full from here on. */
  #rewrite(place: ValuePlace, key: Buffer, base: Buffer): void {
    const row = valueRowAt(place.tables.values, key, place.label);
    // One that nothing needs was removed before this one; and one that was removed may be there again, in another form.
    if (row?.kind !== 'patch' || !row.base.equals(base)) return;
    const whole = readBytes(place, key);
    if (whole === undefined) return;
    rewriteFull(place.tables, key, whole);
    this.#counts.rewritten += 1;
  }

  #remove({ tables, label }: ValuePlace, key: Buffer, head: Position): void {
    const bytes = tables.values.get(key);
    const row = bytes === undefined ? undefined : openValueRow(bytes, key, label);
    if (bytes === undefined || row === undefined || row.kind === 'removed') return;
    const count = row.kind === 'chunks' ? row.count : 0;
    removeChunks(tables, key, count);
    const size = row.kind === 'whole' ? row.bytes.length : row.size;
    tables.values.putSync(key, removedRow(key, { reason: 'retention', size, head }));
    if (this.#left.size <= MOST_REMEMBERED) this.#left.delete(key.toString('hex'));
    this.#counts.kept -= 1;
    this.#counts.removed += 1;
    this.#counts.bytes += row.kind === 'chunks' ? row.size : bytes.length;
  }

  /** Keys of the values that were looked at and are there still; `undefined` where they are too many to be remembered. */
  get left(): readonly Buffer[] | undefined {
    return this.#left.size > MOST_REMEMBERED ? undefined : [...this.#left.values()];
  }

  /** What was done. */
  result(): PruneReport['values'] {
    return Object.freeze({ ...this.#counts });
  }
}

function keysAfter(values: Table, last: Buffer | undefined): readonly Buffer[] {
  const range = last === undefined ? { limit: PAGE } : { start: Buffer.concat([last, AFTER]), limit: PAGE };
  // All of them: what is read in a loop would move the cursor under it.
  return [...values.getKeys(range)];
}
