import { deepStrictEqual, ok } from 'node:assert/strict';
import type { AssetKey } from '../../index.ts';
import { defineWorld, type DefinableWorld } from './define-world.ts';
import { discard, harmless, once, recompute, type LawTrial } from './law-trial.ts';
import { downstreamSteps, withBody } from './rewrite.ts';
import type { Tapped } from './tap.ts';

/** The assets that a step's outputs are. */
function assetsOfStep({ steps }: DefinableWorld, id: string): readonly string[] {
  return Object.values(steps[id]?.outputs ?? {}).flatMap(({ asset }) => asset ?? []);
}

/** S16 */
export const emissionsBeyondNeed: LawTrial = {
  cases: { ...once, behaviours: ['all'], maxDefinitions: 3, policies: recompute },
  async check({ world }, run, bench) {
    const discarding = await bench.play(world, { ...run, unselectedOutputs: 'discard' });
    expectDiscarded(world, run.select, discarding);
    const failing = await bench.play(world, { ...run, unselectedOutputs: 'error' });
    for (const [id, selected] of failing.ran) {
      const isComplete = Object.keys(world.steps[id]?.outputs ?? {}).length === selected.size;
      deepStrictEqual([id, failing.settled.get(id)], [id, isComplete ? 'succeeded' : 'failed'], 'under "error"');
    }
    const recording = await bench.play(world, { ...run, unselectedOutputs: 'materialize' });
    const emitted = [...recording.ran.keys()].flatMap((id) => assetsOfStep(world, id));
    deepStrictEqual(new Set(recording.recorded.keys()), new Set(emitted), 'under "materialize"');
    deepStrictEqual(new Set<string>(recording.result.unexpected), new Set(emitted.filter((key) => !run.select.has(key))));
    deepStrictEqual(recording.ran, discarding.ran);
  },
};

function expectDiscarded(world: DefinableWorld, select: ReadonlySet<string>, tapped: Tapped): void {
  const { ran, settled, discarded, emitted, events } = tapped;
  const beyond = [...ran].flatMap(([id, selected]) =>
    Object.keys(world.steps[id]?.outputs ?? {}).flatMap((name) => (selected.has(name) ? [] : [`${id}.${name}`])),
  );
  deepStrictEqual(discarded, new Set(beyond), 'a diagnostic tells of each');
  deepStrictEqual(
    [...discarded].filter((output) => emitted.has(output)),
    [],
  );
  ok(new Set(settled.values()).size <= 1, 'nothing fails of it');
  const unasked = events.filter((event) => 'key' in event && event.type.startsWith('asset-') && !select.has(String(event.key)));
  deepStrictEqual(unasked, []);
}

/** S17 */
export const requiredAndOptional: LawTrial = {
  cases: { ...once, behaviours: ['omit', 'selected'], maxDefinitions: 3, policies: { ...recompute, ...discard } },
  async check({ world }, run, bench) {
    const emissions = new Map<string, ReadonlySet<string>>();
    const watch = (step: string, inputs: Readonly<Record<string, unknown>>, selected: ReadonlySet<string>): unknown =>
      emissions.set(step, new Set([...(world.steps[step]?.emit(inputs, selected) ?? [])].map(([name]) => name)));
    const { ran, settled, emitted, result } = await bench.play(world, run, { defs: defineWorld(world, { watch }) });
    for (const [id, selected] of ran) {
      const missing = [...selected].filter((name) => emissions.get(id)?.has(name) !== true);
      const fails = missing.some((name) => world.steps[id]?.outputs[name]?.required === true);
      deepStrictEqual([id, settled.get(id)], [id, fails ? 'failed' : 'succeeded']);
      deepStrictEqual(
        missing.filter((name) => emitted.has(`${id}.${name}`)),
        [],
      );
      const lost = missing.flatMap((name) => world.steps[id]?.outputs[name]?.asset ?? []).filter((key) => run.select.has(key));
      for (const key of lost) deepStrictEqual([key, result.outcome(key)], [key, fails ? 'failed' : 'absent']);
    }
    deepStrictEqual(settled.size, result.plan.steps.length);
  },
};

