import { D2, filter, groupBy, groupByOperators, join, map, MultiSet, output, type RootStreamBuilder } from '@tanstack/db-ivm';
import { delta, keyed as keyedRows, type Keyed, type Pipeline } from 'sluice';
import type { Benchmark, Figure } from './benchmark.ts';
import { customerOf, ids, orderOf, REGIONS, ROWS, sumsByHand, sumsPipeline, type Customer, type Order } from './keyed-orders.ts';
import { keyedRuns } from './keyed-runs.ts';
import { check } from './measure.ts';

/** The keys that a round changes: all over the table, none twice. */
function changedIn(round: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, at) => (round * 37 + at * 7) % ROWS);
}

/** One way to keep the sums up. */
interface Contender {
  load(): void;
  /** Changes so many orders, each to what it is in this round. */
  update(round: number, count: number): void;
  /** Sums by region. */
  sums(): ReadonlyMap<number, number>;
}

class Ours implements Contender {
  readonly #pipeline = sumsPipeline();
  #orders = keyedRows<number, Order>([]);
  #customers = keyedRows<number, Customer>([]);
  #output = keyedRows<number, number>([]);
  #state: ReturnType<Pipeline<Record<never, never>, number, number>['start']>['state'] = { stages: [] };

  load(): void {
    this.#orders = keyedRows(ids.map((id) => [id, orderOf(id, 0)] as const));
    this.#customers = keyedRows(ids.map((id) => [id, customerOf(id)] as const));
    const { state, output: first } = this.#pipeline.start({ orders: this.#orders, customers: this.#customers });
    this.#state = state;
    this.#output = first;
  }

