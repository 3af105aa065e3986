import { hash } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { readCursor, writeCursor } from '../../store/cursors.ts';
import { openLmdb, type LmdbEnvironment } from '../../store/lmdb-environment.ts';
import { openStore } from '../../store/open-store.ts';
import { record } from '../../store/record.ts';
import { verifyStore } from '../../store/verify.ts';
import { newFolder } from './folder.ts';

let open: LmdbEnvironment | undefined;

afterEach(() => open?.close());

const label = 'cursors';
const [high, low, replacement] = ['\ud83e', '\udd8a', '\ufffd'];

/** A store in which the cursor of a name stands where all stood once: under the hash of the name's UTF-8. */
async function storeWith(name: string): Promise<{ readonly folder: string; readonly environment: LmdbEnvironment }> {
  const folder = await newFolder();
  const store = await openStore(folder);
  for (let value = 1; value <= 9; value += 1) await store.put('a', value);
  await store.close();
  const environment = await openLmdb(folder, { writable: true, label });
  open = environment;
  const key = hash('sha256', name, 'buffer');
  environment.transact(() => environment.tables.cursors.putSync(key, record('cursors', key, [name, 5])));
  return { folder, environment };
}

function set({ environment }: { readonly environment: LmdbEnvironment }, name: string, position: number): void {
  environment.transact(() => writeCursor(environment.tables, name, { position, label }));
}

function read({ environment }: { readonly environment: LmdbEnvironment }, ...names: readonly string[]): readonly (number | undefined)[] {
  environment.refresh();
  return names.map((name) => readCursor(environment.tables, name, label));
}

describe('a cursor of a name with half of a surrogate pair, from before such names had keys of their own,', () => {
  test('is read, and is nobody else’s', async () => {
    const store = await storeWith(high);
    expect(read(store, high, low, replacement)).toEqual([5, undefined, undefined]);
    expect(await verifyStore(store.folder)).toMatchObject({ ok: true });
  });

  test('is set where it belongs, once', async () => {
    const store = await storeWith(high);
    set(store, high, 7);
    expect(read(store, high, low, replacement)).toEqual([7, undefined, undefined]);
    expect([...store.environment.tables.cursors.getKeys({})]).toHaveLength(1);
  });

  test('outlives those whose names had the same key', async () => {
    const store = await storeWith(high);
    set(store, replacement, 1);
    set(store, low, 2);
    expect(read(store, high, low, replacement)).toEqual([5, 2, 1]);
    expect(await verifyStore(store.folder)).toMatchObject({ ok: true, tables: { cursors: 3 } });
  });
});

test('a cursor of any other name stands where it always stood', async () => {
  const store = await storeWith('a 🦊');
  expect(read(store, 'a 🦊')).toEqual([5]);
  set(store, 'a 🦊', 6);
  expect(read(store, 'a 🦊')).toEqual([6]);
  expect([...store.environment.tables.cursors.getKeys({})]).toHaveLength(1);
});
