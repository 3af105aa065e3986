import fc from 'fast-check';
import { live, type EpochPolicy, type Store } from '../../index.ts';
import { memoryStore } from '../../lib/memory/index.ts';
import { manualClock, type ManualClock } from '../operators/rig/manual-clock.ts';
import type { HistoryConstraints } from './incremental-arbitraries.ts';
import { History, type Playing } from './incremental-history.ts';

/** Steps whose outputs are functions of what is declared, are kept, and whose code is trusted for ever. */
export const pure: HistoryConstraints = {
  passing: 0,
  voids: 0,
  volatile: 0,
  together: 2,
  unversioned: 0,
  maxSteps: 7,
  actions: ['put'],
};

const policies: readonly fc.Arbitrary<EpochPolicy>[] = [
  fc.constant({}),
  fc.record({ items: fc.integer({ min: 1, max: 4 }) }),
  fc.constant({ marks: true as const }),
];

/** Any epoch policy. */
export const policy: fc.Arbitrary<EpochPolicy> = fc.oneof(...policies, fc.constant({ ms: 10 }));

/** Under which a history of epochs follows from what came. */
export const deterministic: fc.Arbitrary<EpochPolicy> = fc.oneof(...policies);

/** Something that happens to a service. Sources are counted modulo those that there are. */
export type Arrival =
  { readonly do: 'push'; readonly source: number; readonly value: number } | { readonly do: 'mark' | 'turn' | 'tick' | 'settle' };

/** Mostly items, and now and then what an epoch may end with. */
export const arrival: fc.Arbitrary<Arrival> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('push' as const), source: fc.nat({ max: 1 }), value: fc.nat({ max: 5 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('mark' as const, 'turn' as const, 'tick' as const, 'settle' as const) }) },
);

/** How a service is played. */
export interface Watching {
  readonly epochs: EpochPolicy;
  readonly playing?: Playing;
  readonly settle?: <T>(run: Promise<T>) => Promise<T>;
  readonly store?: Store;
}

type Shape = ConstructorParameters<typeof History>[0];

/** A service of a random world, with all that is needed to play it. */
export interface Played {
  readonly played: History;
  readonly store: Store;
  readonly clock: ManualClock;
  readonly service: Awaited<ReturnType<typeof live>>;
  readonly settle: <T>(run: Promise<T>) => Promise<T>;
}

/** A service on a store that has every source. */
export async function playing(shape: Shape, { epochs, playing, settle, store = memoryStore() }: Watching): Promise<Played> {
  const played = new History(shape, playing);
  const clock = manualClock();
  for (const [key, value] of played.values) await store.put(key, value);
  const service = await live(played.defs, { store, clock, epochs });
  return { played, store, clock, service, settle: settle ?? (async <T>(run: Promise<T>): Promise<T> => run) };
}

/** Lets things arrive, and waits until all of it is on disk. */
export async function arrive({ played, clock, service, settle }: Played, arrivals: readonly Arrival[]): Promise<void> {
  const pushed: Promise<unknown>[] = [];
  for (const each of arrivals) {
    if (each.do === 'push') {
      const key = played.sources[each.source % played.sources.length] ?? '';
      played.values.set(key, each.value);
      pushed.push(service.push(key, each.value));
    } else if (each.do === 'mark') service.mark();
    else if (each.do === 'tick') clock.advance(5);
    else if (each.do === 'settle') await settle(service.settled());
    else await new Promise((resolve) => setImmediate(resolve));
  }
  await settle(service.durable());
  await settle(Promise.all(pushed));
}
