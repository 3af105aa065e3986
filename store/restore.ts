import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { checkVerbOptions } from '../lib/kernel/verb-options.ts';
import { careFailure, verifyCopy } from './backup.ts';
import { readManifest, refusal, type BackupManifest } from './backup-manifest.ts';
import { CareChild, type CareOptions } from './care-child.ts';
import { copyDurably, syncFile } from './durable-files.ts';
import { placeFolder } from './place-folder.ts';
import { CARE_RULES } from './verify.ts';

/** Options of {@link restoreStore}. */
export type RestoreOptions = CareOptions;

/** More leases than a store has given out since any backup of it: no writer of old has the number of one of the restored store's. */
const EPOCHS = 2 ** 32;

/**
 * Makes a store from a backup, in a new folder. The backup is checked against its manifest and read through first, and stays as it is.
 * Nobody who wrote to the store that was backed up can write to this one.
 *
 * @throws StoreError STORE_PATH for what is no backup, or a folder with something in it; STORE_CORRUPT for a backup that was changed;
 * STORE_FULL or STORE_IO from the disk; the signal's reason when that aborts. Then there is nothing in the folder.
 */
export async function restoreStore(backup: string, folder: string, options: RestoreOptions = {}): Promise<BackupManifest> {
  checkVerbOptions('restoreStore', options, CARE_RULES);
  const { signal } = options;
  signal?.throwIfAborted();
  try {
    const manifest = await readManifest(backup, backup);
    const source = join(await realpath(backup), 'data.mdb');
    return await placeFolder({ label: folder, use: 'restore', verb: 'restoreStore' }, options, async (made) => {
      const data = join(made, 'data.mdb');
      const sha256 = await copyDurably(source, data, signal);
      if (sha256 !== manifest.sha256)
        throw refusal(
          'STORE_CORRUPT',
          backup,
          'is not as it was made: its data has another checksum than its backup.json says. Use another backup',
        );
      await using child = new CareChild(options);
      await child.run({ do: 'let go', path: made, label: folder, raiseEpochBy: EPOCHS });
      const { head } = await verifyCopy(backup, made, child);
      if (head !== manifest.head)
        throw refusal('STORE_CORRUPT', backup, `ends at position ${head}, and its backup.json says ${manifest.head}. Use another backup`);
      await syncFile(data);
      return manifest;
    });
  } catch (error) {
    throw careFailure(error, { label: backup, target: folder, signal });
  }
}
