import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import {
  assetsFromGraph,
  define,
  graph,
  keyed,
  keyedOutput,
  materialize,
  op,
  refresh,
  source,
  type Definitions,
  type Keyed,
  type Store,
} from 'sluice';
import { openStore } from 'sluice/store';
import { memoryStore } from 'sluice/store/memory';
import type { Figure } from './benchmark.ts';
import {
  customerOf,
  idsOf,
  orderOf,
  ports,
  REGIONS,
  ROWS,
  sumsByHand,
  sumsByRegion,
  sumsPipeline,
  type Customer,
  type Order,
} from './keyed-orders.ts';
import { check, takeTurns } from './measure.ts';

const sources = [source<Keyed<number, Order>, 'orders'>('orders'), source<Keyed<number, Customer>, 'customers'>('customers')] as const;

const outputs = { sums: keyedOutput<number, number>() };

/** An op that follows changes. */
function following(): Definitions<unknown> {
  const totals = op({ name: 'totals', inputs: ports, outputs, keyed: (flows) => ({ sums: sumsByRegion(flows) }) });
  const sums = graph('sums_by_region', { inputs: ports }, (given) => totals(given));
  return define({ assets: [assetsFromGraph(sums), ...sources] });
}

/** What the whole is computed by. */
type Whole = (rows: {
  readonly orders: Keyed<number, Order>;
  readonly customers: Keyed<number, Customer>;
}) => ReadonlyMap<number, number> | Keyed<number, number>;

/** An op that computes the whole. */
function computing(whole: Whole): Definitions<unknown> {
  const totals = op({ name: 'totals', inputs: ports, outputs, run: (inputs) => ({ sums: whole(inputs) }) });
  const sums = graph('sums_by_region', { inputs: ports }, (given) => totals(given));
  return define({ assets: [assetsFromGraph(sums), ...sources] });
}

/** The whole with the same flows: what an op that follows changes does where nothing is remembered. */
function withFlows(): Definitions<unknown> {
  const whole = sumsPipeline();
  return computing((inputs) => whole.full(inputs));
}

/** The whole as somebody would write it who knows no flows: one loop and a Map. Its sums are rounded each time, which whole quarters do not show. */
function withLoops(): Definitions<unknown> {
  return computing(({ orders, customers }) => sumsByHand(orders, customers));
}

/** Ten times as many rows, of which as many change: one. */
const MANY_ROWS = 10 * ROWS;

