import { statSync } from 'node:fs';
import { join } from 'node:path';
import { open, type RootDatabase } from 'lmdb';
import { StoreError } from '../lib/kernel/errors.ts';
import { prepareLocks, DiskRoom, type DiskPlace, type Volume } from './disk-room.ts';
import { FORMAT, formatOf, LATER_TABLES, META, OLDEST_FORMAT, TABLE_NAMES, type Table, type TableName, type Tables } from './tables.ts';

type Root = RootDatabase<Buffer, Buffer>;

/** An open LMDB environment with its tables. Everything that is particular to lmdb-js is in this file and in lmdb-put.ts. */
export interface LmdbEnvironment {
  /** Those of now: ask anew for each transaction and each read. */
  readonly tables: Tables;
  /** Whether it was opened to be written to. */
  readonly writable: boolean;
  /** Whether it failed, and could not be opened again: everything throws. */
  readonly isDead: boolean;
  /**
   * Runs `body` in one transaction: on disk when this returns, or rolled back when it throws. Nothing of a user's may run in it.
   *
   * @param volume what is about to be written
   * @throws StoreError STORE_FULL where that may not fit
   */
  transact(body: () => void, volume?: Volume): void;
  /** Makes the next read see all that any process has committed. */
  refresh(): void;
  /** Gives back what readers held that died: their pages could not be used again. */
  forgetDeadReaders(): void;
  close(): Promise<void>;
}

/**
 * - `noSubdir`: a folder with a dot in its name would be taken for a file.
 * - `overlappingSync`: off, so that what other processes see is on disk.
 * - `eventTurnBatching`: off, because it leaves rejections that nobody can handle.
 * No option of the unnamed database matters: it only lists the named ones.
 */
export const ENVIRONMENT_OPTIONS = {
  noSubdir: false,
  overlappingSync: false,
  eventTurnBatching: false,
  maxDbs: 32,
  maxReaders: 512,
  encoding: 'binary',
} as const;
const TABLE_OPTIONS = { encoding: 'binary', keyEncoding: 'binary' } as const;

/**
 * Copies a key to where LMDB looks for it. lmdb-js calls into the engine for each key, which is a third of what a small row takes to be put or
 * read. Put in the place of its own function: as a `keyEncoder` it would have ranges without a start begin at the key 5.
 */
function writeKey(key: Buffer, target: Uint8Array, start: number): number {
  const { length } = key;
  for (let index = 0; index < length; index += 1) target[start + index] = key[index] ?? 0;
  return start + length;
}

function openTable(root: Root, name: TableName): Table | undefined {
  // In a store that is opened to read there may be no such table, which the types do not say.
  const table = root.openDB<Buffer, Buffer>(name, TABLE_OPTIONS) as Table | undefined;
  return table === undefined ? undefined : Object.assign(table, { writeKey });
}

/** What is open of a folder, from one failure to the next. */
interface OpenRoot {
  readonly root: Root;
  readonly tables: Tables;
}

interface OpenPlace extends DiskPlace {
  readonly writable: boolean;
}

/**
 * Opens the environment in a folder, and makes it where there is none and it is to be written to.
 *
 * @throws StoreError STORE_FORMAT for what is no store, or one of a later version; STORE_FULL where there is no room to open it; or what
 * lmdb throws
 */
export async function openLmdb(
  path: string,
  { writable, label }: { readonly writable: boolean; readonly label: string },
): Promise<LmdbEnvironment> {
  const place = { path, label, writable };
  // LMDB cannot open it to read, and lmdb-js 3.5.6 may end the process over whatever cannot be opened.
  if (!writable && isEmpty(path)) throw notAStore(label, NEVER_FINISHED);
  prepareLocks(place);
  const room = new DiskRoom(place);
  // Whoever writes makes tables that are not there, or takes the lease at least.
  if (writable) room.check(SMALL);
  return new RenewableEnvironment(place, room, openRoot(place));
}

const NEVER_FINISHED = 'was never finished being made: open it once to write';

/** A few rows. */
const SMALL: Volume = { bytes: 0, rows: 0 };

function openRoot({ path, label, writable }: OpenPlace): OpenRoot {
  const root: Root = open<Buffer, Buffer>({ ...ENVIRONMENT_OPTIONS, path, readOnly: !writable });
  try {
    return { root, tables: openTables(root, { writable, label }) };
  } catch (error) {
    closeNow(root);
    throw error;
  }
}

/** Closes without waiting: there is nothing to wait for where all writes are transactions that wait for nothing, and all reads too. */
function closeNow(root: Root): void {
  void root.close();
}

/**
 * An environment that is closed and opened again whenever LMDB fails to commit. What fails there may leave memory behind that the next
 * transaction would use (lmdb 3.5.6): one that failed is never asked anything again. The file is as it was before that transaction.
 */
class RenewableEnvironment implements LmdbEnvironment {
  readonly writable: boolean;
  readonly #place: OpenPlace;
  readonly #room: DiskRoom;
  readonly #file: string | undefined;
  #open: OpenRoot;
  #dead: StoreError | undefined;

  constructor(place: OpenPlace, room: DiskRoom, opened: OpenRoot) {
    this.writable = place.writable;
    this.#place = place;
    this.#room = room;
    this.#open = opened;
    this.#file = fileOf(place.path);
  }

