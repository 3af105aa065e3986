import type { AssetKey } from '../../lib/model/asset-key.ts';
import type { Feed } from './feed.ts';
import { compareOffsets } from './compare-offsets.ts';
import type { Item } from './intake.ts';

/** How the offsets of a source are compared, also where items of it are pushed by hand and no feed says so. */
export function comparisonOf(feeds: ReadonlyMap<AssetKey, Feed>, key: AssetKey): Feed['compare'] {
  return feeds.get(key)?.compare ?? compareOffsets;
}

/**
 * Tells items that an origin gives again from those that it gives for the first time, as they come: an epoch of N items is of N that are new, or
 * it would be another one after a crash. Whether an item is applied is decided later, when what came before it has been.
 */
export class Repeats {
  readonly #feeds: ReadonlyMap<AssetKey, Feed>;
  readonly #applied: ReadonlyMap<AssetKey, string>;
  readonly #seen = new Map<AssetKey, string>();

  /** @param applied by source: the offset of the last item that was applied, as it is at any time */
  constructor(feeds: ReadonlyMap<AssetKey, Feed>, applied: ReadonlyMap<AssetKey, string>) {
    this.#feeds = feeds;
    this.#applied = applied;
  }

  /** Whether an item that comes now, or a later one, came before. */
  isRepeat({ key, offset }: Pick<Item, 'key' | 'offset'>): boolean {
    if (offset === undefined) return false;
    if (this.#isUpTo(this.#seen, key, offset) || this.#isUpTo(this.#applied, key, offset)) return true;
    this.#seen.set(key, offset);
    return false;
  }

  /** Whether an item, or a later one, is applied: another service may have done that since it came. */
  isApplied({ key, offset }: Pick<Item, 'key' | 'offset'>): boolean {
    return offset !== undefined && this.#isUpTo(this.#applied, key, offset);
  }

  #isUpTo(offsets: ReadonlyMap<AssetKey, string>, key: AssetKey, offset: string): boolean {
    const last = offsets.get(key);
    return last !== undefined && comparisonOf(this.#feeds, key)(offset, last) <= 0;
  }

  /** What was seen of a source and not applied comes again. */
  forget(key: AssetKey): void {
    this.#seen.delete(key);
  }
}
