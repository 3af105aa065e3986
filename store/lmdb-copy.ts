import { open, type RootDatabase } from 'lmdb';
import { ENVIRONMENT_OPTIONS } from './lmdb-environment.ts';

/** What else LMDB does with an environment: for the care of a store, not for its use. */
export interface CareEnvironment {
  /** Copies a snapshot into a folder that exists and has no data file in it; `compact` leaves out what is free. Not yet on disk. */
  copyTo(folder: string, options: { readonly compact: boolean }): Promise<void>;
  /**
   * Whether nobody has read since this was opened, who has the store open: neither this process nor another. LMDB empties its table of
   * readers for whoever opens a store that nobody else has open, and for nobody else.
   */
  isAlone(): boolean;
  /** Processes that are reading, or have read, and hold a place for the next time; one that is idle may hold none. */
  readers(): readonly number[];
  /** Runs `body` while nobody can write. */
  locked(body: () => void): void;
  close(): Promise<void>;
}

/**
 * Opens what is open already: lmdb-js gives one process the same environment twice. So the snapshot of a copy is one that the caller
 * could have read, and the caller has checked that the folder holds a store.
 */
export function openForCare(path: string, { writable }: { readonly writable: boolean }): CareEnvironment {
  const root = open({ ...ENVIRONMENT_OPTIONS, path, readOnly: !writable });
  return {
    copyTo: (folder, { compact }) => root.backup(folder, compact).catch((error: unknown) => Promise.reject(withCode(error))),
    isAlone: () => placesOf(root) === 0,
    locked: (body) => {
      // The braces matter: lmdb-js keeps the transaction open for as long as a promise that its callback returns.
      root.transactionSync(() => {
        body();
      });
    },
    readers: () => {
      root.readerCheck();
      // A headline, then a line for each: process, thread, and the transaction that it reads.
      return [...root.readerList().matchAll(/^\s*(\d+)\s+[0-9a-f]+\s+(?:-|\d+)$/gm)].map(([, pid]) => Number(pid));
    },
    close: () => root.close(),
  };
}

/** How many places the table of readers has had. `getStats` has the number too, but takes a place itself before it looks. */
function placesOf(root: RootDatabase): number {
  // Not in the declarations of lmdb-js, which is pinned.
  return (root as unknown as { readonly env: { info(): { readonly numReaders: number } } }).env.info().numReaders;
}

/** What `copy` leaves of an error is its text. */
const CODES: readonly (readonly [RegExp, number | string])[] = [
  [/No space left/i, 'ENOSPC'],
  [/File too large/i, 27],
  [/quota/i, 'EDQUOT'],
  [/Permission denied/i, 'EACCES'],
  [/Read-only file system/i, 'EROFS'],
  [/MDB_CORRUPTED|MDB_PAGE_NOTFOUND|MDB_INCOMPATIBLE|MDB_BAD_TXN|MDB_CURSOR_FULL/, -30796],
];

function withCode(error: unknown): unknown {
  if (!(error instanceof Error) || 'code' in error) return error;
  const code = CODES.find(([pattern]) => pattern.test(error.message))?.[1];
  return code === undefined ? error : Object.assign(error, { code });
}
