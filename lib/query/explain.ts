import { quote } from '../kernel/print.ts';
import type { AssetKey } from '../model/asset-key.ts';
import type { DefinedAsset } from '../model/definitions.ts';
import type { Step } from '../model/step-graph.ts';
import type { Plan, PlannedStep } from '../plan/plan.ts';

/** What a plan does with one step, and why. */
export interface StepExplanation {
  readonly step: string;
  readonly verdict: 'runs' | 'left-out';
  readonly selectedOutputs: readonly string[];
  readonly sentence: string;
}

/** What a plan does with one asset or source, and why. */
export interface AssetExplanation {
  readonly key: AssetKey;
  readonly verdict: 'selected' | 'used' | 'loaded' | 'left-out';
  readonly sentence: string;
}

/** One sentence for every step and every asset of the definitions, planned or not. */
export interface Explanation {
  readonly steps: readonly StepExplanation[];
  readonly assets: readonly AssetExplanation[];
  /** All sentences, a line each. */
  toString(): string;
}

/** Explains a plan: why each step runs or is left out, and why each asset is recorded, used, loaded or left out. Pure. */
export function explain(plan: Plan): Explanation {
  const readers = readersOf(plan);
  const planned = new Map(plan.steps.map((each) => [each.step.index, each]));
  const loads = loadsOf(plan);
  const steps = plan.defs.graph.steps.map((step) =>
    explainStep(plan, step, { planned: planned.get(step.index), readers: readers.get(step.index) ?? [] }),
  );
  const sources = [...plan.defs.sources.keys()].map((key) => explainSource(key, loads.get(key)));
  const assets = [
    ...sources,
    ...[...plan.defs.assets.values()].map((asset) =>
      explainAsset(plan, asset, { loads: loads.get(asset.key), planned: planned.get(asset.step) }),
    ),
  ];
  return Object.freeze({
    steps: Object.freeze(steps),
    assets: Object.freeze(assets),
    toString: () => [...steps, ...assets].map(({ sentence }) => sentence).join('\n'),
  });
}

/** Step index → ids of the planned steps that read it, with the output that they read. */
function readersOf(plan: Plan): ReadonlyMap<number, readonly string[]> {
  const readers = new Map<number, string[]>();
  for (const { step, inputs } of plan.steps) {
    for (const entry of inputs.flatMap(({ entries }) => entries)) {
      const producer = entry.from === 'step' ? plan.steps[entry.step]?.step : undefined;
      if (producer === undefined || entry.from !== 'step') continue;
      const line = `${producer.outputs[entry.output]?.name ?? ''} for ${step.id}`;
      const known = readers.get(producer.index) ?? [];
      if (!known.includes(line)) readers.set(producer.index, [...known, line]);
    }
  }
  return readers;
}

/** Key → ids of the planned steps that read its stored value, or only wait for it. */
function loadsOf(plan: Plan): ReadonlyMap<AssetKey, readonly string[]> {
  const loads = new Map<AssetKey, string[]>();
  for (const { step, inputs } of plan.steps) {
    for (const entry of inputs.flatMap(({ entries }) => entries)) {
      if (entry.from !== 'store') continue;
      const known = loads.get(entry.key) ?? [];
      if (!known.includes(step.id)) loads.set(entry.key, [...known, step.id]);
    }
  }
  return loads;
}

interface StepFacts {
  readonly planned: PlannedStep | undefined;
  readonly readers: readonly string[];
}

function explainStep(plan: Plan, step: Step, { planned, readers }: StepFacts): StepExplanation {
  if (planned === undefined)
    return { step: step.id, verdict: 'left-out', selectedOutputs: [], sentence: `${step.id} is left out: ${whyLeftOut(plan, step)}.` };
  const selected = planned.needed.flatMap((output) => {
    const key = step.outputs[output]?.key;
    return key !== undefined && plan.selection.has(key) ? [`${quote(key)} is selected`] : [];
  });
  const reasons = [...selected, ...(readers.length > 0 ? [`it gives ${few(readers)}`] : [])];
  const gated = step.outputs.filter(({ name }) => !planned.selectedOutputs.has(name)).map(({ name }) => name);
  const outputs = [...planned.selectedOutputs];
  const gate = gated.length === 0 ? '' : `; asked for ${few(outputs)}, not for ${few(gated)}, which nothing selected needs`;
  return { step: step.id, verdict: 'runs', selectedOutputs: outputs, sentence: `${step.id} runs, since ${reasons.join(' and ')}${gate}.` };
}

function whyLeftOut(plan: Plan, step: Step): string {
  const keys = step.outputs.flatMap(({ key }) => key ?? []);
  if (!reachesAnyAsset(plan, step)) return 'nothing of it reaches an asset (D6)';
  if (keys.length > 0) return `nothing selected needs ${few(keys.map(quote))}`;
  return 'no selected asset needs it';
}

function reachesAnyAsset({ defs }: Plan, step: Step): boolean {
  const reaching = new Set([step.index]);
  // Steps are in topological order, so one pass downstream finds everything that reads this one.
  for (const { index, inputs, outputs } of defs.graph.steps.slice(step.index)) {
    const reads = inputs.some(({ entries }) => entries.some((entry) => entry.from === 'step' && reaching.has(entry.step)));
    if (reads) reaching.add(index);
    if (reaching.has(index) && outputs.some(({ key }) => key !== undefined)) return true;
  }
  return false;
}

interface AssetFacts {
  readonly loads: readonly string[] | undefined;
  readonly planned: PlannedStep | undefined;
}

function explainAsset(plan: Plan, { key, step: index, outputIndex }: DefinedAsset, { loads, planned }: AssetFacts): AssetExplanation {
  const step = plan.defs.graph.steps[index];
  const id = step?.id ?? '';
  const name = quote(key);
  if (plan.selection.has(key)) return { key, verdict: 'selected', sentence: `${name} is selected: ${id} makes it and the run records it.` };
  if (loads !== undefined)
    return {
      key,
      verdict: 'loaded',
      sentence: `${name} is loaded from the store for ${few(loads)}: it is not selected, and the policy says load.`,
    };
  if (planned?.needed.includes(outputIndex) === true) {
    const recorded = plan.policies.unselectedOutputs === 'materialize' ? 'recorded as unexpected' : 'not recorded';
    return { key, verdict: 'used', sentence: `${name} is made and used but ${recorded}: the selection needs it and does not name it.` };
  }
  const gated =
    planned === undefined ? `its step ${id} does not run` : `${id} runs without being asked for ${step?.outputs[outputIndex]?.name ?? ''}`;
  return { key, verdict: 'left-out', sentence: `${name} is left out: nothing selected needs it, and ${gated}.` };
}

function explainSource(key: AssetKey, loads: readonly string[] | undefined): AssetExplanation {
  if (loads === undefined) return { key, verdict: 'left-out', sentence: `${quote(key)} is a source that nothing selected reads.` };
  return { key, verdict: 'loaded', sentence: `${quote(key)} is a source, read from the store for ${few(loads)}.` };
}

function few(names: readonly string[]): string {
  if (names.length > 4) return `${names.slice(0, 3).join(', ')} and ${names.length - 3} more`;
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${String(names.at(-1))}`;
}
