import { type } from 'arktype';
import { map } from 'rxjs';
import * as v from 'valibot';
import { describe, expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import { asset, assetsFromGraph, define, emit, graph, input, materialize, op, output, plan, testOp } from '../../index.ts';
import type { GivenConfig, StepConfig } from '../../index.ts';

const page = z.object({ size: z.number().default(10), after: z.string().optional() });

/** What the schema makes of what is given. */
interface Page {
  size: number;
  after?: string | undefined;
}

describe('what a body gets as its config', () => {
  test('is what the schema makes of what is given, from the one literal of op', () => {
    op({
      name: 'a',
      config: page,
      run: (_, { config }) => {
        expectTypeOf(config).toEqualTypeOf<Page>();
        return config.size;
      },
    });
    op({
      name: 'a',
      inputs: { x: input<number>() },
      outputs: { out: output<number>() },
      config: page,
      *run({ x }, { config, selectedOutputs }) {
        expectTypeOf(config).toEqualTypeOf<Page>();
        expectTypeOf(selectedOutputs).toEqualTypeOf<ReadonlySet<'out'>>();
        yield emit('out', x + config.size);
      },
    });
    op({
      name: 'a',
      outputs: { out: output<number>() },
      config: page,
      run: async (_, { config }) => {
        expectTypeOf(config).toEqualTypeOf<Page>();
        return { out: config.size };
      },
    });
  });

  test('in an operator, and with a schema of the result', () => {
    op({
      name: 'a',
      inputs: { x: input<number>() },
      config: page,
      operator: (frames, { config }) => {
        expectTypeOf(config).toEqualTypeOf<Page>();
        return frames.pipe(map(({ x }) => x * config.size));
      },
    });
    op({
      name: 'a',
      outputs: { out: output<number>() },
      config: page,
      operator: (frames, { config }) => frames.pipe(map(() => emit('out', config.size))),
    });
    op({
      name: 'a',
      config: page,
      result: z.number(),
      run: (_, { config }) => {
        expectTypeOf(config).toEqualTypeOf<Page>();
        return config.size;
      },
    });
  });

  test('in an asset, whatever its form', () => {
    const made = asset({
      key: 'a',
      inputs: { x: input<number>() },
      config: page,
      run: ({ x }, { config }) => {
        expectTypeOf(config).toEqualTypeOf<Page>();
        return `${x + config.size}`;
      },
    });
    const defs = define({ assets: [made] });
    expectTypeOf(materialize(defs).then((result) => result.value('a'))).resolves.toEqualTypeOf<string>();
    asset({
      key: 'a',
      config: page,
      operator: (frames, { config }) => {
        expectTypeOf(config).toEqualTypeOf<Page>();
        return frames.pipe(map(() => config.size));
      },
    });
    asset({
      key: 'a',
      config: page,
      result: z.number(),
      run: (_, { config }) => {
        expectTypeOf(config).toEqualTypeOf<Page>();
        return config.size;
      },
    });
  });

  test('by the schemas of any library, transformed', () => {
    op({
      name: 'zod',
      config: z.string().transform((text) => new URL(text)),
      run: (_, { config }) => {
        expectTypeOf(config).toEqualTypeOf<URL>();
        return config.host;
      },
    });
    op({
      name: 'valibot',
      config: v.pipe(v.string(), v.transform(Number)),
      run: (_, { config }) => {
        expectTypeOf(config).toEqualTypeOf<number>();
        return config;
      },
    });
    op({
      name: 'arktype',
      config: type({ size: 'number = 7' }),
      run: (_, { config }) => {
        expectTypeOf(config).toEqualTypeOf<{ size: number }>();
        return config.size;
      },
    });
  });

  test('is undefined for an op without', () => {
    op({
      name: 'a',
      run: (_, { config }) => {
        expectTypeOf(config).toEqualTypeOf<undefined>();
        // @ts-expect-error there is none
        return config.size;
      },
    });
    op({ name: 'a', outputs: { out: output<undefined>() }, run: (_, { config }) => ({ out: config }) });
    asset({
      key: 'a',
      run: (_, { config }) => {
        expectTypeOf(config).toEqualTypeOf<undefined>();
        return 1;
      },
    });
    op({
      name: 'a',
      operator: (frames, { config }) => {
        expectTypeOf(config).toEqualTypeOf<undefined>();
        return frames;
      },
    });
  });

  test('is not what the schema does not have', () => {
    // @ts-expect-error no such field
    op({ name: 'a', config: page, run: (_, { config }) => config.sizes });
    // @ts-expect-error a number
    op({ name: 'a', config: page, outputs: { out: output<string>() }, run: (_, { config }) => ({ out: config.size }) });
  });
});

describe('what is no schema', () => {
  test('is refused', () => {
    // @ts-expect-error a record is no schema
    op({ name: 'a', config: { size: 5 }, run: () => 1 });
    // @ts-expect-error a constructor is no schema
    asset({ key: 'a', config: Number, run: () => 1 });
    // @ts-expect-error a record is no schema
    graph('g', { config: { size: 5 }, mapConfig: () => ({}) }, () => one());
  });
});

const one = op({ name: 'one', config: page, run: (_, { config }) => config.size });

describe('config of a graph', () => {
  test('is what its mapConfig takes, by its schema', () => {
    const mapped = graph(
      'g',
      {
        inputs: { x: input<number>() },
        config: z.string().transform(Number),
        mapConfig: (config) => {
          expectTypeOf(config).toEqualTypeOf<number>();
          return { one: { size: config } };
        },
      },
      ({ x }) => op({ name: 'add', inputs: { x: input<number>(), y: input<number>() }, run: ({ x: a, y: b }) => a + b })({ x, y: one() }),
    );
    expectTypeOf(assetsFromGraph(mapped)).toHaveProperty('assets');
  });

  test('is undefined where the graph takes none', () => {
    graph(
      'g',
      {
        mapConfig: (config) => {
          expectTypeOf(config).toEqualTypeOf<undefined>();
          return {};
        },
      },
      () => one(),
    );
  });

  test('is mapped to a record', () => {
    // @ts-expect-error a number is no record
    graph('g', { config: z.number(), mapConfig: (size) => size }, () => one());
    // @ts-expect-error planning waits for nothing
    graph('g', { config: z.number(), mapConfig: async (size) => ({ one: { size } }) }, () => one());
    // @ts-expect-error no such field
    graph('g', { config: page, mapConfig: ({ sizes }) => ({ one: { size: sizes } }) }, () => one());
  });
});

describe('what a run is given', () => {
  const defs = define({ assets: [assetsFromGraph(graph('g', () => one()))] });

  test('is by op, by graph and by step', () => {
    const given: GivenConfig = { ops: { one: { size: 1 } }, graphs: { g: 5 }, steps: { one: {} } };
    plan(defs, { config: given });
    void materialize(defs, { config: { ops: { one: { size: 1 } } } });
    // @ts-expect-error ops
    plan(defs, { config: { op: { one: 1 } } });
    // @ts-expect-error a record
    plan(defs, { config: { ops: 5 } });
    // @ts-expect-error a record
    void materialize(defs, { config: 5 });
  });

  test('is in the plan, as what came of it', () => {
    expectTypeOf(plan(defs).steps[0]?.config).toEqualTypeOf<StepConfig | undefined>();
    expectTypeOf(plan(defs).config).toEqualTypeOf<GivenConfig>();
    // @ts-expect-error a plan does not change
    plan(defs).config.ops = {};
  });

  test('is of the type that the schema takes, where one op is tested', () => {
    void testOp(one, { config: {} });
    void testOp(one, { config: { size: 1, after: 'x' } });
    // @ts-expect-error a number
    void testOp(one, { config: { size: 'x' } });
    // @ts-expect-error it takes none
    void testOp(op({ name: 'bare', run: () => 1 }), { config: 5 });
  });
});
