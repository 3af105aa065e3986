import type { PlannedStep } from '../../lib/plan/plan.ts';
import type { Trace } from '../../lib/plan/trace.ts';
import { keptSlot, type Stored } from '../run/reuse.ts';
import { ABSENT, BLOCKED, FAILED, type Slot } from '../run/slot.ts';

/** What the outputs of a step in need came out as when somebody else ran it, by output index; values are read on demand. */
export function adoptedSlots({ step, needed }: PlannedStep, trace: Trace, stored: Stored): ReadonlyMap<number, Slot> {
  const slots = new Map<number, Slot>();
  for (const output of needed) {
    const name = step.outputs[output]?.name;
    const traced = trace.outputs.find((each) => each.output === name);
    if (traced === undefined) continue;
    if (trace.outcome === 'succeeded') slots.set(output, keptSlot(stored, trace, traced));
    else slots.set(output, trace.outcome === 'failed' ? FAILED : trace.outcome === 'blocked' ? BLOCKED : ABSENT);
  }
  return slots;
}
