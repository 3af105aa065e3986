import assert from 'node:assert/strict';
import { SluiceError } from '../../lib/kernel/errors.ts';
import type { AppendBatch, Appended, StorePort } from '../../lib/events/store-port.ts';
import { absent, batchOf, logLine, materialized, missed, sampleKey, sampleValue, sourceObserved, stepSettled } from './sample-events.ts';
import type { Checks } from './store-check.ts';

/** What became of an append: where its events are, or the code and the details of its refusal. */
async function outcome(appended: Promise<Appended>): Promise<unknown> {
  try {
    const { first, last, duplicate } = await appended;
    return duplicate ? [first, last, 'duplicate'] : [first, last];
  } catch (error) {
    assert.ok(error instanceof SluiceError);
    const { id: _id, ...details } = error.details;
    return [error.code, details];
  }
}

async function outcomes(port: StorePort, ...batches: readonly AppendBatch[]): Promise<readonly unknown[]> {
  return Promise.all(batches.map((batch) => outcome(port.append(batch))));
}

const observed = (key: string, time = 1): AppendBatch => batchOf(sourceObserved(key, { time }));
const expecting = (key: string, position: number): Pick<AppendBatch, 'expected'> => ({ expected: [{ key: sampleKey(key), position }] });
const conflict = (first: number, last = first): unknown => ['IDEMPOTENCY_CONFLICT', { first, last }];
const stale = (key: string, expected: number, found: number): unknown => ['VERSION_CONFLICT', { key, expected, found }];

/** A batch with references into itself, a value, metadata and everything else that could come out another way the second time. */
function settledBatch(time: number): AppendBatch {
  const value = sampleValue('v');
  const input = {
    input: 'x',
    kind: 'value',
    origin: { from: 'asset', key: sampleKey('s') },
    state: { state: 'absent' },
    position: { inBatch: 0 },
  } as const;
  return {
    events: [
      sourceObserved('s', { time }),
      stepSettled({ time, inputs: [input] }),
      materialized('a', { time, address: value.address, metadata: { at: new Date(5), map: new Map([['k', 1n]]) } }),
      logLine({ time, data: new Set([undefined, '\ud83d']) }),
    ],
    values: [value],
  };
}

