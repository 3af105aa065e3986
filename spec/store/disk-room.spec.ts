import type * as Files from 'node:fs';
import type { StatsFs } from 'node:fs';
import type * as FilePromises from 'node:fs/promises';
import { readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { openStore } from '../../store/open-store.ts';
import { lacksRoomForFolder, roomFor } from '../../store/disk-room.ts';
import { openLmdb } from '../../store/lmdb-environment.ts';
import { META } from '../../store/tables.ts';
import { verifyStore } from '../../store/verify.ts';
import { batchOf, materialized, sampleValue, sourceObserved } from '../kit/sample-events.ts';
import { newFolder } from './folder.ts';
import { Other } from './other.ts';

/** What the disk says of itself, but for the fields that stay. */
const disk = vi.hoisted(() => ({ free: undefined as number | undefined, blocks: 1000, ffree: 1000, looks: 0, fails: false, writes: '' }));

vi.mock('node:fs', async (original) => {
  const real = await original<typeof Files>();
  const statfsSync = (path: string): StatsFs => {
    disk.looks += 1;
    if (disk.fails) throw new Error('there is no statfs here');
    const found = real.statfsSync(path);
    if (disk.free === undefined) return found;
    return Object.assign(found, { bavail: disk.free, bsize: 1, blocks: disk.blocks, files: 1000, ffree: disk.ffree });
  };
  const writeFileSync: typeof real.writeFileSync = (path, bytes) => {
    if (disk.writes !== '' && String(path).includes('lock.mdb')) throw Object.assign(new Error('cannot write'), { code: disk.writes });
    real.writeFileSync(path, bytes);
  };
  return { ...real, statfsSync, writeFileSync };
});

/** As Node does on a disk without room. */
const folders = vi.hoisted(() => ({ cannotBeMade: false }));

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof FilePromises>();
  const mkdir = (path: string, options: { readonly recursive: boolean }): Promise<string | undefined> =>
    folders.cannotBeMade
      ? Promise.reject(Object.assign(new Error('no such file or directory'), { code: 'ENOENT' }))
      : real.mkdir(path, options);
  return { ...real, mkdir };
});

afterEach(() => {
  folders.cannotBeMade = false;
  Object.assign(disk, { free: undefined, blocks: 1000, ffree: 1000, fails: false, writes: '' });
});

const ENOUGH = 16 * 2 ** 20;
const full = { code: 'STORE_FULL', details: { free: 1000 } };

/** An open store with something in it, whose disk is full from then on. */
async function fullStore(): Promise<Awaited<ReturnType<typeof openStore>>> {
  disk.free = ENOUGH;
  const store = await openStore(await newFolder());
  await store.put('k', 1);
  disk.free = 1000;
  return store;
}

describe('on a disk without room', () => {
  test('nothing is written, reading goes on, and writing does as soon as there is room again', async () => {
    const store = await fullStore();
    await expect(store.put('k', 2)).rejects.toMatchObject(full);
    await expect(store.put('k', 2)).rejects.toThrow(/has 1000\. Nothing was written/);
    await expect(store.port.append(batchOf(sourceObserved('k')))).rejects.toMatchObject(full);
    expect(await store.value('k')).toBe(1);
    expect(await store.port.head()).toBe(1);
    disk.free = ENOUGH;
    await store.put('k', 2);
    expect(await store.value('k')).toBe(2);
    await store.close();
  });

  test('a store is closed, and another process opens it as soon as there is room again, while this one goes on', async () => {
    const store = await fullStore();
    await store.close();
    const folder = store.port.label;
    // Its row could not be removed.
    const looking = await openLmdb(folder, { writable: false, label: 'looking' });
    expect(looking.tables.meta.doesExist(META.lease)).toBe(true);
    await looking.close();
    const other = new Other();
    expect(await other.ask({ do: 'open', folder, options: {} })).toMatchObject({ said: 'done' });
    expect(await other.ask({ do: 'put', value: 2 })).toMatchObject({ said: 'done', result: { position: 2 } });
    disk.free = ENOUGH;
    await expect(openStore(folder)).rejects.toMatchObject({ code: 'STORE_LOCKED', details: { pid: other.pid } });
  });

  test('cursors are not set, and nothing is pruned', async () => {
    const store = await fullStore();
    const { port } = store;
    if (!('setCursor' in port) || !('prune' in port)) throw new Error('every store on disk has both');
    await expect((port as { setCursor: (name: string, at: number) => Promise<void> }).setCursor('c', 1)).rejects.toMatchObject(full);
    disk.free = ENOUGH;
    await store.put('k', 2);
    // A step may write more than a cursor does.
    disk.free = roomFor({ bytes: 0, rows: 0 });
    const prune = port.prune as (request: object) => Promise<unknown>;
    await expect(prune.call(port, { versions: 1, runs: 0 })).rejects.toMatchObject({ code: 'STORE_FULL' });
    disk.free = ENOUGH;
    expect(await prune.call(port, { versions: 1, runs: 0 })).toMatchObject({ values: { removed: 1 } });
    await store.close();
  });

  test('a store is not opened to write, and is to read', async () => {
    const folder = await newFolder();
    await (await openStore(folder)).put('k', 1);
    const again = await openStore(folder, { mode: 'read' });
    disk.free = 1000;
    await expect(openStore(await newFolder())).rejects.toMatchObject(full);
    expect(await again.value('k')).toBe(1);
    await again.close();
  });

  test('nothing is made of a store whose table of readers is there', async () => {
    const folder = await newFolder();
    await writeFile(join(folder, 'lock.mdb'), Buffer.alloc(32_976));
    disk.free = 1000;
    await expect(openStore(folder)).rejects.toMatchObject(full);
    expect(await readdir(folder)).toEqual(['lock.mdb']);
  });

  test('a batch is refused that does not fit, and its neighbours are not', async () => {
    disk.free = 2 * 2 ** 20;
    const store = await openStore(await newFolder());
    const large = sampleValue('x'.repeat(2 ** 20));
    const answers = await Promise.allSettled([
      store.port.append(batchOf(sourceObserved('a'))),
      store.port.append({ events: [materialized('b', { address: large.address })], values: [large] }),
      store.port.append(batchOf(sourceObserved('c'))),
    ]);
    expect(answers).toMatchObject([{ value: { first: 1 } }, { reason: { code: 'STORE_FULL' } }, { value: { first: 2 } }]);
    await store.close();
  });
});

