import type { LoggedEvent } from './logged-event.ts';
import type { Position } from './position.ts';
import type { TailPort } from './store-port.ts';
import { isClosed, TailCursor, type CursorClaims } from './tail-cursor.ts';

/** How many events are read at once, and so how many a slow reader keeps in memory. About 5 ms of reading from disk. */
const PAGE = 500;

/** What all tails of one hold on a store share. */
export interface TailSource {
  readonly port: TailPort;
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
  /** What was read last, and the position at which it starts. */
  #page: readonly LoggedEvent[] = [];
  #pageStart: Position = 1;
  /** The position of the event to give next. */
  #next: Position = 1;
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
      await this.#begin();
      for (let event = await this.#turnPage(); event !== undefined; event = this.#nextInPage() ?? (await this.#turnPage())) {
        this.#held = true;
        yield event;
        this.#held = false;
        const saving = this.#pass(event.position);
        if (saving !== undefined) await saving;
      }
    } catch (error) {
      if (!this.#wasClosed(error)) throw error;
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

  async #begin(): Promise<void> {
    const { port, open } = this.#source;
    const { start, signal } = this.#request;
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    open.add(this);
    // Before the first page is read: what is appended after that is told.
    this.#unwatch = port.watch(() => {
      this.#changed = true;
      this.#wake();
    });
    this.#next = await (this.#cursor?.begin(start) ?? start);
    this.#begun = true;
  }

  /** Notes that the reader has asked past an event. What is given has to be waited for. */
  #pass(position: Position): Promise<void> | undefined {
    if (this.#cursor === undefined) return undefined;
    this.#cursor.pass(position);
    return !this.#ended && this.#cursor.isDue ? this.#cursor.save() : undefined;
  }

  #nextInPage(): LoggedEvent | undefined {
    if (this.#ended) return undefined;
    const event = this.#page[this.#next - this.#pageStart];
    if (event !== undefined) this.#next += 1;
    return event;
  }

  /** The first event of the next page, as soon as there is one; `undefined` at the end of the tail. */
  async #turnPage(): Promise<LoggedEvent | undefined> {
    const { port, pageSize = PAGE } = this.#source;
    if (!this.#ended) await this.#cursor?.save();
    while (!this.#ended) {
      this.#changed = false;
      this.#page = await port.read(this.#next, pageSize);
      this.#pageStart = this.#next;
      if (this.#ended || this.#page.length > 0) break;
      if (!this.#changed) await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    return this.#nextInPage();
  }

  /** Whoever closed the store knows that nothing more can come, and is not told. Whoever starts on a closed one is. */
  #wasClosed(error: unknown): boolean {
    return isClosed(error) && (this.#begun || this.#ended);
  }

  #letGo(): void {
    this.#unwatch();
    this.#request.signal?.removeEventListener('abort', this.#onAbort);
    this.#source.open.delete(this);
  }
}
