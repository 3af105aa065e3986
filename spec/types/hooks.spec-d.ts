import { describe, expectTypeOf, test } from 'vitest';
import {
  asset,
  assetsFromGraph,
  define,
  graph,
  materialize,
  op,
  plan,
  run,
  type AssetKey,
  type Hooks,
  type StepError,
} from '../../index.ts';

const hooks: Hooks = {
  onSuccess: (context) => {
    expectTypeOf(context).toEqualTypeOf<{
      readonly runId: string;
      readonly definition: string;
      readonly step: string;
      readonly op: string;
      readonly attempts: number;
    }>();
  },
  onFailure: ({ error, step }) => {
    expectTypeOf(error).toEqualTypeOf<StepError>();
    expectTypeOf(step).toEqualTypeOf<string>();
  },
  onSkip: (context) => {
    // @ts-expect-error nothing failed
    void context.error;
  },
  onMaterialization: (context) => {
    expectTypeOf(context.key).toEqualTypeOf<AssetKey>();
    expectTypeOf(context.output).toEqualTypeOf<string>();
    expectTypeOf(context.version).toEqualTypeOf<string>();
    expectTypeOf(context.metadata).toEqualTypeOf<Readonly<Record<string, unknown>>>();
    expectTypeOf(context.position).toEqualTypeOf<number>();
    // @ts-expect-error a context is read
    context.position = 1;
  },
};

const one = op({ name: 'one', hooks, run: () => 1 });
const rows = graph('rows', { hooks }, () => ({ rows: one() }));
const defs = define({ assets: [assetsFromGraph(rows, { hooks: { rows: hooks } }), asset({ key: 'a', hooks, run: () => 1 })] });

describe('where hooks go', () => {
  test('on ops, graphs, assets and runs', () => {
    void materialize(defs, { hooks });
    run(plan(defs), { hooks });
  });

  test('for outputs that the graph has', () => {
    // @ts-expect-error the graph has "rows"
    assetsFromGraph(rows, { hooks: { row: hooks } });
    // @ts-expect-error hooks are by output here
    assetsFromGraph(rows, { hooks });
  });

  test('not on a plan', () => {
    // @ts-expect-error hooks are the run's
    plan(defs, { hooks });
  });
});

describe('what a hook may be', () => {
  test('a function that gives anything, later too', () => {
    const some: Hooks = { onSuccess: async ({ step }) => step, onSkip: () => 1 };
    void some;
    // @ts-expect-error no such hook
    op({ name: 'a', hooks: { onSucces: () => 1 }, run: () => 1 });
    // @ts-expect-error a function
    void materialize(defs, { hooks: { onSuccess: 'log' } });
  });
});
