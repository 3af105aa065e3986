import { quote } from '../kernel/print.ts';
import { assetKey, keyParts, type AssetKey, type KeyLike, type PrintedKey } from './asset-key.ts';
import type { AssetNotes } from './asset-notes.ts';
import { assetsFromGraph, type AssetsDefinition, type GraphReads, type UnknownInputs } from './assets-from-graph.ts';
import { graph } from './graph.ts';
import { checkName } from './name.ts';
import { op, type PlainResult, type SingleBody, type SingleOp, type SingleOperator } from './op.ts';
import { checkOptions, type Fields } from './options.ts';
import type { Inputs, NoInputs } from './port.ts';

interface AssetBasics<K extends KeyLike, I extends Inputs, ByInput> extends AssetNotes {
  readonly key: K;
  /** Each input's name is the key of an upstream asset, unless `keysByInputName` says otherwise. */
  readonly inputs?: I;
  readonly keysByInputName?: ByInput & UnknownInputs<ByInput, keyof I & string>;
  /** The op's name, which is also the step's path; made from the key by default. */
  readonly name?: string;
  readonly codeVersion?: string;
  readonly timeoutMs?: number;
}

const ASSET_FIELDS: Fields<AssetBasics<KeyLike, Inputs, unknown> & { readonly run: unknown; readonly operator: unknown }> = {
  key: true,
  inputs: true,
  run: true,
  operator: true,
  keysByInputName: true,
  name: true,
  codeVersion: true,
  timeoutMs: true,
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
  T = unknown,
  const ByInput extends Readonly<Record<keyof I & string, KeyLike>> | undefined = undefined,
>(
  definition: AssetBasics<K, I, ByInput> & (SingleBody<I, T> | SingleOperator<I, T>) & PlainResult<T>,
): AssetsDefinition<{ readonly [Key in PrintedKey<K>]: T }, GraphReads<I, ByInput>> {
  checkOptions(definition, ASSET_FIELDS, 'asset()');
  const { key: given, keysByInputName, group, metadata, ...forOp } = definition;
  const key = assetKey(given, 'asset()');
  const { description, name = nameFromKey(key) } = forOp;
  checkName('op', name, `asset ${quote(key)}`);
  // `op` infers its types from a literal, which a definition that is passed on is not; its runtime checks see every field.
  const only: SingleOp<Inputs, unknown> = op<Inputs, unknown>({ ...forOp, name } as never);
  const inputs: Inputs = definition.inputs ?? {};
  const wired = graph(name, { inputs }, (handles) => only(handles));
  const notes: AssetNotes = {
    ...(group !== undefined && { group }),
    ...(description !== undefined && { description }),
    ...(metadata !== undefined && { metadata }),
  };
  const made = assetsFromGraph(wired, {
    name: key,
    keysByOutputName: { result: key },
    notes: { result: notes },
    ...(keysByInputName !== undefined && { keysByInputName }),
  });
  // The one key is the printed form of the given one, which the compiler computes and assetKey() has just made.
  return made as AssetsDefinition<{ readonly [Key in PrintedKey<K>]: T }, GraphReads<I, ByInput>>;
}

/** A key's last part, with what no name may hold replaced by "_". */
function nameFromKey(key: AssetKey): string {
  const last = keyParts(key).at(-1) ?? '';
  const name = last.replace(/[^\w$-]/gu, '_');
  return /^[A-Za-z_$]/.test(name) ? name : `_${name}`;
}
