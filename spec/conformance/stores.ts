import { memoryStore } from '../../lib/memory/index.ts';
import type { OpenStore } from './play.ts';

/** Where cases may be played. */
export type StoreName = 'memory' | 'lmdb';

/** A store in memory each time. */
export const openMemory: OpenStore = async () => {
  const store = memoryStore();
  return { store, dispose: () => store.close() };
};
