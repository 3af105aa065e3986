import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { delta, keyed, live, type AssetChange } from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { anyRows, LARGE, pickedRows, totalOf, type Rows } from '../rig/keyed-rig.ts';

describe('the changes of keyed rows', () => {
  test('add up to the value for who is told of each, and for who is told of several as one (L8)', async () => {
    const property = fc.asyncProperty(fc.array(anyRows, { minLength: 1, maxLength: 8 }), fc.nat({ max: 3 }), async (values, pause) => {
      const store = memoryStore();
      await store.put('rows', keyed<string, number>([]));
      const service = await live(pickedRows(), { store });
      const told: AssetChange<Rows>[] = [];
      service.value('picked').subscribe((change) => told.push(change));
      const slow = service.value('picked', { lag: { policy: 'conflate' } })[Symbol.asyncIterator]();
      const merged: AssetChange<Rows>[] = [];
      let seen = 0;
      for (const [index, value] of values.entries()) {
        await service.push('rows', keyed(value));
        // Who asks where nothing came would wait for what comes next.
        if (index % (pause + 1) !== 0 || told.length === seen) continue;
        seen = told.length;
        const next = await slow.next();
        if (next.done !== true) merged.push(next.value);
      }
      const last = values.at(-1) ?? [];
      const wanted = [...keyed(last.filter(([, row]) => row >= LARGE))];
      expect(totalOf(told)).toEqual(wanted);
      await service.close();
      for (let next = await slow.next(); next.done !== true; next = await slow.next()) merged.push(next.value);
      expect(totalOf(merged)).toEqual(wanted);
    });
    await fc.assert(property, { numRuns: 40 });
  });

  test('start from what the store has, where the service has only just started', async () => {
    const store = memoryStore();
    await store.put('rows', keyed([['a', 11] as const, ['b', 12] as const]));
    await (await live(pickedRows(), { store })).close();
    await using service = await live(pickedRows(), { store });
    await service.settled();
    const told: AssetChange<Rows>[] = [];
    service.changes('picked').subscribe((change) => told.push(change));
    await service.push('rows', keyed([['a', 11] as const, ['b', 13] as const]));
    expect(told.map((change) => change.state === 'value' && change.delta)).toEqual([delta([{ key: 'b', old: 12, new: 13 }])]);
  });

  test('are the rows of one epoch each, also where somebody else made them', async () => {
    const store = memoryStore();
    await store.put('rows', keyed([['a', 11] as const]));
    await using service = await live(pickedRows(), { store });
    await service.settled();
    const told: AssetChange<Rows>[] = [];
    service.changes('picked').subscribe((change) => told.push(change));
    await store.put('rows', keyed([['a', 11] as const, ['c', 30] as const]));
    await service.durable();
    expect(told.map((change) => change.state === 'value' && change.delta)).toEqual([delta([{ key: 'c', old: undefined, new: 30 }])]);
  });
});

test('who conflates epochs is told what all of them did', async () => {
  const store = memoryStore();
  await store.put('rows', keyed<string, number>([]));
  await using service = await live(pickedRows(), { store });
  await service.durable();
  const epochs = service.epochs({ lag: { policy: 'conflate' } })[Symbol.asyncIterator]();
  for (const row of [11, 12, 13]) await service.push('rows', keyed([['a', row] as const]));
  const { value } = await epochs.next();
  expect(value).toMatchObject({ items: 3, ran: ['large'], materialized: ['picked'] });
});
