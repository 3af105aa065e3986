import assert from 'node:assert/strict';
import { isReadable, type NewEvent } from '../../lib/events/logged-event.ts';
import { isRetentionStore } from '../../lib/events/retention.ts';
import { decodeValue } from '../../lib/kernel/value/decode.ts';
import { batchOf, everyKind, materialized, runStarted, sampleKey, sampleValue, sourceObserved, unchanged } from './sample-events.ts';
import type { StoredValue } from '../../lib/events/store-port.ts';
import type { Checks } from './store-check.ts';

/** Every kind of thing that a value may hold. Made anew each time, since some of it can change. */
export function oddValues(): readonly unknown[] {
  return [
    null, 0, -0, NaN, Infinity, -Infinity, 1.5, 2 ** 53, -(2 ** 40), '', 'é🦊', '\ud83d', '\ufffd', true, 12n, -(2n ** 80n), [], {}, [[[]]], [undefined],
    { ['__proto__']: 1, constructor: 2, '': 3, a: undefined }, { b: 1, a: 2 }, new Date(0),
    new Map<unknown, unknown>([['a', 1], [{ k: 1 }, new Map()], [NaN, -0]]), new Set(['a', 1, [1]]), new Uint8Array([1, 2, 255]), new Float64Array([NaN, -0]), new BigInt64Array([-1n]),
    new Uint16Array([1, 2]).buffer, Array.from({ length: 5000 }, (_, index) => ({ id: index, name: `row ${index}` })),
  ]; // prettier-ignore
}

function assertFrozen(value: unknown, path: string): void {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || value instanceof Date) return;
  assert.ok(Object.isFrozen(value), `${path} is frozen`);
  for (const [key, member] of Object.entries(value)) assertFrozen(member, `${path}.${key}`);
}

