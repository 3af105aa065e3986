import type { Store } from '../../lib/events/store.ts';

/** A store that a check may do with as it likes. Nothing else uses it. */
export interface StoreUnderTest {
  readonly store: Store;
  /** Closes the store and opens what it left behind. Left out by stores that keep nothing. */
  readonly reopen?: () => Promise<Store>;
  /** Closes what is open and removes what is left. */
  readonly dispose: () => Promise<void>;
}

/** What a check works with. */
export interface CheckContext {
  /** The store to write to: open, and empty at the start. */
  readonly store: Store;
  /** The store to read from once everything is written: the same one, or the one that was opened after that was closed. */
  readonly settled: () => Promise<Store>;
}

/** One promise of a store, as a check that throws where it is broken. */
export interface StoreCheck {
  /** A claim in the present tense: fit to be a test's name. */
  readonly name: string;
  readonly run: () => Promise<void>;
}

/** Checks by their names, before it is known which store they are for. */
export type Checks = Readonly<Record<string, (context: CheckContext) => Promise<void>>>;
