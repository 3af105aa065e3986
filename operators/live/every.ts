import { Observable } from 'rxjs';
import { DefinitionError } from '../../lib/kernel/errors.ts';
import { printValue } from '../../lib/kernel/print.ts';
import type { Clock } from '../step/clock.ts';
import { feed, type Feed } from './feed.ts';

/**
 * Time as a source: its value is when its last tick was, in milliseconds since 1970, at whole multiples of `ms`. Ticks are recorded as any
 * source is, so what was computed from them can be computed again. A tick that nobody had time for is left out in favour of the next.
 *
 * @throws DefinitionError INVALID_DEFINITION
 */
export function every(ms: number): Feed<number> {
  if (typeof ms !== 'number' || !(ms > 0 && ms < 2 ** 31)) {
    throw new DefinitionError('INVALID_DEFINITION', `every() takes milliseconds above 0 and below 2^31, and got ${printValue(ms)}.`, {
      details: { ms },
    });
  }
  return feed<number>({ from: ({ clock }) => ticks(ms, clock), offset: String, overflow: 'conflate', capacity: 1 });
}

/** The first at once, for the interval that has begun. A timer that comes early gives the tick before once more, which its offset tells. */
function ticks(ms: number, clock: Clock): Observable<number> {
  return new Observable((subscriber) => {
    let stop: () => void = () => undefined;
    const tick = (): void => {
      const now = clock.now();
      const at = Math.floor(now / ms) * ms;
      stop = clock.timer(at + ms - now, tick);
      subscriber.next(at);
    };
    tick();
    return () => stop();
  });
}
