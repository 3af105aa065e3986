import { SelectionError } from '../../lib/kernel/errors.ts';
import type { Delta } from '../../lib/kernel/keyed/delta.ts';
import type { Key } from '../../lib/kernel/keyed/key.ts';
import { emptyKeyed, Keyed } from '../../lib/kernel/keyed/keyed.ts';
import { kindOf, quote } from '../../lib/kernel/print.ts';
import { checkVerbOptions, RULES } from '../../lib/kernel/verb-options.ts';
import type { Position } from '../../lib/events/position.ts';
import type { Store } from '../../lib/events/store.ts';
import { assetKey, type AssetKey, type KeyLike } from '../../lib/model/asset-key.ts';

/** Two positions of a log. */
export interface PositionRange {
  /** The earlier one; 0 is before everything. */
  readonly from: Position;
  /** The later one: now, by default. */
  readonly to?: Position;
}

const RANGE_RULES = { from: RULES.position, to: RULES.position };

/**
 * What changed in the keyed rows of an asset or a source between two positions of the log: what turns what readers got then into what they
 * got later. Where there was nothing yet, or it was absent, there were no rows. Cost: follows what changed where both were read or written
 * lately in this process, else the rows.
 *
 * Rejects with SelectionError INVALID_OPTION where what readers got is no keyed rows, and with what `store.value` rejects with.
 */
export async function deltaBetween<K extends Key = Key, V = unknown>(
  store: Store,
  key: KeyLike,
  range: PositionRange,
): Promise<Delta<K, V>> {
  checkVerbOptions('deltaBetween', range, RANGE_RULES);
  const { from, to } = range;
  const at = assetKey(key, 'deltaBetween()');
  const older = await rowsAt<K, V>(store, at, from);
  const newer = await rowsAt<K, V>(store, at, to);
  return newer.diff(older);
}

async function rowsAt<K extends Key, V>(store: Store, key: AssetKey, position: Position | undefined): Promise<Keyed<K, V>> {
  const value = await store.value(key, position === undefined ? {} : { position });
  if (value === undefined) return emptyKeyed();
  // Whoever asks says what its rows are.
  if (value instanceof Keyed) return value as Keyed<K, V>;
  const at = position === undefined ? 'now' : `at position ${position}`;
  throw new SelectionError('INVALID_OPTION', `deltaBetween(): ${quote(key)} is ${kindOf(value)} ${at}, and no keyed rows.`, {
    details: { key, position },
  });
}
