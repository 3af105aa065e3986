import { frozenMap } from '../kernel/frozen-collections.ts';
import { DefinitionError } from '../kernel/errors.ts';
import { suggest } from '../kernel/nearest.ts';
import { kindOf, printValue, quote, quoteList } from '../kernel/print.ts';
import { isRecord } from '../kernel/record.ts';
import { readAliases, type AssetAliases, type FormerNames } from './aliases.ts';
import { assetKey, type AssetKey, type KeyLike, type PrintedKey } from './asset-key.ts';
import { readNotes, type AssetNotes } from './asset-notes.ts';
import { checkHooks, type Hooks } from './hooks.ts';
import { flatten, type FlatGraph } from './flatten.ts';
import { isGraph, type AnyGraph, type Graph, type Returned } from './graph.ts';
import type { Handle } from './handle.ts';
import { readInternalDeps } from './internal-deps.ts';
import { checkOptions, optionalFlag, optionalRecord, optionalString, type Fields } from './options.ts';
import type { InputPort, Inputs } from './port.ts';
import type { Refused } from './refused.ts';

/** One asset of a definition. */
export interface AssetDefinition {
  readonly key: AssetKey;
  /** The output of the definition's graph that the asset is. */
  readonly output: string;
  readonly notes: AssetNotes;
  readonly hooks: Hooks | undefined;
}

declare const assetTypes: unique symbol;
declare const readTypes: unique symbol;

/**
 * A graph whose outputs are assets. `Assets` maps their printed keys to the types of their values, and `Reads` the printed keys of
 * upstream assets to the types that they are read as: `define` holds one against the other.
 */
export interface AssetsDefinition<Assets = unknown, Reads = unknown> {
  readonly kind: 'assets';
  readonly name: string;
  readonly graph: AnyGraph;
  readonly canSubset: boolean;
  readonly upstream: ReadonlyMap<string, AssetKey>;
  readonly assets: ReadonlyMap<AssetKey, AssetDefinition>;
  readonly flat: FlatGraph;
  /** Asset → what it is declared to depend on (`internalDeps`), where that was narrowed or extended. */
  readonly declaredDeps: ReadonlyMap<AssetKey, readonly AssetKey[]>;
  /** What it and its parts were called before. */
  readonly former: FormerNames;
  readonly [assetTypes]?: Assets;
  readonly [readTypes]?: Reads;
}

/** Names of the graph's outputs: `result` where the body returns one handle. */
export type OutputNames<R> = R extends Handle ? 'result' : keyof R & string;

/** Options of {@link assetsFromGraph}. */
export interface AssetsOptions<InputName extends string, OutputName extends string, ByInput, ByOutput, Prefix> {
  /** The definition's name; the graph's by default. Unique in `define`. */
  readonly name?: string;
  /** The key of the upstream asset behind each input; exactly the graph's inputs. */
  readonly keysByInputName?: ByInput & UnknownInputs<ByInput, InputName>;
  /** The key of each output; exactly the graph's outputs. */
  readonly keysByOutputName?: ByOutput & UnknownOutputs<ByOutput, OutputName>;
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
  /** What was renamed: what a store has under the names before goes on under those of now. */
  readonly aliases?: AssetAliases;
  /** Hooks for single assets, by output name: called for the step that makes the asset, and when that asset is recorded. */
  readonly hooks?: Readonly<Partial<Record<OutputName, Hooks>>>;
}

/** What must not be in a map of keys: names that are no output of the graph. */
type UnknownOutputs<ByOutput, OutputName extends string> = Readonly<
  Record<Exclude<keyof ByOutput & string, OutputName>, Refused<'The graph has no output of this name.'>>
>;

/** Keys by the name of an input or an output. */
type KeysByName = Readonly<Record<string, KeyLike>>;

/** What must not be in a map of keys: names that are no input of the graph. */
export type UnknownInputs<ByInput, InputName extends string> = Readonly<
  Record<Exclude<keyof ByInput & string, InputName>, Refused<'The graph has no input of this name.'>>
>;

type Prefixed<Prefix, Key extends string> = Prefix extends KeyLike ? `${PrintedKey<Prefix>}/${Key}` : Key;

type InferredKey<Name extends string, R, Output extends string> = [OutputNames<R>] extends ['result'] ? Name : Output;

type KeyOfOutput<Name extends string, R, ByOutput, Output extends string> =
  ByOutput extends Readonly<Record<Output, infer Key extends KeyLike>> ? PrintedKey<Key> : InferredKey<Name, R, Output>;

