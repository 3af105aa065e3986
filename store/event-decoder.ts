import type { OutputState } from '../lib/events/data-version.ts';
import { freezeEvent } from '../lib/events/freeze-event.ts';
import type { EntryOrigin, ErrorRecord, HookFailed, InputEntryRecord, LoggedEvent, StepSettled } from '../lib/events/logged-event.ts';
import type { Position } from '../lib/events/position.ts';
import { decodeValue } from '../lib/kernel/value/decode.ts';
import type { AssetKey } from '../lib/model/asset-key.ts';
import type { AssetRow, ErrorRow, InputRow, Row, StateRow, StepRow, ThrownRow } from './event-row.ts';

type Thrown = HookFailed['error'];

/** The event that a row holds, frozen; one of a kind that this version does not know as `unknown`. */
export function eventFrom(content: unknown, position: Position): LoggedEvent {
  // The checksum held: this is a list that eventRow made, here or in another version.
  const row = content as Row;
  return freezeEvent(fromRow(row, position));
}

function fromRow(row: Row, position: Position): LoggedEvent {
  switch (row[0]) {
    case 'run-started':
      return runStartedFrom(row, position);
    case 'run-ended':
      return runEndedFrom(row, position);
    case 'source-observed': {
      const [type, runId, time, key, version, address, offset] = row;
      return { type, runId, time, key, version, address, offset, position };
    }
    case 'step-settled':
      return stepSettledFrom(row, position);
    case 'log-line': {
      const [type, runId, time, definition, step, attempt, level, message, data] = row;
      return { type, runId, time, definition, step, attempt, level, message, data: dataFrom(data), position };
    }
    case 'hook-failed': {
      const [type, runId, time, definition, step, hook, of, error] = row;
      return { type, runId, time, definition, step, hook, of, error: thrownFrom(error), position };
    }
    case 'removed':
      return { type: row[0], kind: row[1], position };
    default:
      return assetEventFrom(row, position);
  }
}

function runStartedFrom(row: Extract<Row, readonly ['run-started', ...unknown[]]>, position: Position): LoggedEvent {
  const [type, runId, time, selection, policies, planHash, readsAt, tags, causedBy, mode = 'materialize', again] = row;
  const [unselectedOutputs, inGraphUpstream, crossGraphUpstream] = policies;
  return {
    type,
    runId,
    time,
    mode,
    selection,
    policies: { unselectedOutputs, inGraphUpstream, crossGraphUpstream },
    planHash,
    readsAt,
    tags,
    causedBy,
    again: again === undefined ? null : { parent: again[0], root: again[1] },
    position,
  };
}

function runEndedFrom(row: Extract<Row, readonly ['run-ended', ...unknown[]]>, position: Position): LoggedEvent {
  const [type, runId, time, status, verified] = row;
  if (verified === undefined) return { type, runId, time, status, position };
  const [plan, at, open, alone, versions] = verified;
  return { type, runId, time, status, verified: { plan, position: at, open, alone, versions }, position };
}

function stepSettledFrom(row: Extract<Row, readonly ['step-settled', ...unknown[]]>, position: Position): LoggedEvent {
  const [type, , , , , , , , , outcome, outputs, error, blockedBy, attempts = attemptsBefore(outcome), dropped = [], stateAddress = null] =
    row;
  return {
    type,
    ...stepFrom(row, position),
    outcome,
    outputs: outputs.map(([output, state, address = null]) => ({ output, state: stateFrom(state), address })),
    dropped,
    error: errorFrom(error),
    blockedBy,
    attempts,
    stateAddress,
    position,
  };
}

/** Attempts of a step whose row is older than the field: nothing was tried twice then. */
function attemptsBefore(outcome: StepSettled['outcome']): number {
  return outcome === 'succeeded' || outcome === 'failed' ? 1 : 0;
}

type AnyAssetRow = Extract<Row, AssetRow<string> | readonly [...AssetRow<string>, ...unknown[]]>;

function assetEventFrom(row: AnyAssetRow, position: Position): LoggedEvent {
  switch (row[0]) {
    case 'asset-materialized': {
      const [, , , , , , , , , , , , version, address, metadata, unexpected] = row;
      return {
        type: row[0],
        ...stepFrom(row, position),
        ...assetFrom(row),
        version,
        address,
        metadata: metadataFrom(metadata),
        unexpected,
        position,
      };
    }
    case 'asset-unchanged': {
      const [, , , , , , , , , , , , version, address, metadata] = row;
      return { type: row[0], ...stepFrom(row, position), ...assetFrom(row), version, address, metadata: metadataFrom(metadata), position };
    }
    case 'asset-absent':
      return { type: row[0], ...stepFrom(row, position), ...assetFrom(row), position };
    case 'asset-failed':
    case 'asset-blocked':
    case 'asset-cancelled':
      return { type: row[0], ...stepFrom(row, position), ...assetFrom(row), position };
    default:
      return { type: 'unknown', kind: kindOf(row), position };
  }
}

function kindOf(row: readonly unknown[]): string {
  return String(row[0]);
}

type StepFields = Omit<Extract<LoggedEvent, { type: 'asset-absent' }>, 'type' | 'position' | 'output' | 'key' | 'partition'>;

function stepFrom(
  [, runId, time, definition, step, op, codeVersion, config, inputs]: readonly [...StepRow<string>, ...unknown[]],
  position: Position,
): StepFields {
  return { runId, time, definition, step, op, codeVersion, config, inputs: inputs.map((entry) => inputFrom(entry, position)) };
}

function inputFrom([input, kind, from, state, ref]: InputRow, at: Position): InputEntryRecord {
  const origin: EntryOrigin =
    typeof from === 'string' ? { from: 'asset', key: from } : { from: 'step', definition: from[0], step: from[1], output: from[2] };
  return { input, kind, origin, state: stateFrom(state), position: ref !== null && ref < 0 ? at + ref : ref };
}

function assetFrom(row: readonly [...AssetRow<string>, ...unknown[]]): {
  readonly output: string;
  readonly key: AssetKey;
  readonly partition: null;
} {
  return { output: row[9], key: row[10], partition: row[11] };
}

function stateFrom(row: StateRow): OutputState {
  return typeof row === 'string' ? { state: row } : { state: 'value', version: row[0] };
}

function errorFrom(row: ErrorRow): ErrorRecord | null {
  if (row === null) return null;
  const [code, message, cause] = row;
  if (cause === undefined) return { code, message };
  return { code, message, cause: thrownFrom(cause) };
}

function thrownFrom([name, message, stack]: ThrownRow): Thrown {
  return stack === null ? { name, message } : { name, message, stack };
}

function metadataFrom(base64: string | null): Readonly<Record<string, unknown>> {
  if (base64 === null) return Object.freeze({});
  // Only records are appended as metadata, and acceptBatch let nothing through that form c1 would change.
  return valueOf(base64) as Readonly<Record<string, unknown>>;
}

function dataFrom(base64: string | null): unknown {
  return base64 === null ? undefined : valueOf(base64);
}

function valueOf(base64: string): unknown {
  return decodeValue(Buffer.from(base64, 'base64'));
}
