import type { OutputState } from '../lib/events/data-version.ts';
import type {
  ErrorRecord,
  HookFailed,
  InputEntryRecord,
  NewEvent,
  SettledOutput,
  StepSettled,
  Verification,
} from '../lib/events/logged-event.ts';
import type { PositionRef } from '../lib/events/position.ts';
import { encodeValue } from '../lib/kernel/value/canonical.ts';
import type { OutputRow, StateRow, ThrownRow, VerificationRow } from './event-row.ts';

/** An event as the list that the table keeps of it: see event-row.ts. */
export function eventRow(event: NewEvent, index: number): readonly unknown[] {
  const head = [event.type, event.runId, event.time];
  switch (event.type) {
    case 'run-started': {
      const { selection, policies, planHash, readsAt, tags, causedBy } = event;
      return [
        ...head,
        selection,
        [policies.unselectedOutputs, policies.inGraphUpstream, policies.crossGraphUpstream],
        planHash,
        readsAt,
        tags,
        causedBy,
        event.mode,
        ...(event.again === null ? [] : [[event.again.parent, event.again.root]]),
      ];
    }
    case 'run-ended':
      return event.verified === undefined ? [...head, event.status] : [...head, event.status, verificationRow(event.verified)];
    case 'source-observed':
      return [...head, event.key, event.version, event.address, event.offset];
    case 'step-settled':
      return [
        ...head,
        ...stepRow(event, index),
        event.outcome,
        event.outputs.map(outputRow),
        errorRow(event.error),
        event.blockedBy,
        event.attempts,
        ...endOfSettled(event),
      ];
    case 'log-line':
      return [...head, event.definition, event.step, event.attempt, event.level, event.message, dataRow(event.data)];
    case 'hook-failed':
      return [...head, event.definition, event.step, event.hook, event.of, thrownRow(event.error)];
    default:
      return [...head, ...stepRow(event, index), ...assetRow(event), ...recordedRow(event)];
  }
}

function verificationRow({ plan, position, open, alone, versions }: Verification): VerificationRow {
  return [plan, position, open, alone, versions];
}

/** What most settled steps do not have. */
function endOfSettled({ dropped, stateAddress }: StepSettled<PositionRef>): readonly unknown[] {
  if (stateAddress !== null) return [dropped, stateAddress];
  return dropped.length > 0 ? [dropped] : [];
}

type OfStep = Extract<NewEvent, { inputs: unknown }>;
type OfAsset = Extract<NewEvent, { partition: null }>;

function stepRow({ definition, step, op, codeVersion, config, inputs }: OfStep, index: number): readonly unknown[] {
  return [definition, step, op, codeVersion, config, inputs.map((entry) => inputRow(entry, index))];
}

function inputRow({ input, kind, origin, state, position }: InputEntryRecord<PositionRef>, index: number): readonly unknown[] {
  const from = origin.from === 'asset' ? origin.key : [origin.definition, origin.step, origin.output];
  return [input, kind, from, stateRow(state), position === null || typeof position === 'number' ? position : position.inBatch - index];
}

function assetRow({ output, key, partition }: OfAsset): readonly unknown[] {
  return [output, key, partition];
}

/** What an asset's event has at its end where it tells of a value. */
function recordedRow(event: OfAsset): readonly unknown[] {
  if (event.type === 'asset-materialized') return [event.version, event.address, metadataRow(event.metadata), event.unexpected];
  return event.type === 'asset-unchanged' ? [event.version, event.address, metadataRow(event.metadata)] : [];
}

function stateRow(state: OutputState): StateRow {
  return state.state === 'value' ? [state.version] : state.state;
}

function outputRow({ output, state, address }: SettledOutput): OutputRow {
  return address === null ? [output, stateRow(state)] : [output, stateRow(state), address];
}

function errorRow(error: ErrorRecord | null): unknown {
  if (error === null) return null;
  const { code, message, cause } = error;
  return cause === undefined ? [code, message] : [code, message, thrownRow(cause)];
}

type Thrown = HookFailed['error'];

function thrownRow({ name, message, stack }: Thrown): ThrownRow {
  return [name, message, stack ?? null];
}

function metadataRow(metadata: Readonly<Record<string, unknown>>): string | null {
  return Object.keys(metadata).length === 0 ? null : base64Of(metadata);
}

function dataRow(data: unknown): string | null {
  return data === undefined ? null : base64Of(data);
}

function base64Of(value: unknown): string {
  return Buffer.from(encodeValue(value)).toString('base64');
}

/** The row of an event that is not kept any more. */
export function removedEventRow(kind: string): readonly unknown[] {
  return ['removed', kind];
}