/** S18 */
export const skipCone: LawTrial = {
  cases: { ...once, ...harmless, maxDefinitions: 3, policies: { ...recompute, ...discard } },
  async check({ world }, run, bench) {
    const before = await bench.play(world, run);
    const optional = [...before.emitted]
      .map((each) => each.split(/\.(?=[^.]+$)/))
      .filter(([id = '', name = '']) => world.steps[id]?.outputs[name]?.required === false);
    for (const [id = '', name = ''] of optional.slice(0, 2)) {
      const after = await bench.play(silenced(world, id, name), run);
      const key = world.steps[id]?.outputs[name]?.asset ?? '';
      expectSameOutside({ world, before, after }, downstreamSteps(world, id, name), [key]);
      // Keys of a world are printed ones.
      deepStrictEqual(after.result.outcomes.get(key as AssetKey), run.select.has(key) ? 'absent' : undefined);
      expectReaders(world, after);
    }
  },
};

/** The same world, in which one output never comes. */
function silenced(world: DefinableWorld, id: string, name: string): DefinableWorld {
  return withBody(
    world,
    id,
    (emit) =>
      function* silent(inputs, selected) {
        for (const emission of emit(inputs, selected)) if (emission[0] !== name) yield emission;
      },
  );
}

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
    deepStrictEqual([id, event.outcome], [id, isGone === true ? 'skipped' : 'succeeded']);
  }
}

interface Change {
  readonly world: DefinableWorld;
  readonly before: Tapped;
  readonly after: Tapped;
}

function expectSameOutside({ world, before, after }: Change, cone: ReadonlySet<string>, keys: readonly string[]): void {
  const changed = new Set([...keys, ...[...cone].flatMap((id) => assetsOfStep(world, id))]);
  const without = <T>(all: ReadonlyMap<string, T>, left: ReadonlySet<string>): ReadonlyMap<string, T> =>
    new Map([...all].filter(([name]) => !left.has(name)));
  deepStrictEqual(without(after.settled, cone), without(before.settled, cone));
  deepStrictEqual(without(after.recorded, changed), without(before.recorded, changed));
  deepStrictEqual(without(after.result.outcomes, changed), without(before.result.outcomes, changed));
}

/** S19 */
export const errorCone: LawTrial = {
  cases: { ...once, maxDefinitions: 3, policies: recompute },
  async check({ world }, run, bench) {
    const before = await bench.play(world, run);
    expectAtomic(world, before);
    for (const id of [...before.ran.keys()].slice(0, 2)) {
      const after = await bench.play(broken(world, id), run);
      const cone = downstreamSteps(world, id);
      const keys = assetsOfStep(world, id);
      expectSameOutside({ world, before, after }, new Set([id, ...cone]), keys);
      deepStrictEqual([id, after.settled.get(id)], [id, 'failed']);
      // Whatever the wire (a value, a list, order alone): blocked, even where another input is absent.
      deepStrictEqual(
        [...cone].filter((reader) => (after.settled.get(reader) ?? 'blocked') !== 'blocked'),
        [],
      );
      deepStrictEqual(after.result.success, false);
      for (const key of keys) if (run.select.has(key)) deepStrictEqual([key, after.result.outcome(key)], [key, 'failed']);
    }
  },
};

function broken(world: DefinableWorld, id: string): DefinableWorld {
  return withBody(world, id, () => () => {
    throw new Error('broken');
  });
}

/** X8: what did not succeed has recorded nothing of itself, also where it had emitted. */
function expectAtomic(world: DefinableWorld, { settled, recorded }: Tapped): void {
  const unsuccessful = [...settled].filter(([, outcome]) => outcome !== 'succeeded');
  deepStrictEqual(
    unsuccessful.flatMap(([id]) => assetsOfStep(world, id)).filter((key) => recorded.has(key)),
    [],
  );
}
