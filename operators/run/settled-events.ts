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
  RunMode,
  SettledOutput,
  StepSettled,
} from '../../lib/events/logged-event.ts';
import type { OutputState } from '../../lib/events/data-version.ts';
import type { PositionRef } from '../../lib/events/position.ts';
import { onBase } from '../../lib/events/store.ts';
import type { StoredValue } from '../../lib/events/store-port.ts';
import type { AssetKey } from '../../lib/model/asset-key.ts';
import type { Plan, PlannedEntry, PlannedInput, PlannedStep } from '../../lib/plan/plan.ts';
import { LONGEST_MESSAGE, recordThrown } from '../step/thrown.ts';
import { entryState, heldValue, stateOfEntry, type Readable } from './gather.ts';
import { codeVersionOf } from './code-version.ts';
import type { AssetOutcome } from './outcome.ts';
import type { SettledStep } from './settled-step.ts';
import { addressOf, stateOf, type Slot } from './slot.ts';
import { NO_METADATA } from '../step/outputs.ts';
import { sameAsRead } from '../../lib/plan/trace.ts';

/** What the events of a run have in common. */
export interface EventScope {
  readonly plan: Plan;
  readonly runId: string;
  readonly time: number;
  readonly readable: Readable;
  /** What readers got of each asset before the run: what came out as before is logged as that, or not at all (R1, R4). */
  readonly before: ReadonlyMap<AssetKey, ReadableEvent>;
  /** Assets that failed, were blocked or were cancelled after what readers get of them. */
  readonly missed: ReadonlySet<AssetKey>;
  /** The settled-step event of a planned step. */
  readonly positionOf: (step: number) => PositionRef;
}

/** What the settled steps of one group add to the log, and how their assets came out. Filled in settle order. */
export interface GroupEvents {
  readonly events: NewEvent[];
  readonly values: Map<string, StoredValue>;
  readonly outcomes: AssetOutcome[];
}

type Common = Omit<
  StepSettled<PositionRef>,
  'type' | 'outcome' | 'outputs' | 'dropped' | 'error' | 'blockedBy' | 'attempts' | 'stateAddress'
>;

/** Adds the events that record a settled step to its group: the step first, if it was not reused, then its assets. */
export function settledEvents(settled: SettledStep, scope: EventScope & GroupEvents): void {
  const { planned, outcome, slots } = settled;
  // A cancelled step may have been stopped before all of its inputs settled; what a reused one read, its traces say.
  const isNew = outcome !== 'reused' && settled.recorded !== true;
  const common = commonTo(planned, scope, outcome === 'cancelled' || !isNew ? [] : entryRecords(planned, scope));
  if (isNew) addSettled(settled, outcome, common, scope);
  for (const [output, slot] of slots) {
    const made = assetOutcome({ planned, output, slot }, { scope, ran: isNew });
    if (made === undefined) continue;
    scope.outcomes.push(made);
    const event = assetEvent({ planned, output, slot }, made, { scope, common, ran: isNew });
    if (event === undefined) continue;
    scope.events.push(event);
    addValue({ planned, output, slot }, scope);
  }
}

function addSettled(settled: SettledStep, outcome: StepSettled['outcome'], common: Common, scope: EventScope & GroupEvents): void {
  const { error, blockedBy, attempts, state } = settled;
  const outputs = settledOutputs(settled, scope);
  const recorded = error === undefined ? null : errorRecord(error);
  const dropped = droppedBy(settled);
  const stateAddress = state?.after.address ?? null;
  scope.events.push({ type: 'step-settled', ...common, outcome, outputs, dropped, error: recorded, blockedBy, attempts, stateAddress });
  if (state?.stored !== undefined) scope.values.set(state.stored.address, state.stored);
}

