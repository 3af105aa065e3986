import type { LoggedEvent } from './logged-event.ts';
import type { Position } from './position.ts';
import type { LivePort } from './store-port.ts';
import { isClosed, TailCursor, type CursorClaims } from './tail-cursor.ts';

/** How many events are read at once, and so how many a slow reader keeps in memory. About 5 ms of reading from disk. */
const PAGE = 500;

/** What all tails of one hold on a store share. */
export interface TailSource {
  readonly port: LivePort;
  readonly now: () => number;
  readonly claims: CursorClaims;
  /** The tails that have started and not ended. */
  readonly open: Set<TailReader>;
  readonly pageSize?: number | undefined;
}

/** What one tail was asked for. */
export interface TailRequest {
  readonly start: Promise<Position>;
  readonly cursor?: string;
  readonly signal?: AbortSignal;
}

/** One tail: reads to the end of the log, waits for more, and keeps its cursor. */
export class TailReader {
  readonly #source: TailSource;
  readonly #request: TailRequest;
  readonly #cursor: TailCursor | undefined;
  readonly #onAbort = (): void => this.stop();
  #unwatch: () => void = () => undefined;
  #wake: () => void = () => undefined;
  #begun = false;
  #ended = false;
  /** Whether something may have been appended since the last page was asked for. */
  #changed = false;
  /** Whether the reader has an event and has not asked for the next one. */
  #held = false;

  constructor(source: TailSource, request: TailRequest) {
    this.#source = source;
    this.#request = request;
    const { cursor: name } = request;
    this.#cursor = name === undefined ? undefined : new TailCursor({ ...source, name });
  }

  /** The events, to be asked for once. */
  async *events(): AsyncGenerator<LoggedEvent, void, undefined> {
    if (this.#ended || this.#request.signal?.aborted === true) return;
    try {
      let next = await this.#begin();
      for (let page = await this.#page(next); page !== undefined; page = await this.#page(next)) {
        for (const event of page) {
          this.#held = true;
          yield event;
          this.#held = false;
          this.#cursor?.pass(event.position);
          if (this.#ended) return;
          if (this.#cursor?.isDue === true) await this.#cursor.save();
        }
        await this.#cursor?.save();
        next += page.length;
      }
    } catch (error) {
      // Whoever closed the store knows that nothing more can come. Whoever starts on a closed one does not.
      if (!isClosed(error) || !this.#begun) throw error;
    } finally {
      this.#held = false;
      this.#letGo();
      this.#cursor?.announceEnd();
      await this.#cursor?.end();
    }
  }

  /** Makes this the end: what waits is woken. */
  finish(): void {
    this.#ended = true;
    this.#cursor?.announceEnd();
    this.#wake();
  }

  /** Makes this the end although the reader may never come back, so that nothing is held for it. */
  stop(): void {
    this.finish();
    this.#letGo();
    if (this.#held) this.#cursor?.leave();
  }

  async #begin(): Promise<Position> {
    const { port, open } = this.#source;
    const { start, signal } = this.#request;
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    open.add(this);
    // Before the first page is read: what is appended after that is told.
    this.#unwatch = port.watch(() => {
      this.#changed = true;
      this.#wake();
    });
    const next = await (this.#cursor?.begin(start) ?? start);
    this.#begun = true;
    return next;
  }

  /** Some events from a position on, as soon as there are any; `undefined` at the end of the tail. */
  async #page(next: Position): Promise<readonly LoggedEvent[] | undefined> {
    const { port, pageSize = PAGE } = this.#source;
    while (!this.#ended) {
      this.#changed = false;
      const page = await port.read(next, pageSize);
      if (this.#ended) break;
      if (page.length > 0) return page;
      if (!this.#changed) await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    return undefined;
  }

  #letGo(): void {
    this.#unwatch();
    this.#request.signal?.removeEventListener('abort', this.#onAbort);
    this.#source.open.delete(this);
  }
}
