import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Store } from '../../lib/events/store.ts';
import type { StorePort } from '../../lib/events/store-port.ts';
import { decodeValue } from '../../lib/kernel/value/decode.ts';
import { memoryPort } from '../../lib/memory/memory-port.ts';
import { openLmdb } from '../../store/lmdb-environment.ts';
import { openStore } from '../../store/open-store.ts';
import { openValueRow, valueKey, type ValueRow } from '../../store/value-rows.ts';
import { verifyStore } from '../../store/verify.ts';
import { sampleValue, sourceObserved } from '../kit/sample-events.ts';
import { anyVersions, ballast } from './any-version.ts';
import { newFolder } from './folder.ts';

/** Appends versions of one source, each with the one before as its base. */
async function appendVersions(port: StorePort, versions: readonly unknown[]): Promise<void> {
  let base: string | undefined;
  for (const version of versions) {
    const { address, bytes } = sampleValue(version);
    const value = base === undefined ? { address, bytes } : { address, bytes, base };
    await port.append({ events: [sourceObserved('s', { address, version: address })], values: [value] });
    base = address;
  }
}

/** Equal down to the order of keys, and to what an object inherits. */
function expectSame(read: unknown, written: unknown): void {
  if (!isDeepStrictEqual(read, written) || sampleValue(read).address !== sampleValue(written).address) expect(read).toStrictEqual(written);
  expect(sampleValue(read).address).toBe(sampleValue(written).address);
}

async function expectVersions(port: StorePort, versions: readonly unknown[]): Promise<void> {
  const read = await port.values(versions.map((version) => sampleValue(version).address));
  for (const [index, bytes] of read.entries()) expectSame(decodeValue(bytes ?? new Uint8Array()), versions[index]);
}

/** Puts every version, which tells the store what came before and what it is, and reads each as of its position. */
async function expectPuts(store: Store, versions: readonly unknown[]): Promise<void> {
  const puts: { readonly position: number; readonly version: unknown }[] = [];
  for (const version of versions) {
    const { observed, position } = await store.put('s', version);
    // One that only differs in the order of its keys is equal to the one before.
    if (observed) puts.push({ position, version });
  }
  for (const { position, version } of puts) expectSame(await store.value('s', { position }), version);
  await store.close();
}

/** The rows that values have in a closed store. */
async function rowsIn(folder: string, values: readonly unknown[]): Promise<readonly (ValueRow | undefined)[]> {
  const environment = await openLmdb(folder, { writable: false, label: 'looking' });
  try {
    return values.map((value) => {
      const key = valueKey(sampleValue(value).address);
      const row = environment.tables.values.get(key);
      return row === undefined ? undefined : openValueRow(row, key, 'looking');
    });
  } finally {
    await environment.close();
  }
}

async function stored(
  versions: readonly unknown[],
): Promise<{ readonly folder: string; readonly rows: readonly (ValueRow | undefined)[] }> {
  const folder = await newFolder();
  const store = await openStore(folder);
  await appendVersions(store.port, versions);
  await expectVersions(store.port, versions);
  await store.close();
  const again = await openStore(folder, { mode: 'read' });
  await expectVersions(again.port, versions);
  await again.close();
  expect(await verifyStore(folder)).toMatchObject({ ok: true });
  return { folder, rows: await rowsIn(folder, versions) };
}

const kindsOf = (rows: readonly (ValueRow | undefined)[]): readonly (string | undefined)[] => rows.map((row) => row?.kind);

describe('any sequence of versions', () => {
  test('is read as it was written, from disk and from memory', async () => {
    let patches = 0;
    await fc.assert(
      fc.asyncProperty(anyVersions(8), async (versions) => {
        const folder = await newFolder();
        let store = await openStore(folder);
        await appendVersions(store.port, versions);
        await store.close();
        patches += (await rowsIn(folder, versions)).filter((row) => row?.kind === 'patch').length;
        store = await openStore(folder);
        await expectVersions(store.port, versions);
        await store.close();
        const memory = memoryPort();
        await appendVersions(memory, versions);
        await expectVersions(memory, versions);
        await expectPuts(await openStore(await newFolder()), versions);
      }),
      { numRuns: 40 },
    );
    // Not all of them were kept in full, or this says nothing of patches.
    expect(patches).toBeGreaterThan(30);
  });
});

