import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type * as Lmdb from 'lmdb';
import type { RootDatabase } from 'lmdb';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Store } from '../../lib/events/store.ts';
import { openLmdb } from '../../store/lmdb-environment.ts';
import { openStore } from '../../store/open-store.ts';
import { META } from '../../store/tables.ts';
import { verifyStore } from '../../store/verify.ts';
import { batchOf, sourceObserved } from '../kit/sample-events.ts';
import { newFolder } from './folder.ts';

/** How many transactions run and then fail as LMDB's do, and what opening does. */
const lmdb = vi.hoisted(() => ({ failures: 0, roots: [] as object[], failed: new Set<object>(), asked: 0, refusesToOpen: false }));

vi.mock('lmdb', async (original) => {
  const real = await original<typeof Lmdb>();
  const open = (options: never): RootDatabase => {
    if (lmdb.refusesToOpen) throw Object.assign(new Error('no more files'), { code: 24 });
    const root = real.open(options);
    lmdb.roots.push(root);
    const transactionSync = root.transactionSync.bind(root);
    root.transactionSync = (body) =>
      transactionSync(() => {
        if (lmdb.failed.has(root)) lmdb.asked += 1;
        const result = body();
        if (lmdb.failures > 0) {
          lmdb.failures -= 1;
          lmdb.failed.add(root);
          throw Object.assign(new Error('Input/output error'), { code: 5 });
        }
        return result;
      });
    const { resetReadTxn } = root as unknown as { readonly resetReadTxn: () => void };
    Object.assign(root, {
      resetReadTxn: () => {
        if (lmdb.failed.has(root)) lmdb.asked += 1;
        resetReadTxn.call(root);
      },
    });
    return root;
  };
  return { ...real, open };
});

afterEach(() => {
  if (lmdb.asked > 0) throw new Error('an environment that failed was asked again');
  Object.assign(lmdb, { failures: 0, roots: [], failed: new Set(), asked: 0, refusesToOpen: false });
});

const io = { code: 'STORE_IO' };
const append = (store: Store, key: string): Promise<unknown> => store.port.append(batchOf(sourceObserved(key)));

describe('when LMDB fails to commit', () => {
  test('its environment is never asked again, and the store goes on with a new one: same lease, same log', async () => {
    const folder = await newFolder();
    const store = await openStore(folder);
    await store.put('a', 1);
    for (let round = 1; round <= 5; round += 1) {
      lmdb.failures = 1;
      const waiting = Promise.allSettled([append(store, 'x'), append(store, 'y')]);
      expect(await waiting).toMatchObject([{ reason: io }, { reason: io }]);
      expect(await store.value('a')).toBe(round);
      await store.put('a', round + 1);
    }
    expect(lmdb.roots).toHaveLength(6);
    expect(await store.port.head()).toBe(6);
    await store.close();
    expect(await verifyStore(folder)).toMatchObject({ ok: true, head: 6 });
  });

  test('what waits is written on the new one', async () => {
    const store = await openStore(await newFolder());
    lmdb.failures = 1;
    // More than one transaction takes.
    const first = Array.from({ length: 4000 }, (_, index) => sourceObserved(`k/${index}`));
    const answers = await Promise.allSettled([store.port.append(batchOf(...first)), append(store, 'later'), append(store, 'last')]);
    expect(answers).toMatchObject([{ reason: io }, { value: { first: 1 } }, { value: { first: 2 } }]);
    await store.close();
  });

  test('cursors are set on the new one, and whoever follows the log goes on', async () => {
    const folder = await newFolder();
    const store = await openStore(folder);
    await using reader = await openStore(folder, { mode: 'read' });
    const tail = reader.tail({ from: 1 })[Symbol.asyncIterator]();
    await store.put('a', 1);
    expect((await tail.next()).value).toMatchObject({ position: 1 });
    const { port } = store as unknown as { readonly port: { setCursor: (name: string, at: number) => Promise<void> } };
    lmdb.failures = 1;
    await expect(port.setCursor('c', 1)).rejects.toMatchObject(io);
    await port.setCursor('c', 1);
    await store.put('a', 2);
    expect((await tail.next()).value).toMatchObject({ position: 2 });
    await tail.return?.();
    await store.close();
  });

  test('while a store is closed, its lease is let go of all the same', async () => {
    const folder = await newFolder();
    const store = await openStore(folder);
    lmdb.failures = 1;
    await store.close();
    const looking = await openLmdb(folder, { writable: true, label: 'looking' });
    expect(looking.tables.meta.get(META.lease)).toBeUndefined();
    await looking.close();
  });

  test('names that were not kept are given out again', async () => {
    const folder = await newFolder();
    const store = await openStore(folder);
    lmdb.failures = 1;
    await expect(store.put('one', 1)).rejects.toMatchObject(io);
    await Promise.all(['two', 'one', 'three'].map((key) => store.put(key, key)));
    await store.close();
    expect(await verifyStore(folder)).toMatchObject({ findings: [], ok: true, head: 3 });
  });

  test('what the store itself refuses opens nothing anew', async () => {
    const environment = await openLmdb(await newFolder(), { writable: true, label: 'refusing' });
    const store = await openStore(await newFolder());
    await store.port.append({ ...batchOf(sourceObserved('k')), id: 'one' });
    await expect(store.port.append({ ...batchOf(sourceObserved('other')), id: 'one' })).rejects.toMatchObject({
      code: 'IDEMPOTENCY_CONFLICT',
    });
    expect(lmdb.roots).toHaveLength(2);
    await Promise.all([environment.close(), store.close()]);
  });
});

describe('where it cannot be opened again', () => {
  test('every call says so, until all have closed it; whoever opens it then has it whole', async () => {
    const folder = await newFolder();
    const store = await openStore(folder);
    await store.put('a', 1);
    lmdb.failures = 1;
    lmdb.refusesToOpen = true;
    const answers = await Promise.allSettled([append(store, 'x'), append(store, 'y')]);
    expect(answers).toMatchObject([{ reason: io }, { reason: io }]);
    for (const call of [() => append(store, 'x'), () => store.value('a'), () => store.put('a', 2), () => store.port.head()])
      await expect(call()).rejects.toThrow(/can neither be read nor written any more.*no more files.*open it again/);
    lmdb.refusesToOpen = false;
    await expect(store.value('a')).rejects.toMatchObject(io);
    // Not even the hold that is there still keeps it from being opened.
    const again = await openStore(folder);
    expect(await again.value('a')).toBe(1);
    await again.put('a', 2);
    await store.close();
    await nextTurn();
    expect(await again.value('a')).toBe(2);
    await again.close();
  });

  test('nothing is written to another file that came into its place', async () => {
    const folder = await newFolder();
    const store = await openStore(folder);
    await store.put('a', 1);
    await rename(join(folder, 'data.mdb'), join(folder, 'moved'));
    lmdb.failures = 1;
    await expect(append(store, 'x')).rejects.toMatchObject(io);
    await expect(append(store, 'x')).rejects.toThrow(/another file is in its place/);
    await store.close();
    await rm(join(folder, 'lock.mdb'), { force: true });
    await rename(join(folder, 'moved'), join(folder, 'data.mdb'));
    const again = await openStore(folder);
    expect(await again.value('a')).toBe(1);
    await again.close();
  });
});
