import { describe, expect, test } from 'vitest';
import { canonicalBytes, encodeValue } from '../../../../lib/kernel/value/canonical.ts';
import { decodeValue } from '../../../../lib/kernel/value/decode.ts';

const fromHex = (hex: string): Uint8Array => Buffer.from(hex, 'hex');
const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const roundTrip = (value: unknown): unknown => decodeValue(encodeValue(value));

describe('encodeValue', () => {
  test('refuses what cannot be stored, and says where it is', () => {
    expect(() => encodeValue({ a: [new Error('x')] })).toThrow(
      'Not a value that can be stored: what is at $.a[0] is an instance of Error.',
    );
    expect(() => canonicalBytes(() => 1)).toThrow('Not a value that can be stored: what is at $ is a function.');
  });

  test('writes a view as the bytes that it covers', () => {
    const all = Uint8Array.of(1, 2, 3, 4);
    expect(roundTrip(all.subarray(1, 3))).toStrictEqual(Uint8Array.of(2, 3));
    expect(roundTrip(new DataView(all.buffer, 3))).toStrictEqual(new DataView(Uint8Array.of(4).buffer));
  });

  test('writes a Buffer as a Uint8Array, and an object without a prototype as an ordinary one', () => {
    expect(roundTrip(Buffer.from('ab'))).toStrictEqual(Uint8Array.of(97, 98));
    expect(roundTrip(Object.assign(Object.create(null), { a: 1 }))).toStrictEqual({ a: 1 });
  });

  test('writes what is longer than its first buffer', () => {
    const value = { text: 'aé'.repeat(100_000), long: 'a'.repeat(70_000), bytes: new Uint8Array(70_000).fill(7), list: Array(300).fill(0) };
    expect(roundTrip(value)).toStrictEqual(value);
  });

  test('refuses to write more than 1 GiB', () => {
    expect(() => encodeValue(new Uint8Array(2 ** 30))).toThrow(new RangeError('The value takes more than 1073741824 bytes when encoded.'));
  });

  test('needs no more stack for 1,000 levels than there is', () => {
    let value: unknown = 0;
    for (let level = 0; level < 1_000; level++) value = [[value], { value }, new Map([[value, 1]]), new Set([value])][level % 4];
    expect(canonicalBytes(decodeValue(canonicalBytes(value)))).toEqual(canonicalBytes(value));
  });
});

describe('canonicalBytes', () => {
  test.each<[string, unknown, unknown]>([
    ['keys', { b: 1, a: 2, 10: 3 }, { a: 2, 10: 3, b: 1 }],
    ['keys that UTF-8 cannot write', { '\udc00': 1, '\ud800': 2, a: 3 }, { a: 3, '\ud800': 2, '\udc00': 1 }],
    [
      'entries',
      new Map<unknown, unknown>([
        [{ b: 1, a: 2 }, 1],
        [NaN, 2],
      ]),
      new Map<unknown, unknown>([
        [NaN, 2],
        [{ a: 2, b: 1 }, 1],
      ]),
    ],
    [
      'entries with equal keys',
      new Map([
        [[1], 1],
        [[1], 2],
      ]),
      new Map([
        [[1], 2],
        [[1], 1],
      ]),
    ],
    ['members', new Set<unknown>([new Set([1, 2]), 'a']), new Set<unknown>(['a', new Set([2, 1])])],
  ])('does not depend on the order of %s', (_, one, other) => {
    expect(toHex(canonicalBytes(one))).toBe(toHex(canonicalBytes(other)));
    expect(toHex(encodeValue(one))).not.toBe(toHex(encodeValue(other)));
  });

  test('sorts nested Maps once, not once for each level around them', () => {
    let value: unknown = 1;
    for (let level = 0; level < 200; level++)
      value = new Map([
        ['b', value],
        ['a', 1],
      ]);
    expect(canonicalBytes(value)).toHaveLength(encodeValue(value).length);
  });
});

describe('decodeValue', () => {
  test.each([
    ['nothing at all', '', 'it starts with nothing, not with byte 1'],
    ['another form', '02f6', 'it starts with byte 2, not with byte 1'],
    ['no item', '01', 'did not find any content'],
    ['two items', '01f6f6', 'too many terminals'],
    ['an end that is missing', '018201', 'not enough entries'],
    ['text that is missing', '016461', 'not enough data'],
    ['a length that nobody has', '015bffffffffffffffff', 'integers outside of the safe integer range'],
    ['lists without an end', '019fff', 'indefinite length items not allowed'],
    ['an integer in too many bytes', '011801', 'encoded in more bytes than necessary'],
    ['an integer too large for a number', '011bffffffffffffffff', 'integers outside of the safe integer range'],
    ['a key twice', '01a2616101616102', 'found repeat map key "a"'],
    ['a key that is no text', '01a10101', 'non-string keys not supported'],
    ['a tag that is not ours', '01c001', 'tag not supported (0)'],
    ['a bigint that is no bytes', '01c201', 'a tag for bytes is on something else'],
    ['a bigint with zeros in front', '01c2420001', 'a bigint starts with zeros'],
    ['half an element', '01d84d4101', 'byte length of Int16Array should be a multiple of 2'],
    ['ordinary text as UTF-16', '01d9c101426100', 'text that UTF-8 can write is in UTF-16'],
    ['a Date that is no number', '01d9c100f6', 'a Date is not a number'],
    ['a Date beyond time', '01d9c1001b001fffffffffffff', 'a Date is not a time'],
    ['a Set that is no list', '01d90102a0', 'a Set is not a list'],
    ['a member twice', '01d90102820101', 'a Set has a member twice'],
    ['a Map that is no map', '01d9010380', 'entries() requires map content'],
    ['a Map with a key twice', '01d90103a201010102', 'a Map has a key twice'],
  ])('refuses %s', (_, hex, reason) => {
    expect(() => decodeValue(fromHex(hex))).toThrow(Error);
    expect(() => decodeValue(fromHex(hex))).toThrow(/^Not a value in form c1: .*\.$/);
    expect(() => decodeValue(fromHex(hex))).toThrow(reason);
  });

  test.each([1_001, 1_000_000])('refuses %i levels', (levels) => {
    const bytes = new Uint8Array(levels + 1).fill(0x81);
    bytes[0] = 1;
    bytes[levels] = 0x80;
    expect(() => decodeValue(bytes)).toThrow(/^Not a value in form c1: /);
  });

  test('takes "__proto__" for a key like any other', () => {
    const value = JSON.parse('{ "__proto__": { "polluted": 1 }, "constructor": { "prototype": { "polluted": 1 } } }') as object;
    const back = roundTrip(value);
    expect(Object.keys(back as object)).toEqual(['__proto__', 'constructor']);
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype);
    expect({}).not.toHaveProperty('polluted');
    expect(JSON.stringify(back)).toBe(JSON.stringify(value));
  });

  test('gives an empty array of its own each time', () => {
    const [one, other] = [roundTrip(new Uint8Array(0)), roundTrip(new Uint8Array(0))] as [Uint8Array, Uint8Array];
    expect(one.buffer).not.toBe(other.buffer);
  });
});
