import { frozenMap } from '../kernel/frozen-collections.ts';
import { DefinitionError } from '../kernel/errors.ts';
import { suggest } from '../kernel/nearest.ts';
import { kindOf, quote } from '../kernel/print.ts';
import { isRecord } from '../kernel/record.ts';
import type { AssetKey } from './asset-key.ts';
import type { AssetDefinition, AssetsDefinition } from './assets-from-graph.ts';
import { joinCodecs, type Codecs } from './codec.ts';
import { checkOptions, type Fields } from './options.ts';
import { poolsProblem } from './pools.ts';
import type { Refused } from './refused.ts';
import { joinAliases, type Aliases } from './renamed.ts';
import { readProvisions, type Provision, type Resource } from './resource.ts';
import { isSource, type SourceDefinition } from './source.ts';
import { joinSteps, type StepGraph } from './step-graph.ts';

/** What `define` takes: graph-backed assets, an asset, or a source. */
export type AnyDefinition = AssetsDefinition | SourceDefinition;

declare const definedAssets: unique symbol;

/**
 * A whole set of definitions: every key provided once, every upstream key provided, no cycle.
 * `Assets` is a union of records, printed key → value type, one of each definition.
 */
export interface Definitions<Assets = unknown> {
  readonly kind: 'definitions';
  readonly definitions: readonly AssetsDefinition[];
  readonly sources: ReadonlyMap<AssetKey, SourceDefinition>;
  readonly assets: ReadonlyMap<AssetKey, DefinedAsset>;
  readonly graph: StepGraph;
  /** What the definitions provide themselves, by resource name; a run may provide more, or something else. */
  readonly resources: ReadonlyMap<string, Provision>;
  /** How many steps of a pool may run at the same time in one run. */
  readonly pools: ReadonlyMap<string, number>;
  /** The codecs of all outputs and sources, by name: stored values are decoded by them. */
  readonly codecs: Codecs;
  /** What was renamed, and how it was called before. */
  readonly aliases: Aliases;
  readonly [definedAssets]?: Assets;
}

/** An asset, with the definition it is part of and what it is declared to depend on directly. */
export interface DefinedAsset extends AssetDefinition {
  readonly definition: AssetsDefinition;
  readonly step: number;
  readonly outputIndex: number;
  readonly deps: readonly AssetKey[];
}

type AssetsOf<D> = D extends AssetsDefinition<infer Assets> ? Assets : never;

/** Printed key → value type of everything that one definition provides. */
type ProvidedBy<D> =
  D extends AssetsDefinition<infer Assets> ? Assets : D extends SourceDefinition<infer T, infer Key> ? { readonly [K in Key]: T } : never;

/** What the compiler does not know passes. */
type Fits<Has, As> = unknown extends Has ? true : Has extends As ? true : false;

/** Printed keys that a definition of `D` reads as another type than they have in `All`. */
type Misread<D, All> =
  D extends AssetsDefinition<unknown, infer Reads>
    ? { [K in keyof Reads & string]: false extends Fits<ValueAt<ProvidedBy<All>, K>, Reads[K]> ? K : never }[keyof Reads & string]
    : never;

/** Refuses definitions of which one reads an asset as another type than it has, with a sentence that names the key. */
type TypesAgree<D extends readonly AnyDefinition[]> = [Misread<D[number], D[number]>] extends [never]
  ? unknown
  : { readonly assets: Refused<`The asset "${Misread<D[number], D[number]>}" is read as another type than it has.`> };

/** Printed keys of all assets that are computed; any string where the definitions are only known at run time. */
export type KeyOf<Assets> = unknown extends Assets ? string : Assets extends unknown ? keyof Assets & string : never;

/** The type of the value under a printed key. */
export type ValueAt<Assets, Key extends string> = unknown extends Assets
  ? unknown
  : Assets extends { readonly [K in Key]: infer T }
    ? T
    : never;

/** Options of {@link define}. */
export interface DefineOptions<D extends readonly AnyDefinition[]> {
  readonly assets: D;
  /** Where the resources of the ops come from; a run may provide them instead, or replace them. */
  readonly resources?: readonly Provision[];
  /** How many steps of each pool may run at the same time in one run; a run may say otherwise. */
  readonly pools?: Readonly<Record<string, number>>;
}

const DEFINE_FIELDS: Fields<DefineOptions<readonly AnyDefinition[]>> = { assets: true, resources: true, pools: true };

/**
 * Joins definitions into one set that can be planned.
 *
 * @throws DefinitionError INVALID_DEFINITION, INVALID_NAME, DUPLICATE_DEFINITION, DUPLICATE_KEY, UNKNOWN_UPSTREAM, NAME_CONFLICT, CYCLE, ALIAS_CONFLICT
 */
export function define<const D extends readonly AnyDefinition[]>(
  options: DefineOptions<D> & TypesAgree<D>,
): Definitions<AssetsOf<D[number]>> {
  checkOptions(options, DEFINE_FIELDS, 'define()');
  const given: unknown = options.assets;
  if (!Array.isArray(given)) {
    throw new DefinitionError('INVALID_DEFINITION', `define() takes { assets: […] }, and "assets" is ${kindOf(given)}.`);
  }
  // From the iterator, so that a hole in the list is an entry that is no definition.
  const all = Array.from(given, checkDefinition);
  const keys = checkKeys(all);
  checkNames(all);
  const definitions = all.filter((each) => each.kind === 'assets');
  const sources = frozenMap(all.flatMap((each) => (each.kind === 'source' ? [[each.key, each] as const] : [])));
  checkUpstream(definitions, keys);
  const graph = joinSteps(definitions, new Set(sources.keys()));
  checkResources(graph);
  return Object.freeze({
    kind: 'definitions',
    definitions: Object.freeze(definitions),
    sources,
    assets: locateAssets(definitions, graph),
    graph,
    resources: readProvided(options.resources),
    pools: readPools(options.pools),
    codecs: frozenMap(codecsOf(graph, sources)),
    aliases: joinAliases({ definitions, sources: sources.values(), keys, steps: graph.steps }),
  });
}

