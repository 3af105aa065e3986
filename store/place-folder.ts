import { readdir, rename, rmdir } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { StoreError } from '../lib/kernel/errors.ts';
import type { CareOptions } from './care-child.ts';
import { syncFolder } from './durable-files.ts';
import { makeFolder } from './make-folder.ts';
import { codeOf, isNoPlaceForFolder } from './missing-path.ts';
import { makeTemporaryFolder, removeFolder, type TemporaryUse } from './temporary-folder.ts';

/** A folder that is to be there as a whole or not at all. */
export interface NewFolder {
  /** As the user wrote it. */
  readonly label: string;
  readonly use: TemporaryUse;
  /** What is to be done in which verb, for messages. */
  readonly verb: string;
}

/**
 * Makes a folder in one step: fills one beside it, and then gives it its name. Whatever ends it halfway, the name is not there, or it
 * is the whole folder's. `fill` leaves everything on disk.
 *
 * @throws StoreError STORE_PATH where there is something already, or no place for it; or what `fill` throws
 */
export async function placeFolder<Result>(
  { label, use, verb }: NewFolder,
  { signal }: Pick<CareOptions, 'signal'>,
  fill: (folder: string) => Promise<Result>,
): Promise<Result> {
  if (typeof label !== 'string' || label === '' || label.includes('\0'))
    throw new StoreError('STORE_PATH', `${verb}() takes the path of a folder to make. Give a string.`, {
      details: { path: String(label) },
    });
  const path = resolve(label);
  await refuseFull(path, { label, verb });
  await makeParent(dirname(path), { label, verb });
  const folder = await makeTemporaryFolder(dirname(path), basename(path), use);
  let made = folder;
  try {
    const result = await fill(folder);
    await syncFolder(folder);
    signal?.throwIfAborted();
    await takePlace(folder, path, { label, verb });
    made = path;
    await syncFolder(dirname(path));
    return result;
  } catch (error) {
    // What is refused is not there, also where only its name could not be flushed.
    await removeFolder(made);
    throw error;
  }
}

interface Wording {
  readonly label: string;
  readonly verb: string;
}

async function refuseFull(path: string, wording: Wording): Promise<void> {
  const entries = await readdir(path).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return [];
    if (codeOf(error) === 'ENOTDIR') throw occupied(wording);
    throw error;
  });
  if (entries.length > 0) throw occupied(wording);
}

async function makeParent(path: string, { label, verb }: Wording): Promise<void> {
  try {
    await makeFolder(path, label);
  } catch (error) {
    if (!isNoPlaceForFolder(error)) throw error;
    throw new StoreError(
      'STORE_PATH',
      `${verb}() makes the folder ${JSON.stringify(label)}, and there is no place for it: ${JSON.stringify(path)} is no folder, and cannot be made one. Check the path.`,
      { details: { path: label }, cause: error },
    );
  }
}

/** An empty folder gives way; one that is not, anymore, does not. */
async function takePlace(folder: string, path: string, wording: Wording): Promise<void> {
  try {
    if (process.platform === 'win32') await rmdir(path).catch(() => undefined);
    await rename(folder, path);
  } catch (error) {
    if (/^(ENOTEMPTY|EEXIST|ENOTDIR|EPERM)$/.test(codeOf(error))) throw occupied(wording);
    throw error;
  }
}

function occupied({ label, verb }: Wording): StoreError {
  return new StoreError(
    'STORE_PATH',
    `${verb}() makes the folder ${JSON.stringify(label)}, and there is something there already. Nothing was changed; give a path where nothing is, or an empty folder.`,
    { details: { path: label } },
  );
}
