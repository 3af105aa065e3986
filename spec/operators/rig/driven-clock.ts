import { manualClock, type ManualClock } from './manual-clock.ts';

/** A manual clock that knows what its next timer waits for. */
export interface DrivenClock extends ManualClock {
  /** Moves on to the timer that is due first, and calls it back; nothing where none waits. */
  readonly toNext: () => boolean;
  /** The waits that were asked for, in order. */
  readonly asked: readonly number[];
}

/** Makes one. */
export function drivenClock(random: () => number = () => 0.5): DrivenClock {
  const clock = manualClock({ random });
  const timers = new Set<{ readonly at: number }>();
  const asked: number[] = [];
  return {
    ...clock,
    asked,
    timer: (ms, callback) => {
      const timer = { at: clock.now() + ms };
      timers.add(timer);
      asked.push(ms);
      const stop = clock.timer(ms, () => {
        timers.delete(timer);
        callback();
      });
      return () => {
        timers.delete(timer);
        stop();
      };
    },
    toNext: () => {
      if (timers.size === 0) return false;
      clock.advance(Math.max(0, Math.min(...[...timers].map(({ at }) => at)) - clock.now()));
      return true;
    },
  };
}

/** Lets everything that is ready now happen. Enough turns for whatever a run does between two timers. */
export async function quiet(turns = 4): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** Moves the clock from timer to timer, whenever all is quiet, until the run is over; gives what it ended with. */
export async function drive<T>(clock: DrivenClock, running: Promise<T>, each: () => void = () => undefined): Promise<T> {
  let over = false;
  const done = (): void => void (over = true);
  running.then(done, done);
  for (let stuck = 0; !over && stuck < 50;) {
    await quiet();
    each();
    if (over) break;
    stuck = clock.toNext() ? 0 : stuck + 1;
  }
  if (!over) throw new Error('the run is not over, and nothing that it could wait for is left on the clock');
  return running;
}
