import { open, type RootDatabase } from 'lmdb';
import { StoreError } from '../lib/kernel/errors.ts';
import { FORMAT, META, TABLE_NAMES, type Table, type TableName, type Tables } from './tables.ts';

type Root = RootDatabase<Buffer, Buffer>;

/** An open LMDB environment with its tables. Everything that is particular to lmdb-js is in this file. */
export interface LmdbEnvironment {
  readonly tables: Tables;
  /** Whether it was opened to be written to. */
  readonly writable: boolean;
  /** Runs `body` in one transaction: on disk when this returns, or rolled back when it throws. Nothing of a user's may run in it. */
  transact(body: () => void): void;
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
 * Opens the environment in a folder, and makes it where there is none and it is to be written to.
 *
 * @throws StoreError STORE_FORMAT for what is no store, or one of a later version; or what lmdb throws
 */
export async function openLmdb(
  path: string,
  { writable, label }: { readonly writable: boolean; readonly label: string },
): Promise<LmdbEnvironment> {
  const root: Root = open<Buffer, Buffer>({ ...ENVIRONMENT_OPTIONS, path, readOnly: !writable });
  try {
    return environmentOf(root, openTables(root, { writable, label }), writable);
  } catch (error) {
    await root.close();
    throw error;
  }
}

function environmentOf(root: Root, tables: Tables, writable: boolean): LmdbEnvironment {
  return {
    tables,
    writable,
    // The braces matter: lmdb-js keeps the transaction open for as long as a promise that its callback returns.
    transact: (body) => {
      root.transactionSync(() => {
        body();
      });
    },
    refresh: () => root.resetReadTxn(),
    forgetDeadReaders: () => {
      root.readerCheck();
    },
    close: () => root.close(),
  };
}

function openTables(root: Root, { writable, label }: { readonly writable: boolean; readonly label: string }): Tables {
  const present = new Set<unknown>(root.getKeys());
  if (present.size > 0 && !present.has('meta')) throw notAStore(label, 'holds an LMDB environment of something else');
  const openTable = (name: TableName): Table => {
    const table = writable || present.has(name) ? root.openDB<Buffer, Buffer>(name, TABLE_OPTIONS) : undefined;
    if (table === undefined) throw notAStore(label, 'was never finished being made: open it once to write');
    return table;
  };
  // The format first: nothing is added to a store of a version that may name its tables differently.
  const meta = openTable('meta');
  const format = meta.get(META.format);
  if (format !== undefined) checkFormat(format, label);
  const opened = TABLE_NAMES.filter((name) => name !== 'cursors').map((name) => [name, name === 'meta' ? meta : openTable(name)]);
  const cursors = writable ? { cursors: openTable('cursors') } : openLater(root, 'cursors');
  if (format === undefined) writeFormat(root, meta, { writable, label });
  // Every name is in the list, so every table is in the object.
  return Object.defineProperties(Object.fromEntries(opened), Object.getOwnPropertyDescriptors(cursors)) as Tables;
}

/** A table that older stores lack, to read: a writer may make it while they are open. */
function openLater(root: Root, name: TableName): { readonly cursors: Table | undefined } {
  let table: Table | undefined;
  return {
    get cursors() {
      if (table === undefined && new Set<unknown>(root.getKeys()).has(name)) table = root.openDB<Buffer, Buffer>(name, TABLE_OPTIONS);
      return table;
    },
  };
}

/** Last of all: a store whose making was cut short has no format, and is made to the end by who opens it next. */
function writeFormat(root: Root, meta: Table, { writable, label }: { readonly writable: boolean; readonly label: string }): void {
  if (!writable) throw notAStore(label, 'was never finished being made: open it once to write');
  root.transactionSync(() => {
    meta.putSync(META.format, Buffer.from(`sluice-store ${FORMAT}`));
  });
}

function checkFormat(row: Buffer, label: string): void {
  const found = /^sluice-store (\d+)$/.exec(row.toString('latin1'))?.[1];
  if (found === undefined) throw notAStore(label, 'holds a format that no version of Sluice has written');
  if (Number(found) === FORMAT) return;
  throw new StoreError(
    'STORE_FORMAT',
    `The store ${JSON.stringify(label)} is in format ${found}; this version of Sluice reads and writes format ${FORMAT}. Use the version that wrote it.`,
    {
      details: { path: label, found: Number(found), known: FORMAT },
    },
  );
}

function notAStore(label: string, problem: string): StoreError {
  return new StoreError('STORE_FORMAT', `The folder ${JSON.stringify(label)} ${problem}.`, { details: { path: label } });
}
