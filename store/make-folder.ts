import { mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { lacksRoomForFolder } from './disk-room.ts';
import { syncFolder } from './durable-files.ts';
import { codeOf } from './missing-path.ts';
import { StoreError } from '../lib/kernel/errors.ts';

/**
 * Makes a folder, with those above it that are not there. When this resolves, its path is on disk: a file that is flushed is of no use in
 * a folder whose name is lost. Each name is flushed before the next one is made, so of folders that are there, only the last can have one
 * that is not: whoever made it was ended before.
 *
 * Step by step, because `mkdir` of Node 20 never comes back from a path such as `/proc/none/store`, where the system says of a folder that it
 * is not there, and does not let anybody make it.
 *
 * @param label how messages call what is to be in it
 * @throws StoreError STORE_FULL where there is no room for it; or what the file system says
 */
export async function makeFolder(path: string, label: string): Promise<void> {
  try {
    await makeMissing(path);
  } catch (error) {
    // Node says that a folder above is not there where there is no room to make it.
    if (codeOf(error) === 'ENOENT' && lacksRoomForFolder(path)) throw noRoomForFolder(label, error);
    throw error;
  }
}

async function makeMissing(path: string): Promise<void> {
  const missing = await missingFolders(resolve(path));
  const last = dirname(missing.at(-1) ?? resolve(path));
  // The one that is there already, in the folder above it.
  if (missing.length === 0) await syncIfAllowed(last);
  else await syncIfAllowed(dirname(last));
  for (const folder of missing.toReversed()) {
    await makeOne(folder);
    await syncFolder(dirname(folder));
  }
}

/** The folder itself and those above it, up to the first that is there. */
async function missingFolders(path: string): Promise<readonly string[]> {
  const missing: string[] = [];
  for (let folder = path; !(await isThere(folder)); folder = dirname(folder)) {
    missing.push(folder);
    if (folder === dirname(folder)) break;
  }
  return missing;
}

async function isThere(path: string): Promise<boolean> {
  try {
    if ((await stat(path)).isDirectory()) return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
  throw Object.assign(new Error(`there is something at ${JSON.stringify(path)} that is no folder`), { code: 'ENOTDIR' });
}

/** Somebody else may have made it meanwhile. */
async function makeOne(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST' || !(await isThere(folder))) throw error;
  }
}

/** Who may not read a folder cannot have made what is in it. */
async function syncIfAllowed(folder: string): Promise<void> {
  try {
    await syncFolder(folder);
  } catch (error) {
    if (!/^(EACCES|EPERM|EROFS|EINVAL)$/.test(codeOf(error))) throw error;
  }
}

function noRoomForFolder(label: string, cause: unknown): StoreError {
  return new StoreError(
    'STORE_FULL',
    `The store ${JSON.stringify(label)} cannot be made: there is no room for its folder. Make room on the disk and try again.`,
    { details: { path: label }, cause },
  );
}
