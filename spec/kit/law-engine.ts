import type { Definitions, Plan, PlanOptions, RunOptions, Store } from '../../index.ts';
import type { History } from './history-case.ts';
import type { HistoryRun } from './play-history.ts';
import type { Tapped } from './tap.ts';

/** What a law is tried on. Each part is Sluice’s own unless another is given, such as a store of yours. */
export interface LawEngine {
  readonly plan: (defs: Definitions, options: PlanOptions<unknown>) => Plan;
  readonly run: (plan: Plan, options: RunOptions) => Promise<Tapped>;
  /** Opens a store with nothing in it; it is closed after the case. */
  readonly store: () => Store | Promise<Store>;
  /** Plays what happens to a world; laws of runs that remember ask nothing else. Sluice’s own keeps it in memory, whatever `store` opens. */
  readonly playHistory: (defs: Definitions, history: History) => Promise<readonly HistoryRun[]>;
}
