import { inspect, isDeepStrictEqual } from 'node:util';
import { encode, Tagged, Token, Type } from 'cborg';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalBytes, encodeValue } from '../../../../lib/kernel/value/canonical.ts';
import { decodeValue } from '../../../../lib/kernel/value/decode.ts';
import { fixValue, isKnownImmutable } from '../../../../lib/kernel/value/fix.ts';
import { address, dataVersion } from '../../../../lib/kernel/value/version.ts';
import { binaryValue, similarValue, storableValue } from '../../../kit/storable-values.ts';

const kinds: readonly (new (buffer: ArrayBuffer) => ArrayBufferView)[] = [
  Uint8Array, Uint8ClampedArray, Uint16Array, Uint32Array, BigUint64Array, Int8Array, Int16Array, Int32Array, BigInt64Array,
  Float32Array, Float64Array, DataView,
]; // prettier-ignore

// Alone it is nothing that a source or an asset could be, and it can be stored all the same.
const value = fc.oneof({ weight: 40, arbitrary: storableValue() }, { weight: 1, arbitrary: fc.constant(undefined) });
const close = similarValue();
const binary = binaryValue();
const key = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('__proto__', 'constructor', 'toString', 'length', ''));

/** The members of one collection, each with an equal one of the other: right because `same` is an equivalence. */
function matches(a: readonly unknown[], b: readonly unknown[]): boolean {
  const rest = [...b];
  return (
    a.length === b.length &&
    a.every((each) => {
      const at = rest.findIndex((other) => same(each, other));
      if (at >= 0) rest.splice(at, 1);
      return at >= 0;
    })
  );
}

/** What equal means, as naively as it can be said. */
function same(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return Object.is(a, b);
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (a instanceof Date && b instanceof Date) return Object.is(a.getTime(), b.getTime());
  if (a instanceof Map && b instanceof Map) return matches([...a], [...b]);
  if (a instanceof Set && b instanceof Set) return matches([...a], [...b]);
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((each, i) => same(each, b[i]));
  if (ArrayBuffer.isView(a) || a instanceof ArrayBuffer) return isDeepStrictEqual(a, b);
  return matches(Object.entries(a), Object.entries(b));
}

/** The same value, every order in it turned around. */
function turned(of: unknown): unknown {
  if (Array.isArray(of)) return of.map(turned);
  if (of instanceof Map) return new Map([...of].toReversed().map(([k, v]) => [turned(k), turned(v)]));
  if (of instanceof Set) return new Set([...of].toReversed().map(turned));
  if (typeof of !== 'object' || of === null || of instanceof Date || of instanceof ArrayBuffer || ArrayBuffer.isView(of)) return of;
  return Object.fromEntries(
    Object.entries(of)
      .toReversed()
      .map(([k, v]) => [k, turned(v)]),
  );
}

const everything = { depth: Infinity, maxArrayLength: Infinity, maxStringLength: Infinity } as const;

/** Whether two values are the same with every order in them. */
function expectTwin(actual: unknown, wanted: unknown): void {
  expect(same(actual, wanted)).toBe(true);
  expect(inspect(actual, everything)).toBe(inspect(wanted, everything));
}

const tagOf = new Map<unknown, number>([64, 68, 69, 70, 71, 72, 77, 78, 79, 85, 86, 0xc103].map((tag, i) => [kinds[i]?.prototype, tag]));

/** The form as cborg writes it: the model that our writer, and any change to it, is held to. */
function model(of: unknown, sorted: boolean): Uint8Array {
  const settings = {
    float64: true,
    mapSorter: (): number => 0,
    typeEncoders: { number: (n: number) => (Object.is(n, -0) ? new Token(Type.float, n) : null) },
  };
  const inOrder = <Item>(items: readonly Item[], shape: (item: Item) => unknown[]): unknown[][] => {
    const shaped = items.map((item) => ({ shapes: shape(item), bytes: Buffer.concat(shape(item).map((each) => encode(each, settings))) }));
    if (sorted) shaped.sort((a, b) => Buffer.compare(a.bytes, b.bytes));
    return shaped.map(({ shapes }) => shapes);
  };
  const magnitude = (n: bigint): Uint8Array => Buffer.from(n === 0n ? '' : n.toString(16).replace(/^(..)*.$/, '0$&'), 'hex');
  const map = (entries: readonly (readonly [unknown, unknown])[]): unknown =>
    new Map(inOrder(entries, ([k, v]) => [shapeOf(k), shapeOf(v)]).map(([k, v]) => [k, v]));
  const shapeOf = (each: unknown): unknown => {
    if (typeof each === 'bigint') return each < 0n ? new Tagged(3, magnitude(-1n - each)) : new Tagged(2, magnitude(each));
    if (typeof each === 'string') {
      return each.startsWith('\ufeff') || /\p{Surrogate}/u.test(each) ? new Tagged(0xc101, Buffer.from(each, 'utf16le')) : each;
    }
    if (typeof each !== 'object' || each === null) return each;
    if (Array.isArray(each)) return each.map(shapeOf);
    if (each instanceof Map) return new Tagged(259, map([...each]));
    if (each instanceof Set) return new Tagged(258, inOrder([...each], (m) => [shapeOf(m)]).flat());
    if (each instanceof Date) return new Tagged(0xc100, each.getTime());
    if (each instanceof ArrayBuffer) return new Tagged(0xc102, new Uint8Array(each));
    if (ArrayBuffer.isView(each)) {
      return new Tagged(tagOf.get(Object.getPrototypeOf(each)) ?? -1, new Uint8Array(each.buffer, each.byteOffset, each.byteLength));
    }
    return map(Object.entries(each));
  };
  return Uint8Array.of(1, ...encode(shapeOf(of), settings));
}

