import { describe, expect, test } from 'vitest';
import { fixValue, isKnownImmutable } from '../../../../lib/kernel/value/fix.ts';

class Point {
  x = 1;
}
class Index extends Map {}
const symbol = Symbol('tag');
const boom = (): never => {
  throw new Error('must not run');
};
const throwing = (): object => new Proxy({}, { get: boom, ownKeys: boom, getPrototypeOf: boom, getOwnPropertyDescriptor: boom });

const nest = (levels: number): unknown => {
  let value: unknown[] = [];
  for (let level = 1; level < levels; level++) value = [value];
  return value;
};

const cycle = (): unknown => {
  const a: Record<string, unknown> = {};
  a['b'] = { list: [a] };
  return a;
};

const selfMap = (): unknown => {
  const map = new Map();
  return map.set('m', { map });
};

function argumentsOf(): unknown {
  // oxlint-disable-next-line prefer-rest-params
  return arguments;
}

const revoked = (): unknown => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
};

const hidden = (target: object, key: PropertyKey): object => Object.defineProperty(target, key, { value: 1, enumerable: false });
const got = (target: object, key: PropertyKey): object => Object.defineProperty(target, key, { get: boom, enumerable: true });

const detached = (view: ArrayBufferView<ArrayBuffer> = new Int8Array(8)): ArrayBufferView<ArrayBuffer> => {
  structuredClone(view, { transfer: [view.buffer] });
  return view;
};

const shrunk = (): unknown => {
  // Untyped: the declarations are those of ES2023.
  const buffer: ArrayBuffer = Reflect.construct(ArrayBuffer, [8, { maxByteLength: 8 }]);
  const view = new DataView(buffer, 4, 4);
  Reflect.apply(Reflect.get(buffer, 'resize'), buffer, [2]);
  return view;
};

