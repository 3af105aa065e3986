import type { NewEvent, RunEnded } from '../../lib/events/logged-event.ts';
import type { Position } from '../../lib/events/position.ts';
import type { Service } from '../../lib/events/service.ts';
import type { Store } from '../../lib/events/store.ts';
import type { Release } from '../../lib/kernel/turns.ts';
import { delayAfter, type RetryPolicy } from '../../lib/model/retry.ts';
import type { Plan } from '../../lib/plan/plan.ts';
import type { Engine } from './engine.ts';
import { EpochRunner, failAll, serviceClosed, type EpochRunnerParts, type Opened } from './epoch-runner.ts';
import { FirstEpoch, type FirstEpochParts } from './first-epoch.ts';
import type { Item } from './intake.ts';
import type { EpochReport } from './publication.ts';
import { servedBy } from './served.ts';
import type { WaitingFor } from './service-face.ts';

/** What the loop of a service works with. */
export interface LoopParts extends EpochRunnerParts, FirstEpochParts {
  readonly store: Store;
  readonly retryFailed: RetryPolicy | undefined;
}

/** Another plan for a service. */
export interface Replacement {
  /** Makes it when it is its turn. */
  readonly plan: () => Plan;
  /** Told when the service goes on with it. */
  readonly onTaken: () => void;
}

type Job = () => Promise<void>;

/** Where the log ends with all that had settled at some moment, and when that is on disk. */
export interface SettledAt {
  readonly position: Position;
  readonly written: Promise<void>;
}

/** A job that somebody waits for. */
interface Asked {
  readonly run: Job;
  readonly reject: (error: unknown) => void;
}

/**
 * Runs epoch after epoch, one at a time, for as long as the service lives. It has the turn on the store while there is work, and lets go of it
 * when there is none or when somebody waits: a verb or a put then does what it does, and what it changed is the start of an epoch here.
 */
export class LiveLoop {
  readonly #parts: LoopParts;
  readonly #service: Service;
  readonly #runner: EpochRunner;
  readonly #first: FirstEpoch;
  /** What the first epoch starts with, where nothing has to be waited for. */
  #opened: Opened | undefined;
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
  #waiters: { readonly target: number; readonly resolve: (at: SettledAt) => void; readonly reject: (error: unknown) => void }[] = [];

  constructor(parts: LoopParts) {
    this.#parts = parts;
    this.#service = parts.store.serve();
    this.#first = new FirstEpoch(parts);
    this.#runner = new EpochRunner(parts, (report) => this.#scheduleRetry(report));
  }

  /** What lives now; `undefined` before the first epoch. */
  get engine(): Engine | undefined {
    return this.#runner.engine;
  }

  /** What is kept up to date. */
  get planned(): Plan {
    return this.#runner.engine?.plan ?? this.#first.planned;
  }

