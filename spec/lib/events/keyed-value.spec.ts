import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodedOn, encodeKeyed, decodeEncoded, pieceAddresses, readStored } from '../../../lib/events/keyed-value.ts';
import { forgetRows } from '../../../lib/events/recent-rows.ts';
import { encodeStorable } from '../../../lib/events/store.ts';
import type { StoredValue, StorePort } from '../../../lib/events/store-port.ts';
import type { Key } from '../../../lib/kernel/keyed/key.ts';
import { Keyed, keyed } from '../../../lib/kernel/keyed/keyed.ts';
import { fixValue } from '../../../lib/kernel/value/fix.ts';
import { address } from '../../../lib/kernel/value/version.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { memoryPort } from '../../../lib/memory/memory-port.ts';
import { edited } from '../../laws/keyed-world.ts';
import { edits, row, type Row } from '../delta/arbitraries.ts';

function numbers(count: number, step = 1): Keyed<number, { readonly n: number }> {
  return keyed(Array.from({ length: count }, (_, key) => [key * step, { n: key }] as const));
}

function encoded(rows: Keyed<Key, unknown>): ReturnType<typeof encodeStorable> {
  fixValue(rows);
  return encodeStorable(rows);
}

/** Every piece, the value itself first. */
function piecesIn(value: StoredValue): readonly StoredValue[] {
  return [value, ...(value.pieces?.() ?? []).flatMap(piecesIn)];
}

async function read(port: StorePort, at: string): Promise<unknown> {
  const found = await readStored(port, at, { codecs: new Map(), place: () => ({ what: 'a test', details: {} }) });
  return 'value' in found ? found.value : found;
}

