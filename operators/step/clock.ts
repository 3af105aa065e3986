/** Time and chance as runs see them. Injected, so that tests take no real time and leave nothing to chance. */
export interface Clock {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Milliseconds that only ever go on, as `now` does not where the machine's time is set; `now` by default. For lengths of time. */
  readonly monotonic?: () => number;
  /** Calls back once after `ms` milliseconds, unless the returned function was called before. */
  readonly timer: (ms: number, callback: () => void) => () => void;
  /** A number from 0 up to 1, another one each time: what `jitter` takes its share with. */
  readonly random: () => number;
}
