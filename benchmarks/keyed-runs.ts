import { mkdtempSync, rmSync } from 'node:fs';
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
import { customerOf, ids, orderOf, ports, REGIONS, ROWS, sumsByRegion, sumsPipeline, type Customer, type Order } from './keyed-orders.ts';
import { check, takeTurns } from './measure.ts';

const sources = [source<Keyed<number, Order>, 'orders'>('orders'), source<Keyed<number, Customer>, 'customers'>('customers')] as const;

const outputs = { sums: keyedOutput<number, number>() };

/** An op that follows changes. */
function following(): Definitions<unknown> {
  const totals = op({ name: 'totals', inputs: ports, outputs, keyed: (flows) => ({ sums: sumsByRegion(flows) }) });
  const sums = graph('sums_by_region', { inputs: ports }, (given) => totals(given));
  return define({ assets: [assetsFromGraph(sums), ...sources] });
}

/** An op that computes the whole with the same operators. */
function computing(): Definitions<unknown> {
  const whole = sumsPipeline();
  const totals = op({ name: 'totals', inputs: ports, outputs, run: (inputs) => ({ sums: whole.full(inputs) }) });
  const sums = graph('sums_by_region', { inputs: ports }, (given) => totals(given));
  return define({ assets: [assetsFromGraph(sums), ...sources] });
}

/** Puts one changed order and refreshes, beside a run that computes the whole: on a store in memory, and on one on disk. */
export async function keyedRuns(): Promise<readonly Figure[]> {
  const folder = mkdtempSync(join(process.cwd(), '.bench', 'stores-'));
  try {
    await using disk = await openStore(join(folder, 'keyed'));
    await using other = await openStore(join(folder, 'whole'));
    return [
      ...(await figuresOn('memory', { followed: memoryStore(), whole: memoryStore() }, { turns: 60, atLeast: 50 })),
      ...(await figuresOn('LMDB', { followed: disk, whole: other }, { turns: 30 })),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Stores {
  readonly followed: Store;
  readonly whole: Store;
}

async function figuresOn(
  kind: string,
  { followed, whole }: Stores,
  { turns, atLeast }: { readonly turns: number; readonly atLeast?: number },
): Promise<readonly Figure[]> {
  const [follows, computes] = [following(), computing()];
  let orders = keyed(ids.map((id) => [id, orderOf(id, 0)] as const));
  const customers = keyed(ids.map((id) => [id, customerOf(id)] as const));
  for (const store of [followed, whole]) {
    await store.put('customers', customers);
    await store.put('orders', orders);
  }
  await refresh(follows, { store: followed });
  await materialize(computes, { store: whole });
  let round = 0;
  const [put, refreshed, full] = await takeTurns(
    [
      () => {
        round += 1;
        const id = (round * 37) % ROWS;
        orders = orders.set(id, orderOf(id, round));
        return followed.put('orders', orders);
      },
      () => refresh(follows, { store: followed }),
      // It reads rows that are in memory already, and records 100 sums: what is left is the computation.
      () => materialize(computes, { store: whole }),
    ],
    turns,
  );
  await whole.put('orders', orders);
  await materialize(computes, { store: whole });
  check(sameRows(await followed.value('sums'), await whole.value('sums')), 'what was followed is what the whole gives');
  const against = { name: 'a run that computes the whole', value: full, ...(atLeast !== undefined && { atLeast }) };
  return [
    { name: `${kind}: one row of 10,000, put`, value: put, unit: 'ms' },
    { name: `${kind}: one row of 10,000, refresh`, value: refreshed, unit: 'ms', against },
    {
      name: `${kind}: one row of 10,000, put and refresh`,
      value: put + refreshed,
      unit: 'ms',
      against: { name: against.name, value: full },
    },
  ];
}

function sameRows(one: unknown, other: unknown): boolean {
  return isRows(one) && isRows(other) && one.size === REGIONS && one.version === other.version;
}

function isRows(value: unknown): value is Keyed<number, number> {
  return typeof value === 'object' && value !== null && 'version' in value;
}
