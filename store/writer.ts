import type { StoreError } from '../lib/kernel/errors.ts';
import { appendBatches, type Appended } from './append-batches.ts';
import type { BatchDraft } from './batch-draft.ts';
import { GroupCommit } from './group-commit.ts';
import { checkLease, releaseLease, type Lease } from './lease.ts';
import type { LmdbEnvironment } from './lmdb-environment.ts';
import type { Names } from './names.ts';
import { isFatal, isFull, storeFailure, writeFailure } from './store-failure.ts';

/** About 20 ms of work: a transaction holds the event loop from beginning to end. */
const LIMITS = { events: 1000, bytes: 4 * 2 ** 20 } as const;
const READER_CHECK_MS = 60_000;

/** What a {@link Writer} needs of its store. */
export interface WriterOptions {
  readonly environment: LmdbEnvironment;
  readonly names: Names;
  readonly lease: Lease;
  readonly label: string;
  /** The store's folder. */
  readonly path: string;
}

/** The one writer of a store in this process: whoever opened the store to write appends through it. */
export class Writer {
  readonly #options: WriterOptions;
  readonly #queue: GroupCommit<BatchDraft, Appended>;
  #fatal: StoreError | undefined;
  #checkedReaders = performance.now();

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#queue = new GroupCommit({ commit: (batches) => this.#commit(batches), mayFitAlone: isFull, limits: LIMITS });
  }

  /**
   * Settles when the batch is on disk.
   *
   * @throws StoreError of whatever kept it from getting there; then nothing of it is there
   */
  async append(batch: BatchDraft): Promise<Appended> {
    try {
      return await this.#queue.submit(batch, { events: batch.events.length, bytes: batch.size });
    } catch (error) {
      throw storeFailure(error, this.#options.label);
    }
  }

  /** Lets others write. Everything appended has to be settled. */
  release(): void {
    const { environment, lease, label } = this.#options;
    try {
      releaseLease(environment, lease, label);
    } catch {
      // Nothing is lost: a lease whose process has ended, or whose copy of this module opens the store again, is taken over.
    }
  }

  #commit(batches: readonly BatchDraft[]): readonly Appended[] {
    if (this.#fatal !== undefined) throw this.#fatal;
    const { environment, names } = this.#options;
    let appended: readonly Appended[] = [];
    let committed = false;
    try {
      environment.transact(() => {
        appended = appendBatches({ ...this.#options, tables: environment.tables, checkEpoch: (state) => this.#check(state) }, batches);
      });
      committed = true;
    } catch (error) {
      if (isFatal(error)) this.#fatal = storeFailure(error, this.#options.label);
      throw writeFailure(error, { path: this.#options.path, bytes: batches.reduce((sum, { size }) => sum + size, 0) });
    } finally {
      names.settle(committed);
    }
    this.#checkReaders();
    return appended;
  }

  #check(state: Parameters<typeof checkLease>[1]): void {
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
