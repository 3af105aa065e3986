import { describe, expect, test } from 'vitest';
import { openLmdb } from '../../store/lmdb-environment.ts';
import { readState, writeState } from '../../store/log-state.ts';
import { openStore } from '../../store/open-store.ts';
import { batchOf, runStarted, sampleKey, sourceObserved } from '../kit/sample-events.ts';
import { newFolder } from './folder.ts';

describe('reading', () => {
  test('sees what another environment has committed, without a turn of the loop in between', async () => {
    const folder = await newFolder();
    const store = await openStore(folder);
    await store.put('a', 1);
    const other = await openLmdb(folder, { writable: true, label: 'other' });
    for (let head = 2; head <= 5; head += 1) {
      other.transact(() => writeState(other.tables, { ...readState(other.tables, 'other'), head }));
      expect(await store.port.head()).toBe(head);
    }
    await other.close();
    await store.close();
  });

  test('gives other work a turn of the loop now and then', async () => {
    const store = await openStore(await newFolder());
    const keys = Array.from({ length: 2000 }, (_, index) => sampleKey(`k/${index}`));
    await store.port.append(batchOf(...keys.map((key) => sourceObserved(key)), ...keys.map((runId) => runStarted({ runId }))));
    const turnsDuring = async (read: () => Promise<unknown>): Promise<number> => {
      let turns = 0;
      let reading = true;
      const count = (): void => {
        turns += 1;
        if (reading) setImmediate(count);
      };
      setImmediate(count);
      await read();
      reading = false;
      return turns;
    };
    for (const read of [() => store.port.readable(keys, Infinity), () => store.port.read(1, Infinity), () => store.port.runs()]) {
      expect(await turnsDuring(read), String(read)).toBeGreaterThan(2);
    }
    await store.close();
  });
});
