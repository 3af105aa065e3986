import { SelectionError } from '../kernel/errors.ts';
import { frozenSet } from '../kernel/frozen-collections.ts';
import { unreachable } from '../kernel/invariant.ts';
import { suggest } from '../kernel/nearest.ts';
import { kindOf, quote, quoteList } from '../kernel/print.ts';
import { isRecord } from '../kernel/record.ts';
import { CHECKED_LATER, checkVerbOptions } from '../kernel/verb-options.ts';
import type { AssetKey } from '../model/asset-key.ts';
import type { Definitions, KeyOf } from '../model/definitions.ts';

/** Keys and expressions, together. A string is exactly one key, for ever (N1). */
export type Selectable<Key extends string = string> = Key | Selection | readonly (Key | Selection)[];

/** An expression over assets, resolved against definitions when it is planned. */
export interface Selection {
  readonly kind: 'selection';
  readonly of: 'upstream' | 'downstream' | 'union' | 'intersection' | 'difference';
  readonly parts: readonly (string | Selection)[][];
  /** How many dependencies to follow; without it, all the way. */
  readonly depth?: number;
}

/** What `select` takes. */
export type Select<Assets> = readonly (KeyOf<Assets> | Selection)[] | Selection;

/** How far {@link upstreamOf} and {@link downstreamOf} go. */
export interface Reach {
  readonly depth?: number;
}

/** The assets given and everything they depend on; sources are left out. */
export function upstreamOf(assets: Selectable, reach: Reach = {}): Selection {
  return expression('upstream', [assets], reach);
}

/** The assets given and everything that depends on them; a source may be given, and is left out. */
export function downstreamOf(assets: Selectable, reach: Reach = {}): Selection {
  return expression('downstream', [assets], reach);
}

/** Every asset of any part. */
export function union(...parts: readonly Selectable[]): Selection {
  return expression('union', parts, {});
}

/** The assets that are in every part. */
export function intersection(...parts: readonly Selectable[]): Selection {
  return expression('intersection', parts, {});
}

/** The assets of the first part that are in none of the others. */
export function difference(from: Selectable, ...without: readonly Selectable[]): Selection {
  return expression('difference', [from, ...without], {});
}

function expression(of: Selection['of'], parts: readonly Selectable[], reach: Reach): Selection {
  checkVerbOptions(of === 'upstream' || of === 'downstream' ? `${of}Of` : of, reach, { depth: CHECKED_LATER });
  const { depth } = reach;
  if (depth !== undefined && !(Number.isInteger(depth) && depth >= 0)) {
    throw new SelectionError('INVALID_SELECTION', `${of}Of(): "depth" is ${String(depth)}. Give a whole number from 0, or leave it out.`, {
      details: { depth },
    });
  }
  const lists = parts.map((part) => (isList(part) ? [...part] : [part]));
  return Object.freeze({ kind: 'selection', of, parts: lists, ...(depth !== undefined && { depth }) });
}

function isList(part: Selectable): part is readonly (string | Selection)[] {
  return Array.isArray(part);
}

/**
 * The selected assets in the order of the definitions; all of them where `select` is left out.
 *
 * @throws SelectionError INVALID_SELECTION, UNKNOWN_ASSET, SOURCE_NOT_COMPUTED, NOT_SUBSETTABLE
 */
export function resolveSelection(defs: Definitions, select: Select<unknown> | undefined): ReadonlySet<AssetKey> {
  if (select === undefined) return everythingIn(defs);
  const items: unknown = isSelection(select) ? [select] : select;
  if (!Array.isArray(items)) {
    throw new SelectionError(
      'INVALID_SELECTION',
      `"select" is ${kindOf(select)}. Give a list of keys and expressions, or leave it out to select everything.`,
    );
  }
  for (const item of items) refuseSource(defs, item);
  const found = resolveItems(defs, items);
  const selected = frozenSet([...defs.assets.keys()].filter((key) => found.has(key)));
  checkWholeGraphs(defs, selected);
  return selected;
}

const everything = new WeakMap<Definitions, ReadonlySet<AssetKey>>();

