import { closeSync, openSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { StoreError } from '../lib/kernel/errors.ts';
import { telling, type TellBytes } from './copy-file.ts';
import { releaseLease, takeLease, type Lease, type LeasePlace } from './lease.ts';
import { openForCare, type CareEnvironment } from './lmdb-copy.ts';
import { openLmdb, type LmdbEnvironment } from './lmdb-environment.ts';
import { readHeader, type FileHeader } from './lmdb-header.ts';
import { readState, writeState } from './log-state.ts';
import { preflight } from './preflight.ts';

/** A store that is being compacted: the copy is there, and this process has the lease. */
export interface Compaction extends CompactionPlace {
  readonly open: OpenStoreFile;
  readonly lease: Lease;
  /** The number of the transaction that was copied. */
  readonly copied: number;
}

interface OpenStoreFile {
  readonly environment: LmdbEnvironment;
  readonly care: CareEnvironment;
}

interface CompactionPlace {
  readonly path: string;
  readonly label: string;
  readonly target: string;
}

/**
 * Takes the lease, then copies what is in use.
 *
 * Readers and writers find each other by `lock.mdb`, which also says which transaction is the last; the file that takes the place of
 * this one has to agree with it. A compacted copy has an odd number, so the transaction that is copied gets one.
 *
 * @throws StoreError STORE_LOCKED while anybody else has the store open
 */
export async function compactFile(place: CompactionPlace, tell: TellBytes): Promise<Compaction> {
  const { path, label, target } = place;
  await preflight(path);
  const care = openForCare(path, { writable: true });
  const isAlone = care.isAlone();
  const environment = await openLmdb(path, { writable: true, label });
  const attempt = takeLease(environment, { path, label, isBrief: true });
  if ('holder' in attempt) throw inUse(label, attempt.holder.pid);
  const { lease } = attempt;
  try {
    if (!isAlone) throw inUse(label, otherReader(care));
    // Both snapshots that LMDB keeps have the same events from here on: the lease and this change none.
    do touch(environment, label);
    while (headerOf(path).newest.transaction % 2 === 0);
    const copied = headerOf(path).newest.transaction;
    await telling(target, tell, () => care.copyTo(target, { compact: true }));
    return { ...place, open: { environment, care }, lease, copied };
  } catch (error) {
    releaseLease(environment, lease, place);
    throw error;
  }
}

/** Writes the state as it is. */
function touch(environment: LmdbEnvironment, label: string): void {
  environment.transact(() => writeState(environment.tables, readState(environment.tables, label)));
}

/**
 * Puts the copy in the place of the store, if nobody else has it open: closes it, to be the one who opens it first again. Done under
 * LMDB's lock of writers, so that nothing is committed between the look and the change of names.
 *
 * @throws StoreError STORE_LOCKED where somebody came meanwhile; then the store is as it was
 */
export async function swapFile({ path, label, target, open, lease, copied }: Compaction): Promise<void> {
  await open.environment.close();
  await open.care.close();
  const care = openForCare(path, { writable: true });
  try {
    care.locked(() => {
      if (headerOf(path).newest.transaction !== copied || headerOf(target).newest.transaction !== copied) throw changed(label);
      if (!care.isAlone()) throw inUse(label, otherReader(care));
      renameSync(join(target, 'data.mdb'), join(path, 'data.mdb'));
    });
  } finally {
    await care.close();
    // The lease of a process that is gone is taken over, and this one ends soon.
    await letGo({ path, label }, lease).catch(() => undefined);
  }
}

/** Gives the lease back, of the old file or the new one: it was copied too. */
async function letGo(place: LeasePlace, lease: Lease): Promise<void> {
  const environment = await openLmdb(place.path, { writable: true, label: place.label });
  releaseLease(environment, lease, place);
  await environment.close();
}

function otherReader(care: CareEnvironment): number | undefined {
  return care.readers().find((pid) => pid !== process.pid);
}

function inUse(label: string, pid: number | undefined): StoreError {
  const who = pid === undefined ? 'another process, or in this one' : pid === process.ppid ? `this process (${pid})` : `process ${pid}`;
  return new StoreError(
    'STORE_LOCKED',
    `The store ${JSON.stringify(label)} cannot be compacted: it is open in ${who}. Close it there, also where it only reads, and try again.`,
    { details: { path: label, pid: pid ?? null } },
  );
}

function changed(label: string): StoreError {
  return new StoreError(
    'STORE_LOCKED',
    `Somebody opened the store ${JSON.stringify(label)} while it was being compacted. It is as it was; close it elsewhere, and try again.`,
    { details: { path: label } },
  );
}

function headerOf(folder: string): FileHeader {
  const file = openSync(join(folder, 'data.mdb'), 'r');
  try {
    return readHeader(file);
  } finally {
    closeSync(file);
  }
}
