import assert from 'node:assert/strict';
import { SluiceError } from '../../lib/kernel/errors.ts';
import type { NewEvent, StepSettled } from '../../lib/events/logged-event.ts';
import type { AppendBatch, Appended, SourceOffset, StepId, StorePort } from '../../lib/events/store-port.ts';
import { livePort } from '../../lib/events/tail.ts';
import { batchOf, missed, sampleKey, sampleValue, sourceObserved, stepSettled } from './sample-events.ts';
import type { Checks } from './store-check.ts';

const observed = (key: string): AppendBatch => batchOf(sourceObserved(key));

const offset = (key: string, text: string): SourceOffset => ({ key: sampleKey(key), offset: text });

/** Where a batch is, or the details of its refusal. */
async function outcome(appended: Promise<Appended>): Promise<unknown> {
  try {
    const { first, last } = await appended;
    return [first, last];
  } catch (error) {
    assert.ok(error instanceof SluiceError && (error.code === 'VERSION_CONFLICT' || error.code === 'IDEMPOTENCY_CONFLICT'));
    return error.details;
  }
}

const outcomes = async (port: StorePort, ...batches: readonly AppendBatch[]): Promise<readonly unknown[]> =>
  Promise.all(batches.map((batch) => outcome(port.append(batch))));

const offsetsOf = async (port: StorePort, ...keys: readonly string[]): Promise<readonly unknown[]> =>
  livePort(port).offsets(keys.map(sampleKey));

const STEP: StepId = { definition: 'graph', step: 'sub.step' };

const settled = (outcomeOf: StepSettled['outcome'], step: Partial<StepId> = {}): NewEvent =>
  stepSettled({ outcome: outcomeOf, ...step, ...(outcomeOf === 'failed' ? { error: { code: 'OP_THREW', message: '' } } : {}) });

async function unsuccessful(port: StorePort, at: number, ...steps: readonly StepId[]): Promise<readonly unknown[]> {
  return (await livePort(port).lastUnsuccessful(steps, at)).map((event) => event?.position);
}

