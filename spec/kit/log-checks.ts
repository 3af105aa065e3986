import assert from 'node:assert/strict';
import { atPosition, type LoggedEvent, type NewEvent } from '../../lib/events/logged-event.ts';
import { batchOf, everyKind, materialized, runEnded, runStarted, sampleKey, sourceObserved, stepSettled } from './sample-events.ts';
import type { Checks } from './store-check.ts';

/** What a log holds after these batches. */
function logged(...batches: readonly (readonly NewEvent[])[]): readonly LoggedEvent[] {
  let head = 0;
  return batches.flatMap((events) => {
    const first = head + 1;
    head += events.length;
    return events.map((event, index) => atPosition(event, first + index, first));
  });
}

const observed = (count: number, key = 'k'): readonly NewEvent[] =>
  Array.from({ length: count }, (_, index) => sourceObserved(`${key}/${index}`));

/** The log: what is appended is there, in order, as it was. */
export const logChecks: Checks = {
  'has nothing in it when it is new': async ({ settled }) => {
    const { port } = await settled();
    assert.equal(await port.head(), 0);
    assert.deepEqual(await port.read(1, 10), []);
    assert.deepEqual(await port.readable([sampleKey('a')], 5), [undefined]);
    assert.deepEqual(await port.lastSettled([{ definition: 'd', step: 's', output: 'o' }], 5), [undefined]);
    assert.deepEqual(await port.runs(), []);
    assert.deepEqual(await port.values([sourceObserved('a').address]), [undefined]);
  },

  'gives positions from 1 on without gaps, and the events of a batch as neighbours': async ({ store, settled }) => {
    assert.deepEqual(await store.port.append(batchOf(...observed(3))), { first: 1, last: 3, duplicate: false });
    assert.deepEqual(await store.port.append(batchOf(...observed(1))), { first: 4, last: 4, duplicate: false });
    assert.equal(await store.port.head(), 4);
    const { port } = await settled();
    assert.equal(await port.head(), 4);
    assert.deepEqual(
      (await port.read(1, 10)).map(({ position }) => position),
      [1, 2, 3, 4],
    );
  },

  'keeps every kind of event as it was': async ({ store, settled }) => {
    await store.port.append(batchOf(...observed(2)));
    await store.port.append(batchOf(...everyKind()));
    const { port } = await settled();
    assert.deepEqual(await port.read(1, 100), logged(observed(2), everyKind()));
  },

  'turns references into a batch into positions, wherever the batch comes to stand': async ({ store, settled }) => {
    const input = {
      input: 'x',
      kind: 'value',
      origin: { from: 'asset', key: sampleKey('k/0') },
      state: { state: 'absent' },
      position: { inBatch: 0 },
    } as const;
    const batch = (): readonly NewEvent[] => [
      ...observed(1),
      ...observed(1),
      stepSettled({ inputs: [input, { ...input, position: { inBatch: 1 } }, { ...input, position: 1 }] }),
    ];
    await Promise.all([store.port.append(batchOf(...batch())), store.port.append(batchOf(...batch()))]);
    const { port } = await settled();
    const positions = (await port.read(1, 10)).flatMap((event) => ('inputs' in event ? event.inputs.map(({ position }) => position) : []));
    assert.deepEqual(positions, [1, 2, 1, 4, 5, 1]);
  },

  'refuses a reference that no earlier event of the batch answers to': async ({ store }) => {
    const input = { input: 'x', kind: 'value', origin: { from: 'asset', key: sampleKey('k/0') }, state: { state: 'absent' } } as const;
    for (const inBatch of [1, 5, -1, 0.5]) {
      await assert.rejects(store.port.append(batchOf(...observed(1), stepSettled({ inputs: [{ ...input, position: { inBatch } }] }))));
    }
    assert.equal(await store.port.head(), 0);
  },

  'reads pages from anywhere, fewer events than asked for only at the end': async ({ store, settled }) => {
    await store.port.append(batchOf(...observed(7)));
    const { port } = await settled();
    const all = await port.read(1, 7);
    for (const from of [-3, 0, 1, 2, 6, 7, 8, 100]) {
      for (const limit of [0, 1, 3, 7, 100]) {
        const start = Math.max(from, 1) - 1;
        assert.deepEqual(await port.read(from, limit), all.slice(start, start + limit), `read(${from}, ${limit})`);
      }
    }
  },

  'takes a batch of 5,000 events': async ({ store, settled }) => {
    const events = Array.from({ length: 5000 }, (_, index) =>
      index % 2 === 0 ? sourceObserved(`k/${index % 50}`) : materialized(`a/${index % 50}`),
    );
    assert.deepEqual(await store.port.append(batchOf(...events)), { first: 1, last: 5000, duplicate: false });
    const { port } = await settled();
    assert.deepEqual(await port.read(1, 10_000), logged(events));
    assert.equal((await port.readable([sampleKey('k/8')], 5000))[0]?.position, 4959);
  },

  'takes an empty batch, and one of values only': async ({ store, settled }) => {
    assert.deepEqual(await store.port.append(batchOf()), { first: 1, last: 0, duplicate: false });
    await store.port.append(batchOf(...observed(2)));
    assert.deepEqual(await store.port.append(batchOf()), { first: 3, last: 2, duplicate: false });
    const { port } = await settled();
    assert.equal(await port.head(), 2);
  },

  'writes many appends that are asked for at once one after the other, in that order': async ({ store, settled }) => {
    const sizes = Array.from({ length: 200 }, (_, index) => (index * 7) % 5);
    const ranges = await Promise.all(sizes.map((size, index) => store.port.append(batchOf(...observed(size, `batch-${index}`)))));
    let head = 0;
    for (const [index, range] of ranges.entries()) {
      assert.deepEqual(range, { first: head + 1, last: head + (sizes[index] ?? 0), duplicate: false });
      head = range.last;
    }
    const { port } = await settled();
    assert.deepEqual(await port.read(1, 1000), logged(...sizes.map((size, index) => observed(size, `batch-${index}`))));
  },

  'lists runs oldest first, with their end where there is one': async ({ store, settled }) => {
    await store.port.append(batchOf(runStarted({ runId: 'one' }), runStarted({ runId: 'two', tags: { a: '1' } })));
    await store.port.append(
      batchOf(runEnded({ runId: 'two', status: 'cancelled' }), runEnded({ runId: 'never started' }), runStarted({ runId: 'three' })),
    );
    await store.port.append(batchOf(runEnded({ runId: 'three' })));
    const { port } = await settled();
    const [one, two, end, , three, last] = await port.read(1, 6);
    assert.deepEqual(await port.runs(), [
      { started: one, ended: null },
      { started: two, ended: end },
      { started: three, ended: last },
    ]);
  },

  'lists runs by the thousand': async ({ store, settled }) => {
    await store.port.append(batchOf(...Array.from({ length: 1200 }, (_, index) => runStarted({ runId: `run ${index}` }))));
    const { port } = await settled();
    assert.deepEqual(
      (await port.runs()).map(({ started }) => started.position),
      Array.from({ length: 1200 }, (_, index) => index + 1),
    );
  },
};
