import { describe, expect, test } from 'vitest';
import { DecodedValues } from '../../store/decoded-values.ts';

const key = (number: number): Buffer => Buffer.of(number);
const never = (): never => {
  throw new Error('it is there');
};

describe('decoded values', () => {
  test('are kept up to a number of bytes, those longest that were used last', () => {
    const values = new DecodedValues(100);
    for (const number of [1, 2, 3]) values.put(key(number), { value: number, bytes: 30 });
    expect(values.get(key(1), never)).toEqual({ value: 1, bytes: 30 });
    values.put(key(4), { value: 4, bytes: 40 });
    expect(values.bytes).toBe(100);
    expect([1, 3, 4].map((number) => values.get(key(number), never)?.value)).toEqual([1, 3, 4]);
    expect(values.get(key(2), () => ({ value: 'read', bytes: 20 }))).toEqual({ value: 'read', bytes: 20 });
    expect(values.bytes).toBeLessThanOrEqual(100);
  });

  test('count once, however often they are put', () => {
    const values = new DecodedValues(100);
    for (let times = 0; times < 5; times += 1) values.put(key(1), { value: times, bytes: 60 });
    expect([values.bytes, values.get(key(1), never)]).toEqual([60, { value: 4, bytes: 60 }]);
  });

  test('are not kept where one takes all the room', () => {
    const values = new DecodedValues(100);
    values.put(key(1), { value: 1, bytes: 60 });
    values.put(key(2), { value: 2, bytes: 101 });
    expect([values.bytes, values.get(key(1), never)?.value, values.get(key(2), () => undefined)]).toEqual([60, 1, undefined]);
  });

  test('are compared after 0, 1, 2, 4, 8, 16 and every 32 that came to nothing, and each time after one that did not', () => {
    const values = new DecodedValues();
    const tried: number[] = [];
    for (let version = 0; version < 100; version += 1) {
      if (values.isWorthwhile(key(version))) tried.push(version);
      values.note(key(version), key(version + 1), false);
    }
    expect(tried).toEqual([0, 1, 2, 4, 8, 16, 32, 64, 96]);
    values.note(key(100), key(101), true);
    expect(values.isWorthwhile(key(101))).toBe(true);
  });
});
