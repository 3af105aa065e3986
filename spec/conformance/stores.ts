import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryStore } from '../../lib/memory/index.ts';
import type { Store } from '../../index.ts';

/** Where cases may be played. */
export const storeNames = ['memory', 'lmdb'] as const;

/** One of {@link storeNames}. */
export type StoreName = (typeof storeNames)[number];

/** Whether a word is the name of a store. */
export function isStoreName(word: string): word is StoreName {
  return storeNames.some((name) => name === word);
}

/** A store, and how to get rid of it. */
export interface FreshStore {
  readonly store: Store;
  readonly dispose: () => Promise<void>;
}

/** Stores that all start from one state; what happens in one is not seen in another. */
export interface FilledStores {
  readonly open: () => Promise<FreshStore>;
  readonly dispose: () => Promise<void>;
}

/** Makes stores that hold what `fill` puts into one. */
export type FillStores = (fill: (store: Store) => Promise<void>) => Promise<FilledStores>;

/** In memory: each store is filled anew, which takes no longer than copying would. */
export const fillMemory: FillStores = async (fill) => ({
  open: async () => {
    const store = memoryStore();
    await fill(store);
    return { store, dispose: () => store.close() };
  },
  dispose: async () => undefined,
});

/** On disk: one store is filled and closed, and each other one is a copy of its folder. */
export const fillLmdb: FillStores = async (fill) => {
  // Only here, so that playing on memory loads no native code.
  const { openStore } = await import('../../store/index.ts');
  const root = await temporaryFolder();
  const dispose = (): Promise<void> => rm(root, { recursive: true, force: true });
  const filled = join(root, 'filled');
  let copies = 0;
  try {
    await using store = await openStore(filled);
    await fill(store);
  } catch (error) {
    await dispose();
    throw error;
  }
  const open = async (): Promise<FreshStore> => {
    const folder = join(root, `copy-${(copies += 1)}`);
    await cp(filled, folder, { recursive: true });
    const store = await openStore(folder);
    return { store, dispose: () => store.close().then(() => rm(folder, { recursive: true, force: true })) };
  };
  return { open, dispose };
};

/** How to make stores of that name. */
export function fillerOf(name: StoreName): FillStores {
  return name === 'memory' ? fillMemory : fillLmdb;
}

/** A new folder in memory where the system has one (what is played here need not survive), else among its temporary ones. */
async function temporaryFolder(): Promise<string> {
  const name = 'sluice-conformance-';
  return mkdtemp(join('/dev/shm', name)).catch(() => mkdtemp(join(tmpdir(), name)));
}