/** Appends that may be asked for twice, and those that follow only what they expect. */
export const appendChecks: Checks = {
  'writes a batch with an id once, and says where it is to whoever asks again': async ({ store, settled }) => {
    await store.port.append(observed('before'));
    const once = await outcomes(store.port, { ...settledBatch(1), id: 'i' });
    assert.deepEqual(once, [[2, 5]]);
    await store.port.append(observed('after'));
    const { port } = await settled();
    for (const time of [1, 2]) assert.deepEqual(await outcomes(port, { ...settledBatch(time), id: 'i' }), [[2, 5, 'duplicate']]);
    assert.equal(await port.head(), 6);
    assert.deepEqual(
      (await port.read(2, 1)).map((event) => 'time' in event && event.time),
      [1],
    );
  },

  'refuses another batch of an id that is taken, and writes nothing of it': async ({ store, settled }) => {
    await store.port.append({ ...settledBatch(1), id: 'i' });
    const { port } = await settled();
    const { events, values } = settledBatch(1);
    const [source, step, asset, line] = events;
    assert.ok(source !== undefined && step?.type === 'step-settled' && asset !== undefined && line?.type === 'log-line');
    const others: readonly AppendBatch[] = [
      batchOf(),
      { events, values: [] },
      { events, values: [...values, ...values] },
      { events, values: [sampleValue('w')] },
      { events: events.slice(0, 3), values },
      { events: [...events, source], values },
      { events: [source, { ...step, attempts: 7 }, asset, line], values },
      { events: [source, { ...step, inputs: [] }, asset, line], values },
      { events: [source, step, asset, { ...line, data: new Set(['\ufffd']) }], values },
      { events, values, request: 'the same' },
    ];
    for (const other of others) assert.deepEqual(await outcomes(port, { ...other, id: 'i' }), [conflict(1, 4)]);
    assert.equal(await port.head(), 4);
    assert.deepEqual(await port.values([sampleValue('w').address]), [undefined]);
    assert.deepEqual(await outcomes(port, { ...settledBatch(3), id: 'i' }), [[1, 4, 'duplicate']]);
  },

  'compares what was asked for, where a batch says it': async ({ store, settled }) => {
    await store.port.append({ ...observed('a'), id: 'i', request: 'put a' });
    const { port } = await settled();
    assert.deepEqual(
      await outcomes(
        port,
        { ...batchOf(), id: 'i', request: 'put a' },
        { ...observed('a'), id: 'i', request: 'put b' },
        { ...observed('a'), id: 'i' },
      ),
      [[1, 1, 'duplicate'], conflict(1), conflict(1)],
    );
  },

  'takes an empty batch with an id, and one of values only, once': async ({ store, settled }) => {
    await store.port.append(observed('a'));
    const values = [sampleValue('v')];
    assert.deepEqual(await outcomes(store.port, { ...batchOf(), id: 'none' }, { events: [], values, id: 'value' }), [
      [2, 1],
      [2, 1],
    ]);
    await store.port.append(observed('b'));
    const { port } = await settled();
    assert.deepEqual(
      await outcomes(port, { ...batchOf(), id: 'none' }, { events: [], values, id: 'value' }, { ...batchOf(), id: 'value' }),
      [[2, 1, 'duplicate'], [2, 1, 'duplicate'], conflict(2, 1)],
    );
  },

  'tells ids apart, whatever they are made of': async ({ store, settled }) => {
    const ids = [
      'a',
      'A',
      ' ',
      '\0',
      '"',
      '__proto__',
      'é',
      'e\u0301',
      '🦊',
      '\ud83e',
      '\ufffd',
      'x'.repeat(2000),
      'x'.repeat(2 ** 20),
      `${'x'.repeat(2 ** 20)}y`,
    ];
    const batches = ids.map((id, index) => ({ ...observed(`k/${index}`), id }));
    assert.deepEqual(
      await outcomes(store.port, ...batches),
      ids.map((_, index) => [index + 1, index + 1]),
    );
    const { port } = await settled();
    assert.deepEqual(
      await outcomes(port, ...batches),
      ids.map((_, index) => [index + 1, index + 1, 'duplicate']),
    );
  },

  'refuses an id that is empty, what is asked for without an id, and positions that are none': async ({ store }) => {
    const odd: readonly Partial<AppendBatch>[] = [
      { id: '' },
      { request: 'r' },
      expecting('a', -1),
      expecting('a', 0.5),
      expecting('a', Number.NaN),
      expecting('a', Infinity),
    ];
    for (const each of odd) await assert.rejects(store.port.append({ ...observed('a'), ...each }));
    assert.equal(await store.port.head(), 0);
  },

  'answers appends of one id that come at once as if one had come after the other': async ({ store, settled }) => {
    const answers = await outcomes(
      store.port,
      { ...observed('a', 1), id: 'i' },
      { ...observed('a', 2), id: 'i' },
      { ...observed('b'), id: 'i' },
      observed('c'),
      { ...observed('a', 3), id: 'i' },
    );
    assert.deepEqual(answers, [[1, 1], [1, 1, 'duplicate'], conflict(1), [2, 2], [1, 1, 'duplicate']]);
    const { port } = await settled();
    assert.equal(await port.head(), 2);
    assert.deepEqual(await port.readable([sampleKey('b')], 9), [undefined]);
  },

  'forgets the id of a batch that was refused': async ({ store, settled }) => {
    assert.deepEqual(await outcomes(store.port, { ...observed('a'), ...expecting('a', 3), id: 'i' }), [stale('a', 3, 0)]);
    const { port } = await settled();
    assert.deepEqual(await outcomes(port, { ...observed('b'), id: 'i' }), [[1, 1]]);
  },

  'writes a batch only after the positions that it expects': async ({ store, settled }) => {
    await store.port.append(batchOf(sourceObserved('a'), sourceObserved('b'), missed('a'), stepSettled()));
    const { port } = await settled();
    const both = { expected: [...(expecting('a', 1).expected ?? []), ...(expecting('b', 2).expected ?? [])] };
    for (const [key, position, found] of [
      ['a', 0, 1],
      ['a', 2, 1],
      ['a', 3, 1],
      ['a', 4, 1],
      ['none', 1, 0],
    ] as const)
      // prettier-ignore
      assert.deepEqual(await outcomes(port, { ...observed('a'), ...expecting(key, position) }), [stale(key, position, found)]);
    assert.equal(await port.head(), 4);
    assert.deepEqual(await outcomes(port, { ...observed('new'), ...expecting('new', 0) }, { ...batchOf(absent('a')), ...both }), [
      [5, 5],
      [6, 6],
    ]);
    assert.deepEqual(await outcomes(port, { ...observed('b'), ...both }, { ...observed('b'), ...expecting('a', 6) }), [
      stale('a', 1, 6),
      [7, 7],
    ]);
    assert.deepEqual(await outcomes(port, { ...batchOf(), ...expecting('b', 2) }, { ...batchOf(), ...expecting('b', 7) }), [
      stale('b', 2, 7),
      [8, 7],
    ]);
  },

  'looks for what a batch expects after all that was asked for before it, at once too': async ({ store, settled }) => {
    const next = (key: string, position: number): AppendBatch => ({ ...observed(key), ...expecting(key, position) });
    const answers = await outcomes(
      store.port,
      next('a', 0),
      next('a', 0),
      next('b', 0),
      next('a', 1),
      next('b', 1),
      next('b', 2),
      next('a', 3),
    );
    assert.deepEqual(answers, [[1, 1], stale('a', 0, 1), [2, 2], [3, 3], stale('b', 1, 2), [4, 4], [5, 5]]);
    const { port } = await settled();
    assert.deepEqual(
      (await port.readable([sampleKey('a'), sampleKey('b')], 9)).map((event) => event?.position),
      [5, 4],
    );
  },

  'does not refuse a batch that is there already for what came after it': async ({ store, settled }) => {
    const batch: AppendBatch = { ...observed('a'), ...expecting('a', 0), id: 'i' };
    await store.port.append(batch);
    await store.port.append(observed('a'));
    const { port } = await settled();
    assert.deepEqual(await outcomes(port, batch, { ...batch, ...expecting('a', 77) }), [
      [1, 1, 'duplicate'],
      [1, 1, 'duplicate'],
    ]);
    assert.deepEqual(await outcomes(port, { ...batch, events: [sourceObserved('b')] }), [conflict(1)]);
  },

  'leaves nothing of a batch that is refused, and its neighbours as if it had never come': async ({ store, settled }) => {
    const value = sampleValue('refused');
    const refused: AppendBatch = {
      events: [sourceObserved('refused', { address: value.address }), stepSettled({ step: 'refused' })],
      values: [value],
      ...expecting('a', 9),
    };
    const many = Array.from({ length: 50 }, (_, index) => (index % 2 === 0 ? refused : observed(`k/${index}`)));
    const answers = await outcomes(store.port, ...many);
    assert.deepEqual(
      answers,
      many.map((batch, index) => (batch === refused ? stale('a', 9, 0) : [(index + 1) / 2, (index + 1) / 2])),
    );
    const { port } = await settled();
    assert.equal(await port.head(), 25);
    assert.deepEqual(await port.values([value.address]), [undefined]);
    assert.deepEqual(await port.readable([sampleKey('refused')], 99), [undefined]);
    assert.deepEqual(await port.lastSettled([{ definition: 'graph', step: 'refused', output: 'result' }], 99), [undefined]);
  },

  'takes a batch as it is at the call': async ({ store, settled }) => {
    const expected = [{ key: sampleKey('a'), position: 0 }];
    const appended = store.port.append({ ...observed('a'), expected, id: 'i' });
    expected.splice(0, 1, { key: sampleKey('a'), position: 5 });
    assert.deepEqual(await outcome(appended), [1, 1]);
    assert.equal(await (await settled()).port.head(), 1);
  },
};
