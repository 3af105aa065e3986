import { aliasedPort } from '../../lib/events/aliased-port.ts';
import { encodeSource, readValue, type Store } from '../../lib/events/store.ts';
import { checkSize, DEFAULT_LIMITS } from '../../lib/events/value-limits.ts';
import { isRetentionStore } from '../../lib/events/retention.ts';
import { livePort } from '../../lib/events/tail.ts';
import type { LivePort, StorePort } from '../../lib/events/store-port.ts';
import { quote } from '../../lib/kernel/print.ts';
import { checkVerbOptions } from '../../lib/kernel/verb-options.ts';
import { newMemoryStore } from '../../lib/memory/new-memory-store.ts';
import type { AssetKey } from '../../lib/model/asset-key.ts';
import type { Definitions } from '../../lib/model/definitions.ts';
import { checkHooks } from '../../lib/model/hooks.ts';
import { checkRetry } from '../../lib/model/retry.ts';
import { plan, type Plan } from '../../lib/plan/plan.ts';
import { systemClock } from '../run/environment.ts';
import { refuseInsideBody } from '../run/inside-body.ts';
import { wantedKeys } from '../run/pin.ts';
import { checkSources } from '../run/resolve.ts';
import { splitOptions } from '../run/run-verb.ts';
import { Commits } from './commits.ts';
import { Engine } from './engine.ts';
import { asFeed, type Feed } from './feed.ts';
import { Intake, type Item, type SourceQueue } from './intake.ts';
import { LIVE_RULES, type LiveOptions } from './live-options.ts';
import type { Opened } from './epoch-runner.ts';
import type { ObservedNow } from './live-graph.ts';
import { Publication } from './publication.ts';
import { Repeats } from './repeats.ts';
import { RunningService, type Asked, type ServiceParts } from './service.ts';
import type { LiveService } from './service-face.ts';

const DEFAULTS = { window: 100, stepTimeoutMs: 60_000, concurrency: 16, graceMs: 5000, traces: 1 };

/** What is pushed by hand, and nothing is said of: refused where there is too much of it, and the promise of the push tells. */
const BY_HAND: SourceQueue = { capacity: 1000, overflow: 'error' };

/**
 * Keeps assets fresh while their sources push: what comes makes epochs, one at a time, and an epoch runs what its items touch. Its events,
 * values, states and the offsets of its items are one transaction, so a crash loses and doubles nothing of what has offsets; observers see it as
 * a whole or not at all.
 *
 * The first epoch is a `refresh`. It waits until every source that is read has a value. Verbs and puts on the same store run between two epochs, and
 * the service brings up to date what they touch.
 *
 * Rejects with SelectionError, DefinitionError OVERFLOW_UNDECLARED, or StoreError; then nothing was written.
 */
export async function live<Assets>(defs: Definitions<Assets>, options: LiveOptions<Assets> = {}): Promise<LiveService<Assets>> {
  checkVerbOptions('live', options, LIVE_RULES);
  const { clock = systemClock, signal } = options;
  const store = options.store ?? newMemoryStore({ now: clock.now });
  refuseInsideBody(store.port);
  const feeds = readFeeds(defs, options.sources ?? {});
  const planned = planFor(options, { defs, select: options.select });
  const service = await RunningService.start(partsOf({ defs, options, store, port: livePort(store.port), feeds, planned }));
  if (signal !== undefined) closeOnAbort(service, signal);
  return service;
}

function closeOnAbort(service: Pick<LiveService, 'close' | 'closed'>, signal: AbortSignal): void {
  const abort = (): void => void service.close({ drain: false }).catch(() => undefined);
  if (signal.aborted) return abort();
  signal.addEventListener('abort', abort, { once: true });
  // A signal may outlive many services.
  const forget = (): void => signal.removeEventListener('abort', abort);
  service.closed.then(forget, forget);
}

interface Starting<Assets> {
  readonly defs: Definitions<Assets>;
  readonly options: LiveOptions<Assets>;
  readonly store: Store;
  readonly port: LivePort;
  readonly feeds: ReadonlyMap<AssetKey, Feed>;
  readonly planned: Plan<Assets>;
}

