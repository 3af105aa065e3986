import type { OutputState } from '../../lib/events/data-version.ts';
import type { PositionRef } from '../../lib/events/position.ts';
import type { AssetKey } from '../../lib/model/asset-key.ts';

/** What a run reads from outside of itself under one key: pinned before its first step, fetched when a step first needs it. */
export interface Supplied {
  readonly state: OutputState;
  /** What it is for order alone, where that is something else. */
  readonly order?: OutputState;
  /** The event behind it; `null` where order alone is wanted and there is none. */
  readonly position: PositionRef | null;
  /** The value, fetched once a run. Only called where the state is `value`. */
  readonly value: () => unknown;
}

/** Everything that a run reads from outside of itself. */
export type Supply = ReadonlyMap<AssetKey, Supplied>;
