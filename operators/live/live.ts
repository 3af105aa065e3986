import { aliasedPort } from '../../lib/events/aliased-port.ts';
import type { Store } from '../../lib/events/store.ts';
import { isRetentionStore } from '../../lib/events/retention.ts';
import { livePort } from '../../lib/events/tail.ts';
import type { LivePort, StorePort } from '../../lib/events/store-port.ts';
import { SelectionError } from '../../lib/kernel/errors.ts';
import { checkVerbOptions } from '../../lib/kernel/verb-options.ts';
import { newMemoryStore } from '../../lib/memory/new-memory-store.ts';
import type { AssetKey } from '../../lib/model/asset-key.ts';
import { checkDefinitions } from '../../lib/model/check-definitions.ts';
import type { Definitions } from '../../lib/model/definitions.ts';
import { checkHooks } from '../../lib/model/hooks.ts';
import { checkRetry } from '../../lib/model/retry.ts';
import { plan, type Plan } from '../../lib/plan/plan.ts';
import { nextTurn, systemClock } from '../run/environment.ts';
import { refuseInsideBody } from '../run/inside-body.ts';
import { checkSources } from '../run/resolve.ts';
import { splitOptions } from '../run/run-verb.ts';
import { applyItems } from './apply-items.ts';
import { Commits } from './commits.ts';
import { Engine } from './engine.ts';
import type { Feed } from './feed.ts';
import type { FirstEpochParts } from './first-epoch.ts';
import { Intake, type EpochPolicy, type SourceQueue } from './intake.ts';
import { LIVE_RULES, type LiveOptions } from './live-options.ts';
import type { ObservedNow } from './epoch-work.ts';
import { missingSources, readFeeds, readOffsets, StoredSources, type SourceScope } from './live-sources.ts';
import { Publication } from './publication.ts';
import { Repeats } from './repeats.ts';
import { RunningService, type Asked, type ServiceParts } from './service.ts';
import type { AnyLiveService, LiveServiceOf } from './service-face.ts';

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
export async function live<Assets>(defs: Definitions<Assets>, options: LiveOptions<Assets> = {}): Promise<LiveServiceOf<Assets>> {
  checkDefinitions('live', defs);
  checkVerbOptions('live', options, LIVE_RULES);
  const { clock = systemClock, signal } = options;
  const store = options.store ?? newMemoryStore({ now: clock.now, nextTurn });
  refuseInsideBody(store.port);
  const planned = planFor(options, { defs, select: options.select });
  const feeds = readFeeds(defs, options.sources ?? {});
  if (options.closeWhenDone === true) checkEnds(feeds);
  checkDue('live', options.epochs, { defs, feeds });
  const service = await RunningService.start(partsOf({ defs, options, store, port: livePort(store.port), feeds, planned }));
  if (signal !== undefined) closeOnAbort(service, signal);
  return service;
}

/** What never ends would never be done. */
function checkEnds(feeds: ReadonlyMap<AssetKey, Feed>): void {
  if ([...feeds.values()].some(({ from }) => from !== undefined)) return;
  throw new SelectionError(
    'INVALID_OPTION',
    'live(): "closeWhenDone" is true, and no source has a feed that could end: what is pushed by hand never does. Give a feed with "from", or call close().',
    { details: { option: 'closeWhenDone' } },
  );
}

/** What conflates waits in its place for as long as it takes, which is for ever where no epoch is ever due. */
function checkDue(
  verb: 'live' | 'update',
  epochs: EpochPolicy | undefined,
  { defs: { sources }, feeds }: { readonly defs: Definitions; readonly feeds: ReadonlyMap<AssetKey, Feed> },
): void {
  const { items, ms, marks } = epochs ?? {};
  if (items === undefined || ms !== undefined || marks !== undefined) return;
  const queues = [...sources.values()].map(({ key }) => feeds.get(key));
  const most = queues.reduce((sum, queue) => sum + (queue?.overflow === 'conflate' ? queue.capacity : Infinity), 0);
  if (most >= items || queues.length === 0) return;
  throw new SelectionError(
    'INVALID_OPTION',
    `${verb}(): "epochs" waits for ${items} items, and the sources have room for ${most}: they conflate the rest, and no epoch would ever begin. ${DUE_CURES[verb]}`,
    { details: { option: 'epochs' } },
  );
}

