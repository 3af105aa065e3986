import type { RunEnded } from '../../lib/events/logged-event.ts';
import type { Service, Store } from '../../lib/events/store.ts';
import type { Release } from '../../lib/kernel/turns.ts';
import type { AssetKey } from '../../lib/model/asset-key.ts';
import { delayAfter, type RetryPolicy } from '../../lib/model/retry.ts';
import type { Engine } from './engine.ts';
import { EpochRunner, failAll, serviceClosed, type EpochRunnerParts, type Opened } from './epoch-runner.ts';
import type { Intake, Item } from './intake.ts';

/** What the loop of a service works with. */
export interface LoopParts extends EpochRunnerParts {
  readonly store: Store;
  readonly intake: Intake;
  readonly retryFailed: RetryPolicy | undefined;
  /** Asks the store and makes an engine, with the turn; `items` are the first ones of sources that had no value. */
  readonly open: (items: readonly Item[]) => Promise<Opened>;
  /** Sources that have to have an item each before there can be an engine. */
  readonly missing: ReadonlySet<AssetKey>;
}

type Job = () => Promise<void>;

/**
 * Runs epoch after epoch, one at a time, for as long as the service lives. It has the turn on the store while there is work, and lets go of it
 * when there is none or when somebody waits: a verb or a put then does what it does, and what it changed is the start of an epoch here.
 */
export class LiveLoop {
  readonly #parts: LoopParts;
  readonly #service: Service;
  readonly #runner: EpochRunner;
  /** What the first epoch starts with, where nothing has to be waited for. */
  #opened: Opened | undefined;
  #turn: Release | undefined;
  #jobs: Job[] = [];
  #paused = false;
  #closing: 'drain' | 'drop' | undefined;
  #failure: { readonly error: unknown } | undefined;
  /** Somebody else may have written. */
  #beside = false;
  #retries = 0;
  #retryDue = false;
  #stopRetry: (() => void) | undefined;
  #wake: (() => void) | undefined;
  #waiters: { readonly target: number; readonly resolve: () => void; readonly reject: (error: unknown) => void }[] = [];

  constructor(parts: LoopParts) {
    this.#parts = parts;
    this.#service = parts.store.serve();
    this.#runner = new EpochRunner(parts);
  }

  /** What lives now; `undefined` before the first epoch. */
  get engine(): Engine | undefined {
    return this.#runner.engine;
  }

  /** Opens the engine where all sources have a value. To be called with nobody else at work. */
  async start(): Promise<void> {
    try {
      await this.#takeTurn();
      if (this.#parts.missing.size === 0) this.#opened = await this.#parts.open([]);
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
    this.#runner.engine?.abort();
    this.wake();
  }

  close(how: 'drain' | 'drop'): void {
    if (this.#closing !== 'drop') this.#closing = how;
    if (how === 'drop') this.#runner.engine?.abort();
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
    const target = this.#parts.intake.counts.came;
    this.#parts.intake.flush();
    this.#beside = true;
    return new Promise((resolve, reject) => {
      this.#waiters.push({ target, resolve, reject });
      this.wake();
    });
  }

  /** Ends the engine and goes on with another one. Rejects where that one cannot start, and then nothing has changed. */
  replace(open: () => Promise<Opened>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#jobs.push(async () => {
        await this.#parts.commits.idle();
        let opened: Opened;
        try {
          opened = await open();
        } catch (error) {
          return reject(error);
        }
        const ended = (await this.#runner.engine?.end('succeeded')) ?? [];
        await this.#runner.enter(opened, ended);
        resolve();
      });
      this.wake();
    });
  }

  #changed(): void {
    if (this.#turn !== undefined) return;
    this.#beside = true;
    this.wake();
  }

  #nextJob(): Job | undefined {
    const { intake, missing } = this.#parts;
    if (this.#runner.engine === undefined) {
      const opened = this.#opened;
      if (opened !== undefined) return () => this.#runner.enter(opened, []);
      const items = intake.takeFirst(missing);
      return items === undefined ? undefined : () => this.#begin(items);
    }
    const job = this.#jobs.shift();
    if (job !== undefined) return job;
    if (this.#beside) return () => this.#catchUp();
    if (this.#paused && this.#closing === undefined) return undefined;
    if (intake.ready || (this.#closing !== undefined && intake.waiting > 0)) return () => this.#takeItems();
    return this.#retryDue ? () => this.#retry() : undefined;
  }

  async #do(job: Job): Promise<void> {
    const { commits } = this.#parts;
    await commits.room();
    if (this.#turn !== undefined && this.#service.contended()) await this.#letOthers();
    await this.#takeTurn();
    await job();
    this.#scheduleRetry();
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
    if (this.#waiters.length === 0 || this.#runner.engine === undefined) return;
    const { left } = this.#parts.intake.counts;
    const done = this.#waiters.filter(({ target }) => target <= left && !this.#beside && this.#jobs.length === 0);
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
    if (this.#runner.engine !== undefined) await this.#catchUp();
  }

  #catchUp(): Promise<void> {
    this.#beside = false;
    return this.#runner.catchUp();
  }

  async #begin(items: readonly Item[]): Promise<void> {
    let opened: Opened;
    try {
      opened = await this.#parts.open(items);
    } catch (error) {
      failAll(items, error);
      throw error;
    }
    await this.#runner.enter(opened, [], items);
  }

  #takeItems(): Promise<void> {
    const { intake } = this.#parts;
    if (this.#closing !== undefined) intake.flush();
    return this.#runner.takeItems(intake.take());
  }

  #retry(): Promise<void> {
    this.#retryDue = false;
    return this.#runner.retry();
  }

  /** Failed steps are tried again, as often as asked and at the times asked for, until none is left. */
  #scheduleRetry(): void {
    const { retryFailed, clock } = this.#parts;
    if (retryFailed === undefined) return;
    if (this.#runner.engine?.graph.failed.length === 0) this.#retries = 0;
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
    const { intake, commits, port } = this.#parts;
    this.#stopRetry?.();
    failAll(intake.clear(), this.#failure?.error ?? serviceClosed());
    await commits.idle();
    try {
      await this.#takeTurnToEnd();
      const events = (await this.#runner.engine?.end(this.#status())) ?? [];
      if (events.length > 0) await port.append({ events, values: [] });
    } catch (error) {
      // What ended it says more than that its end could not be written.
      this.#failure ??= { error };
    } finally {
      this.#letGo();
      this.#service.end();
      const failure = this.#failure;
      for (const { resolve, reject } of this.#waiters.splice(0))
        if (failure === undefined) resolve();
        else reject(failure.error);
    }
  }

  #status(): RunEnded['status'] {
    if (this.#failure !== undefined) return 'failed';
    return this.#closing === 'drop' ? 'cancelled' : 'succeeded';
  }

  async #takeTurnToEnd(): Promise<void> {
    this.#turn ??= await this.#parts.store.turn('queue');
  }
}