describe('a version that differs little from the one before', () => {
  const table = (price: number): readonly unknown[] => [...ballast(400), { price }];

  test('is kept as a change of it', async () => {
    const { rows } = await stored([table(1), table(2), table(3)]);
    expect(kindsOf(rows)).toEqual(['whole', 'patch', 'patch']);
    expect(rows[2]).toMatchObject({ depth: 2, size: sampleValue(table(3)).bytes.length, base: valueKey(sampleValue(table(2)).address) });
  });

  test.each<[string, unknown, unknown]>([
    ['it is small', { a: 1, rows: ballast(10) }, { a: 2, rows: ballast(10) }],
    ['most of it changed', ballast(400), ballast(400).map((_, index) => ({ id: -index, name: `other ${index}` }))],
    ['a zero changes its sign, which Immer takes for the same', { it: 0, rows: ballast(400) }, { it: -0, rows: ballast(400) }],
    ['its keys come in another order', { a: 1, rows: ballast(400) }, { rows: ballast(400), a: 1 }],
    ['it is another kind of thing', ballast(400), { rows: ballast(400) }],
    ['its path is one that Immer refuses', { constructor: { a: 1 }, rows: ballast(400) }, { constructor: { a: 2 }, rows: ballast(400) }],
    ['it has a key that Immer takes for the prototype', { rows: ballast(400) }, { rows: ballast(400), add: { ['__proto__']: { a: 1 } } }],
    ['all of its elements would be moved many times', ballast(400), [1, 2, 3, 4, 5, ...ballast(400)]],
  ])('is kept in full where %s', async (_, before, after) => {
    expect(kindsOf((await stored([before, after])).rows)).toEqual(['whole', 'whole']);
  });

  test.each<[string, unknown, unknown]>([
    ['a Map', { it: new Map([['a', 1]]), rows: ballast(400) }, { it: new Map([['a', 2]]), rows: ballast(400) }],
    ['a Set', { it: new Set([1]), rows: ballast(400) }, { it: new Set([1, 2]), rows: ballast(400) }],
    ['a Date', { it: new Date(1), rows: ballast(400) }, { it: new Date(2), rows: ballast(400) }],
    ['bytes', { it: new Uint8Array([1]), rows: ballast(400) }, { it: new Uint8Array([2]), rows: ballast(400) }],
    ['a key', { it: { a: 1 }, rows: ballast(400) }, { it: { a: 1, b: undefined }, rows: ballast(400) }],
    ['the order of keys, deep inside', { it: { a: 1, b: 2 }, rows: ballast(400) }, { it: { b: 2, a: 1 }, rows: ballast(400) }],
    ['an element in front', ballast(400), [{ id: -1 }, ...ballast(400)]],
    ['an element in the middle', ballast(400), ballast(400).toSpliced(200, 1)],
    ['the end', ballast(400), ballast(300)],
    ['nothing but elements at the end', ballast(400), [...ballast(400), undefined, null]],
  ])('is kept as a change where it changed %s', async (_, before, after) => {
    expect(kindsOf((await stored([before, after])).rows)).toEqual(['whole', 'patch']);
  });

  test('is read where a key that was removed comes back as undefined', async () => {
    const rest = ballast(400);
    const versions = [{ rest, a: 1 }, { rest }, { rest, a: undefined }];
    expect(kindsOf((await stored(versions)).rows)).toEqual(['whole', 'patch', 'patch']);
  });

  test('is kept in full after 32 changes', async () => {
    const { rows } = await stored(Array.from({ length: 36 }, (_, index) => table(index)));
    expect(kindsOf(rows)).toEqual(['whole', ...Array.from({ length: 32 }, () => 'patch'), 'whole', 'patch', 'patch']);
  });

  test('counts as eight changes where elements are moved', async () => {
    const versions = Array.from({ length: 6 }, (_, index) => [
      ...Array.from({ length: index }, (_unused, id) => ({ id: id - index })),
      ...ballast(400),
    ]);
    expect(kindsOf((await stored(versions)).rows)).toEqual(['whole', 'patch', 'patch', 'patch', 'patch', 'whole']);
  });

  test('is kept in full when the changes together are larger than it is', async () => {
    const versions = Array.from({ length: 6 }, (_, turn) =>
      ballast(400).map((row, index) => (index % 10 === turn ? { id: turn, name: `changed in ${turn}` } : row)),
    );
    const { rows } = await stored(versions);
    expect(kindsOf(rows)).toEqual(['whole', 'patch', 'patch', 'whole', 'patch', 'patch']);
  });

  test('is compared ever more seldom while the versions have nothing in common', async () => {
    const folder = await newFolder();
    const store = await openStore(folder);
    const versions = [
      ...Array.from({ length: 6 }, (_, turn) => ballast(400).map((_row, index) => `version ${turn} ${index}`)),
      ...[1, 2, 3, 4].map((price) => [price, ...Array.from({ length: 400 }, (_, index) => `version 5 ${index}`)]),
    ];
    await appendVersions(store.port, versions);
    await expectVersions(store.port, versions);
    await store.close();
    // Misses 0, 1, 2 and 4 are tried again, so the first of the versions that are alike is not.
    expect(kindsOf(await rowsIn(folder, versions)).slice(6)).toEqual(['whole', 'whole', 'whole', 'patch']);
  });

  test('is kept in full where its base is not there, or damaged', async () => {
    const folder = await newFolder();
    const store = await openStore(folder);
    await appendVersions(store.port, [table(1)]);
    await store.close();
    const environment = await openLmdb(folder, { writable: true, label: 'damaging' });
    const key = valueKey(sampleValue(table(1)).address);
    environment.transact(() => environment.tables.values.putSync(key, Buffer.of(3, 1, 2, 3)));
    await environment.close();
    const again = await openStore(folder);
    for (const [price, base] of [
      [2, sampleValue(table(1)).address],
      [3, sampleValue('nothing').address],
    ] as const)
      await again.port.append({ events: [], values: [{ ...sampleValue(table(price)), base }] });
    await expectVersions(again.port, [table(2), table(3)]);
    await again.close();
    expect(kindsOf(await rowsIn(folder, [table(2), table(3)]))).toEqual(['whole', 'whole']);
  });
});

