import { createStore, encodeStorable, type Store } from '../../lib/events/store.ts';
import type { RetentionStore, StorePort } from '../../lib/events/store-port.ts';
import { memoryPort } from '../../lib/memory/memory-port.ts';

/** A store that loses values when it is told to, and has them again when a run, or a put, that writes them again is over. */
export interface LosingStore {
  readonly store: Store;
  readonly lose: (value: unknown) => void;
}

/** Puts a port behind one that loses values. `lost` may be shared with a port of the same store that was closed. */
export function losingStore(inner: StorePort = memoryPort(), lost: Set<string> = new Set()): LosingStore {
  // Not within the run that writes them: whether its later steps find them would depend on when the event loop had its turns.
  const written = new Set<string>();
  const port: StorePort & RetentionStore = {
    label: 'losing',
    append: (batch) => {
      for (const { address } of batch.values) written.add(address);
      if (batch.events.some(({ type }) => type === 'run-ended' || type === 'source-observed')) {
        for (const address of written) lost.delete(address);
        written.clear();
      }
      return inner.append(batch);
    },
    head: () => inner.head(),
    read: (from, limit) => inner.read(from, limit),
    readable: (keys, at) => inner.readable(keys, at),
    lastSettled: (outputs, at) => inner.lastSettled(outputs, at),
    missed: (keys, at) => inner.missed(keys, at),
    runs: () => inner.runs(),
    values: async (addresses) =>
      (await inner.values(addresses)).map((bytes, index) => (lost.has(addresses[index] ?? '') ? undefined : bytes)),
    has: async (addresses) => (await inner.has(addresses)).map((isKept, index) => isKept && !lost.has(addresses[index] ?? '')),
    removed: async (addresses) => addresses.map((address) => (lost.has(address) ? { reason: 'lost', size: 0, head: 0 } : undefined)),
    prune: () => Promise.reject(new Error('nothing of it is to be pruned')),
    close: () => inner.close(),
  };
  return { store: createStore(port, { now: () => 0 }), lose: (value) => lost.add(encodeStorable(value).address) };
}
