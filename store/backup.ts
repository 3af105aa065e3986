import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Store } from '../lib/events/store.ts';
import { StoreError } from '../lib/kernel/errors.ts';
import { isRecord } from '../lib/kernel/record.ts';
import { checkVerbOptions, RULES, type OptionRules } from '../lib/kernel/verb-options.ts';
import { MANIFEST_FILE, manifestText, type BackupManifest } from './backup-manifest.ts';
import { CareChild, type CareOptions } from './care-child.ts';
import { CareProcessDied, died } from './care-death.ts';
import { sha256OfFile, syncFile, writeDurably } from './durable-files.ts';
import { LmdbPort } from './lmdb-port.ts';
import { placeFolder } from './place-folder.ts';
import { storeFailure } from './store-failure.ts';
import { removeFolder } from './temporary-folder.ts';
import { CARE_RULES, findStore, verifyFolder, type VerifyReport } from './verify.ts';

/** Options of {@link backupStore}. */
export interface BackupOptions extends CareOptions {
  /** Milliseconds since 1970, for the manifest. The system's clock by default. */
  readonly now?: () => number;
}

const BACKUP_RULES: OptionRules<BackupOptions> = { ...CARE_RULES, now: RULES.function };

/**
 * Copies a store as it is at one moment into a new folder, beside whoever writes to it, in this process or another. The copy is
 * read back and verified before it gets its name, so what is at `target` is a whole backup or nothing. It is itself a store: it can
 * be opened where it is, but then it is no backup any more.
 *
 * @param store the store's folder, or the store
 * @throws StoreError STORE_PATH where there is no store, or something at the target; STORE_CORRUPT where the store is damaged;
 * STORE_FULL or STORE_IO from the disk; the signal's reason when that aborts. Then there is nothing at the target.
 */
export async function backupStore(store: string | Store, target: string, options: BackupOptions = {}): Promise<BackupManifest> {
  checkVerbOptions('backupStore', options, BACKUP_RULES);
  const { now = () => Date.now(), signal } = options;
  signal?.throwIfAborted();
  const { label, path } = await findStore(labelOf(store), 'backupStore');
  try {
    return await placeFolder({ label: target, use: 'backup', verb: 'backupStore' }, options, async (folder) => {
      await using child = new CareChild(options);
      await child.run({ do: 'copy', path, label, target: folder, targetLabel: target });
      await child.run({ do: 'let go', path: folder, label: target, raiseEpochBy: 0 });
      await syncFile(join(folder, 'data.mdb'));
      const { head } = await verifyCopy(label, folder, child);
      return await writeManifest(folder, { head, createdAt: now(), signal });
    });
  } catch (error) {
    throw careFailure(error, { label, target, signal });
  }
}

/** The path of a store's folder; what is neither a store on disk nor a path is refused where the folder is looked for. */
function labelOf(store: string | Store): unknown {
  return isRecord(store) && store.port instanceof LmdbPort ? store.port.label : store;
}

async function writeManifest(
  folder: string,
  { head, createdAt, signal }: { readonly head: number; readonly createdAt: number; readonly signal: AbortSignal | undefined },
): Promise<BackupManifest> {
  const data = join(folder, 'data.mdb');
  const { size: bytes } = await stat(data);
  const sha256 = await sha256OfFile(data, signal);
  const manifest = Object.freeze({ format: 'sluice-backup 1', head, sha256, bytes, createdAt } as const);
  await writeDurably(join(folder, MANIFEST_FILE), manifestText(manifest));
  return manifest;
}

/**
 * Reads a copy back, and leaves nothing of that.
 *
 * @throws StoreError STORE_CORRUPT
 */
export async function verifyCopy(label: string, folder: string, child: CareChild): Promise<VerifyReport> {
  const report = await verifyFolder(label, folder, child);
  const [finding] = report.findings;
  if (finding !== undefined) {
    const more = report.findings.length + report.moreFindings - 1;
    const others = more === 0 ? '' : ` There is more of the kind: ${more}.`;
    throw new StoreError(
      'STORE_CORRUPT',
      `The copy of ${JSON.stringify(label)} was read back, and is damaged: ${finding.message}${others} Verify the store, and restore a backup if it is damaged too.`,
      { details: { path: label, findings: report.findings.slice(0, 10) } },
    );
  }
  // LMDB's list of readers: made again by whoever opens it next.
  await removeFolder(join(folder, 'lock.mdb'));
  return report;
}

/** What was read, what was written, and what may have stopped it. */
export interface CareContext {
  readonly label: string;
  readonly target: string;
  readonly signal: AbortSignal | undefined;
}

/** Whatever went wrong, as the store's own error; what the user's signal or callback said stays as it is. */
export function careFailure(error: unknown, { label, target, signal }: CareContext): unknown {
  if (signal?.aborted === true && error === signal.reason) return error;
  if (error instanceof CareProcessDied) return died(label, error);
  return error instanceof Error && 'code' in error ? storeFailure(error, target) : error;
}
