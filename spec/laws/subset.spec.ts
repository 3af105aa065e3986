import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { plan, type AssetKey, type Definitions, type LoggedEvent, type Plan, type Store } from '../../index.ts';
import { memoryStore } from '../../lib/memory/index.ts';
import { assetsOf, printCase, worldCase, type CaseConstraints } from '../kit/arbitraries.ts';
import type { WorldCase, WorldRun } from '../kit/world-case.ts';
import { defineWorld, type DefinableWorld } from '../kit/define-world.ts';
import { smallWorlds, subsetsOf } from '../kit/enumerate.ts';
import type { State } from '../kit/reference.ts';
import { tap, type Tapped } from '../kit/tap.ts';
import { harmlessBehaviours } from '../kit/world-op.ts';
import { accountOfRun, engineRuns, expectSame, ReferenceHistory, type Account } from './agree.ts';
import { downstreamSteps, flattened, keepAssets, keepSteps, renamed, shuffled, withBody } from './rewrite.ts';

// SLUICE_THOROUGH=1: ten times as many cases, and every policy on the largest small worlds.
const thorough = process.env['SLUICE_THOROUGH'] === '1';

/** Checks a law on random worlds. What fails is printed as a world with its runs, and with the seed. */
function law(constraints: CaseConstraints, check: (shape: WorldCase, run: WorldRun) => Promise<void> | void, runs = 150): Promise<void> {
  const property = fc.asyncProperty(worldCase(constraints), async (shape) => {
    const [first] = shape.runs;
    if (first !== undefined) await check(shape, first);
  });
  return fc.assert(property, { numRuns: thorough ? 10 * runs : runs });
}

/** Nothing fails, and whether an output comes does not depend on what else is selected. */
const harmless = { behaviours: harmlessBehaviours } as const;
const once = { maxRuns: 1 } as const;
const recompute = { inGraphUpstream: ['recompute'], crossGraphUpstream: ['recompute'] } as const;
const discard = { unselectedOutputs: ['discard'] } as const;
const anyFirst = { ...once, maxDefinitions: 3, policies: recompute } as const;

function planOf(defs: Definitions, { select, crossGraphUpstream, ...policies }: WorldRun): Plan {
  return plan(defs, { select: [...select], ...policies, crossGraphUpstream: crossGraphUpstream === 'load' ? 'load' : 'auto' });
}

interface Running {
  readonly defs?: Definitions;
  readonly store?: Store;
}

/** One run, on a store of its own unless one is given. */
function play(world: DefinableWorld, run: WorldRun, { defs = defineWorld(world), store = memoryStore() }: Running = {}): Promise<Tapped> {
  return tap(planOf(defs, run), { store, sources: world.sources });
}

/** A part of a selection that its own print decides, so that cases shrink and repeat. */
function part(select: ReadonlySet<string>, salt: number): ReadonlySet<string> {
  return new Set([...select].filter((_, i) => ((i * 7 + salt * 13) >> 2) % 2 === 0));
}

/** What readers get of every asset now. */
async function readersSee(defs: Definitions, store: Store): Promise<ReadonlyMap<string, State>> {
  const states = new Map<string, State>();
  for (const key of defs.assets.keys()) {
    const latest = await store.latest(key);
    if (latest !== undefined) states.set(key, latest.type === 'asset-absent' ? 'absent' : { value: await store.value(key) });
  }
  return states;
}

