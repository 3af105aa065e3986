import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BehaviorSubject, combineLatest, map } from 'rxjs';
import { assetsFromGraph, define, graph, input, live, op, source, type Definitions, type Store } from 'sluice';
import { openStore } from 'sluice/store';
import { memoryStore } from 'sluice/store/memory';
import type { Benchmark, Figure } from './benchmark.ts';
import { check } from './measure.ts';

const ROUNDS = 3;
const LANES = 1000;
const LANE_OPS = 5;

const add = op({ name: 'add', codeVersion: '1', inputs: { a: input<number>(), b: input<number>() }, run: ({ a, b }) => a + b });
const double = op({ name: 'double', codeVersion: '1', inputs: { x: input<number>() }, run: ({ x }) => 2 * x });
const small = graph('small', { inputs: { a: input<number>(), b: input<number>() } }, ({ a, b }) => double({ x: add({ a, b }) }));
const smallDefs = define({ assets: [source('a'), source('b'), assetsFromGraph(small)] });

/** A service that takes epoch after epoch: how many, how soon, and what wiring by hand costs where that is right. */
export const living: Benchmark = {
  name: 'living',
  run: async () => [...(await throughput()), ...(await latency()), ...(await sparse())],
};

/** Time an epoch, the least of some rounds: two sources, two steps, each item of one source an epoch. */
async function throughput(): Promise<readonly Figure[]> {
  const byHand = Math.min(...Array.from({ length: ROUNDS }, () => wiredByHand(50_000)));
  const settled = await least(() => onMemory((store) => timePerEpoch(store, { epochs: 20_000, window: 100 })));
  const figures: Figure[] = [
    { name: 'hand-wired rxjs, nothing recorded', value: byHand, unit: 'µs' },
    { name: 'an epoch of 2 steps, in memory', value: settled, unit: 'µs', against: { name: 'hand-wired rxjs', value: byHand } },
  ];
  let alone = Number.NaN;
  for (const [window, epochs] of [
    [1, 500],
    [10, 3000],
    [100, 10_000],
  ] as const) {
    const value = await least(() => onDisk((store) => timePerEpoch(store, { epochs, window })));
    if (window === 1) alone = value;
    const against = { name: 'W = 1', value: alone };
    figures.push({ name: `an epoch of 2 steps, on disk, W = ${window}`, value, unit: 'µs', ...(window > 1 && { against }) });
  }
  return figures;
}

function wiredByHand(epochs: number): number {
  const [a, b] = [new BehaviorSubject(0), new BehaviorSubject(0)];
  let last = 0;
  combineLatest([a, b])
    .pipe(
      map(([left, right]) => left + right),
      map((sum) => 2 * sum),
    )
    .subscribe((value) => (last = value));
  const start = performance.now();
  for (let item = 1; item <= epochs; item += 1) a.next(item);
  const taken = performance.now() - start;
  check(last === 2 * epochs, 'the wires give what was pushed');
  return (1000 * taken) / epochs;
}

async function timePerEpoch(store: Store, { epochs, window }: { readonly epochs: number; readonly window: number }): Promise<number> {
  await store.put('a', 0);
  await store.put('b', 0);
  const items = Array.from({ length: epochs }, (_, item) => item + 1);
  const service = await live(smallDefs, { store, window, sources: { a: items }, closeWhenDone: true });
  const start = performance.now();
  await service.closed;
  const taken = performance.now() - start;
  check((await store.value('small')) === 2 * epochs, 'the last epoch is in the store');
  check((await store.port.head()) > 4 * epochs, 'each item was an epoch of its own');
  return (1000 * taken) / epochs;
}

/** From a push to being told of what came of it, one push at a time. */
async function latency(): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const at of ['settled', 'durable'] as const) {
    const sorted = (await onDisk((store) => latencies(store, at))).toSorted((x, y) => x - y);
    const percentile = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN;
    figures.push({ name: `push to publication, ${at}, p50`, value: percentile(0.5), unit: 'µs' });
    figures.push({ name: `push to publication, ${at}, p99`, value: percentile(0.99), unit: 'µs' });
  }
  return figures;
}

async function latencies(store: Store, at: 'settled' | 'durable'): Promise<readonly number[]> {
  await store.put('a', 0);
  await store.put('b', 0);
  await using service = await live(smallDefs, { store });
  await service.durable();
  const taken: number[] = [];
  let told: (value: unknown) => void = () => undefined;
  service.changes('small', { at }).subscribe((change) => told(change.state === 'value' ? change.value : undefined));
  for (let item = 1; item <= 600; item += 1) {
    const start = performance.now();
    const value = new Promise<unknown>((resolve) => (told = resolve));
    const pushed = service.push('a', item);
    check((await value) === 2 * item, 'who watches is told of the value');
    if (item > 100) taken.push(1000 * (performance.now() - start));
    await pushed;
  }
  return taken;
}

/** One source of a thousand changes: an epoch costs what it touches. */
async function sparse(): Promise<readonly Figure[]> {
  const few = await least(() => onMemory((store) => laneTime(store, 10)));
  const many = await least(() => onMemory((store) => laneTime(store, LANES)));
  return [
    { name: `one source of 10 with ${LANE_OPS} steps each`, value: few, unit: 'µs' },
    { name: `one source of ${LANES} with ${LANE_OPS} steps each`, value: many, unit: 'µs', against: { name: 'that of 10', value: few } },
  ];
}

async function laneTime(store: Store, lanes: number): Promise<number> {
  const epochs = 2000;
  const defs = lanesOf(lanes);
  for (let lane = 0; lane < lanes; lane += 1) await store.put(`s${lane}`, lane);
  const service = await live(defs, { store });
  await service.settled();
  const start = performance.now();
  for (let item = 1; item <= epochs; item += 1) await service.push('s0', -item);
  const taken = performance.now() - start;
  await service.close();
  check((await store.value('lane0')) === LANE_OPS - epochs, 'the lane follows its source');
  return (1000 * taken) / epochs;
}

function lanesOf(lanes: number): Definitions {
  const next = op({ name: 'next', codeVersion: '1', inputs: { x: input<number>() }, run: ({ x }) => x + 1 });
  const ofLane = (lane: number) =>
    assetsFromGraph(
      graph(`lane${lane}`, { inputs: { x: input<number>() } }, ({ x }) => {
        let last = next({ x });
        for (let step = 1; step < LANE_OPS; step += 1) last = next.as(`next_${step}`)({ x: last });
        return last;
      }),
      { keysByInputName: { x: `s${lane}` } },
    );
  const all = Array.from({ length: lanes }, (_, lane) => [source<number>(`s${lane}`), ofLane(lane)]).flat();
  return define({ assets: all });
}

async function least(time: () => Promise<number>): Promise<number> {
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round += 1) best = Math.min(best, await time());
  return best;
}

async function onMemory<T>(work: (store: Store) => Promise<T>): Promise<T> {
  await using store = memoryStore();
  return await work(store);
}

async function onDisk<T>(work: (store: Store) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-living-'));
  try {
    await using store = await openStore(folder);
    return await work(store);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