/** Printed key → value type, for all assets of a graph. */
export type GraphAssets<Name extends string, R, ByOutput, Prefix> =
  R extends Handle<infer T>
    ? { readonly [Only in Prefixed<Prefix, KeyOfOutput<Name, R, ByOutput, 'result'>>]: T }
    : {
        readonly [Output in keyof R & string as Prefixed<Prefix, KeyOfOutput<Name, R, ByOutput, Output>>]: R[Output] extends Handle<infer T>
          ? T
          : never;
      };

/** Printed key → the type that it is read as, for all inputs of a graph. Order alone reads nothing of it. */
export type GraphReads<I extends Inputs, ByInput> = {
  readonly [
    Name in keyof I & string as ByInput extends Readonly<Record<Name, infer Key extends KeyLike>> ? PrintedKey<Key> : Name
  ]: I[Name] extends InputPort<infer T, infer Kind> ? (Kind extends 'nothing' ? unknown : T) : never;
};

const ASSETS_FIELDS: Fields<AssetsOptions<string, string, unknown, unknown, unknown>> = {
  name: true,
  keysByInputName: true,
  keysByOutputName: true,
  keyPrefix: true,
  canSubset: true,
  internalDeps: true,
  group: true,
  notes: true,
  aliases: true,
  hooks: true,
};

/**
 * Makes a graph's outputs assets. Keys are inferred (D1) or given (D2); each input of the graph is an upstream asset.
 *
 * @throws DefinitionError INVALID_DEFINITION, INVALID_KEY, KEY_MAP_MISMATCH, KEY_MAPPED_TWICE, OUTPUT_MAPPED_TWICE, INVALID_INTERNAL_DEPS
 */
export function assetsFromGraph<
  const Name extends string,
  I extends Inputs,
  R extends Returned,
  const ByInput extends Readonly<Record<keyof I & string, KeyLike>> | undefined = undefined,
  const ByOutput extends Readonly<Record<OutputNames<R>, KeyLike>> | undefined = undefined,
  const Prefix extends KeyLike | undefined = undefined,
>(
  graph: Graph<Name, I, R>,
  options?: AssetsOptions<keyof I & string, OutputNames<R>, ByInput, ByOutput, Prefix>,
): AssetsDefinition<GraphAssets<Name, R, ByOutput, Prefix>, GraphReads<I, ByInput>>;
export function assetsFromGraph(
  graph: AnyGraph,
  options: AssetsOptions<string, string, KeysByName | undefined, KeysByName | undefined, KeyLike | undefined> = {},
): AssetsDefinition {
  if (!isGraph(graph)) {
    throw new DefinitionError(
      'INVALID_DEFINITION',
      `assetsFromGraph() takes a graph first, and got ${kindOf(graph)}. Make one with graph('…', …).`,
    );
  }
  checkOptions(options, ASSETS_FIELDS, `assetsFromGraph(${quote(graph.name)})`);
  const { name = graph.name, group } = options;
  if (typeof name !== 'string' || name === '') {
    throw new DefinitionError(
      'INVALID_DEFINITION',
      `assetsFromGraph("${graph.name}"): "name" is ${printValue(name)}. Give a name that is not empty.`,
    );
  }
  const where = `definition ${quote(name)}`;
  const upstream = inputKeys(graph, options.keysByInputName, where);
  const keys = outputKeys(graph, { given: options.keysByOutputName, prefix: options.keyPrefix, where });
  const flat = flatten(graph);
  checkOneKeyAnOutput(flat, keys, where);
  checkNotTransient(flat, keys, where);
  optionalString(group, 'group', where);
  const notes = readByOutput(graph, { given: options.notes, option: 'notes', where }, readNotes);
  const hooks = readByOutput(graph, { given: options.hooks, option: 'hooks', where }, checkHooks);
  const assets = [...keys].map(([output, key]): readonly [AssetKey, AssetDefinition] => {
    const own: AssetNotes = { ...(group !== undefined && { group }), ...notes.get(output) };
    return [key, Object.freeze({ key, output, notes: Object.freeze(own), hooks: hooks.get(output) })];
  });
  return Object.freeze({
    kind: 'assets',
    name,
    graph,
    canSubset: optionalFlag(options.canSubset, 'canSubset', where),
    upstream,
    assets: frozenMap(assets),
    flat,
    declaredDeps: readInternalDeps({ flat, upstream, keys, where }, options.internalDeps),
    former: readAliases(options.aliases, { keys: keys.values(), paths: flat.steps.map(({ path }) => path), where }),
  });
}

