import { invariant } from '../../lib/kernel/invariant.ts';
import type { LoggedEvent } from '../../lib/events/logged-event.ts';
import type { Position } from '../../lib/events/position.ts';
import type { StorePort } from '../../lib/events/store-port.ts';
import { recordedAt, type Rows } from '../../lib/query/recorded-at.ts';
import type { Recorded } from '../../lib/query/recorded-step.ts';

/** Events behind the one that was asked for: most steps have fewer assets. */
const BEHIND = 8;
const SMALLEST = 8;
const LARGEST = 512;

/**
 * Reads what is recorded at positions that come from high to low, in pages that end a little behind the position asked for. Pages grow
 * where many of their events are asked for, and shrink where few are: so what is read stays within a few times of what is asked.
 */
export class EventPages {
  readonly #port: StorePort;
  readonly #head: Position;
  #rows: Rows = { first: 1, events: [], more: true };
  #size = SMALLEST;
  /** How often this page answered. */
  #answers = 0;
  #last: Recorded | undefined;

  /** @param head nothing behind it is read */
  constructor(port: StorePort, head: Position) {
    this.#port = port;
    this.#head = head;
  }

  /** What the event at a position is part of. */
  async at(position: Position): Promise<Recorded> {
    const last = this.#last;
    if (last !== undefined && last.first <= position && position <= last.last) return last;
    const { first, events } = this.#rows;
    if (position < first || position >= first + events.length) await this.#turnTo(position);
    this.#answers += 1;
    let recorded = recordedAt(this.#rows, position);
    while (typeof recorded === 'string') {
      await this.#grow(recorded);
      recorded = recordedAt(this.#rows, position);
    }
    this.#last = recorded;
    return recorded;
  }

  async #turnTo(position: Position): Promise<void> {
    this.#size = 4 * this.#answers >= this.#size ? Math.min(LARGEST, 2 * this.#size) : Math.max(SMALLEST, this.#size >> 1);
    this.#answers = 0;
    const first = Math.max(1, position - this.#size + 1);
    this.#show(first, await this.#read(first, position + BEHIND));
  }

  async #grow(where: 'before' | 'behind'): Promise<void> {
    const { first, events } = this.#rows;
    const more = Math.max(BEHIND, events.length);
    if (where === 'before') {
      const start = Math.max(1, first - more);
      this.#show(start, [...(await this.#read(start, first - 1)), ...events]);
    } else {
      const end = first + events.length;
      this.#show(first, [...events, ...(await this.#read(end, end + more))]);
    }
  }

  async #read(first: Position, last: Position): Promise<readonly LoggedEvent[]> {
    const wanted = Math.min(last, this.#head) - first + 1;
    const events = await this.#port.read(first, wanted);
    // A port that breaks its promise would be asked for ever.
    invariant(events.length === wanted, 'a log has every event up to its head');
    return events;
  }

  #show(first: Position, events: readonly LoggedEvent[]): void {
    this.#rows = { first, events, more: first + events.length <= this.#head };
  }
}
