import type { Appended } from '../lib/events/store-port.ts';
import { StoreError } from '../lib/kernel/errors.ts';
import { Turns } from '../lib/kernel/turns.ts';
import { appendBatches, type Outcome } from './append-batches.ts';
import { volumeOf, type BatchDraft } from './batch-draft.ts';
import type { Volume } from './disk-room.ts';
import { GroupCommit } from './group-commit.ts';
import { checkLease, releaseLease, type Lease } from './lease.ts';
import type { LmdbEnvironment } from './lmdb-environment.ts';
import { readState, type LogState } from './log-state.ts';
import type { Names } from './names.ts';
import { isFatal, storeFailure, writeFailure } from './store-failure.ts';
import type { ValuePlace } from './value-reader.ts';
import { ValueWriter } from './value-writer.ts';

/** About 20 ms of work: a transaction holds the event loop from beginning to end. Numbers alone cannot say how long it takes. */
const LIMITS = { events: 4000, bytes: 4 * 2 ** 20, milliseconds: 20 } as const;
const READER_CHECK_MS = 60_000;

/** What a {@link Writer} needs of its store. */
export interface WriterOptions {
  readonly environment: LmdbEnvironment;
  readonly names: Names;
  readonly lease: Lease;
  readonly label: string;
  /** The store's folder. */
  readonly path: string;
  /** Called when something was committed, with how many events and values. Must not throw. */
  readonly onCommit: (added: number) => void;
}

/** The one writer of a store in this process: whoever opened the store to write appends through it. */
export class Writer {
  /** Brings values into the form in which they are kept. */
  readonly values: ValueWriter;
  /** One prune at a time. */
  readonly prunes: Turns = new Turns();
  readonly #options: WriterOptions;
  readonly #queue: GroupCommit<BatchDraft, Appended>;
  #fatal: StoreError | undefined;
  #checkedReaders = performance.now();

  constructor(options: WriterOptions) {
    this.#options = options;
    this.values = new ValueWriter(() => {
      options.environment.refresh();
      return { tables: options.environment.tables, label: options.label };
    });
    this.#queue = new GroupCommit<BatchDraft, Appended>({
      commit: (batches, hasTime) => this.#commit(batches, hasTime),
      mayPassAlone,
      limits: LIMITS,
      monotonic: () => performance.now(),
    });
  }

  /** Settles when the batch is on disk, or rejects with the StoreError of whatever kept it from getting there; then nothing of it is there. */
  append(batch: BatchDraft): Promise<Appended> {
    return this.#queue.submit(batch);
  }

  /** Resolves when every append that was asked for before has settled. */
  drained(): Promise<void> {
    return this.#queue.drained();
  }

  /**
   * Runs `body` in a transaction of its own. It waits for nothing, and changes nothing of what appends rely on: no name, no position.
   *
   * @param volume what it writes at most
   * @throws StoreError STORE_FULL where that may not fit; STORE_LOCKED for a writer that lost its lease; or whatever kept it from getting to disk
   */
  transact(body: (place: ValuePlace, state: LogState) => void, volume: Volume): void {
    if (this.#fatal !== undefined) throw this.#fatal;
    const { environment, label, path } = this.#options;
    const place = { tables: environment.tables, label };
    try {
      environment.transact(() => {
        const state = readState(place.tables, label);
        this.#check(state);
        body(place, state);
      }, volume);
    } catch (error) {
      if (isFatal(error)) this.#fatal = storeFailure(error, label);
      throw writeFailure(error, { path, bytes: volume.bytes });
    }
  }

  /** Lets others write. Everything appended has to be settled. */
  release(): void {
    const { environment, lease } = this.#options;
    releaseLease(environment, lease, this.#options);
  }

  #commit(batches: readonly BatchDraft[], hasTime: () => boolean): readonly Outcome[] {
    if (this.#fatal !== undefined) throw this.#fatal;
    const { environment, names } = this.#options;
    let outcomes: readonly Outcome[] = [];
    let committed = false;
    try {
      environment.transact(() => {
        const target = {
          ...this.#options,
          values: this.values,
          tables: environment.tables,
          checkEpoch: (state: LogState) => this.#check(state),
        };
        outcomes = appendBatches(target, batches, hasTime);
      }, volumeOf(batches));
      committed = true;
    } catch (error) {
      if (isFatal(error)) this.#fatal = storeFailure(error, this.#options.label);
      const bytes = batches.reduce((sum, { weight }) => sum + weight.bytes, 0);
      throw storeFailure(writeFailure(error, { path: this.#options.path, bytes }), this.#options.label);
    } finally {
      names.settle(committed);
    }
    this.#options.onCommit(addedBy(batches));
    this.#checkReaders();
    return outcomes;
  }

  #check(state: LogState): void {
    const { environment, lease, label } = this.#options;
    checkLease(lease, state, { tables: environment.tables, label });
  }

  /** lmdb-js does this in writes that we never make. */
  #checkReaders(): void {
    const now = performance.now();
    if (now - this.#checkedReaders < READER_CHECK_MS) return;
    this.#checkedReaders = now;
    try {
      this.#options.environment.forgetDeadReaders();
    } catch {
      // What was appended is on disk, and readers may be forgotten next time.
    }
  }
}

function addedBy(batches: readonly BatchDraft[]): number {
  let added = 0;
  for (const { events, values } of batches) {
    added += events.length;
    for (const { rows } of values) added += rows;
  }
  return added;
}

/** What is too much for the disk may be one batch, and a row that is damaged is needed by one: the others are not to suffer for it. */
function mayPassAlone(error: unknown): boolean {
  return error instanceof StoreError && (error.code === 'STORE_FULL' || error.code === 'STORE_CORRUPT');
}
