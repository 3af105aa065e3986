import type { OutputState } from '../lib/events/data-version.ts';
import { freezeEvent } from '../lib/events/freeze-event.ts';
import type {
  EntryOrigin,
  ErrorRecord,
  HookFailed,
  InputEntryRecord,
  LoggedEvent,
  LogLine,
  NewEvent,
  RunPolicies,
  StepSettled,
} from '../lib/events/logged-event.ts';
import type { Position, PositionRef } from '../lib/events/position.ts';
import { decodeValue, encodeValue } from '../lib/kernel/value/canonical.ts';
import type { AssetKey } from '../lib/model/asset-key.ts';

/**
 * An event as a list, its kind first. Persisted: a field is only ever added at the end.
 *
 *     run-started      kind, run, time, selection, [unselected, in graph, cross graph], plan hash, reads at, tags, caused by
 *     run-ended        kind, run, time, status
 *     source-observed  kind, run, time, key, version, address, offset
 *     step-settled     kind, run, time, definition, step, op, code version, config, inputs, outcome, outputs, error, blocked by, attempts
 *     asset-…          kind, run, time, definition, step, op, code version, config, inputs, output, key, partition
 *     …materialized    … and version, address, metadata, unexpected
 *     …unchanged       … and version, address, metadata
 *     log-line         kind, run, time, definition, step, attempt, level, message, data
 *     hook-failed      kind, run, time, definition, step, hook, of, [name, message, stack or null]
 *
 *     attempts         rows that are older than the field end before it
 *     input            [name, kind, origin, state, position]; a position in the same batch as its distance back, negative
 *     origin           key, or [definition, step, output]
 *     state            [version], or its name
 *     error            null, or [code, message], or [code, message, [name, message, stack or null]]
 *     metadata, data   base64 of form c1, null for none: values that JSON has no word for come back as they were
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
        event.attempts,
      ];
    case 'log-line':
      return [...head, event.definition, event.step, event.attempt, event.level, event.message, dataRow(event.data)];
    case 'hook-failed':
      return [...head, event.definition, event.step, event.hook, event.of, thrownRow(event.error)];
    default:
      return [...head, ...stepRow(event, index), ...assetRow(event), ...recordedRow(event)];
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

/** What an asset's event has at its end where it tells of a value. */
function recordedRow(event: OfAsset): readonly unknown[] {
  if (event.type === 'asset-materialized') return [event.version, event.address, metadataRow(event.metadata), event.unexpected];
  return event.type === 'asset-unchanged' ? [event.version, event.address, metadataRow(event.metadata)] : [];
}

function stateRow(state: OutputState): unknown {
  return state.state === 'value' ? [state.version] : state.state;
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
type ThrownRow = readonly [name: string, message: string, stack: string | null];
type ErrorRow = readonly [string, string, ThrownRow?] | null;

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
      StepSettled['outcome'],
      readonly (readonly [string, StateRow])[],
      ErrorRow,
      readonly string[],
      attempts?: number,
    ]
  | readonly [...Head<'log-line'>, string, string, attempt: number, LogLine['level'], message: string, data: string | null]
  | readonly [...Head<'hook-failed'>, string, string, hook: string, of: string, ThrownRow]
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
      const [type, , , , , , , , , outcome, outputs, error, blockedBy, attempts = attemptsBefore(outcome)] = row;
      return {
        type,
        ...stepFrom(row, position),
        outcome,
        outputs: outputs.map(([output, state]) => ({ output, state: stateFrom(state) })),
        error: errorFrom(error),
        blockedBy,
        attempts,
        position,
      };
    }
    case 'log-line': {
      const [type, runId, time, definition, step, attempt, level, message, data] = row;
      return { type, runId, time, definition, step, attempt, level, message, data: dataFrom(data), position };
    }
    case 'hook-failed': {
      const [type, runId, time, definition, step, hook, of, error] = row;
      return { type, runId, time, definition, step, hook, of, error: thrownFrom(error), position };
    }
    default:
      return assetEventFrom(row, position);
  }
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
