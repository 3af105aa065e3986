import { AutomaticRetention, type Backlog } from '../lib/events/automatic-retention.ts';
import type { Position } from '../lib/events/position.ts';
import type { PruneReport, PruneRequest } from '../lib/events/store-port.ts';
import type { Turns } from '../lib/kernel/turns.ts';
import { readCursor } from './cursors.ts';
import { readState } from './log-state.ts';
import type { Table, Tables } from './tables.ts';

/** The cursor that says where the log ended when the store last began to forget by itself, and came through. */
const CURSOR = 'sluice: retention';

/** A store, as far as it forgets by itself. */
export interface RetainedStore {
  readonly label: string;
  readonly turns: Turns;
  readonly read: <Result>(body: (tables: Tables) => Result) => Promise<Result>;
  readonly prune: (request: PruneRequest) => Promise<PruneReport>;
  readonly setCursor: (name: string, position: Position) => void;
}

/**
 * What forgets by itself on disk. What is added is counted from one process to the next. The first time in a process it looks at the rows of all
 * values that ever were, after that at those that are there.
 */
export function retentionOf({ label, turns, read, prune, setCursor }: RetainedStore): AutomaticRetention {
  return new AutomaticRetention({
    turns,
    prune: async (request) => {
      const { head } = await read((tables) => readState(tables, label));
      const report = await prune(request);
      setCursor(CURSOR, head);
      return report;
    },
    backlog: () => read((tables) => backlogIn(tables, label)),
  });
}

function backlogIn(tables: Tables, label: string): Backlog {
  const { head } = readState(tables, label);
  const last = readCursor(tables, CURSOR, label) ?? 0;
  // A cursor may be of a log that was longer before it was repaired.
  return { added: head - Math.min(last, head), rows: countOf(tables.values) };
}

/** How many rows a table has, without a look at them. */
function countOf(table: Table): number {
  // Of LMDB's statistics, which lmdb-js has no type for.
  const { entryCount } = table.getStats() as { readonly entryCount: number };
  return entryCount;
}
