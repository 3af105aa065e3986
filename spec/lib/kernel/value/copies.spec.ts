import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fixValue } from '../../../../lib/kernel/value/fix.ts';
import { copiesOf } from '../../../../lib/kernel/value/copies.ts';

/** Every kind that cannot be frozen, and what a body may do to it. */
const kinds: readonly (readonly [kind: string, make: () => object, spoil: (value: never) => unknown])[] = [
  [
    'a Map',
    () =>
      new Map<unknown, unknown>([
        ['b', 1],
        ['a', 2],
      ]),
    (value: Map<string, number>) => value.set('c', 3).delete('b'),
  ],
  ['a Set', () => new Set(['b', 'a']), (value: Set<string>) => value.clear()],
  ['a Date', () => new Date(5), (value: Date) => value.setTime(6)],
  ['an invalid Date', () => new Date(NaN), (value: Date) => value.setTime(6)],
  ['a Buffer', () => Buffer.from('héllo'), (value: Buffer) => value.fill(0)],
  ['a part of a Buffer', () => Buffer.from('xhéllox').subarray(1, 7), (value: Buffer) => value.fill(0)],
  ['bytes', () => new Uint8Array([1, 2]), (value: Uint8Array) => value.fill(0)],
  ['no bytes', () => new Uint8Array([]), () => 0],
  ['clamped bytes', () => new Uint8ClampedArray([1, 2]), (value: Uint8ClampedArray) => value.fill(0)],
  [
    'shorts that start within a buffer',
    () => new Int16Array(new Int16Array([9, -1, 2, 9]).buffer, 2, 2),
    (value: Int16Array) => value.fill(0),
  ],
  ['floats', () => new Float64Array([NaN, -0, 1.5]), (value: Float64Array) => value.fill(0)],
  ['big integers', () => new BigInt64Array([1n, -2n]), (value: BigInt64Array) => value.fill(0n)],
  ['a buffer', () => new Uint8Array([1, 2]).buffer, (value: ArrayBuffer) => new Uint8Array(value).fill(0)],
  ['a view of a buffer', () => new DataView(new Uint8Array([9, 1, 2]).buffer, 1), (value: DataView) => value.setInt8(0, 7)],
];

const prototypeOf = (value: unknown): unknown => Object.getPrototypeOf(value);
/** Spoils a value, of whichever kind. */
const spoilIt = (spoil: (value: never) => unknown, value: unknown): unknown => Reflect.apply(spoil, undefined, [value]);

describe('the inputs of every attempt are the very same', () => {
  test.each(kinds)('%s that a body changed', (_, make, spoil) => {
    const first = { x: make() };
    const again = copiesOf(first);
    spoilIt(spoil, first.x);
    for (let attempt = 2; attempt <= 4; attempt += 1) {
      const inputs = again();
      expect(inputs).toStrictEqual({ x: make() });
      expect(prototypeOf(inputs['x'])).toBe(prototypeOf(first.x));
      expect(Object.isFrozen(inputs)).toBe(true);
      spoilIt(spoil, inputs['x']);
    }
  });

  test.each(kinds)('%s inside of a list, a record, a Map and a Set', (_, make, spoil) => {
    const first = { list: [1, { deep: make() }], map: new Map([[make(), make()]]), set: new Set([make()]) };
    const again = copiesOf(first);
    const spoilAll = (inputs: typeof first): void => {
      spoilIt(spoil, Reflect.get(Object(inputs.list[1]), 'deep'));
      for (const [key, value] of inputs.map) for (const each of [key, value]) spoilIt(spoil, each);
      for (const each of inputs.set) spoilIt(spoil, each);
    };
    spoilAll(first);
    for (let attempt = 2; attempt <= 3; attempt += 1) {
      const inputs = again() as typeof first;
      expect(inputs).toStrictEqual({ list: [1, { deep: make() }], map: new Map([[make(), make()]]), set: new Set([make()]) });
      expect(Object.isFrozen(inputs.list)).toBe(true);
      expect(Object.isFrozen(inputs.list[1])).toBe(true);
      spoilAll(inputs);
    }
  });

  test('entries, members and properties come in the order of the first attempt', () => {
    const again = copiesOf({ map: new Map([['z', 1], ['a', 2]]), set: new Set(['z', 'a']), record: { z: new Date(0), a: 1 } }); // prettier-ignore
    expect(JSON.stringify(Object.values(again()).map((value) => [...(value instanceof Map ? value.keys() : value instanceof Set ? value : Object.keys(Object(value)))]))).toBe('[["z","a"],["z","a"],["z","a"]]'); // prettier-ignore
  });

  test('what was one object is one object, across inputs too', () => {
    const shared = new Map([['a', 1]]);
    const again = copiesOf({ x: shared, xs: Object.freeze([shared, shared]) });
    const { x, xs } = again() as { x: unknown; xs: readonly unknown[] };
    expect(x).not.toBe(shared);
    expect(xs[0]).toBe(x);
    expect(xs[1]).toBe(x);
    expect(again()['x']).not.toBe(x);
  });

  test('objects without a prototype, and properties that objects have anyway, stay what they are', () => {
    const bare: object = Object.assign(Object.create(null), { at: new Date(1) });
    const odd: unknown = Object.defineProperty({ at: new Date(1) }, '__proto__', { value: 7, enumerable: true });
    fixValue(odd);
    const inputs = copiesOf({ bare, odd })();
    expect(prototypeOf(inputs['bare'])).toBe(null);
    expect(Object.keys(Object(inputs['odd']))).toEqual(['at', '__proto__']);
    expect(prototypeOf(inputs['odd'])).toBe(Object.prototype);
  });
});