describe('fixValue refuses, with the path', () => {
  test.each<[string, () => unknown, string, string]>([
    ['a function', () => ({ a: [0, 1, 2, { b: boom }] }), '$.a[3].b', 'a function'],
    ['a symbol', () => symbol, '$', 'a symbol'],
    ['a key that is no name', () => ({ 'a b': { 3: symbol } }), '$["a b"]["3"]', 'a symbol'],
    ['a key that is a text', () => ({ ['a'.repeat(200)]: symbol }), `$["${'a'.repeat(80)}…"]`, 'a symbol'],
    ['a key that is a symbol', () => ({ a: { [symbol]: 1 } }), '$.a[Symbol(tag)]', 'keyed by a symbol'],
    ['a getter', () => ({ a: got({}, 'b') }), '$.a.b', 'a getter or setter'],
    ['a setter', () => ({ set a(_: unknown) {} }), '$.a', 'a getter or setter'],
    ['a getter in an array', () => got([1, 2], 1), '$[1]', 'a getter or setter'],
    ['a hidden property', () => ({ a: hidden({}, 'b') }), '$.a.b', 'not enumerable'],
    ['a hidden element', () => hidden([1, 2], 1), '$[1]', 'not enumerable'],
    ['a hidden property of an array', () => hidden([1, 2], 'b'), '$.b', 'an extra property of an array'],
    // oxlint-disable-next-line no-sparse-arrays
    ['a hole', () => ({ a: [1, , 3] }), '$.a[1]', 'a hole in an array'],
    ['a hole at the end', () => Object.assign([1], { length: 2 }), '$[1]', 'a hole in an array'],
    ['a hole that an extra makes up for', () => Object.assign([1], { length: 2, x: 1 }), '$[1]', 'a hole in an array'],
    ['a match, which has extras', () => ({ a: /b/.exec('abc') }), '$.a.index', 'an extra property of an array'],
    ['arguments', argumentsOf, '$.length', 'not enumerable'],
    ['an instance', () => ({ a: new Point() }), '$.a', 'an instance of Point'],
    ['an instance of a class without a name', () => new (class {})(), '$', 'an instance of a class'],
    ['an Error', () => [new TypeError('x')], '$[0]', 'an instance of TypeError'],
    ['a RegExp', () => /x/, '$', 'an instance of RegExp'],
    ['a Promise', () => ({ a: Promise.resolve(1) }), '$.a', 'an instance of Promise'],
    ['a WeakMap', () => new WeakMap(), '$', 'an instance of WeakMap'],
    ['a boxed number', () => Object(1), '$', 'an instance of Number'],
    ['an array that denies it', () => Object.setPrototypeOf([1], Object.prototype), '$', 'an instance of Object'],
    ['a kind of Map', () => new Index(), '$', 'an instance of Index'],
    ['what pretends to be a Map', () => Object.create(Map.prototype), '$', 'an instance of Map'],
    ['what inherits from plain data', () => Object.create({ a: 1 }), '$', 'an instance of a class'],
    ['a generator', () => (function* () {})(), '$', 'an instance of a class'],
    ['a Map with more to it', () => Object.assign(new Map(), { a: 1 }), '$', 'a Map with properties of its own'],
    ['a Date with more to it', () => [got(new Date(0), 'getTime')], '$[0]', 'a Date with properties of its own'],
    ['a value in a Map', () => ({ m: new Map([['key', boom]]) }), '$.m{"key"}', 'a function'],
    ['a value under a bigint', () => new Map([[3n, [boom]]]), '${3n}[0]', 'a function'],
    ['a value under an object', () => new Map([[{}, boom]]), '${entry 0}', 'a function'],
    [
      'a key of a Map',
      () =>
        new Map<unknown, unknown>([
          [1, 1],
          [{ a: boom }, 2],
        ]),
      '${key 1}.a',
      'a function',
    ],
    ['a member of a Set', () => ({ s: new Set([1, boom]) }), '$.s{member 1}', 'a function'],
    ['a cycle', cycle, '$.b.list[0]', 'part of a cycle'],
    ['a Map in itself', selfMap, '${"m"}.map', 'part of a cycle'],
    ['shared memory', () => [new SharedArrayBuffer(8)], '$[0]', 'an instance of SharedArrayBuffer'],
    ['an array on shared memory', () => [new Int8Array(new SharedArrayBuffer(8))], '$[0]', 'backed by shared memory'],
    ['a buffer that went away', () => [detached().buffer], '$[0]', 'a detached buffer'],
    ['an array on a buffer that went away', () => detached(), '$', 'a detached buffer'],
    [
      'a DataView on a buffer that went away',
      () => ({ a: new Map([['b', detached(new DataView(new ArrayBuffer(8)))]]) }),
      '$.a{"b"}',
      'a detached buffer',
    ],
    ['an empty array on a buffer that went away', () => detached(new Uint8Array(0)), '$', 'a detached buffer'],
    ['a view beyond its buffer', shrunk, '$', 'an object that cannot be read or frozen'],
    ['a Proxy', () => ({ a: new Proxy({}, {}) }), '$.a', 'a Proxy'],
    ['a Proxy that throws', () => [throwing()], '$[0]', 'a Proxy'],
    ['a Proxy that was revoked', revoked, '$', 'a Proxy'],
    ['what inherits from a Proxy', () => Object.create(throwing()), '$', 'an object that cannot be read or frozen'],
    [
      'an array view dressed up as plain',
      () => Object.setPrototypeOf(new Uint8Array(1), null),
      '$',
      'an object that cannot be read or frozen',
    ],
    ['one level too many', () => nest(1_001), `$${'[0]'.repeat(8)}…${'[0]'.repeat(8)}`, 'nested deeper than 1,000 levels'],
    ['levels without end', () => nest(100_000), `$${'[0]'.repeat(8)}…${'[0]'.repeat(8)}`, 'nested deeper than 1,000 levels'],
  ])('%s', (_, make, path, problem) => {
    expect(fixValue(make())).toEqual({ storable: false, path, problem });
  });

  test('what adds a level to a remembered value each time', () => {
    let value: unknown = 0;
    for (let level = 1; level <= 1_000; level++) {
      value = { value };
      expect(fixValue(value)).toEqual({ storable: true, immutable: true });
    }
    expect(fixValue({ value })).toMatchObject({ storable: false, problem: 'nested deeper than 1,000 levels' });
    expect(fixValue({ value, map: new Map([[1, [value]]]) })).toMatchObject({ storable: false });
  });

  test('what is too deep in one of several members', () => {
    const wide = [[nest(900), 1, []], []];
    expect(fixValue(wide)).toEqual({ storable: true, immutable: true });
    let value: unknown = wide;
    for (let level = 0; level < 98; level++) value = [value];
    expect(fixValue(value)).toEqual({ storable: true, immutable: true });
    expect(fixValue([value])).toMatchObject({ storable: false });
    expect(isKnownImmutable([value])).toBe(false);
  });

  test('what is too deep only by the second way to a shared part', () => {
    const shared = new Map([[1, nest(500)]]);
    let long: unknown = shared;
    for (let level = 0; level < 499; level++) long = [long];
    expect(fixValue([shared, long])).toMatchObject({ storable: false });
    expect(fixValue(long)).toEqual({ storable: true, immutable: false });
  });
});

