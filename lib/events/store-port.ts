import type { Release } from '../kernel/turns.ts';
import type { AssetKey } from '../model/asset-key.ts';
import type { Address } from './data-version.ts';
import type { LoggedEvent, MissedEvent, NewEvent, ReadableEvent, RunEnded, RunStarted, StepSettled } from './logged-event.ts';
import type { Position } from './position.ts';

/** Bytes to keep under the hash of themselves. */
export interface StoredValue {
  readonly address: Address;
  readonly bytes: Uint8Array;
  /** Where a value is kept that this one may be a small change of: the one before it. A hint, which saves room, and changes nothing else. */
  readonly base?: Address;
  /** How many bytes it takes with all its pieces, where it has any. */
  readonly size?: number;
  /**
   * What the bytes refer to, and a store has to have where it has them: written with them, and kept for as long. Pieces have pieces. A store
   * asks only for those that it needs: where it has a value, it has its pieces.
   */
  readonly pieces?: () => readonly StoredValue[];
  /** The value itself, where nothing can change it any more: saves the store to decode it, where it looks into it at all. */
  readonly value?: unknown;
}

/** How large things may be. */
export interface StoreLimits {
  /** Most bytes of one value. */
  readonly maxValueBytes: number;
}

/** What one append adds, all or nothing. */
export interface AppendBatch {
  readonly events: readonly NewEvent[];
  /** Every value that the events refer to and the store may not have yet. */
  readonly values: readonly StoredValue[];
  /**
   * A name for what is asked, of any length, so that it may be asked again where nobody knows whether it was done: a batch with this id is
   * written once. Kept as long as its events.
   */
  readonly id?: string;
  /**
   * What is asked, as text, for a batch with an id whose events depend on what the log held: what a later batch of that id is compared by.
   * Without it they are compared by all but the times of their events, and by the addresses of their values.
   */
  readonly request?: string;
  /** What the log has to hold of these keys, or the batch is refused. */
  readonly expected?: readonly ExpectedPosition[];
  /** The position that its first event has to get, or the batch is refused: for who numbers events before they are written. */
  readonly at?: Position;
  /** How far sources have been read, with what came of it. Each replaces what was kept for its source. */
  readonly offsets?: readonly SourceOffset[];
}

/** How far a source was read in its origin, in the origin's own words. */
export interface SourceOffset {
  readonly key: AssetKey;
  readonly offset: string;
}

/** The position of the event behind what a reader gets of a key (F8) before the batch is there; 0: there is none. */
export interface ExpectedPosition {
  readonly key: AssetKey;
  readonly position: Position;
}

/** The positions that the events of a batch have; `last` is before `first` where it had none. */
export interface Appended {
  readonly first: Position;
  readonly last: Position;
  /** Whether they were there already, from an append of the same id. */
  readonly duplicate: boolean;
}

/** Identity of one output of one step. */
export interface OutputId {
  readonly definition: string;
  readonly step: string;
  readonly output: string;
}

/** Identity of one step. */
export type StepId = Omit<OutputId, 'output'>;

/** Which trace of an output is asked for: the last one, or the last one before a position. */
export interface TraceQuestion extends OutputId {
  readonly before?: Position;
}

/** A run as the log tells it. `ended` is `null` while it runs, and for ever if its process died. */
export interface LoggedRun {
  readonly started: RunStarted & { readonly position: Position };
  readonly ended: (RunEnded & { readonly position: Position }) | null;
}

/**
 * The log of events: append-only, one order for everybody.
 *
 * What every implementation promises, and the contract suite checks:
 * - positions start at 1 and have no gaps; the events of one batch are neighbours, in the order given;
 * - a batch is there as a whole or not at all, also after a crash;
 * - an append that has resolved survives a crash (a memory store: as long as its process);
 * - a batch with an id is there once: the same again, by anybody and at any time, resolves with where it is; another one of that id is
 *   refused (IDEMPOTENCY_CONFLICT);
 * - a batch that expects positions, or a place for itself, is there only where the log held them when it was written, after all that was
 *   asked for before (VERSION_CONFLICT). An id that is there already comes first, since the log has gone on since;
 * - whatever is read is frozen, and equal for every reader for ever.
 */
export interface EventLog {
  /**
   * Adds a batch, as it is at the call, and gives the positions of its events. Rejects with a StoreError; then nothing of the batch is
   * there, and others that were asked for at the same time are none the worse for it.
   */
  append(batch: AppendBatch): Promise<Appended>;
  /** The position of the last event; 0 when there is none. */
  head(): Promise<Position>;
  /** Up to `limit` events from `from` on, in order; fewer than `limit` only at the end of the log. */
  read(from: Position, limit: number): Promise<readonly LoggedEvent[]>;
  /** What readers get of each key as of `at` (F8), in the order asked; `undefined` where there is nothing yet. */
  readable(keys: readonly AssetKey[], at: Position): Promise<readonly (ReadableEvent | undefined)[]>;
  /**
   * Where the events stand that `readable` gives, for who wants no more of them: a port that can find them faster than it reads them has
   * this too.
   */
  readableAt?(keys: readonly AssetKey[], at: Position): Promise<readonly (Position | undefined)[]>;
  /**
   * For each output, the last settled step, as of `at`, that succeeded with that output in need: the fold that a trace is (R1).
   * `undefined` too where a later success dropped it (D8). With `before`, the last one of those before that position.
   */
  lastSettled(
    outputs: readonly TraceQuestion[],
    at: Position,
  ): Promise<readonly ((StepSettled & { readonly position: Position }) | undefined)[]>;
  /** The last event that told that an asset did not come: it failed, was blocked, or its run was cancelled; as of `at`, in the order asked. */
  missed(keys: readonly AssetKey[], at: Position): Promise<readonly (MissedEvent | undefined)[]>;
  /** Every run, oldest first. */
  runs(): Promise<readonly LoggedRun[]>;
}

