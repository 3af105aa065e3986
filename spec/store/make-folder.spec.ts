import type * as FilePromises from 'node:fs/promises';
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { backupStore } from '../../store/backup.ts';
import type * as DurableFiles from '../../store/durable-files.ts';
import { makeFolder } from '../../store/make-folder.ts';
import { openStore } from '../../store/open-store.ts';
import { restoreStore } from '../../store/restore.ts';
import { newFolder } from './folder.ts';

/** What was made and what was flushed, in order. */
const done = vi.hoisted(() => ({ calls: [] as (readonly [what: 'make' | 'flush', path: string])[], refused: '' }));

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof FilePromises>();
  const make = async (path: string): Promise<void> => {
    await real.mkdir(path);
    done.calls.push(['make', path]);
  };
  return { ...real, mkdir: make };
});

vi.mock('../../store/durable-files.ts', async (original) => {
  const real = await original<typeof DurableFiles>();
  const syncFolder = async (path: string): Promise<void> => {
    if (path === done.refused) throw Object.assign(new Error('permission denied'), { code: 'EACCES' });
    done.calls.push(['flush', path]);
    await real.syncFolder(path);
  };
  return { ...real, syncFolder };
});

afterEach(() => {
  Object.assign(done, { calls: [], refused: '' });
});

/** What was done below a folder, by paths from there. */
function doneIn(folder: string): readonly string[] {
  return done.calls.map(([what, path]) => `${what} ${relative(folder, path) || '.'}`);
}

/** Whether the name of everything that was made was flushed after that. */
function unflushed(): readonly string[] {
  return done.calls.flatMap(([what, path], index) => {
    const isFlushed = done.calls.slice(index).some(([then, folder]) => then === 'flush' && folder === join(path, '..'));
    return what === 'make' && !isFlushed ? [path] : [];
  });
}

describe('a folder', () => {
  test('is made with those above it, and the name of each is flushed before the next one is made', async () => {
    const folder = await newFolder();
    done.calls = [];
    await makeFolder(join(folder, 'a', 'b', 'c'), 'store');
    expect(doneIn(folder)).toEqual(['flush ..', 'make a', 'flush .', 'make a/b', 'flush a', 'make a/b/c', 'flush a/b']);
  });

  test('that is there may have been made by one who was ended before its name was flushed', async () => {
    const folder = await newFolder();
    await mkdir(join(folder, 'a'));
    done.calls = [];
    await makeFolder(join(folder, 'a'), 'store');
    expect(doneIn(folder)).toEqual(['flush .']);
    done.calls = [];
    await makeFolder(join(folder, 'a', 'b'), 'store');
    expect(doneIn(folder)).toEqual(['flush .', 'make a/b', 'flush a']);
  });

  test('in a folder that may not be read was not made by anybody who could not', async () => {
    const folder = await newFolder();
    done.refused = folder;
    await makeFolder(folder, 'store');
    await expect(makeFolder(join(folder, 'a'), 'store')).rejects.toMatchObject({ code: 'EACCES' });
  });

  test('is refused where there is something else', async () => {
    const folder = await newFolder();
    await writeFile(join(folder, 'file'), 'text');
    await symlink(join(folder, 'nowhere'), join(folder, 'link'));
    for (const path of ['file', 'file/below', 'link'])
      await expect(makeFolder(join(folder, path), 'store')).rejects.toThrow(/no folder|not a directory|file already exists/);
    expect((await readdir(folder)).toSorted()).toEqual(['file', 'link']);
  });

  test('that somebody else makes at the same time is there for both', async () => {
    const folder = join(await newFolder(), 'a', 'b', 'c');
    await Promise.all(Array.from({ length: 8 }, () => makeFolder(folder, 'store')));
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('the path of what was said to be there is on disk', () => {
  test('of a new store, also where the folder was there, and nothing is flushed anew for one that is', async () => {
    const folder = await newFolder();
    done.calls = [];
    await (await openStore(join(folder, 'a', 'b'))).close();
    expect(unflushed()).toEqual([]);
    done.calls = [];
    await (await openStore(join(folder, 'a', 'b'))).close();
    expect(doneIn(folder)).toEqual(['flush a/b']);
  });

  test('of a backup, and of a restored store', async () => {
    const folder = await newFolder();
    const store = await openStore(join(folder, 'store'));
    done.calls = [];
    await backupStore(store, join(folder, 'some', 'backups', 'first'));
    await store.close();
    await restoreStore(join(folder, 'some', 'backups', 'first'), join(folder, 'other', 'restored'));
    expect(done.calls.filter(([what]) => what === 'make').map(([, path]) => relative(folder, path))).toEqual(
      expect.arrayContaining(['some', 'some/backups', 'other']),
    );
    expect(unflushed()).toEqual([]);
  });
});

describe.runIf(process.platform === 'linux')('where nothing can be made', () => {
  const path = '/proc/none/store';
  const refused = { name: 'StoreError', code: 'STORE_PATH', details: { path } };

  test('a store is refused, and so is the target of a backup', async () => {
    await expect(openStore(path)).rejects.toMatchObject(refused);
    const folder = await newFolder();
    await (await openStore(folder)).close();
    await expect(backupStore(folder, path)).rejects.toMatchObject(refused);
    await expect(backupStore(folder, path)).rejects.toThrow(/"\/proc\/none" is no folder, and cannot be made one/);
  });
});
