import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { codec, source, StoreError, type Codec } from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { decodeStored, encodeWith } from '../../../lib/events/coded-value.ts';
import { encodeValue } from '../../../lib/kernel/value/canonical.ts';
import { decodeValue } from '../../../lib/kernel/value/decode.ts';
import { codedBytes, isCoded, readCoded } from '../../../lib/kernel/value/coded.ts';
import { codecsByName } from '../../../lib/model/codec.ts';
import { untyped } from '../../operators/rig/untyped.ts';

const raw = codec<Uint8Array>({ name: 'raw', encode: (bytes) => bytes, decode: (bytes) => bytes });
const text = codec<string>({ name: 'text', encode: (value) => Buffer.from(value), decode: (bytes) => Buffer.from(bytes).toString() });

const place = () => ({ what: '"k" at position 3 in "memory"', details: { key: 'k' } });

function encoded(by: Codec, value: unknown): { readonly version: string; readonly address: string; readonly bytes: Uint8Array } {
  const made = encodeWith(by, value);
  if ('problem' in made) throw new Error(made.problem);
  return made;
}

function failureOf(call: () => unknown): StoreError {
  try {
    call();
  } catch (error) {
    if (error instanceof StoreError) return error;
    throw error;
  }
  throw new Error('nothing failed');
}

describe('the bytes of a value that a codec encoded', () => {
  test('are byte 2, the length of the name, the name and what the codec gave', () => {
    expect([...codedBytes({ codec: 'é', bytes: new Uint8Array([7, 8]) })]).toEqual([2, 2, 0xc3, 0xa9, 7, 8]);
  });

  test('are no bytes of plain data, and the other way round', () => {
    fc.assert(
      fc.property(fc.anything(), fc.uint8Array(), (value, bytes) => {
        expect(() => decodeValue(codedBytes({ codec: 'c', bytes }))).toThrow('byte 2');
        fc.pre(typeof value !== 'symbol' && typeof value !== 'function');
        let plain: Uint8Array;
        try {
          plain = encodeValue(value);
        } catch {
          return;
        }
        expect(isCoded(plain)).toBe(false);
      }),
    );
  });

  test('are taken apart into what they were made of', () => {
    const names = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
      .filter((name) => !/\p{Surrogate}/u.test(name) && Buffer.byteLength(name) <= 255);
    fc.assert(
      fc.property(names, fc.uint8Array(), (name, bytes) => {
        expect(readCoded(codedBytes({ codec: name, bytes }))).toEqual({ codec: name, bytes });
      }),
    );
  });

  test('are a copy on the way in and on the way out', () => {
    const given = new Uint8Array([1, 2, 3]);
    const made = encoded(raw, given);
    given[0] = 9;
    // A Buffer shares its bytes with its slices: what the codec gets must not.
    const stored = Buffer.from(made.bytes);
    const first = decodeStored(stored, codecsByName([raw]), place) as Uint8Array;
    expect([...first]).toEqual([1, 2, 3]);
    expect(first.byteOffset).toBe(0);
    expect(first.buffer.byteLength).toBe(3);
    first[0] = 8;
    expect(decodeStored(stored, codecsByName([raw]), place)).toEqual(new Uint8Array([1, 2, 3]));
  });

  test('have the version that is their address: equal bytes are equal values', () => {
    const { version, address, bytes } = encoded(text, 'a');
    expect(version).toBe(address);
    expect(encoded(text, 'a').version).toBe(version);
    expect(encoded(text, 'b').version).not.toBe(version);
    const other = codec<string>({ name: 'text@2', encode: text.encode, decode: text.decode });
    expect(encoded(other, 'a').version).not.toBe(version);
    expect([...bytes]).toEqual([2, 4, ...Buffer.from('text'), 97]);
  });
});

describe('a codec that has no bytes', () => {
  test.each<[string, () => unknown, string]>([
    [
      'throws',
      () => {
        throw new Error('Too wide.');
      },
      'its codec "bad" could not encode it: Too wide',
    ],
    [
      'throws what is no Error',
      () => {
        throw untyped<Error>(5);
      },
      'its codec "bad" could not encode it: it threw 5, which is no Error',
    ],
    [
      'throws what cannot be read',
      () => {
        throw untyped<Error>(
          new Proxy(new Error('x'), {
            get: () => {
              throw new Error('y');
            },
          }),
        );
      },
      'could not encode it: it threw something that cannot be read',
    ],
    ['gives text', () => 'abc', 'its codec "bad" gave a string instead of a Uint8Array'],
    ['gives nothing', () => undefined, 'gave undefined instead of a Uint8Array'],
    ['gives a promise', () => Promise.resolve(new Uint8Array()), 'gave a promise instead of a Uint8Array'],
    ['gives another view', () => new Uint16Array(1), 'gave a Uint16Array instead of a Uint8Array'],
  ])('%s', (_, encode, said) => {
    const bad = codec<unknown>({ name: 'bad', encode: untyped(encode), decode: () => 0 });
    const made = encodeWith(bad, 1);
    expect('problem' in made ? made.problem : made).toContain(said);
  });

  test('is not one that gives a Buffer', () => {
    const buffer = codec<Uint8Array>({ name: 'b', encode: (bytes) => Buffer.from(bytes), decode: (bytes) => bytes });
    expect([...encoded(buffer, new Uint8Array([5])).bytes]).toEqual([2, 1, 98, 5]);
  });

  test('gives bytes that were transferred away', () => {
    const bytes = new Uint8Array([1, 2]);
    structuredClone(bytes, { transfer: [bytes.buffer] });
    expect(encodeWith(raw, bytes)).toMatchObject({ problem: 'its codec "raw" gave bytes that were transferred away' });
  });
});

