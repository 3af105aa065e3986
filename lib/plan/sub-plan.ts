import { frozenSet } from '../kernel/frozen-collections.ts';
import { invariant } from '../kernel/invariant.ts';
import type { AssetKey } from '../model/asset-key.ts';
import { readSteps, type Plan, type PlannedEntry, type PlannedInput, type PlannedStep } from './plan.ts';

/** A part of a plan. */
export interface SubPlan<Assets> {
  readonly plan: Plan<Assets>;
  /** For each step of the part, its index in the whole. */
  readonly whole: readonly number[];
}

/**
 * The part of a plan that runs some of its steps. Steps that those read, and that do not run themselves, are in it without any inputs: what
 * they gave is known. The assets of the steps that run stay selected.
 */
export function subPlan<Assets>(plan: Plan<Assets>, running: ReadonlySet<number>): SubPlan<Assets> {
  const read = outputsRead(plan, running);
  const whole = [...running, ...read.keys()].sort((a, b) => a - b);
  const indexOf = new Map(whole.map((index, place) => [index, place]));
  const steps = whole.map((index, place) => {
    const planned = plan.steps[index];
    invariant(planned !== undefined, 'the part is made of steps of the plan');
    const outputs = read.get(index);
    return outputs === undefined ? moved(planned, place, indexOf) : known(planned, place, outputs);
  });
  const selection = frozenSet(selectedAmong(plan, running));
  return { plan: Object.freeze({ ...plan, selection, steps: Object.freeze(steps) }), whole };
}

/** What running steps read of steps that do not run: output indices by step. */
function outputsRead({ steps }: Plan, running: ReadonlySet<number>): ReadonlyMap<number, ReadonlySet<number>> {
  const read = new Map<number, Set<number>>();
  for (const entry of [...running].flatMap((index) => entriesOf(steps[index]))) {
    if (entry.from !== 'step' || running.has(entry.step)) continue;
    const outputs = read.get(entry.step);
    if (outputs === undefined) read.set(entry.step, new Set([entry.output]));
    else outputs.add(entry.output);
  }
  return read;
}

function selectedAmong({ steps, selection }: Plan, running: ReadonlySet<number>): readonly AssetKey[] {
  return [...running].flatMap((index) => {
    const { step, needed = [] } = steps[index] ?? {};
    return needed.flatMap((output) => {
      const key = step?.outputs[output]?.key;
      return key !== undefined && selection.has(key) ? [key] : [];
    });
  });
}

function entriesOf(planned: PlannedStep | undefined): readonly PlannedEntry[] {
  return planned?.inputs.flatMap(({ entries }) => entries) ?? [];
}

function moved(planned: PlannedStep, index: number, indexOf: ReadonlyMap<number, number>): PlannedStep {
  const inputs = planned.inputs.map((input): PlannedInput =>
    Object.freeze({ ...input, entries: Object.freeze(input.entries.map((entry) => movedEntry(entry, indexOf))) }),
  );
  // What it was only declared to come after, and what is not in the part, has settled long ago.
  const before = planned.predecessors.flatMap((step) => indexOf.get(step) ?? []);
  return Object.freeze({
    ...planned,
    index,
    inputs: Object.freeze(inputs),
    predecessors: Object.freeze([...new Set([...readSteps(inputs), ...before])]),
  });
}

function movedEntry(entry: PlannedEntry, indexOf: ReadonlyMap<number, number>): PlannedEntry {
  if (entry.from === 'store') return entry;
  const step = indexOf.get(entry.step);
  invariant(step !== undefined, 'what a step of the part reads is in it');
  return Object.freeze({ from: 'step', step, output: entry.output });
}

function known(planned: PlannedStep, index: number, outputs: ReadonlySet<number>): PlannedStep {
  const needed = planned.needed.filter((output) => outputs.has(output));
  return Object.freeze({
    ...planned,
    index,
    needed: Object.freeze(needed),
    selectedOutputs: frozenSet(needed.map((output) => planned.step.outputs[output]?.name ?? '')),
    inputs: Object.freeze([]),
    predecessors: Object.freeze([]),
  });
}
