import { expectTypeOf, test } from 'vitest';
import { aggregates, count, min, sum } from '../../../lib/delta/aggregates.ts';
import { delta } from '../../../lib/kernel/keyed/delta.ts';
import { keyed, type Keyed } from '../../../lib/kernel/keyed/keyed.ts';
import { pipeline } from '../../../lib/delta/pipeline.ts';
import { keyedInput } from '../../../lib/model/keyed-port.ts';

interface Order {
  readonly customer: string;
  readonly amount: number;
}

const ports = { orders: keyedInput<number, Order>(), regions: keyedInput<string, string>() };

test('the type of the output follows from what the functions give', () => {
  const made = pipeline(ports, ({ orders, regions }) =>
    orders
      .filter((order, key) => order.amount > key)
      .join(regions, {
        left: (order) => order.customer,
        right: (_, customer) => customer,
        combine: ({ amount }, region) => ({ amount, region }),
      })
      .groupBy((sale) => (sale.region === '' ? null : sale.region))
      .aggregate(aggregates({ total: sum((sale) => sale.amount), sales: count(), first: min((sale) => sale.region) })),
  );
  const { output } = made.start({ orders: keyed([]), regions: keyed([]) });
  expectTypeOf(output).toEqualTypeOf<Keyed<string, { readonly total: number; readonly sales: number; readonly first: string }>>();
});

test('a row that may be left out is no undefined row', () => {
  const made = pipeline(ports, ({ orders }) => orders.map(({ amount }) => (amount > 0 ? { amount } : undefined)));
  expectTypeOf(made.full({ orders: keyed([]), regions: keyed([]) })).toEqualTypeOf<Keyed<number, { amount: number }>>();
});

test('deltas and keys of other inputs are refused', () => {
  const made = pipeline(ports, ({ orders }) => orders);
  const { state } = made.start({ orders: keyed([]), regions: keyed([]) });
  made.step(state, { orders: delta<number, Order>([]) });
  // @ts-expect-error the rows are those of another input
  made.step(state, { orders: delta<string, string>([{ key: 'a', new: 'b' }]) });
  // @ts-expect-error a group is put under a key
  pipeline(ports, ({ orders }) => orders.groupBy((order) => order).aggregate(count()));
});
