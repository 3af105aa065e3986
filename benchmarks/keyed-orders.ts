import { keyedInput, pipeline, sum, type Flow, type KeyedInputPort, type Pipeline } from 'sluice';

/** An order of a customer. */
export interface Order {
  readonly id: number;
  readonly customer: number;
  readonly amount: number;
  readonly open: boolean;
}

/** A customer of a region. */
export interface Customer {
  readonly id: number;
  readonly region: number;
}

/** How many orders there are, and how many customers. */
export const ROWS = 10_000;

/** How many regions there are. */
export const REGIONS = 100;

/** The keys of all orders, and of all customers. */
export const ids: readonly number[] = idsOf(ROWS);

/** The keys of so many rows. */
export function idsOf(rows: number): readonly number[] {
  return Array.from({ length: rows }, (_, id) => id);
}

/** The order under a key after so many changes of it. Amounts are whole quarters, so that sums of them are exact for everybody. */
export function orderOf(id: number, round: number): Order {
  return {
    id,
    customer: ((id * 7919 + round * 4729) % 10_007) % ROWS,
    amount: ((id * 13 + round * 31) % 4000) / 4,
    open: (id + round) % 11 > 0,
  };
}

/** The customer under a key. */
export function customerOf(id: number): Customer {
  return { id, region: id % REGIONS };
}

/** What the sums are made of. */
export const ports: {
  readonly orders: KeyedInputPort<number, Order>;
  readonly customers: KeyedInputPort<number, Customer>;
} = { orders: keyedInput<number, Order>(), customers: keyedInput<number, Customer>() };

/** The sums of open orders by region: filter, join and grouped sum. */
export function sumsByRegion({
  orders,
  customers,
}: {
  readonly orders: Flow<number, Order>;
  readonly customers: Flow<number, Customer>;
}): Flow<number, number> {
  return orders
    .filter(({ open }) => open)
    .join(customers, {
      left: ({ customer }) => customer,
      right: ({ id }) => id,
      combine: ({ amount }, { region }) => ({ region, amount }),
    })
    .groupBy(({ region }) => region)
    .aggregate(sum(({ amount }) => amount));
}

/** The same as a pipeline by itself. */
export function sumsPipeline(): Pipeline<typeof ports, number, number> {
  return pipeline(ports, sumsByRegion);
}

/**
 * The same by hand, with nothing but Maps and loops: what somebody would write who computes the whole each time, and who does without exact
 * sums, rows that cannot change, and an order of them.
 */
export function sumsByHand(
  orders: Iterable<readonly [unknown, Order]>,
  customers: Pick<ReadonlyMap<number, Customer>, 'get'>,
): ReadonlyMap<number, number> {
  const sums = new Map<number, number>();
  for (const [, { open, customer, amount }] of orders) {
    const region = open ? customers.get(customer)?.region : undefined;
    if (region !== undefined) sums.set(region, (sums.get(region) ?? 0) + amount);
  }
  return sums;
}