describe('what is stored', () => {
  const bytes = encoded(text, 'hello').bytes;

  test('is decoded by the codec of its name, and plain data without one', () => {
    expect(decodeStored(bytes, codecsByName([raw, text]), place)).toBe('hello');
    expect(decodeStored(encodeValue({ a: 1 }), new Map(), place)).toEqual({ a: 1 });
  });

  test('is told of where its codec is not there: the name, and where to give it', () => {
    const error = failureOf(() => decodeStored(bytes, codecsByName([raw]), place));
    expect(error).toMatchObject({ code: 'CODEC_UNKNOWN', details: { key: 'k', codec: 'text' } });
    expect(error.message).toBe(
      'The value of "k" at position 3 in "memory" was encoded by the codec "text", which nobody gave. Give it to the output or source that has it, or in "codecs" to openStore() or memoryStore().',
    );
  });

  test('is told of where its codec fails', () => {
    const thrown = new Error('Bad magic number.');
    const wrong = (decode: () => unknown): Codec => codec<unknown>({ name: 'text', encode: () => new Uint8Array(), decode });
    const failing = (decode: () => unknown): StoreError => failureOf(() => decodeStored(bytes, codecsByName([wrong(decode)]), place));
    const error = failing(() => {
      throw thrown;
    });
    expect(error).toMatchObject({ code: 'CODEC_FAILED', cause: thrown, details: { key: 'k', codec: 'text' } });
    expect(error.message).toBe(
      'The codec "text" could not decode the value of "k" at position 3 in "memory": Bad magic number. Mend its "decode", or make the value again.',
    );
    expect(failing(() => undefined)).toMatchObject({ code: 'CODEC_FAILED', message: expect.stringContaining('it gave undefined') });
    expect(failing(async () => 5)).toMatchObject({ code: 'CODEC_FAILED', message: expect.stringContaining('it gave a promise') });
  });

  test.each([[[2]], [[2, 0]], [[2, 5, 97]], [[]], [[3, 1, 97]], [[1, 0xff]]])('is STORE_CORRUPT where it is %j', (damaged) => {
    const error = failureOf(() => decodeStored(new Uint8Array(damaged), codecsByName([text]), place));
    expect(error).toMatchObject({ code: 'STORE_CORRUPT', details: { key: 'k' } });
    expect(error.message).toContain('The value of "k" at position 3 in "memory" cannot be read.');
  });
});

describe('a put', () => {
  const blob = source('blob', { codec: raw });

  test('of a source with a codec is encoded by it, and read by the codecs of the store', async () => {
    const store = memoryStore({ codecs: [raw] });
    const first = await store.put(blob, new Uint8Array([1, 2]));
    expect(first).toMatchObject({ observed: true, version: encoded(raw, new Uint8Array([1, 2])).version });
    expect(await store.put(blob, new Uint8Array([1, 2]))).toMatchObject({ observed: false });
    expect(await store.put(blob, Buffer.from([1, 2]))).toMatchObject({ observed: false });
    expect(await store.value('blob')).toEqual(new Uint8Array([1, 2]));
    const other = memoryStore();
    await other.put(blob, new Uint8Array([1, 2]));
    await expect(other.value('blob')).rejects.toMatchObject({ code: 'CODEC_UNKNOWN' });
  });

  test('by the key alone is plain data', async () => {
    const store = memoryStore();
    await store.put('blob', new Uint8Array([1]));
    expect(await store.value('blob')).toEqual(new Uint8Array([1]));
  });

  test('of undefined, or of what the codec refuses, is refused', async () => {
    const store = memoryStore();
    await expect(store.put(blob, untyped(undefined))).rejects.toMatchObject({ code: 'VALUE_NOT_STORABLE' });
    await expect(store.put(blob, untyped('text'))).rejects.toMatchObject({
      code: 'VALUE_NOT_STORABLE',
      message: 'The value for source "blob" cannot be stored: its codec "raw" gave a string instead of a Uint8Array.',
      details: { key: 'blob', codec: 'raw' },
    });
    expect(await store.port.head()).toBe(0);
  });

  test('of more bytes than the store takes is refused', async () => {
    const store = memoryStore({ maxValueBytes: 10 });
    await store.put(blob, new Uint8Array(5));
    await expect(store.put(blob, new Uint8Array(6))).rejects.toMatchObject({ code: 'VALUE_TOO_LARGE' });
  });
});

describe('the codecs of a store', () => {
  test.each<[string, unknown]>([
    ['no list', raw],
    ['no codecs', [{ name: 'raw' }]],
    ['two of one name', [raw, codec<string>({ name: 'raw', encode: () => new Uint8Array(), decode: () => '' })]],
  ])('are refused where they are %s', (_, codecs) => {
    expect(() => memoryStore({ codecs: untyped(codecs) })).toThrow('memoryStore(): "codecs" is');
  });
});
