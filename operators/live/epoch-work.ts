import type { LoggedEvent, NewEvent } from '../../lib/events/logged-event.ts';
import type { Position } from '../../lib/events/position.ts';
import type { AppendBatch } from '../../lib/events/store-port.ts';
import type { Observation } from '../../lib/events/store.ts';
import type { AssetKey } from '../../lib/model/asset-key.ts';
import type { AssetOutcome } from '../run/outcome.ts';
import type { SettledStep } from '../run/settled-step.ts';
import type { RowsBefore } from './rows-before.ts';

/** What an epoch is to do: what is logged before its steps, what changed outside, and what else is to be looked at. */
export interface EpochWork {
  readonly head: readonly NewEvent[];
  readonly observed: readonly ObservedNow[];
  readonly marked: Iterable<number>;
  /** Plan indices of failed steps that are tried again although nothing changed. */
  readonly retried: ReadonlySet<number>;
  /** Whether it is the first one of a service: what the log says already is not logged again. */
  readonly first: boolean;
}

/** A new value of a source. */
export interface ObservedNow {
  readonly key: AssetKey;
  readonly value: unknown;
  readonly made: Extract<Observation, { readonly event: unknown }>;
}

/** A step of an epoch and where its events are. */
export interface RecordedStep {
  readonly settled: SettledStep;
  readonly events: readonly NewEvent[];
  readonly first: Position;
}

/** An epoch that has settled. */
export interface SettledEpoch {
  readonly number: number;
  readonly events: readonly LoggedEvent[];
  readonly batch: AppendBatch;
  readonly steps: readonly RecordedStep[];
  readonly outcomes: readonly AssetOutcome[];
  /** Where the log ends with it. */
  readonly position: Position;
  /** What changed in the rows of an asset that is keyed and changed. */
  readonly deltaOf: ReturnType<RowsBefore['take']>;
}