describe('what need not be copied is not', () => {
  test('inputs that cannot change are passed on as they are', () => {
    const inputs = { n: 1, text: 'a', gone: undefined, record: { deep: [1, { x: 2 }] }, list: [1, 2] };
    expect(copiesOf(inputs)()).toBe(inputs);
  });

  test('nor is frozen data beside, or inside of, what can', () => {
    const frozen = Object.freeze({ a: Object.freeze([1]) });
    const inputs = copiesOf({ frozen, map: new Map([['key', frozen]]), n: 1 })();
    expect(inputs['frozen']).toBe(frozen);
    expect((inputs['map'] as Map<string, unknown>).get('key')).toBe(frozen);
    expect(inputs['n']).toBe(1);
  });

  test('what no store could keep passes by reference', () => {
    class Client {}
    const inputs = { client: new Client(), run: () => 1, both: new Map([['client', new Client()]]), at: new Date(1) };
    const again = copiesOf(inputs)();
    for (const name of ['client', 'run', 'both'] as const) expect(again[name]).toBe(inputs[name]);
    expect(again['at']).not.toBe(inputs.at);
    expect(again['at']).toEqual(inputs.at);
  });
});

test('any storable value comes out equal to what it was, and shares nothing that can change', () => {
  const leaf = fc.oneof(
    fc.constantFrom(null, undefined, true, -0, NaN, 1n, ''),
    fc.double(),
    fc.string(),
    fc.date(),
    fc.uint8Array({ maxLength: 3 }),
    fc.uint8Array({ maxLength: 3 }).map((bytes) => Buffer.from(bytes)),
  );
  const { value: values } = fc.letrec((tie) => ({
    value: fc.oneof({ maxDepth: 4 }, leaf, tie('list'), tie('record'), tie('map'), tie('set')),
    list: fc.array(tie('value'), { maxLength: 3 }),
    record: fc.dictionary(fc.string({ maxLength: 3 }), tie('value'), { maxKeys: 3 }),
    map: fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 3 }).map((entries) => new Map(entries)),
    set: fc.array(tie('value'), { maxLength: 3 }).map((members) => new Set(members)),
  }));
  const changeable = (value: unknown, found = new Set<unknown>()): Set<unknown> => {
    if (typeof value !== 'object' || value === null) return found;
    if (!Object.isFrozen(value)) found.add(value);
    const parts = value instanceof Map ? [...value].flat() : value instanceof Set ? [...value] : ArrayBuffer.isView(value) ? [] : Object.values(value); // prettier-ignore
    for (const part of parts) changeable(part, found);
    return found;
  };
  fc.assert(
    fc.property(values, values, (x, y) => {
      const inputs = { x, y };
      const again = copiesOf(inputs);
      const [second, third] = [again(), again()];
      expect(second).toStrictEqual(inputs);
      expect(third).toStrictEqual(inputs);
      const seen = [inputs, second, third].map((each) => [...changeable(each['x']), ...changeable(each['y'])]);
      const all = seen.flatMap((each) => [...new Set(each)]);
      expect(new Set(all).size).toBe(all.length);
    }),
    { seed: 5, numRuns: 300 },
  );
});
