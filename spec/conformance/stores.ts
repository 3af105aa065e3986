import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryStore } from '../../lib/memory/index.ts';
import type { OpenStore } from './play.ts';

/** Where cases may be played. */
export const storeNames = ['memory', 'lmdb'] as const;

/** One of {@link storeNames}. */
export type StoreName = (typeof storeNames)[number];

/** Whether a word is the name of a store. */
export function isStoreName(word: string): word is StoreName {
  return storeNames.some((name) => name === word);
}

/** A store in memory each time. */
export const openMemory: OpenStore = async () => {
  const store = memoryStore();
  return { store, dispose: () => store.close() };
};

/** A store on disk each time, in a folder of its own under the system's temporary folder, which goes with it. */
const openLmdb: OpenStore = async () => {
  // Only here, so that playing on memory loads no native code.
  const { openStore } = await import('../../store/index.ts');
  const folder = await mkdtemp(join(tmpdir(), 'sluice-conformance-'));
  const store = await openStore(folder);
  return {
    store,
    dispose: async () => {
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
};

/** How to open a store of that name. */
export function storeOf(name: StoreName): OpenStore {
  return name === 'memory' ? openMemory : openLmdb;
}
