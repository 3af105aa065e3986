import { SelectionError } from '../../lib/kernel/errors.ts';
import { quote } from '../../lib/kernel/print.ts';
import type { AssetKey } from '../../lib/model/asset-key.ts';
import { delayAfter } from '../../lib/model/retry.ts';
import type { Clock } from '../step/clock.ts';
import { readThrown } from '../step/thrown.ts';
import { endOfEpoch, isOrigin, isPushed, overflowUndeclared, type Feed, type Origin } from './feed.ts';
import type { Intake, Item, Pushed } from './intake.ts';

/** What a reader of a feed works with. */
export interface FeedReading {
  readonly key: AssetKey;
  readonly feed: Feed;
  readonly intake: Intake;
  readonly clock: Clock;
  /** The offset of the last item that is on disk. */
  readonly offset: () => string | undefined;
  /** Told once, when the origin has no more; with an error where it failed for good. */
  readonly onEnd: (failure?: { readonly error: unknown }) => void;
}

/** Reads one origin into the intake, and opens it again where it fails and may be tried again. */
export class FeedReader {
  readonly #reading: FeedReading;
  readonly #controller = new AbortController();
  #failures = 0;
  #ended = false;
  #close: () => void = () => undefined;

  constructor(reading: FeedReading) {
    this.#reading = reading;
  }

  /** Opens the origin. */
  start(): void {
    void this.#run();
  }

  /** Asks for no more. What was taken stays in the intake. */
  stop(): void {
    this.#controller.abort();
    this.#close();
    this.#end();
  }

  /** Told once, whatever ends it first. */
  #end(failure?: { readonly error: unknown }): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#reading.onEnd(failure);
  }

  async #run(): Promise<void> {
    const { signal } = this.#controller;
    while (!signal.aborted) {
      try {
        await this.#read();
        return this.#end();
      } catch (error) {
        if (signal.aborted) return;
        this.#failures += 1;
        if (!(await this.#mayTryAgain(error))) return this.#end({ error: this.#failed(error) });
      }
    }
  }

  async #mayTryAgain(error: unknown): Promise<boolean> {
    const {
      feed: { restart },
      clock,
    } = this.#reading;
    if (restart === undefined || this.#failures > restart.max || restart.when?.(error, this.#failures) === false) return false;
    await new Promise<void>((resolve) => {
      const stop = clock.timer(delayAfter(restart, this.#failures, clock.random()), resolve);
      this.#close = () => (stop(), resolve());
    });
    return !this.#controller.signal.aborted;
  }

  async #read(): Promise<void> {
    const { feed, key, clock, offset } = this.#reading;
    const { from } = feed;
    const { signal } = this.#controller;
    const origin: unknown = typeof from === 'function' ? await from({ offset: offset(), signal, clock }) : from;
    if (!isOrigin(origin)) throw new TypeError('its "from" gave nothing that has items');
    if (!isPushed(origin)) return this.#pull(origin);
    if (feed.overflow === undefined || feed.overflow === 'block') throw overflowUndeclared(key);
    return this.#subscribe(origin);
  }

  #subscribe(origin: Extract<Origin<unknown>, { subscribe: unknown }>): Promise<void> {
    return new Promise((resolve, reject) => {
      const subscription = origin.subscribe({ next: (item) => this.#add(item, reject), error: reject, complete: resolve });
      this.#close = () => (subscription.unsubscribe(), resolve());
    });
  }

  async #pull(origin: Exclude<Origin<unknown>, { subscribe: unknown }>): Promise<void> {
    const { intake, key } = this.#reading;
    const { signal } = this.#controller;
    const iterator = Symbol.asyncIterator in origin ? origin[Symbol.asyncIterator]() : origin[Symbol.iterator]();
    let refused: { readonly error: unknown } | undefined;
    // Nobody waits for it: an iterator that never answers must not keep the service from closing.
    const giveBack = (): void => void Promise.resolve(iterator.return?.()).catch(() => undefined);
    this.#close = giveBack;
    while (!signal.aborted) {
      const next = await iterator.next();
      if (next.done === true) return;
      if (next.value !== endOfEpoch) await intake.room(key);
      if (signal.aborted) return;
      this.#add(next.value, (error) => (refused ??= { error }));
      if (refused !== undefined) {
        giveBack();
        throw refused.error;
      }
    }
  }

  #add(item: unknown, refuse: (error: unknown) => void): void {
    const { key, feed, intake } = this.#reading;
    if (item === endOfEpoch) return intake.mark();
    const taken: Item = {
      key,
      value: item,
      offset: feed.offset?.(item),
      settle: (pushed) => this.#acknowledge(item, pushed),
      // Its origin is closed; it may be opened again behind what is on disk.
      fail: refuse,
    };
    this.#failures = 0;
    intake.add(taken);
  }

  #acknowledge(item: unknown, { outcome }: Pushed): void {
    const { acknowledge } = this.#reading.feed;
    if (acknowledge === undefined || outcome === 'conflated') return;
    Promise.resolve()
      .then(() => acknowledge(item))
      .catch((error: unknown) => this.#end({ error: this.#failed(error) }));
  }

  #failed(error: unknown): SelectionError {
    const { key } = this.#reading;
    return new SelectionError(
      'SOURCE_FAILED',
      `The feed of source ${quote(key)} failed: ${readThrown(error).said}. Mend it, or give it "restart" so that it is opened again.`,
      { details: { key }, cause: error },
    );
  }
}
