import assert from 'node:assert/strict';
import type { LoggedEvent } from '../../lib/events/logged-event.ts';
import type { Store } from '../../lib/events/store.ts';
import { absent, batchOf, materialized, missed, runEnded, runStarted, sampleValue, sourceObserved } from './sample-events.ts';
import type { Checks } from './store-check.ts';
import { oddValues } from './value-checks.ts';

async function all(store: Store, range?: { readonly from?: number; readonly to?: number }): Promise<readonly LoggedEvent[]> {
  const events: LoggedEvent[] = [];
  for await (const event of store.events(range)) events.push(event);
  return events;
}

async function isRefused(promise: Promise<unknown>, code: string): Promise<void> {
  await assert.rejects(promise, (error: unknown) => error instanceof Error && 'code' in error && error.code === code);
}

/** The store as its users see it. */
export const publicStoreChecks: Checks = {
  'gives back what was put, whatever it is': async ({ store, settled }) => {
    for (const [index, value] of oddValues().entries()) await store.put(['odd', String(index)], value);
    const later = await settled();
    for (const [index, value] of oddValues().entries()) assert.deepEqual(await later.value(['odd', String(index)]), value);
  },

  'writes nothing for a put of an equal value': async ({ store, settled }) => {
    const first = await store.put('a', { x: 1, y: [new Date(5)] });
    assert.deepEqual(first, { observed: true, position: 1, version: first.version, duplicate: false });
    assert.deepEqual(await store.put('a', { y: [new Date(5)], x: 1 }), { ...first, observed: false });
    assert.equal((await store.put('a', { x: 2 })).position, 2);
    assert.equal((await store.put('a', { x: 1, y: [new Date(5)] })).position, 3);
    const later = await settled();
    assert.equal((await later.put('a', { x: 1, y: [new Date(5)] })).observed, false);
    assert.equal((await all(later)).length, 3);
  },

  'lets one of many equal puts at once through': async ({ store, settled }) => {
    const puts = await Promise.all(Array.from({ length: 20 }, () => store.put('a', 'same')));
    assert.deepEqual(
      puts.map(({ observed, position }) => [observed, position]),
      puts.map((_, index) => [index === 0, 1]),
    );
    assert.equal(await (await settled()).port.head(), 1);
  },

  'keeps the offset that came with a put': async ({ store, settled }) => {
    await store.put('a', 1, { offset: '7/3' });
    const event = await (await settled()).latest('a');
    assert.ok(event?.type === 'source-observed');
    assert.deepEqual([event.offset, event.runId, event.key], ['7/3', null, 'a']);
  },

  'refuses to put what no store keeps, and writes nothing then': async ({ store }) => {
    for (const value of [undefined, () => 1, Symbol('s'), new (class Thing {})(), { deep: [() => 1] }])
      await isRefused(store.put('a', value), 'VALUE_NOT_STORABLE');
    await isRefused(store.put('a//b', 1), 'INVALID_KEY');
    assert.equal(await store.port.head(), 0);
  },

  'gives events in order, page after page, from and to where asked': async ({ store, settled }) => {
    await store.port.append(batchOf(...Array.from({ length: 2345 }, (_, index) => sourceObserved(`k/${index % 10}`))));
    const later = await settled();
    const events = await all(later);
    assert.deepEqual(
      events.map(({ position }) => position),
      Array.from({ length: 2345 }, (_, index) => index + 1),
    );
    assert.deepEqual(await all(later, { from: 1000, to: 2001 }), events.slice(999, 2001));
    assert.deepEqual(await all(later, { from: 2345 }), events.slice(2344));
    for (const range of [{ from: 2346 }, { to: 0 }, { from: 5, to: 4 }]) assert.deepEqual(await all(later, range), []);
  },

  'gives events up to what was there when it was asked': async ({ store }) => {
    await store.port.append(batchOf(sourceObserved('a'), sourceObserved('b')));
    const seen: number[] = [];
    for await (const { position } of store.events()) {
      seen.push(position);
      await store.port.append(batchOf(sourceObserved('c')));
    }
    assert.deepEqual(seen, [1, 2]);
  },

  'gives the latest value, and older ones as of their positions': async ({ store, settled }) => {
    await store.put('a', 'one');
    await store.put('a', 'two');
    const { address, bytes } = sampleValue('three');
    await store.port.append({ events: [materialized('a', { address, version: address }), missed('a')], values: [{ address, bytes }] });
    await store.port.append(batchOf(absent('a'), missed('a')));
    const later = await settled();
    const values = await Promise.all([0, 1, 2, 3, 4, 5, 6].map((position) => later.value('a', { position })));
    assert.deepEqual(values, [undefined, 'one', 'two', 'three', 'three', undefined, undefined]);
    assert.deepEqual([await later.value('a'), (await later.latest('a'))?.type], [undefined, 'asset-absent']);
  },

  'has no value for what lives elsewhere, and says so by its event': async ({ store, settled }) => {
    await store.port.append(batchOf(materialized('files', { address: null, version: 'run:1', metadata: { path: 'x' } })));
    const later = await settled();
    assert.equal(await later.value('files'), undefined);
    assert.equal((await later.latest('files'))?.type, 'asset-materialized');
    assert.deepEqual([await later.latest('none'), await later.value('none')], [undefined, undefined]);
  },

  'says that it is corrupt where a value that must be there is not': async ({ store, settled }) => {
    await store.port.append(batchOf(sourceObserved('a')));
    await isRefused((await settled()).value('a'), 'STORE_CORRUPT');
  },

  'lists runs by their tags and by their cause': async ({ store, settled }) => {
    const tagged = (runId: string, tags: Readonly<Record<string, string>>, causedBy: string | null = null): void =>
      void events.push(runStarted({ runId, tags, causedBy }));
    const events: ReturnType<typeof runStarted>[] = [];
    tagged('one', { team: 'blue', day: '1' });
    tagged('two', { team: 'blue' }, 'one');
    tagged('three', { toString: 'x' }, 'one');
    await store.port.append(batchOf(...events, runEnded({ runId: 'one' })));
    const later = await settled();
    const ids = async (filter?: Parameters<Store['runs']>[0]): Promise<readonly string[]> =>
      (await later.runs(filter)).map(({ started }) => started.runId);
    assert.deepEqual(await ids(), ['one', 'two', 'three']);
    assert.deepEqual(await ids({ tags: { team: 'blue' } }), ['one', 'two']);
    assert.deepEqual(await ids({ tags: { team: 'blue', day: '1' } }), ['one']);
    assert.deepEqual(await ids({ causedBy: 'one' }), ['two', 'three']);
    assert.deepEqual(await ids({ causedBy: 'one', tags: { toString: 'x' } }), ['three']);
    assert.deepEqual(await ids({ tags: { valueOf: 'x' } }), []);
  },

  'gives turns first come, first served': async ({ store }) => {
    const first = await store.turn('queue');
    await isRefused(store.turn('error'), 'STORE_BUSY');
    const order: number[] = [];
    const waiting = [1, 2, 3].map(async (number) => {
      const release = await store.turn('queue');
      order.push(number);
      release();
    });
    first();
    await Promise.all(waiting);
    assert.deepEqual(order, [1, 2, 3]);
    (await store.turn('error'))();
  },
};
