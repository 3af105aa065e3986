import { SelectionError } from '../../lib/kernel/errors.ts';
import { suggest } from '../../lib/kernel/nearest.ts';
import { quote, quoteList } from '../../lib/kernel/print.ts';
import { decodeValue } from '../../lib/kernel/value/canonical.ts';
import { isKnownImmutable } from '../../lib/kernel/value/fix.ts';
import type { ReadableEvent, SourceObserved } from '../../lib/events/logged-event.ts';
import { resolvePosition, type Position, type PositionRef } from '../../lib/events/position.ts';
import { encodeSource, observation, readValue, type EncodedValue, type Store } from '../../lib/events/store.ts';
import type { StorePort } from '../../lib/events/store-port.ts';
import type { AssetKey } from '../../lib/model/asset-key.ts';
import type { Definitions } from '../../lib/model/definitions.ts';
import { checkVerbOptions, RULES, type OptionRules } from '../../lib/kernel/verb-options.ts';
import { checkPlan, type Plan, type PlannedEntry, type PlannedInput, type PlannedStep } from '../../lib/plan/plan.ts';
import type { Clock } from '../step/clock.ts';
import { systemClock, uniqueId } from './environment.ts';
import { checkStore, RUN_RULES } from './options.ts';
import { readThrown } from '../step/thrown.ts';
import { staleInputs, type StaleInput } from './stale-inputs.ts';
import type { Supplied, Supply } from './supply.ts';

/** A plan that a store was asked about: what it reads is pinned to one position, and nothing is missing (N7, N8). */
export interface ResolvedPlan<Assets = unknown> {
  readonly plan: Plan<Assets>;
  /** The position at which the run reads (R7). */
  readonly readsAt: Position;
  /** Sources that have a new value; written with run-started. */
  readonly observed: readonly { readonly event: SourceObserved; readonly encoded: EncodedValue }[];
  readonly supply: Supply;
  /** What readers got of the plan's assets before. */
  readonly before: ReadonlyMap<AssetKey, ReadableEvent>;
  /** Upstream assets of other definitions that are loaded although a run would make them anew (N5). */
  readonly staleInputs: readonly StaleInput[];
}

/** What {@link resolve} takes beside plan and store. */
export interface ResolveOptions {
  /** Values of sources, by printed key. */
  readonly sources?: Readonly<Record<string, unknown>>;
  /** The clock that observations are timed by; the system's by default. */
  readonly clock?: Clock;
  /** The run that observes; one of its own by default. */
  readonly runId?: string;
  /** Told to sources that are read: aborted when nobody waits for them any longer. */
  readonly signal?: AbortSignal;
}

const RESOLVE_RULES: OptionRules<ResolveOptions> = {
  sources: RUN_RULES.sources,
  clock: RUN_RULES.clock,
  runId: RULES.string,
  signal: RUN_RULES.signal,
};

/**
 * Fixes the position at which a run reads, reads and observes sources, and pins everything that will be loaded. Writes nothing.
 *
 * Rejects with SelectionError INVALID_OPTION, MISSING_VALUE (N7), UNKNOWN_SOURCE, SOURCE_READ_FAILED, or StoreError.
 */
