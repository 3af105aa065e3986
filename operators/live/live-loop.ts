import type { LoggedEvent, NewEvent, RunEnded } from '../../lib/events/logged-event.ts';
import type { LivePort } from '../../lib/events/store-port.ts';
import type { Service, Store } from '../../lib/events/store.ts';
import { SelectionError } from '../../lib/kernel/errors.ts';
import type { Release } from '../../lib/kernel/turns.ts';
import type { AssetKey } from '../../lib/model/asset-key.ts';
import { delayAfter, type RetryPolicy } from '../../lib/model/retry.ts';
import type { Clock } from '../step/clock.ts';
import { applyItems, type Applied } from './apply-items.ts';
import type { Commits } from './commits.ts';
import type { Engine } from './engine.ts';
import type { Feed } from './feed.ts';
import type { Intake, Item } from './intake.ts';
import type { EpochWork, ObservedNow } from './live-graph.ts';
import { changesIn, type EpochReport, type Publication } from './publication.ts';
import { reportOf } from './report.ts';

/** What the loop of a service works with. */
export interface LoopParts {
  readonly store: Store;
  readonly port: LivePort;
  readonly clock: Clock;
  readonly feeds: ReadonlyMap<AssetKey, Feed>;
  readonly intake: Intake;
  readonly commits: Commits;
  readonly publication: Publication;
  readonly offsets: Map<AssetKey, string>;
  readonly retryFailed: RetryPolicy | undefined;
  /** Asks the store and makes an engine, with the turn; `items` are the first ones of sources that had no value. */
  readonly open: (items: readonly Item[]) => Promise<Opened>;
  /** Asks the store which sources have to have a value before there can be an engine. */
  readonly missing: () => Promise<ReadonlySet<AssetKey>>;
  /** Throws where an item cannot be the first value of its source. */
  readonly checkFirst: (item: Item) => void;
}

/** An engine, and what its first epoch logs and does. */
export interface Opened {
  readonly engine: Engine;
  readonly head: readonly NewEvent[];
  readonly observed: readonly ObservedNow[];
}

/** An epoch that is to be run, and what it is told as. */
interface Round extends Partial<Omit<EpochWork, 'marked'>> {
  readonly marked: Iterable<number>;
  readonly cause: EpochReport['cause'];
  readonly applied?: Applied;
  /** What somebody else has logged, and this epoch brings up to date. */
  readonly beside?: readonly LoggedEvent[];
}

type Job = () => Promise<void>;

/** A job that somebody waits for. */
interface Asked {
  readonly run: Job;
  readonly reject: (error: unknown) => void;
}

const NONE: ReadonlySet<number> = new Set();
const NONE_MISSING: ReadonlySet<AssetKey> = new Set();
const PAGE = 1000;

/**
 * Runs epoch after epoch, one at a time, for as long as the service lives. It has the turn on the store while there is work, and lets go of it
 * when there is none or when somebody waits: a verb or a put then does what it does, and what it changed is the start of an epoch here.
 */
export class LiveLoop {
  readonly #parts: LoopParts;
  readonly #service: Service;
  #engine: Engine | undefined;
  /** What the first epoch starts with, where nothing has to be waited for. */
  #opened: Opened | undefined;
  /** Before there is an engine: sources that it waits for, and the first items of some of them. */
  #missing: ReadonlySet<AssetKey> = NONE_MISSING;
  #first: readonly Item[] = [];
  #turn: Release | undefined;
  #jobs: Asked[] = [];
  #paused = false;
  #closing: 'drain' | 'drop' | undefined;
  #failure: { readonly error: unknown } | undefined;
  /** Somebody else may have written. */
  #beside = false;
  #retries = 0;
  #retryDue = false;
  #stopRetry: (() => void) | undefined;
  #isOver = false;
  #wake: (() => void) | undefined;
  #waiters: { readonly target: number; readonly resolve: () => void; readonly reject: (error: unknown) => void }[] = [];

  constructor(parts: LoopParts) {
    this.#parts = parts;
    this.#service = parts.store.serve();
  }

  /** What lives now; `undefined` before the first epoch. */
  get engine(): Engine | undefined {
    return this.#engine;
  }

