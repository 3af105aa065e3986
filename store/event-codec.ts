import type { OutputState } from '../lib/events/data-version.ts';
import { freezeEvent } from '../lib/events/freeze-event.ts';
import type { EntryOrigin, ErrorRecord, InputEntryRecord, LoggedEvent, NewEvent, RunPolicies } from '../lib/events/logged-event.ts';
import type { Position, PositionRef } from '../lib/events/position.ts';
import { decodeValue, encodeValue } from '../lib/kernel/value/canonical.ts';
import type { AssetKey } from '../lib/model/asset-key.ts';

/**
 * An event as a list, its kind first. Persisted: a field is only ever added at the end.
 *
 *     run-started      kind, run, time, selection, [unselected, in graph, cross graph], plan hash, reads at, tags, caused by
 *     run-ended        kind, run, time, status
 *     source-observed  kind, run, time, key, version, address, offset
 *     step-settled     kind, run, time, definition, step, op, code version, config, inputs, outcome, outputs, error, blocked by
 *     asset-…          kind, run, time, definition, step, op, code version, config, inputs, output, key, partition
 *     …materialized    … and version, address, metadata, unexpected
 *     …unchanged       … and version, address, metadata
 *
 *     input            [name, kind, origin, state, position]; a position in the same batch as its distance back, negative
 *     origin           key, or [definition, step, output]
 *     state            [version], or its name
 *     error            null, or [code, message], or [code, message, [name, message, stack or null]]
 *     metadata         base64 of form c1, null for none: values that JSON has no word for come back as they were
 */
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
      ];
    }
    case 'run-ended':
      return [...head, event.status];
    case 'source-observed':
      return [...head, event.key, event.version, event.address, event.offset];
    case 'step-settled':
      return [
        ...head,
        ...stepRow(event, index),
        event.outcome,
        event.outputs.map(({ output, state }) => [output, stateRow(state)]),
        errorRow(event.error),
        event.blockedBy,
      ];
    case 'asset-materialized':
      return [
        ...head,
        ...stepRow(event, index),
        ...assetRow(event),
        event.version,
        event.address,
        metadataRow(event.metadata),
        event.unexpected,
      ];
    case 'asset-unchanged':
      return [...head, ...stepRow(event, index), ...assetRow(event), event.version, event.address, metadataRow(event.metadata)];
    case 'asset-absent':
    case 'asset-failed':
    case 'asset-blocked':
    case 'asset-cancelled':
      return [...head, ...stepRow(event, index), ...assetRow(event)];
  }
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

function stateRow(state: OutputState): unknown {
  return state.state === 'value' ? [state.version] : state.state;
}

function errorRow(error: ErrorRecord | null): unknown {
  if (error === null) return null;
  const { code, message, cause } = error;
  return cause === undefined ? [code, message] : [code, message, [cause.name, cause.message, cause.stack ?? null]];
}

function metadataRow(metadata: Readonly<Record<string, unknown>>): string | null {
  return Object.keys(metadata).length === 0 ? null : Buffer.from(encodeValue(metadata)).toString('base64');
}

type Head<Kind> = readonly [type: Kind, runId: string, time: number];
type StateRow = readonly [version: string] | 'absent' | 'failed' | 'blocked';
type InputRow = readonly [
  input: string,
  kind: InputEntryRecord['kind'],
  origin: AssetKey | readonly [string, string, string],
  state: StateRow,
  position: number | null,
];
type StepRow<Kind> = readonly [...Head<Kind>, string, string, string, string, string | null, readonly InputRow[]];
type AssetRow<Kind> = readonly [...StepRow<Kind>, output: string, key: AssetKey, partition: null];
type ErrorRow = readonly [string, string, (readonly [string, string, string | null])?] | null;

type Row =
  | readonly [
      ...Head<'run-started'>,
      readonly AssetKey[],
      readonly [RunPolicies['unselectedOutputs'], RunPolicies['inGraphUpstream'], RunPolicies['crossGraphUpstream']],
      string,
      Position,
      Readonly<Record<string, string>>,
      string | null,
    ]
  | readonly [...Head<'run-ended'>, 'succeeded' | 'failed' | 'cancelled']
  | readonly [type: 'source-observed', runId: string | null, time: number, AssetKey, string, string, string | null]
  | readonly [
      ...StepRow<'step-settled'>,
      'succeeded' | 'skipped' | 'failed' | 'blocked' | 'cancelled',
      readonly (readonly [string, StateRow])[],
      ErrorRow,
      readonly string[],
    ]
  | readonly [...AssetRow<'asset-materialized'>, string, string | null, string | null, boolean]
  | readonly [...AssetRow<'asset-unchanged'>, string, string | null, string | null]
  | AssetRow<'asset-absent'>
  | AssetRow<'asset-failed' | 'asset-blocked' | 'asset-cancelled'>;

/** The event that a row holds, frozen; one of a kind that this version does not know as `unknown`. */
export function eventFrom(content: unknown, position: Position): LoggedEvent {
  // The checksum held: this is a list that eventRow made, here or in another version.
  const row = content as Row;
  return freezeEvent(fromRow(row, position));
}

function fromRow(row: Row, position: Position): LoggedEvent {
  switch (row[0]) {
    case 'run-started': {
      const [type, runId, time, selection, [unselectedOutputs, inGraphUpstream, crossGraphUpstream], planHash, readsAt, tags, causedBy] =
        row;
      return {
        type,
        runId,
        time,
        selection,
        policies: { unselectedOutputs, inGraphUpstream, crossGraphUpstream },
        planHash,
        readsAt,
        tags,
        causedBy,
        position,
      };
    }
    case 'run-ended':
      return { type: row[0], runId: row[1], time: row[2], status: row[3], position };
    case 'source-observed': {
      const [type, runId, time, key, version, address, offset] = row;
      return { type, runId, time, key, version, address, offset, position };
    }
    case 'step-settled': {
      const [type, , , , , , , , , outcome, outputs, error, blockedBy] = row;
      return {
        type,
        ...stepFrom(row, position),
        outcome,
        outputs: outputs.map(([output, state]) => ({ output, state: stateFrom(state) })),
        error: errorFrom(error),
        blockedBy,
        position,
      };
    }
    case 'asset-materialized':
    case 'asset-unchanged':
    case 'asset-absent':
    case 'asset-failed':
    case 'asset-blocked':
    case 'asset-cancelled':
      return assetEventFrom(row, position);
    default:
      return { type: 'unknown', kind: kindOf(row), position };
  }
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
  const [name, causeMessage, stack] = cause;
  return { code, message, cause: stack === null ? { name, message: causeMessage } : { name, message: causeMessage, stack } };
}

function metadataFrom(base64: string | null): Readonly<Record<string, unknown>> {
  if (base64 === null) return Object.freeze({});
  // Only records are appended as metadata, and acceptBatch let nothing through that form c1 would change.
  return decodeValue(Buffer.from(base64, 'base64')) as Readonly<Record<string, unknown>>;
}