function partsOf<Assets>({ defs, options, store, port, feeds, planned }: Starting<Assets>): ServiceParts<Assets> {
  const { clock = systemClock, retryFailed } = options;
  const failing: { tell: (error: unknown) => void; wake: () => void } = { tell: () => undefined, wake: () => undefined };
  const commits = new Commits(store.port, options.window ?? DEFAULTS.window, (error) => failing.tell(error));
  const offsets = new Map<AssetKey, string>();
  const repeats = new Repeats(feeds, offsets);
  const intake = new Intake({
    policy: options.epochs ?? {},
    queues: new Map([...feeds].map(([key, feed]) => [key, queueOf(feed)])),
    fallback: BY_HAND,
    timer: clock.timer,
    onReady: () => failing.wake(),
    isRepeat: (item) => repeats.isRepeat(item),
  });
  const open = opener({ options, store, port, reads: readingSettled(port, commits), feeds });
  const retry = checkRetry(retryFailed, 'live()');
  return {
    store,
    port,
    clock,
    feeds,
    intake,
    commits,
    publication: new Publication(),
    offsets,
    forget: (key) => repeats.forget(key),
    retryFailed: retry,
    closeWhenDone: options.closeWhenDone ?? false,
    asked: { defs, select: options.select },
    selection: planned.selection,
    missing: async () => {
      await readOffsets(defs, { port, offsets });
      return missingSources(planned, port, feeds);
    },
    checkFirst: (item) => checkFirst(item, { defs, feeds, port }),
    open: (items) => open(planned, items),
    reopen: async (asked, items) => {
      const next = planFor(options, asked);
      await readOffsets(asked.defs, { port, offsets });
      return open(next, items);
    },
    bind: (loop) => {
      failing.tell = (error) => loop.fail(error);
      failing.wake = () => loop.wake();
    },
  };
}

function planFor<Assets>(options: LiveOptions<Assets>, { defs, select }: Asked<Assets>): Plan<Assets> {
  const { planning } = splitOptions<Assets>(withoutSources(options));
  return plan(defs, { ...planning, ...(select !== undefined && { select }), mode: 'refresh' });
}

function withoutSources<Assets>({ sources: _, ...options }: LiveOptions<Assets>): Omit<LiveOptions<Assets>, 'sources'> {
  return options;
}

function queueOf({ capacity, overflow, merge }: Feed): SourceQueue {
  return { capacity, overflow: overflow ?? 'error', merge };
}

function readFeeds(defs: Definitions, given: Readonly<Record<string, unknown>>): ReadonlyMap<AssetKey, Feed> {
  const named = Object.fromEntries(Object.entries(given).filter(([, feed]) => feed !== undefined));
  return new Map([...checkSources({ defs }, named)].map(([key, feed]) => [key, asFeed(feed, key)]));
}

/** How far sources have been read, where that is not known yet. With the turn: until then somebody else may go on. */
async function readOffsets(
  { sources, aliases }: Definitions,
  { port, offsets }: { readonly port: LivePort; readonly offsets: Map<AssetKey, string> },
): Promise<void> {
  const keys = [...sources.values()].flatMap(({ key }) => (offsets.has(key) ? [] : key));
  for (const [index, offset] of (await livePort(aliasedPort(port, aliases)).offsets(keys)).entries()) {
    const key = keys[index];
    if (key !== undefined && offset !== undefined) offsets.set(key, offset);
  }
}

/** Sources that are read, and have no value yet. */
async function missingSources({ defs, ...rest }: Plan, port: LivePort, feeds: ReadonlyMap<AssetKey, Feed>): Promise<ReadonlySet<AssetKey>> {
  const keys = [...wantedKeys({ defs, ...rest })].flatMap(([key, { required }]) => {
    const source = defs.sources.get(key);
    // Where everybody holds it, it is absent before there is any (X3).
    return required && source !== undefined && source.read === undefined && feeds.get(key)?.initial === undefined ? [key] : [];
  });
  const events = await aliasedPort(port, defs.aliases).readable(keys, await port.head());
  return new Set(keys.filter((_, index) => events[index] === undefined));
}

interface Opening<Assets> {
  readonly options: LiveOptions<Assets>;
  readonly store: Store;
  readonly port: LivePort;
  /** Reads values that have settled, on disk or not. */
  readonly reads: StorePort;
  readonly feeds: ReadonlyMap<AssetKey, Feed>;
}

