import { describe, expect, test } from 'vitest';
import { memoryStore } from '../../lib/memory/index.ts';
import { batchOf, hookFailed, logLine, materialized, runEnded, runStarted, sampleKey, stepSettled } from '../kit/sample-events.ts';
import type { StoreUnderTest } from '../kit/store-check.ts';
import { newStore } from './folder.ts';

const stores: readonly (readonly [string, () => Promise<StoreUnderTest>])[] = [
  ['lmdb', newStore],
  [
    'memory',
    async () => {
      const store = memoryStore();
      return { store, dispose: () => store.close() };
    },
  ],
];

describe.each(stores)('what bodies and hooks said, in a store (%s)', (_, open) => {
  test('changes nothing of what readers get', async () => {
    const { store, dispose } = await open();
    const said = [logLine(), hookFailed(), logLine({ data: { key: 'a', outputs: [] } })];
    const written = [runStarted(), stepSettled(), materialized('a'), runEnded()];
    await store.port.append(batchOf(...written.flatMap((event) => [...said, event, ...said])));
    const [settled] = await store.port.lastSettled([{ definition: 'graph', step: 'sub.step', output: 'result' }], 100);
    const [readable] = await store.port.readable([sampleKey('a')], 100);
    const [run, ...others] = await store.port.runs();
    expect([settled?.position, readable?.position]).toEqual([11, 18]);
    expect([run?.started.position, run?.ended?.position, others]).toEqual([4, 25, []]);
    await dispose();
  });

  test('is given to each reader by itself where its data cannot be frozen, and shared otherwise', async () => {
    const { store, dispose } = await open();
    const data = { at: new Date(5), seen: new Map([['a', [1]]]) };
    await store.port.append(batchOf(logLine({ data }), logLine({ data: data.at }), logLine({ data: { rows: 3 } })));
    data.at.setTime(6);
    data.seen.clear();
    for (let reader = 0; reader < 2; reader += 1) {
      const lines = await store.port.read(1, 3);
      expect(lines).toMatchObject([
        { type: 'log-line', data: { at: new Date(5), seen: new Map([['a', [1]]]) } },
        { data: new Date(5) },
        { data: { rows: 3 } },
      ]);
      for (const line of lines) {
        expect(Object.isFrozen(line)).toBe(true);
        if (line.type === 'log-line' && line.data instanceof Date) line.data.setTime(7);
      }
    }
    await dispose();
  });

  test('is refused as a whole batch where its data cannot be stored', async () => {
    const { store, dispose } = await open();
    await expect(store.port.append(batchOf(runStarted(), logLine({ data: [Symbol('s')] })))).rejects.toMatchObject({
      code: 'VALUE_NOT_STORABLE',
      details: { path: '$[0]' },
    });
    expect(await store.port.head()).toBe(0);
    await dispose();
  });
});
