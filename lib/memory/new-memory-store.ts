import { retentionRules, type RetentionOptions } from '../events/retention-options.ts';
import { createStore, storeTurns, type Store, type StoreEnvironment } from '../events/store.ts';
import type { StoreLimits } from '../events/store-port.ts';
import { memoryPort } from './memory-port.ts';

/** What a memory store is made with. */
export interface NewMemoryStore extends StoreEnvironment {
  /** Lets the event loop do something else. */
  readonly nextTurn: () => Promise<unknown>;
  readonly limits?: StoreLimits;
  readonly retention?: RetentionOptions | false | undefined;
}

/** Makes a memory store that forgets by itself, in the turns of those who run on it. */
export function newMemoryStore({ limits, retention = {}, nextTurn, ...environment }: NewMemoryStore): Store {
  const rules = retentionRules('memoryStore', retention, unexpected);
  const turns = storeTurns();
  return createStore(memoryPort(limits, { rules, turns: turns.verbs, nextTurn }), environment, turns);
}

/** In memory nothing can fail but what is wrong in here, and that is caught by nobody. */
function unexpected(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