  update(round: number, count: number): void {
    const changes = changedIn(round, count).map((key) => ({ key, old: this.#orders.get(key), new: orderOf(key, round) }));
    const made = delta(changes);
    const stepped = this.#pipeline.step(this.#state, { orders: made });
    this.#orders = this.#orders.apply(made);
    this.#output = this.#output.apply(stepped.delta);
    this.#state = stepped.state;
  }

  full(): Keyed<number, number> {
    return this.#pipeline.full({ orders: this.#orders, customers: this.#customers });
  }

  /** Versions of input and output, as a store would ask for them. */
  versions(): string {
    return this.#orders.version + this.#output.version;
  }

  sums(): ReadonlyMap<number, number> {
    return new Map(this.#output);
  }
}

class DbIvm implements Contender {
  readonly #sums = new Map<number, number>();
  #graph = new D2();
  #orders: RootStreamBuilder<[number, Order]> = this.#graph.newInput();
  #rows = new Map<number, Order>();

  load(): void {
    this.#graph = new D2();
    this.#orders = this.#graph.newInput<[number, Order]>();
    const customers = this.#graph.newInput<[number, Customer]>();
    this.#orders.pipe(
      filter(([, { open }]) => open),
      map(([, order]): [number, Order] => [order.customer, order]),
      join(customers.pipe(map(([, customer]): [number, Customer] => [customer.id, customer])), 'inner'),
      map(([, [order, customer]]) => ({ region: customer?.region ?? -1, amount: order?.amount ?? 0 })),
      groupBy(({ region }) => ({ region }), { total: groupByOperators.sum(({ amount }) => amount) }),
      output((message) => {
        const changes = message.getInner();
        for (const [[, { region }], weight] of changes) if (weight < 0) this.#sums.delete(region);
        for (const [[, { region, total }], weight] of changes) if (weight > 0) this.#sums.set(region, total);
      }),
    );
    this.#graph.finalize();
    this.#rows = new Map(ids.map((id) => [id, orderOf(id, 0)]));
    this.#orders.sendData(new MultiSet([...this.#rows].map((entry) => [entry, 1])));
    customers.sendData(new MultiSet(ids.map((id) => [[id, customerOf(id)], 1])));
    this.#graph.run();
  }

  update(round: number, count: number): void {
    const changes: [[number, Order], number][] = [];
    for (const key of changedIn(round, count)) {
      const before = this.#rows.get(key);
      const after = orderOf(key, round);
      if (before !== undefined) changes.push([[key, before], -1]);
      changes.push([[key, after], 1]);
      this.#rows.set(key, after);
    }
    this.#orders.sendData(new MultiSet(changes));
    this.#graph.run();
  }

  sums(): ReadonlyMap<number, number> {
    return this.#sums;
  }
}

/**
 * 10,000 orders joined with 10,000 customers, filtered, and summed by 100 regions: pipelines by themselves, for loading, changing one order
 * and changing 1,000; and runs of an op that follows changes.
 */
export const keyed: Benchmark = {
  name: 'keyed',
  run: async () => {
    const ours = new Ours();
    const theirs = new DbIvm();
    const load = takeTurns([() => ours.load(), () => theirs.load()], 15);
    checkSums(ours, theirs);
    let round = 0;
    const single = (contender: Contender) => (turn: number) => contender.update(turn + 1, 1);
    const one = takeTurns([single(ours), single(theirs)], 20_000);
    round += 20_000;
    checkSums(ours, theirs);
    const many = (contender: Contender) => (turn: number) => contender.update(round + turn + 1, 1_000);
    const thousand = takeTurns([many(ours), many(theirs)], 60);
    round += 60;
    checkSums(ours, theirs);
    void ours.versions();
    const versioned = takeTurns([(turn) => void (ours.update(round + turn + 1, 1), ours.versions())], 5_000);
    const full = takeTurns([() => ours.full()], 25);
    check(sameSums(new Map(ours.full()), ours.sums()), 'steps gave what the full computation gives');
    const [orders, customers] = [new Map(ids.map((id) => [id, orderOf(id, 0)])), new Map(ids.map((id) => [id, customerOf(id)]))];
    const hand = takeTurns([() => sumsByHand(orders, customers)], 200);
    return [...figuresOf({ load, one, thousand, versioned, full, hand }), ...(await keyedRuns())];
  },
};

type Medians = readonly [ours: number, theirs: number];

function figuresOf(medians: Readonly<Record<'load' | 'one' | 'thousand' | 'versioned' | 'full' | 'hand', Medians>>): readonly Figure[] {
  const { load, one, thousand, versioned, full, hand } = medians;
  const ivm = '@tanstack/db-ivm';
  const µs = (ms: number): number => ms * 1000;
  return [
    { name: 'load', value: load[0], unit: 'ms', against: { name: ivm, value: load[1] } },
    { name: 'the full computation', value: full[0], unit: 'ms' },
    { name: 'the same by hand, plain loops over Maps', value: hand[0], unit: 'ms' },
    { name: 'one row', value: µs(one[0]), unit: 'µs', against: { name: ivm, value: µs(one[1]), atLeast: 1 } },
    { name: 'one row', value: µs(one[0]), unit: 'µs', against: { name: 'the full computation', value: µs(full[0]), atLeast: 50 } },
    { name: 'one row', value: µs(one[0]), unit: 'µs', against: { name: 'the same by hand', value: µs(hand[0]) } },
    {
      name: 'one row, with versions',
      value: µs(versioned[0]),
      unit: 'µs',
      against: { name: 'the full computation', value: µs(full[0]), atLeast: 50 },
    },
    { name: '1,000 rows', value: thousand[0], unit: 'ms', against: { name: ivm, value: thousand[1], atLeast: 1 } },
    { name: '1,000 rows', value: thousand[0], unit: 'ms', against: { name: 'the full computation', value: full[0] } },
  ];
}

/** Median time of each work in milliseconds, all done in turns, so that a slow moment of the machine is one for all. The first third warms up. */
function takeTurns(works: readonly ((turn: number) => unknown)[], turns: number): Medians {
  const times = works.map((): number[] => []);
  for (let turn = 0; turn < turns; turn += 1) {
    for (const [at, work] of works.entries()) {
      const start = performance.now();
      work(turn);
      times[at]?.push(performance.now() - start);
    }
  }
  const [ours = Number.NaN, theirs = Number.NaN] = times.map((all) => {
    const warm = all.slice(Math.floor(turns / 3)).sort((a, b) => a - b);
    return warm[Math.floor(warm.length / 2)] ?? Number.NaN;
  });
  return [ours, theirs];
}

function checkSums(ours: Contender, theirs: Contender): void {
  check(ours.sums().size === REGIONS, 'there is a sum for each region');
  check(sameSums(ours.sums(), theirs.sums()), 'both have the same sums');
}

function sameSums(one: ReadonlyMap<number, number>, other: ReadonlyMap<number, number>): boolean {
  return one.size === other.size && [...one].every(([region, total]) => other.get(region) === total);
}