describe('keyed rows as stores keep them', () => {
  test('are in pieces at the hashes of their bytes, and their own version', () => {
    const rows = numbers(3000);
    const value = encoded(rows);
    expect(value.version).toBe(rows.version);
    const pieces = piecesIn(value);
    for (const piece of pieces) expect(piece.address).toBe(address(piece.bytes));
    expect(value.size).toBe(pieces.reduce((sum, { bytes }) => sum + bytes.length, 0));
    expect(pieces.flatMap(({ bytes }) => pieceAddresses(bytes))).toEqual(
      expect.arrayContaining(pieces.slice(1).map((piece) => piece.address)),
    );
  });

  test('are one ordinary value where they are few', () => {
    const value = encoded(numbers(5));
    expect(value.pieces).toBeUndefined();
    expect(decodeEncoded(value)).toMatchObject({ version: value.version });
  });

  test('cost a store three pieces where one row in 10,000 changes', async () => {
    const port = memoryPort();
    const before = numbers(10_000);
    await port.append({ events: [], values: [encoded(before)] });
    let asked = 0;
    const counting = (value: StoredValue): StoredValue => ({
      address: value.address,
      get bytes() {
        asked += 1;
        return value.bytes;
      },
      pieces: () => (value.pieces?.() ?? []).map(counting),
    });
    await port.append({ events: [], values: [counting(encoded(before.set(5000, { n: -1 })))] });
    expect(asked).toBeLessThanOrEqual(4);
    expect(asked).toBeGreaterThan(1);
  });

  test('are read as they were, after any changes, in a process that knows nothing of them', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 300 }), fc.array(edits(row), { maxLength: 4 }), async (size, history) => {
        const port = memoryPort();
        let rows: Keyed<Key, Row> = keyed(Array.from({ length: size }, (_, key) => [key, { to: key, n: key }] as const));
        const versions = [rows];
        for (const made of history) versions.push((rows = edited(rows, made)));
        for (const each of versions) await port.append({ events: [], values: [encoded(each)] });
        forgetRows();
        for (const each of versions) {
          const back = await read(port, encoded(each).address);
          expect(back).toBeInstanceOf(Keyed);
          expect([...(back as Keyed<Key, Row>)]).toEqual([...each]);
          expect((back as Keyed<Key, Row>).version).toBe(each.version);
        }
      }),
      { numRuns: 40 },
    );
  });

  test('share in memory what they share in the store, so that what changed is found without a look at the rest', async () => {
    const port = memoryPort();
    const before = numbers(5000);
    const after = before.set(77, { n: 0 });
    const [first, second] = [encoded(before), encoded(after)];
    await port.append({ events: [], values: [first, second] });
    forgetRows();
    const older = await read(port, first.address);
    let asked = 0;
    const counting: StorePort = {
      ...port,
      label: 'counting',
      append: port.append.bind(port),
      head: port.head.bind(port),
      read: port.read.bind(port),
      readable: port.readable.bind(port),
      lastSettled: port.lastSettled.bind(port),
      missed: port.missed.bind(port),
      runs: port.runs.bind(port),
      close: port.close.bind(port),
      values: (addresses) => {
        asked += addresses.length;
        return port.values(addresses);
      },
    };
    const newer = await read(counting, second.address);
    expect(asked).toBeLessThanOrEqual(4);
    expect((newer as typeof after).diff(older as typeof before).changes).toEqual([{ key: 77, old: { n: 77 }, new: { n: 0 } }]);
    // The very same objects, once they were read.
    expect(await read(port, second.address)).toBe(newer);
  });

  test('are gone where a piece is', async () => {
    const port = memoryPort();
    const value = encoded(numbers(500));
    const [, lost] = piecesIn(value);
    await port.append({ events: [], values: [value] });
    const losing: StorePort = Object.assign(Object.create(port) as StorePort, {
      values: async (addresses: readonly string[]) =>
        (await port.values(addresses)).map((bytes, at) => (addresses[at] === lost?.address ? undefined : bytes)),
    });
    forgetRows();
    expect(await read(losing, value.address)).toEqual({ gone: lost?.address });
  });

  test('cannot be read where a piece is not what another says of it', async () => {
    const port = memoryPort();
    const value = encoded(numbers(500));
    const [, first, second] = piecesIn(value);
    await port.append({ events: [], values: [value] });
    const swapping: StorePort = Object.assign(Object.create(port) as StorePort, {
      values: (addresses: readonly string[]) => port.values(addresses.map((at) => (at === first?.address ? (second?.address ?? at) : at))),
    });
    forgetRows();
    await expect(read(swapping, value.address)).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  });

  test('with what cannot be frozen are kept as they were, and never shared between readers', async () => {
    const store = memoryStore();
    const at = new Date(0);
    const rows = keyed(Array.from({ length: 100 }, (_, key) => [key, { key, at }] as const));
    const putting = store.put('dated', rows);
    at.setTime(5);
    await putting;
    const one = (await store.value('dated')) as typeof rows;
    one.get(3)?.at.setTime(9);
    const other = (await store.value('dated')) as typeof rows;
    expect(other.get(3)?.at.getTime()).toBe(0);
    expect(other.version).toBe(rows.version);
    const value = encodeKeyed(rows);
    expect((decodeEncoded(value) as typeof rows).get(99)?.at.getTime()).toBe(0);
  });

  test('share with the version before what both have in common, also where they were built anew', async () => {
    const rows = numbers(3000);
    const [before, after] = [encoded(rows), encoded(rows.set(5, { n: 0 }))];
    const built = encoded(keyed([...numbers(3000).set(5, { n: 0 })].toReversed().map(([key, each]) => [key, { ...each }] as const)));
    const common = (value: StoredValue): number => {
      const others = new Set(piecesIn(before).map((piece) => piece.address));
      return piecesIn(value).filter((piece) => others.has(piece.address)).length;
    };
    expect(common(encodedOn(before.address, built))).toBeGreaterThan(piecesIn(before).length - 5);
    expect(encodedOn(before.address, after)).toBe(after);
    expect(encodedOn(null, built)).toBe(built);
  });
});
