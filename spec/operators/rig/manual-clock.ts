import type { Clock } from '../../../operators/step/clock.ts';

/** A clock that stands still until a test moves it. */
export interface ManualClock extends Clock {
  /** Moves on, and calls back what is due on the way, in order. */
  readonly advance: (ms: number) => void;
  /** How many timers wait. */
  readonly waiting: () => number;
}

/** Makes a clock. With `step`, every look at it moves it on, without calling back timers. */
export function manualClock({
  step = 0,
  random = () => 0.5,
}: { readonly step?: number; readonly random?: () => number } = {}): ManualClock {
  let now = 1_000_000;
  const timers = new Set<{ readonly at: number; readonly callback: () => void }>();
  return {
    now: () => (now += step),
    timer: (ms, callback) => {
      const timer = { at: now + ms, callback };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    advance: (ms) => {
      const end = now + ms;
      for (;;) {
        const due = [...timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
        if (due === undefined) break;
        timers.delete(due);
        now = Math.max(now, due.at);
        due.callback();
      }
      now = end;
    },
    waiting: () => timers.size,
    random,
  };
}
