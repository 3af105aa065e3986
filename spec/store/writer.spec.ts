import { describe, expect, test } from 'vitest';
import { draftBatch } from '../../store/batch-draft.ts';
import { takeLease } from '../../store/lease.ts';
import { openLmdb, type LmdbEnvironment } from '../../store/lmdb-environment.ts';
import { readState, writeState } from '../../store/log-state.ts';
import { nameOf, Names } from '../../store/names.ts';
import { lastInIndex, positionKey } from '../../store/tables.ts';
import { Writer } from '../../store/writer.ts';
import { batchOf, materialized, missed, sampleKey, sourceObserved, stepSettled } from '../kit/sample-events.ts';
import { newFolder } from './folder.ts';

/** A writer on a disk that has no room for transactions of more events than this. */
async function writerWithRoom(events: number): Promise<{
  readonly writer: Writer;
  readonly environment: LmdbEnvironment;
  readonly commits: number[];
  readonly close: () => Promise<void>;
}> {
  const path = await newFolder();
  const environment = await openLmdb(path, { writable: true, label: 'full' });
  const attempt = takeLease(environment, { path, label: 'full' });
  if ('holder' in attempt) throw new Error('nobody else has the lease');
  const head = (): number => readState(environment.tables, 'full').head;
  const full: LmdbEnvironment = {
    writable: true,
    isDead: false,
    // Asked for each time: what fails is opened anew.
    get tables() {
      return environment.tables;
    },
    refresh: () => environment.refresh(),
    forgetDeadReaders: () => environment.forgetDeadReaders(),
    close: () => environment.close(),
    transact: (body, volume) => {
      environment.transact(() => {
        const before = head();
        body();
        if (head() - before > events) throw Object.assign(new Error('no space left on device'), { code: 28 });
      }, volume);
    },
  };
  const commits: number[] = [];
  const onCommit = (): void => void commits.push(head());
  const writer = new Writer({ environment: full, names: new Names('full'), lease: attempt.lease, label: 'full', path, onCommit });
  return { writer, environment, commits, close: () => environment.close() };
}

describe('a writer', () => {
  test('gives a full disk to the batch that does not fit, and writes its neighbours', async () => {
    const { writer, commits, close } = await writerWithRoom(3);
    const append = (events: number): Promise<unknown> =>
      writer.append(draftBatch(batchOf(...Array.from({ length: events }, (_, index) => sourceObserved(`k/${index}`))), writer.values));
    const answers = await Promise.allSettled([1, 5, 3, 1].map(append));
    expect(answers).toMatchObject([
      { value: { first: 1, last: 1 } },
      { reason: { code: 'STORE_FULL' } },
      { value: { first: 2, last: 4 } },
      { value: { first: 5, last: 5 } },
    ]);
    expect(commits).toEqual([1, 4, 5]);
    await close();
  });

  test('writes over no event that stands after the head, and says that the store is damaged', async () => {
    const { writer, environment, close } = await writerWithRoom(100);
    const append = (key: string): Promise<unknown> => writer.append(draftBatch(batchOf(sourceObserved(key)), writer.values));
    await Promise.all(['a', 'b', 'c'].map(append));
    const state = readState(environment.tables, 'full');
    const third = environment.tables.events.get(positionKey(3));
    environment.transact(() => writeState(environment.tables, { ...state, head: 2 }));
    await expect(append('d')).rejects.toMatchObject({ code: 'STORE_CORRUPT', details: { table: 'events' } });
    expect(environment.tables.events.get(positionKey(3))).toEqual(third);
    await close();
  });

  test('judges what a batch expects by its neighbours in the same transaction', async () => {
    const { writer, commits, close } = await writerWithRoom(100);
    const append = (position: number): Promise<unknown> =>
      writer.append(draftBatch({ ...batchOf(sourceObserved('k')), expected: [{ key: sampleKey('k'), position }] }, writer.values));
    const answers = await Promise.allSettled([0, 1, 0, 2].map(append));
    expect(answers).toMatchObject([
      { value: { first: 1 } },
      { value: { first: 2 } },
      { reason: { code: 'VERSION_CONFLICT', details: { found: 2 } } },
      { value: { first: 3 } },
    ]);
    expect(commits).toEqual([3]);
    await close();
  });

  test('finds the rows of all batches of a transaction, however many there are', async () => {
    const { writer, environment, close } = await writerWithRoom(10_000);
    const steps = Array.from({ length: 900 }, (_, index) =>
      batchOf(stepSettled({ step: `s${index % 7}`, op: 'x'.repeat(500) }), materialized(`k/${index % 3}`), missed(`m/${index % 5}`)),
    );
    await Promise.all(steps.map((batch) => writer.append(draftBatch(batch, writer.values))));
    environment.refresh();
    const { tables } = environment;
    expect([tables.events, tables.settled, tables.readable, tables.missed].map((table) => table.getCount())).toEqual([2700, 900, 900, 900]);
    const names = new Names('full');
    const last = (kind: 'key', key: string): number | undefined =>
      lastInIndex(tables.readable, names.find(tables, nameOf(kind, key)) ?? 0, 9e9);
    expect([0, 1, 2].map((key) => last('key', `k/${key}`))).toEqual([2693, 2696, 2699]);
    await close();
  });

  test('says when all that was asked of it has settled', async () => {
    const { writer, close } = await writerWithRoom(100);
    await writer.drained();
    let settled = 0;
    const appends = [1, 2, 3].map(() =>
      writer.append(draftBatch(batchOf(sourceObserved('k')), writer.values)).finally(() => (settled += 1)),
    );
    await writer.drained();
    expect(settled).toBe(3);
    await Promise.all(appends);
    await close();
  });
});
