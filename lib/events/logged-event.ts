import type { AssetKey } from '../model/asset-key.ts';
import type { LogLevel } from '../model/context.ts';
import type { Address, DataVersion, OutputState } from './data-version.ts';
import { resolvePosition, type Position, type PositionRef } from './position.ts';

/** Where an input entry's value came from: an output of a step, or an asset (or source) that was read from the store. */
export type EntryOrigin =
  | { readonly from: 'step'; readonly definition: string; readonly step: string; readonly output: string }
  | { readonly from: 'asset'; readonly key: AssetKey };

/** One entry of one input, as it was when the step settled: what a trace holds, plus the event that it came from. */
export interface InputEntryRecord<Ref = Position> {
  readonly input: string;
  readonly kind: 'value' | 'list' | 'nothing';
  readonly origin: EntryOrigin;
  readonly state: OutputState;
  /** The materialization, source observation or settled step behind the entry; `null` where an order-only entry read none, or there was nothing to hold. */
  readonly position: Ref | null;
}

/** What the user's code threw, as far as a log can keep it. */
interface ThrownRecord {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
}

/** Why a step failed, as far as a log can keep it. */
export interface ErrorRecord {
  readonly code: string;
  readonly message: string;
  /** Name, message and stack of what the user's code threw, where it did. */
  readonly cause?: ThrownRecord;
}

/** How a run was told to treat what it does not select (N5, N6, X7). */
export interface RunPolicies {
  readonly unselectedOutputs: 'discard' | 'materialize' | 'error';
  readonly inGraphUpstream: 'recompute' | 'load' | 'auto';
  readonly crossGraphUpstream: 'load' | 'auto';
}

/**
 * Whether a run makes what is selected in any case, or only where it is not what a run would make of it; a live service does that for as
 * long as it lives, and is one run.
 */
export type RunMode = 'materialize' | 'refresh' | 'live';

interface OfRun {
  readonly runId: string;
  /** Milliseconds since 1970, by the run's clock. */
  readonly time: number;
}

/** A run was planned and resolved, and starts. */
export interface RunStarted extends OfRun {
  readonly type: 'run-started';
  /** What was asked for: everything selected anew, or what a change touches. */
  readonly mode: RunMode;
  readonly selection: readonly AssetKey[];
  readonly policies: RunPolicies;
  readonly planHash: string;
  /** The position at which the run reads (R7). */
  readonly readsAt: Position;
  readonly tags: Readonly<Record<string, string>>;
  readonly causedBy: string | null;
  /** For a re-execution: the run that it takes up, and the first one of all; `null` for any other run (E4). */
  readonly again: { readonly parent: string; readonly root: string } | null;
}

/**
 * What a refresh leaves for the next one: as of a position, every step of its plan was as a run would make it, but for those that are named.
 * It only ever saves work: a run that finds none, or none of its plan, looks at every step.
 */
export interface Verification {
  /** Identity of the plan: its steps, their wiring, code versions and config. */
  readonly plan: string;
  readonly position: Position;
  /** Plan indices of steps that have to be looked at, and with them all that reads them. */
  readonly open: readonly number[];
  /** Plan indices of steps that have to be looked at by themselves: an output of theirs is absent. */
  readonly alone: readonly number[];
  /** Versions that the definitions object and the resources gave to the code, by name. */
  readonly versions: Readonly<Record<string, string>>;
}

/** A run is over; nothing of it follows. */
export interface RunEnded extends OfRun {
  readonly type: 'run-ended';
  readonly status: 'succeeded' | 'failed' | 'cancelled';
  /** Only of a refresh that came to its end. */
  readonly verified?: Verification;
}

/** A source has a new value. `runId` is `null` for a put outside of any run. */
export interface SourceObserved {
  readonly type: 'source-observed';
  readonly runId: string | null;
  readonly time: number;
  readonly key: AssetKey;
  readonly version: DataVersion;
  readonly address: Address;
  readonly offset: string | null;
}

interface OfStep<Ref> extends OfRun {
  readonly definition: string;
  /** The step's path inside its definition. */
  readonly step: string;
  readonly op: string;
  readonly codeVersion: string;
  /** Hash of the op's config; `null` for an op without one. */
  readonly config: string | null;
  readonly inputs: readonly InputEntryRecord<Ref>[];
}

/** How an output in need came out. `address` is where its value is kept; `null` where there is none, or it passed by reference. */
export interface SettledOutput {
  readonly output: string;
  readonly state: OutputState;
  readonly address: Address | null;
}

/** A step of the plan came to its end in this run. */
export interface StepSettled<Ref = Position> extends OfStep<Ref> {
  readonly type: 'step-settled';
  readonly outcome: 'succeeded' | 'skipped' | 'failed' | 'blocked' | 'cancelled';
  /** The outputs that were in need, and how each one came out. */
  readonly outputs: readonly SettledOutput[];
  /** Outputs that were not in need, and whose traces no longer say anything, since the op makes its outputs together (D8). */
  readonly dropped: readonly string[];
  readonly error: ErrorRecord | null;
  /** For a blocked step: the ids of the failed steps behind it. */
  readonly blockedBy: readonly string[];
  /** How often the step was tried: 0 for one that was skipped, blocked, never started, or whose inputs were refused. */
  readonly attempts: number;
  /** Where the state is kept that a successful step of an op with `state` left; `null` for any other. */
  readonly stateAddress: Address | null;
}

