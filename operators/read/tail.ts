import { Observable, type Subscriber } from 'rxjs';
import type { LoggedEvent } from '../../lib/events/logged-event.ts';
import type { Store } from '../../lib/events/store.ts';
import { TAIL_RULES, type TailOptions } from '../../lib/events/tail.ts';
import { checkVerbOptions, type OptionRules } from '../../lib/kernel/verb-options.ts';
import { nextTurn } from '../run/environment.ts';
import { checkStore } from '../run/options.ts';

/** Options of {@link tail}: those of `store.tail`, but that unsubscribing takes the place of a signal. */
export type TailObservableOptions = Omit<TailOptions, 'signal'>;

const RULES: OptionRules<TailObservableOptions> = { from: TAIL_RULES.from, cursor: TAIL_RULES.cursor };

/** How many events are given in one go, before timers and input and output get a turn. */
const BURST = 500;

/**
 * The events of a store as they come, each once and in order, also those that other processes append. Cold: each subscription is a tail
 * of its own. Without `from` and `cursor` it gives what is appended after the subscription.
 *
 *     appended   -1-2-3-----------4---5----------
 *     subscribe        ^              !
 *     from: 1          (123)------4---
 *     (no from)        -----------4---
 *     cursor at 2      3----------4---
 *
 * Completes when the store is closed; errors of the store go to the error channel. Unsubscribing stops it and lets go of everything.
 *
 * With a `cursor`, an event has been passed as soon as `next` has returned, unless the subscriber left in it: then it comes again.
 * So work that goes on after `next` (`concatMap` with a promise) is passed before it is done, and what waits for it has no bound;
 * for such work use `for await` over `store.tail`, which waits for each.
 *
 * @throws SelectionError INVALID_OPTION, synchronously
 */
export function tail(store: Store, options: TailObservableOptions = {}): Observable<LoggedEvent> {
  checkStore('tail', store);
  checkVerbOptions('tail', options, RULES);
  return new Observable<LoggedEvent>((subscriber) => {
    const controller = new AbortController();
    // What was unsubscribed is told nothing more, so either is harmless then.
    give(store.tail({ ...options, signal: controller.signal }), subscriber).then(
      () => subscriber.complete(),
      (error: unknown) => subscriber.error(error),
    );
    return () => controller.abort();
  });
}

async function give(events: AsyncIterable<LoggedEvent>, subscriber: Subscriber<LoggedEvent>): Promise<void> {
  let given = 0;
  for await (const event of events) {
    subscriber.next(event);
    // Leaving the loop is what tells the tail that this event has not been passed.
    if (subscriber.closed) return;
    given += 1;
    if (given % BURST === 0) await nextTurn();
  }
}