describe('fixValue accepts', () => {
  test.each<[string, unknown]>([
    ['null', null],
    ['undefined', undefined],
    ['-0', -0],
    ['a bigint', 2n ** 200n],
    ['half a character', '\ud800'],
    ['plain data', { a: [1, { b: undefined }], ['__proto__']: { c: null } }],
    ['an object without a prototype', Object.assign(Object.create(null), { a: 1 })],
    ['what is frozen already', Object.freeze({ a: Object.freeze([1]) })],
    ['1,000 levels', nest(1_000)],
  ])('%s, as immutable', (_, value) => {
    expect(fixValue(value)).toEqual({ storable: true, immutable: true });
    expect(isKnownImmutable(value)).toBe(true);
  });

  test.each<[string, unknown]>([
    ['a Map', new Map<unknown, unknown>([[{ a: 1 }, [1]]])],
    ['a Set', new Set([1])],
    ['a Date', new Date(NaN)],
    ['bytes', new Uint8Array(2)],
    ['a Buffer', Buffer.from('abc')],
    ['a view of part of a buffer', new Float64Array(new ArrayBuffer(32), 8, 2)],
    ['an ArrayBuffer', new ArrayBuffer(2)],
    ['an empty ArrayBuffer', new ArrayBuffer(0)],
    ['no bytes', new Uint8Array(0)],
    ['a DataView', new DataView(new ArrayBuffer(2))],
  ])('%s, as mutable, and so is what holds it', (_, value) => {
    for (const each of [value, { a: [value] }, new Map([[1, value]])]) {
      expect(fixValue(each)).toEqual({ storable: true, immutable: false });
      expect(isKnownImmutable(each)).toBe(false);
    }
  });

  test('a part that stands at two places, in time that does not double with each level', () => {
    for (const bottom of [1, new Set([1])]) {
      let value: unknown = [bottom];
      for (let level = 0; level < 60; level++) value = [value, value];
      expect(fixValue(value)).toMatchObject({ storable: true });
    }
  });
});

describe('fixValue freezes', () => {
  test('plain data all the way down, in Maps and Sets too', () => {
    const inner = { list: [{ a: 1 }] };
    const value = { inner, map: new Map([[{ k: 1 }, [1]]]), set: new Set([{ m: 1 }]) };
    fixValue(value);
    const parts = [value, inner, inner.list, inner.list[0], ...value.map.keys(), ...value.map.values(), ...value.set];
    expect(parts.map((part) => Object.isFrozen(part))).toEqual(parts.map(() => true));
    expect(() => inner.list.push({ a: 2 })).toThrow(TypeError);
  });

  test('what is beside, below and above something that cannot be stored, and leaves that alone', () => {
    const point = Object.assign(new Point(), { mine: {} });
    const proxied = { a: 1 };
    const value = { before: {}, point, proxy: new Proxy(proxied, {}), [symbol]: {}, list: Object.assign([{}], { extra: {} }), after: {} };
    Object.defineProperty(value, 'hidden', { value: {} });
    expect(fixValue(value)).toMatchObject({ storable: false });
    const frozen = [value, value.before, value[symbol], value.list, value.list[0], value.list.extra, value.after];
    expect(frozen.map((part) => Object.isFrozen(part))).toEqual(frozen.map(() => true));
    expect([point, point.mine, proxied].map((part) => Object.isFrozen(part))).toEqual([false, false, false]);
  });

  test('below 1,000 levels too', () => {
    const bottom = { a: 1 };
    let value: unknown = bottom;
    for (let level = 0; level < 5_000; level++) value = { value };
    fixValue(value);
    expect(Object.isFrozen(bottom)).toBe(true);
  });
});

describe('what is remembered', () => {
  test('a value found immutable is not walked again', () => {
    const list = Array.from({ length: 100_000 }, (_, id) => ({ id }));
    expect(isKnownImmutable(list)).toBe(false);
    fixValue({ list });
    expect(isKnownImmutable(list)).toBe(true);
    expect(isKnownImmutable(list[7])).toBe(true);
  });

  test('a value that can change is', () => {
    const map = new Map<string, unknown>([['a', 1]]);
    const value = Object.freeze({ map });
    expect(fixValue(value)).toEqual({ storable: true, immutable: false });
    map.set('b', boom);
    expect(fixValue(value)).toEqual({ storable: false, path: '$.map{"b"}', problem: 'a function' });
  });

  test('a part found immutable beside something that cannot be stored is', () => {
    const part = { a: [1] };
    fixValue([boom, part]);
    expect(isKnownImmutable(part)).toBe(true);
    expect(isKnownImmutable(boom)).toBe(false);
  });

  test('nothing of a cycle is', () => {
    const value = cycle();
    fixValue(value);
    expect(isKnownImmutable(value)).toBe(false);
    expect(fixValue(value)).toMatchObject({ problem: 'part of a cycle' });
  });
});
