import { quote } from '../kernel/print.ts';
import { isRecord } from '../kernel/record.ts';
import type { AssetKey } from '../model/asset-key.ts';
import type { DefinedAsset } from '../model/definitions.ts';
import type { SourceDefinition } from '../model/source.ts';
import type { Step } from '../model/step-graph.ts';
import { checkPlan, type Plan, type PlannedStep } from '../plan/plan.ts';
import { explainRun, type ExplainableRun, type RunExplanation } from './explain-run.ts';

/** What a plan does with one step, and why. */
export interface StepExplanation {
  readonly step: string;
  readonly verdict: 'runs' | 'left-out';
  readonly selectedOutputs: readonly string[];
  /** The part of the sentence after "since" or the colon, for sentences of one's own. */
  readonly reason: string;
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

/**
 * Explains a plan: why each step may run or is left out, and why each asset is recorded, used, loaded or left out. Or a run that is over:
 * what ran and why, and what was reused. Pure.
 *
 * @throws SelectionError INVALID_OPTION
 */
export function explain(plan: Plan): Explanation;
export function explain(result: ExplainableRun): RunExplanation;
export function explain(given: Plan | ExplainableRun): Explanation | RunExplanation {
  return isOver(given) ? explainRun(given) : explainPlan(given);
}

function isOver(given: unknown): given is ExplainableRun {
  return isRecord(given) && given['steps'] instanceof Map && given['outcomes'] instanceof Map;
}

function explainPlan(plan: Plan): Explanation {
  checkPlan('explain', plan);
  const facts: PlanFacts = {
    planned: new Map(plan.steps.map((each) => [each.step.index, each])),
    readers: readersOf(plan),
    loads: loadsOf(plan),
    reaching: reachingAssets(plan),
  };
  const steps = plan.defs.graph.steps.map((step) => explainStep(plan, step, facts));
  const sources = [...plan.defs.sources.values()].map((source) => explainSource(source, facts.loads.get(source.key)));
  const assets = [
    ...sources,
    ...[...plan.defs.assets.values()].map((asset) =>
      explainAsset(plan, asset, { loads: facts.loads.get(asset.key), planned: facts.planned.get(asset.step) }),
    ),
  ];
  return Object.freeze({
    steps: Object.freeze(steps),
    assets: Object.freeze(assets),
    toString: () => [...steps, ...assets].map(({ sentence }) => sentence).join('\n'),
  });
}

/** What is found out once for all sentences of a plan. Steps are by index in the whole graph. */
interface PlanFacts {
  readonly planned: ReadonlyMap<number, PlannedStep>;
  /** Step → what it gives to whom, a phrase each. */
  readonly readers: ReadonlyMap<number, ReadonlySet<string>>;
  /** Key → ids of the planned steps that read its stored value, or only wait for it. */
  readonly loads: ReadonlyMap<AssetKey, ReadonlySet<string>>;
  /** Steps with a path to an asset. */
  readonly reaching: ReadonlySet<number>;
}

function addTo<Key>(groups: Map<Key, Set<string>>, key: Key, member: string): void {
  const known = groups.get(key);
  if (known === undefined) groups.set(key, new Set([member]));
  else known.add(member);
}

function readersOf(plan: Plan): ReadonlyMap<number, ReadonlySet<string>> {
  const readers = new Map<number, Set<string>>();
  for (const { step, inputs } of plan.steps) {
    for (const entry of inputs.flatMap(({ entries }) => entries)) {
      const producer = entry.from === 'step' ? plan.steps[entry.step]?.step : undefined;
      if (producer === undefined || entry.from !== 'step') continue;
      const what = producer.op.declaresOutputs ? (producer.outputs[entry.output]?.name ?? '') : 'its value';
      addTo(readers, producer.index, `${what} to ${step.id}`);
    }
  }
  return readers;
}

function loadsOf(plan: Plan): ReadonlyMap<AssetKey, ReadonlySet<string>> {
  const loads = new Map<AssetKey, Set<string>>();
  for (const { step, inputs } of plan.steps) {
    for (const entry of inputs.flatMap(({ entries }) => entries)) if (entry.from === 'store') addTo(loads, entry.key, step.id);
  }
  return loads;
}

/** Against the flow, so that every step is looked at once, after all that read it. */
function reachingAssets({ defs }: Plan): ReadonlySet<number> {
  const reaching = new Set<number>();
  for (const { index, inputs, outputs } of [...defs.graph.steps].reverse()) {
    if (outputs.some(({ key }) => key !== undefined)) reaching.add(index);
    if (!reaching.has(index)) continue;
    for (const entry of inputs.flatMap(({ entries }) => entries)) if (entry.from === 'step') reaching.add(entry.step);
  }
  return reaching;
}

function explainStep(plan: Plan, step: Step, facts: PlanFacts): StepExplanation {
  const planned = facts.planned.get(step.index);
  if (planned === undefined) {
    const reason = whyLeftOut(step, facts);
    return { step: step.id, verdict: 'left-out', selectedOutputs: [], reason, sentence: `${step.id} is left out: ${reason}.` };
  }
  const selected = planned.needed.flatMap((output) => {
    const key = step.outputs[output]?.key;
    return key !== undefined && plan.selection.has(key) ? [`${quote(key)} is selected`] : [];
  });
  const readers = [...(facts.readers.get(step.index) ?? [])];
  const reasons = [...selected, ...(readers.length > 0 ? [`it gives ${few(readers)}`] : [])];
  const gated = step.outputs.filter(({ name }) => !planned.selectedOutputs.has(name)).map(({ name }) => name);
  const outputs = [...planned.selectedOutputs];
  const gate = gated.length === 0 ? '' : `; asked for ${few(outputs)}, not for ${few(gated)}, which nothing selected needs`;
  const reason = `${reasons.join(' and ')}${gate}`;
  return { step: step.id, verdict: 'runs', selectedOutputs: outputs, reason, sentence: `${step.id} runs, since ${reason}.` };
}

function whyLeftOut({ index, outputs }: Step, { reaching }: PlanFacts): string {
  if (!reaching.has(index)) return 'nothing of it reaches an asset (D6)';
  const keys = outputs.flatMap(({ key }) => key ?? []);
  return keys.length > 0 ? `nothing selected needs ${few(keys.map(quote))}` : 'no selected asset needs it';
}

interface AssetFacts {
  readonly loads: ReadonlySet<string> | undefined;
  readonly planned: PlannedStep | undefined;
}

function explainAsset(plan: Plan, asset: DefinedAsset, { loads, planned }: AssetFacts): AssetExplanation {
  const { key, step: index, outputIndex } = asset;
  const name = quote(key);
  const id = plan.defs.graph.steps[index]?.id ?? '';
  if (plan.selection.has(key)) return { key, verdict: 'selected', sentence: `${name} is selected: ${id} makes it and the run records it.` };
  const recorded = plan.policies.unselectedOutputs === 'materialize' ? 'recorded as unexpected' : 'not recorded';
  const isMade = planned?.needed.includes(outputIndex) === true;
  if (loads !== undefined) {
    const made = isMade ? ` The run makes it as well, for steps of its own definition; that value is ${recorded}.` : '';
    const sentence = `${name} is loaded from the store for ${few([...loads])}: it is not selected, and the policy says load.${made}`;
    return { key, verdict: 'loaded', sentence };
  }
  if (isMade) {
    return { key, verdict: 'used', sentence: `${name} is made and used but ${recorded}: the selection needs it and does not name it.` };
  }
  return { key, verdict: 'left-out', sentence: `${name} is left out: nothing selected needs it, and ${whyNotMade(plan, asset, planned)}.` };
}

function whyNotMade({ defs }: Plan, { step: index, outputIndex }: DefinedAsset, planned: PlannedStep | undefined): string {
  const step = defs.graph.steps[index];
  const id = step?.id ?? '';
  return planned === undefined
    ? `its step ${id} does not run`
    : `${id} runs without being asked for ${step?.outputs[outputIndex]?.name ?? ''}`;
}

function explainSource({ key, read }: SourceDefinition, loads: ReadonlySet<string> | undefined): AssetExplanation {
  if (loads === undefined) return { key, verdict: 'left-out', sentence: `${quote(key)} is a source that nothing selected reads.` };
  const how = read === undefined ? 'read from the store' : 'read anew when the run starts';
  return { key, verdict: 'loaded', sentence: `${quote(key)} is a source, ${how} for ${few([...loads])}.` };
}

function few(names: readonly string[]): string {
  if (names.length > 4) return `${names.slice(0, 3).join(', ')} and ${names.length - 3} more`;
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${String(names.at(-1))}`;
}
