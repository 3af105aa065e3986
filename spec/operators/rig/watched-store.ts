import { createStore, type Store } from '../../../lib/events/store.ts';
import type { LoggedEvent } from '../../../lib/events/logged-event.ts';
import type { AppendBatch, StorePort } from '../../../lib/events/store-port.ts';
import { memoryPort } from '../../../lib/memory/memory-port.ts';

/** What a test may do to a store under a run. */
export interface Interference {
  /** Called before each append, which waits for it; what it throws is what the append rejects with, and nothing is written. */
  readonly beforeAppend?: (batch: AppendBatch, index: number) => void | Promise<void>;
  /** Called before values are read; what it throws is what the read rejects with. */
  readonly beforeValues?: () => void | Promise<void>;
}

/** A memory store that a test can delay and break, with every batch that was asked for. */
export interface WatchedStore {
  readonly store: Store;
  readonly batches: AppendBatch[];
}

/** Makes one. `interference` may be changed while it is used. */
export function watchedStore(interference: Interference = {}): WatchedStore {
  const inner = memoryPort();
  const batches: AppendBatch[] = [];
  const port: StorePort = {
    label: 'watched',
    append: async (batch) => {
      const index = batches.push(batch) - 1;
      await interference.beforeAppend?.(batch, index);
      return inner.append(batch);
    },
    head: () => inner.head(),
    read: (from, limit) => inner.read(from, limit),
    readable: (keys, at) => inner.readable(keys, at),
    lastSettled: (outputs, at) => inner.lastSettled(outputs, at),
    missed: (keys, at) => inner.missed(keys, at),
    runs: () => inner.runs(),
    values: async (addresses) => {
      await interference.beforeValues?.();
      return inner.values(addresses);
    },
    has: (addresses) => inner.has(addresses),
    close: () => inner.close(),
  };
  return { store: createStore(port, { now: () => 0 }), batches };
}

/** The whole log. */
export async function logOf(store: Store): Promise<readonly LoggedEvent[]> {
  const events: LoggedEvent[] = [];
  for await (const event of store.events()) events.push(event);
  return events;
}
