import type { InputEntryRecord, LogLine, RunMode, RunPolicies, StepSettled, Verification } from '../lib/events/logged-event.ts';
import type { Position } from '../lib/events/position.ts';
import type { AssetKey } from '../lib/model/asset-key.ts';

/** What every event of a run begins with. */
export type Head<Kind> = readonly [type: Kind, runId: string, time: number];
/** The state of an output or an entry: its version in a list, or its name. */
export type StateRow = readonly [version: string] | 'absent' | 'failed' | 'blocked';
/** An output in need. */
export type OutputRow = readonly [output: string, state: StateRow, address?: string];
/** An entry of an input; a position in the same batch as its distance back, negative. */
export type InputRow = readonly [
  input: string,
  kind: InputEntryRecord['kind'],
  origin: AssetKey | readonly [string, string, string],
  state: StateRow,
  position: number | null,
];
/** What every event of a step begins with. */
export type StepRow<Kind> = readonly [...Head<Kind>, string, string, string, string, string | null, readonly InputRow[]];
/** What every event of an asset begins with. */
export type AssetRow<Kind> = readonly [...StepRow<Kind>, output: string, key: AssetKey, partition: null];
/** What was thrown. */
export type ThrownRow = readonly [name: string, message: string, stack: string | null];
/** Why a step failed. */
export type ErrorRow = readonly [string, string, ThrownRow?] | null;

/** What a refresh leaves for the next one. */
export type VerificationRow = readonly [
  plan: string,
  position: Position,
  open: readonly number[],
  alone: readonly number[],
  versions: Verification['versions'],
];

/**
 * An event as a list, its kind first. Persisted: a field is only ever added at the end.
 *
 *     run-started      kind, run, time, selection, [unselected, in graph, cross graph], plan hash, reads at, tags, caused by, mode,
 *                      [parent run, root run]
 *     run-ended        kind, run, time, status, [plan, position, open, alone, versions]
 *     source-observed  kind, run, time, key, version, address, offset
 *     step-settled     kind, run, time, definition, step, op, code version, config, inputs, outcome, outputs, error, blocked by, attempts,
 *                      dropped, state
 *     asset-…          kind, run, time, definition, step, op, code version, config, inputs, output, key, partition
 *     …materialized    … and version, address, metadata, unexpected
 *     …unchanged       … and version, address, metadata
 *     log-line         kind, run, time, definition, step, attempt, level, message, data
 *     hook-failed      kind, run, time, definition, step, hook, of, [name, message, stack or null]
 *     removed          kind, the kind that it was
 *
 *     mode, parent and root, plan and position, attempts, dropped, state (its address)   rows that are older than the field, or have none, end before it
 *     output           [name, state], or [name, state, address]
 *     input            [name, kind, origin, state, position]; a position in the same batch as its distance back, negative
 *     origin           key, or [definition, step, output]
 *     state            [version], or its name
 *     error            null, or [code, message], or [code, message, [name, message, stack or null]]
 *     metadata, data   base64 of form c1, null for none: values that JSON has no word for come back as they were
 */
export type Row =
  | readonly [
      ...Head<'run-started'>,
      readonly AssetKey[],
      readonly [RunPolicies['unselectedOutputs'], RunPolicies['inGraphUpstream'], RunPolicies['crossGraphUpstream']],
      string,
      Position,
      Readonly<Record<string, string>>,
      string | null,
      mode?: RunMode,
      again?: readonly [parent: string, root: string],
    ]
  | readonly [...Head<'run-ended'>, 'succeeded' | 'failed' | 'cancelled', verified?: VerificationRow]
  | readonly [type: 'source-observed', runId: string | null, time: number, AssetKey, string, string, string | null]
  | readonly [
      ...StepRow<'step-settled'>,
      StepSettled['outcome'],
      readonly OutputRow[],
      ErrorRow,
      readonly string[],
      attempts?: number,
      dropped?: readonly string[],
      stateAddress?: string,
    ]
  | readonly [...Head<'log-line'>, string, string, attempt: number, LogLine['level'], message: string, data: string | null]
  | readonly [...Head<'hook-failed'>, string, string, hook: string, of: string, ThrownRow]
  | readonly [type: 'removed', kind: string]
  | readonly [...AssetRow<'asset-materialized'>, string, string | null, string | null, boolean]
  | readonly [...AssetRow<'asset-unchanged'>, string, string | null, string | null]
  | AssetRow<'asset-absent'>
  | AssetRow<'asset-failed' | 'asset-blocked' | 'asset-cancelled'>;
