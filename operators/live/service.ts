import type { ReadableEvent } from '../../lib/events/logged-event.ts';
import type { Position } from '../../lib/events/position.ts';
import { fixSource, readValue } from '../../lib/events/store.ts';
import { SelectionError } from '../../lib/kernel/errors.ts';
import { Keyed } from '../../lib/kernel/keyed/keyed.ts';
import { suggest } from '../../lib/kernel/nearest.ts';
import { quote } from '../../lib/kernel/print.ts';
import { CHECKED_LATER, RULES, checkVerbOptions, type OptionRules } from '../../lib/kernel/verb-options.ts';
import type { AssetKey } from '../../lib/model/asset-key.ts';
import type { Definitions, KeyOf, ValueAt } from '../../lib/model/definitions.ts';
import type { SourceDefinition } from '../../lib/model/source.ts';
import type { Plan } from '../../lib/plan/plan.ts';
import type { Select } from '../../lib/plan/selection.ts';
import { changesOf, type Changes, type Lag, type Listener } from './changes.ts';
import type { Feed } from './feed.ts';
import { noSource, sourceOf } from './source-of.ts';
import { FeedReader } from './feed-reader.ts';
import type { Pushed } from './intake.ts';
import { serviceClosed } from './epoch-runner.ts';
import { LiveLoop, type LoopParts } from './live-loop.ts';
import { mergeChanges, readNow, type AssetChange, type AssetNow, type EpochReport, type Moment } from './publication.ts';
import { mergeReports } from './report.ts';
import type { LiveServiceOf, WaitingFor, WatchOptions } from './service-face.ts';

/** What a service is made of. */
export interface ServiceParts<Assets> extends LoopParts {
  readonly feeds: ReadonlyMap<AssetKey, Feed>;
  readonly closeWhenDone: boolean;
  readonly asked: Asked<Assets>;
  /** What was taken from the origin of a source and not applied comes again. */
  readonly forget: (key: AssetKey) => void;
  /** Told who is to be woken and stopped. */
  readonly bind: (loop: LiveLoop) => void;
  /** Plans other definitions or another selection. */
  readonly plan: (asked: Asked<Assets>) => Plan;
}

/** What a service is asked to keep up to date. */
export interface Asked<Assets> {
  readonly defs: Definitions<Assets>;
  readonly select: Select<Assets> | undefined;
}

const DEFAULT_LAG: Lag = { policy: 'lossless', bound: 1000 };

const WATCH_RULES: OptionRules<WatchOptions> = {
  at: { accepts: (value) => value === 'settled' || value === 'durable', cure: 'Give "settled" or "durable".' },
  lag: {
    accepts: isLag,
    cure: 'Give { policy: "lossless", bound: a whole number from 1 }, { policy: "conflate" } or { policy: "latest" }.',
  },
};
const PUSH_RULES = { offset: RULES.string };
const CLOSE_RULES = { drain: RULES.flag };
const UPDATE_RULES = { defs: CHECKED_LATER, select: CHECKED_LATER };

/** What users hold of a service that lives. */
export class RunningService<Assets> implements LiveServiceOf<Assets> {
  readonly closed: Promise<void>;
  readonly #parts: ServiceParts<Assets>;
  readonly #loop: LiveLoop;
  readonly #readers: readonly FeedReader[];
  #asked: Asked<Assets>;
  #feedsLeft: number;
  #isClosed = false;

  private constructor(parts: ServiceParts<Assets>, loop: LiveLoop) {
    this.#parts = parts;
    this.#loop = loop;
    this.#asked = parts.asked;
    this.#readers = [...parts.feeds].flatMap(([key, feed]) => (feed.from === undefined ? [] : [this.#reader(key, feed)]));
    this.#feedsLeft = this.#readers.length;
    this.closed = this.#run();
    // Who asked for something is told; who asked for nothing has a process that goes on.
    this.closed.catch(() => undefined);
  }

  /** Starts one. Rejects where its definitions, its sources or its store do not let it. */
  static async start<Assets>(parts: ServiceParts<Assets>): Promise<RunningService<Assets>> {
    const loop = new LiveLoop(parts);
    parts.bind(loop);
    await loop.start();
    return new RunningService(parts, loop);
  }

  get runId(): string {
    return this.#loop.engine?.runId ?? '';
  }

  get waitingFor(): readonly WaitingFor[] {
    return this.#loop.waitingFor;
  }

