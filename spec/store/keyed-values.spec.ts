import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { pieceAddresses } from '../../lib/events/keyed-value.ts';
import { pruneStore } from '../../lib/events/prune.ts';
import { forgetRows } from '../../lib/events/recent-rows.ts';
import type { Store } from '../../lib/events/store.ts';
import { keyed, type Keyed } from '../../lib/kernel/keyed/keyed.ts';
import { memoryStore } from '../../lib/memory/index.ts';
import { openForCare } from '../../store/lmdb-copy.ts';
import { openLmdb } from '../../store/lmdb-environment.ts';
import { openStore } from '../../store/open-store.ts';
import { repairStore } from '../../store/repair.ts';
import { valueKey } from '../../store/value-rows.ts';
import { verifyStore } from '../../store/verify.ts';
import { newFolder } from './folder.ts';

type Rows = Keyed<number, { readonly id: number; readonly text: string }>;

const rowOf = (id: number, round = 0) => ({ id, text: `row ${id} in round ${round}` });
const rowsOf = (count: number): Rows => keyed(Array.from({ length: count }, (_, id) => [id, rowOf(id)] as const));

/** Addresses of all pieces of a value, itself included. */
async function piecesAt({ port }: Store, address: string): Promise<readonly string[]> {
  const [bytes] = await port.values([address]);
  const below = bytes === undefined ? [] : pieceAddresses(bytes);
  return [address, ...(await Promise.all(below.map((each) => piecesAt({ port } as Store, each)))).flat()];
}

async function addressOf(store: Store, position?: number): Promise<string> {
  const [event] = await store.port.readable([(await store.latest('rows'))?.key ?? ('' as never)], position ?? (await store.port.head()));
  if (event === undefined || !('address' in event) || event.address === null) throw new Error('nothing was put');
  return event.address;
}

async function read(store: Store, position?: number): Promise<Rows> {
  forgetRows();
  return (await store.value('rows', position === undefined ? {} : { position })) as Rows;
}

test.each([
  ['memory', async () => memoryStore()],
  ['disk', async () => openStore(join(await newFolder(), 'store'))],
])('a prune of a store in %s removes the pieces that no kept version has, and no others', async (_, open) => {
  await using store = await open();
  let rows = rowsOf(500);
  const versions: Rows[] = [];
  for (let round = 0; round < 6; round += 1) {
    rows = rows.set(round * 50, rowOf(round * 50, round + 1)).set(1000 + round, rowOf(1000 + round));
    await store.put('rows', rows);
    versions.push(rows);
  }
  const pieces = await Promise.all(versions.map(async (_each, at) => piecesAt(store, await addressOf(store, at + 1))));
  const kept = new Set([...(pieces[4] ?? []), ...(pieces[5] ?? [])]);
  const all = new Set(pieces.flat());
  const report = await pruneStore(store, { versions: 2, runs: 0 });
  expect(report.values).toMatchObject({ kept: kept.size, removed: all.size - kept.size });
  for (const at of [5, 6]) expect((await read(store, at)).version).toBe(versions[at - 1]?.version);
  await expect(read(store, 1)).rejects.toMatchObject({ code: 'VALUE_REMOVED' });
  // What was removed is there again where it is put again, all of it.
  await store.put('rows', versions[0]);
  expect([...(await read(store, 7))]).toEqual([...(versions[0] ?? [])]);
});

test('a prune keeps the pieces of what is put while it runs, also of what it was about to remove', async () => {
  const folder = join(await newFolder(), 'store');
  await using store = await openStore(folder);
  const [old, other] = [rowsOf(3000), rowsOf(5)];
  await store.put('rows', old);
  await store.put('rows', other);
  let put: Promise<unknown> | undefined;
  await pruneStore(store, {
    versions: 1,
    runs: 0,
    // When everything was marked, and before anything is removed.
    onProgress: ({ doing }) => {
      if (doing === 'values') put ??= store.put('rows', old.set(7, rowOf(7, 1)));
    },
  });
  await put;
  expect((await read(store)).version).toBe(old.set(7, rowOf(7, 1)).version);
  expect((await verifyStore(folder)).findings).toEqual([]);
});

