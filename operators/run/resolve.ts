import { SelectionError } from '../../lib/kernel/errors.ts';
import { suggest } from '../../lib/kernel/nearest.ts';
import { quote } from '../../lib/kernel/print.ts';
import { aliasedPort, isRenamed } from '../../lib/events/aliased-port.ts';
import type { ReadableEvent, SourceObserved } from '../../lib/events/logged-event.ts';
import { resolvePosition, type Position } from '../../lib/events/position.ts';
import { isRetentionStore } from '../../lib/events/retention.ts';
import type { EncodedValue } from '../../lib/events/coded-value.ts';
import { encodeSource, observation, type Store } from '../../lib/events/store.ts';
import type { StorePort } from '../../lib/events/store-port.ts';
import type { AssetKey } from '../../lib/model/asset-key.ts';
import type { Codecs } from '../../lib/model/codec.ts';
import { checkVerbOptions, RULES, type OptionRules } from '../../lib/kernel/verb-options.ts';
import { checkPlan, type Plan, type PlannedStep } from '../../lib/plan/plan.ts';
import type { Gone } from '../../lib/query/gone.ts';
import type { Clock } from '../step/clock.ts';
import { systemClock, uniqueId } from './environment.ts';
import { readGone } from './gone.ts';
import { checkStore, RUN_RULES } from './options.ts';
import { readThrown } from '../../lib/kernel/thrown.ts';
import { checkNothingMissing, pin, wantedKeys, type Observed, type Wanted } from './pin.ts';
import { readHeld, stillKept, type Held } from './held.ts';
import { readTraces, type Traces } from './reuse.ts';
import { readStates, type StateAddresses } from './step-states.ts';
import { staleInputs, type StaleInput } from './stale-inputs.ts';
import type { Slot } from './slot.ts';
import { standingOf, type Standing } from './standing.ts';
import type { Supplied, Supply } from './supply.ts';

/** A plan that a store was asked about: what it reads is pinned to one position, and nothing is missing (N7, N8). */
export interface ResolvedPlan<Assets = unknown> {
  readonly plan: Plan<Assets>;
  /** The position at which the run reads (R7). */
  readonly readsAt: Position;
  /** Sources that have a new value; written with run-started. */
  readonly observed: readonly { readonly event: SourceObserved; readonly encoded: EncodedValue }[];
  readonly supply: Supply;
  /** What is read where an input holds and an entry has no value. */
  readonly held: Held;
  /** What readers got of the plan's assets before. */
  readonly before: ReadonlyMap<AssetKey, ReadableEvent>;
  /** Assets of the plan that failed, were blocked or were cancelled after what readers get of them. */
  readonly missed: ReadonlySet<AssetKey>;
  /** What the log says of the steps that may be reused. */
  readonly traces: Traces;
  /** Where the state is that each step starts from, where it keeps one. */
  readonly states: StateAddresses;
  /** What decodes stored values: the codecs of the definitions, and those of the store. */
  readonly codecs: Codecs;
  /** For a re-execution: what steps gave that do not run again, by plan index. */
  readonly known?: ReadonlyMap<number, ReadonlyMap<number, Slot>>;
  /** For a re-execution: the run that it takes up, and the first one of all (E4). */
  readonly again?: { readonly parent: string; readonly root: string };
  /** For a refresh: which steps it need not look at. */
  readonly standing?: Standing;
  /** For a refresh of everything: what the store had before, and the definitions have not. */
  readonly gone?: Gone | undefined;
  /** Upstream assets of other definitions that are loaded although a run would make them anew (N5). */
  readonly staleInputs: readonly StaleInput[];
  /**
   * The same as of now, with the values that sources gave already: for a run before whose observations somebody else put a value of the same
   * source. Left out where nothing is observed.
   */
  readonly anew?: () => Promise<ResolvedPlan<Assets>>;
}

/** What {@link resolve} takes beside plan and store. */
export interface ResolveOptions {
  /** Values of sources, by printed key. */
  readonly sources?: Readonly<Record<string, unknown>>;
  /** The clock that observations are timed by; the system's by default. */
  readonly clock?: Clock;
  /** The run that observes; one of its own by default. */
  readonly runId?: string;
  /** How many of the last traces of an output are tried; 1 by default. */
  readonly traces?: number;
  /** Looks at every step, also at those that an earlier refresh has vouched for; false by default. */
  readonly looksAtAll?: boolean;
  /** Told to sources that are read: aborted when nobody waits for them any longer. */
  readonly signal?: AbortSignal;
}

