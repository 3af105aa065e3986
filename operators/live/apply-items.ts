import type { SourceOffset } from '../../lib/events/store-port.ts';
import type { AssetKey } from '../../lib/model/asset-key.ts';
import type { Feed } from './feed.ts';
import type { Item } from './intake.ts';
import type { ObservedNow } from './epoch-work.ts';
import type { LiveGraph } from './live-graph.ts';
import { comparisonOf } from './repeats.ts';

/** What the items of an epoch come to. */
export interface Applied {
  readonly observed: readonly ObservedNow[];
  readonly offsets: readonly SourceOffset[];
  /** Items that are part of the epoch, a value that equals the one before included. */
  readonly taken: readonly Item[];
  /** Items that were applied before. */
  readonly duplicates: readonly Item[];
}

/** What sources are now, and what a new value of one would add to the log. */
export type SourcesNow = Pick<LiveGraph, 'valueOfSource' | 'observe'>;

/** What items are applied to. */
export interface ApplyScope {
  readonly now: SourcesNow;
  readonly feeds: ReadonlyMap<AssetKey, Feed>;
  /** By source: the offset of the last item that was applied. Moved on by what is applied now. */
  readonly offsets: Map<AssetKey, string>;
}

/**
 * Makes one new value of each source out of the items that came for it. Items that cannot be applied are told, and nothing of their source is
 * in the epoch then.
 */
export async function applyItems(items: readonly Item[], scope: ApplyScope): Promise<Applied> {
  const bySource = new Map<AssetKey, Item[]>();
  for (const item of items) {
    const known = bySource.get(item.key);
    if (known === undefined) bySource.set(item.key, [item]);
    else known.push(item);
  }
  const observed: ObservedNow[] = [];
  const applied = { offsets: new Array<SourceOffset>(), taken: new Array<Item>(), duplicates: new Array<Item>() };
  for (const [key, ofSource] of bySource) {
    const { fresh, repeated, offset } = withoutDuplicates(key, ofSource, scope);
    for (const item of repeated) applied.duplicates.push(item);
    if (fresh.length === 0) continue;
    try {
      const value = await valueAfter(key, fresh, scope);
      const made = scope.now.observe(key, value, offset ?? null);
      if (!('unchanged' in made)) observed.push({ key, value, made });
    } catch (error) {
      for (const item of fresh) item.fail(error);
      continue;
    }
    for (const item of fresh) applied.taken.push(item);
    if (offset === undefined) continue;
    scope.offsets.set(key, offset);
    applied.offsets.push({ key, offset });
  }
  return { observed, ...applied };
}

function withoutDuplicates(
  key: AssetKey,
  items: readonly Item[],
  { feeds, offsets }: ApplyScope,
): { readonly fresh: readonly Item[]; readonly repeated: readonly Item[]; readonly offset: string | undefined } {
  const compare = comparisonOf(feeds, key);
  let offset = offsets.get(key);
  const [fresh, repeated]: [Item[], Item[]] = [[], []];
  for (const item of items) {
    const isRepeated = item.offset !== undefined && offset !== undefined && compare(item.offset, offset) <= 0;
    (isRepeated ? repeated : fresh).push(item);
    if (!isRepeated) offset = item.offset ?? offset;
  }
  return { fresh, repeated, offset: fresh.some((item) => item.offset !== undefined) ? offset : undefined };
}

async function valueAfter(key: AssetKey, items: readonly Item[], { now, feeds }: ApplyScope): Promise<unknown> {
  const fold = feeds.get(key)?.fold;
  if (fold === undefined) return items.at(-1)?.value;
  let value: unknown = await now.valueOfSource(key);
  for (const item of items) value = fold(value, item.value);
  return value;
}
