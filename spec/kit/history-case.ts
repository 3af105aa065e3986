import type { SourceValues } from './check-case.ts';
import type { DefinableWorld } from './define-world.ts';

/** A run that a history asks for. */
export interface HistoryRunAction {
  readonly do: 'refresh' | 'materialize';
  readonly select: readonly string[];
}

/**
 * One thing that happens to definitions or their store. `break` makes the body of a step throw until it is mended, and `code` gives a step's op
 * another code version; `evict` loses the value of an asset, and `restart` is what another process would be.
 */
export type HistoryAction =
  | HistoryRunAction
  | { readonly do: 'put'; readonly source: string; readonly value: unknown }
  | { readonly do: 'break' | 'mend' | 'code'; readonly step: string }
  | { readonly do: 'evict'; readonly asset: string }
  | { readonly do: 'restart' };

/** What sources are at first, and what happens then. Plain data: it can be printed, kept and played again. */
export interface History {
  readonly sources: SourceValues;
  readonly actions: readonly HistoryAction[];
}

/** A world, and what happens to it. */
export interface WorldHistory {
  readonly world: DefinableWorld;
  readonly history: History;
}
