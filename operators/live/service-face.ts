import type { Position } from '../../lib/events/position.ts';
import type { Definitions, KeyOf, ValueAt } from '../../lib/model/definitions.ts';
import type { SourceDefinition } from '../../lib/model/source.ts';
import type { Select } from '../../lib/plan/selection.ts';
import type { Changes, Lag } from './changes.ts';
import type { Pushed } from './intake.ts';
import type { AssetChange, AssetNow, EpochReport, Moment } from './publication.ts';

/** How somebody watches a service. */
export interface WatchOptions {
  /** When to be told: as soon as an epoch has settled, or when it is on disk, the default: what leaves the process must not be forgotten by it. */
  readonly at?: Moment;
  /** What one who iterates gets where more comes than is asked for; `{ policy: 'lossless', bound: 1000 }` by default. */
  readonly lag?: Lag;
}

/** A source that has no value yet, so that a service cannot have its first epoch. */
export interface WaitingFor {
  /** The key of the source. */
  readonly source: string;
  /** Ids of the steps that need its value. */
  readonly steps: readonly string[];
  /** How many items of it have come, and wait for the epoch policy or for another source. */
  readonly items: number;
}

/** A service that keeps assets fresh while sources push: what every service is, whatever its definitions are. */
export interface AnyLiveService {
  /** The run of the log that a service is, however long it lives; {@link update} begins another one. Empty before the first epoch. */
  readonly runId: string;
  /** Sources without a value that the first epoch waits for, as of now; none once there was one. */
  readonly waitingFor: readonly WaitingFor[];

  /**
   * Hands an item to a source. Resolves when it is on disk with all that came of it, or when it was dropped, conflated or had been applied
   * before; rejects with SelectionError INTAKE_FULL, UNKNOWN_SOURCE or SERVICE_CLOSED, with StoreError VALUE_NOT_STORABLE, and with what ended the service.
   */
  push(source: string | SourceDefinition, item: unknown, options?: { readonly offset?: string }): Promise<Pushed>;
  /** Ends an epoch: what was pushed so far is taken together. */
  mark(): void;
  /**
   * Takes no items, and tries nothing again, until `resume`; what comes waits, within its bounds, and so does who asks for {@link settled}. What
   * others write to the store is brought up to date all the same; `close` drains as ever.
   */
  pause(): void;
  /** Goes on after `pause`. */
  resume(): void;

  /** What an asset is as of the last settled epoch; `undefined` where it never came, or failed and had never come. */
  current(key: string): Promise<AssetNow | undefined>;
  /** Each change of an asset from now on. */
  changes(key: string, options?: WatchOptions): Changes<AssetChange>;
  /** What an asset is now, where it is anything, and each change of it. */
  value(key: string, options?: WatchOptions): Changes<AssetChange>;
  /** Each epoch from now on: what ran, what changed, how long it took. */
  epochs(options?: WatchOptions): Changes<EpochReport>;

  /**
   * Resolves when all that had come by now has settled, which ends an epoch here as {@link mark} does. Before the first epoch, when that one has
   * settled: what it waits for is in {@link waitingFor}. Rejects with what ended the service.
   */
  settled(): Promise<void>;
  /** As {@link settled}, when it is on disk too; resolves with the position at which the log ends. */
  durable(): Promise<Position>;

  /**
   * Goes on with another selection or other definitions: what is new is made from what is stored, what is gone stops, and nothing else runs again.
   * Resolves when that has settled; before the first epoch, where a source that is read then has no value, at once: the first epoch waits for that one
   * then. Rejects as `live` does, with SelectionError UNKNOWN_SOURCE where a source is gone that has a feed, and after the first epoch with
   * MISSING_VALUE where a source that is read then has no value; then the service goes on as it was.
   */
  update(change: { readonly defs?: Definitions; readonly select?: Select<unknown> }): Promise<void>;

  /** Ends the service: by default when all that has come is on disk; with `drain: false` at once, and what waits is dropped. */
  close(options?: { readonly drain?: boolean }): Promise<void>;
  /** Resolves when the service is closed; rejects with what ended it otherwise. */
  readonly closed: Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** The same with the keys and types of its definitions. */
export interface LiveServiceOf<Assets> extends AnyLiveService {
  current<Key extends KeyOf<Assets>>(key: Key): Promise<AssetNow<ValueAt<Assets, Key>> | undefined>;
  changes<Key extends KeyOf<Assets>>(key: Key, options?: WatchOptions): Changes<AssetChange<ValueAt<Assets, Key>>>;
  value<Key extends KeyOf<Assets>>(key: Key, options?: WatchOptions): Changes<AssetChange<ValueAt<Assets, Key>>>;
  update(change: { readonly defs?: Definitions<Assets>; readonly select?: Select<Assets> }): Promise<void>;
}

/**
 * A live service: of these assets, or of any where nothing is said. One of some assets is one of any, which the compiler sees because the latter
 * has no type parameter.
 */
export type LiveService<Assets = unknown> = unknown extends Assets ? AnyLiveService : LiveServiceOf<Assets>;
