import { SelectionError } from '../../lib/kernel/errors.ts';
import { quote } from '../../lib/kernel/print.ts';
import type { AssetKey } from '../../lib/model/asset-key.ts';
import { delayAfter, type RetryPolicy } from '../../lib/model/retry.ts';
import { whenDue } from '../run/when-due.ts';
import type { Clock } from '../step/clock.ts';
import { readThrown } from '../../lib/kernel/thrown.ts';
import { endOfEpoch, isOrigin, isPushed, overflowUndeclared, type Feed, type Origin } from './feed.ts';
import type { Intake, Pushed } from './intake.ts';

/** What a reader of a feed works with. */
export interface FeedReading {
  readonly key: AssetKey;
  readonly feed: Feed;
  readonly intake: Intake;
  readonly clock: Clock;
  /** The offset of the last item that is on disk. */
  readonly offset: () => string | undefined;
  /** An item as it is when it comes: origins use their objects again. Throws StoreError VALUE_NOT_STORABLE. */
  readonly fix: (item: unknown) => unknown;
  /** What was taken from the origin and not applied comes again. */
  readonly forget: () => void;
  /** Told once, when the origin has no more, or nothing more of it is wanted. */
  readonly onEnd: () => void;
  /** Told where it failed for good. */
  readonly onFailure: (error: unknown) => void;
}

