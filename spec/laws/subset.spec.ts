import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LoggedEvent } from '../../index.ts';
import { memoryStore } from '../../lib/memory/index.ts';
import { accountOfRun, engineRuns, type Account } from '../kit/account.ts';
import { assetsOf, printCase, worldCase, type CaseConstraints } from '../kit/arbitraries.ts';
import { defineWorld, type DefinableWorld } from '../kit/define-world.ts';
import { smallWorlds, subsetsOf } from '../kit/enumerate.ts';
import { eventsOf, LawBench, readersSee } from '../kit/law-bench.ts';
import { anyFirst } from '../kit/law-trial.ts';
import { callableLaws } from '../kit/laws.ts';
import type { WorldCase, WorldRun } from '../kit/world-case.ts';
import { expectSame, ReferenceHistory } from './agree.ts';

// SLUICE_THOROUGH=1: ten times as many cases, and every policy on the largest small worlds.
const thorough = process.env['SLUICE_THOROUGH'] === '1';
const casesOf = (runs: number): number => (thorough ? 10 * runs : runs);

/** Checks a law of the list, as a user would. What fails is printed as a world with its runs, and with the seed. */
async function expectLaw(id: string, runs = 150): Promise<void> {
  const found = callableLaws.find((each) => each.id === id);
  if (found === undefined) throw new Error(`there is no law ${id} that can be called`);
  await fc.assert(found.property(), { numRuns: casesOf(runs) });
}

/** Checks something of random worlds that is no law of the list. */
function ofWorlds(constraints: CaseConstraints, check: (shape: WorldCase) => Promise<void>, runs = 150): Promise<void> {
  return fc.assert(fc.asyncProperty(worldCase(constraints), check), { numRuns: casesOf(runs) });
}

