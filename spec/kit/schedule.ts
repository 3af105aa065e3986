import fc from 'fast-check';

/** An order in which what waits goes on. */
export interface Schedule {
  /** Resolves when it is its turn. `what` is what it is called where a failing schedule is printed. */
  readonly pause: (what?: string) => Promise<void>;
  /** Sees a run through: lets one go on that waits, and again, until it has ended. */
  readonly settle: <T>(run: Promise<T>) => Promise<T>;
}

/**
 * Orders in which asynchronous bodies end: give `pause` to `defineWorld`, or to a fake resource, and run within `settle`; or give all of it to
 * `playHistory`. Shrinks towards the order in which they began; a failing one is printed as what went on when.
 */
export function schedule(): fc.Arbitrary<Schedule> {
  return fc.scheduler().map((scheduler) => ({
    pause: (what = 'a body') => scheduler.schedule(Promise.resolve(), what).then(() => undefined),
    settle: (run) => scheduler.waitFor(run),
    [fc.toStringMethod]: () => fc.stringify(scheduler),
  }));
}