function checkDefinition(value: unknown, index: number): AnyDefinition {
  if (!isRecord(value) || !(isAssets(value) || isSource(value))) {
    const hint =
      typeof value === 'function'
        ? 'Wrap a graph in assetsFromGraph(); place an op in a graph.'
        : 'Make it with assetsFromGraph(), asset() or source().';
    throw new DefinitionError('INVALID_DEFINITION', `define(): entry ${index} of "assets" is ${kindOf(value)}, not a definition. ${hint}`, {
      details: { index },
    });
  }
  // The two constructors are the only makers of such objects.
  return value as unknown as AnyDefinition;
}

function isAssets({ kind, assets, upstream }: Readonly<Record<string, unknown>>): boolean {
  return kind === 'assets' && assets instanceof Map && upstream instanceof Map;
}

function checkNames(all: readonly AnyDefinition[]): void {
  const seen = new Set<string>();
  for (const { kind, name } of all) {
    if (kind === 'assets' && seen.has(name)) {
      throw new DefinitionError(
        'DUPLICATE_DEFINITION',
        `Two definitions are named ${quote(name)}. Pass "name" to assetsFromGraph() for one of them.`,
        { details: { name } },
      );
    }
    if (kind === 'assets') seen.add(name);
  }
}

function checkKeys(all: readonly AnyDefinition[]): ReadonlySet<AssetKey> {
  const providers = new Map<AssetKey, string>();
  for (const definition of all) {
    for (const key of definition.kind === 'source' ? [definition.key] : definition.assets.keys()) {
      const label = definition.kind === 'source' ? `source ${quote(definition.name)}` : `definition ${quote(definition.name)}`;
      const other = providers.get(key);
      if (other !== undefined) {
        throw new DefinitionError(
          'DUPLICATE_KEY',
          `The key ${quote(key)} is provided twice: by ${other} and by ${other === label ? 'another one of that name' : label}. Rename one, with "keyPrefix" or "keysByOutputName".`,
          {
            details: { key },
          },
        );
      }
      providers.set(key, label);
    }
  }
  return new Set(providers.keys());
}

function checkUpstream(definitions: readonly AssetsDefinition[], keys: ReadonlySet<AssetKey>): void {
  for (const { name, upstream } of definitions) {
    for (const [input, key] of upstream) {
      if (keys.has(key)) continue;
      throw new DefinitionError(
        'UNKNOWN_UPSTREAM',
        `Input "${input}" of definition ${quote(name)} reads the asset ${quote(key)}, which nothing here provides. ${suggest(key, keys)} Define it, declare source(${quote(key)}), or map the input with "keysByInputName".`,
        { details: { definition: name, input, key } },
      );
    }
  }
}

function locateAssets(definitions: readonly AssetsDefinition[], graph: StepGraph): ReadonlyMap<AssetKey, DefinedAsset> {
  const located = new Map<AssetKey, DefinedAsset>();
  for (const definition of definitions) {
    for (const [key, asset] of definition.assets) {
      const place = graph.placeOf(key);
      located.set(
        key,
        Object.freeze({
          ...asset,
          definition,
          step: place.step,
          outputIndex: place.output,
          deps: definition.declaredDeps.get(key) ?? graph.wiredDeps(key),
        }),
      );
    }
  }
  return frozenMap(located);
}

function readProvided(given: unknown): ReadonlyMap<string, Provision> {
  const read = readProvisions(given ?? []);
  if ('problem' in read) throw new DefinitionError('INVALID_DEFINITION', `define(): "resources" ${read.problem}`);
  return read.provisions;
}

function readPools(given: unknown): ReadonlyMap<string, number> {
  const problem = poolsProblem(given ?? {});
  if (problem !== undefined) throw new DefinitionError('INVALID_DEFINITION', `define(): "pools" ${problem}`);
  // A record of numbers, as was just checked.
  return frozenMap(Object.entries((given ?? {}) as Readonly<Record<string, number>>));
}

/** The codecs that may be asked for by name: that is all that stored bytes say of theirs. */
function codecsOf({ steps }: StepGraph, sources: Definitions['sources']): Codecs {
  const ofSteps = steps.flatMap(({ id, op }) =>
    Object.entries(op.outputs).map(([name, { codec }]) => ({ codec, place: `Output "${name}" of step ${quote(id)}` })),
  );
  const ofSources = [...sources.values()].map(({ key, codec }) => ({ codec, place: `source ${quote(key)}` }));
  return joinCodecs([...ofSteps, ...ofSources]);
}

/** Two resources of one name could not both be provided by it. */
function checkResources({ steps }: StepGraph): void {
  const known = new Map<string, { readonly resource: Resource; readonly step: string }>();
  for (const { id, op } of steps) {
    for (const needed of Object.values(op.resources)) {
      const other = known.get(needed.name);
      if (other === undefined) known.set(needed.name, { resource: needed, step: id });
      else if (other.resource !== needed) {
        throw new DefinitionError(
          'NAME_CONFLICT',
          `Steps ${quote(other.step)} and ${quote(id)} need two different resources named ${quote(needed.name)}. Share one resource("${needed.name}") between their ops, or rename one.`,
          { details: { resource: needed.name, steps: [other.step, id] } },
        );
      }
    }
  }
}