describe('where the system does not say how much is free', () => {
  test.each([{ fails: true }, { blocks: 0, free: 0 }])('writing goes on (%o)', async (says) => {
    disk.free = ENOUGH;
    const store = await openStore(await newFolder());
    Object.assign(disk, says);
    await store.put('k', 1);
    expect(await store.value('k')).toBe(1);
    await store.close();
  });
});

describe('a store without a table of readers', () => {
  const makers: readonly (readonly [string, (path: string) => Promise<void>])[] = [
    ['none', (path) => rm(path)],
    ['a short one', (path) => truncate(path, 100)],
    ['one without a block', async (path) => (await rm(path), await writeFile(path, ''), await truncate(path, 32_976))],
  ];
  test.each(makers)('(%s) is not opened where there is no room for it', async (_, change) => {
    const folder = await newFolder();
    await (await openStore(folder)).close();
    await change(join(folder, 'lock.mdb'));
    disk.free = 2 ** 19;
    await expect(openStore(folder)).rejects.toMatchObject({ code: 'STORE_FULL', details: { needed: 2 ** 20 } });
    await expect(openStore(folder, { mode: 'read' })).rejects.toMatchObject({ code: 'STORE_FULL' });
    disk.free = ENOUGH;
    await (await openStore(folder)).close();
    disk.free = 2 ** 19;
    await (await openStore(folder, { mode: 'read' })).close();
    disk.free = undefined;
    expect(await verifyStore(folder)).toMatchObject({ ok: true });
  });
});

describe('a table of readers', () => {
  test('has its blocks on the disk from the beginning, and nothing is left of its making', async () => {
    const folder = await newFolder();
    await (await openStore(folder)).close();
    expect((await readdir(folder)).toSorted()).toEqual(['data.mdb', 'lock.mdb']);
    const { size, blocks } = await stat(join(folder, 'lock.mdb'));
    expect(size).toBeGreaterThanOrEqual(32_976);
    expect(blocks * 512).toBeGreaterThanOrEqual(size);
  });

  test.each([
    ['EIO', 'STORE_IO'],
    ['ENOSPC', 'STORE_FULL'],
    ['EDQUOT', 'STORE_FULL'],
  ])('that cannot be made because of %s is %s', async (error, code) => {
    const folder = await newFolder();
    disk.writes = error;
    await expect(openStore(folder)).rejects.toMatchObject({ code });
    expect(await readdir(folder)).toEqual([]);
  });

  test('that may not be made is left to LMDB', async () => {
    const folder = await newFolder();
    disk.writes = 'EACCES';
    await using store = await openStore(folder);
    await store.put('k', 1);
    expect(await store.value('k')).toBe(1);
  });
});

describe('a folder', () => {
  test('cannot be made where there is no room, and no number of a file is left', async () => {
    const path = join(await newFolder(), 'not', 'there');
    disk.free = ENOUGH;
    expect(lacksRoomForFolder(path)).toBe(false);
    disk.free = 0;
    expect(lacksRoomForFolder(path)).toBe(true);
    Object.assign(disk, { free: ENOUGH, ffree: 0 });
    expect(lacksRoomForFolder(path)).toBe(true);
    disk.fails = true;
    expect(lacksRoomForFolder(path)).toBe(false);
  });

  test('that cannot be made for want of room is STORE_FULL, though Node says that it is not there', async () => {
    const path = join(await newFolder(), 'not', 'there');
    folders.cannotBeMade = true;
    disk.free = 0;
    await expect(openStore(path)).rejects.toMatchObject({ code: 'STORE_FULL' });
    disk.free = ENOUGH;
    await expect(openStore(path)).rejects.toMatchObject({ code: 'STORE_PATH' });
  });
});

test('looks cost nothing where there is plenty', async () => {
  const store = await openStore(await newFolder());
  disk.free = 2 ** 40;
  await store.put('k', 0);
  const before = disk.looks;
  const start = performance.now();
  for (let index = 1; index <= 20; index += 1) await store.put('k', index);
  expect(disk.looks - before).toBeLessThanOrEqual(1 + Math.ceil((performance.now() - start) / 50));
  await store.close();
});

test('what a transaction may take grows with what it writes', () => {
  expect(roomFor({ bytes: 0, rows: 0 })).toBe(256 * 1024);
  expect(roomFor({ bytes: 1000, rows: 2 }) - roomFor({ bytes: 0, rows: 0 })).toBe(3000 + 2 * 8192);
});
