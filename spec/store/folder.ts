import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { openStore } from '../../store/open-store.ts';
import type { StoreUnderTest } from '../kit/store-check.ts';

const made: string[] = [];

afterAll(async () => {
  for (const folder of made.splice(0)) await rm(folder, { recursive: true, force: true });
});

/** A new, empty folder, removed when the file's tests are over. */
export async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-store-'));
  made.push(folder);
  return folder;
}

/** A new store on disk, as the contract wants it. */
export async function newStore(): Promise<StoreUnderTest> {
  const folder = await newFolder();
  let store = await openStore(folder);
  return {
    store,
    reopen: async () => {
      await store.close();
      return (store = await openStore(folder));
    },
    dispose: () => store.close(),
  };
}