/** Outputs that were not made in this execution: of those that belong together, earlier ones are no longer of use (D8). */
function droppedBy({ planned: { step, selectedOutputs }, outcome }: SettledStep): readonly string[] {
  if (!step.op.outputsTogether || outcome !== 'succeeded') return NONE;
  return step.outputs.flatMap(({ name }) => (selectedOutputs.has(name) ? [] : [name]));
}

const NONE: readonly string[] = Object.freeze([]);

/** Adds the bytes of what was made, with what they are likely to be a change of. */
function addValue({ planned, output, slot }: AssetSlot, { values, before }: EventScope & GroupEvents): void {
  if (slot.state !== 'value' || slot.encoded === undefined) return;
  const key = planned.step.outputs[output]?.key;
  const event = key === undefined ? undefined : before.get(key);
  values.set(slot.encoded.address, onBase(slot.encoded, event));
}

function commonTo({ step, config }: PlannedStep, scope: Omit<EventScope, 'positionOf'>, inputs: Common['inputs']): Common {
  return {
    runId: scope.runId,
    time: scope.time,
    definition: step.definition,
    step: step.path,
    op: step.op.name,
    codeVersion: codeVersionOf(scope.plan, step),
    config: config?.hash ?? null,
    inputs,
  };
}

/** How the outputs in need came out, with their values for those who may read them in a later run. */
function settledOutputs({ planned, slots }: SettledStep, scope: EventScope & GroupEvents): StepSettled['outputs'] {
  const outputs: SettledOutput[] = [];
  for (const output of planned.needed) {
    const slot = slots.get(output);
    if (slot === undefined) continue;
    outputs.push({ output: planned.step.outputs[output]?.name ?? '', state: stateOf(slot), address: addressOf(slot) });
    addValue({ planned, output, slot }, scope);
  }
  return outputs;
}

interface AssetSlot {
  readonly planned: PlannedStep;
  readonly output: number;
  readonly slot: Slot;
}

/** How one asset came out, where this run tells it: named by the selection, or emitted beyond it under `materialize`. */
function assetOutcome(
  { planned, output, slot }: AssetSlot,
  { scope, ran }: { readonly scope: EventScope; readonly ran: boolean },
): AssetOutcome | undefined {
  const key = planned.step.outputs[output]?.key;
  if (key === undefined) return undefined;
  const unexpected = !scope.plan.selection.has(key);
  // Only asset outputs that the policy lets through have slots beyond need, and an asset in need may be unselected (X7). What was reused was
  // not emitted, so there is nothing to apply a policy to.
  if (unexpected && !(slot.state === 'value' && scope.plan.policies.unselectedOutputs === 'materialize')) return undefined;
  const { state } = stateOf(slot);
  if (state !== 'value') return { key, outcome: state, unexpected, slot };
  const outcome = valueOutcome({
    mode: scope.plan.mode,
    isAsBefore: sameAsRead(stateOf(slot), scope.before.get(key)),
    wasMissed: scope.missed.has(key),
    ran,
  });
  return { key, outcome, unexpected, slot };
}

/** The event that records how an asset came out; `undefined` where nothing changed (R1). */
function assetEvent(
  { planned, output, slot }: AssetSlot,
  { key, outcome, unexpected }: AssetOutcome,
  { scope, common, ran }: { readonly scope: EventScope; readonly common: Common; readonly ran: boolean },
): AssetEvent<PositionRef> | undefined {
  if (outcome === 'fresh') return undefined;
  const { runId, time, definition, step } = common;
  // How the value came about, which may have been in an earlier run.
  const { op, codeVersion, config, inputs } = slot.state === 'kept' ? slot.trace : common;
  const { name = '' } = planned.step.outputs[output] ?? {};
  // Field by field, since this is made once an asset: see `atPosition`.
  const asset = { runId, time, definition, step, op, codeVersion, config, inputs, output: name, key, partition: null };
  if (outcome === 'materialized' || outcome === 'unchanged') return valueEvent(outcome, asset, slot, unexpected);
  // What has not run again did not come then either, and that is logged, unless the asset was not asked for then.
  if (outcome !== 'absent') return ran || !scope.missed.has(key) ? { type: `asset-${outcome}`, ...asset } : undefined;
  return sameAsRead(stateOf(slot), scope.before.get(key)) && !scope.missed.has(key) ? undefined : { type: 'asset-absent', ...asset };
}