const hex = (of: Uint8Array): string => Buffer.from(of).toString('hex');

const prototypeKeys = Reflect.ownKeys(Object.prototype).length;

/** Whatever the bytes, they are an ordinary value, or refused in words. */
function expectSafe(input: Uint8Array): void {
  let decoded: unknown;
  const message = messageOf(() => (decoded = decodeValue(input)));
  expect(message).toMatch(/^(nothing was thrown$|Not a value in form c1: )/);
  expect(Reflect.ownKeys(Object.prototype)).toHaveLength(prototypeKeys);
  expectTwin(decodeValue(encodeValue(decoded)), decoded);
}

function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return 'nothing was thrown';
}

/** Whether all plain data in it is frozen, down to what is not plain data. */
function isFrozen(of: unknown): boolean {
  if (typeof of !== 'object' || of === null) return true;
  if (!Array.isArray(of) && Object.getPrototypeOf(of) !== Object.prototype) return true;
  return Object.isFrozen(of) && Object.values(of).every(isFrozen);
}

/** Runs a law on many values; what fails is printed with its seed. */
function forAll<Values extends [unknown, ...unknown[]]>(
  runs: number,
  arbitraries: { [I in keyof Values]: fc.Arbitrary<Values[I]> },
  law: (...values: Values) => void,
): void {
  fc.assert(
    fc.property(fc.tuple<Values>(...arbitraries), (values) => {
      law(...values);
    }),
    { numRuns: runs },
  );
}

describe('storing', () => {
  test('gives back what was stored, in the order in which it was written', () => {
    expect.hasAssertions();
    forAll(2_000, [value], (v) => expectTwin(decodeValue(encodeValue(v)), v));
  });

  test('gives back an equal value from canonical bytes too', () => {
    forAll(1_000, [value], (v) => expect(same(decodeValue(canonicalBytes(v)), v)).toBe(true));
  });

  test('gives back plain data frozen and known to be', () => {
    forAll(500, [value], (v) => {
      const back = decodeValue(encodeValue(v));
      expect(isFrozen(back)).toBe(true);
      expect(fixValue(v)).toEqual({ storable: true, immutable: isKnownImmutable(back) });
    });
  });

  test('shares no memory with the bytes that it reads, nor one value with the next', () => {
    forAll(300, [binary], (v) => {
      const stored = encodeValue(v);
      const [first, second] = [decodeValue(stored), decodeValue(stored)];
      stored.fill(255);
      expect(same(first, v)).toBe(true);
      expect(first).not.toBe(second);
    });
  });

  test('writes the bytes that cborg would write', () => {
    forAll(2_000, [value], (v) => {
      expect(hex(encodeValue(v))).toBe(hex(model(v, false)));
      expect(hex(canonicalBytes(v))).toBe(hex(model(v, true)));
    });
  });
});

describe('versions', () => {
  test('are those of equal values, whatever the order', () => {
    forAll(1_000, [value], (v) => expect(dataVersion(turned(v))).toBe(dataVersion(v)));
  });

  test('tell apart what is not equal, and nothing else', () => {
    let equal = 0;
    forAll(10_000, [close, close], (a, b) => {
      if (same(a, b)) equal++;
      expect(dataVersion(a) === dataVersion(b)).toBe(same(a, b));
    });
    // Both sides of the law were met.
    expect(equal).toBeGreaterThan(100);
  });

  test('are the hash of the canonical bytes, remembered or not', () => {
    forAll(500, [value], (v) => {
      const wanted = address(canonicalBytes(v));
      expect([dataVersion(v), dataVersion(v)]).toEqual([wanted, wanted]);
    });
  });
});

describe('whatever comes', () => {
  const anything = fc.anything({
    key, withBigInt: true, withBoxedValues: true, withDate: true, withMap: true, withSet: true, withNullPrototype: true,
    withObjectString: true, withSparseArray: true, withTypedArray: true, withUnicodeString: true,
  }); // prettier-ignore

  test('fixing answers, and what it calls storable is stored', () => {
    let storable = 0;
    forAll(2_000, [anything], (v) => {
      const fixed = fixValue(v);
      const version = (): string => dataVersion(decodeValue(encodeValue(v)));
      if (fixed.storable) storable++;
      const wanted = fixed.storable ? dataVersion(v) : `Not a value that can be stored: what is at ${fixed.path} is ${fixed.problem}.`;
      expect(fixed.storable ? version() : messageOf(version)).toBe(wanted);
    });
    expect(storable).toBeGreaterThan(500);
  });

  test('reading random bytes gives a storable value or says that it cannot', () => {
    expect.hasAssertions();
    forAll(5_000, [fc.uint8Array({ maxLength: 40 })], (tail) => expectSafe(Uint8Array.of(1, ...tail)));
    forAll(1_000, [fc.uint8Array({ maxLength: 40 })], expectSafe);
  });

  test('reading damaged bytes gives a storable value or says that it cannot', () => {
    expect.hasAssertions();
    const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 3 });
    forAll(3_000, [value, damage, fc.nat({ max: 4 })], (v, changes, cut) => {
      const stored = encodeValue(v);
      for (const [at, byte] of changes) stored[at % stored.length] = byte;
      expectSafe(stored.subarray(0, stored.length - cut));
    });
  });
});
