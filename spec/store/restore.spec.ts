import { appendFile, cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { backupStore } from '../../store/backup.ts';
import { openLmdb } from '../../store/lmdb-environment.ts';
import { readState } from '../../store/log-state.ts';
import { openStore } from '../../store/open-store.ts';
import { restoreStore } from '../../store/restore.ts';
import { fixedRuns, makeSample } from './damage-samples.ts';
import { newFolder } from './folder.ts';

let whole = '';

beforeAll(async () => {
  const around = await newFolder();
  await makeSample(join(around, 'store'), fixedRuns(5));
  whole = join(around, 'backup');
  await backupStore(join(around, 'store'), whole);
});

/** A copy of the backup, and the path of a folder that is not there. */
async function copied(): Promise<{ readonly backup: string; readonly folder: string; readonly around: string }> {
  const around = await newFolder();
  const backup = join(around, 'backup');
  await cp(whole, backup, { recursive: true });
  return { backup, folder: join(around, 'restored'), around };
}

async function epochOf(path: string): Promise<number> {
  const environment = await openLmdb(path, { writable: false, label: 'looking' });
  const { epoch } = readState(environment.tables, 'looking');
  await environment.close();
  return epoch;
}

async function changeManifest(backup: string, change: object): Promise<void> {
  const file = join(backup, 'backup.json');
  // The file holds an object.
  const manifest = JSON.parse(await readFile(file, 'utf8')) as object;
  await writeFile(file, JSON.stringify({ ...manifest, ...change }));
}

describe('restoreStore', () => {
  test('makes a store that holds the same, and leaves the backup as it is', async () => {
    const { backup, folder, around } = await copied();
    const before = await readFile(join(backup, 'data.mdb'));
    const manifest = await restoreStore(backup, folder);
    expect((await readFile(join(backup, 'data.mdb'))).equals(before)).toBe(true);
    expect(await readdir(backup)).toEqual(['backup.json', 'data.mdb']);
    expect(await readdir(folder)).toEqual(['data.mdb']);
    expect(await readdir(around)).toEqual(['backup', 'restored']);

    const [restored, original] = [await openStore(folder), await openStore(backup, { mode: 'read' })];
    expect(await restored.port.read(1, Infinity)).toEqual(await original.port.read(1, Infinity));
    expect(await restored.port.head()).toBe(manifest.head);
    expect((await restored.put('k', 1)).position).toBe(manifest.head + 1);
    await Promise.all([restored.close(), original.close()]);
  });

  test('raises the epoch above all that a writer of old may have', async () => {
    const { backup, folder } = await copied();
    await restoreStore(backup, folder);
    expect(await epochOf(folder)).toBeGreaterThanOrEqual((await epochOf(backup)) + 2 ** 32);
    const store = await openStore(folder);
    await store.put('k', 1);
    await store.close();
  });

  test('refuses a folder with a store in it, or anything else, and takes an empty one', async () => {
    const { backup, folder } = await copied();
    const store = await openStore(folder);
    await store.put('mine', 1);
    await store.close();
    await expect(restoreStore(backup, folder)).rejects.toMatchObject({ code: 'STORE_PATH' });
    const again = await openStore(folder);
    expect(await again.value('mine')).toBe(1);
    await again.close();
    await rm(folder, { recursive: true });
    await mkdir(folder);
    await writeFile(join(folder, 'other'), '');
    await expect(restoreStore(backup, folder)).rejects.toMatchObject({ code: 'STORE_PATH' });
    await rm(join(folder, 'other'));
    await restoreStore(backup, folder);
    await expect(restoreStore(backup, backup)).rejects.toMatchObject({ code: 'STORE_PATH' });
  });

  test.each<[string, (backup: string) => Promise<void>, string]>([
    ['without its manifest', (backup) => rm(join(backup, 'backup.json')), 'STORE_PATH'],
    ['that is not there', (backup) => rm(backup, { recursive: true }), 'STORE_PATH'],
    ['without its data', (backup) => rm(join(backup, 'data.mdb')), 'STORE_IO'],
    ['whose manifest was cut off', (backup) => writeFile(join(backup, 'backup.json'), '{"format":'), 'STORE_CORRUPT'],
    ['whose manifest is something else', (backup) => writeFile(join(backup, 'backup.json'), '[]'), 'STORE_CORRUPT'],
    ['of another format', (backup) => changeManifest(backup, { format: 'sluice-backup 2' }), 'STORE_FORMAT'],
    ['of no format', (backup) => changeManifest(backup, { format: 'mine' }), 'STORE_CORRUPT'],
    ['whose manifest lacks a number', (backup) => changeManifest(backup, { bytes: null }), 'STORE_CORRUPT'],
    ['whose manifest has another head', (backup) => changeManifest(backup, { head: 3 }), 'STORE_CORRUPT'],
    ['whose manifest has another checksum', (backup) => changeManifest(backup, { sha256: 'f'.repeat(64) }), 'STORE_CORRUPT'],
    ['that was added to', (backup) => appendFile(join(backup, 'data.mdb'), 'x'), 'STORE_CORRUPT'],
    [
      'with a bit flipped',
      async (backup) => {
        const bytes = await readFile(join(backup, 'data.mdb'));
        bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
        await writeFile(join(backup, 'data.mdb'), bytes);
      },
      'STORE_CORRUPT',
    ],
    [
      'that was opened to write since',
      async (backup) => {
        await using store = await openStore(backup);
        await store.put('k', 1);
      },
      'STORE_CORRUPT',
    ],
  ])('refuses a backup %s, and leaves nothing', async (_, change, code) => {
    const { backup, folder, around } = await copied();
    await change(backup);
    await expect(restoreStore(backup, folder)).rejects.toMatchObject({ code });
    expect((await readdir(around)).filter((name) => name !== 'backup')).toEqual([]);
  });

  test('that is aborted leaves nothing', async () => {
    const { backup, folder, around } = await copied();
    const controller = new AbortController();
    await expect(restoreStore(backup, folder, { signal: controller.signal, onProgress: () => controller.abort('stop') })).rejects.toBe(
      'stop',
    );
    await expect(restoreStore(backup, folder, { signal: AbortSignal.abort('before') })).rejects.toBe('before');
    // @ts-expect-error an option that is misspelt
    await expect(restoreStore(backup, folder, { sginal: controller.signal })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    expect(await readdir(around)).toEqual(['backup']);
  });
});
