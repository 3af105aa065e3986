/** Time as runs see it. Injected, so that tests take no real time. */
export interface Clock {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Calls back once after `ms` milliseconds, unless the returned function was called before. */
  readonly timer: (ms: number, callback: () => void) => () => void;
}
