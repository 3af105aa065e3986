import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { storeTurns, type StoreTurns } from '../lib/events/store.ts';
import type { AutomaticRetention } from '../lib/events/automatic-retention.ts';
import type { Position } from '../lib/events/position.ts';
import type { PruneRequest } from '../lib/events/store-port.ts';
import { StoreError } from '../lib/kernel/errors.ts';
import { invariant } from '../lib/kernel/invariant.ts';
import { Turns } from '../lib/kernel/turns.ts';
import { writeCursor } from './cursors.ts';
import { syncFolder } from './durable-files.ts';
import { checkLease, takeLease, type Lease, type LeaseAttempt } from './lease.ts';
import { openLmdb, type LmdbEnvironment } from './lmdb-environment.ts';
import { KnownNames } from './known-names.ts';
import { KnownPositions } from './known-positions.ts';
import { readState } from './log-state.ts';
import { LogReader } from './log-reader.ts';
import { Names } from './names.ts';
import { dataFileIdentity, preflight, type FileIdentity } from './preflight.ts';
import type { ProcessIdentity } from './process-identity.ts';
import { prune, type Pruned } from './prune.ts';
import type { Read } from './prune-roots.ts';
import { writeFailure } from './store-failure.ts';
import { retentionOf } from './store-retention.ts';
import type { Tables } from './tables.ts';
import { watchFile } from './watch-file.ts';
import { Writer } from './writer.ts';

/** How a store is opened. */
export type OpenMode = 'write' | 'read';

/** A folder to open a store in. */
export interface StorePlace {
  /** As the user wrote it, for messages. */
  readonly label: string;
  readonly mode: OpenMode;
  /** How long to wait for a writer in another process to let go. */
  readonly waitMs: number;
}

const POLL_MS = 20;

/** Every store that is open in this process, by the real path of its folder: LMDB may open a file only once a process. */
const openStores = new Map<string, SharedStore>();

/** Opening and closing, which take time, happen one after the other. Short: nobody waits for a lease in here. */
const changes = new Turns();

/**
 * What all who opened one store in this process share: the environment, the lease, the queue of writes and the turns of verbs.
 * The last one to close it closes the environment; the last one who may write lets go of the lease.
 */
export class SharedStore {
  readonly turns: StoreTurns = storeTurns();
  readonly names: Names;
  #listed = new KnownNames();
  #positions = new KnownPositions();
  /** What every hold that may write has to say of how long values are kept. */
  readonly retention: AutomaticRetention;
  readonly #path: string;
  readonly #label: string;
  #environment: LmdbEnvironment;
  #identity: FileIdentity | undefined;
  #writer: Writer | undefined;
  #lease: Lease | undefined;
  readonly #watchers = new Set<{ readonly onChange: () => void }>();
  #stopWatching: () => void = () => undefined;
  /** Settles when there is an environment again; `undefined` while there is one. */
  #reopening: Promise<void> | undefined;
  /** Whether the names of its files are on disk for sure. */
  #hasKeptNames = false;
  #users = 0;
  #writers = 0;

