import { runInNewContext } from 'node:vm';
import { setFlagsFromString } from 'node:v8';
import { live, type EpochReport } from '../../index.ts';
import type { PruneReport } from '../../lib/events/store-port.ts';
import { openStore } from '../../store/open-store.ts';
import { TortureFolder } from './folders.ts';
import { liveDefinitions } from './live-tape.ts';
import { Tally, type Torture, type TortureReport, type TortureRequest } from './torture.ts';

/** How much more there may be on the heap at the end than after the first quarter, whatever the number of epochs. */
const MOST_GROWTH_BYTES = 6 * 2 ** 20;
const AT_ONCE = 50;
/** By then the store has begun to forget for sure, and come through. */
const FIRST_PRUNE = 20_000;
const QUARTERS = 4;

/** Values that are kept each time that the store forgets, whatever the number of epochs: 100 versions of four assets and a source, and little more. */
const MOST_VALUES = 1000;

/** One service lives for many epochs: what it holds in memory does not grow with them, nor do the values that its store keeps. */
export const soak: Torture = {
  name: 'soak',
  about: 'one live service takes item after item; its heap and the values of its store stay flat, and each item is applied once',
  short: 1000,
  long: 2_000_000,
  run: (request) => soakService(request),
};

/** Lets a service live; `leak` keeps something of each epoch, as one that forgets nothing would; `versions` is how many of each asset are kept. */
export async function soakService(request: TortureRequest, { leak = false, versions = 100 } = {}): Promise<TortureReport> {
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
  const service = await live(liveDefinitions(), { store });
  const kept: unknown[] = [];
  const counted = { epochs: 0, changes: 0 };
  const onEpoch = (report: EpochReport): void => {
    counted.epochs += 1;
    if (leak) kept.push([report, Array.from({ length: 3000 }, () => report.epoch + 0.5)]);
  };
  service.epochs().subscribe(onEpoch);
  service.changes('summed').subscribe(() => (counted.changes += 1));
  // Somebody who never asks for a second one.
  await using idle = disposable(service.epochs({ lag: { policy: 'conflate' } }));
  const heap: number[] = [];
  for (let pushed = 0; pushed < request.count;) {
    const some = Math.min(AT_ONCE, request.count - pushed);
    await Promise.all(Array.from({ length: some }, (_, index) => service.push('x', (pushed + index) % 1009)));
    pushed += some;
    tally.pass(some);
    if (pushed >= ((heap.length + 1) * request.count) / QUARTERS) heap.push(heapBytes());
  }
  const [first = 0, ...later] = heap;
  const growth = Math.max(...later, heapBytes()) - first;
  void idle;
  if (growth > MOST_GROWTH_BYTES) tally.fail(`the heap grew by ${growth} bytes after the first quarter of ${request.count} epochs`);
  if (values.most > MOST_VALUES) tally.fail(`the store kept ${values.most} values`);
  const position = await service.durable();
  const seen = await service.current('summed');
  await service.close();
  const said = seen?.state === 'value' ? String(seen.value) : '';
  if (said !== `${sumOf(request.count)} after ${request.count}`) tally.fail(`after ${request.count} items the sum is "${said}"`);
  if (position + 1 !== (await store.port.head())) tally.fail(`the log ends at ${await store.port.head()}, and durable() said ${position}`);
  if (values.pruned === 0 && position > FIRST_PRUNE) tally.fail(`nothing was removed up to position ${position}`);
  tally.count('values that were kept at most', values.most);
  tally.count('values that were removed', values.removed);
  tally.count('epochs', counted.epochs);
  tally.count('changes', counted.changes);
  for (const [quarter, bytes] of heap.entries())
    tally.count(`kilobytes on the heap after quarter ${quarter + 1}`, Math.round(bytes / 1024));
  return { ...tally.report(), ...(kept.length === 0 ? {} : { lacks: `${kept.length} reports were kept` }) };
}

function sumOf(count: number): number {
  const rounds = Math.floor(count / 1009);
  const rest = count % 1009;
  return rounds * ((1008 * 1009) / 2) + (rest * (rest - 1)) / 2;
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