describe('engine = reference', () => {
  /** Selections run on one store after each other: later ones find what earlier ones left. */
  async function playSmall(world: DefinableWorld, runs: readonly WorldRun[]): Promise<number> {
    const defs = defineWorld(world);
    const store = memoryStore();
    const history = new ReferenceHistory(world);
    for (const [n, run] of runs.entries()) {
      const wanted = history.run(run);
      const got = await engineRuns(defs, run, { store, sources: world.sources });
      expectSame(got, wanted, () => printCase({ world, runs: runs.slice(0, n + 1) }));
    }
    return runs.length;
  }

  const policies = [
    { unselectedOutputs: 'discard', inGraphUpstream: 'load' },
    { unselectedOutputs: 'materialize', inGraphUpstream: 'recompute' },
    { unselectedOutputs: 'error', inGraphUpstream: 'load' },
    { unselectedOutputs: 'discard', inGraphUpstream: 'recompute' },
    { unselectedOutputs: 'materialize', inGraphUpstream: 'load' },
    { unselectedOutputs: 'error', inGraphUpstream: 'recompute' },
  ] as const;

  // A step of one output emits nothing beyond need, so "error" is "discard" here.
  const telling = policies.filter(({ unselectedOutputs }) => unselectedOutputs !== 'error');

  for (const [size, selections] of Object.entries({ 1: 2 * 3, 2: 2 * 5 * 3 ** 2, 3: 2 * 5 * 11 * 3 ** 3 })) {
    test(`on every world of ${size} steps that emit, leave out or fail, for every selection, under every policy`, async () => {
      const all = thorough || Number(size) < 3 ? policies : telling;
      let played = 0;
      for (const world of smallWorlds({ steps: Number(size), kinds: ['emits', 'absent', 'fails'] })) {
        for (const policy of all) {
          played += await playSmall(
            world,
            subsetsOf(assetsOf(world)).map((select) => ({ ...policy, select: new Set(select), crossGraphUpstream: 'load' })),
          );
        }
      }
      expect(played).toBe(selections * all.length);
    });
  }

  test('on every world of 4 steps that emit or leave out, for every selection, under policies in turn', { timeout: 600_000 }, async () => {
    let [played, turn] = [0, 1];
    // Turns are scattered: in step with the enumeration, one wiring would always meet the same policy.
    const inTurn = (): (typeof policies)[number] => telling[(turn = (turn * 48_271) % 2_147_483_647) % telling.length] ?? policies[0];
    for (const world of smallWorlds({ steps: 4, kinds: ['emits', 'absent'] })) {
      const selections = subsetsOf(assetsOf(world)).map((select) => new Set(select));
      const rounds = thorough ? telling.map((policy) => () => policy) : [inTurn];
      for (const policyOf of rounds) {
        played += await playSmall(
          world,
          selections.map((select) => ({ ...policyOf(), select, crossGraphUpstream: 'load' })),
        );
      }
    }
    // Node by node, 2 for one that nothing reads and 3 for others, over all wirings: 2 · 5 · 11 · 23 selections of assets, times 2⁴ kinds.
    expect(played).toBe(40_480 * (thorough ? telling.length : 1));
  });

  test('on random worlds of several definitions, nested graphs and all forms of bodies, run after run', async () => {
    const met = new Map<string, number>();
    const meet = (what: string): unknown => met.set(what, (met.get(what) ?? 0) + 1);
    await ofWorlds(
      { maxDefinitions: 3, holds: 0.2 },
      async ({ world, runs }) => {
        const defs = defineWorld(world);
        const store = memoryStore();
        const history = new ReferenceHistory(world);
        for (const [n, run] of runs.entries()) {
          // What "auto" may reuse is the business of other laws; in the first run there is nothing to reuse.
          const asked: WorldRun = n === 0 ? run : { ...run, crossGraphUpstream: 'load' };
          const wanted = history.run(asked);
          expect(await engineRuns(defs, asked, { store, sources: world.sources })).toEqual(wanted);
          expect(await readersSee(defs, store)).toEqual(history.stored);
          for (const what of meetings(wanted)) meet(what);
        }
      },
      1200,
    );
    // Every side of the rules was met.
    for (const what of ['refused', 'succeeded', 'skipped', 'failed', 'blocked', 'unexpected', 'loads'])
      expect([what, met.get(what) ?? 0]).toEqual([what, expect.toSatisfy((n: number) => n >= 20)]);
  });

  function meetings({ refused, settled = {}, unexpected = {}, loaded = {} }: Account): readonly string[] {
    if (refused !== undefined) return ['refused'];
    const loads = Object.values(loaded).some((keys) => keys.some((key) => key.startsWith('a_')));
    return [...new Set(Object.values(settled)), ...(Object.keys(unexpected).length > 0 ? ['unexpected'] : []), ...(loads ? ['loads'] : [])];
  }
});

