import { encodeSource, observation, type Observation } from '../../lib/events/store.ts';
import type { StorePort } from '../../lib/events/store-port.ts';
import { checkSize, DEFAULT_LIMITS } from '../../lib/events/value-limits.ts';
import { SelectionError } from '../../lib/kernel/errors.ts';
import { suggest } from '../../lib/kernel/nearest.ts';
import { quote } from '../../lib/kernel/print.ts';
import type { AssetKey } from '../../lib/model/asset-key.ts';
import type { Definitions } from '../../lib/model/definitions.ts';
import type { SourceDefinition } from '../../lib/model/source.ts';

/**
 * The source of a key in the definitions that a service goes by now.
 *
 * @throws SelectionError UNKNOWN_SOURCE
 */
export function sourceOf({ sources }: Pick<Definitions, 'sources'>, key: string): SourceDefinition & { readonly key: AssetKey } {
  const byKey: ReadonlyMap<string, SourceDefinition & { readonly key: AssetKey }> = sources;
  const found = byKey.get(key);
  if (found !== undefined) return found;
  throw noSource({ sources }, key);
}

/** The refusal of what comes for a key that is no source of the definitions. */
export function noSource({ sources }: Pick<Definitions, 'sources'>, key: string): SelectionError {
  const message = `This service has no source ${quote(key)}. ${suggest(key, sources.keys())}`;
  return new SelectionError('UNKNOWN_SOURCE', message, { details: { key } });
}

/** A new value of a source, and what it comes after. */
export interface NewValue extends Pick<Parameters<typeof observation>[0], 'key' | 'offset' | 'time' | 'runId'> {
  readonly value: unknown;
  readonly before: Parameters<typeof observation>[1];
}

/**
 * What a new value of a source would add to the log.
 *
 * @throws SelectionError UNKNOWN_SOURCE, StoreError VALUE_NOT_STORABLE or VALUE_TOO_LARGE
 */
export function observeSource(
  defs: Definitions,
  { limits = DEFAULT_LIMITS }: StorePort,
  { value, before, ...observed }: NewValue,
): Observation {
  const encoded = encodeSource(observed.key, value, sourceOf(defs, observed.key).codec);
  // Refused by the store, it would take the whole epoch with it.
  checkSize(`The value of ${quote(observed.key)}`, encoded, limits);
  return observation({ ...observed, encoded }, before);
}
