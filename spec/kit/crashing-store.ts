import { createStore, type Store } from '../../lib/events/store.ts';
import type { StorePort } from '../../lib/events/store-port.ts';
import { memoryPort } from '../../lib/memory/memory-port.ts';

/** What a process leaves behind that dies: nothing is written after so many appends, and the rest is there for the next one. */
export interface CrashingStore {
  readonly store: Store;
  /** The same log, opened anew. */
  readonly next: () => Store;
  /** What the dying process is told. */
  readonly death: Error;
}

/** A memory store whose process dies before its append number `after`. */
export function crashingStore(after: number): CrashingStore {
  const inner = memoryPort();
  const death = new Error('The process died here.');
  let appends = 0;
  const port: StorePort = {
    label: inner.label,
    append: (batch) => ((appends += 1) > after ? Promise.reject(death) : inner.append(batch)),
    head: () => inner.head(),
    read: (from, limit) => inner.read(from, limit),
    readable: (keys, at) => inner.readable(keys, at),
    lastSettled: (outputs, at) => inner.lastSettled(outputs, at),
    missed: (keys, at) => inner.missed(keys, at),
    runs: () => inner.runs(),
    values: (addresses) => inner.values(addresses),
    has: (addresses) => inner.has(addresses),
    close: () => inner.close(),
  };
  const now = (): number => 0;
  return { store: createStore(port, { now }), next: () => createStore(inner, { now }), death };
}
