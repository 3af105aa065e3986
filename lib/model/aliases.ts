import { frozenMap } from '../kernel/frozen-collections.ts';
import { DefinitionError } from '../kernel/errors.ts';
import { suggest } from '../kernel/nearest.ts';
import { kindOf, quote } from '../kernel/print.ts';
import { assetKey, type AssetKey, type KeyLike } from './asset-key.ts';
import { checkOptions, optionalRecord, type Fields } from './options.ts';

/** What graph-backed assets were called before, so that what is stored under those names goes on being theirs. */
export interface AssetAliases {
  /** By key: the keys that the asset had. */
  readonly keys?: Readonly<Record<string, readonly KeyLike[]>>;
  /** The names that the definition had. */
  readonly definition?: readonly string[];
  /** By the path of an op or of a nested graph in the definition's graph: the paths that it had. */
  readonly steps?: Readonly<Record<string, readonly string[]>>;
}

const ALIAS_FIELDS: Fields<AssetAliases> = { keys: true, definition: true, steps: true };

/** {@link AssetAliases}, checked. */
export interface FormerNames {
  readonly keys: ReadonlyMap<AssetKey, readonly AssetKey[]>;
  readonly definition: readonly string[];
  readonly steps: ReadonlyMap<string, readonly string[]>;
}

/** Nothing was renamed. */
export const NO_FORMER_NAMES: FormerNames = Object.freeze({ keys: frozenMap<AssetKey, readonly AssetKey[]>([]), definition: Object.freeze([]), steps: frozenMap<string, readonly string[]>([]) }); // prettier-ignore

/** What there is now, to which aliases may be given. */
interface Named {
  readonly keys: Iterable<AssetKey>;
  /** Paths of steps. */
  readonly paths: readonly string[];
  readonly where: string;
}

/**
 * Reads the aliases of a definition.
 *
 * @throws DefinitionError INVALID_DEFINITION, INVALID_KEY
 */
export function readAliases(given: unknown, { keys, paths, where }: Named): FormerNames {
  if (given === undefined) return NO_FORMER_NAMES;
  checkOptions(given, ALIAS_FIELDS, `"aliases" of ${where}`);
  // A record with these fields at most, as was just checked; what they hold is checked here.
  const { keys: byKey, definition, steps } = given as Readonly<Record<keyof AssetAliases, unknown>>;
  const known = new Set<string>(keys);
  const places = new Set(paths.flatMap(prefixesOf));
  const keyLists = readLists(byKey, { field: 'keys', known, where });
  return Object.freeze({
    // Only printed keys that are known came so far.
    keys: frozenMap(keyLists.map(([key, list]) => [key as AssetKey, readKeyAliases(list, where)])),
    definition: definition === undefined ? NO_FORMER_NAMES.definition : readNames(definition, `"aliases.definition" of ${where}`),
    steps: frozenMap(
      readLists(steps, { field: 'steps', known: places, where }).map(([path, list]) => [
        path,
        readNames(list, `"aliases.steps" of ${where}`),
      ]),
    ),
  });
}

/**
 * Reads the keys that an asset or a source had before.
 *
 * @throws DefinitionError INVALID_DEFINITION, INVALID_KEY
 */
export function readKeyAliases(given: unknown, where: string): readonly AssetKey[] {
  if (given === undefined) return NO_KEYS;
  // Each is checked by assetKey().
  return Object.freeze(listOf(given, `"aliases" of ${where}`).map((each) => assetKey(each as KeyLike, `"aliases" of ${where}`)));
}

const NO_KEYS: readonly AssetKey[] = Object.freeze([]);

interface ListsOf {
  readonly field: 'keys' | 'steps';
  readonly known: ReadonlySet<string>;
  readonly where: string;
}

function readLists(given: unknown, { field, known, where }: ListsOf): readonly (readonly [string, unknown])[] {
  const entries = Object.entries(optionalRecord(given, `aliases.${field}`, where) ?? {});
  const unknown = entries.find(([name]) => !known.has(name))?.[0];
  if (unknown === undefined) return entries;
  throw new DefinitionError(
    'INVALID_DEFINITION',
    `"aliases.${field}" of ${where} names ${quote(unknown)}, which it does not have. ${suggest(unknown, known)} Write what it is called now, and the names before in a list.`,
    { details: { where, name: unknown } },
  );
}

function readNames(given: unknown, where: string): readonly string[] {
  return Object.freeze(
    listOf(given, where).map((name) => {
      if (typeof name === 'string' && name !== '') return name;
      throw new DefinitionError('INVALID_DEFINITION', `${where} holds ${kindOf(name)}. Give names that are not empty.`, {
        details: { where },
      });
    }),
  );
}

function listOf(given: unknown, where: string): readonly unknown[] {
  if (Array.isArray(given)) return given;
  throw new DefinitionError('INVALID_DEFINITION', `${where} is ${kindOf(given)}. Give a list of former names.`, { details: { where } });
}

function prefixesOf(path: string): readonly string[] {
  const parts = path.split('.');
  return parts.map((_, index) => parts.slice(0, index + 1).join('.'));
}
