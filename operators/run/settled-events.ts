import { invariant } from '../../lib/kernel/invariant.ts';
import { cutText } from '../../lib/kernel/print.ts';
import type { SluiceError } from '../../lib/kernel/errors.ts';
import type {
  AssetEvent,
  EntryOrigin,
  ErrorRecord,
  InputEntryRecord,
  NewEvent,
  ReadableEvent,
  StepSettled,
} from '../../lib/events/logged-event.ts';
import type { PositionRef } from '../../lib/events/position.ts';
import type { StoredValue } from '../../lib/events/store-port.ts';
import type { AssetKey } from '../../lib/model/asset-key.ts';
import type { Plan, PlannedEntry, PlannedStep } from '../../lib/plan/plan.ts';
import { LONGEST_MESSAGE, recordThrown } from '../step/thrown.ts';
import { entryState, type Readable } from './gather.ts';
import { codeVersionOf } from './code-version.ts';
import type { AssetOutcome } from './outcome.ts';
import type { SettledStep } from './settled-step.ts';
import { stateOf, type Slot } from './slot.ts';

/** What the events of a run have in common. */
export interface EventScope {
  readonly plan: Plan;
  readonly runId: string;
  readonly time: number;
  readonly readable: Readable;
  /** What readers got of each asset before the run: an absent asset is logged only where that changes (R1). */
  readonly before: ReadonlyMap<AssetKey, ReadableEvent>;
  /** The settled-step event of a planned step. */
  readonly positionOf: (step: number) => PositionRef;
}

/** What the settled steps of one group add to the log, and how their assets came out. Filled in settle order. */
export interface GroupEvents {
  readonly events: NewEvent[];
  readonly values: Map<string, StoredValue>;
  readonly outcomes: AssetOutcome[];
}

type Common = Omit<StepSettled<PositionRef>, 'type' | 'outcome' | 'outputs' | 'error' | 'blockedBy' | 'attempts'>;

/** Adds the events that record a settled step to its group: the step first, then its assets. */
export function settledEvents(settled: SettledStep, scope: EventScope & GroupEvents): void {
  const { planned, outcome, slots, error, blockedBy, attempts } = settled;
  // A cancelled step may have been stopped before all of its inputs settled.
  const common = commonTo(planned, scope, outcome === 'cancelled' ? [] : entryRecords(planned, scope));
  const recorded = error === undefined ? null : errorRecord(error);
  scope.events.push({ type: 'step-settled', ...common, outcome, outputs: outputStates(settled), error: recorded, blockedBy, attempts });
  for (const [output, slot] of slots) {
    const made = assetEvent({ planned, output, slot }, { scope, common });
    if (made === undefined) continue;
    if (made.event !== undefined) scope.events.push(made.event);
    if (slot.state === 'value' && slot.encoded !== undefined) scope.values.set(slot.encoded.address, slot.encoded);
    scope.outcomes.push(made.outcome);
  }
}

function commonTo({ step, config }: PlannedStep, scope: Omit<EventScope, 'positionOf'>, inputs: Common['inputs']): Common {
  return {
    runId: scope.runId,
    time: scope.time,
    definition: step.definition,
    step: step.path,
    op: step.op.name,
    codeVersion: codeVersionOf(scope.plan.defs, step),
    config: config?.hash ?? null,
    inputs,
  };
}

function outputStates({ planned: { step, needed }, slots }: SettledStep): StepSettled['outputs'] {
  const states: StepSettled['outputs'][number][] = [];
  for (const output of needed) {
    const slot = slots.get(output);
    if (slot !== undefined) states.push({ output: step.outputs[output]?.name ?? '', state: stateOf(slot) });
  }
  return states;
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
  const { key, name = '' } = planned.step.outputs[output] ?? {};
  if (key === undefined) return undefined;
  const unexpected = !scope.plan.selection.has(key);
  // Only asset outputs that the policy lets through have slots beyond need, and an asset in need may be unselected (X7).
  if (unexpected && !(slot.state === 'value' && scope.plan.policies.unselectedOutputs === 'materialize')) return undefined;
  const asset = { ...common, output: name, key, partition: null };
  if (slot.state === 'value') {
    const { version, encoded, metadata } = slot;
    const event = { type: 'asset-materialized', ...asset, version, address: encoded?.address ?? null, metadata, unexpected } as const;
    return { event, outcome: { key, outcome: 'materialized', unexpected, slot } };
  }
  const outcome: AssetOutcome = { key, outcome: slot.state, unexpected, slot };
  if (slot.state !== 'absent') return { event: { type: `asset-${slot.state}`, ...asset }, outcome };
  return { event: wasAbsent(key, scope) ? undefined : { type: 'asset-absent', ...asset }, outcome };
}

function wasAbsent(key: AssetKey, { before }: EventScope): boolean {
  return before.get(key)?.type === 'asset-absent';
}

/** The events of selected assets whose step never settled, because the run was cancelled. */
export function cancelledEvent(
  planned: PlannedStep,
  output: number,
  scope: Omit<EventScope, 'positionOf'>,
): AssetEvent<PositionRef> | undefined {
  const { key, name = '' } = planned.step.outputs[output] ?? {};
  if (key === undefined || !scope.plan.selection.has(key)) return undefined;
  return { type: 'asset-cancelled', ...commonTo(planned, scope, []), output: name, key, partition: null };
}

function entryRecords(planned: PlannedStep, scope: EventScope): readonly InputEntryRecord<PositionRef>[] {
  const records: InputEntryRecord<PositionRef>[] = [];
  for (const { name, kind, entries } of planned.inputs) {
    for (const entry of entries) {
      records.push({
        input: name,
        kind,
        origin: originOf(entry, scope.plan),
        state: recordedState(entry, scope),
        position: positionOf(entry, scope),
      });
    }
  }
  return records;
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

/** What the log keeps of an error: no more than plain data can hold, and of long text its start. */
export function errorRecord({ code, message, cause }: SluiceError & { readonly code: string }): ErrorRecord {
  const kept = { code, message: cutText(message, LONGEST_MESSAGE) };
  return cause === undefined ? kept : { ...kept, cause: recordThrown(cause) };
}
