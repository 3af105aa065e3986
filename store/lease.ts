import { StoreError } from '../lib/kernel/errors.ts';
import type { LmdbEnvironment } from './lmdb-environment.ts';
import { readState, writeState, type LogState } from './log-state.ts';
import { isThisCopy, mayBeAlive, thisProcess, type ProcessIdentity } from './process-identity.ts';
import { openRecord, record } from './record.ts';
import { META, type Tables } from './tables.ts';
import { upgrade } from './upgrade.ts';

/** The right to write, until somebody takes it: every append checks that the state's epoch is still this one. */
export interface Lease {
  readonly epoch: number;
}

/** Either the lease, or who has it. */
export type LeaseAttempt = { readonly lease: Lease } | { readonly holder: ProcessIdentity };

/**
 * Takes the lease, unless a process that may be alive has it. One transaction, so of two processes one gets it. A lease that this
 * very module holds was left behind by a store that could not let go of it, since stores on one path share one.
 */
export function takeLease(environment: LmdbEnvironment, label: string): LeaseAttempt {
  let attempt: LeaseAttempt | undefined;
  environment.transact(() => {
    attempt = takeInTransaction(environment.tables, label);
  });
  if (attempt === undefined) throw new Error('Sluice bug: a transaction that did not throw did not run');
  return attempt;
}

function takeInTransaction(tables: Tables, label: string): LeaseAttempt {
  const holder = readLease(tables, label);
  if (holder !== undefined && !isThisCopy(holder) && mayBeAlive(holder)) return { holder };
  // What may write to it brings it to this format first.
  upgrade(tables, label);
  const state = readState(tables, label);
  const epoch = state.epoch + 1;
  // Whoever had the lease can commit nothing from here on, even if it was only asleep.
  writeState(tables, { ...state, epoch });
  tables.meta.putSync(META.lease, record('meta', META.lease, thisProcess()));
  return { lease: { epoch } };
}

/** Gives the lease back, unless it was taken meanwhile. The epoch stays, so that it is never used again. */
export function releaseLease(environment: LmdbEnvironment, { epoch }: Lease, label: string): void {
  environment.transact(() => {
    if (readState(environment.tables, label).epoch === epoch) environment.tables.meta.removeSync(META.lease);
  });
}

/**
 * Refuses to write for a writer that lost its lease.
 *
 * @throws StoreError STORE_LOCKED
 */
export function checkLease(
  { epoch }: Lease,
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

function readLease(tables: Tables, label: string): ProcessIdentity | undefined {
  const bytes = tables.meta.get(META.lease);
  // The checksum held: this is what takeInTransaction wrote.
  return bytes === undefined ? undefined : (openRecord(bytes, { table: 'meta', key: META.lease, label }) as ProcessIdentity);
}