/** Values by the hash of their bytes: written with the events that need them, never overwritten. */
export interface ValueStore {
  /** The bytes at each address, in the order asked; `undefined` where the value is not kept: it never was, or it was removed. */
  values(addresses: readonly Address[]): Promise<readonly (Uint8Array | undefined)[]>;
  /** Whether the value at each address is kept, in the order asked. Reads none of them, so that a value which is damaged counts as kept. */
  has(addresses: readonly Address[]): Promise<readonly boolean[]>;
}

/**
 * What a store must be to keep what runs record. `createStore` makes the public store from it.
 * Every method rejects with StoreError STORE_CLOSED after `close`.
 */
export interface StorePort extends EventLog, ValueStore {
  /** How messages call the store: a path, or `memory`. */
  readonly label: string;
  /** What an append is refused for (VALUE_TOO_LARGE). A port that leaves it out takes values of any size. */
  readonly limits?: StoreLimits;
  /** Settles what was asked before, then lets go of the store. Closing twice is fine. */
  close(): Promise<void>;
}

/** Tells those who wait for events that there may be some. */
export interface ChangeFeed {
  /**
   * Calls back, at some time after, whenever something may have been appended, by this process or another, until the returned function
   * is called. May call back for nothing, and once for several appends; after the last append it always does. What it calls must not throw. Calls back a last time
   * when the store is closed, and then lets go of the one who waits. Throws StoreError STORE_CLOSED after `close`.
   */
  watch(onChange: () => void): () => void;
}

/** How far the readers got who go on, in their next life, where they were. One reader of a name at a time: the store does not check. */
export interface CursorStore {
  /** What was last set under a name; `undefined` if nothing ever was. */
  cursor(name: string): Promise<Position | undefined>;
  /** Sets it, and survives a crash, as an append does, once it has resolved. A writer's right: rejects with STORE_READ_ONLY otherwise. */
  setCursor(name: string, position: Position): Promise<void>;
}

/** What a live service goes on from, beside the log. */
export interface ResumeStore {
  /** What was last appended as the offset of each source, in the order asked; `undefined` where nothing ever was. */
  offsets(keys: readonly AssetKey[]): Promise<readonly (string | undefined)[]>;
  /**
   * For each step, the last time as of `at` that it settled and did not succeed: it failed, was blocked or was skipped. Not where it was
   * cancelled, which says nothing of it.
   */
  lastUnsuccessful(
    steps: readonly StepId[],
    at: Position,
  ): Promise<readonly ((StepSettled & { readonly position: Position }) | undefined)[]>;
}

/** Why a value is not kept any more, and what is known of it. */
export interface RemovedValue {
  /** Nothing needed it any longer (`retention`), or damage took it (`lost`). */
  readonly reason: 'retention' | 'lost';
  /** How many bytes it had; 0 where nobody knows. */
  readonly size: number;
  /** Where the log ended when it was removed. */
  readonly head: Position;
}

/** What a prune keeps, and who is told of it. */
export interface PruneRequest {
  /** Of each asset and source, so many of its latest values, equal neighbours counted once. At least 1. */
  readonly versions: number;
  /** Of so many of the latest runs, every value. */
  readonly runs: number;
  /** Of so many of the latest runs, live services aside, what bodies logged and how hooks failed; `undefined`: of all. */
  readonly logsOfRuns: number | undefined;
  readonly onProgress: ((progress: PruneProgress) => void) | undefined;
  readonly signal: AbortSignal | undefined;
  /** Asked for before each time that something is removed, and let go of after it: without it, values are removed while others run. */
  readonly turn?: () => Promise<Release>;
}

/** How far a prune is. */
export interface PruneProgress {
  /** It finds what is needed, removes values, or removes log lines. */
  readonly doing: 'mark' | 'values' | 'logs';
  /** How many rows it has looked at. */
  readonly rows: number;
}

/** What a prune did. */
export interface PruneReport {
  readonly values: {
    readonly kept: number;
    readonly removed: number;
    /** How many were kept as a change of one that was removed, and are kept in full now. */
    readonly rewritten: number;
    /** How many bytes the removed ones took in the store. */
    readonly bytes: number;
  };
  readonly events: { readonly removed: number };
}

/** A store that can forget. */
export interface RetentionStore {
  /**
   * Removes the values that nothing needs (R3), and what was logged in old runs. Beside appends: what is appended meanwhile is kept. What was
   * removed when it is aborted stays so, and the next prune goes on.
   */
  prune(request: PruneRequest): Promise<PruneReport>;
  /** What is known of values that were removed; `undefined` for one that is kept, or never was. */
  removed(addresses: readonly Address[]): Promise<readonly (RemovedValue | undefined)[]>;
}

/** A store that can be tailed too. A port that wraps another one and passes less on still serves runs. */
export interface TailPort extends StorePort, ChangeFeed, CursorStore {}

/** A store that a live service can stand on. */
export interface LivePort extends TailPort, ResumeStore {}
