import { setImmediate as nextTurn } from 'node:timers/promises';
import { acceptContent } from '../lib/events/accept-batch.ts';
import type { Catalog, CatalogStore } from '../lib/events/catalog.ts';
import type { Address } from '../lib/events/data-version.ts';
import type { LoggedEvent, MissedEvent, ReadableEvent, StepSettled } from '../lib/events/logged-event.ts';
import type { Position } from '../lib/events/position.ts';
import type { RetentionRules } from '../lib/events/retention-options.ts';
import type {
  AppendBatch,
  Appended,
  LivePort,
  LoggedRun,
  PruneReport,
  PruneRequest,
  RemovedValue,
  RetentionStore,
  StepId,
  StoreLimits,
  TraceQuestion,
} from '../lib/events/store-port.ts';
import { checkSizes } from '../lib/events/value-limits.ts';
import { StoreError } from '../lib/kernel/errors.ts';
import type { AssetKey } from '../lib/model/asset-key.ts';
import { draftBatch } from './batch-draft.ts';
import { readCursor } from './cursors.ts';
import { LogReader } from './log-reader.ts';
import type { LogState } from './log-state.ts';
import type { Name } from './names.ts';
import type { OpenMode, SharedStore } from './shared-store.ts';
import { storeFailure } from './store-failure.ts';
import { LAST_POSITION, type Tables } from './tables.ts';

/** Rows read in one go: about 5 ms, after which the event loop gets a turn. */
const PAGE = 500;
/** Values may be large. */
const VALUES_PAGE = 8;

/** What one user asked for. */
export interface HoldOptions {
  readonly label: string;
  readonly mode: OpenMode;
  readonly limits: StoreLimits;
  readonly retention: RetentionRules | false;
}

/** One user's hold on a store that is open. */
export class LmdbPort implements LivePort, RetentionStore, CatalogStore {
  readonly label: string;
  readonly limits: StoreLimits;
  readonly #store: SharedStore;
  readonly #mode: OpenMode;
  readonly #busy = new Set<Promise<unknown>>();
  /** What is told that the store is closed, and how each is let go of. */
  readonly #watchers = new Map<() => void, () => void>();
  readonly #endRetention: () => Promise<void>;
  #closing: Promise<void> | undefined;

  constructor(store: SharedStore, { label, mode, limits, retention }: HoldOptions) {
    this.#store = store;
    this.label = label;
    this.limits = limits;
    this.#mode = mode;
    this.#endRetention = mode === 'read' ? () => Promise.resolve() : store.retention.join(retention);
  }