/** The same set each time: who plans again compares it with what was planned last. */
function everythingIn(defs: Definitions): ReadonlySet<AssetKey> {
  const known = everything.get(defs) ?? frozenSet(defs.assets.keys());
  everything.set(defs, known);
  return known;
}

function isSelection(value: unknown): value is Selection {
  return isRecord(value) && value['kind'] === 'selection' && Array.isArray(value['parts']);
}

function refuseSource(defs: Definitions, item: unknown): void {
  if (typeof item !== 'string' || !isKeyOf(defs.sources, item)) return;
  throw new SelectionError(
    'SOURCE_NOT_COMPUTED',
    `${quote(item)} is a source: nothing here computes it. Put a value with store.put(), or select downstreamOf(${quote(item)}).`,
    {
      details: { key: item },
    },
  );
}

function resolveItems(defs: Definitions, items: readonly unknown[]): ReadonlySet<AssetKey> {
  return new Set(items.flatMap((item) => [...resolveItem(defs, item)]));
}

function resolveItem(defs: Definitions, item: unknown): ReadonlySet<AssetKey> {
  if (isSelection(item)) return resolveExpression(defs, item);
  if (typeof item !== 'string') {
    throw new SelectionError(
      'INVALID_SELECTION',
      `"select" holds ${kindOf(item)}. Give printed keys ('a/b') and expressions (upstreamOf, downstreamOf, union, …).`,
    );
  }
  if (isKeyOf(defs.assets, item) || isKeyOf(defs.sources, item)) return new Set([item]);
  throw new SelectionError('UNKNOWN_ASSET', `There is no asset ${quote(item)}. ${suggest(item, defs.assets.keys())}`, {
    details: { key: item },
  });
}

function isKeyOf(keys: ReadonlyMap<AssetKey, unknown>, key: string): key is AssetKey {
  // Widened for the lookup alone: what is found in the map is a key.
  return (keys as ReadonlyMap<string, unknown>).has(key);
}

function resolveExpression(defs: Definitions, { of, parts, depth = Infinity }: Selection): ReadonlySet<AssetKey> {
  const sets = parts.map((part) => resolveItems(defs, part));
  const [first = new Set<AssetKey>(), ...rest] = sets;
  switch (of) {
    case 'upstream':
      return follow(first, depth, (key) => defs.assets.get(key)?.deps ?? []);
    case 'downstream':
      return follow(first, depth, downstreamLookup(defs));
    case 'union':
      return new Set(sets.flatMap((set) => [...set]));
    case 'intersection':
      return new Set([...first].filter((key) => rest.every((set) => set.has(key))));
    case 'difference':
      return new Set([...first].filter((key) => !rest.some((set) => set.has(key))));
    default:
      return unreachable(of);
  }
}

function downstreamLookup({ assets }: Definitions): (key: AssetKey) => readonly AssetKey[] {
  const readers = new Map<AssetKey, AssetKey[]>();
  for (const { key, deps } of assets.values()) {
    for (const dep of deps) {
      const known = readers.get(dep);
      if (known === undefined) readers.set(dep, [key]);
      else known.push(key);
    }
  }
  return (key) => readers.get(key) ?? [];
}

/** Breadth first, so that `depth` counts the shortest way. */
function follow(from: ReadonlySet<AssetKey>, depth: number, next: (key: AssetKey) => readonly AssetKey[]): ReadonlySet<AssetKey> {
  const found = new Set(from);
  let border: readonly AssetKey[] = [...from];
  for (let level = 0; level < depth && border.length > 0; level += 1) {
    border = border.flatMap(next).filter((key) => {
      const isNew = !found.has(key);
      found.add(key);
      return isNew;
    });
  }
  return found;
}

function checkWholeGraphs({ definitions }: Definitions, selected: ReadonlySet<AssetKey>): void {
  for (const { name, canSubset, assets } of definitions) {
    if (canSubset) continue;
    const missing = [...assets.keys()].filter((key) => !selected.has(key));
    if (missing.length === 0 || missing.length === assets.size) continue;
    throw new SelectionError(
      'NOT_SUBSETTABLE',
      `Definition ${quote(name)} makes its assets together, and the selection leaves out ${quoteList(missing)}. Select all of them, or pass canSubset: true to assetsFromGraph().`,
      { details: { definition: name, missing } },
    );
  }
}
