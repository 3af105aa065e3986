import type { AssetKey } from '../../lib/model/asset-key.ts';
import type { Slot } from './slot.ts';

/** How an asset of the selection ended (X10). */
export type Outcome = 'materialized' | 'unchanged' | 'fresh' | 'absent' | 'failed' | 'blocked' | 'cancelled';

/** An asset's outcome, with the slot that holds its value where it has one. */
export interface AssetOutcome {
  readonly key: AssetKey;
  readonly outcome: Outcome;
  /** True where the selection does not name the asset (X7 `materialize`). */
  readonly unexpected: boolean;
  readonly slot: Slot | undefined;
}