const DUE_CURES = {
  live: 'Give fewer "items", "ms", or feeds with more "capacity".',
  update: 'Leave a source that has more room, or start another service with fewer "items", "ms", or feeds with more "capacity".',
};

function closeOnAbort(service: AnyLiveService, signal: AbortSignal): void {
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
  const { missing, prepare } = opener({ options, store, port, clock, feeds, offsets, reads: readingSettled(port, commits) });
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
    onAppliedBeside: () => intake.recount((item) => repeats.isApplied(item)),
    forget: (key) => repeats.forget(key),
    retryFailed: retry,
    closeWhenDone: options.closeWhenDone ?? false,
    asked: { defs, select: options.select },
    planned,
    plan: (asked) => {
      const next = planFor(options, asked);
      // Feeds are read for as long as the service lives.
      checkSources(asked, Object.fromEntries(feeds));
      checkDue('update', options.epochs, { ...asked, feeds });
      return next;
    },
    missing,
    prepare,
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

interface Opening<Assets> extends Omit<SourceScope, 'seen'> {
  readonly options: LiveOptions<Assets>;
  /** Reads values that have settled, on disk or not. */
  readonly reads: StorePort;
  /** By source: the offset of the last item that was applied. */
  readonly offsets: Map<AssetKey, string>;
}

function opener<Assets>({ options, reads, offsets, ...opening }: Opening<Assets>): Pick<FirstEpochParts, 'missing' | 'prepare'> {
  const { store, port, clock, feeds } = opening;
  const { tags = {}, causedBy = null } = options;
  const hooks = checkHooks(options.hooks, 'the service');
  const settings = {
    concurrency: options.concurrency ?? DEFAULTS.concurrency,
    graceMs: options.graceMs ?? DEFAULTS.graceMs,
    stepTimeoutMs: options.stepTimeoutMs ?? DEFAULTS.stepTimeoutMs,
    traces: options.traces ?? DEFAULTS.traces,
  };
  const seenBy = ({ aliases }: Definitions): LivePort => livePort(aliasedPort(port, aliases));
  return {
    missing: async (planned) => {
      const seen = seenBy(planned.defs);
      // Feeds go on behind them, whatever else is waited for.
      await readOffsets(planned.defs, { seen, offsets });
      return missingSources(planned, { seen, feeds });
    },
    prepare: async (planned, items) => {
      const { defs } = planned;
      const seen = seenBy(defs);
      await readOffsets(defs, { seen, offsets });
      const now = await StoredSources.of(defs, { ...opening, seen });
      // Offsets of its own: those of the service move on when the first epoch begins.
      const applied = await applyItems(items, { now, feeds, offsets: new Map(offsets) });
      return {
        open: async () => {
          const come = applied.observed.map(({ key, value }) => [key, value] as const);
          const sources = { ...(await now.startValues()), ...Object.fromEntries(come) };
          const parts = { plan: planned, store, port, seen, reads, clock, sources, ...settings, hooks, tags, causedBy };
          const { engine, started, observed } = await Engine.open(parts);
          const moved = new Map(applied.offsets.map(({ key, offset }) => [key, offset]));
          const withOffsets = observed.map((each) => withOffset(each, moved.get(each.key) ?? null));
          return { engine, head: [started], applied: { ...applied, observed: withOffsets } };
        },
      };
    },
  };
}

function withOffset({ made, ...observed }: ObservedNow, offset: string | null): ObservedNow {
  return { ...observed, made: { ...made, event: { ...made.event, offset } } };
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
