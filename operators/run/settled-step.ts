import type { StepError } from '../../lib/kernel/errors.ts';
import type { PlannedStep } from '../../lib/plan/plan.ts';
import type { StepEnd } from '../step/execute-step.ts';
import { ABSENT, BLOCKED, FAILED, type Slot, type ValueSlot } from './slot.ts';

/** A step that came to its end: what its outputs came out as, in need or not. */
export interface SettledStep {
  readonly planned: PlannedStep;
  readonly outcome: 'succeeded' | 'skipped' | 'failed' | 'blocked' | 'cancelled';
  /** By output index: every output in need, and under `materialize` also what else was emitted on assets. */
  readonly slots: ReadonlyMap<number, Slot>;
  readonly error: StepError | undefined;
  /** Ids of the failed steps behind a blocked one. */
  readonly blockedBy: readonly string[];
  /** How often it was tried. */
  readonly attempts: number;
}

/** A step whose body was executed. */
export function executed(planned: PlannedStep, end: StepEnd<ValueSlot>): SettledStep {
  const { attempts } = end;
  if (end.outcome === 'cancelled') return { ...cancelled(planned), attempts };
  if (end.outcome === 'failed')
    return { planned, outcome: 'failed', slots: sameForAll(planned, FAILED), error: end.error, blockedBy: [], attempts };
  return { planned, outcome: 'succeeded', slots: slotsOf(planned, end.emitted), error: undefined, blockedBy: [], attempts };
}

/** A step that was not executed, since of what it reads something is missing. */
export function passedOver(planned: PlannedStep, outcome: 'skipped' | 'blocked', blockedBy: readonly string[]): SettledStep {
  const slots = sameForAll(planned, outcome === 'skipped' ? ABSENT : BLOCKED);
  return { planned, outcome, slots, error: undefined, blockedBy, attempts: 0 };
}

/** A step that was stopped, or never came to run. */
export function cancelled(planned: PlannedStep): SettledStep {
  return { planned, outcome: 'cancelled', slots: new Map(), error: undefined, blockedBy: [], attempts: 0 };
}

function slotsOf({ step, selectedOutputs }: PlannedStep, emitted: ReadonlyMap<string, ValueSlot>): ReadonlyMap<number, Slot> {
  const slots = new Map<number, Slot>();
  step.outputs.forEach(({ name, key }, index) => {
    const slot = emitted.get(name);
    const needed = selectedOutputs.has(name);
    // What was emitted beyond need never reaches another step.
    if (slot !== undefined && (needed || key !== undefined)) slots.set(index, slot);
    else if (needed) slots.set(index, ABSENT);
  });
  return slots;
}

function sameForAll({ needed }: PlannedStep, slot: Slot): ReadonlyMap<number, Slot> {
  return new Map(needed.map((output) => [output, slot]));
}
