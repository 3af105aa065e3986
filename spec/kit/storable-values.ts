import fc from 'fast-check';

const views: readonly (new (buffer: ArrayBuffer) => ArrayBufferView)[] = [
  Uint8Array, Uint8ClampedArray, Uint16Array, Uint32Array, BigUint64Array, Int8Array, Int16Array, Int32Array, BigInt64Array,
  Float32Array, Float64Array, DataView,
]; // prettier-ignore

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('a', 'é', '😀', '\0', '"', '\ud800', '\udc00', '\ufeff', '\ufffd') }),
  fc.string({ minLength: 30, maxLength: 34 }),
);

const number = fc.oneof(
  fc.double(),
  fc.maxSafeInteger(),
  fc.integer({ min: -300, max: 300 }),
  fc.constantFrom(0, -0, NaN, Infinity, -Infinity, 2 ** 53, -(2 ** 53), 2 ** 32 - 1, 2 ** 32, -(2 ** 32), 65_535, 65_536, 1e300, 5e-324),
);

const bigint = fc.oneof(
  fc.bigInt(),
  fc.integer({ min: -3, max: 300 }).map(BigInt),
  fc.constantFrom(2n ** 64n, -(2n ** 64n), 2n ** 64n - 1n, -(2n ** 64n) - 1n, 2n ** 1_000n),
);

/** Keys of records, and among them those that are a trap for who copies records. */
const key = fc.oneof(text, fc.constantFrom('__proto__', 'constructor', 'toString', 'hasOwnProperty', '0', '10', 'length', ''));

const bytes = fc.uint8Array({ maxLength: 24 }).map((all) => all.slice(0, all.length - (all.length % 8)).buffer);

const binary = fc.oneof(
  bytes,
  fc.tuple(fc.constantFrom(...views), bytes).map(([View, buffer]) => new View(buffer)),
  // A view in the middle of somebody else's buffer.
  fc.uint8Array({ minLength: 4, maxLength: 9 }).map((all) => all.subarray(1, 3)),
);

/** Buffers, and views of every kind, also in the middle of a buffer. */
export function binaryValue(): fc.Arbitrary<ArrayBuffer | ArrayBufferView> {
  return binary;
}

const { value } = fc.letrec<{ value: unknown; array: unknown[]; object: object; map: Map<unknown, unknown>; set: Set<unknown> }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    fc.constantFrom(null, undefined, true, false),
    number,
    text,
    bigint,
    fc.date({ noInvalidDate: false }),
    binary,
    tie('array'),
    tie('object'),
    tie('map'),
    tie('set'),
  ),
  array: fc.array(tie('value'), { maxLength: 5 }),
  object: fc.array(fc.tuple(key, tie('value')), { maxLength: 5 }).map((entries) => Object.fromEntries(entries)),
  map: fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 5 }).map((entries) => new Map(entries)),
  set: fc.array(tie('value'), { maxLength: 5 }).map((members) => new Set(members)),
}));

const given = value.filter((each) => each !== undefined);

/**
 * Everything that a source or an asset may be without a codec: records, lists, Maps, Sets, dates, big integers, bytes, and every number and text
 * that is hard to keep (−0, NaN, half a surrogate pair, `__proto__`). Shrinks to small and plain values.
 */
export function storableValue(): fc.Arbitrary<unknown> {
  return given;
}

const { close } = fc.letrec<{ close: unknown; pairs: [unknown, unknown][]; list: unknown[] }>((tie) => ({
  close: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom<unknown[]>(null, undefined, false, 0, -0, 1, 1n, '1', '', '\ud800', '\ufffd', '\ufeff', NaN),
    fc.constantFrom(0, 1, NaN).map((time) => new Date(time)),
    fc.constantFrom(...views).map((View) => new View(new ArrayBuffer(8))),
    tie('list'),
    tie('list').map((list) => new Set(list)),
    tie('pairs').map((pairs) => new Map(pairs)),
    tie('list').map((list) => Object.fromEntries(list.map((each, i) => ['ba'[i] ?? 'c', each]))),
    tie('list').map((list) => Object.fromEntries(list.map((each, i) => ['ab'[i] ?? 'c', each]))),
  ),
  list: fc.array(tie('close'), { maxLength: 2 }),
  pairs: fc.array(fc.tuple(tie('close'), tie('close')), { maxLength: 2 }),
}));

/** Few values, chosen to be confused with each other: two of them are often equal, and often all but equal. */
export function similarValue(): fc.Arbitrary<unknown> {
  return close;
}
