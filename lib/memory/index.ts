import { createStore, type Store } from '../events/store.ts';
import { checkVerbOptions, RULES } from '../kernel/verb-options.ts';
import { memoryPort } from './memory-port.ts';

/** Options of {@link memoryStore}. */
export interface MemoryStoreOptions {
  /** Milliseconds since 1970, for what no run records (`store.put`). The system's clock by default. */
  readonly now?: () => number;
}

/** A store that lives as long as the process keeps it: for tests, and for runs whose results nobody needs later. */
export function memoryStore(options: MemoryStoreOptions = {}): Store {
  checkVerbOptions('memoryStore', options, { now: RULES.function });
  return createStore(memoryPort(), { now: options.now ?? systemTime });
}

/** The one clock in lib/: a door, which nothing inside imports, is where the world may come in. */
function systemTime(): number {
  return Date.now();
}