  /** Opens the engine where all sources have a value. To be called with nobody else at work. */
  async start(): Promise<void> {
    try {
      this.#service.claim(servedBy(this.planned));
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

  /** Sources that the first epoch waits for; none once there was one. */
  get waitingFor(): readonly WaitingFor[] {
    return this.#runner.engine !== undefined || this.#isOver ? [] : this.#first.waitingFor;
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
  settled(): Promise<SettledAt> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure.error);
    const target = this.#parts.intake.came;
    // Ends an epoch, rather than be due: what comes later is not asked for.
    this.#parts.intake.mark();
    this.#beside = true;
    return new Promise((resolve, reject) => {
      this.#waiters.push({ target, resolve, reject });
      this.wake();
    });
  }

  /**
   * Ends the engine and goes on with another one; before the first epoch, goes on waiting for what the other plan needs. Rejects where that one
   * cannot start, and then nothing has changed.
   */
  replace({ plan, onTaken }: Replacement): Promise<void> {
    return new Promise((resolve, reject) => {
      const run = async (): Promise<void> => {
        await this.#parts.commits.idle();
        let opened: Opened | undefined;
        try {
          opened = await this.#openInstead(plan());
        } catch (error) {
          return reject(error);
        }
        onTaken();
        const ended = (await this.#runner.engine?.end('succeeded')) ?? [];
        if (opened !== undefined) await this.#enter(opened, ended);
        resolve();
      };
      if (this.#isOver) return reject(this.#failure?.error ?? serviceClosed());
      this.#jobs.push({ run, reject });
      this.wake();
    });
  }

  async #openInstead(planned: Plan): Promise<Opened | undefined> {
    const claim = (): void => this.#service.claim(servedBy(planned));
    if (this.#runner.engine === undefined) return this.#first.replan(planned, claim);
    const opened = await (await this.#parts.prepare(planned, [])).open();
    claim();
    return opened;
  }

  #changed(): void {
    if (this.#turn !== undefined) return;
    this.#beside = true;
    this.wake();
  }

  #nextJob(): Job | undefined {
    const opened = this.#opened;
    if (opened !== undefined) return () => this.#enter(opened, []);
    const asked = this.#jobs.shift();
    if (asked !== undefined) return () => answer(asked);
    return this.#runner.engine === undefined ? this.#nextBeforeFirst() : this.#nextEpoch();
  }

  #nextEpoch(): Job | undefined {
    if (this.#beside) return () => this.#catchUp();
    if (this.#paused && this.#closing === undefined) return undefined;
    if (this.#isDue()) return () => this.#runner.takeItems(this.#take());
    return this.#retryDue ? () => this.#retry() : undefined;
  }

  #isDue(): boolean {
    const { intake } = this.#parts;
    return intake.ready || (this.#closing !== undefined && intake.waiting > 0);
  }

  #take(): readonly Item[] {
    const { intake } = this.#parts;
    if (this.#closing !== undefined) intake.flush();
    return intake.take();
  }

  /** Somebody may have put what is waited for; else it takes epochs of items when there are some of all sources that have no value. */
  #nextBeforeFirst(): Job | undefined {
    if (this.#beside) return () => this.#lookForValues();
    if (this.#paused && this.#closing === undefined) return undefined;
    return this.#first.mayTake && this.#isDue() ? () => this.#takeFirst() : undefined;
  }

  async #do(job: Job): Promise<void> {
    const { commits } = this.#parts;
    await commits.room();
    if (this.#turn !== undefined && this.#service.contended()) {
      await commits.idle();
      this.#letGo();
    }
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
    if (this.#waiters.length === 0 || this.#runner.engine === undefined) return;
    const { intake } = this.#parts;
    const done = this.#waiters.filter(({ target }) => intake.isThrough(target) && !this.#beside && this.#jobs.length === 0);
    this.#waiters = this.#waiters.filter((waiter) => !done.includes(waiter));
    for (const { resolve } of done) resolve(this.settledAt());
  }

  /** To be asked between two epochs: while one settles, its events are counted before they are on their way. */
  settledAt(): SettledAt {
    return { position: (this.#runner.engine?.graph.next ?? 1) - 1, written: this.#parts.commits.idle() };
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

  async #lookForValues(): Promise<void> {
    this.#beside = false;
    this.#opened = await this.#first.look();
  }

  async #takeFirst(): Promise<void> {
    this.#opened = await this.#first.take(this.#take());
  }

  #enter(opened: Opened, before: readonly NewEvent[]): Promise<void> {
    this.#opened = undefined;
    this.#first.begun();
    return this.#runner.enter(opened, before);
  }

  #retry(): Promise<void> {
    this.#retryDue = false;
    return this.#runner.retry();
  }

  /** Failed steps are tried again, as often as asked and at the times asked for, until none is left. */
  #scheduleRetry({ cause, failed }: EpochReport): void {
    const { retryFailed, clock } = this.#parts;
    if (retryFailed === undefined) return;
    // What fails on something new has its tries before it, whatever else has failed for how long.
    if (cause !== 'retry' && failed.length > 0) this.#retries = 0;
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
    this.#isOver = true;
    this.#stopRetry?.();
    const why = this.#failure?.error ?? serviceClosed();
    failAll([...this.#first.items, ...intake.clear()], why);
    for (const { reject } of this.#jobs.splice(0)) reject(why);
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
        if (failure === undefined) resolve(this.settledAt());
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

async function answer({ run, reject }: Asked): Promise<void> {
  try {
    await run();
  } catch (error) {
    reject(error);
    throw error;
  }
}