/** What is read: the very same for everybody for ever, whatever the ones who wrote or read it do with it. */
export const valueChecks: Checks = {
  'gives the bytes of values in the order asked, and undefined for what it does not keep': async ({ store, settled }) => {
    const [one, two, none] = [sampleValue('one'), sampleValue({ two: 2 }), sampleValue('none')];
    await store.port.append({ events: [], values: [one, two, one] });
    const { port } = await settled();
    const addresses = [two, none, one, two].map(({ address }) => address);
    const bytes = await port.values(addresses);
    assert.deepEqual(
      bytes.map((found) => (found === undefined ? undefined : [...found])),
      [two, undefined, one, two].map((kept) => (kept === undefined ? undefined : [...kept.bytes])),
    );
  },

  'says which values it keeps, in the order asked, without reading any': async ({ store, settled }) => {
    const rows = Array.from({ length: 2000 }, (_, id) => ({ id }));
    const [one, large, like, none] = [
      sampleValue(1),
      sampleValue(new Uint8Array(1_000_000)),
      sampleValue([...rows, 1]),
      sampleValue('none'),
    ];
    const base = sampleValue(rows);
    await store.port.append({ events: [], values: [base] });
    await store.port.append({ events: [], values: [one, large, { ...like, base: base.address }, one] });
    // It is spoken of, and not there.
    await store.port.append(batchOf(materialized('a', { address: none.address })));
    const { port } = await settled();
    const asked = [none, like, one, large, one, base, none].map(({ address }) => address);
    assert.deepEqual(await port.has(asked), [false, true, true, true, true, true, false]);
    assert.deepEqual(await port.has([]), []);
    if (!isRetentionStore(port)) return;
    await port.prune({ versions: 1, runs: 0, logsOfRuns: undefined, onProgress: undefined, signal: undefined });
    assert.deepEqual(
      await port.has(asked),
      asked.map(() => false),
    );
    assert.deepEqual(
      await port.values(asked),
      asked.map(() => undefined),
    );
  },

  'keeps values of every kind and size': async ({ store, settled }) => {
    const values = oddValues().map(sampleValue);
    const large = { address: sampleValue(new Uint8Array(3_000_000)).address, bytes: sampleValue(new Uint8Array(3_000_000)).bytes };
    await store.port.append({ events: [], values: [...values, large] });
    const { port } = await settled();
    const kept = await port.values([...values, large].map(({ address }) => address));
    for (const [index, value] of oddValues().entries()) assert.deepEqual(decodeValue(kept[index] ?? new Uint8Array()), value);
    assert.ok(Buffer.from(kept.at(-1) ?? []).equals(large.bytes));
  },

  'keeps a value that is said to be like another one, whether it is or not, and whether that is there or not': async ({
    store,
    settled,
  }) => {
    const rows = Array.from({ length: 2000 }, (_, id) => ({ id }));
    const [first, like, unlike, lost] = [rows, [...rows, -0], { rows }, [...rows, 'x']].map(sampleValue);
    assert.ok(first !== undefined && like !== undefined && unlike !== undefined && lost !== undefined);
    const base = first.address;
    await store.port.append({ events: [], values: [first] });
    await store.port.append({
      events: [],
      values: [
        { ...like, base },
        { ...unlike, base },
        { ...lost, base: sampleValue('none').address },
      ],
    });
    // The value that comes with it is a hint too.
    const hinted = { ...sampleValue([...rows, 1]), base, value: Object.freeze([...rows, 1]) };
    await store.port.append({ events: [], values: [hinted, { ...first, base }] });
    const { port } = await settled();
    const written = [first, like, unlike, lost, hinted];
    const kept = await port.values(written.map(({ address }) => address));
    for (const [index, value] of written.entries()) assert.deepEqual(Buffer.from(kept[index] ?? []), Buffer.from(value.bytes));
  },

  'keeps the pieces of a value with it, and asks for none that it has': async ({ store, settled }) => {
    const asked: string[] = [];
    const piece = (name: string, pieces: readonly StoredValue[] = []): StoredValue => {
      const { address, bytes } = sampleValue(name);
      return {
        address,
        get bytes() {
          asked.push(name);
          return bytes;
        },
        pieces: () => pieces,
      };
    };
    const [shared, old, added] = [piece('shared', [piece('deep')]), piece('old'), piece('added')];
    await store.port.append({ events: [], values: [piece('one', [shared, old])] });
    asked.length = 0;
    await store.port.append({ events: [], values: [piece('two', [shared, added])] });
    assert.deepEqual(
      asked.filter((name) => name === 'shared' || name === 'deep'),
      [],
    );
    const { port } = await settled();
    const names = ['one', 'two', 'shared', 'deep', 'old', 'added'];
    const kept = await port.values(names.map((name) => sampleValue(name).address));
    for (const [index, name] of names.entries()) assert.equal(decodeValue(kept[index] ?? new Uint8Array()), name);
  },

  'does not let a writer change a value that it has appended': async ({ store, settled }) => {
    const small = sampleValue('small');
    const large = sampleValue('x'.repeat(100_000));
    const before = [small, large].map(({ bytes }) => Buffer.from(bytes));
    const appended = store.port.append({ events: [], values: [small, large] });
    small.bytes.fill(7);
    large.bytes.fill(7);
    await appended;
    const { port } = await settled();
    assert.deepEqual(
      (await port.values([small.address, large.address])).map((bytes) => Buffer.from(bytes ?? [])),
      before,
    );
  },

  'does not let a reader change a value': async ({ store, settled }) => {
    const values = [sampleValue('small'), sampleValue('x'.repeat(100_000))];
    await store.port.append({ events: [], values });
    const { port } = await settled();
    const addresses = values.map(({ address }) => address);
    for (const bytes of await port.values(addresses)) bytes?.fill(7);
    assert.deepEqual(
      (await port.values(addresses)).map((bytes) => Buffer.from(bytes ?? [])),
      values.map(({ bytes }) => Buffer.from(bytes)),
    );
  },

  'gives frozen events, and equal ones to every reader': async ({ store, settled }) => {
    await store.port.append(batchOf(...everyKind()));
    const { port } = await settled();
    const keys = ['a', 'd', 'source', 'none'].map(sampleKey);
    const outputs = [{ definition: 'graph', step: 'sub.step', output: 'result' }];
    const read = async (): Promise<readonly unknown[]> => [
      await port.read(1, 100),
      await port.readable(keys, 100),
      await port.lastSettled(outputs, 100),
      await port.runs(),
    ];
    const [first, second] = [await read(), await read()];
    for (const answer of first) assertFrozen(answer, '$');
    assert.deepEqual(first, second);
    const found = (await port.read(1, 100)).filter(isReadable);
    assert.deepEqual(
      await port.readable([sampleKey('a')], 100),
      found.filter(({ key }) => key === 'a'),
    );
  },

  'gives metadata back as it was, and to each reader its own where it cannot be frozen': async ({ store, settled }) => {
    const metadata = (): Readonly<Record<string, unknown>> => ({ values: oddValues(), at: new Date(5), ['__proto__']: 1 });
    await store.port.append(batchOf(materialized('a', { metadata: metadata() }), unchanged('b', { metadata: metadata() })));
    const { port } = await settled();
    for (const event of await port.read(1, 2)) {
      assert.ok('metadata' in event);
      assert.deepEqual(event.metadata, metadata());
      assert.ok(event.metadata['at'] instanceof Date);
      event.metadata['at'].setTime(0);
    }
    for (const event of [...(await port.read(1, 2)), ...(await port.readable([sampleKey('a'), sampleKey('b')], 2))]) {
      assert.ok(event !== undefined && 'metadata' in event);
      assert.deepEqual(event.metadata, metadata());
    }
  },

  'does not let a writer change tags and metadata that it has appended': async ({ store, settled }) => {
    const tags = { team: 'blue' };
    const metadata = { list: [1], at: new Date(5) };
    const events: readonly NewEvent[] = [runStarted({ tags }), materialized('a', { metadata })];
    await store.port.append(batchOf(...events));
    assert.throws(() => (tags.team = 'red'), TypeError);
    assert.throws(() => metadata.list.push(2), TypeError);
    metadata.at.setTime(0);
    const { port } = await settled();
    const [started, asset] = await port.read(1, 2);
    assert.ok(started?.type === 'run-started' && asset?.type === 'asset-materialized');
    assert.deepEqual([started.tags, asset.metadata], [{ team: 'blue' }, { list: [1], at: new Date(5) }]);
  },

  'refuses a batch with metadata that cannot be stored as a whole, and no other batch': async ({ store, settled }) => {
    const refused = batchOf(sourceObserved('refused'), materialized('a', { metadata: { deep: { f: () => 1 } } }));
    const [before, bad, after] = await Promise.allSettled([
      store.port.append(batchOf(sourceObserved('before'))),
      store.port.append({ ...refused, values: [sampleValue('v')] }),
      store.port.append(batchOf(sourceObserved('after'))),
    ]);
    assert.deepEqual([before.status, bad.status, after.status], ['fulfilled', 'rejected', 'fulfilled']);
    assert.equal(bad.status === 'rejected' && bad.reason instanceof Error && 'code' in bad.reason && bad.reason.code, 'VALUE_NOT_STORABLE');
    assert.match(String(bad.status === 'rejected' && bad.reason), /\$\.deep\.f/);
    const { port } = await settled();
    assert.deepEqual(
      (await port.read(1, 10)).map((event) => 'key' in event && event.key),
      ['before', 'after'],
    );
    assert.deepEqual(await port.readable([sampleKey('refused')], 10), [undefined]);
    assert.deepEqual(await port.values([sampleValue('v').address]), [undefined]);
  },
};
