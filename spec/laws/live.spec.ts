import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { refresh } from '../../index.ts';
import { memoryStore } from '../../lib/memory/index.ts';
import { history } from './incremental-arbitraries.ts';
import { eventsFrom, openEntries } from './incremental-checks.ts';
import { History } from './incremental-history.ts';
import { casesOf } from './incremental-play.ts';
import { arrival, arrive, deterministic, playing, policy, pure } from './live-arrivals.ts';
import { lastOf, playTape, refreshedAtOnce, storeWithout, tapeOf, withoutRuns } from './live-play.ts';

describe('laws of live mode', () => {
  test('I1, I9 whatever came in whichever epochs, assets are as after one refresh on the same inputs on a new store', async () => {
    // What is held depends on what came before.
    const shapes = history({ ...pure, holds: 0 });
    const property = fc.asyncProperty(shapes, policy, fc.array(arrival, { maxLength: 25 }), async (shape, epochs, arrivals) => {
      const running = await playing(shape, { epochs });
      await arrive(running, arrivals);
      const { played, store, service, clock } = running;
      expect(await lastOf(store), played.print()).toEqual(await refreshedAtOnce(played, Object.fromEntries(played.values)));
      await service.close();
      expect(clock.waiting()).toBe(0);
      expect(openEntries(await eventsFrom(store, 1))).toEqual([]);
    });
    await fc.assert(property, { numRuns: casesOf(60) });
  });

  test('X3, R6 an item at a time, assets are as after a refresh for each, also where inputs hold and versions are derived', async () => {
    const shapes = history({ ...pure, holds: 6, derived: 3 });
    const property = fc.asyncProperty(shapes, fc.array(arrival, { maxLength: 12 }), async (shape, arrivals) => {
      const running = await playing(shape, { epochs: {} });
      const { played, store, service } = running;
      const refreshed = memoryStore();
      const options = { store: refreshed, throwOnFailure: false };
      await refresh(played.defs, { ...options, sources: Object.fromEntries(played.values) });
      for (const each of arrivals) {
        if (each.do !== 'push') continue;
        await arrive(running, [each]);
        await refresh(played.defs, { ...options, sources: Object.fromEntries(played.values) });
        expect(await lastOf(store), played.print()).toEqual(await lastOf(refreshed));
      }
      await service.close();
      expect(openEntries(await eventsFrom(store, 1))).toEqual([]);
    });
    await fc.assert(property, { numRuns: casesOf(40) });
  });

  test('I12 in whichever order asynchronous steps end, the log is the same', async () => {
    const property = fc.asyncProperty(
      history({ ...pure, later: 8 }),
      fc.scheduler(),
      fc.array(arrival, { maxLength: 12 }),
      async (shape, scheduler, arrivals) => {
        const running = await playing(shape, {
          epochs: {},
          playing: { pause: (step) => scheduler.schedule(Promise.resolve(), step) },
          settle: (run) => scheduler.waitFor(run),
        });
        await arrive(running, arrivals);
        const { played, store, service } = running;
        const synchronous = await playing(shape, { epochs: {} });
        await arrive(synchronous, arrivals);
        // Not only the same state: the same events in the same places.
        expect(withoutRuns(await eventsFrom(store, 1)), played.print()).toEqual(withoutRuns(await eventsFrom(synchronous.store, 1)));
        await scheduler.waitFor(service.close());
        await synchronous.service.close();
      },
    );
    await fc.assert(property, { numRuns: casesOf(30) });
  });

  test('L1 killed at any write, before or after it is there, the log goes on as if nothing had been', async () => {
    let [killed, written] = [0, 0];
    const property = fc.asyncProperty(
      history({ ...pure, later: 2 }),
      fc.record({
        values: fc.array(fc.nat({ max: 5 }), { minLength: 1, maxLength: 14, size: 'max' }),
        every: fc.integer({ min: 1, max: 5 }),
        again: fc.nat({ max: 6 }),
        chunk: fc.integer({ min: 1, max: 6 }),
        epochs: deterministic,
        window: fc.integer({ min: 1, max: 4 }),
        kills: fc.array(fc.record({ append: fc.nat({ max: 5 }), isWritten: fc.boolean() }), { minLength: 1, maxLength: 4 }),
      }),
      async (shape, { values, every, again, chunk, epochs, window, kills }) => {
        const tape = tapeOf(values, every);
        const [whole, broken] = [new History(shape), new History(shape)];
        const [calm, rough] = [await storeWithout(whole), await storeWithout(broken)];
        await playTape(whole, calm.port, { playing: { tape, reading: { again: 0, chunk: 1 }, epochs, window: 1 }, kills: [] });
        await playTape(broken, rough.port, { playing: { tape, reading: { again, chunk }, epochs, window }, kills });
        const [expected, got] = [await eventsFrom(calm.store, 1), await eventsFrom(rough.store, 1)];
        expect(withoutRuns(got), whole.print()).toEqual(withoutRuns(expected));
        expect(openEntries(got)).toEqual([]);
        killed += (await rough.store.runs()).filter(({ ended }) => ended === null).length;
        written += got.length;
      },
    );
    await fc.assert(property, { numRuns: casesOf(50) });
    expect(killed).toBeGreaterThan(20);
    expect(written).toBeGreaterThan(500);
  });

  test('lossless observers of random worlds see each change once, conflating ones a strictly increasing part that ends with the last', async () => {
    const property = fc.asyncProperty(
      history({ ...pure, maxSteps: 5 }),
      policy,
      fc.array(arrival, { maxLength: 20 }),
      fc.constantFrom('settled' as const, 'durable' as const),
      async (shape, epochs, arrivals, at) => {
        const running = await playing(shape, { epochs });
        const { service, played, store } = running;
        await service.durable();
        const head = await store.port.head();
        const keys = [...played.defs.assets.keys()];
        const pushedTo = new Map(keys.map((key) => [key, [] as string[]]));
        const subscriptions = keys.map((key) =>
          service
            .changes(key, { at })
            .subscribe((change) => pushedTo.get(key)?.push(change.state === 'value' ? change.version : change.state)),
        );
        const reports: number[] = [];
        subscriptions.push(service.epochs({ at }).subscribe(({ epoch }) => reports.push(epoch)));
        const conflating = service.epochs({ at, lag: { policy: 'conflate' } })[Symbol.asyncIterator]();
        const seen: number[] = [];
        await arrive(running, arrivals.slice(0, 10));
        if (reports.length > 0) seen.push((await conflating.next()).value?.epoch ?? -1);
        const middle = reports.length;
        await arrive(running, arrivals.slice(10));
        if (reports.length > middle) seen.push((await conflating.next()).value?.epoch ?? -1);
        for (const key of keys) {
          const logged = (await eventsFrom(store, head + 1)).flatMap((event) => {
            if ((event.type !== 'asset-materialized' && event.type !== 'asset-absent') || event.key !== key) return [];
            return event.type === 'asset-absent' ? 'absent' : event.version;
          });
          expect([key, pushedTo.get(key)], played.print()).toEqual([key, logged]);
        }
        expect(reports).toEqual(reports.map((_, index) => (reports[0] ?? 0) + index));
        expect(seen).toEqual(seen.toSorted((a, b) => a - b));
        expect(seen.at(-1)).toBe(reports.at(-1));
        for (const subscription of subscriptions) subscription.unsubscribe();
        await conflating.return?.();
        await service.close();
      },
    );
    await fc.assert(property, { numRuns: casesOf(30) });
  });

  test('I2, I3, I4 in an epoch a step runs at most once, on what the log says it read, and never on what it last succeeded with', async () => {
    const property = fc.asyncProperty(history(pure), policy, fc.array(arrival, { maxLength: 20 }), async (shape, epochs, arrivals) => {
      const called: string[] = [];
      const running = await playing(shape, { epochs, playing: { watch: (step) => void called.push(step) } });
      const { service, store, played } = running;
      const ran: string[] = [];
      service.epochs({ at: 'settled' }).subscribe((report) => {
        expect(new Set(report.ran).size, played.print()).toBe(report.ran.length);
        ran.push(...report.ran);
      });
      await arrive(running, arrivals);
      await service.close();
      expect(called.length).toBe(ran.length);
      const last = new Map<string, string>();
      const again: string[] = [];
      for (const event of await eventsFrom(store, 1)) {
        if (event.type !== 'step-settled') continue;
        const id = `${event.definition}:${event.step}`;
        const read = JSON.stringify(event.inputs.map(({ input, state }) => [input, state]));
        if (event.attempts > 0 && last.get(id) === read) again.push(id);
        if (event.outcome === 'succeeded' || event.outcome === 'failed') last.set(id, read);
      }
      expect(again, played.print()).toEqual([]);
    });
    await fc.assert(property, { numRuns: casesOf(40) });
  });
});
