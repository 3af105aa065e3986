import { invariant } from '../../lib/kernel/invariant.ts';
import type { SluiceError } from '../../lib/kernel/errors.ts';
import type { AssetEvent, EntryOrigin, ErrorRecord, InputEntryRecord, NewEvent, ReadableEvent, StepSettled } from '../../lib/events/logged-event.ts';
import type { PositionRef } from '../../lib/events/position.ts';
import type { StoredValue } from '../../lib/events/store-port.ts';
import type { AssetKey } from '../../lib/model/asset-key.ts';
import type { Plan, PlannedEntry, PlannedStep } from '../../lib/plan/plan.ts';
import { entryState, type Readable } from './gather.ts';
import type { AssetOutcome } from './outcome.ts';
import type { SettledStep } from './run-steps.ts';
import { stateOf, type Slot } from './slot.ts';

/** What the events of a run have in common. */
export interface EventScope {
  readonly plan: Plan;
  readonly runId: string;
  readonly time: number;
  readonly readable: Readable;
  /** What stands for the code version of ops that have none (F6). */
  readonly sessionVersion: string;
  /** What readers got of each asset before the run: an absent asset is logged only where that changes (R1). */
  readonly before: ReadonlyMap<AssetKey, ReadableEvent>;
  /** The settled-step event of a planned step. */
  readonly positionOf: (step: number) => PositionRef;
}

/** What one settled step adds to the log, and how its assets came out. */
export interface SettledEvents {
  readonly events: readonly NewEvent[];
  readonly values: readonly StoredValue[];
  readonly outcomes: readonly AssetOutcome[];
}

type Common = Omit<StepSettled<PositionRef>, 'type' | 'outcome' | 'outputs' | 'error' | 'blockedBy'>;

/** Turns a settled step into the events that record it: the step first, then its assets. */
export function settledEvents(settled: SettledStep, scope: EventScope): SettledEvents {
  const { planned, outcome, slots, error, blockedBy } = settled;
  const { step, needed } = planned;
  const common: Common = {
    runId: scope.runId,
    time: scope.time,
    definition: step.definition,
    step: step.path,
    op: step.op.name,
    codeVersion: step.op.codeVersion ?? scope.sessionVersion,
    config: null,
    inputs: entryRecords(planned, scope, outcome === 'cancelled'),
  };
  const outputs = needed.flatMap((output) => {
    const slot = slots.get(output);
    return slot === undefined ? [] : [{ output: step.outputs[output]?.name ?? '', state: stateOf(slot) }];
  });
  const stepEvent: NewEvent = { type: 'step-settled', ...common, outcome, outputs, error: error === undefined ? null : errorRecord(error), blockedBy };
  const events: NewEvent[] = [stepEvent];
  const values: StoredValue[] = [];
  const outcomes: AssetOutcome[] = [];
  for (const [output, slot] of slots) {
    const made = assetEvent({ planned, output, slot }, { scope, common });
    if (made === undefined) continue;
    if (made.event !== undefined) events.push(made.event);
    if (slot.state === 'value' && slot.encoded !== undefined) values.push(slot.encoded);
    outcomes.push(made.outcome);
  }
  return { events, values, outcomes };
}

interface AssetSlot {
  readonly planned: PlannedStep;
  readonly output: number;
  readonly slot: Slot;
}

/** The event and outcome of one asset, where this run records it: named by the selection, or emitted beyond it under `materialize`. */
function assetEvent(
  { planned, output, slot }: AssetSlot,
  { scope, common }: { readonly scope: EventScope; readonly common: Common },
): { readonly event: AssetEvent<PositionRef> | undefined; readonly outcome: AssetOutcome } | undefined {
  const { key, name } = planned.step.outputs[output] ?? {};
  if (key === undefined || name === undefined) return undefined;
  const { selection, policies } = scope.plan;
  const selected = selection.has(key);
  if (!selected && !(slot.state === 'value' && policies.unselectedOutputs === 'materialize')) return undefined;
  const asset = { ...common, output: name, key, partition: null };
  if (slot.state === 'value') {
    const { version, encoded, metadata } = slot;
    const address = encoded?.address ?? null;
    return {
      event: { type: 'asset-materialized', ...asset, version, address, metadata, unexpected: !selected },
      outcome: { key, outcome: 'materialized', unexpected: !selected, slot },
    };
  }
  const outcome: AssetOutcome = { key, outcome: slot.state, unexpected: false, slot };
  if (slot.state !== 'absent') return { event: { type: `asset-${slot.state}`, ...asset }, outcome };
  const changed = scope.before.get(key)?.type !== 'asset-absent';
  return { event: changed ? { type: 'asset-absent', ...asset } : undefined, outcome };
}

/** The events of selected assets whose step never settled, because the run was cancelled. */
export function cancelledEvent(planned: PlannedStep, output: number, scope: EventScope): AssetEvent<PositionRef> | undefined {
  const { step } = planned;
  const { key, name } = step.outputs[output] ?? {};
  if (key === undefined || name === undefined || !scope.plan.selection.has(key)) return undefined;
  return {
    type: 'asset-cancelled',
    runId: scope.runId,
    time: scope.time,
    definition: step.definition,
    step: step.path,
    op: step.op.name,
    codeVersion: step.op.codeVersion ?? scope.sessionVersion,
    config: null,
    inputs: [],
    output: name,
    key,
    partition: null,
  };
}

/** A cancelled step may have been stopped before all of its inputs settled; it records none. */
function entryRecords(planned: PlannedStep, scope: EventScope, cancelled: boolean): readonly InputEntryRecord<PositionRef>[] {
  if (cancelled) return [];
  return planned.inputs.flatMap(({ name, kind, entries }) =>
    entries.map((entry) => ({ input: name, kind, origin: originOf(entry, scope.plan), state: recordedState(entry, scope), position: positionOf(entry, scope) })),
  );
}

function recordedState(entry: PlannedEntry, { readable }: EventScope): InputEntryRecord['state'] {
  const state = entryState(entry, readable);
  return state.state === 'value' ? { state: 'value', version: state.version } : { state: state.state };
}

function originOf(entry: PlannedEntry, { steps }: Plan): EntryOrigin {
  if (entry.from === 'store') return { from: 'asset', key: entry.key };
  const step = steps[entry.step]?.step;
  invariant(step !== undefined, 'every entry points at a step of the plan');
  return { from: 'step', definition: step.definition, step: step.path, output: step.outputs[entry.output]?.name ?? '' };
}

function positionOf(entry: PlannedEntry, scope: EventScope): PositionRef | null {
  return entry.from === 'step' ? scope.positionOf(entry.step) : (scope.readable.supply.get(entry.key)?.position ?? null);
}

/** What the log keeps of an error: no more than plain data can hold. */
function errorRecord({ code, message, cause }: SluiceError & { readonly code: string }): ErrorRecord {
  if (cause === undefined) return { code, message };
  if (!(cause instanceof Error)) return { code, message, cause: { name: typeof cause, message: safeString(cause) } };
  const { name, message: said, stack } = cause;
  return { code, message, cause: { name: String(name), message: String(said), ...(typeof stack === 'string' && { stack }) } };
}

function safeString(value: unknown): string {
  try {
    return String(value);
  } catch {
    return Object.prototype.toString.call(value);
  }
}