export async function resolve<Assets>(plan: Plan<Assets>, store: Store, options: ResolveOptions = {}): Promise<ResolvedPlan<Assets>> {
  checkPlan('resolve', plan);
  checkStore('resolve', store);
  checkVerbOptions('resolve', options, RESOLVE_RULES);
  const { port } = store;
  const given = checkSources(plan, options.sources ?? {});
  const wanted = wantedKeys(plan);
  const values = await readSources(plan, { wanted, given, signal: options.signal ?? new AbortController().signal });
  const readsAt = await port.head();
  const keys = new Set([
    ...wanted.keys(),
    ...values.keys(),
    ...plan.steps.flatMap(({ step }) => step.outputs.flatMap(({ key }) => key ?? [])),
  ]);
  const before = await readable(port, [...keys], readsAt);
  const { clock = systemClock, runId = uniqueId() } = options;
  const observed = observe(values, before, { time: clock.now(), runId });
  const supply = pin({ port, wanted, values, before, observed });
  checkNothingMissing(plan, wanted, supply);
  const loads = [...wanted].filter(([key, { crossing }]) => crossing && supply.has(key)).map(([key]) => key);
  return {
    plan,
    readsAt,
    observed: [...observed.values()],
    supply,
    before,
    staleInputs: await staleInputs(plan.defs, {
      port,
      readsAt,
      loads,
      observed: new Map([...observed].map(([key, { event }]) => [key, event])),
      config: plan.config,
    }),
  };
}

interface Wanted {
  /** True where a value or list input reads it, false where order alone is wanted. */
  value: boolean;
  /** True where a step of another definition reads its value. */
  crossing: boolean;
  /** Ids of the steps that read its value. */
  readonly readers: Set<string>;
}

function wantedKeys(plan: Plan): ReadonlyMap<AssetKey, Wanted> {
  const wanted = new Map<AssetKey, Wanted>();
  for (const planned of plan.steps) {
    for (const { kind, entries } of planned.inputs) for (const entry of entries) want(wanted, plan.defs, { planned, kind, entry });
  }
  return wanted;
}

interface Reading {
  readonly planned: PlannedStep;
  readonly kind: PlannedInput['kind'];
  readonly entry: PlannedEntry;
}

function want(wanted: Map<AssetKey, Wanted>, defs: Definitions, { planned: { step }, kind, entry }: Reading): void {
  if (entry.from !== 'store') return;
  const known = wanted.get(entry.key) ?? { value: false, crossing: false, readers: new Set<string>() };
  wanted.set(entry.key, known);
  // Order alone loads nothing (N6), so there is nothing that could be missing or stale.
  if (kind === 'nothing') return;
  known.value = true;
  if (!entry.source && defs.assets.get(entry.key)?.definition.name !== step.definition) known.crossing = true;
  known.readers.add(step.id);
}

function checkSources({ defs }: Plan, given: Readonly<Record<string, unknown>>): ReadonlyMap<AssetKey, unknown> {
  const byKey: ReadonlyMap<string, { readonly key: AssetKey }> = defs.sources;
  return new Map(
    Object.entries(given).map(([key, value]) => {
      const source = byKey.get(key);
      if (source === undefined) {
        throw new SelectionError(
          'UNKNOWN_SOURCE',
          `"sources" names ${quote(key)}, which is no source here. ${suggest(key, defs.sources.keys())}`,
          { details: { key } },
        );
      }
      return [source.key, value] as const;
    }),
  );
}

interface Reads {
  readonly wanted: ReadonlyMap<AssetKey, Wanted>;
  readonly given: ReadonlyMap<AssetKey, unknown>;
  readonly signal: AbortSignal;
}

/** Reads every source that the plan wants and nobody gave, at the same time. */
async function readSources({ defs }: Plan, { wanted, given, signal }: Reads): Promise<ReadonlyMap<AssetKey, unknown>> {
  const toRead = [...wanted.keys()].flatMap((key) => {
    const read = defs.sources.get(key)?.read;
    return read === undefined || given.has(key) ? [] : [{ key, read }];
  });
  const values = await Promise.all(toRead.map(async ({ key, read }) => [key, await readSource(key, () => read({ signal }))] as const));
  return new Map([...given, ...values]);
}

async function readSource(key: AssetKey, read: () => unknown): Promise<unknown> {
  try {
    return await read();
  } catch (cause) {
    throw new SelectionError(
      'SOURCE_READ_FAILED',
      `Reading source ${quote(key)} failed: ${readThrown(cause).said}. Nothing ran and nothing was written.`,
      { details: { key }, cause },
    );
  }
}