/** What a live service asks of a store: a place for a batch, how far sources were read, and which steps did not succeed. */
export const resumeChecks: Checks = {
  'writes a batch only where it says that its first event stands': async ({ store, settled: reopened }) => {
    const answers = await outcomes(
      store.port,
      { ...observed('a'), at: 2 },
      { ...observed('a'), at: 1 },
      { ...observed('b'), at: 1 },
      observed('c'),
      { ...batchOf(sourceObserved('d'), sourceObserved('e')), at: 3 },
      { ...batchOf(), at: 4 },
      { ...batchOf(), at: 5 },
      { ...observed('f'), at: 7 },
      { ...observed('g'), at: 5 },
    );
    assert.deepEqual(answers, [
      { expected: 2, found: 1 },
      [1, 1],
      { expected: 1, found: 2 },
      [2, 2],
      [3, 4],
      { expected: 4, found: 5 },
      [5, 4],
      { expected: 7, found: 5 },
      [5, 5],
    ]);
    const { port } = await reopened();
    assert.deepEqual(await outcomes(port, { ...observed('h'), at: 5 }, { ...observed('h'), at: 6 }), [{ expected: 5, found: 6 }, [6, 6]]);
    assert.deepEqual(await port.readable(['b', 'f'].map(sampleKey), Infinity), [undefined, undefined]);
  },

  'does not refuse a batch that is there already for its place': async ({ store, settled: reopened }) => {
    const batch: AppendBatch = { ...observed('a'), at: 1, id: 'i' };
    await store.port.append(batch);
    await store.port.append(observed('b'));
    const { port } = await reopened();
    assert.deepEqual(await outcomes(port, batch, { ...batch, at: 3 }, { ...batch, at: 77 }), [
      [1, 1],
      [1, 1],
      [1, 1],
    ]);
    assert.equal(await port.head(), 2);
  },

  'tells of the place of a batch before it tells of what it expects': async ({ store }) => {
    const expected = [{ key: sampleKey('a'), position: 9 }];
    assert.deepEqual(await outcomes(store.port, { ...observed('a'), at: 2, expected }, { ...observed('a'), at: 1, expected }), [
      { expected: 2, found: 1 },
      { key: 'a', expected: 9, found: 0 },
    ]);
  },

  'refuses a place that is no position, and an offset that is no text': async ({ store }) => {
    // A conflict would only say that another place is the next one.
    const isNone = (error: unknown): boolean => !(error instanceof SluiceError && error.code === 'VERSION_CONFLICT');
    for (const at of [0, -1, 1.5, Number.NaN, Infinity]) await assert.rejects(store.port.append({ ...observed('a'), at }), isNone);
    const none: unknown = [{ key: sampleKey('a'), offset: 5 }];
    // As a caller without types might.
    await assert.rejects(store.port.append({ ...observed('a'), offsets: none as readonly SourceOffset[] }));
    assert.equal(await store.port.head(), 0);
    assert.deepEqual(await offsetsOf(store.port, 'a'), [undefined]);
  },

  'remembers how far each source was read, with events and without': async ({ store, settled: reopened }) => {
    await store.port.append({ ...observed('a'), offsets: [offset('a', '1'), offset('b', 'x')] });
    await store.port.append({ ...observed('a'), offsets: [offset('a', '2')] });
    await store.port.append({ ...batchOf(), offsets: [offset('c', '')] });
    const before = await reopened();
    assert.deepEqual(await offsetsOf(before.port, 'c', 'a', 'never', 'b', 'a'), ['', '2', undefined, 'x', '2']);
    assert.equal(await before.port.head(), 2);
    await before.port.append({ ...batchOf(), offsets: [offset('b', 'y'), offset('b', 'z')] });
    const after = await reopened();
    assert.deepEqual(await offsetsOf(after.port, 'a', 'b', 'c'), ['2', 'z', '']);
    assert.equal(await after.port.head(), 2);
  },

  'leaves offsets as they were where their batch is refused or is there already': async ({ store, settled: reopened }) => {
    const once: AppendBatch = { ...observed('a'), offsets: [offset('a', '1')], id: 'i' };
    const answers = await outcomes(
      store.port,
      once,
      { ...observed('a'), offsets: [offset('a', '2')] },
      once,
      { ...observed('a'), offsets: [offset('a', '3')], at: 9 },
      { ...observed('a'), offsets: [offset('b', '3')], expected: [{ key: sampleKey('a'), position: 9 }] },
      { ...once, offsets: [offset('a', '4')] },
      { ...once, offsets: [] },
    );
    const conflict = { id: 'i', first: 1, last: 1 };
    assert.deepEqual(answers, [[1, 1], [2, 2], [1, 1], { expected: 9, found: 3 }, { key: 'a', expected: 9, found: 2 }, conflict, conflict]);
    const { port } = await reopened();
    assert.deepEqual(await offsetsOf(port, 'a', 'b'), ['2', undefined]);
    assert.deepEqual(await outcomes(port, once, { ...once, offsets: [offset('a', '2')] }), [[1, 1], conflict]);
    assert.deepEqual(await offsetsOf(port, 'a'), ['2']);
  },

  'takes offsets as they are at the call': async ({ store, settled: reopened }) => {
    const offsets = [offset('a', '1')];
    const appended = store.port.append({ ...batchOf(), offsets });
    offsets.splice(0, 1, offset('a', '2'));
    await appended;
    assert.deepEqual(await offsetsOf((await reopened()).port, 'a'), ['1']);
  },

  'tells offsets apart, whatever their sources are called and whatever they say': async ({ store, settled: reopened }) => {
    const texts = ['a', 'A', 'é', 'e\u0301', '🦊', '\ud83e', '\udd8a', '\ufffd', '\0', '"', '__proto__', 'x'.repeat(900)];
    const large = 'y'.repeat(300_000);
    await store.port.append({ ...batchOf(), offsets: [...texts.map((text) => offset(text, `of ${text}`)), offset('large', large)] });
    const { port } = await reopened();
    assert.deepEqual(await offsetsOf(port, ...texts, 'large'), [...texts.map((text) => `of ${text}`), large]);
  },

  'answers for thousands of offsets and steps at once': async ({ store, settled: reopened }) => {
    const names = Array.from({ length: 1500 }, (_, index) => `k/${index}`);
    const steps = names.map((step) => ({ definition: 'graph', step }));
    await store.port.append({ ...batchOf(...steps.map((step) => settled('failed', step))), offsets: names.map((key) => offset(key, key)) });
    const { port } = await reopened();
    assert.deepEqual(await offsetsOf(port, ...names), names);
    assert.deepEqual(
      await unsuccessful(port, Infinity, ...steps),
      names.map((_, index) => index + 1),
    );
  },

  'remembers for each step the last time that it did not succeed, as of every position': async ({ store, settled: reopened }) => {
    const others = [
      { definition: 'graph', step: 'other' },
      { definition: 'graphs', step: 'ub.step' },
    ];
    const events: readonly NewEvent[] = [
      settled('succeeded'),
      settled('failed'),
      settled('succeeded'),
      settled('blocked'),
      settled('skipped'),
      settled('cancelled'),
      missed('a'),
      settled('failed', others[0]),
      settled('succeeded'),
      settled('cancelled', others[1]),
      settled('failed'),
    ];
    for (const event of events) await store.port.append(batchOf(event));
    const { port } = await reopened();
    const last = [0, 0, 2, 2, 4, 5, 5, 5, 5, 5, 5, 11, 11];
    for (const [at, position] of last.entries()) {
      const expected = [position || undefined, at >= 8 ? 8 : undefined, undefined, position || undefined];
      assert.deepEqual(await unsuccessful(port, at, STEP, ...others, STEP), expected, `at ${at}`);
    }
    assert.deepEqual(await livePort(port).lastUnsuccessful([STEP], Infinity), await port.read(11, 1));
    const [success] = await port.lastSettled([{ ...STEP, output: 'result' }], Infinity);
    assert.equal(success?.position, 9);
    assert.deepEqual(await port.lastSettled([{ ...STEP, output: '' }], Infinity), [undefined]);
  },

  'refuses an output without a name, which stands for a step that did not succeed': async ({ store }) => {
    const output = { output: '', state: { state: 'absent' }, address: null } as const;
    for (const fields of [{ outputs: [output] }, { dropped: [''] }]) await assert.rejects(store.port.append(batchOf(stepSettled(fields))));
    assert.equal(await store.port.head(), 0);
  },

  'brings the values of a batch with its offsets': async ({ store, settled: reopened }) => {
    const value = sampleValue('v');
    await store.port.append({
      events: [sourceObserved('a', { address: value.address })],
      values: [value],
      offsets: [offset('a', '1')],
      at: 1,
    });
    const { port } = await reopened();
    assert.deepEqual(await offsetsOf(port, 'a'), ['1']);
    const [bytes] = await port.values([value.address]);
    assert.deepEqual(bytes && new Uint8Array(bytes), value.bytes);
  },
};