/** Puts one changed order and refreshes, beside runs that compute the whole: on a store in memory, and on one on disk. */
export async function keyedRuns(): Promise<readonly Figure[]> {
  const folder = mkdtempSync(join(process.cwd(), '.bench', 'stores-'));
  try {
    const memory = await timesOn(await storesOf(() => memoryStore()), { turns: 60 });
    const disk = await timesOn(await storesOf((name) => openStore(join(folder, name))), { turns: 30, flushes: join(folder, 'flushes') });
    return [...memoryFigures(memory), ...manyFigures(await sizesBesideEachOther()), ...diskFigures(disk)];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One for each way to run: they differ in what they record. */
interface Stores {
  readonly followed: Store;
  readonly flows: Store;
  readonly loops: Store;
}

async function storesOf(make: (name: string) => Store | Promise<Store>): Promise<Stores> {
  return { followed: await make('followed'), flows: await make('flows'), loops: await make('loops') };
}

/** Milliseconds. */
interface Times {
  readonly put: number;
  readonly refreshed: number;
  /** A refresh right behind runs of the whole, which have put other things into the processor's caches. */
  readonly refreshedCold: number;
  readonly flows: number;
  readonly loops: number;
  /** One write of 4 KiB and its fdatasync, where stores are on disk. */
  readonly flush: number;
}

interface Work {
  readonly turns: number;
  /** A file to write and flush. */
  readonly flushes?: string;
}

/** So many changes before anything is timed: a service that follows changes has followed some before, and code that loops over all rows is warm by itself. */
const WARM_UP = 1000;

/** So many changes are followed before one is timed among them. */
const AMONG = 30;

async function timesOn(stores: Stores, { turns, flushes }: Work): Promise<Times> {
  const changing = await Changing.start(stores, ROWS);
  const file = flushes === undefined ? undefined : openSync(flushes, 'w');
  const [, , refreshedCold, , put, refreshed, flows, loops, flush] = await takeTurns(
    [
      // Not counted: it clears away what the runs of the whole have left behind.
      () => changing.follow(),
      () => changing.put(),
      () => changing.refresh(),
      // As a service has it: one change among others.
      () => changing.followSome(),
      () => changing.put(),
      () => changing.refresh(),
      // These read rows that are in memory already, and record 100 sums: what is left is the computation.
      () => changing.computeFlows(),
      () => changing.computeLoops(),
      () => (file === undefined ? undefined : flushOne(file)),
    ],
    turns,
  );
  if (file !== undefined) closeSync(file);
  await changing.end();
  return { put, refreshed, refreshedCold, flows, loops, flush };
}

/** Milliseconds of one changed row, put and followed, by how many rows there are; and of loops over many. */
interface Sizes {
  readonly few: number;
  readonly many: number;
  readonly loops: number;
}

/** Changes of small and large tables in turns, with nothing between them that leaves garbage of its own; then loops over the large one. */
async function sizesBesideEachOther(): Promise<Sizes> {
  const few = await Changing.start(await storesOf(() => memoryStore()), ROWS);
  const large = await Changing.start(await storesOf(() => memoryStore()), MANY_ROWS);
  const [fewTime, many] = await takeTurns([() => few.follow(), () => large.follow()], 500);
  const [loops] = await takeTurns([() => large.computeLoops()], 8);
  await few.end();
  await large.end();
  return { few: fewTime, many, loops };
}

const PAGE = Buffer.alloc(4096, 1);

function flushOne(file: number): void {
  writeSync(file, PAGE);
  fdatasyncSync(file);
}

/** A table of orders that changes row by row, and three ways to keep the sums up. */
class Changing {
  readonly #stores: Stores;
  readonly #rows: number;
  readonly #follows = following();
  readonly #flows = withFlows();
  readonly #loops = withLoops();
  #orders: Keyed<number, Order>;
  #round = 0;

  private constructor(stores: Stores, rows: number) {
    this.#stores = stores;
    this.#rows = rows;
    this.#orders = keyed(idsOf(rows).map((id) => [id, orderOf(id, 0)] as const));
  }

  static async start(stores: Stores, rows: number): Promise<Changing> {
    const changing = new Changing(stores, rows);
    const customers = keyed(idsOf(ROWS).map((id) => [id, customerOf(id)] as const));
    for (const store of [stores.followed, stores.flows, stores.loops]) {
      await store.put('customers', customers);
      await store.put('orders', changing.#orders);
    }
    for (let turn = 0; turn < WARM_UP; turn += 1) await changing.follow();
    return changing;
  }

  put(): Promise<unknown> {
    this.#round += 1;
    const id = (this.#round * 37) % this.#rows;
    this.#orders = this.#orders.set(id, orderOf(id, this.#round));
    return this.#stores.followed.put('orders', this.#orders);
  }

  refresh(): Promise<unknown> {
    return refresh(this.#follows, { store: this.#stores.followed });
  }

  async follow(): Promise<void> {
    await this.put();
    await this.refresh();
  }

  async followSome(): Promise<void> {
    for (let turn = 0; turn < AMONG; turn += 1) await this.follow();
  }

  computeFlows(): Promise<unknown> {
    return materialize(this.#flows, { store: this.#stores.flows });
  }

  computeLoops(): Promise<unknown> {
    return materialize(this.#loops, { store: this.#stores.loops });
  }

  /** Checks that all three ways came to the same, and closes their stores. */
  async end(): Promise<void> {
    const { followed, flows, loops } = this.#stores;
    for (const store of [flows, loops]) await store.put('orders', this.#orders);
    await this.computeFlows();
    await this.computeLoops();
    const sums = await followed.value('sums');
    check(sameRows(sums, await flows.value('sums')), 'what was followed is what the whole gives');
    check(sameRows(sums, await loops.value('sums')), 'what was followed is what loops give');
    for (const store of [followed, flows, loops]) await store.close();
  }
}

const FLOWS = 'a run that computes the whole with the same flows';
const LOOPS = 'a run that computes the whole with a loop and Maps';

function memoryFigures({ put, refreshed, refreshedCold, flows, loops }: Times): readonly Figure[] {
  const name = 'memory: one row of 10,000, refresh';
  const cold = 'the same, right behind runs of the whole';
  return [
    { name: 'memory: one row of 10,000, put', value: put, unit: 'ms' },
    { name, value: refreshed, unit: 'ms', against: { name: FLOWS, value: flows, atLeast: 50 } },
    { name, value: refreshed, unit: 'ms', against: { name: LOOPS, value: loops } },
    { name: cold, value: refreshedCold, unit: 'ms', against: { name: FLOWS, value: flows } },
    { name: 'memory: one row of 10,000, put and refresh', value: put + refreshed, unit: 'ms', against: { name: FLOWS, value: flows } },
  ];
}

function manyFigures({ few, many, loops }: Sizes): readonly Figure[] {
  const name = 'memory: one row of 100,000, put and refresh';
  return [
    { name, value: many, unit: 'ms', against: { name: 'one row of 10,000, put and refresh', value: few, atLeast: 0.5 } },
    { name, value: many, unit: 'ms', against: { name: LOOPS, value: loops } },
  ];
}

function diskFigures({ put, refreshed, flows, loops, flush }: Times): readonly Figure[] {
  const name = 'LMDB: one row of 10,000, refresh';
  return [
    { name: 'floor: 4 KiB and one fdatasync', value: flush, unit: 'ms' },
    { name: 'LMDB: one row of 10,000, put', value: put, unit: 'ms' },
    { name, value: refreshed, unit: 'ms', against: { name: FLOWS, value: flows } },
    { name, value: refreshed, unit: 'ms', against: { name: LOOPS, value: loops } },
    { name, value: refreshed, unit: 'ms', against: { name: 'the floor', value: flush } },
  ];
}

function sameRows(one: unknown, other: unknown): boolean {
  return isRows(one) && isRows(other) && one.size === REGIONS && one.version === other.version;
}

function isRows(value: unknown): value is Keyed<number, number> {
  return typeof value === 'object' && value !== null && 'version' in value;
}