async function readable(port: StorePort, keys: readonly AssetKey[], at: Position): Promise<ReadonlyMap<AssetKey, ReadableEvent>> {
  const events = await port.readable(keys, at);
  return new Map(keys.flatMap((key, index) => (events[index] === undefined ? [] : [[key, events[index]] as const])));
}

type Observed = ReadonlyMap<AssetKey, { readonly event: SourceObserved; readonly encoded: EncodedValue }>;

function observe(
  values: ReadonlyMap<AssetKey, unknown>,
  before: ReadonlyMap<AssetKey, ReadableEvent>,
  at: { readonly time: number; readonly runId: string },
): Observed {
  const observed = new Map<AssetKey, { readonly event: SourceObserved; readonly encoded: EncodedValue }>();
  for (const [key, value] of values) {
    const made = observation({ key, encoded: encodeSource(key, value), offset: null, ...at }, before.get(key));
    if (!('unchanged' in made)) observed.set(key, made);
  }
  return observed;
}

interface Pinning {
  readonly port: StorePort;
  readonly wanted: ReadonlyMap<AssetKey, Wanted>;
  readonly values: ReadonlyMap<AssetKey, unknown>;
  readonly before: ReadonlyMap<AssetKey, ReadableEvent>;
  readonly observed: Observed;
}

function pin({ port, wanted, values, before, observed }: Pinning): Supply {
  const supply = new Map<AssetKey, Supplied>();
  const placeOf = new Map([...observed.keys()].map((key, index) => [key, index]));
  for (const [key, { value }] of wanted) {
    const made = observed.get(key);
    const event = before.get(key);
    if (made !== undefined) {
      // The run's first group is run-started, then the observations in this order.
      const position: PositionRef = { inBatch: 1 + (placeOf.get(key) ?? 0) };
      supply.set(key, {
        state: { state: 'value', version: made.encoded.version },
        position,
        value: once(() => asObserved(values.get(key), made.encoded)),
      });
    } else if (event?.type === 'asset-absent')
      supply.set(key, { state: { state: 'absent' }, position: event.position, value: () => undefined });
    else if (event !== undefined && (event.address !== null || !value))
      supply.set(key, {
        state: { state: 'value', version: event.version },
        position: event.position,
        value: once(() => readValue(port, event)),
      });
    // Order alone needs no value, stored or not: the entry counts as settled (N6).
    else if (!value) supply.set(key, { state: { state: 'value', version: 'none:' }, position: null, value: () => undefined });
  }
  return supply;
}

/** The value as it was when it was observed: what cannot be frozen may have changed since. */
function asObserved(value: unknown, { bytes }: EncodedValue): unknown {
  return isKnownImmutable(value) ? value : decodeValue(bytes);
}

/** A value is read once a run, however many steps read it. */
function once(read: () => unknown): () => unknown {
  let made: { readonly result: unknown } | undefined;
  return () => (made ??= { result: read() }).result;
}

function cureFor({ defs }: Plan, key: AssetKey, crossing: boolean): string {
  if (defs.sources.has(key)) return 'Put the source with store.put(), or pass it in "sources".';
  return crossing
    ? 'Materialize the upstream asset first, select it too, or run with crossGraphUpstream: "auto".'
    : 'Materialize the sibling first, select it too, or run with inGraphUpstream: "recompute".';
}

function checkNothingMissing(plan: Plan, wanted: ReadonlyMap<AssetKey, Wanted>, supply: Supply): void {
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

/** Puts the positions of a run's first group into what it supplies, once they are known. */
export function settlePositions(supply: Supply, first: Position): Supply {
  const settle = (supplied: Supplied): Supplied => ({
    ...supplied,
    position: supplied.position === null ? null : resolvePosition(supplied.position, first),
  });
  return new Map([...supply].map(([key, supplied]) => [key, settle(supplied)]));
}
