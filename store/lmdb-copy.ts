import { open } from 'lmdb';

/** What else LMDB does with an environment: for the care of a store, not for its use. */
export interface CareEnvironment {
  /** Copies a snapshot into a folder that exists and has no data file in it; `compact` leaves out what is free. Not yet on disk. */
  copyTo(folder: string, options: { readonly compact: boolean }): Promise<void>;
  /** Processes that have the store open, once for each reader of theirs; this one has one too, as soon as it has read. */
  readers(): readonly number[];
  close(): Promise<void>;
}

/**
 * Opens what is open already: lmdb-js gives one process the same environment twice. So the snapshot of a copy is one that the caller
 * could have read, and the caller has checked that the folder holds a store.
 */
export function openForCare(path: string, { writable }: { readonly writable: boolean }): CareEnvironment {
  const root = open({
    path,
    noSubdir: false,
    overlappingSync: false,
    eventTurnBatching: false,
    maxDbs: 32,
    maxReaders: 512,
    readOnly: !writable,
  });
  return {
    copyTo: (folder, { compact }) => root.backup(folder, compact).catch((error: unknown) => Promise.reject(withCode(error))),
    readers: () => {
      root.readerCheck();
      // A headline, then a line for each: process, thread, and the transaction that it reads.
      return [...root.readerList().matchAll(/^\s*(\d+)\s+[0-9a-f]+\s+(?:-|\d+)$/gm)].map(([, pid]) => Number(pid));
    },
    close: () => root.close(),
  };
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
