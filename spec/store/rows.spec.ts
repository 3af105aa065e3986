import { crc32 } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { StoreError } from '../../lib/kernel/errors.ts';
import type { Store } from '../../lib/events/store.ts';
import { openLmdb } from '../../store/lmdb-environment.ts';
import { openStore } from '../../store/open-store.ts';
import { record } from '../../store/record.ts';
import { FORMAT, indexKey, META, positionKey, type TableName, type Tables } from '../../store/tables.ts';
import { batchOf, materialized, runEnded, runStarted, sampleKey, sampleValue, stepSettled } from '../kit/sample-events.ts';
import { newFolder } from './folder.ts';

const value = sampleValue('v'.repeat(100));

/** A store with one of everything, closed, then changed by hand, then opened again. */
async function tampered(change: (tables: Tables) => void): Promise<Store> {
  const folder = await newFolder();
  const store = await openStore(folder);
  const events = [
    runStarted(),
    stepSettled(),
    materialized('a', { address: value.address }),
    materialized('b'),
    stepSettled({ step: 'other' }),
    runEnded(),
  ];
  await store.port.append({ ...batchOf(...events), values: [value] });
  await store.close();
  const environment = await openLmdb(folder, { writable: true, label: 'tampering' });
  environment.transact(() => change(environment.tables));
  await environment.close();
  return openStore(folder);
}

/** What is asked of every store below. */
const questions: Readonly<Record<string, (store: Store) => Promise<unknown>>> = {
  head: ({ port }) => port.head(),
  read: ({ port }) => port.read(1, 100),
  readable: ({ port }) => port.readable(['a', 'b'].map(sampleKey), 100),
  lastSettled: ({ port }) =>
    port.lastSettled(
      ['sub.step', 'other'].map((step) => ({ definition: 'graph', step, output: 'result' })),
      100,
    ),
  runs: ({ port }) => port.runs(),
  values: ({ port }) => port.values([value.address]),
};

/** The questions that a changed store refuses to answer; all others must be answered as if nothing had been changed. */
async function refusals(change: (tables: Tables) => void): Promise<readonly string[]> {
  const [whole, changed] = [await tampered(() => undefined), await tampered(change)];
  const refused: string[] = [];
  for (const [name, ask] of Object.entries(questions)) {
    const answer: unknown = await ask(changed).catch((error: unknown) => error);
    const isRefused = answer instanceof StoreError && answer.code === 'STORE_CORRUPT';
    if (isRefused) refused.push(name);
    const expected: unknown = isRefused ? answer : await ask(whole);
    expect(answer, name).toStrictEqual(expected);
  }
  await Promise.all([whole.close(), changed.close()]);
  return refused;
}

function flip(tables: Tables, name: TableName, { row, byte }: { row: number; byte: number }): void {
  const { key, value: bytes } = [...tables[name].getRange()][row] ?? { key: Buffer.alloc(0), value: Buffer.alloc(0) };
  const changed = Buffer.from(bytes);
  changed[byte < 0 ? bytes.length + byte : byte] = (changed.at(byte) ?? 0) ^ 0x10;
  tables[name].putSync(key, changed);
}

describe('a row that is not as it was written is never read as if it were', () => {
  test('an event with a bit flipped anywhere', async () => {
    for (const byte of [0, 1, 4, 5, 20, -1])
      expect(await refusals((tables) => flip(tables, 'events', { row: 2, byte }))).toEqual(['read', 'readable']);
  });

  test("events in each other's place", async () => {
    const swap = (tables: Tables): void => {
      const [third, fourth] = [3, 4].map((position) => tables.events.get(positionKey(position)) ?? Buffer.alloc(0));
      tables.events.putSync(positionKey(3), fourth ?? Buffer.alloc(0));
      tables.events.putSync(positionKey(4), third ?? Buffer.alloc(0));
    };
    expect(await refusals(swap)).toEqual(['read', 'readable']);
  });

  test('an event that is gone', async () => {
    expect(await refusals((tables) => void tables.events.removeSync(positionKey(2)))).toEqual(['read', 'lastSettled']);
    expect(await refusals((tables) => void tables.events.removeSync(positionKey(1)))).toEqual(['read', 'runs']);
    // Also the last ones, without which the log would only seem to be shorter.
    const removeLast = (tables: Tables): void => {
      const last = [...tables.events.getKeys()].at(-1);
      if (last !== undefined) tables.events.removeSync(last);
    };
    expect(await refusals(removeLast)).toContain('read');
  });

  test('an index that names the wrong event', async () => {
    const to = (table: 'readable' | 'settled', position: number) => (tables: Tables) =>
      tables[table].putSync(indexKey(table === 'settled' ? 1 : 2, position), Buffer.alloc(0));
    for (const position of [4, 5, 6, 99]) expect(await refusals(to('readable', position)), `readable ${position}`).toEqual(['readable']);
    for (const position of [3, 5, 6, 99]) expect(await refusals(to('settled', position)), `settled ${position}`).toEqual(['lastSettled']);
  });

  test('a run, a name or the state with a bit flipped', async () => {
    expect(await refusals((tables) => flip(tables, 'runs', { row: 0, byte: -2 }))).toEqual(['runs']);
    const names = await refusals((tables) => [0, 1, 2, 3, 4].forEach((row) => flip(tables, 'names', { row, byte: 9 })));
    expect(names).toEqual(['readable', 'lastSettled']);
    await expect(tampered((tables) => flip(tables, 'meta', { row: 1, byte: 6 }))).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  });

  test('a value with a bit flipped anywhere', async () => {
    for (const byte of [0, 1, 50, -1]) expect(await refusals((tables) => flip(tables, 'values', { row: 0, byte }))).toEqual(['values']);
  });
});

describe('what a later version may have written', () => {
  const future = (name: string) => (tables: Tables) => {
    const key = positionKey(3);
    tables.events.putSync(key, record('events', key, [name, 'run', 5, 'whatever', { more: true }]));
  };

  test('an event of a kind that is not known is read as unknown, with its kind', async () => {
    const store = await tampered(future('asset-checked'));
    expect((await store.port.read(3, 1))[0]).toStrictEqual({ type: 'unknown', kind: 'asset-checked', position: 3 });
    expect(await store.port.read(1, 100)).toHaveLength(6);
    await store.close();
  });

  test('a store in a later format is refused, also to read', async () => {
    const folder = await newFolder();
    await (await openStore(folder)).close();
    const environment = await openLmdb(folder, { writable: true, label: 'tampering' });
    environment.transact(() => environment.tables.meta.putSync(META.format, Buffer.from(`sluice-store ${FORMAT + 1}`)));
    await environment.close();
    for (const mode of ['write', 'read'] as const)
      await expect(openStore(folder, { mode })).rejects.toMatchObject({
        code: 'STORE_FORMAT',
        details: { found: FORMAT + 1, known: FORMAT },
      });
  });

  test('a record in a later layout is refused', async () => {
    const store = await tampered((tables) => {
      const key = positionKey(2);
      const bytes = Buffer.from(tables.events.get(key) ?? []);
      bytes[0] = 2;
      bytes.writeUInt32LE(crc32(key, crc32('events', crc32(bytes.subarray(5), 2))), 1);
      tables.events.putSync(key, bytes);
    });
    await expect(store.port.read(1, 100)).rejects.toMatchObject({ code: 'STORE_FORMAT' });
    await store.close();
  });
});
