import { SelectionError } from '../../lib/kernel/errors.ts';
import { quote, quoteList } from '../../lib/kernel/print.ts';
import { isKnownImmutable } from '../../lib/kernel/value/fix.ts';
import type { ReadableEvent, SourceObserved } from '../../lib/events/logged-event.ts';
import type { PositionRef } from '../../lib/events/position.ts';
import { decodeStored, type EncodedValue } from '../../lib/events/coded-value.ts';
import { decodeEncoded } from '../../lib/events/keyed-value.ts';
import { readValue } from '../../lib/events/store.ts';
import type { StorePort } from '../../lib/events/store-port.ts';
import type { AssetKey } from '../../lib/model/asset-key.ts';
import type { Codecs } from '../../lib/model/codec.ts';
import type { Definitions } from '../../lib/model/definitions.ts';
import type { Plan, PlannedEntry, PlannedInput, PlannedStep } from '../../lib/plan/plan.ts';
import type { Supplied, Supply } from './supply.ts';

/** What is wanted of a key that a plan reads from the store. */
export interface Wanted {
  /** True where a value or list input reads it, false where order alone is wanted. */
  value: boolean;
  /** True where some reader does not hold: without a value it cannot run (N7). */
  required: boolean;
  /** True where a step of another definition reads its value. */
  crossing: boolean;
  /** Ids of the steps that read its value. */
  readonly readers: Set<string>;
}

/** Everything that a plan reads from the store. */
export function wantedKeys(plan: Plan): ReadonlyMap<AssetKey, Wanted> {
  const wanted = new Map<AssetKey, Wanted>();
  for (const planned of plan.steps) {
    for (const input of planned.inputs) for (const entry of input.entries) want(wanted, plan.defs, { planned, input, entry });
  }
  return wanted;
}

interface Reading {
  readonly planned: PlannedStep;
  readonly input: PlannedInput;
  readonly entry: PlannedEntry;
}

function want(wanted: Map<AssetKey, Wanted>, defs: Definitions, { planned: { step }, input: { kind, hold }, entry }: Reading): void {
  if (entry.from !== 'store') return;
  const known = wanted.get(entry.key) ?? { value: false, required: false, crossing: false, readers: new Set<string>() };
  wanted.set(entry.key, known);
  // Order alone loads nothing (N6), so there is nothing that could be missing or stale.
  if (kind === 'nothing') return;
  known.value = true;
  if (!hold) known.required = true;
  if (!entry.source && defs.assets.get(entry.key)?.definition.name !== step.definition) known.crossing = true;
  known.readers.add(step.id);
}

/** Sources that have a new value in this run. */
export type Observed = ReadonlyMap<AssetKey, { readonly event: SourceObserved; readonly encoded: EncodedValue }>;

/** What {@link pin} takes values from. */
export interface Pinning {
  readonly port: StorePort;
  readonly wanted: ReadonlyMap<AssetKey, Wanted>;
  readonly values: ReadonlyMap<AssetKey, unknown>;
  readonly before: ReadonlyMap<AssetKey, ReadableEvent>;
  /** Keys that there ever was anything of, also where it was removed. */
  readonly ever: ReadonlyMap<AssetKey, unknown>;
  readonly observed: Observed;
  readonly codecs: Codecs;
}

/** Pins what a plan reads from the store; what the store lacks is not in it. */
export function pin({ port, wanted, values, before, ever, observed, codecs }: Pinning): Supply {
  const supply = new Map<AssetKey, Supplied>();
  const placeOf = new Map([...observed.keys()].map((key, index) => [key, index]));
  for (const [key, { value, required }] of wanted) {
    const made = observed.get(key);
    const event = before.get(key);
    if (made !== undefined) {
      // The run's first group is run-started, then the observations in this order.
      const position: PositionRef = { inBatch: 1 + (placeOf.get(key) ?? 0) };
      supply.set(key, {
        state: { state: 'value', version: made.encoded.version },
        position,
        value: once(() => asObserved(values.get(key), { key, encoded: made.encoded, codecs })),
      });
    } else if (event?.type === 'asset-absent')
      supply.set(key, { state: { state: 'absent' }, position: event.position, value: () => undefined });
    else if (event !== undefined && (event.address !== null || !value))
      supply.set(key, {
        state: { state: 'value', version: event.version },
        position: event.position,
        value: once(() => readValue(port, event, codecs)),
      });
    // Order alone needs no value, stored or not: the entry counts as settled (N6).
    else if (!value) supply.set(key, { state: ORDER, position: null, value: () => undefined });
    // Before there is any value, an entry that is held is absent (X3).
    else if (!required && !ever.has(key))
      supply.set(key, { state: { state: 'absent' }, order: ORDER, position: null, value: () => undefined });
  }
  return supply;
}

const ORDER = Object.freeze({ state: 'value', version: 'none:' } as const);

/** The value as it was when it was observed: what cannot be frozen may have changed since. */
export function asObserved(value: unknown, { key, encoded, codecs }: ObservedValue): unknown {
  if (isKnownImmutable(value)) return encoded.value ?? value;
  if (encoded.pieces !== undefined) return decodeEncoded(encoded);
  return decodeStored(encoded.bytes, codecs, () => ({ what: `source ${quote(key)}`, details: { key, address: encoded.address } }));
}

/** A value of a source, and the bytes that it had when it was observed. */
export interface ObservedValue {
  readonly key: AssetKey;
  readonly encoded: EncodedValue;
  readonly codecs: Codecs;
}

/** A value is read once, however many steps read it. */
export function once(read: () => unknown): () => unknown {
  let made: { readonly result: unknown } | undefined;
  return () => (made ??= { result: read() }).result;
}

function cureFor({ defs }: Plan, key: AssetKey, crossing: boolean): string {
  if (defs.sources.has(key)) return 'Put the source with store.put(), or pass it in "sources".';
  return crossing
    ? 'Materialize the upstream asset first, select it too, or run with crossGraphUpstream: "auto".'
    : 'Materialize the sibling first, select it too, or run with inGraphUpstream: "recompute".';
}

/**
 * Refuses to start without a value that a step will be called with (N7).
 *
 * @throws SelectionError MISSING_VALUE
 */
export function checkNothingMissing(plan: Plan, wanted: ReadonlyMap<AssetKey, Wanted>, supply: Supply): void {
  const missing = [...wanted].filter(([key]) => !supply.has(key));
  if (missing.length === 0) return;
  const lines = missing.map(
    ([key, { readers }]) => `${quote(key)} (${plan.defs.sources.has(key) ? 'a source; ' : ''}read by ${quoteList([...readers])})`,
  );
  const cures = new Set(missing.map(([key, { crossing }]) => cureFor(plan, key, crossing)));
  throw new SelectionError(
    'MISSING_VALUE',
    `The store has no value to load for ${lines.slice(0, 8).join(', ')}${lines.length > 8 ? ` and ${lines.length - 8} more` : ''}. ${[...cures].join(' ')} Nothing ran and nothing was written.`,
    {
      details: { missing: missing.map(([key, { readers }]) => ({ key, readers: [...readers] })) },
    },
  );
}