  private constructor(path: string, label: string, environment: LmdbEnvironment) {
    this.#path = path;
    this.#label = label;
    this.#environment = environment;
    this.names = new Names(label, (given) => this.#listed.given(given));
    this.retention = retentionOf({
      label,
      turns: this.turns.verbs,
      read: (body) => this.read(body),
      prune: async (request) => {
        const pruned = await this.prune(request);
        invariant(pruned !== undefined, 'whoever may write waits for what is being removed before it lets go of the store');
        if ('stopped' in pruned) throw pruned.stopped;
        return pruned;
      },
      setCursor: (name, position) => this.setCursor(name, position),
    });
  }

  /**
   * Opens the store in a folder that exists, or joins those who have it open.
   *
   * @throws StoreError
   */
  static async open(folder: string, place: StorePlace): Promise<SharedStore> {
    const store = await inTurn(() => SharedStore.#join(folder, place));
    try {
      await store.#enter(place);
      return store;
    } catch (error) {
      await store.leave('read');
      throw error;
    }
  }

  /** Waits to be let in. */
  async #enter(place: StorePlace): Promise<void> {
    const deadline = performance.now() + place.waitMs;
    for (let holder = await this.#admit(place); holder !== undefined; holder = await this.#admit(place)) {
      const left = deadline - performance.now();
      if (left <= 0) throw lockedBy(holder, place);
      await sleep(Math.min(POLL_MS, Math.ceil(left)));
    }
  }

  static async #join(folder: string, place: StorePlace): Promise<SharedStore> {
    const path = await realpath(folder);
    const open = openStores.get(path);
    // A folder that was deleted and made again under its name is another store; and nobody can do anything with one that is dead.
    if (open !== undefined && !open.#environment.isDead && (await dataFileIdentity(path)) === open.#identity) {
      open.#users += 1;
      return open;
    }
    await preflight(path);
    if (place.mode === 'read' && (await dataFileIdentity(path)) === undefined) throw noStore(place.label);
    const { environment, identity } = await openCurrent(path, { writable: place.mode === 'write', label: place.label });
    const store = new SharedStore(path, place.label, environment);
    store.#identity = identity;
    store.#users = 1;
    openStores.set(path, store);
    return store;
  }