/** A materialization records every value (R4); a refresh those that are others, and that a failure is over (F3). */
function valueOutcome({ mode, isAsBefore, wasMissed, ran }: ValueFacts): 'materialized' | 'unchanged' | 'fresh' {
  if (mode === 'materialize' || !isAsBefore) return 'materialized';
  return ran || wasMissed ? 'unchanged' : 'fresh';
}

interface ValueFacts {
  readonly mode: RunMode;
  readonly isAsBefore: boolean;
  readonly wasMissed: boolean;
  /** Whether its step ran. */
  readonly ran: boolean;
}

type OfAsset = Omit<Extract<AssetEvent<PositionRef>, { type: 'asset-absent' }>, 'type'>;

function metadataOf(slot: Slot): Readonly<Record<string, unknown>> {
  return slot.state === 'value' || slot.state === 'kept' ? (slot.metadata ?? NO_METADATA) : NO_METADATA;
}

function valueEvent(
  outcome: 'materialized' | 'unchanged',
  asset: OfAsset,
  slot: Slot,
  unexpected: boolean,
): AssetEvent<PositionRef> | undefined {
  const state = stateOf(slot);
  if (state.state !== 'value') return undefined;
  const value = { version: state.version, address: addressOf(slot), metadata: metadataOf(slot) };
  return outcome === 'materialized'
    ? { type: 'asset-materialized', ...asset, ...value, unexpected }
    : { type: 'asset-unchanged', ...asset, ...value };
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
  for (const input of planned.inputs) {
    const { name, kind } = input;
    for (const entry of input.entries) {
      const state = recordedState(entryState(input, entry, scope.readable));
      records.push({ input: name, kind, state, ...whereFrom(input, entry, scope) });
    }
  }
  return records;
}

function recordedState(state: OutputState): OutputState {
  return state.state === 'value' ? { state: 'value', version: state.version } : { state: state.state };
}

type WhereFrom = Pick<InputEntryRecord<PositionRef>, 'origin' | 'position'>;

/** What stands behind an entry: its own event, or that of the value which is held. One that failed with nothing to hold has none. */
function whereFrom(input: PlannedInput, entry: PlannedEntry, scope: EventScope): WhereFrom {
  const { readable, plan } = scope;
  const held = heldValue(input, entry, readable);
  if (held !== undefined) return { origin: held.origin, position: held.position };
  const isRead = !input.hold || /^(?:value|absent)$/.test(stateOfEntry(entry, readable).state);
  return { origin: originOf(entry, plan), position: isRead ? positionOf(entry, scope) : null };
}

function originOf(entry: PlannedEntry, { steps }: Plan): EntryOrigin {
  if (entry.from === 'store') return { from: 'asset', key: entry.key };
  const step = steps[entry.step]?.step;
  invariant(step !== undefined, 'every entry points at a step of the plan');
  return { from: 'step', definition: step.definition, step: step.path, output: step.outputs[entry.output]?.name ?? '' };
}

function positionOf(entry: PlannedEntry, scope: EventScope): PositionRef | null {
  if (entry.from === 'store') return scope.readable.supply.get(entry.key)?.position ?? null;
  const slot = scope.readable.slots[entry.step]?.get(entry.output);
  return slot?.state === 'kept' ? slot.trace.position : scope.positionOf(entry.step);
}

/** What the log keeps of an error: no more than plain data can hold, and of long text its start. */
export function errorRecord({ code, message, cause }: SluiceError & { readonly code: string }): ErrorRecord {
  const kept = { code, message: cutText(message, LONGEST_MESSAGE) };
  return cause === undefined ? kept : { ...kept, cause: recordThrown(cause) };
}
