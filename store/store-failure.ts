import { StoreError } from '../lib/kernel/errors.ts';
import type { StoreCode } from '../lib/kernel/error-codes.ts';
import { freeBytes, roomFor } from './disk-room.ts';

/** A code of lmdb or the system: what it means for the store, and whether the store may still be written to after it. */
interface Meaning {
  readonly code: StoreCode;
  readonly usable: boolean;
  readonly problem: string;
}

const FULL: Meaning = {
  code: 'STORE_FULL',
  usable: true,
  problem: 'has no room left. What was being written is not there; make room on the disk and try again',
};
const CORRUPT: Meaning = {
  code: 'STORE_CORRUPT',
  usable: false,
  problem: 'is damaged. Restore a backup, or run the assets again in a new store',
};
const IO: Meaning = { code: 'STORE_IO', usable: true, problem: 'could not be written or read. Check the disk, and try again' };
const NO_ACCESS: Meaning = {
  code: 'STORE_PATH',
  usable: true,
  problem: 'may not be opened by this process. Check who owns its files, or open it elsewhere',
};
const OTHER_LMDB: Meaning = { code: 'STORE_FORMAT', usable: false, problem: 'was written by a version of LMDB that this one cannot read' };

/** By the numbers that lmdb gives: the system's where positive, LMDB's own where negative. */
const meanings: ReadonlyMap<unknown, Meaning> = new Map<unknown, Meaning>([
  [27, FULL], // EFBIG: the process or file system allows no longer file
  [28, FULL], // ENOSPC
  [122, FULL], // EDQUOT
  [-30792, FULL], // MDB_MAP_FULL
  ['ENOSPC', FULL],
  ['EDQUOT', FULL],
  [-30796, CORRUPT], // MDB_CORRUPTED
  [-30797, CORRUPT], // MDB_PAGE_NOTFOUND
  [-30793, CORRUPT], // MDB_INVALID
  [-30794, OTHER_LMDB], // MDB_VERSION_MISMATCH
  [1, NO_ACCESS], // EPERM
  [13, NO_ACCESS], // EACCES
  [30, NO_ACCESS], // EROFS
  ['EPERM', NO_ACCESS],
  ['EACCES', NO_ACCESS],
  ['EROFS', NO_ACCESS],
]);

/** An error of lmdb or the file system as the store's own; what is one already stays as it is. */
export function storeFailure(error: unknown, label: string): StoreError {
  if (error instanceof StoreError) return error;
  const { code, problem } = meaningOf(error);
  return new StoreError(
    code,
    `The store ${JSON.stringify(label)} ${problem} (${error instanceof Error ? error.message : String(error)}).`,
    {
      details: { path: label },
      cause: error,
    },
  );
}

/** Whether nothing may be written any more after this error, until the store is opened again. */
export function isFatal(error: unknown): boolean {
  return !(error instanceof StoreError) && !meaningOf(error).usable;
}

/**
 * What it means that a write failed: LMDB calls it an I/O error where a disk that was almost full took a part of it only. Somebody else
 * filled it, after it was looked at.
 */
export function writeFailure(error: unknown, { path, bytes }: { readonly path: string; readonly bytes: number }): unknown {
  if (!(error instanceof Error && 'code' in error && error.code === EIO) || freeBytes(path) > roomFor({ bytes, rows: 0 })) return error;
  return Object.assign(new Error('no space left on device', { cause: error }), { code: 'ENOSPC' });
}

const EIO = 5;

function meaningOf(error: unknown): Meaning {
  return (error instanceof Error && 'code' in error && meanings.get(error.code)) || IO;
}
