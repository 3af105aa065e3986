import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LoggedEvent } from '../../index.ts';
import { livePort } from '../../lib/events/tail.ts';
import type { LivePort } from '../../lib/events/store-port.ts';
import { memoryStore } from '../../lib/memory/index.ts';
import { ready } from '../operators/rig/deferred.ts';
import { interferingPort } from '../operators/rig/live-rig.ts';
import { history, type HistoryCase } from './incremental-arbitraries.ts';
import { eventsFrom, openEntries } from './incremental-checks.ts';
import { casesOf } from './incremental-play.ts';
import { deterministic, pure } from './live-arrivals.ts';
import { lastOf, withoutRuns } from './live-play.ts';
import { playStages, stagesOf, type StagePlaying, type StageSeed } from './live-stages.ts';

/** What a service that is updated may be updated to: other code, names and wires, steps that are new and that are gone. */
const changing = { ...pure, later: 2, maxSteps: 6, actions: ['code', 'rename', 'op', 'nest', 'remove', 'asset', 'optional', 'rewire', 'add'] } as const; // prettier-ignore

const stages = (
  constraints: Parameters<typeof history>[0],
): fc.Arbitrary<{ readonly shape: HistoryCase; readonly seeds: readonly StageSeed[] }> => {
  const values = fc.array(fc.nat({ max: 5 }), { minLength: 1, maxLength: 4 });
  const chosen = fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat({ max: 255 }) });
  return fc
    .record({
      // Its actions are what the second stage begins with, those of another history what the third one does.
      shape: history({ ...constraints, maxActions: 3 }),
      again: history({ ...constraints, maxActions: 3 }),
      rest: fc.array(fc.record({ values, chosen }), { minLength: 2, maxLength: 3 }),
    })
    .map(({ shape, again, rest }) => {
      const changes = [[], shape.actions, again.actions];
      const seeds = rest.map((each, index) => ({
        ...each,
        changes: (changes[index] ?? []).flatMap((act) => (act.do === 'run' ? [] : [act])),
      }));
      return { shape, seeds };
    });
};

const manner = fc.record({
  epochs: deterministic,
  window: fc.integer({ min: 1, max: 3 }),
  again: fc.nat({ max: 4 }),
  turns: fc.nat({ max: 3 }),
});

/** A log in which a service came to the end of its stages, and how often it was written to. */
async function played(
  { shape, seeds }: { readonly shape: HistoryCase; readonly seeds: readonly StageSeed[] },
  playing: (port: LivePort) => StagePlaying & { readonly turns: number },
  kills: Parameters<typeof playStages>[2]['kills'],
) {
  const store = memoryStore();
  // What is read of it beside what comes.
  for (const [index, value] of shape.sources.entries()) if (index > 0) await store.put(`x${index}`, value);
  const inner = livePort(store.port);
  let appends = 0;
  const { turns, ...how } = playing(inner);
  const beforeAppend = async (): Promise<void> => {
    appends += 1;
    // What has settled is on its way for so long.
    await ready(turns);
  };
  await playStages(() => stagesOf(shape, seeds), interferingPort(inner, { beforeAppend }), { playing: how, kills });
  return { store, appends, log: await eventsFrom(store, 1) };
}

const startsOf = (log: readonly LoggedEvent[]) => log.flatMap((event) => (event.type === 'run-started' ? [event] : []));

describe('a service that is updated', () => {
  test(
    'L13 killed at each write, before or after it is there, and started again as it was or as it was to be, the log goes on as if nothing had been',
    { timeout: casesOf(120_000) },
    async () => {
      let [kills, again, inUpdate] = [0, 0, 0];
      const property = fc.asyncProperty(stages(changing), manner, async (world, how) => {
        const never = { ...how, isRushed: false, isLate: () => Promise.resolve(false) };
        const calm = await played(world, () => ({ ...never, window: 1, again: 0, turns: 0 }), []);
        const hashes = startsOf(calm.log).map(({ planHash }) => planHash);
        expect(hashes).toHaveLength(world.seeds.length);
        const expected = withoutRuns(calm.log);
        for (let append = 0; append < calm.appends; append += 1)
          for (const isWritten of [false, true]) {
            // Who was updated, as far as the log says, goes on from that; who was not may begin with either.
            const isLate =
              (port: LivePort) =>
              async (stage: number): Promise<boolean> => {
                const last = startsOf(await port.read(1, await port.head())).at(-1);
                const isUpdated = last?.planHash === hashes[stage + 1];
                if (isUpdated) inUpdate += 1;
                else if (append % 2 === 0) again += 1;
                return !isUpdated && append % 2 === 0;
              };
            const { store, log } = await played(world, (port) => ({ ...never, isLate: isLate(port) }), [{ append, isWritten }]);
            expect(withoutRuns(log)).toEqual(expected);
            expect(openEntries(log)).toEqual([]);
            kills += (await store.runs()).filter(({ ended }) => ended === null).length;
          }
      });
      await fc.assert(property, { numRuns: casesOf(12) });
      expect(kills).toBeGreaterThan(100);
      expect(Math.min(again, inUpdate)).toBeGreaterThan(10);
    },
  );

  test(
    'L13 whenever that is, and whatever it is started with, what is selected at last is as if it had never been killed',
    { timeout: casesOf(120_000) },
    async () => {
      let late = 0;
      const kills = fc.array(fc.record({ append: fc.nat({ max: 7 }), isWritten: fc.boolean() }), { minLength: 1, maxLength: 4 });
      // What is held depends on what came before.
      const worlds = stages({ ...changing, holds: 0 });
      const property = fc.asyncProperty(worlds, manner, kills, fc.boolean(), async (world, how, killed, isRushed) => {
        const calm = await played(world, () => ({ ...how, isRushed: false, isLate: () => Promise.resolve(false) }), []);
        const isLate = (): Promise<boolean> => Promise.resolve((late += 1) > 0);
        const { store, log } = await played(world, () => ({ ...how, isRushed, isLate }), killed);
        const selected = new Set((await stagesOf(world.shape, world.seeds)).at(-1)?.select);
        const [wanted, got] = [await lastOf(calm.store), await lastOf(store)].map((last) =>
          Object.entries(last).filter(([key]) => selected.has(key)),
        );
        expect(got).toEqual(wanted);
        expect(await store.value('x0')).toBe(await calm.store.value('x0'));
        expect(openEntries(log)).toEqual([]);
      });
      await fc.assert(property, { numRuns: casesOf(60) });
      expect(late).toBeGreaterThan(10);
    },
  );
});
