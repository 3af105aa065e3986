import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { AppendBatch } from '../../lib/events/store-port.ts';
import { appendBatches } from '../../store/append-batches.ts';
import { appendKey } from '../../store/appends.ts';
import { draftBatch } from '../../store/batch-draft.ts';
import { openLmdb, type LmdbEnvironment } from '../../store/lmdb-environment.ts';
import { readState } from '../../store/log-state.ts';
import { Names } from '../../store/names.ts';
import { openStore } from '../../store/open-store.ts';
import { ValueWriter } from '../../store/value-writer.ts';
import { record } from '../../store/record.ts';
import { META } from '../../store/tables.ts';
import { verifyStore } from '../../store/verify.ts';
import { batchOf, sampleKey, sampleValue, sourceObserved } from '../kit/sample-events.ts';
import { newFolder } from './folder.ts';
import { namedBatch } from './named-batch.ts';
import { Other } from './other.ts';

const done = { said: 'done' };

/** Changes a store that is open, as another process would. */
async function changeUnder(folder: string, change: (environment: LmdbEnvironment) => void): Promise<void> {
  const environment = await openLmdb(folder, { writable: true, label: 'changing' });
  environment.transact(() => change(environment));
  await environment.close();
}

describe('an id of an append', () => {
  test('is known to all who have the store open in one process', async () => {
    const folder = await newFolder();
    const [one, two] = await Promise.all([openStore(folder), openStore(folder)]);
    expect(await Promise.all([one.port.append(namedBatch(1)), two.port.append(namedBatch(1, 2))])).toEqual([
      { first: 1, last: 2, duplicate: false },
      { first: 1, last: 2, duplicate: true },
    ]);
    await expect(two.port.append({ ...namedBatch(2), id: 'batch 1' })).rejects.toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
    expect(await one.put('k', 1, { id: 'p' })).toMatchObject({ position: 3, duplicate: false });
    expect(await two.put('k', 1, { id: 'p' })).toMatchObject({ position: 3, duplicate: true });
    await Promise.all([one.close(), two.close()]);
  });

  test('is known to another process', async () => {
    const folder = await newFolder();
    const other = new Other();
    expect(await other.ask({ do: 'open', folder, options: {} })).toMatchObject(done);
    const range = { first: 1, last: 2 };
    expect(await other.ask({ do: 'append under an id', index: 1 })).toEqual({ ...done, result: { ...range, duplicate: false } });
    expect(await other.ask({ do: 'close' })).toMatchObject(done);
    const store = await openStore(folder);
    expect(await store.port.append(namedBatch(1, 77))).toEqual({ ...range, duplicate: true });
    await store.close();
  });

  test.each([1, 2, 3])('finds what a process wrote that was killed, wherever that was (%i)', async (round) => {
    const folder = await newFolder();
    const other = new Other();
    expect(await other.ask({ do: 'open', folder, options: {} })).toMatchObject(done);
    other.tell({ do: 'append under ids for ever' });
    while (other.acknowledged < 30 * round) await sleep(1);
    await other.kill();
    const { acknowledged } = other;

    const store = await openStore(folder);
    const before = await store.port.head();
    const asked = Array.from({ length: acknowledged + 20 }, (_, index) => index);
    const answers = await Promise.all(asked.map((index) => store.port.append(namedBatch(index, 2))));
    // What was acknowledged is there; of the rest, whatever is, is there as a whole.
    for (const index of asked.slice(0, acknowledged + 1)) expect(answers[index]?.duplicate).toBe(true);
    for (const [index, { first, last, duplicate }] of answers.entries()) {
      expect(last - first).toBe(index % 2);
      expect(last <= before).toBe(duplicate);
    }
    const events = await store.port.read(1, Infinity);
    const indices = events.flatMap((event) => (event.type === 'asset-materialized' ? [event.metadata['index']] : []));
    expect(indices).toEqual(asked);
    await store.close();
    expect((await verifyStore(folder)).findings).toEqual([]);
  });

  test('is not answered for a writer that lost the store', async () => {
    const folder = await newFolder();
    const store = await openStore(folder);
    await store.port.append(namedBatch(1));
    await changeUnder(folder, ({ tables }) => tables.meta.putSync(META.state, record('meta', META.state, [99, 2, 3])));
    await expect(store.port.append(namedBatch(1))).rejects.toMatchObject({ code: 'STORE_LOCKED' });
    await expect(store.port.append({ ...namedBatch(2), id: 'batch 1' })).rejects.toMatchObject({ code: 'STORE_LOCKED' });
    await store.close();
  });

  test('that stands in the row of another one is corrupt, and concerns nobody else', async () => {
    const folder = await newFolder();
    const store = await openStore(folder);
    await changeUnder(folder, ({ tables }) => {
      const key = appendKey('batch 2');
      tables.appends.putSync(key, record('appends', key, ['batch 3', 1, 1, '0'.repeat(64)]));
    });
    const answers = await Promise.allSettled([1, 2, 3].map((index) => store.port.append(namedBatch(index))));
    expect(answers).toMatchObject([
      { value: { first: 1, last: 2 } },
      { reason: { code: 'STORE_CORRUPT' } },
      { value: { first: 3, last: 4 } },
    ]);
    await store.close();
  });
});

describe('a transaction of appends', () => {
  const append = async (batches: readonly AppendBatch[], times: number): Promise<readonly unknown[]> => {
    const environment = await openLmdb(await newFolder(), { writable: true, label: 'appending' });
    const names = new Names('appending');
    let left = times;
    const found: unknown[] = [];
    environment.transact(() => {
      const place = { tables: environment.tables, label: 'appending' };
      const values = new ValueWriter(() => place);
      const drafts = batches.map((batch) => draftBatch(batch, values));
      found.push(...appendBatches({ ...place, names, values, checkEpoch: () => undefined }, drafts, () => (left -= 1) >= 0));
    });
    names.settle(true);
    found.push(readState(environment.tables, 'appending').head);
    await environment.close();
    return found;
  };
  const batches = [1, 2, 3, 4].map((index) => namedBatch(index));
  const range = (first: number, last: number): unknown => ({ first, last, duplicate: false });

  test('takes what it has time for, and one batch in any case', async () => {
    expect(await append(batches, 0)).toEqual([range(1, 2), 2]);
    expect(await append(batches, 2)).toEqual([range(1, 2), range(3, 3), range(4, 5), 5]);
    expect(await append(batches, 9)).toEqual([range(1, 2), range(3, 3), range(4, 5), range(6, 6), 6]);
  });

  test('that refuses all of its batches leaves the store as it was', async () => {
    const folder = await newFolder();
    const store = await openStore(folder);
    await store.put('a', 1);
    const value = sampleValue('refused');
    const refused = {
      ...batchOf(sourceObserved('new', { address: value.address })),
      values: [value],
      expected: [{ key: sampleKey('a'), position: 9 }],
    };
    await expect(store.port.append(refused)).rejects.toMatchObject({ code: 'VERSION_CONFLICT' });
    expect(await store.put('b', 1)).toMatchObject({ position: 2 });
    await store.close();
    // A name without an event, a row of an index or a value that nothing refers to would be found.
    expect(await verifyStore(folder)).toMatchObject({ findings: [], unreferencedValues: 0, tables: { names: 2, values: 1 } });
  });
});
