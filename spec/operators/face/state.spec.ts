import { from, lastValueFrom, toArray } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { graph, input, op, runGraph, testOp } from '../../../index.ts';
import { toOperator } from '../../../operators/index.ts';

const sum = op({
  name: 'sum',
  inputs: { x: input<number>() },
  state: { initial: () => ({ seen: 0 }) },
  run: ({ x }, { state }) => {
    state.seen += x;
    if (x < 0) throw new Error('negative');
    return state.seen;
  },
});
const twice = graph('twice', { inputs: { x: input<number>() } }, ({ x }) => ({ a: sum({ x }), b: sum.as('other')({ x }) }));

describe('testOp', () => {
  test('starts from the initial state, or the given one, and tells what is left', async () => {
    const left: unknown[] = [];
    const onState = (state: { seen: number }) => left.push(state);
    expect(await testOp(sum, { inputs: { x: 2 }, onState })).toBe(2);
    expect(await testOp(sum, { inputs: { x: 2 }, state: { seen: 5 }, onState })).toBe(7);
    await expect(testOp(sum, { inputs: { x: -2 }, state: { seen: 5 }, onState })).rejects.toThrow('negative');
    expect(left).toEqual([{ seen: 2 }, { seen: 7 }]);
    expect(Object.isFrozen(left[0])).toBe(true);
  });

  test('refuses a state that is none', async () => {
    // @ts-expect-error a state is what the op's initial one is
    await expect(testOp(sum, { inputs: { x: 2 }, state: 5 })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    await expect(testOp(sum, { inputs: { x: 2 }, state: { seen: 1, get: () => 1 } as { seen: number } })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining('a function at $.get'),
    });
  });

  test('has no state for an op without one', async () => {
    const plain = op({ name: 'plain', run: () => 1 });
    // @ts-expect-error the op keeps no state
    await expect(testOp(plain, { state: { seen: 1 } })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });
});

describe('runGraph', () => {
  test('takes and tells states by step', async () => {
    const left: unknown[] = [];
    expect(await runGraph(twice, { x: 1 }, { state: { other: { seen: 10 } }, onState: (each) => left.push(each) })).toEqual({
      a: 1,
      b: 11,
    });
    expect(left).toEqual([
      { step: 'sum', state: { seen: 1 } },
      { step: 'other', state: { seen: 11 } },
    ]);
    await expect(runGraph(twice, { x: 1 }, { state: { summ: {} } })).rejects.toThrow(
      /names "summ", which is no step that keeps state.*"sum"/,
    );
    // @ts-expect-error no record
    await expect(runGraph(twice, { x: 1 }, { state: 1 })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });
});

describe('toOperator', () => {
  test('remembers from frame to frame, and nothing from one subscription to the next', async () => {
    const operator = toOperator(sum);
    const frames = from([{ x: 1 }, { x: 2 }, { x: 3 }]);
    for (let times = 0; times < 2; times += 1)
      expect(await lastValueFrom(frames.pipe(operator, toArray()))).toEqual([{ result: 1 }, { result: 3 }, { result: 6 }]);
  });
});
