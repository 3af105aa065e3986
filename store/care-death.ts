import { StoreError } from '../lib/kernel/errors.ts';

/** A process that took care of a store ended by itself: what it read made it, what it could not write, or somebody killed it. */
export class CareProcessDied extends Error {
  /** Why: the bytes that it read; a write that failed, where the disk was full or is broken; or `null` where nobody knows. */
  readonly why: 'damage' | 'full disk' | 'broken disk' | null;

  constructor(how: string, why: CareProcessDied['why']) {
    super(how);
    this.why = why;
  }
}

/** How a process ends that reads what is no page: behind the end of the file, at an address that is none, or where LMDB notices. */
const DAMAGE: readonly (string | null)[] = ['SIGBUS', 'SIGSEGV', 'SIGABRT', 'SIGFPE', 'SIGILL', 'SIGTRAP'];

/** What a process said at last on its channel for errors, and how it ended. */
export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: string | null;
  readonly said: string;
}

/**
 * What the end of a process tells. lmdb 3.5.6 may end it by any of the signals of damage where it cannot write a page, and says so before:
 * a file that it only writes to can be as whole as it was.
 */
export function deathOf({ code, signal, said }: ProcessEnd): CareProcessDied {
  const how = signal === null ? `it ended with code ${code}` : `it was ended by ${signal}`;
  return new CareProcessDied(said === '' ? how : `${how}: ${said}`, whyOf({ code, signal, said }));
}

function whyOf({ signal, said }: ProcessEnd): CareProcessDied['why'] {
  const [, error] = /Write error: (.+?) position \d/.exec(said) ?? [];
  if (error !== undefined) return /no space|quota|too large/i.test(error) ? 'full disk' : 'broken disk';
  return DAMAGE.includes(signal) && !/out of memory/i.test(said) ? 'damage' : null;
}

/** A process that ended without having said why, as the store's own error. */
export function died(label: string, death: CareProcessDied): StoreError {
  const store = `the store ${JSON.stringify(label)}`;
  const details = { details: { path: label }, cause: death };
  switch (death.why) {
    case 'damage':
      return new StoreError(
        'STORE_CORRUPT',
        `The store ${JSON.stringify(label)} is damaged: the process that read it did not survive it (${death.message}). Verify it, and restore a backup.`,
        details,
      );
    case 'full disk':
      return new StoreError(
        'STORE_FULL',
        `There was no room left for what the process wrote that took care of ${store} (${death.message}). Make room on the disk and try again.`,
        details,
      );
    case 'broken disk':
      return new StoreError(
        'STORE_IO',
        `The process that took care of ${store} could not write to the disk (${death.message}). Check the disk, and try again.`,
        details,
      );
    case null:
      return new StoreError(
        'STORE_IO',
        `The process that took care of ${store} ended before it was done: ${death.message}. Try again.`,
        details,
      );
  }
}
