import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { mayBeAlive, thisProcess } from './process-identity.ts';

/** What a temporary folder is for, as its name says. */
export type TemporaryUse = 'backup' | 'restore' | 'compact' | 'repair';

/**
 * Makes a new folder in `parent` whose name tells who made it and for what, and removes those like it whose process is gone.
 *
 * @param name of what it will become
 */
export async function makeTemporaryFolder(parent: string, name: string, use: TemporaryUse): Promise<string> {
  await removeLeftovers(parent, name, use);
  const { pid, start } = thisProcess();
  const folder = join(parent, `.${name}.${use}-${pid}-${start ?? 'unknown'}-${randomUUID().slice(0, 8)}`);
  await mkdir(folder);
  return folder;
}

/** Removes what a process left behind that did not come to its end. */
async function removeLeftovers(parent: string, name: string, use: TemporaryUse): Promise<void> {
  const prefix = `.${name}.${use}-`;
  for (const entry of await readdir(parent)) {
    const [, pid, start] = (entry.startsWith(prefix) && /^(\d+)-(\d+|unknown)-[0-9a-f]{8}$/.exec(entry.slice(prefix.length))) || [];
    if (pid === undefined || start === undefined) continue;
    const maker = { pid: Number(pid), start: start === 'unknown' ? null : start, boot: null, copy: '' };
    if (!mayBeAlive(maker)) await removeFolder(join(parent, entry));
  }
}

/** Removes a folder with all that is in it, if it is there. */
export async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
}