  /** Opens the engine where all sources have a value. To be called with nobody else at work. */
  async start(): Promise<void> {
    try {
      await this.#takeTurn();
      await this.#lookForValues();
    } catch (error) {
      this.#letGo();
      this.#service.end();
      throw error;
    }
  }

  /** Goes on until the service is closed. Rejects with what ended it, after everything was let go of. */
  async run(): Promise<void> {
    const stopWatching = this.#parts.port.watch(() => this.#changed());
    try {
      while (this.#failure === undefined && this.#closing !== 'drop') {
        const job = this.#nextJob();
        if (job === undefined && this.#closing === 'drain') break;
        if (job === undefined) await this.#idle();
        else await this.#do(job);
      }
    } catch (error) {
      this.fail(error);
    } finally {
      stopWatching();
    }
    await this.#end();
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Throws what ended the service, where something did. */
  throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** There may be something to do. */
  wake(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  /** Ends the service with an error. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#engine?.abort();
    this.wake();
  }

  close(how: 'drain' | 'drop'): void {
    if (this.#closing !== 'drop') this.#closing = how;
    if (how === 'drop') this.#engine?.abort();
    this.#parts.intake.flush();
    this.wake();
  }

  pause(paused: boolean): void {
    this.#paused = paused;
    this.wake();
  }

  /** Resolves when all that had come by now has settled. */
  settled(): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure.error);
    const target = this.#parts.intake.came;
    this.#parts.intake.flush();
    this.#beside = true;
    return new Promise((resolve, reject) => {
      this.#waiters.push({ target, resolve, reject });
      this.wake();
    });
  }

  /** Ends the engine and goes on with another one. Rejects where that one cannot start, and then nothing has changed. */
  replace(open: (items: readonly Item[]) => Promise<Opened>): Promise<void> {
    return new Promise((resolve, reject) => {
      const run = async (): Promise<void> => {
        await this.#parts.commits.idle();
        const opened = await open(this.#first).catch((error: unknown) => {
          reject(error);
          return undefined;
        });
        if (opened === undefined) return;
        const ended = (await this.#engine?.end('succeeded')) ?? [];
        await this.#enter(opened, ended);
        resolve();
      };
      if (this.#isOver) return reject(this.#failure?.error ?? serviceClosed());
      this.#jobs.push({ run, reject });
      this.wake();
    });
  }

  #changed(): void {
    if (this.#turn !== undefined) return;
    this.#beside = true;
    this.wake();
  }

  #nextJob(): Job | undefined {
    if (this.#opened !== undefined) return () => this.#begin();
    const asked = this.#jobs.shift();
    if (asked !== undefined) return () => this.#answer(asked);
    if (this.#engine === undefined) return this.#nextBeforeFirst();
    const { intake } = this.#parts;
    if (this.#beside) return () => this.#catchUp();
    if (this.#paused && this.#closing === undefined) return undefined;
    if (intake.ready || (this.#closing !== undefined && intake.waiting > 0)) return () => this.#takeItems();
    return this.#retryDue ? () => this.#retry() : undefined;
  }

  /** Somebody may have put what is waited for; else it takes an item of each source that has no value. */
  #nextBeforeFirst(): Job | undefined {
    if (this.#beside) return () => this.#lookForValues();
    const taken = new Set(this.#first.map(({ key }) => key));
    const items = this.#parts.intake.takeFirst(new Set([...this.#missing].filter((key) => !taken.has(key))));
    return items === undefined ? undefined : () => this.#takeFirst(items);
  }

  async #answer({ run, reject }: Asked): Promise<void> {
    try {
      await run();
    } catch (error) {
      reject(error);
      throw error;
    }
  }

  async #do(job: Job): Promise<void> {
    const { commits } = this.#parts;
    await commits.room();
    if (this.#turn !== undefined && this.#service.contended()) await this.#letOthers();
    await this.#takeTurn();
    await job();
    this.#tellWaiters();
  }

  async #idle(): Promise<void> {
    this.#tellWaiters();
    const woken = new Promise<void>((resolve) => (this.#wake = resolve));
    const { commits } = this.#parts;
    if (commits.inFlight > 0) {
      await Promise.race([woken, commits.idle()]);
      if (commits.inFlight > 0) return;
    }
    if (this.#wake === undefined) return;
    this.#letGo();
    await woken;
  }

  #tellWaiters(): void {
    if (this.#waiters.length === 0 || this.#engine === undefined) return;
    const { intake } = this.#parts;
    const done = this.#waiters.filter(({ target }) => intake.isThrough(target) && !this.#beside && this.#jobs.length === 0);
    this.#waiters = this.#waiters.filter((waiter) => !done.includes(waiter));
    for (const { resolve } of done) resolve();
  }

  async #letOthers(): Promise<void> {
    await this.#parts.commits.idle();
    this.#letGo();
  }

  #letGo(): void {
    this.#turn?.();
    this.#turn = undefined;
  }

  async #takeTurn(): Promise<void> {
    if (this.#turn !== undefined) return;
    this.#turn = await this.#parts.store.turn('queue');
    if (this.#engine !== undefined) await this.#catchUp();
  }

  /** Takes over what others have written since this service had the turn, and brings up to date what that touches. */
  async #catchUp(): Promise<void> {
    this.#beside = false;
    const { port } = this.#parts;
    const graph = this.#engine?.graph;
    // What this service has settled is not all in the log yet: then nobody else has written either.
    if (graph === undefined || this.#parts.commits.inFlight > 0) return;
    const head = await port.head();
    if (head < graph.next) return;
    const beside: LoggedEvent[] = [];
    const marked = new Set<number>();
    while (graph.next <= head) {
      const events = await port.read(graph.next, Math.min(PAGE, head + 1 - graph.next));
      for (const step of graph.adopt(events)) marked.add(step);
      for (const event of events) if (event.type !== 'run-started' && event.type !== 'log-line') beside.push(event);
    }
    if (marked.size > 0 || beside.some(({ type }) => type.startsWith('asset-'))) await this.#epoch({ cause: 'beside', marked, beside });
  }

  async #lookForValues(): Promise<void> {
    this.#beside = false;
    this.#missing = await this.#parts.missing();
    await this.#openIfComplete();
  }

  async #takeFirst(items: readonly Item[]): Promise<void> {
    const good = items.filter((item) => {
      try {
        this.#parts.checkFirst(item);
        return true;
      } catch (error) {
        item.fail(error);
        return false;
      }
    });
    this.#first = [...this.#first, ...good];
    await this.#openIfComplete();
  }

  /** Opens the engine where every source that is read has a value, or an item that becomes one. */
  async #openIfComplete(): Promise<void> {
    const come = new Set(this.#first.map(({ key }) => key));
    if ([...this.#missing].every((key) => come.has(key))) this.#opened = await this.#parts.open(this.#first);
  }

  async #begin(): Promise<void> {
    const opened = this.#opened;
    this.#opened = undefined;
    if (opened !== undefined) await this.#enter(opened, []);
  }

  /** The first epoch of an engine looks at every step. */
  async #enter({ engine, head, observed }: Opened, before: readonly NewEvent[]): Promise<void> {
    const items = this.#first;
    this.#first = [];
    if (before.length > 0) await this.#parts.port.append({ events: before, values: [] });
    this.#engine = engine;
    engine.graph.startAt((await this.#parts.port.head()) + 1);
    const offsets = items.flatMap(({ key, offset }) => (offset === undefined ? [] : [{ key, offset }]));
    for (const { key, offset } of offsets) this.#parts.offsets.set(key, offset);
    const marked = engine.plan.steps.map(({ index }) => index);
    await this.#epoch({
      cause: 'start',
      head,
      observed,
      marked,
      first: true,
      applied: { observed, offsets, taken: items, duplicates: [] },
    });
  }

  async #takeItems(): Promise<void> {
    const { intake, feeds, offsets, commits } = this.#parts;
    if (this.#closing !== undefined) intake.flush();
    const graph = this.#engine?.graph;
    const items = intake.take();
    if (items.length === 0 || graph === undefined) return;
    const applied = await applyItems(items, { graph, feeds, offsets });
    if (applied.duplicates.length > 0)
      // What they repeat may not be on disk yet.
      void commits.idle().then(() => {
        for (const item of applied.duplicates) item.settle({ outcome: 'duplicate', epoch: undefined, position: undefined });
      });
    if (applied.taken.length > 0) await this.#epoch({ cause: 'items', observed: applied.observed, marked: NONE, applied });
  }

  async #retry(): Promise<void> {
    this.#retryDue = false;
    const failed = new Set(this.#engine?.graph.failed);
    if (failed.size > 0) await this.#epoch({ cause: 'retry', marked: failed, retried: failed });
  }

  async #epoch({ cause, applied, beside = [], ...work }: Round): Promise<void> {
    const { clock, commits, publication } = this.#parts;
    const engine = this.#engine;
    if (engine === undefined) return;
    const { graph } = engine;
    const elapsed = clock.monotonic ?? clock.now;
    const since = elapsed();
    const head = [...(work.head ?? []), ...engine.takeBetween()];
    const taken = applied?.taken ?? [];
    const settled = await graph.run({ observed: [], retried: NONE, first: false, ...work, head }).catch((error: unknown) => {
      failAll(taken, error);
      throw error;
    });
    if (settled === undefined) return failAll(taken, this.#failure?.error ?? serviceClosed());
    const durable = commits.add({ ...settled.batch, ...(applied !== undefined && { offsets: applied.offsets }) });
    const events = beside.length === 0 ? settled.events : [...beside, ...settled.events];
    const changes = await changesIn(events, settled.number, {
      watches: (key) => engine.has(key) && publication.watches(key),
      slotOf: (key) => graph.slotOf(key),
    }).catch((error: unknown) => {
      failAll(taken, error);
      throw error;
    });
    const besideKeys = beside.flatMap((event) => (event.type === 'asset-materialized' && engine.has(event.key) ? event.key : []));
    const report = reportOf(settled, { cause, items: taken.length, tookMs: elapsed() - since, beside: besideKeys });
    const told = { report, changes };
    publication.tell('settled', told);
    this.#scheduleRetry(report);
    const { number: epoch, position } = settled;
    durable.then(
      () => {
        engine.recorded(settled);
        publication.tell('durable', told);
        for (const item of taken) item.settle({ outcome: 'applied', epoch, position });
      },
      (error: unknown) => failAll(taken, error),
    );
  }

  #scheduleRetry({ cause, failed }: EpochReport): void {
    const { retryFailed, clock } = this.#parts;
    if (retryFailed === undefined) return;
    // What fails on something new has its tries before it, whatever else has failed for how long.
    if (cause !== 'retry' && failed.length > 0) this.#retries = 0;
    if (this.#engine?.graph.failed.length === 0) this.#retries = 0;
    else if (this.#stopRetry === undefined && this.#retries < retryFailed.max) {
      this.#retries += 1;
      this.#stopRetry = clock.timer(delayAfter(retryFailed, this.#retries, clock.random()), () => {
        this.#stopRetry = undefined;
        this.#retryDue = true;
        this.wake();
      });
    }
  }

  /** Lets go of everything, and writes the end of the run where the store still takes it. */
  async #end(): Promise<void> {
    const { commits } = this.#parts;
    this.#stopRetry?.();
    this.#refuseWhatWaits();
    await commits.idle();
    try {
      await this.#takeTurnToEnd();
      await this.#writeEnd();
    } catch (error) {
      // What ended it says more than that its end could not be written.
      this.#failure ??= { error };
    } finally {
      this.#letGo();
      this.#service.end();
      for (const { resolve, reject } of this.#waiters.splice(0))
        if (this.#failure === undefined) resolve();
        else reject(this.#failure.error);
    }
  }

  #refuseWhatWaits(): void {
    this.#isOver = true;
    const why = this.#failure?.error ?? serviceClosed();
    failAll([...this.#first, ...this.#parts.intake.clear()], why);
    for (const { reject } of this.#jobs.splice(0)) reject(why);
  }

  async #writeEnd(): Promise<void> {
    const status: RunEnded['status'] = this.#failure !== undefined ? 'failed' : this.#closing === 'drop' ? 'cancelled' : 'succeeded';
    const events = (await this.#engine?.end(status)) ?? [];
    if (events.length > 0) await this.#parts.port.append({ events, values: [] });
  }

  async #takeTurnToEnd(): Promise<void> {
    this.#turn ??= await this.#parts.store.turn('queue');
  }
}

function failAll(items: readonly Item[], error: unknown): void {
  for (const item of items) item.fail(error);
}

/** The refusal of what is asked of a service that is closed, or was before it could be done. */
export function serviceClosed(): SelectionError {
  return new SelectionError('SERVICE_CLOSED', 'This live service is closed. Start another one with live().');
}
