import type { AssetKey } from '../model/asset-key.ts';
import type { Address } from './data-version.ts';
import type { LoggedEvent, NewEvent, ReadableEvent, RunEnded, RunStarted, StepSettled } from './logged-event.ts';
import type { Position } from './position.ts';

/** Bytes to keep under the hash of themselves. */
export interface StoredValue {
  readonly address: Address;
  readonly bytes: Uint8Array;
}

/** What one append adds, all or nothing. */
export interface AppendBatch {
  readonly events: readonly NewEvent[];
  /** Every value that the events refer to and the store may not have yet. */
  readonly values: readonly StoredValue[];
}

/** Identity of one output of one step. */
export interface OutputId {
  readonly definition: string;
  readonly step: string;
  readonly output: string;
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
 * - whatever is read is frozen, and equal for every reader for ever.
 */
export interface EventLog {
  /** Adds a batch and gives the positions of its events. Rejects with a StoreError; then nothing of the batch is there. */
  append(batch: AppendBatch): Promise<{ readonly first: Position; readonly last: Position }>;
  /** The position of the last event; 0 when there is none. */
  head(): Promise<Position>;
  /** Up to `limit` events from `from` on, in order; fewer than `limit` only at the end of the log. */
  read(from: Position, limit: number): Promise<readonly LoggedEvent[]>;
  /** What readers get of each key as of `at` (F8), in the order asked; `undefined` where there is nothing yet. */
  readable(keys: readonly AssetKey[], at: Position): Promise<readonly (ReadableEvent | undefined)[]>;
  /** For each output, the last settled step, as of `at`, that succeeded with that output in need: the fold that a trace is (R1). */
  lastSettled(
    outputs: readonly OutputId[],
    at: Position,
  ): Promise<readonly ((StepSettled & { readonly position: Position }) | undefined)[]>;
  /** Every run, oldest first. */
  runs(): Promise<readonly LoggedRun[]>;
}

/** Values by the hash of their bytes: written with the events that need them, never overwritten. */
export interface ValueStore {
  /** The bytes at each address, in the order asked; `undefined` where the value is not kept. */
  values(addresses: readonly Address[]): Promise<readonly (Uint8Array | undefined)[]>;
}

/**
 * What a store must be to keep what runs record. `createStore` makes the public store from it.
 * Every method rejects with StoreError STORE_CLOSED after `close`.
 */
export interface StorePort extends EventLog, ValueStore {
  /** How messages call the store: a path, or `memory`. */
  readonly label: string;
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

/** A store that can be tailed too. A port that wraps another one and passes less on still serves runs. */
export interface LivePort extends StorePort, ChangeFeed, CursorStore {}
