import { placeConflict, versionConflict } from '../lib/events/append-conflicts.ts';
import type { Position } from '../lib/events/position.ts';
import type { Appended } from '../lib/events/store-port.ts';
import { addTo } from '../lib/kernel/add-to.ts';
import { StoreError } from '../lib/kernel/errors.ts';
import { findAppend, putAppend } from './appends.ts';
import type { BatchDraft, EventDraft, IndexDraft, IndexTable } from './batch-draft.ts';
import { AT_THE_END, IN_ANY_CASE, putEntry, type Entry } from './lmdb-put.ts';
import { readState, writeState, type LogState } from './log-state.ts';
import type { Names } from './names.ts';
import { putOffset } from './offsets.ts';
import { corrupt, record, Sealer } from './record.ts';
import { indexKey, lastInIndex, POSITION_BYTES, positionKey, type Table, type Tables } from './tables.ts';
import type { ValueDraft, ValueWriter } from './value-writer.ts';

/** What an append works on, inside of a transaction. */
export interface AppendTarget {
  readonly tables: Tables;
  readonly names: Names;
  readonly values: ValueWriter;
  readonly label: string;
  /** Throws where the writer with this state's epoch is another one. */
  readonly checkEpoch: (state: LogState) => void;
}

const EVENTS = new Sealer('events');
// Keys and rows are copied when they are put: this is used for one row of an index after the other.
const INDEX_KEY = indexKey(0, 0);
const INDEX_ENTRY: Entry = { space: INDEX_KEY, start: 0, row: INDEX_KEY.length, end: INDEX_KEY.length };
const INDICES: readonly IndexTable[] = ['readable', 'settled', 'missed'];
/** About how many bytes of batches have their other rows put together: some milliseconds of work, which the limit of time has to see. */
const PUT_TOGETHER = 1024 * 1024;

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
  writing.finish();
  writeState(tables, writing.state());
  return outcomes;
}

/**
 * What batches add. Rows of events are put at once, those of indices and of values somewhat later and table by table: the pages of one tree
 * are in the processor's cache then, and beside each other in the file, which takes a sixth less time than to go from tree to tree.
 */
class Writing {
  readonly #target: AppendTarget;
  readonly #epoch: number;
  #head: Position;
  #nextName: number;
  /** Rows of indices that wait. Each name is looked up once for all of its positions. */
  readonly #index = new Map<IndexDraft, Position[]>();
  readonly #values: ValueDraft[] = [];
  #waiting = 0;

  constructor(target: AppendTarget, { epoch, head, nextName }: LogState) {
    this.#target = target;
    this.#epoch = epoch;
    this.#head = head;
    this.#nextName = nextName;
  }

  state(): LogState {
    return { epoch: this.#epoch, head: this.#head, nextName: this.#nextName };
  }

  /** Everything that may refuse the batch comes first: what is put stays, since its neighbours are in the same transaction. */
  add(batch: BatchDraft): Outcome {
    const { events, values, refers, reads, id, offsets } = batch;
    const { tables, label } = this.#target;
    const earlier = id === undefined ? undefined : findAppend(tables, id, label);
    if (earlier !== undefined) return earlier instanceof StoreError ? earlier : { ...earlier, duplicate: true };
    const conflict = this.#conflict(batch);
    if (conflict !== undefined) return conflict;
    const first = this.#head + 1;
    for (const event of events) this.#addEvent(event);
    for (const value of values) this.#values.push(value);
    for (const address of refers) this.#target.values.touch(address);
    this.#target.values.noteRead(reads);
    const last = this.#head;
    for (const offset of offsets) putOffset(tables, offset, last);
    if (id !== undefined) putAppend(tables, id, { first, last });
    this.#waiting += batch.weight.bytes;
    if (this.#waiting > PUT_TOGETHER) this.finish();
    return { first, last, duplicate: false };
  }

  /** Puts all rows that wait. */
  finish(): void {
    const { tables, label, values } = this.#target;
    this.#putIndices();
    const place = { tables, label };
    for (const value of this.#values) values.put(place, value);
    this.#values.length = 0;
    this.#waiting = 0;
  }

  #putIndices(): void {
    const waiting: Readonly<Record<IndexTable, IndexRows[]>> = { readable: [], settled: [], missed: [] };
    // In the order in which names came: new ones get their ids in it.
    for (const [{ table, name }, positions] of this.#index) waiting[table].push({ id: this.#idOf(name), positions });
    for (const table of INDICES) putIndex(this.#target.tables[table], waiting[table]);
    this.#index.clear();
  }

  /** Looks under the lock, so that what is found is what this batch would follow. */
  #conflict({ expected, at }: BatchDraft): StoreError | undefined {
    const { tables, names, label } = this.#target;
    if (at !== undefined && at !== this.#head + 1) return placeConflict(label, at, this.#head + 1);
    if (expected.length === 0) return undefined;
    // What its neighbours have just added counts.
    this.finish();
    for (const { expected: expectation, name } of expected) {
      const id = names.find(tables, name);
      const found = id === undefined ? 0 : (lastInIndex(tables.readable, id, this.#head) ?? 0);
      if (found !== expectation.position) return versionConflict(label, expectation, found);
    }
    return undefined;
  }

  #addEvent(event: EventDraft): void {
    const { index, run } = event;
    this.#head += 1;
    event.space.writeUIntBE(this.#head, event.start, POSITION_BYTES);
    EVENTS.seal(event);
    // Positions only grow: LMDB adds the row without looking for its place, and fills pages to the last.
    if (!putEntry(this.#target.tables.events, event, AT_THE_END)) throw this.#beyondHead();
    for (const draft of index) addTo(this.#index, draft, this.#head);
    if (run?.starts === true) this.#startRun(run.name);
    else if (run !== undefined) this.#endRun(run.name);
  }

  /** What is there was acknowledged, or the state is not what it was: nobody may write over it. */
  #beyondHead(): StoreError {
    const { label } = this.#target;
    return corrupt(
      { table: 'events', key: positionKey(this.#head), label },
      'is there already, or one after it, though the log is said to end before',
    );
  }

  #idOf(name: string): number {
    const { tables, names } = this.#target;
    const found = names.find(tables, name);
    if (found !== undefined) return found;
    const id = this.#nextName;
    this.#nextName += 1;
    names.set(tables, name, id);
    return id;
  }

  #startRun(name: string): void {
    const { tables, names } = this.#target;
    putRun(tables, this.#head, 0);
    // A run's number is the position of its start, which no other run can have.
    names.set(tables, name, this.#head);
  }

  #endRun(name: string): void {
    const { tables, names } = this.#target;
    const started = names.find(tables, name);
    if (started !== undefined) putRun(tables, started, this.#head);
  }
}

interface IndexRows {
  readonly id: number;
  readonly positions: readonly Position[];
}

/** In the order of the table, so that each page is changed once and is not looked for again. */
function putIndex(table: Table, waiting: IndexRows[]): void {
  for (const { id, positions } of waiting.sort((one, other) => one.id - other.id)) {
    INDEX_KEY.writeUInt32BE(id, 0);
    for (const position of positions) {
      INDEX_KEY.writeUIntBE(position, INDEX_KEY.length - POSITION_BYTES, POSITION_BYTES);
      putEntry(table, INDEX_ENTRY, IN_ANY_CASE);
    }
  }
}

function putRun(tables: Tables, started: Position, ended: Position): void {
  const key = positionKey(started);
  tables.runs.putSync(key, record('runs', key, [ended]));
}