  append(batch: AppendBatch): Promise<Appended> {
    // No promise but that of the queue: there may be thousands at once.
    try {
      if (this.#closing !== undefined) throw closed(this.label);
      const { writer } = this.#store;
      if (this.#mode === 'read' || writer === undefined) throw readOnly(this.label);
      acceptContent(batch);
      checkSizes(batch, this.limits);
      return writer.append(draftBatch(batch, writer.values));
    } catch (error) {
      return Promise.reject(storeFailure(error, this.label));
    }
  }

  head(): Promise<Position> {
    return this.#use(() => this.#readPage((reader) => reader.state().head));
  }

  read(from: Position, limit: number): Promise<readonly LoggedEvent[]> {
    return this.#use(async () =>
      Object.freeze(
        await this.#pages(Math.max(from, 1), limit, {
          rows: (reader, start, count) => reader.events(start, count),
          last: ({ position }) => position,
        }),
      ),
    );
  }

  readable(keys: readonly AssetKey[], at: Position): Promise<readonly (ReadableEvent | undefined)[]> {
    return this.#use(() => this.#each(keys, (reader, key) => reader.readable(key, at)));
  }

  readableAt(keys: readonly AssetKey[], at: Position): Promise<readonly (Position | undefined)[]> {
    return this.#use(() => this.#inPages(keys, PAGE, (reader, page) => this.#store.positions.readableAt(reader, page, at)));
  }

  lastSettled(
    outputs: readonly TraceQuestion[],
    at: Position,
  ): Promise<readonly ((StepSettled & { readonly position: Position }) | undefined)[]> {
    return this.#use(() => this.#each(outputs, (reader, output) => reader.lastSettled(output, at)));
  }

  lastUnsuccessful(
    steps: readonly StepId[],
    at: Position,
  ): Promise<readonly ((StepSettled & { readonly position: Position }) | undefined)[]> {
    return this.#use(() => this.#each(steps, (reader, step) => reader.lastUnsuccessful(step, at)));
  }

  /** All at once: unlike what is in the log, they change from one page to the next. */
  offsets(keys: readonly AssetKey[]): Promise<readonly (string | undefined)[]> {
    return this.#use(() => this.#readPage((reader) => Object.freeze(keys.map((key) => reader.offset(key)))));
  }

  missed(keys: readonly AssetKey[], at: Position): Promise<readonly (MissedEvent | undefined)[]> {
    return this.#use(() => this.#each(keys, (reader, key) => reader.missed(key, at)));
  }

  runs(): Promise<readonly LoggedRun[]> {
    return this.#use(async () =>
      Object.freeze(
        await this.#pages(1, Infinity, {
          rows: (reader, start, count) => reader.runs(start, count),
          last: ({ started }) => started.position,
        }),
      ),
    );
  }

  values(addresses: readonly Address[]): Promise<readonly (Uint8Array | undefined)[]> {
    return this.#use(() => this.#each(addresses, (reader, address) => reader.value(address), VALUES_PAGE));
  }

  has(addresses: readonly Address[]): Promise<readonly boolean[]> {
    return this.#use(() => this.#each(addresses, (reader, address) => reader.has(address)));
  }

  removed(addresses: readonly Address[]): Promise<readonly (RemovedValue | undefined)[]> {
    return this.#use(() => this.#each(addresses, (reader, address) => reader.removed(address)));
  }

  catalog(): Promise<Catalog> {
    return this.#use(async () => {
      const { listed } = this.#store;
      const catalog = await this.#readPage((reader) => listed.catalog(reader));
      return catalog ?? listed.learn(...(await this.#allNames()));
    });
  }

  async prune(request: PruneRequest): Promise<PruneReport> {
    const pruned = await this.#use(async () => {
      const done = this.#mode === 'read' ? undefined : await this.#store.prune(request);
      if (done === undefined) throw readOnly(this.label);
      return done;
    });
    // What its user said or threw is no failure of the store.
    if ('stopped' in pruned) throw pruned.stopped;
    return pruned;
  }

  cursor(name: string): Promise<Position | undefined> {
    return this.#use(() => this.#store.read((tables) => readCursor(tables, name, this.label)));
  }

  setCursor(name: string, position: Position): Promise<void> {
    return this.#use(async () => {
      if (this.#mode === 'read') throw readOnly(this.label);
      this.#store.setCursor(name, position);
    });
  }

  watch(onChange: () => void): () => void {
    if (this.#closing !== undefined) throw closed(this.label);
    // A function of its own: one may watch twice.
    const tell = (): void => onChange();
    this.#watchers.set(tell, this.#store.watch(tell));
    return () => {
      this.#watchers.get(tell)?.();
      this.#watchers.delete(tell);
    };
  }

  close(): Promise<void> {
    if (this.#closing === undefined) {
      this.#closing = this.#leave();
      this.#tellOfClose();
    }
    return this.#closing;
  }

  #tellOfClose(): void {
    for (const [tell, stop] of this.#watchers) {
      stop();
      tell();
    }
    this.#watchers.clear();
  }

  async #leave(): Promise<void> {
    await this.#endRetention();
    while (this.#busy.size > 0) await Promise.allSettled(this.#busy);
    if (this.#mode === 'write') await this.#store.writer?.drained();
    await this.#store.leave(this.#mode);
  }

  /** Keeps the store from being closed under what was asked of it before, and gives every error as the store's own. */
  async #use<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#closing !== undefined) throw closed(this.label);
    const working = work();
    this.#busy.add(working);
    try {
      return await working;
    } catch (error) {
      throw storeFailure(error, this.label);
    } finally {
      this.#busy.delete(working);
    }
  }

  #readPage<Result>(body: (reader: LogReader) => Result): Promise<Result> {
    return this.#store.read((tables) => body(this.#reader(tables)));
  }

  #reader(tables: Tables): LogReader {
    return new LogReader(tables, this.#store.names, this.label);
  }

  /** Every name, and where the log stood before the first was read. */
  async #allNames(): Promise<readonly [names: readonly Name[], then: LogState]> {
    const names: Name[] = [];
    const then = await this.#readPage((reader) => reader.state());
    let after: Buffer | undefined;
    do {
      const start = after;
      const page = await this.#readPage((reader) => reader.names(start, PAGE));
      names.push(...page.names);
      after = page.next;
      if (after !== undefined) await nextTurn();
    } while (after !== undefined);
    return [names, then];
  }

  #each<Item, Answer>(
    items: readonly Item[],
    answer: (reader: LogReader, item: Item) => Answer,
    page: number = PAGE,
  ): Promise<readonly Answer[]> {
    return this.#inPages(items, page, (reader, some) => some.map((item) => answer(reader, item)));
  }

  /** One answer for each question, a page at a time. The log only grows, so later pages may see more of it, and answer the same. */
  async #inPages<Item, Answer>(
    items: readonly Item[],
    size: number,
    answer: (reader: LogReader, page: readonly Item[]) => readonly Answer[],
  ): Promise<readonly Answer[]> {
    const answers: Answer[] = [];
    for (let start = 0; start < items.length; start += size) {
      if (start > 0) await nextTurn();
      answers.push(...(await this.#readPage((reader) => answer(reader, items.slice(start, start + size)))));
    }
    return Object.freeze(answers);
  }

  async #pages<Row>(from: Position, limit: number, { rows, last }: Paging<Row>): Promise<Row[]> {
    const all: Row[] = [];
    for (let start = from; all.length < limit && start <= LAST_POSITION;) {
      const count = Math.min(PAGE, limit - all.length);
      const page = await this.#readPage((reader) => rows(reader, start, count));
      all.push(...page);
      const end = page.at(-1);
      if (end === undefined || page.length < count) break;
      start = last(end) + 1;
      await nextTurn();
    }
    return all;
  }
}

interface Paging<Row> {
  readonly rows: (reader: LogReader, start: Position, count: number) => readonly Row[];
  /** The position that a row stands at. */
  readonly last: (row: Row) => Position;
}

function closed(label: string): StoreError {
  return new StoreError('STORE_CLOSED', `The store ${JSON.stringify(label)} was closed. Use it before "close", or open it again.`, {
    details: { path: label },
  });
}

function readOnly(label: string): StoreError {
  return new StoreError(
    'STORE_READ_ONLY',
    `The store ${JSON.stringify(label)} was opened to read. Open it with mode "write" to record in it.`,
    {
      details: { path: label },
    },
  );
}
