import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { asset, assetsFromGraph, codec, define, graph, input, op, optional, output, source, type Codec } from '../../../index.ts';
import { checkPorts } from '../../../lib/model/port.ts';
import { expectRefusal } from './refusal.ts';
import { untyped } from '../../operators/rig/untyped.ts';

const made = (name = 'raw'): Codec<Uint8Array> => codec<Uint8Array>({ name, encode: (bytes) => bytes, decode: (bytes) => bytes });
const raw = made();

describe('codec', () => {
  test('makes a frozen one, whose functions keep their object', () => {
    const shift = codec({
      name: 'shift',
      encode(value: number) {
        return new Uint8Array([value + this.name.length]);
      },
      decode([byte = 0]: Uint8Array): number {
        return byte - this.name.length;
      },
    });
    expect(Object.isFrozen(shift)).toBe(true);
    const { encode, decode } = shift;
    expect(decode(encode(4))).toBe(4);
    expect([...encode(4)]).toEqual([9]);
  });

  test.each<[string, unknown]>([
    ['none', undefined],
    ['empty', ''],
    ['no text', 5],
    ['too long', 'é'.repeat(128)],
    ['half a character', '\uD800'],
  ])('refuses a name that is %s', (_, name) => {
    expectRefusal(
      () => codec({ name: untyped(name), encode: raw.encode, decode: raw.decode }),
      'INVALID_NAME',
      'codec()',
      '1 to 255 bytes',
    );
  });

  test('takes a name of 255 bytes', () => {
    expect(made('n'.repeat(255)).name).toHaveLength(255);
  });

  test('refuses what are no functions', () => {
    expectRefusal(() => codec(untyped({ name: 'a', encode: 5, decode: raw.decode })), 'INVALID_DEFINITION', '"encode" is a number');
    expectRefusal(() => codec(untyped({ name: 'a', encode: raw.encode, decode: class {} })), 'INVALID_DEFINITION', '"decode" is a class');
    expectRefusal(() => codec(untyped(null)), 'INVALID_DEFINITION', 'codec()');
    expectRefusal(() => codec(untyped(raw)), 'INVALID_DEFINITION', 'codec() has no option "kind"');
  });
});

describe('a codec is given', () => {
  test('to an output, with and without a schema', () => {
    expect(output({ codec: raw }).codec).toBe(raw);
    expect(optional({ codec: raw }).codec).toBe(raw);
    const schema = z.custom<Uint8Array>();
    expect(output(schema, { codec: raw })).toMatchObject({ schema, codec: raw, transient: false });
    expect(optional(schema, { codec: raw }).codec).toBe(raw);
    expect(output().codec).toBeUndefined();
  });

  test('to the one result of an op or asset', () => {
    const run = (): Uint8Array => new Uint8Array();
    expect(op({ name: 'a', codec: raw, run }).outputs['result']?.codec).toBe(raw);
    expect(op({ name: 'a', result: z.custom<Uint8Array>(), codec: raw, run }).outputs['result']).toMatchObject({ codec: raw });
    const [step] = asset({ key: 'a', codec: raw, run }).flat.steps;
    expect(step?.op.outputs['result']?.codec).toBe(raw);
    expect(op({ name: 'a', run }).outputs['result']?.codec).toBeUndefined();
  });

  test('to a source', () => {
    expect(source('a', { codec: raw }).codec).toBe(raw);
    expect(source('a').codec).toBeUndefined();
  });

  test('and refused where it is none', () => {
    expectRefusal(() => output(untyped({ codec: { name: 'raw' } })), 'INVALID_DEFINITION', 'output(): "codec" is an object', 'codec()');
    expectRefusal(() => optional(untyped({ codec: null })), 'INVALID_DEFINITION', 'optional(): "codec" is null');
    expectRefusal(() => source('a', untyped({ codec: 5 })), 'INVALID_DEFINITION', 'source "a": "codec" is a number');
    expectRefusal(() => op(untyped({ name: 'a', codec: 5, run: () => 1 })), 'INVALID_DEFINITION', 'op "a": "codec" is a number');
    expectRefusal(() => input(untyped({ codec: raw })), 'INVALID_DEFINITION', 'input() has no option "codec"');
    const port = untyped<ReturnType<typeof output>>({ ...output(), codec: {} });
    expectRefusal(() => checkPorts('output', { out: port }, 'here'), 'INVALID_DEFINITION', 'output "out"');
  });

  test('and refused where nothing is stored, and beside "outputs"', () => {
    expectRefusal(() => output({ transient: true, codec: raw }), 'INVALID_DEFINITION', 'transient', 'codec');
    const both = untyped<Parameters<typeof op>[0]>({ name: 'a', outputs: { x: output() }, codec: raw, run: () => ({ x: 1 }) });
    expectRefusal(() => op(both), 'INVALID_DEFINITION', 'both "outputs" and "codec"', 'output({ codec })');
  });
});

describe('define', () => {
  const reads = (given: Codec<Uint8Array>) =>
    asset({ key: 'out', codec: given, inputs: { blob: input<Uint8Array>() }, run: ({ blob }) => blob });

  test('knows the codecs of all outputs and sources by name', () => {
    const other = made('other');
    const inner = op({ name: 'inner', outputs: { x: optional({ codec: other }) }, run: () => ({}) });
    const wired = graph('wired', () => ({ kept: inner().x }));
    const defs = define({ assets: [source('blob', { codec: raw }), reads(raw), assetsFromGraph(wired)] });
    expect(Object.fromEntries(defs.codecs)).toEqual({ other, raw });
    expect([...define({ assets: [] }).codecs]).toEqual([]);
  });

  test('refuses two of one name', () => {
    const error = expectRefusal(
      () => define({ assets: [source('blob', { codec: raw }), reads(made())] }),
      'NAME_CONFLICT',
      'Output "result" of step "out" and source "blob" have two different codecs named "raw".',
    );
    expect(error.details).toMatchObject({ codec: 'raw' });
  });
});
