import type { Observable } from 'rxjs';
import { DefinitionError } from '../kernel/errors.ts';
import { kindOf } from '../kernel/nearest.ts';
import { assetKey, keyParts, type AssetKey, type KeyLike, type PrintedKey } from './asset-key.ts';
import { assetsFromGraph, type AssetNotes, type AssetsDefinition } from './assets-from-graph.ts';
import { graph } from './graph.ts';
import { op, type OpContext, type PlainResult, type SingleOp } from './op.ts';
import type { InputRecord, Inputs, NoInputs } from './port.ts';

interface AssetBasics<K extends KeyLike, I extends Inputs> extends AssetNotes {
  readonly key: K;
  /** Each input's name is the key of an upstream asset, unless `keysByInputName` says otherwise. */
  readonly inputs?: I;
  readonly keysByInputName?: Readonly<Record<keyof I & string, KeyLike>>;
  /** The op's name, which is also the step's path; made from the key by default. */
  readonly name?: string;
  readonly codeVersion?: string;
  readonly timeoutMs?: number;
}

interface AssetRun<I extends Inputs, T> {
  readonly operator?: never;
  run(inputs: InputRecord<I>, context: OpContext<'result'>): T | Promise<T>;
}

interface AssetOperator<I extends Inputs, T> {
  readonly run?: never;
  operator(frames: Observable<InputRecord<I>>, context: OpContext<'result'>): Observable<T>;
}

/**
 * The one-op case: an asset whose value one body computes. The definition is named after the key.
 *
 * @throws DefinitionError INVALID_KEY, INVALID_NAME, INVALID_DEFINITION, KEY_MAP_MISMATCH
 */
export function asset<const K extends KeyLike, const I extends Inputs = NoInputs, T = unknown>(
  definition: AssetBasics<K, I> & (AssetRun<I, T> | AssetOperator<I, T>) & PlainResult<T>,
): AssetsDefinition<{ readonly [Key in PrintedKey<K>]: T }> {
  if (typeof definition !== 'object' || definition === null) {
    throw new DefinitionError('INVALID_DEFINITION', `asset() takes one object with "key" and "run", and got ${kindOf(definition)}.`);
  }
  const key = assetKey(definition.key, 'asset()');
  const { keysByInputName, group, description, metadata } = definition;
  const name = definition.name ?? nameFromKey(key);
  // `op` infers its types from a literal, which a definition that is passed on is not; its runtime checks see every field.
  const only = op({ ...definition, name } as never) as SingleOp<Inputs, unknown>;
  const inputs: Inputs = definition.inputs ?? {};
  const wired = graph(name, { inputs }, (handles) => only(handles));
  const notes: AssetNotes = { ...(group !== undefined && { group }), ...(description !== undefined && { description }), ...(metadata !== undefined && { metadata }) };
  const made = assetsFromGraph(wired, {
    name: key,
    keysByOutputName: { result: key },
    notes: { result: notes },
    ...(keysByInputName !== undefined && { keysByInputName }),
  });
  // The one key is the printed form of the given one, which the compiler computes and assetKey() has just made.
  return made as AssetsDefinition<{ readonly [Key in PrintedKey<K>]: T }>;
}

/** A key's last part, with what no name may hold replaced by "_". */
function nameFromKey(key: AssetKey): string {
  const last = keyParts(key).at(-1) ?? '';
  const name = last.replace(/[^\w$-]/gu, '_');
  return /^[A-Za-z_$]/.test(name) ? name : `_${name}`;
}