const RESOLVE_RULES: OptionRules<ResolveOptions> = {
  sources: RUN_RULES.sources,
  clock: RUN_RULES.clock,
  runId: RULES.string,
  traces: RUN_RULES.traces,
  looksAtAll: RULES.flag,
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
  const given = checkSources(plan, options.sources ?? {});
  const wanted = wantedKeys(plan);
  const values = await readSources(plan, { wanted, given, signal: options.signal });
  // Once: what cannot be frozen may change meanwhile.
  const encoded = new Map([...values].map(([key, value]) => [key, encodeSource(key, value, plan.defs.sources.get(key)?.codec)]));
  return resolveNow(plan, store, { wanted, values, encoded, ...options });
}

/** What sources gave, and what is wanted of the store. */
interface Given extends ResolveOptions {
  readonly wanted: ReadonlyMap<AssetKey, Wanted>;
  readonly values: ReadonlyMap<AssetKey, unknown>;
  readonly encoded: ReadonlyMap<AssetKey, EncodedValue>;
}

async function resolveNow<Assets>(plan: Plan<Assets>, store: Store, given: Given): Promise<ResolvedPlan<Assets>> {
  const port = aliasedPort(store.port, plan.defs.aliases);
  const { wanted, values, encoded, clock = systemClock, runId = uniqueId() } = given;
  const readsAt = await port.head();
  const codecs = codecsFor(plan, store);
  const limit = given.traces ?? 1;
  const read = await readable(port, [...new Set([...wanted.keys(), ...values.keys()])], readsAt);
  const observed = observe({ encoded, before: read }, { time: clock.now(), runId });
  const all = given.looksAtAll ?? false;
  const standing = await standingOf(plan, { port, codecs, readsAt, traces: limit, observed: observed.keys(), all });
  const { looked, before } = standing;
  for (const [key, event] of read) before.set(key, event);
  for (const [key, event] of await readable(port, assetsOf(looked, before), readsAt)) before.set(key, event);
  const there = await withoutRemoved(port, wanted, before);
  const supply = pin({ port, wanted, values, before: there, ever: before, observed, codecs });
  checkNothingMissing(plan, wanted, supply);
  const traces = await readTraces(plan, port, { steps: looked, readsAt, before, limit });
  const loads = [...wanted].filter(([key, { crossing }]) => crossing && supply.has(key)).map(([key]) => key);
  return {
    plan,
    readsAt,
    observed: [...observed.values()],
    supply,
    held: await stillKept(port, await readHeld(plan, { port, codecs, readsAt })),
    before,
    missed: await missedSince(selectedOf(plan, looked), { port, readsAt, before }),
    traces,
    states: await readStates(looked, { port, readsAt }),
    codecs,
    standing,
    gone: all ? undefined : await goneBefore(plan, port, readsAt),
    staleInputs: await staleInputs(plan.defs, {
      port,
      readsAt,
      keys: loads,
      resources: plan.resources,
      observed: new Map([...observed].map(([key, { event }]) => [key, event])),
      config: plan.config,
    }),
    ...(observed.size > 0 && { anew: () => resolveNow(plan, store, { ...given, runId }) }),
  };
}

/** So much of what is gone is looked at in a refresh: `status` has the rest. */
const MOST_GONE = 100;

async function goneBefore({ mode, defs, selection }: Plan, port: StorePort, at: Position): Promise<Gone | undefined> {
  return mode === 'refresh' && selection.size === defs.assets.size ? readGone(defs, port, { at, most: MOST_GONE }) : undefined;
}

/**
 * What was given for sources, by their keys.
 *
 * @throws SelectionError UNKNOWN_SOURCE
 */
export function checkSources({ defs }: Pick<Plan, 'defs'>, given: Readonly<Record<string, unknown>>): ReadonlyMap<AssetKey, unknown> {
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
  readonly signal: AbortSignal | undefined;
}

/** Reads every source that the plan wants and nobody gave, at the same time. */
async function readSources({ defs }: Plan, { wanted, given, signal: ofRun }: Reads): Promise<ReadonlyMap<AssetKey, unknown>> {
  const toRead = [...wanted.keys()].flatMap((key) => {
    const read = defs.sources.get(key)?.read;
    return read === undefined || given.has(key) ? [] : [{ key, read }];
  });
  if (toRead.length === 0) return given;
  // Only where somebody gets it: to make one takes longer than any look-up in memory.
  const signal = ofRun ?? new AbortController().signal;
  const values = await Promise.all(toRead.map(async ({ key, read }) => [key, await readSource(key, () => read({ signal }))] as const));
  return new Map([...given, ...values]);
}

