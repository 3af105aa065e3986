import type { LoggedEvent } from '../../lib/events/logged-event.ts';

/** The order of those who wrote to a store, by the stamps of what they wrote: `epoch/who`. */
export class LeaseLog {
  /** What is wrong, in words. */
  readonly problems: string[] = [];
  readonly #before = new Set<string>();
  #epoch = 0;
  #who = '';
  /** The position that was looked at last. */
  checked = 0;

  /** Looks at the next events. */
  check(events: readonly LoggedEvent[]): void {
    for (const event of events) {
      if (event.position !== this.checked + 1) this.problems.push(`${event.position} comes after ${this.checked}`);
      this.checked = event.position;
      if (event.type === 'log-line') this.#checkStamp(event.message, event.position);
    }
  }

  /** Once another one wrote under a later epoch, nobody from before writes any more; and an epoch is one's own. */
  #checkStamp(stamp: string, position: number): void {
    const [first = '', who = ''] = stamp.split('/');
    const epoch = Number(first);
    if (epoch < this.#epoch || this.#before.has(who))
      this.problems.push(`${stamp} wrote at ${position}, after ${this.#who} under epoch ${this.#epoch}`);
    if (epoch === this.#epoch && who !== this.#who) this.problems.push(`${stamp} and ${this.#who} wrote under one epoch, at ${position}`);
    if (who !== this.#who) this.#before.add(this.#who);
    this.#epoch = epoch;
    this.#who = who;
  }
}
