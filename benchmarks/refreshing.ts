import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { materialize, refresh, status, type Definitions, type Store } from 'sluice';
import { openStore } from 'sluice/store';
import { memoryStore } from 'sluice/store/memory';
import type { Benchmark, Figure } from './benchmark.ts';
import { check, rounds, type Spread } from './measure.ts';
import { busyWait, lanes, sourcesOf, type LanesDefinitions } from './lanes.ts';
import { tracing } from './tracing.ts';

const SIZES = [10, 100, 1000, 10_000] as const;
const ASSETS = 10_000;
const STEPS_A_LANE = 10;

/** What a change costs beside running everything; what tracing costs; what asking costs. */
export const refreshing: Benchmark = {
  name: 'refreshing',
  run: async () => {
    const figures: Figure[] = [];
    for (const ops of SIZES) figures.push(...(await changes({ ops, bodyMs: 0 })));
    figures.push(...(await changes({ ops: 100, bodyMs: 1 })));
    figures.push(...(await tracing()));
    const folder = mkdtempSync(join(process.cwd(), '.bench', 'stores-'));
    try {
      figures.push(...(await asking('memory', memoryStore())));
      {
        await using disk = await openStore(join(folder, 'status'));
        figures.push(...(await asking('LMDB', disk)));
      }
      figures.push(...(await coldStart(join(folder, 'status'))));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
    return figures;
  },
};

interface Graph {
  readonly ops: number;
  readonly bodyMs: number;
}

/** How many sources change, and what that is called. */
type Width = readonly [name: string, of: (lanes: number) => number];

const WIDTHS: readonly Width[] = [
  ['nothing', () => 0],
  ['1 source', () => 1],
  ['a tenth', (count) => Math.ceil(count / 10)],
  ['all', (count) => count],
];

/** A graph of lanes, ten ops each behind a source of its own, and every width of a change to it. */
async function changes({ ops, bodyMs }: Graph): Promise<readonly Figure[]> {
  const count = Math.max(1, ops / 10);
  const defs = lanes(count, bodyMs === 0 ? undefined : () => busyWait(bodyMs));
  const of = `${ops} ops${bodyMs === 0 ? '' : ` of ${bodyMs} ms`}`;
  const times = ops === 10_000 ? 3 : bodyMs > 0 ? 5 : 15;
  const full = await rounds(times, async () => {
    const store = memoryStore();
    return () => materialize(defs, { store, sources: sourcesOf(count, () => 0), inGraphUpstream: 'recompute' });
  });
  const figures: Figure[] = [figure(`${of}, a full run`, full)];
  for (const [name, widthOf] of WIDTHS) {
    const width = widthOf(count);
    // One lane is a tenth of ten, and all of one.
    if (width > 0 && figures.some((each) => each.name.includes(`(${width} of ${count})`))) continue;
    for (const isCutOff of width === 0 ? [false] : [false, true]) {
      const { spread, steps } = await changed({ defs, count, width, isCutOff, times });
      const what = `${of}, ${name} (${width} of ${count})${isCutOff ? ', cut off' : ''}: ${steps} steps`;
      const against = { name: 'a full run', value: full.median };
      figures.push({ ...figure(what, spread), against });
    }
  }
  return figures;
}

interface Change {
  readonly defs: LanesDefinitions;
  readonly count: number;
  readonly width: number;
  readonly isCutOff: boolean;
  readonly times: number;
}

/** Changes sources and refreshes, on a store that knows the graph, again and again; at the end, what is there is what a run from scratch gives. */
async function changed({ defs, count, width, isCutOff, times }: Change): Promise<{ readonly spread: Spread; readonly steps: number }> {
  const store = memoryStore();
  await refresh(defs, { store, sources: sourcesOf(count, () => 0) });
  let round = 0;
  let steps = 0;
  let last = sourcesOf(count, () => 0);
  const spread = await rounds(times, async () => {
    round += 1;
    // The first op of a lane halves and rounds down: an odd number gives what the even one before it gave.
    const value = isCutOff ? round % 2 : round * 2;
    last = sourcesOf(count, (lane) => (lane < width ? value : 0));
    const given = Object.fromEntries(Object.entries(last).slice(0, width));
    return async () => {
      const { steps: ended } = await refresh(defs, { store, sources: given });
      steps = 0;
      for (const { outcome } of ended.values()) if (outcome === 'succeeded') steps += 1;
    };
  });
  check(steps === (isCutOff ? width : width * 10), `a change of ${width} lanes runs their steps and no others`);
  await sameAsFromScratch(defs, store, last);
  return { spread, steps };
}

async function sameAsFromScratch(defs: LanesDefinitions, store: Store, sources: Readonly<Record<string, number>>): Promise<void> {
  const scratch = memoryStore();
  await materialize(defs, { store: scratch, sources, inGraphUpstream: 'recompute' });
  for (const { key } of defs.assets.values())
    check((await store.value(key)) === (await scratch.value(key)), `${key} is what a run from scratch gives`);
}

/** The status of many assets, and a refresh that finds nothing to do. */
async function asking(kind: string, store: Store): Promise<readonly Figure[]> {
  const count = ASSETS / 10;
  const defs: Definitions<unknown> = lanes(count, undefined, true);
  await refresh(defs, { store, sources: sourcesOf(count, () => 0) });
  const asked = await rounds(9, async () => async () => {
    const { assets } = await status(defs, store);
    let fresh = 0;
    for (const { state } of assets.values()) if (state === 'fresh') fresh += 1;
    check(fresh === ASSETS, 'every asset is fresh');
  });
  const full = await rounds(3, async () => {
    const scratch = memoryStore();
    return () => refresh(defs, { store: scratch, sources: sourcesOf(count, () => 0) });
  });
  const idle = await rounds(9, async () => async () => {
    const { outcomes } = await refresh(defs, { store });
    check(outcomes.get('lane_0_step_9') === 'fresh', 'nothing had to run');
  });
  return [
    { ...figure(`${kind}: status of ${ASSETS} assets`, asked), against: { name: 'the 100 ms asked for', value: 100 } },
    {
      ...figure(`${kind}: a refresh of ${ASSETS} assets, nothing changed`, idle),
      against: { name: 'a full run in memory', value: full.median },
    },
  ];
}

/** The first status of a process, by definitions that it has just made, on a store that another one has filled. */
async function coldStart(folder: string): Promise<readonly Figure[]> {
  const count = ASSETS / 10;
  const first = async (expected: number, verified: boolean): Promise<Spread> =>
    rounds(5, async () => {
      const defs: Definitions<unknown> = lanes(count, undefined, true);
      const store = await openStore(folder);
      // Plans of a part are other plans: nothing was verified of all but one of the assets.
      const select = verified ? [...defs.assets.keys()] : [...defs.assets.keys()].slice(1);
      return async () => {
        const { assets } = await status(defs, store, { select });
        let fresh = 0;
        for (const { state } of assets.values()) if (state === 'fresh') fresh += 1;
        check(fresh === expected - (verified ? 0 : 1), 'every asset but those of the changed source is fresh');
        await store.close();
      };
    });
  const [whole, looking] = [await first(ASSETS, true), await first(ASSETS, false)];
  {
    await using store = await openStore(folder);
    await store.put('source_7', 42);
  }
  const changed = await first(ASSETS - STEPS_A_LANE, true);
  const against = { name: 'looking at every step', value: looking.median };
  return [
    figure(`LMDB, just opened: status of ${ASSETS} assets, looking at every step`, looking),
    { ...figure(`LMDB, just opened: status of ${ASSETS} assets, verified`, whole), against },
    { ...figure(`LMDB, just opened: status of ${ASSETS} assets, 1 source of ${count} changed`, changed), against },
  ];
}

function figure(name: string, { least, median }: Spread): Figure {
  return { name: `${name}, least ${least.toPrecision(3)}`, value: median, unit: 'ms' };
}
