import { placeConflict, versionConflict } from '../lib/events/append-conflicts.ts';
import type { Position } from '../lib/events/position.ts';
import type { Appended } from '../lib/events/store-port.ts';
import { StoreError } from '../lib/kernel/errors.ts';
import { findAppend, putAppend } from './appends.ts';
import type { BatchDraft, EventDraft } from './batch-draft.ts';
import { readState, writeState, type LogState } from './log-state.ts';
import type { Names } from './names.ts';
import { putOffset } from './offsets.ts';
import { record, Sealer } from './record.ts';
import { indexKey, lastInIndex, positionKey, type Tables } from './tables.ts';
import type { ValueWriter } from './value-writer.ts';

/** What an append works on, inside of a transaction. */
export interface AppendTarget {
  readonly tables: Tables;
  readonly names: Names;
  readonly values: ValueWriter;
  readonly label: string;
  /** Throws where the writer with this state's epoch is another one. */
  readonly checkEpoch: (state: LogState) => void;
}

const NOTHING = Buffer.alloc(0);

// lmdb-js copies keys and rows when they are put: these are used for one row after the other, and cost no buffers.
const EVENT = new Sealer('events', positionKey(0).length);
const INDEX_KEY = indexKey(0, 0);
const POSITION_BYTES = EVENT.key.length;

/** What became of a batch: where it stands, or why nothing of it is there. */
export type Outcome = Appended | StoreError;

/**
 * Adds batches in their order, inside of a transaction, for as long as there is time, and the first one in any case: positions follow the
 * head without a gap, because both are read and written under LMDB's one lock. Nothing is visible before the transaction commits, so a crash
 * at any line leaves the state before. Gives what became of each batch that it came to.
 *
 * @throws StoreError, after which the transaction must not commit
 */
export function appendBatches(target: AppendTarget, batches: readonly BatchDraft[], hasTime: () => boolean): readonly Outcome[] {
  const { tables, label } = target;
  const state = readState(tables, label);
  // Before anything is answered: who lost the lease cannot know what the log holds.
  target.checkEpoch(state);
  const writing = new Writing(target, state);
  const outcomes: Outcome[] = [];
  for (const batch of batches) {
    if (outcomes.length > 0 && !hasTime()) break;
    outcomes.push(writing.add(batch));
  }
  writeState(tables, writing.state());
  return outcomes;
}

class Writing {
  readonly #tables: Tables;
  readonly #names: Names;
  readonly #values: ValueWriter;
  readonly #label: string;
  readonly #epoch: number;
  #head: Position;
  #nextName: number;

  constructor({ tables, names, values, label }: AppendTarget, { epoch, head, nextName }: LogState) {
    this.#tables = tables;
    this.#names = names;
    this.#values = values;
    this.#label = label;
    this.#epoch = epoch;
    this.#head = head;
    this.#nextName = nextName;
  }

  state(): LogState {
    return { epoch: this.#epoch, head: this.#head, nextName: this.#nextName };
  }

  /** Everything that may refuse the batch comes first: what is put stays, since its neighbours are in the same transaction. */
  add(batch: BatchDraft): Outcome {
    const { events, values, refers, id, offsets } = batch;
    const earlier = id === undefined ? undefined : findAppend(this.#tables, id, this.#label);
    if (earlier !== undefined) return earlier instanceof StoreError ? earlier : { ...earlier, duplicate: true };
    const conflict = this.#conflict(batch);
    if (conflict !== undefined) return conflict;
    const first = this.#head + 1;
    for (const event of events) this.#addEvent(event);
    for (const value of values) this.#values.put({ tables: this.#tables, label: this.#label }, value);
    for (const key of refers) this.#values.touch(key);
    const range = { first, last: this.#head };
    for (const offset of offsets) putOffset(this.#tables, offset, this.#head);
    if (id !== undefined) putAppend(this.#tables, id, range);
    return { ...range, duplicate: false };
  }

  /** Looks under the lock, so that what is found is what this batch would follow. */
  #conflict({ expected, at }: BatchDraft): StoreError | undefined {
    if (at !== undefined && at !== this.#head + 1) return placeConflict(this.#label, at, this.#head + 1);
    for (const { expected: expectation, name } of expected) {
      const id = this.#names.find(this.#tables, name);
      const found = id === undefined ? 0 : (lastInIndex(this.#tables.readable, id, this.#head) ?? 0);
      if (found !== expectation.position) return versionConflict(this.#label, expectation, found);
    }
    return undefined;
  }

  #addEvent({ record: drafted, index, run }: EventDraft): void {
    this.#head += 1;
    EVENT.key.writeUIntBE(this.#head, 0, POSITION_BYTES);
    this.#tables.events.putSync(EVENT.key, EVENT.seal(drafted));
    for (const { table, name } of index) {
      INDEX_KEY.writeUInt32BE(this.#idOf(name), 0);
      INDEX_KEY.writeUIntBE(this.#head, INDEX_KEY.length - POSITION_BYTES, POSITION_BYTES);
      this.#tables[table].putSync(INDEX_KEY, NOTHING);
    }
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
