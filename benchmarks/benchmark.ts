/** One figure: what was measured, how much it is, and what it is held against. */
export interface Figure {
  readonly name: string;
  /** In the unit that `unit` names; the median over all rounds. */
  readonly value: number;
  readonly unit: string;
  /** The same work elsewhere, or a floor; with the least ratio that is promised, where one is. */
  readonly against?: { readonly name: string; readonly value: number; readonly atLeast?: number };
}

/** A group of figures of one kind of work, with results checked before anything is timed. */
export interface Benchmark {
  readonly name: string;
  /** @param isFull whether it may take minutes, for figures of more work */
  readonly run: (isFull: boolean) => Promise<readonly Figure[]>;
}
