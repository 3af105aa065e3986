import { appendFile, mkdir, open as openFile, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { open } from 'lmdb';
import { describe, expect, test } from 'vitest';
import { openLmdb } from '../../store/lmdb-environment.ts';
import { openStore } from '../../store/open-store.ts';
import { preflight } from '../../store/preflight.ts';
import { newFolder } from './folder.ts';

/** A folder whose store holds one value and is closed. */
async function madeStore(): Promise<{ readonly folder: string; readonly file: string; readonly bytes: Buffer }> {
  const folder = await newFolder();
  const store = await openStore(folder);
  await store.put('k', 'x'.repeat(20_000));
  await store.close();
  const file = join(folder, 'data.mdb');
  return { folder, file, bytes: await readFile(file) };
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : error;
}

async function expectRefused(folder: string, code: RegExp): Promise<void> {
  for (const mode of ['write', 'read'] as const)
    await expect(openStore(folder, { mode }), mode).rejects.toMatchObject({ code: expect.stringMatching(code) });
}

describe('a file that is no whole store is refused before it is mapped', () => {
  test.each(['x', 'garbage '.repeat(3), 'garbage '.repeat(100_000)])('garbage (%#)', async (text) => {
    const folder = await newFolder();
    await writeFile(join(folder, 'data.mdb'), text);
    await expectRefused(folder, /^STORE_(CORRUPT|FORMAT)$/);
    expect(await readFile(join(folder, 'data.mdb'), 'utf8')).toBe(text);
  });

  test('a file cut off anywhere', async () => {
    const { folder, file, bytes } = await madeStore();
    for (const size of [1, 100, 159, 160, 4095, 4096, 4255, 8191, 8192, 8193, bytes.length >> 1, bytes.length - 4096, bytes.length - 1]) {
      await writeFile(file, bytes.subarray(0, size));
      await expectRefused(folder, /^STORE_CORRUPT$/);
    }
    await writeFile(file, bytes);
    const store = await openStore(folder);
    expect(await store.value('k')).toHaveLength(20_000);
    await store.close();
  });

  test('a header that was overwritten', async () => {
    const { folder, file, bytes } = await madeStore();
    for (const [from, to] of [
      [0, 8192],
      [0, 4096],
      [4096, 8192],
      [24, 32],
      [48, 52],
      [4096 + 24, 4096 + 28],
    ] as const) {
      await writeFile(file, Buffer.from(bytes).fill(0, from, to));
      await expectRefused(folder, /^STORE_(CORRUPT|FORMAT)$/);
    }
  });

  test('any other bytes in front, too', async () => {
    const { folder, file, bytes } = await madeStore();
    const anyDamage = fc.record({ at: fc.nat(159), byte: fc.nat(255), second: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(anyDamage, async ({ at, byte, second }) => {
        const damaged = Buffer.from(bytes);
        damaged[at + (second ? 4096 : 0)] = byte;
        await writeFile(file, damaged);
        // Either it looks whole, or it is the store's own error.
        const refusal: unknown = await preflight(folder).catch((error: unknown) => error);
        expect([undefined, 'STORE_CORRUPT', 'STORE_FORMAT']).toContain(codeOf(refusal));
      }),
      { numRuns: 100 },
    );
  });

  test("a file of LMDB that is somebody else's, which stays as it is", async () => {
    const folder = await newFolder();
    const other = open({ path: folder, noSubdir: false, overlappingSync: false, maxDbs: 3 });
    const table = other.openDB({ name: 'theirs' });
    await table.put('a', 1);
    await other.close();
    const before = await readFile(join(folder, 'data.mdb'));
    await expectRefused(folder, /^STORE_FORMAT$/);
    const again = open({ path: folder, noSubdir: false, overlappingSync: false, maxDbs: 3 });
    expect([...again.getKeys()]).toEqual(['theirs']);
    await again.close();
    expect((await stat(join(folder, 'data.mdb'))).size).toBe(before.length);
  });
});

describe('a file that is a whole store is not', () => {
  test('an empty one is a store that nothing was written to', async () => {
    const folder = await newFolder();
    await writeFile(join(folder, 'data.mdb'), '');
    await expect(openStore(folder, { mode: 'read' })).rejects.toMatchObject({ code: 'STORE_PATH' });
    await expect(openLmdb(folder, { writable: false, label: 'empty' })).rejects.toMatchObject({ code: 'STORE_FORMAT' });
    expect(await readdir(folder)).toEqual(['data.mdb']);
    const store = await openStore(folder);
    await store.put('k', 1);
    expect(await store.value('k')).toBe(1);
    await store.close();
  });

  test('one with room behind its last page is as good', async () => {
    const { folder, file } = await madeStore();
    await appendFile(file, Buffer.alloc(10_000));
    const store = await openStore(folder);
    expect(await store.value('k')).toHaveLength(20_000);
    await store.close();
  });

  test('one in a folder that looks like a file is found again', async () => {
    const folder = join(await newFolder(), 'store.db');
    await mkdir(folder);
    const store = await openStore(folder);
    await store.put('k', 1);
    await store.close();
    expect((await stat(join(folder, 'data.mdb'))).isFile()).toBe(true);
  });

  // The preflight refuses a file that is shorter than its last page, which LMDB by itself might leave behind.
  test('the store never leaves its file shorter than its last page', async () => {
    const folder = await newFolder();
    const store = await openStore(folder);
    const size = fc.oneof(fc.nat(200), fc.nat(60_000));
    await fc.assert(
      fc.asyncProperty(fc.array(size, { maxLength: 10 }), async (sizes) => {
        await Promise.all(sizes.map((length, index) => store.put(`k/${index}`, 'x'.repeat(length))));
        await preflight(folder);
      }),
      { numRuns: 60 },
    );
    await store.close();
  });

  test('a page that another process is writing behind the end does no harm', async () => {
    const { folder, file } = await madeStore();
    const { size } = await stat(file);
    const handle = await openFile(file, 'a');
    await handle.write(Buffer.alloc(100));
    await handle.close();
    await expect(preflight(folder)).resolves.toBeUndefined();
    await truncate(file, size);
    await expect(preflight(folder)).resolves.toBeUndefined();
  });
});
