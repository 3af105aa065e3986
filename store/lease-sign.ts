import { rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mayBeAlive, type ProcessIdentity } from './process-identity.ts';

/** Who has the lease, as its row says it. */
export interface LeaseHolder extends ProcessIdentity {
  /** The number in the name of its sign; none where it could make none, or is older than signs. */
  readonly sign?: number;
}

/**
 * Makes the sign of a lease: an empty file that is there for as long as it is held. To take a file away needs no room, and to take away
 * the row of the lease does; so on a full disk too, others see that a process which lives on has closed the store. After a crash, it says
 * nothing, and does not have to be on disk.
 *
 * @returns whether there is one now
 */
export function makeSign(folder: string, sign: number): boolean {
  try {
    writeFileSync(signPath(folder, sign), '');
    return true;
  } catch {
    // The lease is as good without it, but for a full disk.
    return false;
  }
}

/** Takes a sign away, if it is there. */
export function removeSign(folder: string, sign: number | undefined): void {
  if (sign === undefined) return;
  try {
    rmSync(signPath(folder, sign), { force: true });
  } catch {
    // The row is there still, or is about to be taken away.
  }
}

/** Whether the holder of a lease may still write: its process may be alive, and has not closed the store. */
export function mayHold(folder: string, holder: LeaseHolder): boolean {
  return mayBeAlive(holder) && (holder.sign === undefined || isThere(signPath(folder, holder.sign)));
}

function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return true;
  }
}

function signPath(folder: string, sign: number): string {
  return join(folder, `writing-${sign}`);
}
