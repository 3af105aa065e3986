import { chmod, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openStore, type OpenStoreOptions } from '../../store/open-store.ts';
import { newFolder } from './folder.ts';

describe('opening a store', () => {
  test('makes its folder, and the folders around it', async () => {
    const folder = join(await newFolder(), 'a', 'b', 'c');
    const store = await openStore(folder);
    expect(await store.port.head()).toBe(0);
    expect(store.port.label).toBe(folder);
    await store.close();
  });

  test('refuses what is no path of a folder', async () => {
    const file = join(await newFolder(), 'file');
    await writeFile(file, 'text');
    const wrong: readonly unknown[] = [
      '',
      'a\0b',
      undefined,
      null,
      7,
      {},
      [],
      new URL('file:///tmp/x'),
      file,
      join(file, 'below'),
      'x'.repeat(5000),
    ];
    for (const path of wrong) {
      for (const mode of ['write', 'read'] as const)
        await expect(openStore(path as string, { mode }), `${mode} ${String(path).slice(0, 50)}`).rejects.toMatchObject({
          name: 'StoreError',
          code: 'STORE_PATH',
        });
    }
  });

  test('refuses options that it does not know what to do with', async () => {
    const folder = await newFolder();
    const wrong: readonly unknown[] = [{ mode: 'r' }, { mode: null }, { waitMs: -1 }, { waitMs: NaN }, { waitMs: '5' }, { now: 5 }];
    for (const options of wrong)
      await expect(openStore(folder, options as OpenStoreOptions)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    expect(await readdir(folder)).toEqual([]);
  });

  test('to read makes nothing: there has to be a store', async () => {
    const folder = await newFolder();
    await expect(openStore(folder, { mode: 'read' })).rejects.toMatchObject({ code: 'STORE_PATH' });
    await expect(openStore(join(folder, 'none'), { mode: 'read' })).rejects.toMatchObject({ code: 'STORE_PATH' });
    expect(await readdir(folder)).toEqual([]);
  });

  test('tells the time of a put by the clock that it was given, and by the system otherwise', async () => {
    const folder = await newFolder();
    const [fixed, real] = await Promise.all([openStore(folder, { now: () => 42 }), openStore(folder)]);
    await fixed.put('a', 1);
    await real.put('b', 1);
    expect(await fixed.latest('a')).toMatchObject({ time: 42 });
    expect(Math.abs(((await fixed.latest('b'))?.time ?? 0) - Date.now())).toBeLessThan(10_000);
    await Promise.all([fixed.close(), real.close()]);
  });

  test.skipIf(process.getuid?.() === 0)('refuses a folder that it may not write to', async () => {
    const folder = await newFolder();
    await chmod(folder, 0o500);
    await expect(openStore(folder)).rejects.toMatchObject({ code: 'STORE_PATH' });
    await expect(openStore(join(folder, 'below'))).rejects.toMatchObject({ code: 'STORE_PATH' });
  });

  test('closes with its scope', async () => {
    const folder = await newFolder();
    let left;
    {
      await using store = await openStore(folder);
      await store.put('a', 1);
      left = store;
    }
    await expect(left.value('a')).rejects.toMatchObject({ code: 'STORE_CLOSED' });
  });
});
