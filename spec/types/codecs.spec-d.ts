import { describe, expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import { asset, assetsFromGraph, codec, define, emit, graph, input, materialize, op, optional, output, source } from '../../index.ts';
import type { Codec, Handle, OutputPort } from '../../index.ts';
import { memoryStore } from '../../lib/memory/index.ts';

class Table {
  readonly rows: number = 0;
}

const table = codec<Table>({ name: 'table', encode: () => new Uint8Array(), decode: () => new Table() });

describe('a codec', () => {
  test('is of the type that its functions say', () => {
    const inferred = codec({ name: 'n', encode: (value: number) => new Uint8Array([value]), decode: ([value = 0]): number => value });
    expectTypeOf(inferred).toEqualTypeOf<Codec<number>>();
    expectTypeOf(table).toEqualTypeOf<Codec<Table>>();
  });

  test('gives bytes, at once', () => {
    // @ts-expect-error text is no bytes
    codec<number>({ name: 'n', encode: () => 'text', decode: () => 1 });
    // @ts-expect-error a promise is no bytes
    codec<number>({ name: 'n', encode: async () => new Uint8Array(), decode: () => 1 });
    // @ts-expect-error what is decoded is what was encoded
    codec<number>({ name: 'n', encode: () => new Uint8Array(), decode: () => 'text' });
  });
});

describe('an output with a codec', () => {
  test('is of the type of its codec', () => {
    expectTypeOf(output({ codec: table })).toEqualTypeOf<OutputPort<Table, true>>();
    expectTypeOf(optional({ codec: table })).toEqualTypeOf<OutputPort<Table, false>>();
    // @ts-expect-error a codec of another type
    output<number>({ codec: table });
    const makes = op({
      name: 'makes',
      outputs: { out: output({ codec: table }), more: optional({ codec: table }) },
      *run() {
        yield emit('out', new Table());
      },
    });
    graph('g', () => {
      const { out, more } = makes();
      expectTypeOf(out).toEqualTypeOf<Handle<Table>>();
      expectTypeOf(more).toEqualTypeOf<Handle<Table>>();
      return { out };
    });
  });

  test('takes nothing else', () => {
    // @ts-expect-error a number is no table
    op({ name: 'makes', outputs: { out: output({ codec: table }) }, run: () => ({ out: 5 }) });
    // @ts-expect-error a number is no table
    op({ name: 'makes', codec: table, run: () => 5 });
    // @ts-expect-error a codec is at an output where there are some
    op({ name: 'makes', outputs: { out: output<Table>() }, codec: table, run: () => ({ out: new Table() }) });
  });

  test('has what its schema makes encoded', () => {
    const tables = z.string().transform(() => new Table());
    expectTypeOf(output(tables, { codec: table })).toEqualTypeOf<OutputPort<Table, true, string>>();
    // @ts-expect-error the schema makes a number
    output(z.number(), { codec: table });
    op({ name: 'makes', result: tables, codec: table, run: () => 'text' });
  });
});

describe('an asset and a source with a codec', () => {
  test('have its type, in results too', async () => {
    const raw = source('raw', { codec: table });
    const doubled = asset({ key: 'doubled', codec: table, inputs: { raw: input<Table>() }, run: ({ raw: given }) => given });
    const defs = define({ assets: [raw, doubled] });
    expectTypeOf((await materialize(defs)).value('doubled')).toEqualTypeOf<Table>();
    const store = memoryStore({ codecs: [table] });
    await store.put(raw, new Table());
    // @ts-expect-error a number is no table
    await store.put(raw, 5);
    // @ts-expect-error the source is read as another type than it has
    define({ assets: [raw, asset({ key: 'out', inputs: { raw: input<string>() }, run: ({ raw: given }) => given })] });
    // @ts-expect-error what is read is of the codec's type
    source<Table>('raw', { codec: table, read: () => 5 });
  });

  test('are like those of an op', () => {
    const makes = op({ name: 'makes', codec: table, run: async () => new Table() });
    const defs = define({ assets: [assetsFromGraph(graph('made', () => makes()))] });
    expectTypeOf(async () => (await materialize(defs)).value('made')).toEqualTypeOf<() => Promise<Table>>();
  });
});