/** Reads one origin into the intake, and opens it again where it fails and may be tried again. */
export class FeedReader {
  readonly #reading: FeedReading;
  readonly #controller = new AbortController();
  /** In a row: since something was applied. */
  #failures = 0;
  /** Since the service began: nothing that is applied later makes up for an item that is lost. */
  #losses = 0;
  /** Whether the origin, as it is open, gave an item that was refused and does not come again. */
  #hasLost = false;
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
  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#reading.onEnd();
  }

  /** Also after its end: what it gave last may not have been acknowledged yet. */
  #fail({ error, cure }: Failed): void {
    const { key, onFailure } = this.#reading;
    const said = readThrown(error).said.replace(/\.$/, '');
    const message = `The feed of source ${quote(key)} failed: ${said}. ${cure}`;
    onFailure(new SelectionError('SOURCE_FAILED', message, { details: { key }, cause: error }));
    this.#end();
  }

  async #run(): Promise<void> {
    const { signal } = this.#controller;
    while (!signal.aborted) {
      try {
        await this.#read();
        return this.#end();
      } catch (error) {
        if (signal.aborted) return;
        // Its origin is closed already.
        this.#close = () => undefined;
        this.#failures += 1;
        if (this.#hasLost) this.#losses += 1;
        if (await this.#mayTryAgain(error)) continue;
        return;
      }
    }
  }

  /** Waits until it may be opened again; where it may not, it has failed for good. */
  async #mayTryAgain(error: unknown): Promise<boolean> {
    const { feed, clock } = this.#reading;
    const { restart } = feed;
    const unmended = { error, cure: 'Mend it, or give it "restart" so that it is opened again.' };
    const failed = restart === undefined ? unmended : this.#whyNotAgain(restart, error);
    if (restart === undefined || failed !== undefined) {
      // It was not closed meanwhile: nothing has been waited for.
      this.#fail(failed ?? unmended);
      return false;
    }
    const delay = delayAfter(restart, this.#failures, clock.random());
    const { signal } = this.#controller;
    await new Promise<void>((resolve) => whenDue(delay, { clock, signal }, resolve));
    return !signal.aborted;
  }

  /** Why its policy does not open it again, where it does not. */
  #whyNotAgain(restart: RetryPolicy, error: unknown): Failed | undefined {
    if (this.#failures > restart.max) return { error, cure: this.#usedUp(restart.max) };
    const again = `It had been opened again ${times(this.#failures - 1)} by then`;
    try {
      if (restart.when?.(error, this.#failures) !== false) return undefined;
      return {
        error,
        cure: `${again}, and "when" of its "restart" says not to open it again after that: mend it, or have "when" allow it.`,
      };
    } catch (thrown) {
      const about = readThrown(error).said.replace(/\.$/, '');
      return { error: thrown, cure: `${again}. That is what "when" of its "restart" threw, asked about: ${about}. Mend "when".` };
    }
  }

  #usedUp(max: number): string {
    const lost = this.#losses === 0 ? '' : ` or after it had lost items, as it did ${times(this.#losses)}`;
    const again = `It had been opened again ${times(max)} in a row${lost}, and its "restart" allows no more ("max": ${max}).`;
    const cure = this.#losses === 0 ? 'raise "max" or its delays' : 'raise "max", or give an origin that can replay, with "offset"';
    return `${again} Mend it, or ${cure}.`;
  }

  async #read(): Promise<void> {
    this.#hasLost = false;
    const { feed, key, clock, offset } = this.#reading;
    const { from } = feed;
    const { signal } = this.#controller;
    const origin: unknown = typeof from === 'function' ? await from({ offset: offset(), signal, clock }) : from;
    // Who opened it was told by the signal; nobody would ever close what is subscribed to now.
    if (signal.aborted) return;
    if (!isOrigin(origin)) throw new TypeError('its "from" gave nothing that has items');
    if (!isPushed(origin)) return this.#pull(origin);
    if (feed.overflow === undefined || feed.overflow === 'block') throw overflowUndeclared(key);
    return this.#subscribe(origin);
  }

  #subscribe(origin: Extract<Origin<unknown>, { subscribe: unknown }>): Promise<void> {
    return new Promise((resolve, reject) => {
      let over = false;
      let unsubscribe = (): void => undefined;
      const end = (): void => {
        over = true;
        unsubscribe();
      };
      // An item may be refused long after it came, or before there is a subscription: either way its origin is closed.
      const refuse = (error: unknown): void => (end(), reject(error));
      this.#close = () => (end(), resolve());
      const subscription = origin.subscribe({
        next: (item) => (over ? undefined : this.#tryAdd(item, refuse)),
        error: reject,
        complete: resolve,
      });
      unsubscribe = () => subscription.unsubscribe();
      if (over) unsubscribe();
    });
  }

  async #pull(origin: Exclude<Origin<unknown>, { subscribe: unknown }>): Promise<void> {
    const { intake, key } = this.#reading;
    const { signal } = this.#controller;
    const iterator = iteratorOf(origin);
    let refused: { readonly error: unknown } | undefined;
    let interrupt: (error: unknown) => void = () => undefined;
    const refuse = (error: unknown): void => {
      refused ??= { error };
      interrupt(error);
    };
    this.#close = () => giveBack(origin, iterator);
    while (!signal.aborted) {
      // Before it is asked for: what waits for room when the service closes would be in nobody's hands.
      for (let room = intake.room(key); room !== undefined; room = intake.room(key)) await room;
      if (signal.aborted || refused !== undefined) break;
      // A promise for each item, and no race with one that lives as long as the feed: that would keep all of them.
      const next = await new Promise<IteratorResult<unknown>>((resolve, reject) => {
        interrupt = (error) => (giveBack(origin, iterator), reject(error));
        Promise.resolve(iterator.next()).then(resolve, reject);
      });
      if (next.done === true) return;
      // Somebody else may take the place that there was.
      if (next.value !== endOfEpoch) for (let room = intake.room(key); room !== undefined; room = intake.room(key)) await room;
      if (signal.aborted) return;
      if (refused === undefined) this.#tryAdd(next.value, refuse);
    }
    if (refused === undefined) return;
    giveBack(origin, iterator);
    throw refused.error;
  }

  #tryAdd(item: unknown, refuse: (error: unknown) => void): void {
    try {
      this.#add(item, refuse);
    } catch (error) {
      // Nothing waits behind it yet; what waits before it is as good as it was.
      this.#hasLost = !this.#replays;
      refuse(error);
    }
  }

  #add(item: unknown, refuse: (error: unknown) => void): void {
    const { key, feed, intake, fix } = this.#reading;
    if (item === endOfEpoch) return intake.mark();
    intake.add({
      key,
      value: fix(item),
      offset: feed.offset?.(item),
      settle: (pushed) => this.#settled(item, pushed),
      fail: (error) => this.#refused(error, refuse),
      reader: this,
    });
  }

  #refused(error: unknown, refuse: (error: unknown) => void): void {
    // Dropped with the service, which says so itself.
    if (error instanceof SelectionError && error.code === 'SERVICE_CLOSED') return;
    this.#takeBack();
    // The origin may have come to its end meanwhile; that an item of it was not applied must be told all the same.
    if (this.#ended)
      this.#fail({ error, cure: 'Its origin had come to its end, and is not opened again after that: mend the item, or its "fold".' });
    else refuse(error);
  }

  /**
   * Where the origin is opened again behind what is applied, what waits behind a refused item comes again too. Applied before that, it would make
   * the refused one look like one that was applied already. Any other origin does not give it again.
   */
  #takeBack(): void {
    const { feed, intake, forget } = this.#reading;
    this.#hasLost = !this.#replays;
    if (feed.restart === undefined || this.#hasLost) return;
    intake.withdraw(this);
    forget();
  }

  /** Whether its origin can be opened behind what is applied. */
  get #replays(): boolean {
    const { from, offset } = this.#reading.feed;
    return typeof from === 'function' && offset !== undefined;
  }

  #settled(item: unknown, { outcome }: Pushed): void {
    const { acknowledge } = this.#reading.feed;
    // Only what was applied is a success: an item that is refused each time that it comes must not be asked for for ever.
    if (outcome === 'applied') this.#failures = this.#losses;
    if (acknowledge === undefined || outcome === 'conflated') return;
    Promise.resolve()
      .then(() => acknowledge(item))
      .catch((error: unknown) =>
        this.#fail({ error, cure: 'That was its "acknowledge", which no "restart" calls again: have it try again itself.' }),
      );
  }
}

/** What it failed with for good, and what to do about it. */
interface Failed {
  readonly error: unknown;
  readonly cure: string;
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}

function iteratorOf(origin: Exclude<Origin<unknown>, { subscribe: unknown }>): AsyncIterator<unknown> | Iterator<unknown> {
  return Symbol.asyncIterator in origin ? origin[Symbol.asyncIterator]() : origin[Symbol.iterator]();
}

/** Nobody waits for it: an iterator that never answers must not keep the service from closing. */
function giveBack(origin: object, iterator: AsyncIterator<unknown> | Iterator<unknown>): void {
  // The iterator of a Node stream answers only when the stream has something: what it holds open would stay so until then.
  const destroy: unknown = Reflect.get(origin, 'destroy');
  if (typeof destroy === 'function') Reflect.apply(destroy, origin, []);
  Promise.resolve()
    .then(() => iterator.return?.())
    .catch(() => undefined);
}
