import { expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import {
  asset,
  assetsFromGraph,
  define,
  graph,
  input,
  keyed,
  keyedInput,
  keyedOutput,
  materialize,
  nothing,
  op,
  source,
  sum,
  testOp,
  type Flow,
  type Keyed,
} from '../../index.ts';

interface Order {
  readonly customer: string;
  readonly amount: number;
}

const orders = { orders: keyedInput<number, Order>() };

test('a keyed body gives its op the type of its flow', async () => {
  const totals = op({
    name: 'totals',
    inputs: { ...orders, after: nothing() },
    keyed: (flows) => {
      expectTypeOf(flows).toEqualTypeOf<{ readonly orders: Flow<number, Order> }>();
      return flows.orders.groupBy(({ customer }) => customer).aggregate(sum(({ amount }) => amount));
    },
  });
  const wired = graph('wired', { inputs: orders }, (given) => totals({ ...given, after: given.orders }));
  const defs = define({ assets: [assetsFromGraph(wired), source<Keyed<number, Order>>('orders')] });
  expectTypeOf((await materialize(defs, {})).value('wired')).toEqualTypeOf<Keyed<string, number>>();
  const total = asset({ key: 'total', inputs: orders, keyed: (flows) => flows.orders.map(({ amount }) => amount) });
  expectTypeOf((await materialize(define({ assets: [total, source('orders')] }), {})).value('total')).toEqualTypeOf<
    Keyed<number, number>
  >();
});

test('outputs and config are those that were declared', () => {
  op({
    name: 'split',
    inputs: orders,
    config: z.object({ least: z.number() }),
    outputs: { large: keyedOutput<number, Order>(), small: keyedOutput<number, Order>() },
    keyed: (flows, { config }) => {
      expectTypeOf(config).toEqualTypeOf<{ least: number }>();
      return { large: flows.orders.filter(({ amount }) => amount >= config.least), small: flows.orders };
    },
  });
  op({
    name: 'split',
    inputs: orders,
    outputs: { large: keyedOutput<number, string>() },
    // @ts-expect-error the flow has other rows than the output
    keyed: (flows) => ({ large: flows.orders }),
  });
});

test('a keyed body reads keyed inputs alone, and has nothing but config', () => {
  // @ts-expect-error a plain input gives no flow
  op({ name: 'plain', inputs: { n: input<number>() }, keyed: ({ n }) => n.filter(() => true) });
  // @ts-expect-error there is one body
  op({ name: 'both', inputs: orders, keyed: (flows) => flows.orders, run: () => 1 });
});

test('a keyed output takes pairs, and gives its readers a Keyed', async () => {
  const list = op({ name: 'list', outputs: { rows: keyedOutput<string, number>() }, run: () => ({ rows: new Map([['a', 1]]) }) });
  expectTypeOf((await testOp(list)).rows).toEqualTypeOf<Keyed<string, number> | undefined>();
  // @ts-expect-error rows of another type
  op({ name: 'list', outputs: { rows: keyedOutput<string, number>() }, run: () => ({ rows: new Map([['a', 'b']]) }) });
});

test('keys are of the type of keys, not of those that were written out', () => {
  const rows = keyed([['a', 1]]);
  expectTypeOf(rows).toEqualTypeOf<Keyed<string, number>>();
  rows.set('b', 2);
  // @ts-expect-error another type of key
  rows.set(5, 2);
  // @ts-expect-error dates are no keys
  keyed([[new Date(), 1]]);
});