function inputKeys(graph: AnyGraph, given: Readonly<Record<string, KeyLike>> | undefined, where: string): ReadonlyMap<string, AssetKey> {
  const names = Object.keys(graph.inputs);
  if (given !== undefined) checkKeyMap(`"keysByInputName" of ${where}`, given, names);
  return frozenMap(names.map((name) => [name, assetKey(keyOr(given, name, name), `input "${name}" of ${where}`)]));
}

interface OutputKeyOptions {
  readonly given: Readonly<Record<string, KeyLike>> | undefined;
  readonly prefix: KeyLike | undefined;
  readonly where: string;
}

function outputKeys(graph: AnyGraph, { given, prefix, where }: OutputKeyOptions): ReadonlyMap<string, AssetKey> {
  const names = graph.outputNames;
  if (given !== undefined) checkKeyMap(`"keysByOutputName" of ${where}`, given, names);
  const front = prefix === undefined ? '' : `${assetKey(prefix, `"keyPrefix" of ${where}`)}/`;
  const keys = new Map<string, AssetKey>();
  const taken = new Map<AssetKey, string>();
  for (const name of names) {
    const inferred = names.length === 1 && name === 'result' ? graph.name : name;
    const at = `output "${name}" of ${where}`;
    const key = assetKey(front + assetKey(keyOr(given, name, inferred), at), at);
    const other = taken.get(key);
    if (other !== undefined) {
      throw new DefinitionError(
        'KEY_MAPPED_TWICE',
        `Outputs "${other}" and "${name}" of ${where} both have the key ${quote(key)}. Give each a key of its own.`,
        {
          details: { key, outputs: [other, name] },
        },
      );
    }
    taken.set(key, name);
    keys.set(name, key);
  }
  return keys;
}

/** The given key, also where it is no key: leaving the map out is the way to have all keys inferred. */
function keyOr(given: Readonly<Record<string, KeyLike>> | undefined, name: string, inferred: string): KeyLike {
  // A name that is in no map of keys is undefined here, which assetKey() refuses.
  return given === undefined ? inferred : (given[name] as KeyLike);
}

function checkKeyMap(map: string, given: unknown, declared: readonly string[]): void {
  if (!isRecord(given)) {
    throw new DefinitionError(
      'KEY_MAP_MISMATCH',
      `${map} is ${kindOf(given)}. Give a record of ${quoteList(declared)} to keys, or leave it out.`,
    );
  }
  const names = new Set(declared);
  const unknown = Object.keys(given).find((name) => !names.has(name));
  const missing = declared.filter((name) => !Object.hasOwn(given, name));
  if (unknown === undefined && missing.length === 0) return;
  const problem =
    unknown === undefined
      ? `leaves out ${quoteList(missing)}`
      : `names ${quote(unknown)}, which the graph does not have. ${suggest(unknown, declared)} It`;
  throw new DefinitionError(
    'KEY_MAP_MISMATCH',
    `${map} ${problem}${unknown === undefined ? '. It' : ''} must name exactly ${quoteList(declared)}.`,
    {
      details: { unknown, missing },
    },
  );
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

/** An asset is what the store remembers, and a transient value is what it never keeps (R6). */
function checkNotTransient(flat: FlatGraph, keys: ReadonlyMap<string, AssetKey>, where: string): void {
  for (const [name, { step, output }] of flat.outputs) {
    const op = flat.steps[step]?.op;
    const port = op?.outputs[op.outputNames[output] ?? ''];
    if (op === undefined || port?.transient !== true) continue;
    throw new DefinitionError(
      'INVALID_DEFINITION',
      `In ${where} the asset ${quote(String(keys.get(name)))} is an output that op "${op.name}" declares transient, which no store keeps. Drop "transient", or return another output.`,
      { details: { key: keys.get(name), op: op.name } },
    );
  }
}

/** Reads what is given by output name: `notes`, and `hooks`. */
function readByOutput<T>(
  graph: AnyGraph,
  { given, option, where }: { readonly given: unknown; readonly option: 'notes' | 'hooks'; readonly where: string },
  check: (value: unknown, where: string) => T,
): ReadonlyMap<string, T> {
  const read = new Map<string, T>();
  for (const [name, value] of Object.entries(optionalRecord(given, option, where) ?? {})) {
    if (!graph.outputNames.includes(name)) {
      throw new DefinitionError(
        'KEY_MAP_MISMATCH',
        `"${option}" of ${where} names ${quote(name)}, which is no output of graph "${graph.name}". ${suggest(name, graph.outputNames)}`,
        { details: { unknown: name } },
      );
    }
    read.set(name, check(value, option === 'hooks' ? `output "${name}" of ${where}` : `"notes" for output "${name}" of ${where}`));
  }
  return read;
}
