import { StoreError } from '../lib/kernel/errors.ts';
import type { LmdbEnvironment } from './lmdb-environment.ts';
import type { DiskPlace } from './disk-room.ts';
import { readState, writeState, type LogState } from './log-state.ts';
import { makeSign, mayHold, removeSign, type LeaseHolder } from './lease-sign.ts';
import { isThisCopy, thisProcess, type ProcessIdentity } from './process-identity.ts';
import { openRecord, record } from './record.ts';
import { META, type Tables } from './tables.ts';
import { upgrade } from './upgrade.ts';

/** The right to write, until somebody takes it: every append checks that the state's epoch is still this one. */
export interface Lease {
  readonly epoch: number;
  /** The number of its sign; `undefined` where there is none. */
  readonly sign: number | undefined;
}

/** Where a lease is, and how messages call the store. */
export interface LeasePlace extends DiskPlace {
  /** Whether whoever takes it ends with it, and so needs no sign. */
  readonly isBrief?: boolean;
}

/** Either the lease, or who has it. */
export type LeaseAttempt = { readonly lease: Lease } | { readonly holder: ProcessIdentity };

/**
 * Takes the lease, unless a process that may be alive has it. One transaction, so of two processes one gets it. A lease that this
 * very module holds was left behind by a store that could not let go of it, since stores on one path share one.
 */
export function takeLease(environment: LmdbEnvironment, place: LeasePlace): LeaseAttempt {
  // First only a look: whoever waits looks often, and a transaction would keep the one who writes from writing.
  environment.refresh();
  const holder = otherHolder(environment.tables, place);
  if (holder !== undefined) return { holder };
  let attempt: LeaseAttempt | undefined;
  try {
    environment.transact(() => {
      attempt = takeInTransaction(environment.tables, place);
    });
  } catch (error) {
    if (attempt !== undefined && 'lease' in attempt) removeSign(place.path, attempt.lease.sign);
    throw error;
  }
  if (attempt === undefined) throw new Error('Sluice bug: a transaction that did not throw did not run');
  return attempt;
}

function takeInTransaction(tables: Tables, place: LeasePlace): LeaseAttempt {
  const { path, label, isBrief = false } = place;
  const holder = otherHolder(tables, place);
  if (holder !== undefined) return { holder };
  // What may write to it brings it to this format first.
  upgrade(tables, label);
  const state = readState(tables, label);
  const epoch = state.epoch + 1;
  removeSign(path, readLease(tables, label)?.sign);
  const sign = !isBrief && makeSign(path, epoch) ? epoch : undefined;
  // Whoever had the lease can commit nothing from here on, even if it was only asleep.
  writeState(tables, { ...state, epoch });
  const row: LeaseHolder = sign === undefined ? thisProcess() : { ...thisProcess(), sign };
  tables.meta.putSync(META.lease, record('meta', META.lease, row));
  return { lease: { epoch, sign } };
}

/** Who else has the lease. */
function otherHolder(tables: Tables, { path, label }: LeasePlace): LeaseHolder | undefined {
  const holder = readLease(tables, label);
  return holder !== undefined && !isThisCopy(holder) && mayHold(path, holder) ? holder : undefined;
}

/**
 * Gives the lease back, unless it was taken meanwhile. The epoch stays, so that it is never used again. Where the row cannot be removed, as
 * on a full disk, the sign is gone, and whoever comes next takes the lease over: nothing of this process may be on its way any more.
 */
export function releaseLease(environment: LmdbEnvironment, { epoch, sign }: Lease, { path, label }: LeasePlace): void {
  removeSign(path, sign);
  const release = (): void => {
    environment.transact(() => {
      if (readState(environment.tables, label).epoch === epoch) environment.tables.meta.removeSync(META.lease);
    });
  };
  try {
    again(release);
  } catch {
    // A lease without its sign, or whose process has ended, or whose copy of this module opens the store again, is taken over.
  }
}

/** What a disk failed to do once, the environment that was opened anew may get done. */
function again(body: () => void): void {
  try {
    body();
  } catch (error) {
    if (error instanceof StoreError) throw error;
    body();
  }
}

/**
 * Refuses to write for a writer that lost its lease.
 *
 * @throws StoreError STORE_LOCKED
 */
export function checkLease(
  { epoch }: Pick<Lease, 'epoch'>,
  state: LogState,
  { tables, label }: { readonly tables: Tables; readonly label: string },
): void {
  if (state.epoch === epoch) return;
  const holder = readLease(tables, label);
  const who = holder === undefined ? 'another process' : `process ${holder.pid}`;
  throw new StoreError(
    'STORE_LOCKED',
    `This process no longer writes to the store ${JSON.stringify(label)}: ${who} took it over. Nothing was written; close the store and open it again.`,
    {
      details: { path: label, pid: holder?.pid ?? null },
    },
  );
}

function readLease(tables: Tables, label: string): LeaseHolder | undefined {
  const bytes = tables.meta.get(META.lease);
  // The checksum held: this is what takeInTransaction wrote.
  return bytes === undefined ? undefined : (openRecord(bytes, { table: 'meta', key: META.lease, label }) as LeaseHolder);
}
