import { from, map } from 'rxjs';
import { describe, expectTypeOf, test } from 'vitest';
import { asset, emit, input, op, output, testOp, type StateDraft } from '../../index.ts';

describe('the state of an op', () => {
  test('is what its initial one is, to be changed', () => {
    const rows = (): { readonly rows: readonly { readonly n: number }[]; readonly names: ReadonlyMap<string, ReadonlySet<string>> } => ({
      rows: [],
      names: new Map(),
    });
    op({
      name: 'a',
      inputs: { x: input<number>() },
      state: { initial: rows },
      run: ({ x }, { state, attempt }) => {
        expectTypeOf(x).toEqualTypeOf<number>();
        expectTypeOf(attempt).toEqualTypeOf<number>();
        expectTypeOf(state).toEqualTypeOf<{ rows: { n: number }[]; names: Map<string, Set<string>> }>();
        state.rows.push({ n: x });
        // @ts-expect-error another type
        state.rows.push({ n: 'x' });
        return state.rows.length;
      },
    });
  });

  test('is inferred from the literal, in every form of body', () => {
    const state = { initial: () => ({ n: 0 }) };
    const single = op({ name: 'a', state: { initial: () => ({ seen: 0 }) }, run: (_, context) => (context.state.seen += 1) });
    expectTypeOf(testOp(single)).toEqualTypeOf<Promise<number>>();
    op({ name: 'a', state, run: async (_, context) => (context.state.n += 1) });
    op({ name: 'a', state, outputs: { x: output<number>() }, run: (_, context) => ({ x: (context.state.n += 1) }) });
    op({
      name: 'a',
      state,
      outputs: { x: output<number>() },
      *run(_, context) {
        yield emit('x', (context.state.n += 1));
      },
    });
    op({
      name: 'a',
      state,
      outputs: { x: output<number>() },
      run: (_, context) => from([1]).pipe(map((x) => emit('x', (context.state.n += x)))),
    });
    op({ name: 'a', state, operator: (frames, context) => frames.pipe(map(() => (context.state.n += 1))) });
    asset({ key: 'a', state, run: (_, context) => (context.state.n += 1) });
  });

  test('is only there where it is declared, and has parts', () => {
    // @ts-expect-error no state is declared
    op({ name: 'a', run: (_, { state }) => state });
    // @ts-expect-error a number cannot be changed in place
    op({ name: 'a', state: { initial: () => 1 }, run: () => 1 });
  });

  test('may be given to a test, as it is', () => {
    const counts = op({ name: 'a', state: { initial: () => ({ seen: 0 }) }, run: () => 1 });
    void testOp(counts, { state: { seen: 1 }, onState: (state) => expectTypeOf(state).toEqualTypeOf<{ seen: number }>() });
    // @ts-expect-error another state
    void testOp(counts, { state: { seen: '1' } });
  });

  test('leaves alone what only can be replaced', () => {
    expectTypeOf<StateDraft<{ readonly at: Date; readonly bytes: Uint8Array; readonly pair: readonly [number, string] }>>().toEqualTypeOf<{
      at: Date;
      bytes: Uint8Array;
      pair: [number, string];
    }>();
  });
});
