import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StoreError } from '../lib/kernel/errors.ts';
import { isRecord } from '../lib/kernel/record.ts';

/** What is written beside the data of a backup. Persisted, as JSON. */
export interface BackupManifest {
  /** The format of the manifest. */
  readonly format: 'sluice-backup 1';
  /** The position of the last event. */
  readonly head: number;
  /** Of `data.mdb`, in hex. */
  readonly sha256: string;
  /** Of `data.mdb`. */
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

/** The manifest's file, in the folder of the backup. */
export const MANIFEST_FILE = 'backup.json';

/** A manifest as its file holds it. */
export function manifestText(manifest: BackupManifest): string {
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}

/**
 * Reads the manifest of a backup.
 *
 * @throws StoreError STORE_PATH where there is none, STORE_FORMAT for one of another version, STORE_CORRUPT for one that cannot be read
 */
export async function readManifest(backup: string, label: string): Promise<BackupManifest> {
  const text = await readFile(join(backup, MANIFEST_FILE), 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR'))
      throw refusal('STORE_PATH', label, 'is no backup: it has no backup.json. Give a folder that backupStore() made');
    throw error;
  });
  const manifest = parse(text);
  if (manifest === undefined) throw refusal('STORE_CORRUPT', label, 'has a backup.json that cannot be read. Use another backup');
  const { format, head, sha256, bytes, createdAt } = manifest;
  if (typeof format === 'string' && /^sluice-backup \d+$/.test(format) && format !== 'sluice-backup 1')
    throw refusal('STORE_FORMAT', label, `is in the format ${JSON.stringify(format)}. Use the version of Sluice that made it`);
  if (format !== 'sluice-backup 1' || !isCount(head) || !isCount(bytes) || !isCount(createdAt) || typeof sha256 !== 'string')
    throw refusal('STORE_CORRUPT', label, 'has a backup.json that is not what a backup writes. Use another backup');
  return Object.freeze({ format, head, sha256, bytes, createdAt });
}

/** A backup that cannot be used. */
export function refusal(code: 'STORE_PATH' | 'STORE_FORMAT' | 'STORE_CORRUPT', label: string, problem: string): StoreError {
  return new StoreError(code, `The backup ${JSON.stringify(label)} ${problem}.`, { details: { path: label } });
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return isRecord(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}
