import { deepStrictEqual, ok } from 'node:assert/strict';
import { assetsOf } from './arbitraries.ts';
import { accountOfRun } from './account.ts';
import { defineWorld } from './define-world.ts';
import { eventsOf, readersSee } from './law-bench.ts';
import { anyFirst, discard, harmless, once, part, recompute, type LawTrial } from './law-trial.ts';
import { keepAssets, keepSteps } from './rewrite.ts';

/** S1 */
export const soundness: LawTrial = {
  cases: { maxDefinitions: 3 },
  async check({ world, runs }, _, bench) {
    const defs = defineWorld(world);
    const store = await bench.store();
    for (const run of runs) {
      const head = await store.port.head();
      await bench.account(defs, run, { store, sources: world.sources });
      const added = (await eventsOf(store)).slice(head);
      const assets = added.flatMap((event) => ('key' in event && event.type !== 'source-observed' ? [event] : []));
      const unexpected = assets.filter((event) => event.type === 'asset-materialized' && event.unexpected);
      deepStrictEqual(
        assets.filter(({ key }) => !run.select.has(key)),
        unexpected,
      );
      ok(unexpected.length === 0 || run.unselectedOutputs === 'materialize', 'nothing is unexpected unless the policy says so');
    }
  },
};

/** S2 */
export const partition: LawTrial = {
  cases: anyFirst,
  async check({ world }, run, bench) {
    const { result, events } = await bench.play(world, run);
    deepStrictEqual(new Set<string>(result.outcomes.keys()), run.select);
    const logged = events.flatMap((event) => ('key' in event && event.type.startsWith('asset-') ? [event] : []));
    deepStrictEqual(new Set(logged.map(({ key }) => key)).size, logged.length, 'an asset has one event');
    for (const { key, type } of logged) deepStrictEqual([key, type], [key, `asset-${result.outcome(String(key))}`]);
  },
};

/** S7 */
export const monotonicity: LawTrial = {
  cases: { ...once, ...harmless, maxDefinitions: 3, policies: { ...recompute, ...discard } },
  async check({ world }, run, bench) {
    const smaller = await bench.play(world, { ...run, select: part(run.select, 1) });
    const larger = await bench.play(world, run);
    deepStrictEqual(
      [...smaller.recorded.keys()].filter((key) => !larger.recorded.has(key)),
      [],
    );
  },
};

/** S8 */
export const valueIndependence: LawTrial = {
  cases: { ...once, ...harmless, maxDefinitions: 3, policies: { ...recompute, unselectedOutputs: ['discard', 'materialize'] } },
  async check({ world }, run, bench) {
    const everything = await bench.play(world, { ...run, select: new Set(assetsOf(world)), unselectedOutputs: 'discard' });
    const { recorded } = await bench.play(world, run);
    for (const [key, version] of recorded) deepStrictEqual([key, version], [key, everything.recorded.get(key)]);
  },
};

/** S9 */
export const commutation: LawTrial = {
  cases: { ...once, ...harmless, policies: { ...recompute, ...discard } },
  async check({ world }, run, bench) {
    const needed = new Set(bench.planOf(defineWorld(world), run).steps.map(({ step }) => step.id));
    if (needed.size === 0) return;
    const restricted = keepAssets(
      keepSteps(world, (id) => needed.has(id)),
      (asset) => run.select.has(asset),
    );
    const some = await bench.play(world, run);
    const alone = await bench.play(restricted, run);
    const all = await bench.play(world, { ...run, select: new Set(assetsOf(world)) });
    deepStrictEqual(accountOfRun(alone), accountOfRun(some));
    deepStrictEqual(
      [...some.result.outcomes],
      [...all.result.outcomes].filter(([key]) => run.select.has(key)),
    );
    deepStrictEqual(some.recorded, new Map([...all.recorded].filter(([key]) => run.select.has(key))));
  },
};

/** S10 */
export const everythingAndNothing: LawTrial = {
  cases: anyFirst,
  async check({ world }, run, bench) {
    const defs = defineWorld(world);
    const { unselectedOutputs, inGraphUpstream } = run;
    const unselective = bench.plan(defs, { unselectedOutputs, inGraphUpstream, crossGraphUpstream: 'auto' });
    const complete = bench.planOf(defs, { ...run, select: new Set(assetsOf(world)) });
    deepStrictEqual(unselective.hash, complete.hash);
    const { sources } = world;
    deepStrictEqual(accountOfRun(await bench.run(unselective, { sources })), accountOfRun(await bench.run(complete, { sources })));
    const store = await bench.store();
    const { result, events } = await bench.play(world, { ...run, select: new Set() }, { store });
    deepStrictEqual([events, result.status, result.outcomes.size, await store.port.head()], [[], 'succeeded', 0, 0]);
  },
};

/** S11 */
export const sequentialIsJoint: LawTrial = {
  cases: { ...once, ...harmless, maxDefinitions: 3, policies: { ...recompute, ...discard } },
  async check({ world }, run, bench) {
    const defs = defineWorld(world);
    const [sequential, joint] = [await bench.store(), await bench.store()];
    const [first, second] = [part(run.select, 1), part(run.select, 2)];
    await bench.play(world, { ...run, select: first }, { defs, store: sequential });
    await bench.play(world, { ...run, select: second }, { defs, store: sequential });
    await bench.play(world, { ...run, select: new Set([...first, ...second]) }, { defs, store: joint });
    deepStrictEqual(await readersSee(defs, sequential), await readersSee(defs, joint));
  },
};

/** S22 */
export const usedIsNotMade: LawTrial = {
  cases: { ...once, ...harmless, maxDefinitions: 3, policies: recompute },
  async check({ world }, run, bench) {
    const { recorded, emitted } = await bench.play(world, run);
    const used = Object.entries(world.steps).flatMap(([id, { outputs }]) =>
      Object.entries(outputs).flatMap(([name, { asset }]) =>
        emitted.has(`${id}.${name}`) && asset !== undefined && !run.select.has(asset) ? [asset] : [],
      ),
    );
    const isRecorded = run.unselectedOutputs === 'materialize';
    deepStrictEqual(
      used.filter((asset) => recorded.has(asset) !== isRecorded),
      [],
    );
  },
};
