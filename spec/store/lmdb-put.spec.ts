import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { openLmdb, type LmdbEnvironment } from '../../store/lmdb-environment.ts';
import { AT_THE_END, IN_ANY_CASE, putEntry, WHERE_NONE_IS, type PutCondition } from '../../store/lmdb-put.ts';
import type { Table } from '../../store/tables.ts';
import { newFolder } from './folder.ts';

let environment: LmdbEnvironment;

beforeEach(async () => {
  environment = await openLmdb(await newFolder(), { writable: true, label: 'putting' });
});

afterEach(() => environment.close());

const [one, two, three] = [Buffer.of(1), Buffer.of(2), Buffer.of(3)];

function putRow(table: Table, key: Uint8Array, row: Uint8Array, condition: PutCondition = IN_ANY_CASE): boolean {
  return putEntry(table, { space: Buffer.concat([key, row]), start: 0, row: key.length, end: key.length + row.length }, condition);
}

function inTransaction<Result>(body: (table: Table) => Result): Result {
  const results: Result[] = [];
  environment.transact(() => void results.push(body(environment.tables.values)));
  const [result] = results;
  if (result === undefined) throw new Error('the transaction did not run');
  return result;
}

function rows(): readonly (readonly [string, string])[] {
  environment.refresh();
  return [...environment.tables.values.getRange({})].map(({ key, value }) => [key.toString('hex'), value.toString('hex')] as const);
}

describe('a row that is put the short way', () => {
  test('is what lmdb-js reads, for keys and rows of every length', () => {
    const short = fc.uint8Array({ minLength: 1, maxLength: 64 });
    const long = fc.integer({ min: 0, max: 20_000 }).map((length) => new Uint8Array(length).fill(length));
    fc.assert(
      fc.property(short, fc.oneof(fc.uint8Array({ maxLength: 64 }), long), (key, row) => {
        expect(inTransaction((table) => putRow(table, key, row))).toBe(true);
        environment.refresh();
        expect(environment.tables.values.get(Buffer.from(key))).toEqual(Buffer.from(row));
      }),
      { numRuns: 50 },
    );
  });

  test('is a stretch of a space with its key before it, wherever that begins in its buffer', () => {
    const space = Buffer.from(new Uint8Array([9, 8, 7, 6, 5, 4, 3]).buffer, 2);
    inTransaction((table) => putEntry(table, { space, start: 1, row: 2, end: 4 }, AT_THE_END));
    expect(rows()).toEqual([['06', '0504']]);
  });

  test('is not put where its key has one, or is not behind all others, and says so', () => {
    expect(inTransaction((table) => putRow(table, two, one))).toBe(true);
    expect(inTransaction((table) => putRow(table, two, three, WHERE_NONE_IS))).toBe(false);
    expect(inTransaction((table) => putRow(table, one, three, AT_THE_END))).toBe(false);
    expect(rows()).toEqual([['02', '01']]);
    expect(inTransaction((table) => putRow(table, three, three, WHERE_NONE_IS))).toBe(true);
    expect(inTransaction((table) => putRow(table, two, three))).toBe(true);
    expect(rows()).toEqual([
      ['02', '03'],
      ['03', '03'],
    ]);
  });

  test('goes with its transaction', () => {
    const failing = (): void =>
      environment.transact(() => {
        putRow(environment.tables.values, one, one);
        throw new Error('no');
      });
    expect(failing).toThrow('no');
    expect(rows()).toEqual([]);
  });

  test('that LMDB does not take is an error, and nothing of its transaction stays', () => {
    const putTwo = (): void =>
      environment.transact(() => {
        putRow(environment.tables.values, one, one);
        putRow(environment.tables.values, Buffer.alloc(0), one);
      });
    expect(putTwo).toThrow('MDB_BAD_VALSIZE');
    expect(rows()).toEqual([]);
  });

  test('needs a transaction, and a key that there is room for', () => {
    const { values } = environment.tables;
    expect(() => putRow(values, one, one)).toThrow('Sluice bug: rows are put inside of a transaction');
    expect(() => inTransaction((table) => putRow(table, Buffer.alloc(65), one))).toThrow('Sluice bug');
    expect(rows()).toEqual([]);
  });
});