  push(source: string | SourceDefinition, item: unknown, options: { readonly offset?: string } = {}): Promise<Pushed> {
    try {
      checkVerbOptions('push', options, PUSH_RULES);
      const { key } = sourceOf(this.#asked.defs, typeof source === 'string' ? source : source.key);
      if (this.#isClosed) throw serviceClosed();
      const value = this.#fixed(key, item);
      return new Promise((settle, fail) => this.#parts.intake.add({ key, value, offset: options.offset, settle, fail }));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  mark(): void {
    this.#parts.intake.mark();
  }

  pause(): void {
    this.#loop.pause(true);
  }

  resume(): void {
    this.#loop.pause(false);
  }

  async current<Key extends KeyOf<Assets>>(key: Key): Promise<AssetNow<ValueAt<Assets, Key>> | undefined> {
    // The op's declared type, which `define` carried along under this key.
    return this.#now(this.#assetKey(key)) as Promise<AssetNow<ValueAt<Assets, Key>> | undefined>;
  }

  changes<Key extends KeyOf<Assets>>(key: Key, options: WatchOptions = {}): Changes<AssetChange<ValueAt<Assets, Key>>> {
    const { asset, at, lag } = this.#watching('changes', key, options);
    const listen = (listener: Listener<AssetChange>): (() => void) => this.#parts.publication.listenTo(asset, at, listener);
    // As above.
    return changesOf({ name: `changes of ${quote(key)}`, lag, merge: mergeChanges, listen }) as Changes<AssetChange<ValueAt<Assets, Key>>>;
  }

  value<Key extends KeyOf<Assets>>(key: Key, options: WatchOptions = {}): Changes<AssetChange<ValueAt<Assets, Key>>> {
    const { asset, at, lag } = this.#watching('value', key, options);
    const listen = (listener: Listener<AssetChange>): (() => void) => this.#listenFromNow(asset, at, listener);
    // As above.
    return changesOf({ name: `values of ${quote(key)}`, lag, merge: mergeChanges, listen }) as Changes<AssetChange<ValueAt<Assets, Key>>>;
  }

  epochs(options: WatchOptions = {}): Changes<EpochReport> {
    checkVerbOptions('epochs', options, WATCH_RULES);
    const { at = 'durable', lag = DEFAULT_LAG } = options;
    return changesOf({ name: 'epochs', lag, merge: mergeReports, listen: (listener) => this.#parts.publication.listen(at, listener) });
  }

  async settled(): Promise<void> {
    await (this.#isClosed ? this.closed : this.#loop.settled());
  }

  async durable(): Promise<number> {
    const loop = this.#loop;
    const settled = this.#isClosed ? this.closed.then(() => loop.settledAt()) : loop.settled();
    // What settles while this is written is not on disk when this is.
    const { position, written } = await settled;
    await written;
    this.#loop.throwIfFailed();
    return position;
  }

  async update(change: { readonly defs?: Definitions<Assets>; readonly select?: Select<Assets> }): Promise<void> {
    checkVerbOptions('update', change, UPDATE_RULES);
    if (this.#isClosed) throw serviceClosed();
    const given = Object.fromEntries(Object.entries(change).filter(([, each]) => each !== undefined));
    // As asked by then: another update may be on its way.
    const asked = (): Asked<Assets> => ({ ...this.#asked, ...given });
    await this.#loop.replace({ plan: () => this.#parts.plan(asked()), onTaken: () => this.#goOnWith(asked()) });
  }

  /** What waits of a source that is gone is told at once: nothing that comes later would make it an item of an epoch. */
  #goOnWith(asked: Asked<Assets>): void {
    this.#asked = asked;
    const byKey: ReadonlyMap<string, unknown> = asked.defs.sources;
    for (const { key, fail } of this.#parts.intake.without((each) => !byKey.has(each))) fail(noSource(asked.defs, key));
  }

  async close(options: { readonly drain?: boolean } = {}): Promise<void> {
    checkVerbOptions('close', options, CLOSE_RULES);
    this.#isClosed = true;
    for (const reader of this.#readers) reader.stop();
    this.#loop.close(options.drain === false ? 'drop' : 'drain');
    await this.closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // What ended it was told to whoever asked for something: leaving a block is no place to hear of it first.
    await this.close().catch(() => undefined);
  }

  async #run(): Promise<void> {
    for (const reader of this.#readers) reader.start();
    try {
      await this.#loop.run();
      this.#parts.publication.end();
    } catch (error) {
      this.#parts.publication.end({ error });
      throw error;
    } finally {
      this.#isClosed = true;
      for (const reader of this.#readers) reader.stop();
    }
  }

  #reader(key: AssetKey, feed: Feed): FeedReader {
    const { intake, clock, offsets, forget } = this.#parts;
    return new FeedReader({
      key,
      feed,
      intake,
      clock,
      offset: () => offsets.get(key),
      fix: (item) => this.#fixed(key, item),
      forget: () => forget(key),
      onEnd: () => this.#ended(),
      onFailure: (error) => this.#loop.fail(error),
    });
  }

  #ended(): void {
    this.#feedsLeft -= 1;
    if (this.#feedsLeft === 0 && this.#parts.closeWhenDone && !this.#isClosed) void this.close().catch(() => undefined);
  }

  async #now(key: AssetKey): Promise<AssetNow | undefined> {
    const engine = this.#loop.engine;
    if (engine === undefined) return this.#stored(key, await this.#parts.port.head());
    if (!engine.has(key)) return undefined;
    const [slot, known] = [engine.graph.slotOf(key), engine.graph.readableOf(key)];
    const now = await readNow(slot);
    if (now !== undefined) return now;
    // It failed, or has not been looked at yet: what readers get is what it was. That may be on its way to disk.
    await this.#parts.commits.idle();
    return this.#asNow(known);
  }

  /** Before the first epoch, what readers get is what the store has. */
  async #stored(key: AssetKey, head: Position): Promise<AssetNow | undefined> {
    if (!this.#loop.planned.selection.has(key)) return undefined;
    const [event] = await this.#parts.port.readable([key], head);
    return this.#asNow(event);
  }

  async #asNow(event: ReadableEvent | undefined): Promise<AssetNow | undefined> {
    if (event === undefined) return undefined;
    if (event.type === 'asset-absent') return { state: 'absent' };
    const { port, store } = this.#parts;
    const value = await readValue(port, event, new Map([...store.codecs, ...this.#asked.defs.codecs]));
    return { state: 'value', value, version: event.version };
  }

  /** What it is now comes first; what it becomes meanwhile, after that. */
  #listenFromNow(key: AssetKey, at: Moment, listener: Listener<AssetChange>): () => void {
    let early: AssetChange[] | undefined = [];
    const stop = this.#parts.publication.listenTo(key, at, {
      ...listener,
      next: (change) => (early === undefined ? listener.next(change) : void early.push(change)),
    });
    void this.#changeNow(key, at).then(
      (now) => {
        const waiting = early ?? [];
        early = undefined;
        if (now !== undefined) listener.next(now);
        for (const change of waiting) if (now === undefined || change.position > now.position) listener.next(change);
      },
      (error: unknown) => (stop(), listener.error(error)),
    );
    return stop;
  }

  async #changeNow(key: AssetKey, at: Moment): Promise<AssetChange | undefined> {
    const graph = this.#loop.engine?.graph;
    const { commits, port } = this.#parts;
    const position = graph === undefined ? await port.head() : graph.next - 1;
    const epoch = Math.max(0, (graph?.epoch ?? 0) - 1);
    const now = await (graph === undefined ? this.#stored(key, position) : this.#now(key));
    // What has settled by then is not told before it is on disk; what settles meanwhile is told as a change.
    if (at === 'durable') await commits.idle();
    if (now === undefined) return undefined;
    const told = { key, epoch, position };
    return now.state === 'absent'
      ? { ...told, ...now }
      : { ...told, ...now, delta: now.value instanceof Keyed ? now.value.inserts() : undefined };
  }

  /** An item as it is at the call; one that is folded into the value of its source is whatever its fold takes. */
  #fixed(key: AssetKey, item: unknown): unknown {
    if (this.#parts.feeds.get(key)?.fold !== undefined) return item;
    return fixSource(key, item, this.#asked.defs.sources.get(key)?.codec);
  }

  #watching(verb: string, key: string, options: WatchOptions): { readonly asset: AssetKey; readonly at: Moment; readonly lag: Lag } {
    checkVerbOptions(verb, options, WATCH_RULES);
    const { at = 'durable', lag = DEFAULT_LAG } = options;
    return { asset: this.#assetKey(key), at, lag };
  }

  #assetKey(key: string): AssetKey {
    const assets: ReadonlyMap<string, { readonly key: AssetKey }> = this.#asked.defs.assets;
    const found = assets.get(key);
    if (found !== undefined) return found.key;
    throw new SelectionError('UNKNOWN_ASSET', `This service has no asset ${quote(key)}. ${suggest(key, this.#asked.defs.assets.keys())}`, {
      details: { key },
    });
  }
}

function isLag(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const policy: unknown = Reflect.get(value, 'policy');
  const bound: unknown = Reflect.get(value, 'bound');
  return policy === 'lossless' ? Number.isInteger(bound) && Number(bound) >= 1 : policy === 'conflate' || policy === 'latest';
}
