import type { Position } from '../lib/events/position.ts';
import type { BatchDraft, EventDraft } from './batch-draft.ts';
import { readState, writeState, type LogState } from './log-state.ts';
import type { Names } from './names.ts';
import { record, seal } from './record.ts';
import { indexKey, positionKey, type Tables } from './tables.ts';

/** The positions that a batch got. */
export interface Appended {
  readonly first: Position;
  readonly last: Position;
}

/** What an append works on, inside of a transaction. */
export interface AppendTarget {
  readonly tables: Tables;
  readonly names: Names;
  readonly label: string;
  /** Throws where the writer with this state's epoch is another one. */
  readonly checkEpoch: (state: LogState) => void;
}

const NOTHING = Buffer.alloc(0);

/**
 * Adds batches in their order, inside of a transaction: positions follow the head without a gap, because both are read and written
 * under LMDB's one lock. Nothing is visible before the transaction commits, so a crash at any line leaves the state before.
 */
export function appendBatches(target: AppendTarget, batches: readonly BatchDraft[]): readonly Appended[] {
  const { tables, label } = target;
  const state = readState(tables, label);
  target.checkEpoch(state);
  const writing = new Writing(target, state);
  const appended = batches.map((batch) => writing.add(batch));
  writeState(tables, writing.state());
  return appended;
}

class Writing {
  readonly #tables: Tables;
  readonly #names: Names;
  readonly #epoch: number;
  #head: Position;
  #nextName: number;

  constructor({ tables, names }: AppendTarget, { epoch, head, nextName }: LogState) {
    this.#tables = tables;
    this.#names = names;
    this.#epoch = epoch;
    this.#head = head;
    this.#nextName = nextName;
  }

  state(): LogState {
    return { epoch: this.#epoch, head: this.#head, nextName: this.#nextName };
  }

  add({ events, values }: BatchDraft): Appended {
    const first = this.#head + 1;
    for (const event of events) this.#addEvent(event);
    for (const { key, bytes } of values) {
      // Rows under one key are the same bytes: what is there stays, and costs no page.
      if (!this.#tables.values.doesExist(key)) this.#tables.values.putSync(key, bytes);
    }
    return { first, last: this.#head };
  }

  #addEvent({ record: drafted, index, run }: EventDraft): void {
    this.#head += 1;
    const key = positionKey(this.#head);
    this.#tables.events.putSync(key, seal(drafted, 'events', key));
    for (const { table, name } of index) this.#tables[table].putSync(indexKey(this.#idOf(name), this.#head), NOTHING);
    if (run?.starts === true) this.#startRun(run.name);
    else if (run !== undefined) this.#endRun(run.name);
  }

  #idOf(name: string): number {
    const found = this.#names.find(this.#tables, name);
    if (found !== undefined) return found;
    const id = this.#nextName;
    this.#nextName += 1;
    this.#names.set(this.#tables, name, id);
    return id;
  }

  #startRun(name: string): void {
    this.#putRun(this.#head, 0);
    // A run's number is the position of its start, which no other run can have.
    this.#names.set(this.#tables, name, this.#head);
  }

  #endRun(name: string): void {
    const started = this.#names.find(this.#tables, name);
    if (started !== undefined) this.#putRun(started, this.#head);
  }

  #putRun(started: Position, ended: Position): void {
    const key = positionKey(started);
    this.#tables.runs.putSync(key, record('runs', key, [ended]));
  }
}
