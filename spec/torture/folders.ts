import { mkdtempSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MEMORY = '/dev/shm';
const ROOM_BYTES = 256 * 2 ** 20;

/** A new folder, removed when it is disposed of. */
export class TortureFolder implements Disposable {
  readonly path: string;

  /** @param place in memory, where the system has a disk there, a process may be killed more often than flushes of a real one allow */
  constructor(place: 'disk' | 'memory' = 'disk') {
    this.path = mkdtempSync(join(place === 'memory' && hasMemoryDisk() ? MEMORY : tmpdir(), 'sluice-torture-'));
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

const LOCK_BYTES = 256;
/** Where LMDB has the mutex that writers take, as glibc writes it: the id of the thread that has it. */
const WRITE_MUTEX = 16;
/** What Linux leaves in a mutex whose owner died with it (FUTEX_OWNER_DIED), without the bit that says that others wait. */
const OWNER_DIED = 0x40000000;
const WAITERS = 0x80000000;

function hasMemoryDisk(): boolean {
  try {
    const { bavail, bsize } = statfsSync(MEMORY);
    return bavail * bsize >= ROOM_BYTES;
  } catch {
    return false;
  }
}

/** The words at the beginning of a store's file of locks, two of which are mutexes. None where there is no such file. */
function lockWords(folder: string): readonly number[] {
  let bytes: Buffer;
  try {
    bytes = readFileSync(join(folder, 'lock.mdb')).subarray(0, LOCK_BYTES);
  } catch {
    return [];
  }
  return Array.from({ length: Math.floor(bytes.length / 4) }, (_, index) => bytes.readUInt32LE(4 * index));
}

/**
 * Whether whoever wrote last to the store was ended inside of a transaction, and nobody wrote since. Only where this process does not
 * have the store open: closing the file of locks would drop its own.
 */
export function endedInTransaction(folder: string): boolean {
  return lockWords(folder).some((word) => word === OWNER_DIED || word === OWNER_DIED + WAITERS);
}

/** Looks for a moment whether a process is inside of a transaction, and returns at once when it is. The same holds as above. */
export function catchInTransaction(folder: string, pid: number, forMs: number): boolean {
  const end = performance.now() + forMs;
  while (performance.now() < end) {
    if (lockWords(folder)[WRITE_MUTEX] === pid) return true;
  }
  return false;
}

/** Whether nobody has the lock of writers. The same holds as above. */
export function isLockFree(folder: string): boolean {
  const word = lockWords(folder)[WRITE_MUTEX];
  return word !== undefined && word % OWNER_DIED === 0;
}