function opener<Assets>({
  options,
  store,
  port,
  reads,
  feeds,
}: Opening<Assets>): (plan: Plan<Assets>, items: readonly Item[]) => Promise<Opened> {
  const { clock = systemClock, tags = {}, causedBy = null } = options;
  const hooks = checkHooks(options.hooks, 'the service');
  return async (planned, items) => {
    const sources = { ...(await startValues(planned, { store, port, feeds })), ...firstValues(items, feeds) };
    const settings = {
      concurrency: options.concurrency ?? DEFAULTS.concurrency,
      graceMs: options.graceMs ?? DEFAULTS.graceMs,
      stepTimeoutMs: options.stepTimeoutMs ?? DEFAULTS.stepTimeoutMs,
      traces: options.traces ?? DEFAULTS.traces,
    };
    const parts = { plan: planned, store, port, reads, clock, sources, ...settings, hooks, tags, causedBy };
    const { engine, started, observed } = await Engine.open(parts);
    const offsets = new Map(items.map(({ key, offset = null }) => [key, offset]));
    return { engine, head: [started], observed: observed.map((each) => withOffset(each, offsets.get(each.key) ?? null)) };
  };
}

function withOffset({ made, ...observed }: ObservedNow, offset: string | null): ObservedNow {
  return { ...observed, made: { ...made, event: { ...made.event, offset } } };
}

/**
 * What sources with feeds start with: `initial`, where nothing is stored. What is stored stays where a source could also be read: its feed goes on
 * from there, and reading it anew would undo what its items came to.
 */
async function startValues(
  { defs }: Plan,
  { port, store, feeds }: Pick<Opening<unknown>, 'port' | 'store' | 'feeds'>,
): Promise<Readonly<Record<string, unknown>>> {
  const codecs = new Map([...store.codecs, ...defs.codecs]);
  const keys = [...feeds.keys()].filter((key) => defs.sources.has(key));
  const events = await aliasedPort(port, defs.aliases).readable(keys, await port.head());
  const values: Record<string, unknown> = {};
  for (const [index, key] of keys.entries()) {
    const [event, initial] = [events[index], feeds.get(key)?.initial];
    if (event === undefined && initial !== undefined) values[key] = initial.value;
    if (event !== undefined && defs.sources.get(key)?.read !== undefined) values[key] = await readValue(port, event, codecs);
  }
  return values;
}

function firstValues(items: readonly Item[], feeds: ReadonlyMap<AssetKey, Feed>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(items.map((item) => [item.key, firstValue(item, feeds)] as const));
}

function firstValue({ key, value }: Item, feeds: ReadonlyMap<AssetKey, Feed>): unknown {
  const fold = feeds.get(key)?.fold;
  return fold === undefined ? value : fold(undefined, value);
}

function checkFirst(
  item: Item,
  { defs, feeds, port }: { readonly defs: Definitions; readonly feeds: ReadonlyMap<AssetKey, Feed>; readonly port: LivePort },
): void {
  const { key } = item;
  const encoded = encodeSource(key, firstValue(item, feeds), defs.sources.get(key)?.codec);
  checkSize(`The value of ${quote(key)}`, encoded, port.limits ?? DEFAULT_LIMITS);
}

/** A port whose values are those that have settled: what is on its way to disk is waited for. */
function readingSettled(port: LivePort, commits: Commits): StorePort {
  const reads: StorePort = {
    label: port.label,
    append: (batch) => port.append(batch),
    head: () => port.head(),
    read: (from, limit) => port.read(from, limit),
    readable: (keys, at) => port.readable(keys, at),
    lastSettled: (outputs, at) => port.lastSettled(outputs, at),
    missed: (keys, at) => port.missed(keys, at),
    runs: () => port.runs(),
    values: async (addresses) => {
      await commits.idle();
      return port.values(addresses);
    },
    has: async (addresses) => {
      await commits.idle();
      return port.has(addresses);
    },
    close: () => port.close(),
  };
  if (!isRetentionStore(port)) return reads;
  return Object.assign(reads, {
    removed: (...asked: Parameters<typeof port.removed>) => port.removed(...asked),
    prune: (...asked: Parameters<typeof port.prune>) => port.prune(...asked),
  });
}
