import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  asset,
  define,
  keyed,
  live,
  op,
  outbox,
  source,
  input,
  assetsFromGraph,
  graph,
  type AssetChange,
  type AssetNow,
} from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { casesOf } from '../../laws/incremental-play.ts';
import { ready, until } from '../rig/deferred.ts';
import { anyRows, pickedRows, totalOf, type Rows } from '../rig/keyed-rig.ts';
import { brief, chain, seenOf } from '../rig/live-rig.ts';

const valueOf = (now: AssetNow): unknown => (now.state === 'value' ? now.value : now.state);

describe('what is put under the key of an asset that a service keeps', () => {
  test('is what readers get until the next epoch, which records again what its step gave, and runs nothing', async () => {
    const store = memoryStore();
    await store.put('x', 1);
    const called: number[] = [];
    const service = await live(
      chain((x) => (called.push(x), 2 * x)),
      { store },
    );
    await service.durable();
    const seen = seenOf(service.epochs());
    const told = seenOf(service.changes('doubled'));
    const texts = seenOf(service.changes('text'));
    const sent: unknown[] = [];
    const out = outbox(store, { name: 'out', assets: ['doubled'], deliver: (delivery) => void sent.push(valueOf(delivery)) });
    await store.put('doubled', 99);
    await service.durable();
    expect(brief(seen)).toEqual(['beside 0:']);
    expect(seen[0]).toMatchObject({ materialized: ['doubled'] });
    expect(called).toEqual([1]);
    expect([await store.value('doubled'), (await service.current('doubled')) as unknown]).toMatchObject([2, { value: 2 }]);
    // What was put is nothing that its step gave: who watches is told of what is recorded, and so is who is outside.
    expect(told.map(valueOf)).toEqual([2]);
    expect(texts).toEqual([]);
    await until(() => sent.length === 2);
    expect(sent).toEqual([2, 2]);
    await out.close();
    await store.put('doubled', 2);
    await service.durable();
    expect(told).toHaveLength(1);
    await service.close();
  });

  test('stays what readers get where its step has failed, and until that succeeds', async () => {
    const store = memoryStore();
    await store.put('x', 1);
    const doubled = (x: number): number => {
      if (x === 1) throw new Error('not 1');
      return 2 * x;
    };
    const service = await live(chain(doubled), { store });
    await service.durable();
    const told = seenOf(service.changes('doubled'));
    await store.put('doubled', 99);
    await service.durable();
    expect([await store.value('doubled'), await service.current('doubled')]).toMatchObject([99, { value: 99 }]);
    expect(told).toEqual([]);
    await service.push('x', 2);
    expect([await store.value('doubled'), await service.current('doubled')]).toMatchObject([4, { value: 4 }]);
    expect(told.map(valueOf)).toEqual([4]);
    await service.close();
  });

  test('makes a volatile step run again, which is trusted no longer than its epoch, and leaves alone what is not selected', async () => {
    let times = 0;
    const tick = op({ name: 'tick', volatile: true, inputs: { x: input<number>() }, run: ({ x }) => (times += x) });
    const body = graph('ticks', { inputs: { x: input<number>() } }, ({ x }) => tick({ x }));
    const other = asset({ key: 'other', codeVersion: '1', inputs: { x: input<number>() }, run: ({ x }) => x });
    const store = memoryStore();
    await store.put('x', 1);
    const service = await live(define({ assets: [source<number>('x'), assetsFromGraph(body), other] }), { store, select: ['ticks'] });
    await service.durable();
    const seen = seenOf(service.epochs());
    await store.put('ticks', 50);
    await store.put('other', 50);
    await service.durable();
    expect([times, await store.value('ticks'), await store.value('other')]).toEqual([2, 2, 50]);
    expect(seen).toHaveLength(1);
    await service.close();
  });

  test('is recorded over once, also where two services keep it', async () => {
    const store = memoryStore();
    await store.put('x', 1);
    const services = [await live(chain(), { store }), await live(chain(), { store })];
    for (const service of services) await service.durable();
    const head = await store.port.head();
    await store.put('doubled', 99);
    for (const service of [...services, ...services]) await service.durable();
    await ready(5);
    expect((await store.port.read(head + 1, 10)).map(({ type }) => type)).toEqual(['source-observed', 'asset-materialized']);
    for (const service of services) await service.close();
  });

  test('is in no delta: those who watch were not told of it', async () => {
    let puts = 0;
    const act = fc.record({ do: fc.constantFrom('push' as const, 'put' as const), rows: anyRows, isAwaited: fc.boolean() });
    const property = fc.asyncProperty(fc.array(act, { minLength: 1, maxLength: 12, size: 'max' }), async (acts) => {
      const store = memoryStore();
      await store.put('rows', keyed<string, number>([]));
      const service = await live(pickedRows(), { store });
      const changes: AssetChange<Rows>[] = [];
      service.value('picked').subscribe((change) => changes.push(change));
      await service.durable();
      for (const { do: what, rows, isAwaited } of acts) {
        if (what === 'put') puts += 1;
        if (what === 'push') void service.push('rows', keyed(rows));
        else await store.put('picked', keyed(rows));
        if (isAwaited) await service.durable();
      }
      await service.durable();
      await ready(2);
      const now = await service.current('picked');
      expect(totalOf(changes)).toEqual(now?.state === 'value' ? [...now.value] : []);
      expect(await store.value('picked')).toEqual(now?.state === 'value' ? now.value : undefined);
      await service.close();
    });
    await fc.assert(property, { numRuns: casesOf(40) });
    expect(puts).toBeGreaterThan(50);
  });
});
