import { describe, expect, test } from 'vitest';
import { asset, define, op, type AnyOp } from '../../../index.ts';
import { poolsProblem } from '../../../lib/model/pools.ts';
import { expectRefusal } from './refusal.ts';
import { untyped } from './untyped.ts';

describe('sizes of pools', () => {
  test('are whole numbers from 1, by name', () => {
    for (const sizes of [{}, { api: 1 }, { api: 3, disk: 100 }, Object.fromEntries([['__proto__', 2]])])
      expect(poolsProblem(sizes)).toBeUndefined();
    const cases: readonly (readonly [unknown, string])[] = [
      [5, 'is a number. Give a record of pool name to the number of steps that may run at the same time.'],
      [[3], 'is an array.'],
      [new Map([['api', 3]]), 'is a Map.'],
      [undefined, 'is undefined.'],
      [{ api: 0 }, 'gives pool "api" the size 0. Give a whole number from 1.'],
      [{ api: -1 }, 'the size -1.'],
      [{ api: 1.5 }, 'the size 1.5.'],
      [{ api: NaN }, 'the size NaN.'],
      [{ api: Infinity }, 'the size Infinity.'],
      [{ api: '3' }, 'the size "3".'],
      [{ api: undefined }, 'the size undefined.'],
      [{ disk: 1, api: null }, 'gives pool "api" the size null.'],
      [{ api: { size: 3 } }, 'the size an object.'],
    ];
    for (const [given, words] of cases) expect(poolsProblem(given)).toContain(words);
  });

  test('are checked by define, and copied', () => {
    const sizes = { api: 3 };
    const { pools } = define({ assets: [], pools: sizes });
    sizes.api = 9;
    expect([...pools]).toEqual([['api', 3]]);
    expect(() => untyped(Reflect.get(pools, 'set'))('api', 1)).toThrow(TypeError);
    expect(define({ assets: [] }).pools.size).toBe(0);
    expectRefusal(
      () => untyped(define)({ assets: [], pools: { api: 0 } }),
      'INVALID_DEFINITION',
      'define(): "pools" gives pool "api" the size 0.',
    );
    expectRefusal(() => untyped(define)({ assets: [], pools: 3 }), 'INVALID_DEFINITION', 'define(): "pools" is a number.');
  });
});

describe('the limits of an op', () => {
  test('are a pool by name, and how many of its own steps may run', () => {
    const limitsOf = ({ pool, concurrency }: AnyOp): unknown => [pool, concurrency];
    expect(limitsOf(op({ name: 'a', pool: 'api', concurrency: 2, run: () => 1 }))).toEqual(['api', 2]);
    expect(limitsOf(op({ name: 'a', run: () => 1 }))).toEqual([undefined, undefined]);
    const { steps } = define({ assets: [asset({ key: 'a', pool: 'api', concurrency: 1, run: () => 1 })] }).graph;
    expect(steps.map((step) => limitsOf(step.op))).toEqual([['api', 1]]);
  });

  test('are refused where they are none', () => {
    const made = (options: object) => (): unknown => untyped(op)({ name: 'a', run: () => 1, ...options });
    for (const pool of ['', 'a b', 5, null]) expectRefusal(made({ pool }), 'INVALID_NAME');
    for (const concurrency of [0, -1, 1.5, NaN, Infinity, '2', null])
      expectRefusal(made({ concurrency }), 'INVALID_DEFINITION', 'op "a": "concurrency" is ', 'Give a whole number from 1');
  });
});
