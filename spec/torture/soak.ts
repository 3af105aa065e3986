import { runInNewContext } from 'node:vm';
import { setFlagsFromString } from 'node:v8';
import { assetsFromGraph, define, feed, graph, input, live, op, source, type AnyLiveService, type Definitions } from '../../index.ts';
import type { PruneReport } from '../../lib/events/store-port.ts';
import { openStore } from '../../store/open-store.ts';
import { TortureFolder } from './folders.ts';
import { liveAssets } from './live-tape.ts';
import { Tally, type Torture, type TortureReport, type TortureRequest } from './torture.ts';

/** What the heap may seem to grow by although nothing is kept: as much as two looks at it may differ by, also where the disk is slow. */
const NOISE_BYTES = 4 * 2 ** 20;
/** How often it is looked at; more often says little more. */
const MOST_LOOKS = 60;
/** By then the store has begun to forget for sure, and come through. */
const FIRST_PRUNE = 20_000;

/**
 * Values that are kept each time that the store forgets, whatever the number of epochs: 100 versions of five assets and two sources, and what comes
 * while it forgets, which is more where the disk is slow.
 */
const MOST_VALUES = 5000;

/** What comes in one go, in turns: most of it touches one small step, so that what an epoch costs by itself is paid as often as there is time for. */
const ROUNDS: readonly Round[] = [
  // A late step ends each epoch in a turn of its own, and so in a flush of its own.
  { to: 'x', items: 10, isLate: true },
  { to: 'x', items: 30, isLate: false },
  // As many as may be on their way to disk, in few flushes.
  ...Array.from({ length: 6 }, () => ({ to: 'y', items: 100, isLate: false }) as const),
];

interface Round {
  readonly to: 'x' | 'y';
  readonly items: number;
  readonly isLate: boolean;
}

/** One service lives for many epochs: what it holds in memory does not grow with them, nor do the values that its store keeps. */
export const soak: Torture = {
  name: 'soak',
  about: 'one live service takes item after item; its heap and the values of its store stay flat, and each item is applied once',
  short: 12_800,
  long: 2_000_000,
  run: (request) => soakService(request),
};

/** What a service is soaked with. */
export interface Soaking {
  /** How many bytes of each epoch are kept, as a service that forgets nothing would. */
  readonly leak?: number;
  /** How many versions of each asset are kept. */
  readonly versions?: number;
}

