import type { Served } from '../../lib/events/service.ts';
import { quote } from '../../lib/kernel/print.ts';
import type { Step } from '../../lib/model/step-graph.ts';
import type { Plan, PlannedEntry, PlannedInput, PlannedStep } from '../../lib/plan/plan.ts';
import { codeVersionOf } from '../run/code-version.ts';

/** What a plan keeps up to date: its steps, as their traces tell them, and which of their outputs each selected asset is. */
export function servedBy(plan: Plan): Served {
  const served = new Map<string, string>();
  for (const planned of plan.steps) {
    const { step } = planned;
    served.set(`step ${quote(step.path)} of ${quote(step.definition)}`, JSON.stringify(rowOf(plan, planned)));
    for (const [output, { key }] of step.outputs.entries())
      if (key !== undefined && plan.selection.has(key)) served.set(`asset ${quote(key)}`, JSON.stringify(placeOf(step, output)));
  }
  return served;
}

function rowOf(plan: Plan, { step, config, inputs, needed }: PlannedStep): readonly unknown[] {
  const { op } = step;
  // Where outputs are made together, who makes others of them drops those of the other one (D8).
  const together = op.outputsTogether ? needed : null;
  return [op.name, codeVersionOf(plan, step), config?.hash ?? null, inputs.map((input) => wiringOf(plan, input)), together];
}

function wiringOf(plan: Plan, { name, kind, optional, hold, entries }: PlannedInput): readonly unknown[] {
  return [name, kind, optional, hold, entries.map((entry) => originOf(plan, entry))];
}

/** An asset that is loaded counts as the output that it is. */
function originOf({ steps, defs }: Plan, entry: PlannedEntry): readonly unknown[] {
  if (entry.from === 'step') return placeOf(steps[entry.step]?.step, entry.output);
  if (entry.source) return [entry.key];
  const { step, output } = defs.graph.placeOf(entry.key);
  return placeOf(defs.graph.steps[step], output);
}

function placeOf(step: Step | undefined, output: number): readonly unknown[] {
  return [step?.definition, step?.path, step?.outputs[output]?.name];
}
