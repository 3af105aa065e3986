import { describe, expect, test } from 'vitest';
import { storeContract } from '../kit/store-contract.ts';
import { newStore } from './folder.ts';

describe('the store on disk', () => {
  for (const { name, run } of storeContract({ label: 'lmdb', open: newStore, reopens: true })) {
    test(name, async () => {
      await expect(run()).resolves.toBeUndefined();
    });
  }
});