interface OfAsset<Ref> extends OfStep<Ref> {
  readonly output: string;
  readonly key: AssetKey;
  /** Until partitions exist, always `null`. */
  readonly partition: null;
}

/** An asset got a value. `address` is `null` where the value lives elsewhere (X11). */
export interface AssetMaterialized<Ref = Position> extends OfAsset<Ref> {
  readonly type: 'asset-materialized';
  readonly version: DataVersion;
  readonly address: Address | null;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** True where the selection does not name the asset (X7 `materialize`). */
  readonly unexpected: boolean;
}

/** An asset was computed and came out as before (R4). */
export interface AssetUnchanged<Ref = Position> extends OfAsset<Ref> {
  readonly type: 'asset-unchanged';
  readonly version: DataVersion;
  readonly address: Address | null;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** A selected asset has no value now, although nothing failed: its op chose not to emit it, or was skipped. */
export interface AssetAbsent<Ref = Position> extends OfAsset<Ref> {
  readonly type: 'asset-absent';
}

/** A selected asset did not come: its own step failed, something upstream failed, or the run was cancelled. */
export interface AssetMissed<Ref = Position> extends OfAsset<Ref> {
  readonly type: 'asset-failed' | 'asset-blocked' | 'asset-cancelled';
}

/** Everything that happens to an asset. */
export type AssetEvent<Ref = Position> = AssetMaterialized<Ref> | AssetUnchanged<Ref> | AssetAbsent<Ref> | AssetMissed<Ref>;

/** A body wrote a line to its log. Changes nothing of what readers get. */
export interface LogLine extends OfRun {
  readonly type: 'log-line';
  readonly definition: string;
  /** The step's path inside its definition. */
  readonly step: string;
  /** 1 for the first call of the body in this run, and one more each time that the step was tried again. */
  readonly attempt: number;
  readonly level: LogLevel;
  readonly message: string;
  /** Plain data that was given with the message; `undefined` where none was. */
  readonly data: unknown;
}

/** A hook threw or rejected. Hooks only watch: the run went on, and nothing changed of what readers get. */
export interface HookFailed extends OfRun {
  readonly type: 'hook-failed';
  readonly definition: string;
  /** The path of the step that the hook was told of. */
  readonly step: string;
  /** Which one it was: `onFailure`, `onMaterialization`, … */
  readonly hook: string;
  /** Whose it was: `op "clean"`, `graph "g"`, `asset "a"`, `the run`. */
  readonly of: string;
  readonly error: ThrownRecord;
}

/** An event as it is handed to a store, before it has a position. */
export type NewEvent = RunStarted | RunEnded | SourceObserved | StepSettled<PositionRef> | AssetEvent<PositionRef> | LogLine | HookFailed;

/** An event of a kind that this version of Sluice does not know. */
export interface UnknownEvent {
  readonly type: 'unknown';
  readonly kind: string;
}

/** Where an event was that is not kept any more: a line of an old run's log, say. What lineage needs is never removed. */
export interface RemovedEvent {
  readonly type: 'removed';
  /** What it was: `log-line`, `hook-failed`; `lost` for one that damage took. */
  readonly kind: string;
}

/** An event of the log, at its position. */
export type LoggedEvent = (
  RunStarted | RunEnded | SourceObserved | StepSettled | AssetEvent | LogLine | HookFailed | RemovedEvent | UnknownEvent
) & {
  readonly position: Position;
};

/** The events that change what a reader gets of an asset or a source (F8). */
export type ReadableEvent = (SourceObserved | AssetMaterialized | AssetUnchanged | AssetAbsent) & { readonly position: Position };

/** Whether an event changes what a reader gets of its key (F8): failures, blocks and cancellations do not. */
export function isReadable(event: LoggedEvent): event is ReadableEvent {
  return (
    event.type === 'source-observed' ||
    event.type === 'asset-materialized' ||
    event.type === 'asset-unchanged' ||
    event.type === 'asset-absent'
  );
}

/** An event that tells that an asset did not come, at its position. */
export type MissedEvent = AssetMissed & { readonly position: Position };

/** Whether an event tells that an asset did not come: it failed, was blocked, or its run was cancelled. */
export function isMissed(event: LoggedEvent): event is MissedEvent {
  return event.type === 'asset-failed' || event.type === 'asset-blocked' || event.type === 'asset-cancelled';
}

/**
 * The event at its position, with references into its own batch resolved. The new field stands in front of what is spread: V8 takes
 * microseconds for each that is added to an object which starts as the copy of another one.
 */
export function atPosition(event: NewEvent, position: Position, first: Position): LoggedEvent {
  const placed = { position, ...event };
  // One that was read from a log has the position that it had there.
  placed.position = position;
  if (!('inputs' in placed)) return Object.freeze(placed);
  const inputs = placed.inputs.map(({ input, kind, origin, state, position: at }) =>
    Object.freeze({ input, kind, origin, state, position: at === null ? null : resolvePosition(at, first) }),
  );
  return Object.freeze(Object.assign(placed, { inputs: Object.freeze(inputs) }));
}
