import { join } from 'node:path';
import { checkVerbOptions } from '../lib/kernel/verb-options.ts';
import { careFailure, verifyCopy } from './backup.ts';
import { CareChild, type CareOptions } from './care-child.ts';
import { syncFile } from './durable-files.ts';
import { placeFolder } from './place-folder.ts';
import type { RepairedParts } from './repair-report.ts';
import { CARE_RULES, findStore } from './verify.ts';

/** Options of {@link repairStore}. */
export type RepairOptions = CareOptions;

/** What {@link repairStore} saved, and what it could not. */
export interface RepairReport extends RepairedParts {
  /** The damaged store's folder, as it was given. */
  readonly path: string;
  /** The folder of the store that was made of it, as it was given. */
  readonly target: string;
  readonly durationMs: number;
}

/** As for a store that was restored: no writer of the damaged store has the number of one of this store's leases. */
const EPOCHS = 2 ** 32;

/**
 * Makes a whole store of what is left of a damaged one, in a new folder, and tells what is lost. Every row that proves itself is brought
 * over as it is, also from pages that nothing points at any more; all that can be made from events is made again. Events stay at their
 * positions: where one is lost, readers see one that was removed. The damaged store is only read, and stays as it is.
 *
 * @throws StoreError STORE_PATH where there is no store, or something at the target; STORE_LOCKED while somebody writes to the damaged
 * store; STORE_FORMAT or STORE_CORRUPT where nothing of a store is left; STORE_FULL or STORE_IO from the disk; the signal's reason when
 * that aborts. Then there is nothing at the target.
 */
export async function repairStore(damaged: string, target: string, options: RepairOptions = {}): Promise<RepairReport> {
  checkVerbOptions('repairStore', options, CARE_RULES);
  const { signal } = options;
  signal?.throwIfAborted();
  const started = performance.now();
  const { label, path } = await findStore(damaged, 'repairStore');
  try {
    const parts = await placeFolder({ label: target, use: 'repair', verb: 'repairStore' }, options, async (made) => {
      await using child = new CareChild(options);
      const repaired = await child.run({ do: 'repair', path, label, target: made, targetLabel: target, raiseEpochBy: EPOCHS });
      await verifyCopy(label, made, child);
      await syncFile(join(made, 'data.mdb'));
      return repaired;
    });
    return freezeDeeply({ path: label, target, ...parts, durationMs: performance.now() - started });
  } catch (error) {
    throw careFailure(error, { label, target, signal });
  }
}

/** Freezes what came from another process, which nobody else has. */
function freezeDeeply<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null) return value;
  for (const part of Object.values(value)) freezeDeeply(part);
  return Object.freeze(value);
}