async function eventsOf(store: Store): Promise<readonly LoggedEvent[]> {
  const events: LoggedEvent[] = [];
  for await (const event of store.events()) events.push(event);
  return events;
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
    test(
      `on every world of ${size} steps that emit, leave out or fail, for every selection, under every policy`,
      { timeout: 120_000 },
      async () => {
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
      },
    );
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

  test('on random worlds of several definitions, nested graphs and all forms of bodies, run after run', { timeout: 60_000 }, async () => {
    const met = new Map<string, number>();
    const meet = (what: string): unknown => met.set(what, (met.get(what) ?? 0) + 1);
    await law(
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
    law({ maxDefinitions: 3 }, async ({ world, runs }) => {
      const defs = defineWorld(world);
      const store = memoryStore();
      for (const run of runs) {
        const head = await store.port.head();
        await engineRuns(defs, run, { store, sources: world.sources });
        const assets = (await eventsOf(store))
          .slice(head)
          .flatMap((event) => ('key' in event && event.type !== 'source-observed' ? [event] : []));
        const unexpected = assets.filter((event) => event.type === 'asset-materialized' && event.unexpected);
        expect(assets.filter(({ key }) => !run.select.has(key))).toEqual(unexpected);
        expect(unexpected.length > 0 && run.unselectedOutputs !== 'materialize').toBe(false);
      }
    }));

  test('S2 partition: every selected asset has exactly one outcome, and no other asset has one (X10)', () =>
    law(anyFirst, async ({ world }, run) => {
      const { result, events } = await play(world, run);
      expect(new Set(result.outcomes.keys())).toEqual(run.select);
      const logged = events.flatMap((event) => ('key' in event && event.type.startsWith('asset-') ? [event] : []));
      expect(new Set(logged.map(({ key }) => key)).size).toBe(logged.length);
      for (const { key, type } of logged) expect(type).toBe(`asset-${result.outcome(String(key))}`);
    }));

  test('S3 necessity and sufficiency: a step is in the plan iff something selected reaches it, and only planned steps run', () =>
    law({ ...once, maxDefinitions: 3 }, async ({ world }, run) => {
      const planned = planOf(defineWorld(world), run);
      const needed = new Set(
        planned.steps.flatMap(({ step, selectedOutputs }) => [...selectedOutputs].map((name) => `${step.id}.${name}`)),
      );
      // Closed: what a planned step takes from the run is in need. Least: each output in need is selected, or taken by a planned step.
      const taken = new Set(
        planned.steps.flatMap(({ inputs }) =>
          inputs.flatMap(({ entries }) => entries.flatMap((entry) => (entry.from === 'step' ? [nameOf(planned, entry)] : []))),
        ),
      );
      const selected = Object.entries(world.steps).flatMap(([id, { outputs }]) =>
        Object.entries(outputs).flatMap(([name, { asset = '' }]) => (run.select.has(asset) ? [`${id}.${name}`] : [])),
      );
      expect(needed).toEqual(new Set([...taken, ...selected]));
      expect(planned.steps.every(({ selectedOutputs }) => selectedOutputs.size > 0)).toBe(true);
      const { ran = {} } = await engineRuns(defineWorld(world), run, { store: memoryStore(), sources: world.sources });
      const ids = planned.steps.map(({ step }) => step.id);
      expect(Object.keys(ran).filter((id) => !ids.includes(id))).toEqual([]);
    }));

  function nameOf({ steps }: Plan, { step, output }: { readonly step: number; readonly output: number }): string {
    return `${steps[step]?.step.id ?? ''}.${steps[step]?.step.outputs[output]?.name ?? ''}`;
  }

  test('S4 a body is asked for its outputs in need, and what is recorded of them is what is selected', () =>
    law({ ...anyFirst, policies: { ...recompute, ...discard } }, async ({ world }, run) => {
      const asked = new Map<string, ReadonlySet<string>>();
      const defs = defineWorld(world, { watch: (step, _, selected) => asked.set(step, new Set(selected)) });
      const { ran, emitted, recorded } = await play(world, run, { defs });
      expect(asked).toEqual(ran);
      const { steps } = planOf(defs, run);
      expect(asked).toEqual(
        new Map(steps.flatMap(({ step, selectedOutputs }) => (asked.has(step.id) ? [[step.id, new Set(selectedOutputs)]] : []))),
      );
      const came = steps.flatMap(({ step }) =>
        step.outputs.flatMap(({ name, key }) => (key !== undefined && emitted.has(`${step.id}.${name}`) ? [key] : [])),
      );
      expect(new Set(recorded.keys())).toEqual(new Set(came.filter((key) => run.select.has(key))));
    }));

  test('S7 monotonicity: a larger selection records all that a smaller one does, when nothing fails', () =>
    law({ ...once, ...harmless, maxDefinitions: 3, policies: { ...recompute, ...discard } }, async ({ world }, run) => {
      const smaller = await play(world, { ...run, select: part(run.select, 1) });
      const larger = await play(world, run);
      expect([...smaller.recorded.keys()].filter((key) => !larger.recorded.has(key))).toEqual([]);
    }));

  test('S8 value independence: an asset gets the same version whatever is selected beside it', () =>
    law(
      { ...once, ...harmless, maxDefinitions: 3, policies: { ...recompute, unselectedOutputs: ['discard', 'materialize'] } },
      async ({ world }, run) => {
        const everything = await play(world, { ...run, select: new Set(assetsOf(world)), unselectedOutputs: 'discard' });
        const { recorded } = await play(world, run);
        for (const [key, version] of recorded) expect([key, version]).toEqual([key, everything.recorded.get(key)]);
      },
    ));

  test('S9 commutation: running a part = running all of what the part needs = the part of running all', () =>
    law({ ...once, ...harmless, policies: { ...recompute, ...discard } }, async ({ world }, run) => {
      const needed = new Set(planOf(defineWorld(world), run).steps.map(({ step }) => step.id));
      if (needed.size === 0) return;
      const restricted = keepAssets(
        keepSteps(world, (id) => needed.has(id)),
        (asset) => run.select.has(asset),
      );
      const [some, alone, all] = [
        await play(world, run),
        await play(restricted, run),
        await play(world, { ...run, select: new Set(assetsOf(world)) }),
      ];
      expect(accountOfRun(alone)).toEqual(accountOfRun(some));
      expect([...some.result.outcomes]).toEqual([...all.result.outcomes].filter(([key]) => run.select.has(key)));
      expect(some.recorded).toEqual(new Map([...all.recorded].filter(([key]) => run.select.has(key))));
    }));

  test('S10 selecting everything is selecting nothing in particular', () =>
    law(anyFirst, async ({ world }, run) => {
      const defs = defineWorld(world);
      const { unselectedOutputs, inGraphUpstream } = run;
      const unselective = plan(defs, { unselectedOutputs, inGraphUpstream, crossGraphUpstream: 'auto' });
      const complete = planOf(defs, { ...run, select: new Set(assetsOf(world)) });
      expect(unselective.hash).toBe(complete.hash);
      expect(accountOfRun(await tap(unselective, { sources: world.sources }))).toEqual(
        accountOfRun(await tap(complete, { sources: world.sources })),
      );
    }));

  test('S10 an empty selection runs nothing, writes nothing, and ends', () =>
    law({ maxDefinitions: 3 }, async ({ world }, run) => {
      const store = memoryStore();
      const { result, events } = await play(world, { ...run, select: new Set() }, { store });
      expect([events, result.status, result.outcomes.size, await store.port.head()]).toEqual([[], 'succeeded', 0, 0]);
    }));

  test('S11 sequential = joint: two runs after each other leave readers what one run of both does', () =>
    law({ ...once, ...harmless, maxDefinitions: 3, policies: { ...recompute, ...discard } }, async ({ world }, run) => {
      const defs = defineWorld(world);
      const [sequential, joint] = [memoryStore(), memoryStore()];
      const [first, second] = [part(run.select, 1), part(run.select, 2)];
      await play(world, { ...run, select: first }, { defs, store: sequential });
      await play(world, { ...run, select: second }, { defs, store: sequential });
      await play(world, { ...run, select: new Set([...first, ...second]) }, { defs, store: joint });
      expect(await readersSee(defs, sequential)).toEqual(await readersSee(defs, joint));
    }));

  test('S12 order-blind: the order in which definitions, steps, ports and sources are declared changes nothing', async () => {
    const shuffles = fc.infiniteStream(fc.nat({ max: 999 }));
    const cases = worldCase({ ...anyFirst, maxNesting: 0 });
    const property = fc.asyncProperty(cases, shuffles, async ({ world, runs: [run] }, stream) => {
      if (run === undefined) return;
      const other = shuffled(world, (n) => (stream.next().value ?? 0) % n);
      const [one, two] = [await play(world, run), await play(other, run)];
      expect(accountOfRun(two)).toEqual(accountOfRun(one));
      expect(two.recorded).toEqual(new Map([...two.recorded].map(([key]) => [key, one.recorded.get(key)])));
    });
    await fc.assert(property, { numRuns: thorough ? 3000 : 300 });
  });

  test('S13 flattening: a nested graph does what its steps do without it', () =>
    law({ ...anyFirst, maxNesting: 3 }, async ({ world }, run) => {
      const flat = flattened(world);
      const [nested, other] = [accountOfRun(await play(world, run)), accountOfRun(await play(flat.world, run))];
      expect(other).toEqual(withIds(nested, flat.newId));
    }));

  test('S13 names: renaming steps, nested graphs, ops and ports changes no outcome and no version', () =>
    law(anyFirst, async ({ world }, run) => {
      const other = renamed(world);
      const [before, after] = [await play(world, run), await play(other.world, run)];
      expect(after.recorded).toEqual(before.recorded);
      expect(after.result.outcomes).toEqual(before.result.outcomes);
      expect(Object.keys(accountOfRun(after).settled ?? {}).toSorted()).toEqual(
        Object.keys(withIds(accountOfRun(before), other.newId).settled ?? {}).toSorted(),
      );
    }));

  function withIds(account: Account, newId: ReadonlyMap<string, string>): Account {
    const ids = <T>(record: Readonly<Record<string, T>> = {}): Readonly<Record<string, T>> =>
      Object.fromEntries(Object.entries(record).map(([id, each]) => [newId.get(id) ?? id, each]));
    return { ...account, ran: ids(account.ran ?? {}), loaded: ids(account.loaded ?? {}), settled: ids(account.settled ?? {}) };
  }

  test('S14 dead branches: steps that nothing selected needs change nothing by being there', () =>
    law(anyFirst, async ({ world }, run) => {
      const several = new Set(Object.values(world.steps).map(({ definition }) => definition)).size > 1;
      const needed = new Set(planOf(defineWorld(world), run).steps.map(({ step }) => step.id));
      const pruned = keepSteps(world, (id) => needed.has(id));
      const left = new Set(Object.values(pruned.steps).map(({ definition }) => definition)).size;
      // A lone definition's steps are printed without its name.
      if (left === 0 || (several && left === 1)) return;
      expect(accountOfRun(await play(pruned, run))).toEqual(accountOfRun(await play(world, run)));
    }));

  test('S15 a part of a definition that cannot be subset is refused before anything runs or is written', () =>
    law({ ...once, maxDefinitions: 2 }, async ({ world }, run) => {
      const started: string[] = [];
      const defs = defineWorld(world, { canSubset: false, watch: (step) => started.push(step) });
      const store = memoryStore();
      const partial = defs.definitions.filter(({ assets }) => {
        const chosen = [...assets.keys()].filter((key) => run.select.has(key)).length;
        return chosen > 0 && chosen < assets.size;
      });
      const account = await engineRuns(defs, run, { store, sources: world.sources });
      expect(account.refused?.[0] === 'NOT_SUBSETTABLE').toBe(partial.length > 0);
      expect(partial.length > 0 && (started.length > 0 || (await store.port.head()) > 0)).toBe(false);
    }));

  test('S16 an emission on an output not in need makes no event of an asset and reaches no step; a diagnostic says so', () =>
    law({ ...once, behaviours: ['all'], maxDefinitions: 3, policies: { ...recompute, ...discard } }, async ({ world }, run) => {
      const { ran, settled, discarded, emitted, events } = await play(world, run);
      const beyond = [...ran].flatMap(([id, selected]) =>
        Object.keys(world.steps[id]?.outputs ?? {})
          .filter((name) => !selected.has(name))
          .map((name) => `${id}.${name}`),
      );
      expect(discarded).toEqual(new Set(beyond));
      expect([...discarded].filter((output) => emitted.has(output))).toEqual([]);
      expect(new Set(settled.values()).size).toBeLessThanOrEqual(1);
      expect(events.filter((event) => 'key' in event && event.type.startsWith('asset-') && !run.select.has(String(event.key)))).toEqual([]);
    }));

  test('S16 under "error" it fails the step, and under "materialize" it records the asset as unexpected and reaches no step', () =>
    law({ ...once, behaviours: ['all'], maxDefinitions: 3, policies: recompute }, async ({ world }, run) => {
      const failing = await play(world, { ...run, unselectedOutputs: 'error' });
      for (const [id, selected] of failing.ran) {
        const isComplete = Object.keys(world.steps[id]?.outputs ?? {}).length === selected.size;
        expect([id, failing.settled.get(id)]).toEqual([id, isComplete ? 'succeeded' : 'failed']);
      }
      const recording = await play(world, { ...run, unselectedOutputs: 'materialize' });
      const emittedKeys = [...recording.ran.keys()].flatMap((id) =>
        Object.values(world.steps[id]?.outputs ?? {}).flatMap(({ asset }) => asset ?? []),
      );
      expect(new Set(recording.recorded.keys())).toEqual(new Set(emittedKeys));
      expect(new Set(recording.result.unexpected)).toEqual(new Set(emittedKeys.filter((key) => !run.select.has(key))));
      expect(recording.ran).toEqual((await play(world, { ...run, unselectedOutputs: 'discard' })).ran);
    }));

  test('S17 a required output in need that does not come fails the step, one not in need never does, and an optional one is absent', () =>
    law(
      { ...once, behaviours: ['omit', 'selected'], maxDefinitions: 3, policies: { ...recompute, ...discard } },
      async ({ world }, run) => {
        const emissions = new Map<string, ReadonlySet<string>>();
        const watch = (step: string, inputs: Readonly<Record<string, unknown>>, selected: ReadonlySet<string>): unknown =>
          emissions.set(step, new Set([...(world.steps[step]?.emit(inputs, selected) ?? [])].map(([name]) => name)));
        const { ran, settled, emitted, result } = await play(world, run, { defs: defineWorld(world, { watch }) });
        for (const [id, selected] of ran) {
          const missing = [...selected].filter((name) => emissions.get(id)?.has(name) !== true);
          const fails = missing.some((name) => world.steps[id]?.outputs[name]?.required === true);
          expect([id, settled.get(id)]).toEqual([id, fails ? 'failed' : 'succeeded']);
          for (const name of missing) expect(emitted.has(`${id}.${name}`)).toBe(false);
          const lost = missing.flatMap((name) => world.steps[id]?.outputs[name]?.asset ?? []).filter((key) => run.select.has(key));
          for (const key of lost) expect([key, result.outcome(key)]).toEqual([key, fails ? 'failed' : 'absent']);
        }
        expect(settled.size).toBe(result.plan.steps.length);
      },
    ));

  test('S18 skip cone: an output that becomes absent changes nothing outside of what is downstream of it', () =>
    law({ ...once, ...harmless, maxDefinitions: 3, policies: { ...recompute, ...discard } }, async ({ world }, run) => {
      const before = await play(world, run);
      const optional = [...before.emitted]
        .map((each) => each.split(/\.(?=[^.]+$)/))
        .filter(([id = '', name = '']) => world.steps[id]?.outputs[name]?.required === false);
      for (const [id = '', name = ''] of optional.slice(0, 2)) {
        const silenced = withBody(
          world,
          id,
          (emit) =>
            function* silent(inputs, selected) {
              for (const emission of emit(inputs, selected)) if (emission[0] !== name) yield emission;
            },
        );
        const after = await play(silenced, run);
        const cone = downstreamSteps(world, id, name);
        const key = world.steps[id]?.outputs[name]?.asset ?? '';
        expectSameOutside({ world, before, after }, cone, new Set([key]));
        expect(after.result.outcomes.get(key as AssetKey)).toBe(run.select.has(key) ? 'absent' : undefined);
        expectReaders(world, after);
      }
    }));

  /** X3 at every step, by what the log says of its inputs: skipped iff some required input has entries and none of them came. */
  function expectReaders(world: DefinableWorld, { events, result }: Tapped): void {
    const ids = new Map(result.plan.steps.map(({ step }) => [`${step.definition}:${step.path}`, step.id]));
    for (const event of events) {
      if (event.type !== 'step-settled') continue;
      const id = ids.get(`${event.definition}:${event.step}`) ?? '';
      const isGone = world.steps[id]?.inputs.some(({ name, optional }) => {
        const entries = event.inputs.filter(({ input }) => input === name);
        return !optional && entries.length > 0 && entries.every(({ state }) => state.state === 'absent');
      });
      expect([id, event.outcome]).toEqual([id, isGone === true ? 'skipped' : 'succeeded']);
    }
  }

  interface Change {
    readonly world: DefinableWorld;
    readonly before: Tapped;
    readonly after: Tapped;
  }

  function expectSameOutside({ world, before, after }: Change, cone: ReadonlySet<string>, keys: ReadonlySet<string>): void {
    const changed = new Set([
      ...keys,
      ...[...cone].flatMap((id) => Object.values(world.steps[id]?.outputs ?? {}).flatMap(({ asset }) => asset ?? [])),
    ]);
    const outsideSteps = <T>(steps: ReadonlyMap<string, T>): ReadonlyMap<string, T> => new Map([...steps].filter(([id]) => !cone.has(id)));
    const outsideAssets = <T>(assets: ReadonlyMap<string, T>): ReadonlyMap<string, T> =>
      new Map([...assets].filter(([key]) => !changed.has(key)));
    expect(outsideSteps(after.settled)).toEqual(outsideSteps(before.settled));
    expect(outsideAssets(after.recorded)).toEqual(outsideAssets(before.recorded));
    expect(outsideAssets(after.result.outcomes)).toEqual(outsideAssets(before.result.outcomes));
  }

  test('S19 error cone: a failing step changes its own outcome and blocks what is downstream of it, and nothing else (X2, X9)', () =>
    law({ ...once, maxDefinitions: 3, policies: recompute }, async ({ world }, run) => {
      const before = await play(world, run);
      for (const id of [...before.ran.keys()].slice(0, 2)) {
        const broken = withBody(world, id, () => () => {
          throw new Error('broken');
        });
        const after = await play(broken, run);
        const cone = downstreamSteps(world, id);
        const keys = Object.values(world.steps[id]?.outputs ?? {}).flatMap(({ asset }) => asset ?? []);
        expectSameOutside({ world, before, after }, new Set([id, ...cone]), new Set(keys));
        expect(after.settled.get(id)).toBe('failed');
        // Whatever the wire (a value, a list, order alone): blocked, even where another input is absent.
        expect([...cone].filter((reader) => (after.settled.get(reader) ?? 'blocked') !== 'blocked')).toEqual([]);
        expect(after.result.success).toBe(false);
        const own = keys.filter((key) => run.select.has(key)).map((key) => after.result.outcome(key));
        expect(own.every((outcome) => outcome === 'failed')).toBe(true);
      }
    }));

  test('S19 a step that fails after it has emitted records nothing of itself (X8)', () =>
    law({ ...once, behaviours: ['late'], maxDefinitions: 2, policies: recompute }, async ({ world }, run) => {
      const { settled, recorded } = await play(world, run);
      const unsuccessful = [...settled].filter(([, outcome]) => outcome !== 'succeeded');
      const keys = unsuccessful.flatMap(([id]) => Object.values(world.steps[id]?.outputs ?? {}).flatMap(({ asset }) => asset ?? []));
      expect(keys.filter((key) => recorded.has(key))).toEqual([]);
    }));

  test('S22 an asset that is only used is not recorded, unless X7 "materialize" says so', () =>
    law({ ...once, ...harmless, maxDefinitions: 3, policies: recompute }, async ({ world }, run) => {
      const { recorded, emitted } = await play(world, run);
      const used = Object.entries(world.steps).flatMap(([id, { outputs }]) =>
        Object.entries(outputs).flatMap(([name, { asset }]) =>
          emitted.has(`${id}.${name}`) && asset !== undefined && !run.select.has(asset) ? [asset] : [],
        ),
      );
      const isRecorded = run.unselectedOutputs === 'materialize';
      expect(used.filter((asset) => recorded.has(asset) !== isRecorded)).toEqual([]);
    }));

  test('confluence: the order in which asynchronous bodies go on changes no outcome, no value and no event but its place', async () => {
    const property = fc.asyncProperty(
      worldCase({ ...anyFirst, forms: ['promise', 'async generator', 'observable', 'operator', 'record'] }),
      fc.scheduler(),
      fc.integer({ min: 1, max: 4 }),
      async ({ world, runs: [run] }, scheduler, concurrency) => {
        if (run === undefined) return;
        const [sync, shuffledStore] = [memoryStore({ now: () => 0 }), memoryStore({ now: () => 0 })];
        const one = await play(world, run, { store: sync });
        const defs = defineWorld(world, { pause: (step) => scheduler.schedule(Promise.resolve(), step) });
        const clock = { now: () => 0, timer: () => () => undefined, random: () => 0.5 };
        const two = await scheduler.waitFor(tap(planOf(defs, run), { store: shuffledStore, sources: world.sources, concurrency, clock }));
        expect(accountOfRun(two)).toEqual(accountOfRun(one));
        expect(two.recorded).toEqual(one.recorded);
        expect(bag(await eventsOf(shuffledStore))).toEqual(bag(await eventsOf(sync)));
      },
    );
    await fc.assert(property, { numRuns: thorough ? 3000 : 300 });
  });

  /** Events without what differs from run to run, in no order. */
  function bag(events: readonly LoggedEvent[]): readonly string[] {
    const volatile = new Set(['runId', 'time', 'position', 'planHash', 'codeVersion', 'inputs', 'stack']);
    return events.map((event) => JSON.stringify(event, (name, value: unknown) => (volatile.has(name) ? undefined : value))).toSorted();
  }

  test('lineage is closed: every entry that was read names the earlier event that it came from (R2)', () =>
    law({ maxDefinitions: 3 }, async ({ world, runs }) => {
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
