import type { Key } from '../kernel/keyed/key.ts';
import type { Keyed } from '../kernel/keyed/keyed.ts';
import { quote } from '../kernel/print.ts';
import type { Schema, SchemaOutput } from '../kernel/schema.ts';
import { readKeyAliases, type AssetAliases } from './aliases.ts';
import { assetKey, keyParts, type AssetKey, type KeyLike, type PrintedKey } from './asset-key.ts';
import type { AssetNotes } from './asset-notes.ts';
import { assetsFromGraph, type AssetsDefinition, type GraphReads, type UnknownInputs } from './assets-from-graph.ts';
import { graph } from './graph.ts';
import { checkName } from './name.ts';
import { op, type OpBasics, type SingleOp } from './op.ts';
import type { CheckedBody, CheckedOperator, PlainResult, SingleBody, SingleKeyedBody, SingleOperator } from './op-forms.ts';
import { checkOptions, type Fields } from './options.ts';
import { withoutHold, type Inputs, type NoInputs } from './port.ts';
import type { Needs, NoNeeds } from './resource.ts';

interface AssetBasics<K extends KeyLike, I extends Inputs, ByInput, C extends Schema | undefined, N extends Needs, M = unknown>
  extends AssetNotes, Omit<OpBasics<I, C, N, M>, 'name' | 'description'> {
  readonly key: K;
  /** Each input's name is the key of an upstream asset, unless `keysByInputName` says otherwise. */
  readonly keysByInputName?: ByInput & UnknownInputs<ByInput, keyof I & string>;
  /** Keys that the asset had before: what a store has under them goes on under this one. */
  readonly aliases?: readonly KeyLike[];
  /** The op's name, which is also the step's path; made from the key by default. */
  readonly name?: string;
}

type AnyAssetDefinition = AssetBasics<KeyLike, Inputs, Readonly<Record<string, KeyLike>> | undefined, Schema | undefined, Needs> & {
  readonly run?: unknown;
  readonly operator?: unknown;
  readonly keyed?: unknown;
  readonly result?: unknown;
  readonly codec?: unknown;
};

const ASSET_FIELDS: Fields<AnyAssetDefinition> = {
  key: true,
  inputs: true,
  run: true,
  operator: true,
  keyed: true,
  result: true,
  codec: true,
  keysByInputName: true,
  aliases: true,
  name: true,
  config: true,
  resources: true,
  state: true,
  codeVersion: true,
  volatile: true,
  outputsTogether: true,
  timeoutMs: true,
  retry: true,
  concurrency: true,
  pool: true,
  hooks: true,
  group: true,
  description: true,
  metadata: true,
};

/**
 * The one-op case: an asset whose value one body computes. The definition is named after the key.
 *
 * @throws DefinitionError INVALID_KEY, INVALID_NAME, INVALID_DEFINITION, KEY_MAP_MISMATCH
 */
export function asset<
  const K extends KeyLike,
  const I extends Inputs = NoInputs,
  RowKey extends Key = Key,
  V = unknown,
  const ByInput extends Readonly<Record<keyof I & string, KeyLike>> | undefined = undefined,
  const C extends Schema | undefined = undefined,
>(
  definition: AssetBasics<K, I, ByInput, C, NoNeeds, undefined> & SingleKeyedBody<I, RowKey, V, C>,
): AssetsDefinition<{ readonly [Key in PrintedKey<K>]: Keyed<RowKey, V> }, GraphReads<I, ByInput>>;
export function asset<
  const K extends KeyLike,
  const I extends Inputs = NoInputs,
  const S extends Schema = Schema,
  const ByInput extends Readonly<Record<keyof I & string, KeyLike>> | undefined = undefined,
  const C extends Schema | undefined = undefined,
  const N extends Needs = NoNeeds,
  M extends object | undefined = undefined,
>(
  definition: AssetBasics<K, I, ByInput, C, N, M> & (CheckedBody<I, S, C, N, M> | CheckedOperator<I, S, C, N, M>),
): AssetsDefinition<{ readonly [Key in PrintedKey<K>]: SchemaOutput<S> }, GraphReads<I, ByInput>>;
export function asset<
  const K extends KeyLike,
  const I extends Inputs = NoInputs,
  T = unknown,
  const ByInput extends Readonly<Record<keyof I & string, KeyLike>> | undefined = undefined,
  const C extends Schema | undefined = undefined,
  const N extends Needs = NoNeeds,
  M extends object | undefined = undefined,
>(
  definition: AssetBasics<K, I, ByInput, C, N, M> & (SingleBody<I, T, C, N, M> | SingleOperator<I, T, C, N, M>) & PlainResult<T>,
): AssetsDefinition<{ readonly [Key in PrintedKey<K>]: T }, GraphReads<I, ByInput>>;
export function asset(definition: AnyAssetDefinition): AssetsDefinition {
  checkOptions(definition, ASSET_FIELDS, 'asset()');
  const { key: given, keysByInputName, aliases, group, metadata, hooks, ...forOp } = definition;
  const key = assetKey(given, 'asset()');
  const { description, name = nameFromKey(key) } = forOp;
  checkName('op', name, `asset ${quote(key)}`);
  // `op` infers its types from a literal, which a definition that is passed on is not; its runtime checks see every field.
  const only: SingleOp<Inputs, unknown> = op<Inputs, unknown>({ ...forOp, name } as never);
  const inputs: Inputs = only.inputs;
  const wired = graph(name, { inputs: withoutHold(inputs) }, (handles) => only(handles));
  const notes: AssetNotes = {
    ...(group !== undefined && { group }),
    ...(description !== undefined && { description }),
    ...(metadata !== undefined && { metadata }),
  };
  return assetsFromGraph(wired, {
    name: key,
    keysByOutputName: { result: key },
    notes: { result: notes },
    ...(hooks !== undefined && { hooks: { result: hooks } }),
    ...(aliases !== undefined && { aliases: formerNames(key, name, aliases) }),
    ...(keysByInputName !== undefined && { keysByInputName }),
  });
}

/** What has a key of its own was named after that, unless it was given a name. */
function formerNames(key: AssetKey, name: string, given: unknown): AssetAliases {
  const before = readKeyAliases(given, `asset ${quote(key)}`);
  const paths = [...new Set(before.map(nameFromKey))].filter((path) => path !== name);
  return { keys: { [key]: before }, definition: before, ...(paths.length > 0 && { steps: { [name]: paths } }) };
}

/** A key's last part, with what no name may hold replaced by "_". */
function nameFromKey(key: AssetKey): string {
  const last = keyParts(key).at(-1) ?? '';
  const name = last.replace(/[^\w$-]/gu, '_');
  return /^[A-Za-z_$]/.test(name) ? name : `_${name}`;
}
