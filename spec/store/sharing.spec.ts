import { mkdir, rm, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { batchOf, sourceObserved } from '../kit/sample-events.ts';
import { openStore } from '../../store/open-store.ts';
import { newFolder } from './folder.ts';
import { Other } from './other.ts';

describe('one store opened twice in one process', () => {
  test('is one store: both see what either writes, and one goes on when the other is closed', async () => {
    const folder = await newFolder();
    const [one, two] = await Promise.all([openStore(folder), openStore(folder)]);
    await one.put('a', 1);
    await two.put('b', 2);
    expect([await one.value('b'), await two.value('a')]).toEqual([2, 1]);
    await one.close();
    await expect(one.value('a')).rejects.toMatchObject({ code: 'STORE_CLOSED' });
    await two.put('a', 3);
    expect(await two.value('a')).toBe(3);
    await two.close();
    const again = await openStore(folder);
    expect(await again.value('a')).toBe(3);
    await again.close();
  });

  test('is one store by every path that leads to it', async () => {
    const folder = await newFolder();
    const link = join(await newFolder(), 'link');
    await symlink(folder, link);
    const paths = [
      folder,
      relative(process.cwd(), folder),
      link,
      `${folder}/`,
      join(folder, '..', folder.slice(dirname(folder).length + 1)),
    ];
    const stores = await Promise.all(paths.map((path) => openStore(path)));
    for (const [index, store] of stores.entries()) await store.put('a', index);
    for (const store of stores) expect(await store.value('a')).toBe(paths.length - 1);
    expect(stores.map(({ port }) => port.label)).toEqual(paths);
    await Promise.all(stores.map((store) => store.close()));
  });

  test('has one queue of turns, and one of puts', async () => {
    const folder = await newFolder();
    const [one, two] = await Promise.all([openStore(folder), openStore(folder)]);
    const release = await one.turn('queue');
    await expect(two.turn('error')).rejects.toMatchObject({ code: 'STORE_BUSY' });
    release();
    (await two.turn('error'))();
    const puts = await Promise.all([one, two, one, two].map((store) => store.put('a', 'same')));
    expect(puts.map(({ observed }) => observed)).toEqual([true, false, false, false]);
    await Promise.all([one.close(), two.close()]);
  });

  test('keeps appends of both in the order in which they came', async () => {
    const folder = await newFolder();
    const [one, two] = await Promise.all([openStore(folder), openStore(folder)]);
    const ranges = await Promise.all(
      Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? one : two).port.append(batchOf(sourceObserved(`k/${index}`)))),
    );
    expect(ranges.map(({ first }) => first)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
    await Promise.all([one.close(), two.close()]);
  });

  test('can be opened to read first and to write later, while reading goes on', async () => {
    const folder = await newFolder();
    const maker = await openStore(folder);
    await maker.put('a', 1);
    await maker.close();

    const reader = await openStore(folder, { mode: 'read' });
    expect(await reader.value('a')).toBe(1);
    let reading = true;
    const reads = (async () => {
      for (; reading; await nextTurn()) {
        for (let count = 0; count < 50; count += 1) expect(await reader.value('a')).toBeGreaterThan(0);
      }
    })();
    const writer = await openStore(folder);
    await writer.put('a', 2);
    expect(await reader.value('a')).toBe(2);
    await expect(reader.put('a', 3)).rejects.toMatchObject({ code: 'STORE_READ_ONLY' });
    reading = false;
    await reads;
    await writer.close();
    expect(await reader.value('a')).toBe(2);

    const other = new Other();
    expect(await other.ask({ do: 'open', folder, options: {} })).toMatchObject({ said: 'done' });
    expect(await other.ask({ do: 'put', value: 5 })).toMatchObject({ said: 'done' });
    expect(await reader.value('k')).toBe(5);
    await expect(openStore(folder)).rejects.toMatchObject({ code: 'STORE_LOCKED', details: { pid: other.pid } });
    expect(await reader.value('k')).toBe(5);
    await reader.close();
  });

  test('is another store when its folder was removed and made again', async () => {
    const folder = await newFolder();
    const old = await openStore(folder);
    await old.put('a', 'old');
    await rm(folder, { recursive: true });
    await mkdir(folder);
    const made = await openStore(folder);
    expect(await made.value('a')).toBeUndefined();
    await made.put('a', 'new');
    expect([await made.value('a'), await old.value('a')]).toEqual(['new', 'old']);
    await Promise.all([old.close(), made.close()]);
  });

  test('can be opened and closed again and again', async () => {
    const folder = await newFolder();
    for (let round = 1; round <= 30; round += 1) {
      const store = await openStore(folder);
      expect((await store.put('a', round)).position).toBe(round);
      await store.close();
    }
  });

  test('can be opened while it is being closed', async () => {
    const folder = await newFolder();
    let store = await openStore(folder);
    for (let round = 1; round <= 10; round += 1) {
      const closing = store.close();
      const [next] = await Promise.all([openStore(folder), closing]);
      store = next;
      expect((await store.put('a', round)).position).toBe(round);
    }
    await store.close();
  });
});
