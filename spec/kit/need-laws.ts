import { deepStrictEqual, ok } from 'node:assert/strict';
import type { Definitions, Plan } from '../../index.ts';
import { defineWorld } from './define-world.ts';
import type { LawBench } from './law-bench.ts';
import { anyFirst, discard, once, part, recompute, type LawTrial } from './law-trial.ts';
import type { WorldCase, WorldRun } from './world-case.ts';

/** The outputs in need, as `step.output`. */
function outputsOf({ steps }: Plan): ReadonlySet<string> {
  return new Set(steps.flatMap(({ step, selectedOutputs }) => [...selectedOutputs].map((name) => `${step.id}.${name}`)));
}

function nameOf({ steps }: Plan, { step, output }: { readonly step: number; readonly output: number }): string {
  return `${steps[step]?.step.id ?? ''}.${steps[step]?.step.outputs[output]?.name ?? ''}`;
}

/** S3 */
export const necessity: LawTrial = {
  cases: { ...once, maxDefinitions: 3 },
  async check({ world }, run, bench) {
    const planned = bench.planOf(defineWorld(world), run);
    // Closed: what a planned step takes from the run is in need. Least: each output in need is selected, or taken by a planned step.
    const taken = planned.steps.flatMap(({ inputs }) =>
      inputs.flatMap(({ entries }) => entries.flatMap((entry) => (entry.from === 'step' ? [nameOf(planned, entry)] : []))),
    );
    const selected = Object.entries(world.steps).flatMap(([id, { outputs }]) =>
      Object.entries(outputs).flatMap(([name, { asset = '' }]) => (run.select.has(asset) ? [`${id}.${name}`] : [])),
    );
    deepStrictEqual(outputsOf(planned), new Set([...taken, ...selected]));
    ok(planned.steps.every(({ selectedOutputs }) => selectedOutputs.size > 0));
    const given = { store: await bench.store(), sources: world.sources };
    const { ran = {} } = await bench.account(defineWorld(world), run, given);
    const ids = planned.steps.map(({ step }) => step.id);
    deepStrictEqual(
      Object.keys(ran).filter((id) => !ids.includes(id)),
      [],
    );
  },
};

/** S4 */
export const whatABodyIsAskedFor: LawTrial = {
  cases: { ...anyFirst, policies: { ...recompute, ...discard } },
  async check({ world }, run, bench) {
    const asked = new Map<string, ReadonlySet<string>>();
    const defs = defineWorld(world, { watch: (step, _, selected) => asked.set(step, new Set(selected)) });
    const { ran, emitted, recorded } = await bench.play(world, run, { defs });
    deepStrictEqual(asked, ran);
    const { steps } = bench.planOf(defs, run);
    const due = steps.filter(({ step }) => asked.has(step.id));
    deepStrictEqual(asked, new Map(due.map(({ step, selectedOutputs }) => [step.id, new Set(selectedOutputs)])));
    const came = steps.flatMap(({ step }) =>
      step.outputs.flatMap(({ name, key }) => (key !== undefined && emitted.has(`${step.id}.${name}`) ? [key] : [])),
    );
    deepStrictEqual(new Set(recorded.keys()), new Set(came.filter((key) => run.select.has(key))));
  },
};

/** Two selections of one world, and what each needs. */
interface Needing {
  readonly defs: Definitions;
  readonly s: ReadonlySet<string>;
  readonly t: ReadonlySet<string>;
  readonly need: (select: ReadonlySet<string>, run?: Partial<WorldRun>) => ReadonlySet<string>;
}

function needing({ world, runs }: WorldCase, run: WorldRun, bench: LawBench): Needing {
  const defs = defineWorld(world);
  return {
    defs,
    s: runs.at(-1)?.select ?? run.select,
    t: runs.length > 1 ? (runs.at(-2)?.select ?? new Set()) : part(run.select, 1),
    // Where no path ends early, unless a policy says so.
    need: (select, policies = {}) =>
      outputsOf(bench.planOf(defs, { ...run, inGraphUpstream: 'recompute', crossGraphUpstream: 'recompute', ...policies, select })),
  };
}

const isSubset = (small: ReadonlySet<string>, large: ReadonlySet<string>): boolean => [...small].every((each) => large.has(each));

/** The assets whose outputs are in need. */
function assetsIn(defs: Definitions, outputs: ReadonlySet<string>): ReadonlySet<string> {
  const assets = defs.graph.steps.flatMap(({ id, outputs: made }) =>
    made.flatMap(({ name, key }) => (key !== undefined && outputs.has(`${id}.${name}`) ? [key] : [])),
  );
  return new Set(assets);
}

const union = (s: ReadonlySet<string>, t: ReadonlySet<string>): ReadonlySet<string> => new Set([...s, ...t]);

/** S5 */
export const needIsAClosure: LawTrial = {
  cases: { maxDefinitions: 3 },
  check(shape, run, bench) {
    const { defs, s, t, need } = needing(shape, run, bench);
    for (const policies of [{}, { inGraphUpstream: 'load', crossGraphUpstream: 'load' } as const]) {
      ok(isSubset(s, assetsIn(defs, need(s, policies))), 'extensive: what is selected is in need');
      ok(isSubset(need(s, policies), need(union(s, t), policies)), 'monotone: a larger selection needs no less');
    }
    deepStrictEqual(need(assetsIn(defs, need(s))), need(s), 'idempotent: selecting the assets in need needs nothing more');
  },
};

/** S6 */
export const needOfUnions: LawTrial = {
  cases: { maxDefinitions: 3 },
  check(shape, run, bench) {
    const { s, t, need } = needing(shape, run, bench);
    deepStrictEqual(need(union(s, t)), union(need(s), need(t)), 'what a union needs');
    const common = need(new Set([...s].filter((each) => t.has(each))));
    ok(isSubset(common, need(s)) && isSubset(common, need(t)), 'what an intersection needs');
    deepStrictEqual(need(new Set()), new Set(), 'nothing needs nothing');
  },
};

/** S21 */
export const plansAreValues: LawTrial = {
  cases: { maxDefinitions: 3, maxRuns: 1 },
  check({ world }, run, bench) {
    const defs = defineWorld(world);
    const planned = bench.planOf(defs, run);
    deepStrictEqual(partsOf(bench.planOf(defs, run)), partsOf(planned));
    deepStrictEqual(partsOf(bench.planOf(defineWorld(world), run)), partsOf(planned), 'definitions that are written twice');
    const reversed = { ...run, select: new Set([...run.select].toReversed()) };
    deepStrictEqual(bench.planOf(defs, reversed).hash, planned.hash, 'a selection in another order');
    const smaller = part(run.select, 1);
    const isOther = bench.planOf(defs, { ...run, select: smaller }).hash !== planned.hash;
    deepStrictEqual(isOther, smaller.size < run.select.size, 'another selection is another plan');
  },
};

const partsOf = ({ defs: _, ...parts }: Plan): unknown => ({
  ...parts,
  steps: parts.steps.map(({ step, ...rest }) => ({ ...rest, step: step.id })),
});
