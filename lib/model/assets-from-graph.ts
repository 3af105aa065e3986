import { DefinitionError } from '../kernel/errors.ts';
import { kindOf, quote, quoteList, suggest } from '../kernel/nearest.ts';
import { assetKey, type AssetKey, type KeyLike, type PrintedKey } from './asset-key.ts';
import { flatten, type FlatGraph } from './flatten.ts';
import { isGraph, type AnyGraph, type Graph, type Returned } from './graph.ts';
import type { Handle } from './handle.ts';
import { readInternalDeps } from './internal-deps.ts';
import type { Inputs } from './port.ts';

/** What people want to know of an asset beside its value. None of it changes what runs. */
export interface AssetNotes {
  readonly group?: string;
  readonly description?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** One asset of a definition. */
export interface AssetDefinition {
  readonly key: AssetKey;
  /** The output of the definition's graph that the asset is. */
  readonly output: string;
  readonly notes: AssetNotes;
}

declare const assetTypes: unique symbol;

/** A graph whose outputs are assets; `Assets` maps their printed keys to the types of their values. */
export interface AssetsDefinition<Assets = unknown> {
  readonly kind: 'assets';
  readonly name: string;
  readonly graph: AnyGraph;
  readonly canSubset: boolean;
  readonly upstream: ReadonlyMap<string, AssetKey>;
  readonly assets: ReadonlyMap<AssetKey, AssetDefinition>;
  readonly flat: FlatGraph;
  /** Asset → what it is declared to depend on (`internalDeps`), where that was narrowed or extended. */
  readonly declaredDeps: ReadonlyMap<AssetKey, readonly AssetKey[]>;
  readonly [assetTypes]?: Assets;
}

/** Names of the graph's outputs: `result` where the body returns one handle. */
export type OutputNames<R> = R extends Handle ? 'result' : keyof R & string;

/** Options of {@link assetsFromGraph}. */
export interface AssetsOptions<InputName extends string, OutputName extends string, ByOutput, Prefix> {
  /** The definition's name; the graph's by default. Unique in `define`. */
  readonly name?: string;
  /** The key of the upstream asset behind each input; exactly the graph's inputs. */
  readonly keysByInputName?: Readonly<Record<InputName, KeyLike>>;
  /** The key of each output; exactly the graph's outputs. */
  readonly keysByOutputName?: ByOutput;
  /** Goes before every output key, also explicit ones; never before input keys. */
  readonly keyPrefix?: Prefix;
  /** Whether some of the assets may be selected without the others (N2). */
  readonly canSubset?: boolean;
  /** Output → the inputs and outputs that it is declared to depend on. Shown and used for order; need follows the wiring all the same (D3). */
  readonly internalDeps?: Readonly<Partial<Record<OutputName, readonly (InputName | OutputName)[]>>>;
  /** The group of every asset of the graph. */
  readonly group?: string;
  /** Notes for single assets, by output name. */
  readonly notes?: Readonly<Partial<Record<OutputName, AssetNotes>>>;
}

type Prefixed<Prefix, Key extends string> = Prefix extends KeyLike ? `${PrintedKey<Prefix>}/${Key}` : Key;

type InferredKey<Name extends string, R, Output extends string> = [OutputNames<R>] extends ['result'] ? Name : Output;

type KeyOfOutput<Name extends string, R, ByOutput, Output extends string> =
  ByOutput extends Readonly<Record<Output, infer Key extends KeyLike>> ? PrintedKey<Key> : InferredKey<Name, R, Output>;

/** Printed key → value type, for all assets of a graph. */
export type GraphAssets<Name extends string, R, ByOutput, Prefix> = R extends Handle<infer T>
  ? { readonly [Only in Prefixed<Prefix, KeyOfOutput<Name, R, ByOutput, 'result'>>]: T }
  : { readonly [Output in keyof R & string as Prefixed<Prefix, KeyOfOutput<Name, R, ByOutput, Output>>]: R[Output] extends Handle<infer T> ? T : never };

/**
 * Makes a graph's outputs assets. Keys are inferred (D1) or given (D2); each input of the graph is an upstream asset.
 *
 * @throws DefinitionError INVALID_DEFINITION, INVALID_KEY, KEY_MAP_MISMATCH, KEY_MAPPED_TWICE, OUTPUT_MAPPED_TWICE, INVALID_INTERNAL_DEPS
 */
export function assetsFromGraph<
  const Name extends string,
  I extends Inputs,
  R extends Returned,
  const ByOutput extends Readonly<Record<OutputNames<R>, KeyLike>> | undefined = undefined,
  const Prefix extends KeyLike | undefined = undefined,
>(
  graph: Graph<Name, I, R>,
  options?: AssetsOptions<keyof I & string, OutputNames<R>, ByOutput, Prefix>,
): AssetsDefinition<GraphAssets<Name, R, ByOutput, Prefix>>;
export function assetsFromGraph(graph: AnyGraph, options: AssetsOptions<string, string, Readonly<Record<string, KeyLike>> | undefined, KeyLike | undefined> = {}): AssetsDefinition {
  if (!isGraph(graph)) {
    throw new DefinitionError('INVALID_DEFINITION', `assetsFromGraph() takes a graph first, and got ${kindOf(graph)}. Make one with graph('…', …).`);
  }
  const name = options.name ?? graph.name;
  if (typeof name !== 'string' || name === '') {
    throw new DefinitionError('INVALID_DEFINITION', `assetsFromGraph("${graph.name}"): "name" is ${kindOf(name)}. Give a name that is not empty.`);
  }
  const where = `definition ${quote(name)}`;
  const upstream = inputKeys(graph, options.keysByInputName, where);
  const keys = outputKeys(graph, { given: options.keysByOutputName, prefix: options.keyPrefix, where });
  const flat = flatten(graph);
  checkOneKeyAnOutput(flat, keys, where);
  const notes = checkNotes(graph, options, where);
  const assets = [...keys].map(([output, key]) => [key, Object.freeze({ key, output, notes: { group: options.group, ...notes[output] } })] as const);
  return Object.freeze({
    kind: 'assets',
    name,
    graph,
    canSubset: options.canSubset === true,
    upstream,
    assets: new Map(assets) as ReadonlyMap<AssetKey, AssetDefinition>,
    flat,
    declaredDeps: readInternalDeps({ flat, upstream, keys, where }, options.internalDeps),
  });
}

function inputKeys(graph: AnyGraph, given: Readonly<Record<string, KeyLike>> | undefined, where: string): ReadonlyMap<string, AssetKey> {
  const names = Object.keys(graph.inputs);
  if (given !== undefined) checkKeyMap(`"keysByInputName" of ${where}`, Object.keys(given), names);
  return new Map(names.map((name) => [name, assetKey(given?.[name] ?? name, `input "${name}" of ${where}`)]));
}

interface OutputKeyOptions {
  readonly given: Readonly<Record<string, KeyLike>> | undefined;
  readonly prefix: KeyLike | undefined;
  readonly where: string;
}

function outputKeys(graph: AnyGraph, { given, prefix, where }: OutputKeyOptions): ReadonlyMap<string, AssetKey> {
  const names = graph.outputNames;
  if (given !== undefined) checkKeyMap(`"keysByOutputName" of ${where}`, Object.keys(given), names);
  const front = prefix === undefined ? '' : `${assetKey(prefix, `"keyPrefix" of ${where}`)}/`;
  const keys = new Map<string, AssetKey>();
  const taken = new Map<AssetKey, string>();
  for (const name of names) {
    const inferred = names.length === 1 && name === 'result' ? graph.name : name;
    const at = `output "${name}" of ${where}`;
    const key = assetKey(front + assetKey(given?.[name] ?? inferred, at), at);
    const other = taken.get(key);
    if (other !== undefined) {
      throw new DefinitionError('KEY_MAPPED_TWICE', `Outputs "${other}" and "${name}" of ${where} both have the key ${quote(key)}. Give each a key of its own.`, {
        details: { key, outputs: [other, name] },
      });
    }
    taken.set(key, name);
    keys.set(name, key);
  }
  return keys;
}

function checkKeyMap(map: string, given: readonly string[], declared: readonly string[]): void {
  const unknown = given.find((name) => !declared.includes(name));
  const missing = declared.filter((name) => !given.includes(name));
  if (unknown === undefined && missing.length === 0) return;
  const problem = unknown === undefined ? `leaves out ${quoteList(missing)}` : `names ${quote(unknown)}, which the graph does not have. ${suggest(unknown, declared)} It`;
  throw new DefinitionError('KEY_MAP_MISMATCH', `${map} ${problem}${unknown === undefined ? '. It' : ''} must name exactly ${quoteList(declared)}.`, {
    details: { unknown, missing },
  });
}

function checkOneKeyAnOutput(flat: FlatGraph, keys: ReadonlyMap<string, AssetKey>, where: string): void {
  const named = new Map<string, string>();
  for (const [name, { step, output }] of flat.outputs) {
    const place = `${step}.${output}`;
    const other = named.get(place);
    if (other !== undefined) {
      const path = flat.steps[step]?.path ?? '';
      throw new DefinitionError(
        'OUTPUT_MAPPED_TWICE',
        `In ${where} the assets ${quoteList([String(keys.get(other)), String(keys.get(name))])} are one and the same output of step "${path}". Keep one key, or copy the value in an op of its own.`,
        { details: { keys: [keys.get(other), keys.get(name)], step: path } },
      );
    }
    named.set(place, name);
  }
}

function checkNotes(graph: AnyGraph, { notes = {} }: Pick<AssetsOptions<string, string, unknown, unknown>, 'notes'>, where: string): Readonly<Record<string, AssetNotes | undefined>> {
  for (const name of Object.keys(notes)) {
    if (!graph.outputNames.includes(name)) {
      throw new DefinitionError('KEY_MAP_MISMATCH', `"notes" of ${where} names ${quote(name)}, which is no output of graph "${graph.name}". ${suggest(name, graph.outputNames)}`, {
        details: { unknown: name },
      });
    }
  }
  return notes;
}