describe('a large value', () => {
  const large = (seed: number, size: number): Uint8Array => Uint8Array.from({ length: size }, (_, index) => (index * seed) % 251);

  test('is kept in parts, and written once', async () => {
    const values = [large(3, 300_000), large(5, 3_000_000), large(7, 65_512 * 5 - 8)];
    const { folder, rows } = await stored([...values, ...values]);
    expect(kindsOf(rows.slice(0, 3))).toEqual(['chunks', 'chunks', 'chunks']);
    const { tables } = await verifyStore(folder);
    expect(tables['chunks']).toBe(5 + 46 + 5);
  });

  test('is one row up to 256 KiB', async () => {
    // Form, tag and length take 8 bytes.
    const [most, more] = [large(3, 256 * 1024 - 8), large(3, 256 * 1024 - 7)];
    expect([sampleValue(most).bytes.length, sampleValue(more).bytes.length]).toEqual([256 * 1024, 256 * 1024 + 1]);
    expect(kindsOf((await stored([most, more])).rows)).toEqual(['whole', 'chunks']);
  });

  test('may be changed too', async () => {
    const table = (price: number): readonly unknown[] => [...ballast(20_000), { price }];
    expect(kindsOf((await stored([table(1), table(2)])).rows)).toEqual(['chunks', 'patch']);
  });
});

describe('a value that is larger than the store takes', () => {
  test.each([
    ['on disk', async (): Promise<StorePort> => (await openStore(await newFolder(), { maxValueBytes: 1000 })).port],
    ['in memory', async (): Promise<StorePort> => memoryPort({ maxValueBytes: 1000 })],
  ])('is refused with all of its batch, and no other (%s)', async (_, open) => {
    const port = await open();
    const [fits, large] = [sampleValue('x'.repeat(996)), sampleValue('x'.repeat(997))];
    expect([fits.bytes.length, large.bytes.length]).toEqual([1000, 1001]);
    const answers = await Promise.allSettled([
      port.append({ events: [sourceObserved('a')], values: [fits] }),
      port.append({ events: [sourceObserved('b', { address: large.address })], values: [large] }),
      port.append({ events: [sourceObserved('c')], values: [] }),
    ]);
    expect(answers).toMatchObject([
      { value: { last: 1 } },
      { reason: { code: 'VALUE_TOO_LARGE', message: expect.stringContaining('The value of "b" takes 1001 bytes') as string } },
      { value: { last: 2 } },
    ]);
    expect(await port.values([large.address])).toEqual([undefined]);
    await port.close();
  });
});
