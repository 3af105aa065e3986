import type { StepError } from '../../lib/kernel/errors.ts';
import type { PlannedStep } from '../../lib/plan/plan.ts';
import type { StepEnd } from '../step/execute-step.ts';
import type { StateEnd } from '../step/state.ts';
import { ABSENT, BLOCKED, FAILED, type Slot, type ValueSlot } from './slot.ts';

/** A step that came to its end: what its outputs came out as, in need or not. */
export interface SettledStep {
  readonly planned: PlannedStep;
  readonly outcome: 'succeeded' | 'reused' | 'skipped' | 'failed' | 'blocked' | 'cancelled';
  /** By output index: every output in need, and under `materialize` also what else was emitted on assets. */
  readonly slots: ReadonlyMap<number, Slot>;
  readonly error: StepError | undefined;
  /** Ids of the failed steps behind a blocked one. */
  readonly blockedBy: readonly string[];
  /** How often it was tried. */
  readonly attempts: number;
  /** True for what the log says already, so that it says it once: a live service may find a step as an earlier one left it. */
  readonly recorded?: true;
  /** The state that it left, where its op keeps one and it succeeded. */
  readonly state?: StateEnd;
}

/** A step whose body was executed. */
export function executed(planned: PlannedStep, end: StepEnd<ValueSlot>): SettledStep {
  const { attempts } = end;
  if (end.outcome === 'cancelled') return { ...cancelled(planned), attempts };
  if (end.outcome === 'failed')
    return { planned, outcome: 'failed', slots: sameForAll(planned, FAILED), error: end.error, blockedBy: [], attempts };
  const { outcome, emitted, state } = end;
  const slots = slotsOf(planned, emitted);
  return { planned, outcome, slots, error: undefined, blockedBy: [], attempts, ...(state !== undefined && { state }) };
}

/** A step that was not executed, since of what it reads something is missing. */
export function passedOver(planned: PlannedStep, outcome: 'skipped' | 'blocked', blockedBy: readonly string[]): SettledStep {
  const slots = sameForAll(planned, outcome === 'skipped' ? ABSENT : BLOCKED);
  return { planned, outcome, slots, error: undefined, blockedBy, attempts: 0 };
}

/** A step that failed on what it reads now, and waits for something else (F7). */
export function stillFailed(planned: PlannedStep): SettledStep {
  return asRecorded({ planned, outcome: 'failed', slots: sameForAll(planned, FAILED), error: undefined, blockedBy: [], attempts: 0 });
}

/** A step that ended as the log says already. */
export function asRecorded(settled: SettledStep): SettledStep {
  return { ...settled, recorded: true };
}

/** A step that was not executed, since it would give what it gave before (F2). */
export function reused(planned: PlannedStep, slots: SettledStep['slots']): SettledStep {
  return { planned, outcome: 'reused', slots, error: undefined, blockedBy: [], attempts: 0 };
}

/**
 * A step that was executed although it was to be reused, for values that the store no longer has. What a step was given before stays: each
 * output is a function of inputs, code and config by itself (D8).
 */
export function executedAgain(before: SettledStep['slots'] | undefined, settled: SettledStep): SettledStep {
  const slots = new Map(settled.slots);
  for (const [output, slot] of before ?? []) {
    const made = slots.get(output);
    if (slot.state === 'kept' && slot.isUsed()) slots.set(output, made?.state === 'value' ? { ...slot, metadata: made.metadata } : slot);
  }
  return { ...settled, slots };
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