/** Rejects with SelectionError SOURCE_READ_FAILED. */
export async function readSource(key: AssetKey, read: () => unknown): Promise<unknown> {
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

/** What readers get, but for values that are to be loaded and that the store has given up: they count as never stored (N7). */
async function withoutRemoved(
  port: StorePort,
  wanted: ReadonlyMap<AssetKey, Wanted>,
  before: ReadonlyMap<AssetKey, ReadableEvent>,
): Promise<ReadonlyMap<AssetKey, ReadableEvent>> {
  if (!isRetentionStore(port)) return before;
  const stored = [...wanted].flatMap(([key, { value }]) => {
    const event = before.get(key);
    return !value || event === undefined || event.type === 'asset-absent' || event.address === null
      ? []
      : [{ key, address: event.address }];
  });
  if (stored.length === 0) return before;
  const removed = await port.removed(stored.map(({ address }) => address));
  const gone = new Set(stored.flatMap(({ key }, index) => (removed[index] === undefined ? [] : [key])));
  return gone.size === 0 ? before : new Map([...before].filter(([key]) => !gone.has(key)));
}

/** Assets that some steps make, of which nothing is known yet. */
function assetsOf(steps: readonly PlannedStep[], known: ReadonlyMap<AssetKey, unknown>): readonly AssetKey[] {
  return steps.flatMap(({ step }) => step.outputs.flatMap(({ key }) => (key === undefined || known.has(key) ? [] : [key])));
}

/** Selected assets that some steps make. */
function selectedOf({ selection }: Plan, steps: readonly PlannedStep[]): readonly AssetKey[] {
  return steps.flatMap(({ step }) => step.outputs.flatMap(({ key }) => (key !== undefined && selection.has(key) ? [key] : [])));
}

/** Of some assets those whose latest outcome is none that readers get (F8), or is one that readers do not find under the key of now. */
export async function missedSince(keys: readonly AssetKey[], { port, readsAt, before }: Since): Promise<ReadonlySet<AssetKey>> {
  const missed = await port.missed(keys, readsAt);
  return new Set(
    keys.filter((key, index) => isRenamed(before.get(key)) || (missed[index]?.position ?? 0) > (before.get(key)?.position ?? 0)),
  );
}

interface Since {
  readonly port: StorePort;
  readonly readsAt: Position;
  readonly before: ReadonlyMap<AssetKey, ReadableEvent>;
}

/** What readers get of keys as of a position, where they get anything. */
export async function readable(port: StorePort, keys: readonly AssetKey[], at: Position): Promise<ReadonlyMap<AssetKey, ReadableEvent>> {
  const events = await port.readable(keys, at);
  return new Map(keys.flatMap((key, index) => (events[index] === undefined ? [] : [[key, events[index]] as const])));
}

/** What a run decodes stored values by. An older value may be of a codec that its output no longer has: the store may still know it. */
export function codecsFor({ defs }: Plan, { codecs }: Store): Codecs {
  return codecs.size === 0 ? defs.codecs : new Map([...codecs, ...defs.codecs]);
}

interface Read {
  readonly encoded: ReadonlyMap<AssetKey, EncodedValue>;
  readonly before: ReadonlyMap<AssetKey, ReadableEvent>;
}

function observe({ encoded, before }: Read, at: { readonly time: number; readonly runId: string }): Observed {
  const observed = new Map<AssetKey, { readonly event: SourceObserved; readonly encoded: EncodedValue }>();
  for (const [key, value] of encoded) {
    const made = observation({ key, encoded: value, offset: null, ...at }, before.get(key));
    if (!('unchanged' in made)) observed.set(key, made);
  }
  return observed;
}

/** Puts the positions of a run's first group into what it supplies, once they are known. */
export function settlePositions(supply: Supply, first: Position): Supply {
  const settle = (supplied: Supplied): Supplied => ({
    ...supplied,
    position: supplied.position === null ? null : resolvePosition(supplied.position, first),
  });
  return new Map([...supply].map(([key, supplied]) => [key, settle(supplied)]));
}
