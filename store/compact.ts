import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { checkVerbOptions } from '../lib/kernel/verb-options.ts';
import { careFailure, verifyCopy } from './backup.ts';
import { CareChild, type CareOptions } from './care-child.ts';
import { syncFile, syncFolder } from './durable-files.ts';
import { makeTemporaryFolder, removeFolder } from './temporary-folder.ts';
import { CARE_RULES, findStore } from './verify.ts';

/** Options of {@link compactStore}. */
export type CompactOptions = CareOptions;

/** What {@link compactStore} did. */
export interface CompactReport {
  /** The store's folder, as it was given. */
  readonly path: string;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

/**
 * Writes a store's file anew, without the pages that are free, and puts it in the place of the old one. Nobody may have the store open
 * meanwhile, not even to read: LMDB has no way to tell readers that their file is no longer the store. Whatever ends it halfway, the
 * folder holds the old file or the new one, and both hold everything.
 *
 * @throws StoreError STORE_LOCKED while anybody has the store open; STORE_CORRUPT where it is damaged; STORE_FULL or STORE_IO from the
 * disk; the signal's reason when that aborts
 */
export async function compactStore(folder: string, options: CompactOptions = {}): Promise<CompactReport> {
  checkVerbOptions('compactStore', options, CARE_RULES);
  const { signal } = options;
  signal?.throwIfAborted();
  const { label, path } = await findStore(folder, 'compactStore');
  try {
    return await compactFolder(label, path, options);
  } catch (error) {
    throw careFailure(error, { label, target: label, signal });
  }
}

async function compactFolder(label: string, path: string, options: CareOptions): Promise<CompactReport> {
  const data = join(path, 'data.mdb');
  const { size: bytesBefore } = await stat(data);
  // In the folder itself: only inside of one file system is a change of names one step.
  const target = await makeTemporaryFolder(path, 'store', 'compact');
  try {
    await replace(label, path, { target, options });
  } finally {
    await removeFolder(target);
  }
  const { size: bytesAfter } = await stat(data);
  return Object.freeze({ path: label, bytesBefore, bytesAfter });
}

async function replace(
  label: string,
  path: string,
  { target, options }: { readonly target: string; readonly options: CareOptions },
): Promise<void> {
  // One process from the copy to the swap: it has the lease.
  await using child = new CareChild(options);
  await child.run({ do: 'compact', path, label, target });
  await syncFile(join(target, 'data.mdb'));
  await verifyCopy(label, target, child);
  await child.run({ do: 'swap', path, label, target });
  await syncFolder(path);
}