  get tables(): Tables {
    return this.#alive().tables;
  }

  get isDead(): boolean {
    return this.#dead !== undefined;
  }

  transact(body: () => void, volume: Volume = SMALL): void {
    const { root } = this.#alive();
    this.#room.check(volume);
    try {
      // The braces matter: lmdb-js keeps the transaction open for as long as a promise that its callback returns.
      root.transactionSync(() => {
        body();
      });
    } catch (error) {
      // What the store itself refuses is rolled back by LMDB as always.
      if (!(error instanceof StoreError)) this.#renew();
      throw error;
    }
  }

  refresh(): void {
    this.#alive().root.resetReadTxn();
  }

  forgetDeadReaders(): void {
    this.#alive().root.readerCheck();
  }

  async close(): Promise<void> {
    if (this.isDead) return;
    // Whoever asks it later is one whose store could not be opened another way.
    this.#dead = cannotGoOn(this.#place.label, new Error('it is closed'));
    await this.#open.root.close();
  }

  #alive(): OpenRoot {
    if (this.#dead !== undefined) throw this.#dead;
    return this.#open;
  }

  /** At once, so that nobody comes between. The lease is a row, and stays. */
  #renew(): void {
    const { path, label } = this.#place;
    try {
      closeNow(this.#open.root);
      if (this.#file === undefined || fileOf(path) !== this.#file) throw new Error('another file is in its place');
      this.#open = openRoot(this.#place);
    } catch (error) {
      this.#dead = cannotGoOn(label, error);
    }
  }
}

function isEmpty(path: string): boolean {
  return (statSync(join(path, 'data.mdb'), { throwIfNoEntry: false })?.size ?? 0) === 0;
}

/** Which data file is in a folder. */
function fileOf(path: string): string | undefined {
  const found = statSync(join(path, 'data.mdb'), { bigint: true, throwIfNoEntry: false });
  return found === undefined ? undefined : `${found.dev}:${found.ino}`;
}

function cannotGoOn(label: string, cause: unknown): StoreError {
  return new StoreError(
    'STORE_IO',
    `The store ${JSON.stringify(label)} can neither be read nor written any more: after an error it could not be opened again (${messageOf(cause)}). What was acknowledged is on disk. Close it, check the disk, and open it again.`,
    { details: { path: label }, cause },
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function openTables(root: Root, { writable, label }: { readonly writable: boolean; readonly label: string }): Tables {
  const present = new Set<unknown>(root.getKeys());
  if (present.size > 0 && !present.has('meta')) throw notAStore(label, 'holds an LMDB environment of something else');
  const openPresent = (name: TableName): Table => {
    const table = writable || present.has(name) ? openTable(root, name) : undefined;
    if (table === undefined) throw notAStore(label, NEVER_FINISHED);
    return table;
  };
  // The format first: nothing is added to a store of a version that may name its tables differently.
  const meta = openPresent('meta');
  const format = meta.get(META.format);
  if (format !== undefined) checkFormat(format, label);
  const later = new Set<TableName>(LATER_TABLES);
  const opened = TABLE_NAMES.filter((name) => writable || !later.has(name)).map((name) => [
    name,
    name === 'meta' ? meta : openPresent(name),
  ]);
  const lazily = writable ? {} : Object.fromEntries(LATER_TABLES.map((name) => [name, openLater(root, name)]));
  if (format === undefined) writeFormat(root, meta, { writable, label });
  // Every name is in the list, so every table is in the object.
  return Object.defineProperties(Object.fromEntries(opened), lazily) as Tables;
}

/** A table that older stores lack, to read: a writer may make it while they are open. */
function openLater(root: Root, name: TableName): PropertyDescriptor & { readonly get: () => Table | undefined } {
  let table: Table | undefined;
  return {
    get: () => {
      if (table === undefined && new Set<unknown>(root.getKeys()).has(name)) table = openTable(root, name);
      return table;
    },
  };
}

/** Last of all: a store whose making was cut short has no format, and is made to the end by who opens it next. */
function writeFormat(root: Root, meta: Table, { writable, label }: { readonly writable: boolean; readonly label: string }): void {
  if (!writable) throw notAStore(label, NEVER_FINISHED);
  root.transactionSync(() => {
    putFormat(meta);
  });
}

/** Writes the number of the format, inside of a transaction. */
export function putFormat(meta: Table): void {
  meta.putSync(META.format, Buffer.from(`sluice-store ${FORMAT}`));
}

function checkFormat(row: Buffer, label: string): void {
  const found = formatOf(row);
  if (found === undefined) throw notAStore(label, 'holds a format that no version of Sluice has written');
  if (found >= OLDEST_FORMAT && found <= FORMAT) return;
  throw new StoreError(
    'STORE_FORMAT',
    `The store ${JSON.stringify(label)} is in format ${found}; this version of Sluice reads formats ${OLDEST_FORMAT} to ${FORMAT}. Use the version that wrote it.`,
    {
      details: { path: label, found, known: FORMAT },
    },
  );
}

function notAStore(label: string, problem: string): StoreError {
  return new StoreError('STORE_FORMAT', `The folder ${JSON.stringify(label)} ${problem}.`, { details: { path: label } });
}