  /** Lets a user in who has joined. Gives who has the lease, where it takes one and another process has it. */
  async #admit({ mode, label }: StorePlace): Promise<ProcessIdentity | undefined> {
    if (mode === 'read') return undefined;
    return inTurn(async () => {
      if (this.#writer === undefined) {
        if (!this.#environment.writable) await this.#reopenToWrite();
        await this.#keepNames();
        const attempt = await this.#takeLease(label);
        if ('holder' in attempt) return attempt.holder;
        this.#lease = attempt.lease;
        this.#writer = new Writer({
          environment: this.#environment,
          names: this.names,
          lease: attempt.lease,
          label: this.#label,
          path: this.#path,
          onCommit: (added) => {
            this.changed();
            this.retention.added(added);
          },
        });
      }
      this.#writers += 1;
      return undefined;
    });
  }

  /** Before anything is acknowledged: a file that was flushed is of no use where its name is not on disk. */
  async #keepNames(): Promise<void> {
    if (this.#hasKeptNames) return;
    await syncFolder(this.#path);
    this.#hasKeptNames = true;
  }

  /** Takes the lease of the file that the folder has now: before it is had, a compaction may put another one there; after that, none can. */
  async #takeLease(label: string): Promise<LeaseAttempt> {
    for (;;) {
      const attempt = takeLease(this.#environment, { path: this.#path, label });
      if ('holder' in attempt || (await dataFileIdentity(this.#path)) === this.#identity) return attempt;
      await this.#reopenToWrite();
    }
  }

  /** LMDB cannot have the file open twice, so readers in this process wait for a moment. */
  async #reopenToWrite(): Promise<void> {
    const reopening = this.#reopen();
    this.#reopening = reopening.catch(() => undefined);
    await reopening.finally(() => (this.#reopening = undefined));
  }

  async #reopen(): Promise<void> {
    const open = (writable: boolean): Promise<LmdbEnvironment> => openLmdb(this.#path, { writable, label: this.#label });
    await this.#environment.close();
    // The folder may have another file by now.
    this.#listed = new KnownNames();
    this.#positions = new KnownPositions();
    try {
      this.#environment = await open(true);
      this.#identity = await dataFileIdentity(this.#path);
    } catch (error) {
      // Whoever was reading goes on reading.
      this.#environment = await open(false);
      throw error;
    }
  }

  /** Lets go of the store. Everything that was asked of it has to be settled. */
  async leave(mode: OpenMode): Promise<void> {
    await inTurn(async () => {
      this.#users -= 1;
      if (mode === 'write') this.#writers -= 1;
      if (this.#writers === 0) {
        this.#writer?.release();
        this.#writer = undefined;
        this.#lease = undefined;
      }
      if (this.#users > 0) return;
      if (openStores.get(this.#path) === this) openStores.delete(this.#path);
      await this.#environment.close();
    });
  }

  /** Removes what nothing needs; `undefined` where nobody may write. */
  async prune(request: PruneRequest): Promise<Pruned | undefined> {
    const label = this.#label;
    if (this.#writer === undefined) return undefined;
    const read: Read = (body) => this.read((tables) => body(new LogReader(tables, this.names, label), tables));
    return prune({ writer: this.#writer, read, label, remember: this.retention.isOn }, request);
  }

  /** Runs a read that waits for nothing. It sees all that any process has committed. */
  async read<Result>(body: (tables: Tables) => Result): Promise<Result> {
    while (this.#reopening !== undefined) await this.#reopening;
    this.#environment.refresh();
    return body(this.#environment.tables);
  }

  /** Calls back whenever something may have been appended, here or elsewhere. The file is watched as long as anybody wants to know. */
  watch(onChange: () => void): () => void {
    // An object of its own: one function may watch twice.
    const watcher = { onChange };
    if (this.#watchers.size === 0) this.#stopWatching = watchFile(join(this.#path, 'data.mdb'), () => this.changed());
    this.#watchers.add(watcher);
    return () => {
      if (this.#watchers.delete(watcher) && this.#watchers.size === 0) this.#stopWatching();
    };
  }

  /** Tells all who watch. */
  changed(): void {
    for (const { onChange } of this.#watchers) onChange();
  }

  /**
   * Writes how far a reader came: on disk when this returns.
   *
   * @throws StoreError STORE_LOCKED for a writer that lost its lease
   */
  setCursor(name: string, position: Position): void {
    const place = { tables: this.#environment.tables, label: this.#label };
    try {
      this.#environment.transact(() => {
        // Where nobody writes there is no lease, and nobody's epoch is 0.
        checkLease(this.#lease ?? { epoch: 0 }, readState(place.tables, place.label), place);
        writeCursor(place.tables, name, { position, label: place.label });
      });
    } catch (error) {
      throw writeFailure(error, { path: this.#path, bytes: name.length });
    }
  }

  /** What was listed of the names. */
  get listed(): KnownNames {
    return this.#listed;
  }

  /** What was found of where events stand. */
  get positions(): KnownPositions {
    return this.#positions;
  }

  /** The writer; there is one as long as somebody has the store open to write. */
  get writer(): Writer | undefined {
    return this.#writer;
  }
}

async function inTurn<Result>(change: () => Promise<Result>): Promise<Result> {
  const release = await changes.take();
  try {
    return await change();
  } finally {
    release();
  }
}

function lockedBy({ pid }: ProcessIdentity, { label, waitMs }: StorePlace): StoreError {
  const who = pid === process.pid ? `another copy of Sluice in this process (${pid})` : `process ${pid}`;
  return new StoreError(
    'STORE_LOCKED',
    `The store ${JSON.stringify(label)} is open for writing in ${who}. Close it there, wait for it ("waitMs" was ${waitMs}), or open the store with mode "read".`,
    {
      details: { path: label, pid },
    },
  );
}

function noStore(label: string): StoreError {
  return new StoreError(
    'STORE_PATH',
    `There is no store in ${JSON.stringify(label)} to read. Open it for writing once, or check the path.`,
    {
      details: { path: label },
    },
  );
}

/** Opens the file that the folder has: between the look and the opening, a compaction may put another one in its place. */
async function openCurrent(
  path: string,
  options: { readonly writable: boolean; readonly label: string },
): Promise<{ readonly environment: LmdbEnvironment; readonly identity: FileIdentity | undefined }> {
  for (;;) {
    const before = await dataFileIdentity(path);
    const environment = await openLmdb(path, options);
    const identity = await dataFileIdentity(path);
    // Where none was before, opening has made it.
    if (before === undefined || before === identity) return { environment, identity };
    await environment.close();
  }
}
