import assert from 'node:assert/strict';
import { SluiceError } from '../../lib/kernel/errors.ts';
import type { PutResult, Store } from '../../lib/events/store.ts';
import { absent, batchOf, runStarted, sampleKey, sourceObserved } from './sample-events.ts';
import type { Checks } from './store-check.ts';

/** Whether an error has this code, and these details among its own. */
function refusal(code: string, details: Readonly<Record<string, unknown>> = {}): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof SluiceError);
    assert.deepEqual([error.code, { ...error.details, ...details }], [code, error.details]);
    return true;
  };
}

/** A put with options that the compiler would refuse. */
function putWith(store: Store, options: object): Promise<PutResult> {
  return store.put('a', 1, options);
}

/** Puts that may be repeated, and those that must not overtake anybody. */
export const putChecks: Checks = {
  'does a put with an id once, whatever was put since': async ({ store, settled }) => {
    const first = await store.put('a', 'one', { id: 'i', offset: '1' });
    assert.deepEqual([first.observed, first.position, first.duplicate], [true, 1, false]);
    await store.put('a', 'two');
    const later = await settled();
    assert.deepEqual(await later.put('a', 'one', { id: 'i', offset: '1' }), { ...first, duplicate: true });
    assert.equal(await later.value('a'), 'two');
    assert.equal(await later.port.head(), 2);
  },

  'does a put with an id once also where it found an equal value': async ({ store, settled }) => {
    await store.put('a', 'one');
    await store.put('b', 'other');
    const first = await store.put('a', 'one', { id: 'i' });
    assert.deepEqual([first.observed, first.position, first.duplicate], [false, 1, false]);
    await store.put('a', 'two');
    const later = await settled();
    assert.deepEqual(await later.put('a', 'one', { id: 'i' }), { ...first, duplicate: true });
    assert.equal(await later.value('a'), 'two');
    assert.equal(await later.port.head(), 3);
  },

  'refuses to put something else under an id': async ({ store, settled }) => {
    await store.put('a', 'one', { id: 'i' });
    await store.put('b', 'one', { id: 'j' });
    await store.put('b', 'one', { id: 'k' });
    const later = await settled();
    await assert.rejects(later.put('a', 'two', { id: 'i' }), refusal('IDEMPOTENCY_CONFLICT', { id: 'i', first: 1, last: 1 }));
    await assert.rejects(later.put('b', 'one', { id: 'i' }), refusal('IDEMPOTENCY_CONFLICT'));
    await assert.rejects(later.put('a', 'one', { id: 'i', offset: '1' }), refusal('IDEMPOTENCY_CONFLICT'));
    await assert.rejects(later.put('b', 'two', { id: 'k' }), refusal('IDEMPOTENCY_CONFLICT', { id: 'k', first: 3, last: 2 }));
    assert.equal(await later.port.head(), 2);
  },

  'puts only after the position that is expected': async ({ store, settled }) => {
    await store.put('a', 'one', { expected: 0 });
    await store.put('b', 'one');
    const later = await settled();
    for (const expected of [0, 2, 3])
      await assert.rejects(later.put('a', 'two', { expected }), refusal('VERSION_CONFLICT', { key: 'a', expected, found: 1 }));
    await assert.rejects(later.put('a', 'one', { expected: 0 }), refusal('VERSION_CONFLICT', { key: 'a', expected: 0, found: 1 }));
    await assert.rejects(later.put('c', 'one', { expected: 1 }), refusal('VERSION_CONFLICT', { key: 'c', expected: 1, found: 0 }));
    assert.equal((await later.put('a', 'one', { expected: 1 })).observed, false);
    assert.equal((await later.put('a', 'two', { expected: 1 })).position, 3);
    await later.port.append(batchOf(absent('a')));
    assert.equal((await later.put('a', 'two', { expected: 4 })).position, 5);
    assert.equal(await later.port.head(), 5);
  },

  'lets one of many through that expect the same': async ({ store, settled }) => {
    const puts = await Promise.allSettled([1, 2, 3, 4, 5].map((value) => store.put('a', value, { expected: 0 })));
    assert.deepEqual(
      puts.map(({ status }) => status),
      ['fulfilled', 'rejected', 'rejected', 'rejected', 'rejected'],
    );
    assert.equal(await (await settled()).value('a'), 1);
  },

  'does not refuse a repeated put for what was put since': async ({ store, settled }) => {
    const first = await store.put('a', 'one', { id: 'i', expected: 0 });
    const equal = await store.put('a', 'one', { id: 'j', expected: 1 });
    await store.put('a', 'two');
    const later = await settled();
    assert.deepEqual(await later.put('a', 'one', { id: 'i', expected: 0 }), { ...first, duplicate: true });
    assert.deepEqual(await later.put('a', 'one', { id: 'j', expected: 1 }), { ...equal, duplicate: true });
    await assert.rejects(later.put('a', 'one', { id: 'k', expected: 1 }), refusal('VERSION_CONFLICT', { expected: 1, found: 2 }));
    assert.equal((await later.put('a', 'three', { id: 'k', expected: 2 })).position, 3);
  },

  'refuses options that mean nothing, before it writes': async ({ store }) => {
    for (const options of [{ id: '' }, { id: 5 }, { expected: -1 }, { expected: 1.5 }, { expected: Infinity }, { expected: '1' }])
      await assert.rejects(putWith(store, options), refusal('INVALID_OPTION'));
    assert.equal(await store.port.head(), 0);
  },

  'logs one of equal values that are put and that a run observes at once': async ({ store, settled }) => {
    const { version, position } = await store.put('a', 'v');
    assert.equal(position, 1);
    await store.put('a', 'w');
    const put = store.put('a', 'v');
    // As a run does: it looks, and appends only where nobody was faster.
    const observation = { events: [runStarted(), sourceObserved('a', { version })], expected: [{ key: sampleKey('a'), position: 2 }] };
    const [putDone, observed] = await Promise.allSettled([put, store.port.append({ ...observation, values: [] })]);
    assert.ok(putDone.status === 'fulfilled');
    const { port } = await settled();
    const versions = (await port.read(3, 10)).filter((event) => event.type === 'source-observed');
    assert.equal(versions.length, 1);
    assert.equal(putDone.value.observed, observed.status === 'rejected');
  },
};