/** Lets a service live, and looks what it holds as it goes. */
export async function soakService(request: TortureRequest, { leak = 0, versions = 100 }: Soaking = {}): Promise<TortureReport> {
  const tally = new Tally(request);
  using folder = new TortureFolder('disk');
  const values = { pruned: 0, removed: 0, most: 0 };
  const onPruned = ({ values: { kept: left, removed } }: PruneReport): void => {
    values.pruned += 1;
    values.removed += removed;
    values.most = Math.max(values.most, left);
  };
  await using store = await openStore(folder.path, {
    retention: { versions, onPruned, onFailure: (error) => tally.fail(`the store could not forget: ${String(error)}`) },
  });
  const now = { isLate: false };
  const service: AnyLiveService = await live(
    soakedDefinitions(() => now.isLate),
    { store, sources: { y: sums } },
  );
  const kept: unknown[] = [];
  const counted = { epochs: 0, changes: 0 };
  service.epochs().subscribe(({ epoch }) => {
    counted.epochs += 1;
    // Numbers that are no integers take eight bytes each.
    if (leak > 0) kept.push(Array.from({ length: leak / 8 }, (_, index) => epoch + index + 0.5));
  });
  service.changes('summed').subscribe(() => (counted.changes += 1));
  // Somebody who never asks for a second one.
  await using idle = disposable(service.epochs({ lag: { policy: 'conflate' } }));
  const given = { x: { count: 0, sum: 0 }, y: { count: 0, sum: 0 } };
  const looks: Look[] = [];
  for (let round = 0; given.x.count + given.y.count < request.count; round += 1) {
    const { to, items, isLate } = ROUNDS[round % ROUNDS.length] ?? { to: 'x', items: 1, isLate: true };
    now.isLate = isLate;
    const come = given[to];
    const pushed: Promise<unknown>[] = [];
    for (let item = 0; item < items; item += 1, come.count += 1) {
      come.sum += come.count % 1009;
      pushed.push(service.push(to, come.count % 1009));
    }
    await Promise.all(pushed);
    tally.pass(items);
    const epochs = given.x.count + given.y.count;
    const isDue = epochs >= ((looks.length + 1) * request.count) / MOST_LOOKS;
    if (isDue && (round + 1) % ROUNDS.length === 0) looks.push({ epochs, bytes: heapBytes() });
  }
  void idle;
  const growth = growthOf(looks);
  if (growth.perEpoch > growth.most)
    tally.fail(`the heap grew by ${growth.perEpoch.toFixed(1)} bytes an epoch, where ${growth.most.toFixed(1)} could be chance`);
  if (values.most > MOST_VALUES) tally.fail(`the store kept ${values.most} values`);
  const position = await service.durable();
  const seen = [await service.current('summed'), await service.current('tapped')].map((each) =>
    each?.state === 'value' ? String(each.value) : '',
  );
  await service.close();
  const wanted = [`${given.x.sum} after ${given.x.count}`, `${given.y.sum} of ${given.y.count}`];
  for (const [index, said] of seen.entries()) if (said !== wanted[index]) tally.fail(`"${wanted[index]}" was to be, and is "${said}"`);
  if (position + 1 !== (await store.port.head())) tally.fail(`the log ends at ${await store.port.head()}, and durable() said ${position}`);
  if (values.pruned === 0 && position > FIRST_PRUNE) tally.fail(`nothing was removed up to position ${position}`);
  tally.count('values that were kept at most', values.most);
  tally.count('values that were removed', values.removed);
  tally.count('epochs', counted.epochs);
  tally.count('changes', counted.changes);
  tally.count('bytes that the heap grew by in 1,000 epochs', Math.round(1000 * growth.perEpoch));
  tally.count('of which chance may be', Math.round(1000 * growth.most));
  tally.count('kilobytes on the heap at last', Math.round((looks.at(-1)?.bytes ?? 0) / 1024));
  return { ...tally.report(), ...(kept.length === 0 ? {} : { lacks: `something of ${kept.length} epochs was kept` }) };
}

const tap = op({
  name: 'tap',
  codeVersion: '1',
  inputs: { y: input<readonly [sum: number, count: number]>() },
  run: ({ y: [sum, count] }) => `${sum} of ${count}`,
});

/** What live services of tortures are of, and one small step beside that. */
function soakedDefinitions(isLate: () => boolean): Definitions {
  const tapped = graph('tapped', { inputs: { y: input<readonly [sum: number, count: number]>() } }, ({ y }) => tap({ y }));
  return define({ assets: [...liveAssets(isLate), source<readonly [number, number]>('y'), assetsFromGraph(tapped)] });
}

const sums = feed<readonly [number, number], number>({ initial: [0, 0], fold: ([sum, count] = [0, 0], item) => [sum + item, count + 1] });

interface Look {
  readonly epochs: number;
  readonly bytes: number;
}

/**
 * How many bytes a heap grew by with each epoch: the median of what any two looks at it say, since one of them may have caught the store while it
 * forgets. The first half of the looks is left out: what has a bound fills up until then.
 */
function growthOf(looks: readonly Look[]): { readonly perEpoch: number; readonly most: number } {
  const later = looks.slice(Math.ceil(looks.length / 2));
  const slopes = later.flatMap((a, index) => later.slice(index + 1).map((b) => (b.bytes - a.bytes) / (b.epochs - a.epochs)));
  slopes.sort((a, b) => a - b);
  const span = (later.at(-1)?.epochs ?? 0) - (later[0]?.epochs ?? 0);
  return { perEpoch: slopes[Math.floor(slopes.length / 2)] ?? 0, most: span === 0 ? Infinity : NOISE_BYTES / span };
}

function disposable<T>(changes: AsyncIterable<T>): AsyncDisposable {
  const iterator = changes[Symbol.asyncIterator]();
  return {
    [Symbol.asyncDispose]: async () => {
      await iterator.return?.();
    },
  };
}

/** What is on the heap and cannot be collected. */
function heapBytes(): number {
  setFlagsFromString('--expose-gc');
  // With that flag every new context has it.
  const collect = runInNewContext('gc') as () => void;
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}
