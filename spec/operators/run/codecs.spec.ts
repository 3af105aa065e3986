import { afterAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  asset,
  assetsFromGraph,
  codec,
  define,
  emit,
  graph,
  input,
  materialize,
  op,
  optional,
  output,
  reexecute,
  refresh,
  runGraph,
  source,
  StepError,
  type Codec,
  type Store,
} from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { openStore } from '../../../store/open-store.ts';
import { newFolder } from '../../store/folder.ts';
import { untyped } from '../rig/untyped.ts';

/** What no store keeps by itself: an instance of a class, with what nobody outside of it sees. */
class Table {
  readonly #columns: readonly number[];
  notes = 0;

  constructor(columns: readonly number[]) {
    this.#columns = columns;
  }

  get sum(): number {
    return this.#columns.reduce((a, b) => a + b, 0);
  }

  static toBytes(table: Table): Uint8Array {
    return new Uint8Array(new Float64Array(table.#columns).buffer);
  }

  static fromBytes(bytes: Uint8Array): Table {
    return new Table([...new Float64Array(bytes.buffer)]);
  }
}

const tables = codec<Table>({ name: 'table', encode: (table) => Table.toBytes(table), decode: (stored) => Table.fromBytes(stored) });
const raw = codec<Uint8Array>({ name: 'raw', encode: (bytes) => bytes, decode: (bytes) => bytes });

const open: Store[] = [];
afterAll(async () => {
  for (const store of open) await store.close();
});

const stores: readonly [string, () => Promise<Store>][] = [
  ['in memory', async () => memoryStore({ codecs: [tables, raw] })],
  [
    'on disk',
    async () => {
      const store = await openStore(await newFolder(), { codecs: [tables, raw] });
      open.push(store);
      return store;
    },
  ],
];

/** `numbers → table → sum`, where `table` is what no store keeps by itself, and `numbers` a source of raw bytes. */
function sums({ broken = false, by = tables, calls = [] as string[] }: { broken?: boolean; by?: Codec<Table>; calls?: string[] } = {}) {
  const table = asset({
    key: 'table',
    codeVersion: '1',
    codec: by,
    inputs: { numbers: input<Uint8Array>() },
    run: ({ numbers }) => (calls.push('table'), new Table([...numbers])),
  });
  const sum = asset({
    key: 'sum',
    codeVersion: '1',
    inputs: { table: input<Table>() },
    run: ({ table: given }) => {
      calls.push('sum');
      if (broken) throw new Error('broken');
      return given.sum;
    },
  });
  return { defs: define({ assets: [source('numbers', { codec: raw }), table, sum] }), calls };
}

const bytes = (...values: readonly number[]): Uint8Array => new Uint8Array(values);

describe.each(stores)('%s, a value with a codec', (_, makeStore) => {
  test('is recorded as its codec encodes it, and read by the name of that', async () => {
    const store = await makeStore();
    const { defs } = sums();
    const result = await materialize(defs, { store, sources: { numbers: bytes(1, 2) } });
    expect(result.value('sum')).toBe(3);
    const stored = await store.value('table');
    expect(stored).toBeInstanceOf(Table);
    expect(stored).toMatchObject({ sum: 3 });
    expect(await store.value('numbers')).toEqual(bytes(1, 2));
    const event = await store.latest('table');
    expect(event).toMatchObject({ type: 'asset-materialized' });
    const { version, address } = event as unknown as { readonly version: string; readonly address: string };
    expect(version).toBe(address);
    const [kept = new Uint8Array()] = await store.port.values([address]);
    expect([...kept]).toEqual([2, 5, ...Buffer.from('table'), ...new Uint8Array(new Float64Array([1, 2]).buffer)]);
  });

  test('is the very object for readers of the same run, neither frozen nor copied', async () => {
    const store = await makeStore();
    const seen: unknown[] = [];
    const given = { plain: [1] };
    const json = codec<typeof given>({
      name: 'json',
      encode: (value) => Buffer.from(JSON.stringify(value)),
      decode: (value) => JSON.parse(Buffer.from(value).toString()) as typeof given,
    });
    const makes = op({
      name: 'makes',
      outputs: { a: output({ codec: json }), b: optional({ codec: tables }) },
      *run() {
        yield emit('a', given);
        yield emit('b', new Table([1]));
      },
    });
    const reads = op({ name: 'reads', inputs: { a: input<typeof given>(), b: input<Table>() }, run: ({ a, b }) => seen.push(a, b) });
    const defs = define({
      assets: [
        assetsFromGraph(
          graph('g', () => {
            const { a, b } = makes();
            return { a, out: reads({ a, b }) };
          }),
        ),
      ],
    });
    const result = await materialize(defs, { store });
    expect(seen[0]).toBe(given);
    expect(seen[1]).toBeInstanceOf(Table);
    expect(result.value('a')).toBe(given);
    expect(Object.isFrozen(given)).toBe(false);
    expect(Object.isFrozen(given.plain)).toBe(false);
  });

  test('is not looked into while a schema takes its time', async () => {
    const store = await makeStore();
    const given = { plain: [bytes(1)] };
    const own = codec<typeof given>({
      name: 'own',
      encode: ({ plain: [first = bytes()] }) => first,
      decode: (value) => ({ plain: [value] }),
    });
    const slow = z.custom<typeof given>().refine(async () => true);
    const defs = define({ assets: [asset({ key: 'slow', result: slow, codec: own, run: () => given })] });
    expect((await materialize(defs, { store })).value('slow')).toBe(given);
    expect(Object.isFrozen(given)).toBe(false);
  });

  test('is as it was at emission, whatever the body does with it later', async () => {
    const store = await makeStore();
    const defs = define({
      assets: [
        assetsFromGraph(
          graph('g', () => ({
            late: op({
              name: 'late',
              outputs: { out: output({ codec: raw }) },
              *run() {
                const buffer = bytes(1, 2, 3);
                yield emit('out', buffer);
                buffer.fill(9);
              },
            })().out,
          })),
        ),
      ],
    });
    await materialize(defs, { store });
    expect(await store.value('late')).toEqual(bytes(1, 2, 3));
  });

  test('is reused while its bytes are equal, and decoded once for all readers of a run', async () => {
    const store = await makeStore();
    const calls: string[] = [];
    let decoded = 0;
    const counted = codec<Table>({
      name: 'table',
      encode: (table) => Table.toBytes(table),
      decode: (stored) => ((decoded += 1), Table.fromBytes(stored)),
    });
    const { defs } = sums({ calls, by: counted });
    const first = await refresh(defs, { store, sources: { numbers: bytes(1, 2) } });
    expect(await first.value('sum')).toBe(3);
    calls.length = 0;
    const again = await refresh(defs, { store, sources: { numbers: bytes(1, 2) } });
    expect([again.outcome('table'), again.outcome('sum'), calls]).toEqual(['fresh', 'fresh', []]);
    expect(await again.value('table')).toMatchObject({ sum: 3 });
    expect(await again.value('table')).toBe(await again.value('table'));
    expect(decoded).toBe(1);
    const changed = await refresh(defs, { store, sources: { numbers: bytes(1, 3) } });
    expect([changed.outcome('sum'), calls]).toEqual(['materialized', ['table', 'sum']]);
  });

  test('stops a wave where its bytes are equal', async () => {
    const store = await makeStore();
    const calls: string[] = [];
    const cut = define({
      assets: [
        source('numbers', { codec: raw }),
        asset({
          key: 'head',
          codeVersion: '1',
          codec: tables,
          inputs: { numbers: input<Uint8Array>() },
          run: ({ numbers }) => (calls.push('head'), new Table([numbers[0] ?? 0])),
        }),
        asset({
          key: 'out',
          codeVersion: '1',
          inputs: { head: input<Table>() },
          run: ({ head }) => (calls.push('out'), head.sum),
        }),
      ],
    });
    await refresh(cut, { store, sources: { numbers: bytes(1, 2) } });
    calls.length = 0;
    const result = await refresh(cut, { store, sources: { numbers: bytes(1, 5) } });
    expect([calls, result.outcome('head'), result.outcome('out')]).toEqual([['head'], 'unchanged', 'fresh']);
  });

  test('is decoded for a step that runs beside it: in a refresh, a load and a re-execution', async () => {
    const store = await makeStore();
    const calls: string[] = [];
    const failed = await materialize(sums({ broken: true, calls }).defs, {
      store,
      sources: { numbers: bytes(4, 5) },
      throwOnFailure: false,
    });
    expect(failed.outcome('sum')).toBe('failed');
    calls.length = 0;
    const again = await reexecute(sums({ calls }).defs, failed.runId, { store });
    expect([again.value('sum'), calls]).toEqual([9, ['sum']]);
    calls.length = 0;
    const loaded = await materialize(sums({ calls }).defs, { store, select: ['sum'], crossGraphUpstream: 'load' });
    expect([loaded.value('sum'), calls]).toEqual([9, ['sum']]);
    calls.length = 0;
    const auto = await materialize(sums({ calls }).defs, { store, select: ['sum'], crossGraphUpstream: 'auto' });
    expect([auto.value('sum'), calls]).toEqual([9, ['sum']]);
  });

  test('of a source is put by its definition, and read by its codec', async () => {
    const store = await makeStore();
    const numbers = source('numbers', { codec: raw });
    await store.put(numbers, bytes(7));
    const { defs, calls } = sums();
    expect(await (await refresh(defs, { store })).value('sum')).toBe(7);
    expect(await (await refresh(defs, { store, sources: { numbers: bytes(7) } })).value('sum')).toBe(7);
    expect(calls).toEqual(['table', 'sum']);
    expect((await store.latest('numbers'))?.position).toBe(1);
    const own = source('own', { codec: tables, read: () => new Table([8]) });
    const reads = asset({ key: 'out', inputs: { own: input<Table>() }, run: ({ own: given }) => [given instanceof Table, given.sum] });
    expect((await materialize(define({ assets: [own, reads] }), { store })).value('out')).toEqual([true, 8]);
    expect(await store.value('own')).toMatchObject({ sum: 8 });
  });

  test('that its codec refuses fails its step, on an asset and between ops', async () => {
    const store = await makeStore();
    const cause = new Error('Too wide.');
    const failing = codec<number>({
      name: 'narrow',
      encode: () => {
        throw cause;
      },
      decode: () => 1,
    });
    const defs = define({ assets: [asset({ key: 'wide', codec: failing, run: () => 5 })] });
    const error = await materialize(defs, { store }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(StepError);
    expect(error).toMatchObject({
      code: 'VALUE_NOT_STORABLE',
      message:
        'The value that step "wide" emitted on "result", the asset "wide", cannot be stored: its codec "narrow" could not encode it: Too wide.',
      cause,
      details: { step: 'wide', output: 'result', codec: 'narrow' },
    });
    expect(await store.latest('wide')).toBeUndefined();
    const makes = op({ name: 'makes', codec: codec<number>({ name: 'text', encode: untyped(String), decode: () => 1 }), run: () => 5 });
    const reads = op({ name: 'reads', inputs: { x: input<number>() }, run: ({ x }) => x });
    const between = define({ assets: [assetsFromGraph(graph('out', () => reads({ x: makes() })))] });
    await expect(materialize(between, { store })).rejects.toMatchObject({
      code: 'VALUE_NOT_STORABLE',
      message: 'The value that step "makes" emitted on "result" cannot be stored: its codec "text" gave a string instead of a Uint8Array.',
    });
  });

  test('keeps what else an emission says: its metadata, and a version of its own', async () => {
    const store = await makeStore();
    const makes = op({
      name: 'makes',
      outputs: { out: output({ codec: tables }) },
      *run() {
        yield emit('out', new Table([1]), { version: 'v1', metadata: { rows: 1 } });
      },
    });
    await materialize(define({ assets: [assetsFromGraph(graph('out', () => ({ out: makes().out })))] }), { store });
    expect(await store.latest('out')).toMatchObject({ version: 'user:v1', metadata: { rows: 1 } });
    expect(await store.value('out')).toMatchObject({ sum: 1 });
  });

  test('without a codec is told of before a body sees it', async () => {
    const plain = await makeStore();
    const store: Store = { ...plain, codecs: new Map() };
    await materialize(sums().defs, { store, sources: { numbers: bytes(1) } });
    const other = define({
      assets: [source('numbers'), asset({ key: 'copy', inputs: { numbers: input<Uint8Array>() }, run: ({ numbers }) => numbers.length })],
    });
    await expect(materialize(other, { store })).rejects.toMatchObject({ code: 'CODEC_UNKNOWN', details: { codec: 'raw', key: 'numbers' } });
    // What the definitions do not know, the store may.
    expect((await materialize(other, { store: plain })).value('copy')).toBe(1);
  });

  test('of damaged bytes under a known name says what the codec threw', async () => {
    const store = await makeStore();
    const { defs } = sums();
    await materialize(defs, { store, sources: { numbers: bytes(1, 2) } });
    const cause = new Error('wrong magic');
    const mended = codec<Table>({
      name: 'table',
      encode: (table) => Table.toBytes(table),
      decode: () => {
        throw cause;
      },
    });
    const kept = await refresh(sums({ by: mended }).defs, { store });
    expect(kept.outcome('table')).toBe('fresh');
    await expect(kept.value('table')).rejects.toMatchObject({
      code: 'CODEC_FAILED',
      cause,
      message: expect.stringMatching(/could not decode the value of "result" of step "table" at position \d+ in ".+": wrong magic\./),
    });
  });
});

describe('without a store', () => {
  test('a value with a codec is left as it is', async () => {
    const given = { plain: [1] };
    const json = codec<typeof given>({ name: 'json', encode: () => bytes(), decode: () => given });
    const makes = op({ name: 'makes', outputs: { a: output({ codec: json }) }, run: () => ({ a: given }) });
    const seen: boolean[] = [];
    const reads = op({ name: 'reads', inputs: { a: input<typeof given>() }, run: ({ a }) => seen.push(Object.isFrozen(a)) });
    await runGraph(graph('g', () => ({ out: reads({ a: makes().a }) })));
    expect(seen).toEqual([false]);
  });
});
