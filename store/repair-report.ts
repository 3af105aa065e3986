import type { Address } from '../lib/events/data-version.ts';
import type { Position } from '../lib/events/position.ts';

/** Positions, in order. */
export interface PositionSet {
  readonly count: number;
  /** The first and the last position of each run of neighbours; at most 1,000 of them. */
  readonly ranges: readonly (readonly [first: Position, last: Position])[];
}

/** A value that is lost, and what needs it. */
export interface LostValue {
  readonly address: Address;
  /** Assets and sources that have it as one of their versions; at most 10. */
  readonly keys: readonly string[];
  /** Events that refer to it; at most 10. */
  readonly positions: readonly Position[];
}

/** What is left of a store, and what is not. */
export interface RepairedParts {
  /** The position of the last event. */
  readonly head: Position;
  /** Whether the store itself told where its log ends. Else events after `head` may be lost too. */
  readonly isHeadKnown: boolean;
  readonly events: {
    readonly kept: number;
    /** Those that are not there any more. */
    readonly lost: PositionSet;
    /**
     * Those that were found only on pages which no tree names: what a batch left that never came to its end looks the same. It is next to
     * certain that they are as they were.
     */
    readonly uncertain: PositionSet;
    /** Those of which there were two, both whole: the one is kept that stood in the surer place. */
    readonly contradicted: PositionSet;
    /** Those that are whole, at positions which no log can have that was ever in this file. They were left out. */
    readonly absurd: PositionSet;
  };
  readonly values: {
    readonly kept: number;
    /** How many are lost of those that an event refers to. */
    readonly lost: number;
    /** Which ones; at most 1,000. */
    readonly lostValues: readonly LostValue[];
  };
  /** Cursors of tails; `lost` is `null` where nobody can tell. */
  readonly cursors: { readonly kept: number; readonly lost: number | null };
  /** Ids of batches, which keep them from being appended twice; `lost` is `null` where nobody can tell. */
  readonly appends: { readonly kept: number; readonly lost: number | null };
  /**
   * How far sources were read; `lost` is `null` where nobody can tell. Those of `uncertain` were found outside of the newest snapshot: what was
   * read after them may be in the log already. At most 1,000 of them.
   */
  readonly offsets: { readonly kept: number; readonly lost: number | null; readonly uncertain: readonly string[] };
  /** Rows that were made again from the events, by table. */
  readonly rebuilt: Readonly<Record<string, number>>;
}

const LISTED_RANGES = 1000;

/** Collects positions, which come in order. */
export class PositionList {
  #count = 0;
  readonly #ranges: [Position, Position][] = [];

  add(position: Position): void {
    this.#count += 1;
    const last = this.#ranges.at(-1);
    if (last !== undefined && last[1] === position - 1) last[1] = position;
    else if (this.#ranges.length < LISTED_RANGES) this.#ranges.push([position, position]);
  }

  get set(): PositionSet {
    return { count: this.#count, ranges: this.#ranges };
  }
}