describe('laws', () => {
  test('S1 soundness: only selected assets are recorded, but for the unexpected ones of X7 "materialize", which say so', () =>
    expectLaw('S1'));

  test('S2 partition: every selected asset has exactly one outcome, and no other asset has one (X10)', () => expectLaw('S2'));

  test('S3 necessity and sufficiency: a step is in the plan iff something selected reaches it, and only planned steps run', () =>
    expectLaw('S3'));

  test('S4 a body is asked for its outputs in need, and what is recorded of them is what is selected', () => expectLaw('S4'));

  test('S5 closure: need is extensive, monotone and idempotent', () => expectLaw('S5', 300));

  test('S6 union: need(s ∪ t) = need(s) ∪ need(t), and need(s ∩ t) ⊆ need(s) ∩ need(t)', () => expectLaw('S6', 300));

  test('S7 monotonicity: a larger selection records all that a smaller one does, when nothing fails', () => expectLaw('S7'));

  test('S8 value independence: an asset gets the same version whatever is selected beside it', () => expectLaw('S8'));

  test('S9 commutation: running a part = running all of what the part needs = the part of running all', () => expectLaw('S9'));

  test('S10 everything is nothing in particular; an empty selection runs nothing, writes nothing, and ends', () => expectLaw('S10'));

  test('S11 sequential = joint: two runs after each other leave readers what one run of both does', () => expectLaw('S11'));

  test('S12 order-blind: the order in which definitions, steps, ports and sources are declared changes nothing', () =>
    expectLaw('S12', 300));

  test('S13 flattening and names: a nested graph does what its steps do without it, and renaming changes no outcome and no version', () =>
    expectLaw('S13', 300));

  test('S14 dead branches: steps that nothing selected needs change nothing by being there', () => expectLaw('S14'));

  test('S15 a part of a definition that cannot be subset is refused before anything runs or is written', () => expectLaw('S15'));

  test('S16 emissions beyond need make no event of an asset and reach no step: by policy they are told, recorded, or fail their step', () =>
    expectLaw('S16'));

  test('S17 a required output in need that does not come fails the step, one not in need never does, and an optional one is absent', () =>
    expectLaw('S17'));

  test('S18 skip cone: an output that becomes absent changes nothing outside of what is downstream of it', () => expectLaw('S18'));

  test('S19 error cone: a failing step blocks what is downstream of it, changes nothing else, and records nothing of itself (X2, X8, X9)', () =>
    expectLaw('S19'));

  test('S21 plans are values: equal input gives an equal plan with an equal hash, also from definitions that are written twice', () =>
    expectLaw('S21'));

  test('S22 an asset that is only used is not recorded, unless X7 "materialize" says so', () => expectLaw('S22'));

  test('confluence: the order in which asynchronous bodies go on changes no outcome, no value and no event but its place', async () => {
    const property = fc.asyncProperty(
      worldCase({ ...anyFirst, forms: ['promise', 'async generator', 'observable', 'operator', 'record'] }),
      fc.scheduler(),
      fc.integer({ min: 1, max: 4 }),
      async ({ world, runs: [run] }, scheduler, concurrency) => {
        if (run === undefined) return;
        const [sync, shuffledStore] = [memoryStore({ now: () => 0 }), memoryStore({ now: () => 0 })];
        const bench = new LawBench({});
        const one = await bench.play(world, run, { store: sync });
        const defs = defineWorld(world, { pause: (step) => scheduler.schedule(Promise.resolve(), step) });
        const clock = { now: () => 0, timer: () => () => undefined, random: () => 0.5 };
        const options = { store: shuffledStore, sources: world.sources, concurrency, clock };
        const two = await scheduler.waitFor(bench.run(bench.planOf(defs, run), options));
        expect(accountOfRun(two)).toEqual(accountOfRun(one));
        expect(two.recorded).toEqual(one.recorded);
        expect(bag(await eventsOf(shuffledStore))).toEqual(bag(await eventsOf(sync)));
      },
    );
    await fc.assert(property, { numRuns: casesOf(300) });
  });

  /** Events without what differs from run to run, in no order. */
  function bag(events: readonly LoggedEvent[]): readonly string[] {
    const volatile = new Set(['runId', 'time', 'position', 'planHash', 'codeVersion', 'inputs', 'stack']);
    return events.map((event) => JSON.stringify(event, (name, value: unknown) => (volatile.has(name) ? undefined : value))).toSorted();
  }

  test('lineage is closed: every entry that was read names the earlier event that it came from (R2)', () =>
    ofWorlds({ maxDefinitions: 3 }, async ({ world, runs }) => {
      const defs = defineWorld(world);
      const store = memoryStore();
      for (const run of runs) await engineRuns(defs, run, { store, sources: world.sources });
      const events = await eventsOf(store);
      expect(events.map(({ position }) => position)).toEqual(events.map((_, index) => index + 1));
      const entries = events.flatMap((event) => ('inputs' in event ? event.inputs.map((entry) => ({ at: event.position, entry })) : []));
      expect(entries.filter(({ at, entry }) => !isClosed(entry, at, events))).toEqual([]);
    }));

  type Entry = Extract<LoggedEvent, { type: 'step-settled' }>['inputs'][number];

  function isClosed({ kind, origin, position }: Entry, at: number, events: readonly LoggedEvent[]): boolean {
    // Order alone may stand on an asset that was never stored.
    if (position === null) return kind === 'nothing' && origin.from === 'asset';
    const cause = events[position - 1];
    if (position >= at || cause === undefined) return false;
    if (origin.from === 'asset') return 'key' in cause && cause.key === origin.key;
    return cause.type === 'step-settled' && cause.step === origin.step && cause.definition === origin.definition;
  }
});
