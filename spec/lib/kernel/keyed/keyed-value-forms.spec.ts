import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { delta } from '../../../../lib/kernel/keyed/delta.ts';
import { emptyKeyed, Keyed, keyed } from '../../../../lib/kernel/keyed/keyed.ts';
import { shareRows } from '../../../../lib/kernel/keyed/share-rows.ts';
import { canonicalBytes, encodeValue } from '../../../../lib/kernel/value/canonical.ts';
import { copiesOf } from '../../../../lib/kernel/value/copies.ts';
import { decodeValue } from '../../../../lib/kernel/value/decode.ts';
import { fixValue, isKnownImmutable } from '../../../../lib/kernel/value/fix.ts';
import { dataVersion } from '../../../../lib/kernel/value/version.ts';
import { table, value } from '../../delta/arbitraries.ts';

describe('keyed rows are a value', () => {
  test('that comes back as it was, wherever it stands', () => {
    fc.assert(
      fc.property(table(value), (rows) => {
        const around = { rows, list: [rows], map: new Map([['rows', rows]]) };
        const back = decodeValue(encodeValue(around));
        expect(dataVersion(back)).toBe(dataVersion(around));
        const [read] = (back as typeof around).list;
        expect(read).toBeInstanceOf(Keyed);
        expect([...(read ?? [])]).toEqual([...rows]);
        expect(read?.version).toBe(rows.version);
      }),
    );
  });

  test('with the same bytes for the same rows, however they came to be', () => {
    fc.assert(
      fc.property(table(value), (rows) => {
        const other = keyed([...rows].toReversed().map(([key, row]) => [key, row] as const));
        expect(Buffer.from(canonicalBytes(other))).toEqual(Buffer.from(canonicalBytes(rows)));
        expect(Buffer.from(encodeValue(other))).toEqual(Buffer.from(encodeValue(rows)));
      }),
    );
  });

  test('that is known to be immutable where its rows are, and only there', () => {
    const [frozen, dated] = [keyed([['a', { n: 1 }]]), keyed([['a', { at: new Date(0) }]])];
    expect(fixValue(frozen)).toEqual({ storable: true, immutable: true });
    expect(isKnownImmutable(frozen)).toBe(true);
    expect(fixValue({ dated })).toEqual({ storable: true, immutable: false });
    expect(isKnownImmutable(dated)).toBe(false);
    expect(fixValue(frozen.set('b', { n: 2 }))).toEqual({ storable: true, immutable: true });
    expect(Object.isFrozen(frozen)).toBe(true);
  });

  test('also where so much was fixed since that the rows are forgotten', () => {
    const rows = keyed([['a', { n: 1 }]]);
    fixValue(Array.from({ length: 2 ** 19 }, () => ({})));
    expect(isKnownImmutable(rows.get('a'))).toBe(false);
    expect(fixValue(rows.set('b', { n: 2 }))).toEqual({ storable: true, immutable: true });
  });

  test('whose rows are those that it was given, whatever becomes of what cannot be frozen', () => {
    const at = new Date(0);
    const rows = keyed([['a', { b: 1, at }]]);
    const [bytes, { version }] = [Buffer.from(encodeValue(rows)), rows];
    at.setTime(5);
    expect(Buffer.from(encodeValue(rows))).toEqual(bytes);
    expect(decodeValue(bytes)).toMatchObject({ version });
    expect(keyed([['a', { b: 1, at: new Date(0) }]]).version).toBe(version);
  });

  test('that is as deep as its rows', () => {
    const deep = (levels: number): unknown => Array.from({ length: levels }).reduce<unknown>((inner) => [inner], 0);
    expect(fixValue(keyed([['a', deep(999)]])).storable).toBe(true);
    expect(fixValue([keyed([['a', deep(999)]])])).toEqual({ storable: false, path: '$[0]', problem: 'nested deeper than 1,000 levels' });
  });

  test('of which copies are made where something in it can change', () => {
    const at = new Date(0);
    const copies = copiesOf({ rows: keyed([['a', { at }]]) });
    at.setTime(5);
    const [first, second] = [copies()['rows'], copies()['rows']] as readonly Keyed<string, { readonly at: Date }>[];
    first?.get('a')?.at.setTime(7);
    expect(second?.get('a')?.at.getTime()).toBe(0);
  });

  test('that no other object can pass for', () => {
    const pretender: unknown = Object.create(Keyed.prototype);
    expect(fixValue(pretender)).toMatchObject({ storable: false });
    expect(() => Object.assign(emptyKeyed(), { extra: 1 })).toThrow(TypeError);
  });
});

describe('rows are set and deleted', () => {
  test('one at a time, leaving the collection before as it was', () => {
    const before = keyed([
      ['a', 1],
      ['b', 2],
    ]);
    expect([...before.set('a', 5).set('c', 3).delete('b')]).toEqual([
      ['a', 5],
      ['c', 3],
    ]);
    expect(before.size).toBe(2);
    expect(before.set('a', 1)).toBe(before);
    expect(before.delete('z')).toBe(before);
    expect(keyed<number, number>([]).set(-0, 1).get(0)).toBe(1);
  });

  test('as keyed() takes them in', () => {
    expect(() => keyed([['a', 1]]).set({} as string, 1)).toThrow(expect.objectContaining({ code: 'ROW_KEY_INVALID' }));
    expect(() => keyed<string, unknown>([]).set('a', () => 1)).toThrow(expect.objectContaining({ code: 'ROW_NOT_STORABLE' }));
    expect(() => keyed<string, unknown>([['a', 1]]).set('a', undefined)).toThrow(expect.objectContaining({ code: 'ROW_NOT_STORABLE' }));
  });
});

describe('shareRows', () => {
  const numbers = (count: number, odd = -1): Keyed<number, number> =>
    keyed(Array.from({ length: count }, (_, key) => [key, key === odd ? -1 : key] as const));

  test('gives the same rows, in the tree of the earlier ones but for what changed', () => {
    const [earlier, later] = [numbers(2000), numbers(2000, 700)];
    const shared = shareRows(later, earlier);
    expect(shared.version).toBe(later.version);
    // Only a structure that is shared makes this the very same again.
    expect(shared.apply(earlier.diff(shared)).diff(earlier).size).toBe(0);
    expect(shared).not.toBe(later);
    const next = shared.apply(delta([{ key: 3, old: 3, new: 4 }]));
    expect(shareRows(next, shared)).toBe(next);
  });

  test('gives few rows back as they are', () => {
    const later = numbers(10, 3);
    expect(shareRows(later, numbers(10))).toBe(later);
  });
});
