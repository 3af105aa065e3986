import { statSync } from 'node:fs';
import { join } from 'node:path';
import { openForCare } from './lmdb-copy.ts';
import { openLmdb } from './lmdb-environment.ts';
import { readState, writeState } from './log-state.ts';
import { preflight } from './preflight.ts';
import { storeFailure } from './store-failure.ts';
import { META } from './tables.ts';

/** Tells how much of a copy is there. */
export type TellBytes = (bytes: number) => void;

const TELL_MS = 100;

/** What is copied where. */
export interface Copying {
  readonly path: string;
  readonly label: string;
  readonly target: string;
  /** How messages call the copy. */
  readonly targetLabel: string;
}

/** Copies a store as it is now, beside a writer too. */
export async function copyStoreFile({ path, label, target, targetLabel }: Copying, tell: TellBytes): Promise<void> {
  await preflight(path);
  // Refuses what is no store of this version.
  const environment = await openLmdb(path, { writable: false, label });
  const care = openForCare(path, { writable: false });
  try {
    await telling(target, tell, () => care.copyTo(target, { compact: false }));
  } catch (error) {
    throw storeFailure(error, targetLabel);
  } finally {
    await care.close();
    await environment.close();
  }
}

/** Copies, and tells every now and then how much of it is there. */
export async function telling(target: string, tell: TellBytes, copy: () => Promise<void>): Promise<void> {
  const told = (): void => tell(statSync(join(target, 'data.mdb'), { throwIfNoEntry: false })?.size ?? 0);
  const timer = setInterval(told, TELL_MS);
  try {
    await copy();
    told();
  } finally {
    clearInterval(timer);
  }
}

/** Ends the lease in a copy, where it is nobody's, and raises its epoch: whoever had the lease of the store commits nothing in it. */
export async function letGoOfCopy({
  path,
  label,
  raiseEpochBy,
}: {
  readonly path: string;
  readonly label: string;
  readonly raiseEpochBy: number;
}): Promise<void> {
  const environment = await openLmdb(path, { writable: true, label });
  try {
    environment.transact(() => {
      const { tables } = environment;
      const state = readState(tables, label);
      if (raiseEpochBy > 0) writeState(tables, { ...state, epoch: state.epoch + raiseEpochBy });
      tables.meta.removeSync(META.lease);
    });
  } finally {
    await environment.close();
  }
}
