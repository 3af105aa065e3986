import { readFileSync } from 'node:fs';
import { Child } from './child.ts';
import { isLockFree } from './folders.ts';
import type { Tally } from './torture.ts';
import type { WakeOrder } from './wake-process.ts';

/**
 * Takes LMDB's lock of writers once, in a process of its own. Where three or more processes want that lock and the one that was to
 * have it next is killed, another may sleep for a lock that nobody has, until somebody else asks for it. Counts whether that was seen:
 * nothing may happen for long only because the machine has much to do.
 *
 * @param writers those who may sleep
 */
export async function wakeSleepers(folder: string, writers: readonly Child[], tally: Tally): Promise<void> {
  const areAsleep = isLockFree(folder) && writers.some(({ pid }) => waitsForLock(pid));
  tally.count(areAsleep ? 'woken who slept for a free lock' : 'woken to be sure');
  const child = new Child('wake-process');
  child.tell({ folder } satisfies WakeOrder);
  await child.hears('woken');
  await child.kill();
}

/** Whether a process waits for a lock of any kind, as far as the system says. */
function waitsForLock(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/wchan`, 'utf8').includes('futex');
  } catch {
    return false;
  }
}