test('writes as few rows as few pieces changed, and reads them in another process', async () => {
  const folder = join(await newFolder(), 'store');
  const store = await openStore(folder);
  let rows = rowsOf(5000);
  await store.put('rows', rows);
  const before = (await piecesAt(store, await addressOf(store))).length;
  for (let round = 0; round < 5; round += 1) await store.put('rows', (rows = rows.set(round * 900, rowOf(round * 900, 9))));
  await store.close();
  const environment = await openLmdb(folder, { writable: false, label: 'looking' });
  const count = [...environment.tables.values.getKeys({})].length;
  await environment.close();
  expect(count).toBeLessThanOrEqual(before + 5 * 4);
  await using again = await openStore(folder, { mode: 'read' });
  expect((await read(again)).version).toBe(rows.version);
  expect((await read(again, 1)).version).toBe(rowsOf(5000).version);
  const report = await verifyStore(folder);
  expect([report.findings, report.unreferencedValues]).toEqual([[], 0]);
});

/** A store with two versions of many rows, of which the newer one lost a piece of its own. */
async function damaged(): Promise<{ readonly folder: string; readonly lost: string; readonly root: string }> {
  const folder = join(await newFolder(), 'store');
  const store = await openStore(folder);
  const rows = rowsOf(500);
  await store.put('rows', rows);
  await store.put('rows', rows.set(77, rowOf(77, 1)));
  const root = await addressOf(store, 2);
  const [older, newer] = [await piecesAt(store, await addressOf(store, 1)), await piecesAt(store, root)];
  const lost = newer.findLast((each) => !older.includes(each) && each !== root);
  await store.close();
  const environment = await openLmdb(folder, { writable: true, label: 'damaging' });
  environment.transact(() => void environment.tables.values.removeSync(valueKey(lost ?? '')));
  await environment.close();
  return { folder, lost: lost ?? '', root };
}

test('a piece that is missing is found by a verification, and told when the value is read', async () => {
  const { folder, root } = await damaged();
  const { findings } = await verifyStore(folder);
  expect(findings).toMatchObject([{ code: 'value-missing', table: 'values', key: valueKey(root).toString('hex') }]);
  await using store = await openStore(folder);
  await expect(read(store, 2)).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  expect((await read(store, 1)).size).toBe(500);
});

test('a repair tells a value as lost of which a piece is, and what is put again is whole', async () => {
  const { folder, root, lost } = await damaged();
  const target = join(await newFolder(), 'repaired');
  // So that no old page has it: what is damaged is copied without what is free.
  const copied = join(await newFolder(), 'copied');
  await mkdir(copied);
  const care = openForCare(folder, { writable: false });
  await care.copyTo(copied, { compact: true });
  await care.close();
  const report = await repairStore(copied, target);
  expect(report.values.lostValues.map(({ address }) => address)).toEqual([root]);
  expect((await verifyStore(target)).findings).toEqual([]);
  await using store = await openStore(target);
  await expect(read(store, 2)).rejects.toMatchObject({ code: 'VALUE_REMOVED' });
  expect((await read(store, 1)).size).toBe(500);
  await store.put('rows', rowsOf(500));
  await store.put('rows', rowsOf(500).set(77, rowOf(77, 1)));
  expect((await read(store)).get(77)).toEqual(rowOf(77, 1));
  expect((await store.port.values([lost])).length).toBe(1);
});

test('the limit of a store is for all pieces together', async () => {
  await using store = await openStore(join(await newFolder(), 'store'), { maxValueBytes: 20_000 });
  await store.put('rows', rowsOf(100));
  await expect(store.put('rows', rowsOf(5000))).rejects.toMatchObject({ code: 'VALUE_TOO_LARGE' });
  expect((await read(store)).size).toBe(100);
});

test('rows under keys so long that pieces are kept in parts are pruned and read as others', async () => {
  const folder = join(await newFolder(), 'store');
  await using store = await openStore(folder);
  const long = (id: number): string => `${id}`.padStart(5, '0') + 'k'.repeat(20_000);
  const rows = keyed(Array.from({ length: 120 }, (_, id) => [long(id), id] as const));
  await store.put('rows', rows);
  await store.put('rows', rows.set(long(7), -7));
  await pruneStore(store, { versions: 1, runs: 0 });
  forgetRows();
  expect(((await store.value('rows')) as typeof rows).version).toBe(rows.set(long(7), -7).version);
  expect((await verifyStore(folder)).findings).toEqual([]);
});
