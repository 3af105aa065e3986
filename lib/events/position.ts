/** Place of an event in the log: 1, 2, 3, … without gaps, in the order of commits. 0 is before the first. */
export type Position = number;

/** A reference to an event: its position, or its index in the batch that is being appended, when it has no position yet. */
export type PositionRef = Position | { readonly inBatch: number };

/** The position that a reference means once its batch starts at `first`. */
export function resolvePosition(ref: PositionRef, first: Position): Position {
  return typeof ref === 'number' ? ref : first + ref.inBatch;
}

/** The position as of which something is asked that may have to come before another one. */
export function asOf({ before }: { readonly before?: Position | undefined }, at: Position): Position {
  return before === undefined ? at : Math.min(at, before - 1);
}
