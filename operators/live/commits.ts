import type { AppendBatch, StorePort } from '../../lib/events/store-port.ts';

/**
 * Writes epochs in their order, several at a time: the next one settles while those before it are on their way to disk, and the store puts
 * what it gets meanwhile into one transaction. Bounded, so that a crash loses no more than that, and memory holds no more.
 */
export class Commits {
  readonly #port: StorePort;
  readonly #window: number;
  readonly #onFailure: (error: unknown) => void;
  #inFlight = 0;
  #last: Promise<void> = Promise.resolve();
  #failure: { readonly error: unknown } | undefined;
  #whenRoom: (() => void)[] = [];

  /** @param onFailure told once; what was to come after it is not written either */
  constructor(port: StorePort, window: number, onFailure: (error: unknown) => void) {
    this.#port = port;
    this.#window = window;
    this.#onFailure = onFailure;
  }

  /** How many epochs are settled and not on disk. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Resolves when another epoch may settle. */
  room(): Promise<void> | undefined {
    if (this.#inFlight < this.#window) return undefined;
    return new Promise((resolve) => this.#whenRoom.push(resolve));
  }

  /** Resolves when what was added so far is on disk, or will never be. */
  idle(): Promise<void> {
    return this.#last;
  }

  /** Resolves when what was added so far is on disk; rejects where some of it will never be. */
  async written(): Promise<void> {
    await this.#last;
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /**
   * Writes an epoch; resolves when it and all before it are on disk, and rejects where one of them could not be written.
   *
   * @param isTold whether somebody is told that it is on disk: where there is nothing to write, the store is asked all the same, since who lost it
   * to somebody else cannot know what there is
   */
  add(batch: AppendBatch, isTold: boolean): Promise<void> {
    this.#inFlight += 1;
    const before = this.#last;
    const isNothing = !isTold && batch.events.length === 0 && (batch.offsets ?? []).length === 0;
    // Asked for at once: the store keeps the order, and refuses a batch whose predecessor was not written.
    const written: Promise<unknown> = isNothing || this.#failure !== undefined ? Promise.resolve() : this.#port.append(batch);
    // Heard in its turn, below.
    written.catch(() => undefined);
    // What was asked for before may be on its way for longer than it takes to refuse this.
    const durable = before
      .then(() => written)
      .then(
        () => {
          if (this.#failure !== undefined) throw this.#failure.error;
        },
        (error: unknown) => {
          throw this.#fail(error);
        },
      );
    this.#last = durable.then(
      () => this.#done(),
      () => this.#done(),
    );
    return durable;
  }

  #fail(error: unknown): unknown {
    if (this.#failure === undefined) {
      this.#failure = { error };
      this.#onFailure(error);
    }
    return this.#failure.error;
  }

  #done(): void {
    this.#inFlight -= 1;
    this.#whenRoom.shift()?.();
  }
}
