import { frozenMap } from '../kernel/frozen-collections.ts';
import { DefinitionError } from '../kernel/errors.ts';
import { quote } from '../kernel/print.ts';
import { NO_FORMER_NAMES, type FormerNames } from './aliases.ts';
import type { AssetKey } from './asset-key.ts';
import type { Step } from './step-graph.ts';
import { placeName, type StepPlace } from './step-place.ts';

/** What names in a store mean now, and under which a thing of now may be found. Nothing is in it that never had another name. */
export interface Aliases {
  /** By key: the keys before. */
  readonly formerKeys: ReadonlyMap<AssetKey, readonly AssetKey[]>;
  /** By key before: the key. */
  readonly keyNow: ReadonlyMap<AssetKey, AssetKey>;
  /** By {@link placeName}: the places before. */
  readonly formerPlaces: ReadonlyMap<string, readonly StepPlace[]>;
  /** By {@link placeName} before: the step. */
  readonly stepNow: ReadonlyMap<string, Step>;
}

/** The aliases of one source. */
export function aliasesOf({ key, aliases }: { readonly key: AssetKey; readonly aliases: readonly AssetKey[] }): Aliases {
  return {
    formerKeys: frozenMap(aliases.length === 0 ? [] : [[key, aliases] as const]),
    keyNow: frozenMap(aliases.map((alias) => [alias, key] as const)),
    formerPlaces: frozenMap<string, readonly StepPlace[]>([]),
    stepNow: frozenMap<string, Step>([]),
  };
}

/** What {@link joinAliases} joins. */
export interface Renamed {
  readonly definitions: readonly { readonly name: string; readonly former: FormerNames }[];
  readonly sources: Iterable<{ readonly key: AssetKey; readonly aliases: readonly AssetKey[] }>;
  readonly keys: ReadonlySet<AssetKey>;
  readonly steps: readonly Step[];
}

/**
 * Joins the aliases of all definitions.
 *
 * @throws DefinitionError ALIAS_CONFLICT where a former name is one of now, or that of two
 */
export function joinAliases({ definitions, sources, keys, steps }: Renamed): Aliases {
  const formerKeys = new Map<AssetKey, readonly AssetKey[]>();
  for (const { former } of definitions) for (const [key, before] of former.keys) formerKeys.set(key, before);
  for (const { key, aliases } of sources) if (aliases.length > 0) formerKeys.set(key, aliases);
  const keyNow = new Map<AssetKey, AssetKey>();
  for (const [key, before] of formerKeys) {
    for (const alias of before) {
      const other = keys.has(alias) ? alias : keyNow.get(alias);
      if (other !== undefined)
        throw conflict(`The key ${quote(key)}`, alias, other === alias ? 'a key of now' : `that of ${quote(other)} too`);
      keyNow.set(alias, key);
    }
  }
  return Object.freeze({ formerKeys: frozenMap(formerKeys), keyNow: frozenMap(keyNow), ...joinPlaces(definitions, steps) });
}

function joinPlaces(definitions: Renamed['definitions'], steps: readonly Step[]): Pick<Aliases, 'formerPlaces' | 'stepNow'> {
  const live = new Set(steps.map(placeName));
  const former = new Map(definitions.map((each) => [each.name, each.former]));
  const formerPlaces = new Map<string, readonly StepPlace[]>();
  const stepNow = new Map<string, Step>();
  for (const step of steps) {
    const before = placesBefore(step, former.get(step.definition) ?? NO_FORMER_NAMES);
    if (before.length > 0) formerPlaces.set(placeName(step), Object.freeze(before));
    for (const place of before) {
      const name = placeName(place);
      const other = stepNow.get(name);
      const was = `${place.definition}:${place.path}`;
      if (live.has(name)) throw conflict(`Step ${quote(step.id)}`, was, 'a step of now');
      if (other !== undefined) throw conflict(`Step ${quote(step.id)}`, was, `that of ${quote(other.id)} too`);
      stepNow.set(name, step);
    }
  }
  return { formerPlaces: frozenMap(formerPlaces), stepNow: frozenMap(stepNow) };
}

function placesBefore({ definition, path }: Step, { definition: names, steps }: FormerNames): readonly StepPlace[] {
  const paths = [path];
  for (const [now, before] of steps)
    if (path === now || path.startsWith(`${now}.`)) for (const was of before) paths.push(was + path.slice(now.length));
  const places = [definition, ...names].flatMap((name) => paths.map((each) => ({ definition: name, path: each })));
  const itself = placeName({ definition, path });
  return places.filter(
    (place, index) => placeName(place) !== itself && places.findIndex((each) => placeName(each) === placeName(place)) === index,
  );
}

function conflict(what: string, alias: string, is: string): DefinitionError {
  return new DefinitionError(
    'ALIAS_CONFLICT',
    `${what} has the alias ${quote(alias)}, which is ${is}. What is stored under that name can go on as one thing only: drop the alias where it does not belong.`,
    { details: { alias } },
  );
}
