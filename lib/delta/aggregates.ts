import { printValue } from '../kernel/print.ts';
import type { Aggregate, Aggregates, ResultsOf } from './aggregate.ts';
import { addExactly, roundSum, ZERO_SUM, type ExactSum } from './exact-sum.ts';
import { checkKey, compareKeys, type Key } from '../kernel/keyed/key.ts';

/** How many rows there are. */
export function count(): Aggregate<Key, unknown, number, number> {
  return Object.freeze({
    empty: 0,
    add: (rows: number) => rows + 1,
    remove: (rows: number) => rows - 1,
    result: (rows: number) => rows,
    invertible: true,
  });
}

/** The sum of a number of each row: exact, and rounded once, so that it is the same however the rows came and went. */
export function sum<K extends Key, V>(of: (row: V, key: K) => number): Aggregate<K, V, ExactSum, number> {
  const numberOf = checkedNumber(of, 'sum()');
  return Object.freeze({
    empty: ZERO_SUM,
    add: (total: ExactSum, row: V, key: K) => addExactly(total, numberOf(row, key), 1),
    remove: (total: ExactSum, row: V, key: K) => addExactly(total, numberOf(row, key), -1),
    result: roundSum,
    invertible: true,
  });
}

/** A sum with the number of its parts. */
export interface Mean {
  readonly total: ExactSum;
  readonly rows: number;
}

/** The mean of a number of each row: the exact sum, rounded, by the number of rows. */
export function average<K extends Key, V>(of: (row: V, key: K) => number): Aggregate<K, V, Mean, number> {
  const numberOf = checkedNumber(of, 'average()');
  return Object.freeze({
    empty: { total: ZERO_SUM, rows: 0 },
    add: ({ total, rows }: Mean, row: V, key: K) => Object.freeze({ total: addExactly(total, numberOf(row, key), 1), rows: rows + 1 }),
    remove: ({ total, rows }: Mean, row: V, key: K) => Object.freeze({ total: addExactly(total, numberOf(row, key), -1), rows: rows - 1 }),
    result: ({ total, rows }: Mean) => roundSum(total) / rows,
    invertible: true,
  });
}

/** The best so far, and how many rows have it. */
export interface Extreme<T extends Key> {
  readonly best: T | undefined;
  readonly rows: number;
}

/** The least value of the rows, in the order of keys. Taking away the last row that has it costs a look at the whole group. */
export function min<K extends Key, V, T extends Key>(of: (row: V, key: K) => T): Aggregate<K, V, Extreme<T>, T> {
  return extreme(of, 1);
}

/** The greatest value of the rows, in the order of keys. Taking away the last row that has it costs a look at the whole group. */
export function max<K extends Key, V, T extends Key>(of: (row: V, key: K) => T): Aggregate<K, V, Extreme<T>, T> {
  return extreme(of, -1);
}

function extreme<K extends Key, V, T extends Key>(of: (row: V, key: K) => T, sign: 1 | -1): Aggregate<K, V, Extreme<T>, T> {
  const valueOf = (row: V, key: K): T => checkKey(of(row, key), sign > 0 ? 'The function of min()' : 'The function of max()');
  /** Above 0 where the value is better than the best. */
  const lead = (best: T | undefined, value: T): number => (best === undefined ? 1 : sign * compareKeys(best, value));
  return Object.freeze({
    empty: { best: undefined, rows: 0 },
    add: ({ best, rows }: Extreme<T>, row: V, key: K): Extreme<T> => {
      const value = valueOf(row, key);
      const ahead = lead(best, value);
      return ahead > 0 ? { best: value, rows: 1 } : { best, rows: ahead === 0 ? rows + 1 : rows };
    },
    remove: ({ best, rows }: Extreme<T>, row: V, key: K): Extreme<T> | undefined => {
      if (lead(best, valueOf(row, key)) !== 0) return { best, rows };
      return rows > 1 ? { best, rows: rows - 1 } : undefined;
    },
    result: ({ best }: Extreme<T>) => best,
  });
}

/** Several aggregates of the same rows, as one row with their names. */
export function aggregates<K extends Key, V, const A extends Aggregates<K, V>>(
  each: A & Aggregates<K, V>,
): Aggregate<K, V, readonly unknown[], ResultsOf<A>> {
  const names = Object.keys(each);
  const parts = Object.values<Aggregate<K, V, unknown, unknown>>(each);
  return Object.freeze({
    empty: parts.map(({ empty }) => empty),
    add: (accumulated: readonly unknown[], row: V, key: K) => parts.map((part, at) => part.add(accumulated[at], row, key)),
    remove: (accumulated: readonly unknown[], row: V, key: K) => {
      const next = parts.map((part, at) => part.remove(accumulated[at], row, key));
      return next.includes(undefined) ? undefined : next;
    },
    result: (accumulated: readonly unknown[]) =>
      // A name for each part, in the same order, is what ResultsOf says.
      Object.fromEntries(parts.map((part, at) => [names[at] ?? '', part.result(accumulated[at])])) as ResultsOf<A>,
    invertible: parts.every(({ invertible }) => invertible === true),
  });
}

function checkedNumber<K extends Key, V>(of: (row: V, key: K) => number, where: string): (row: V, key: K) => number {
  return (row, key) => {
    const value: unknown = of(row, key);
    if (typeof value === 'number') return value;
    throw new TypeError(`${where} got ${printValue(value)} for the row under key ${printValue(key)}. Give a number for every row.`);
  };
}
