import { describe, expect, test } from 'vitest';
import { StoreError } from '../../lib/kernel/errors.ts';
import { openLmdb } from '../../store/lmdb-environment.ts';
import { nameOf, Names } from '../../store/names.ts';
import { newFolder } from './folder.ts';

describe('names', () => {
  test('keep their id for ever, unless the transaction that gave it is rolled back', async () => {
    const environment = await openLmdb(await newFolder(), { writable: true, label: 'names' });
    const { tables } = environment;
    const names = new Names('names');
    const [kept, lost] = [nameOf('key', 'kept'), nameOf('key', 'lost')];

    environment.transact(() => names.set(tables, kept, 1));
    names.settle(true);
    const rolledBack = (): void =>
      environment.transact(() => {
        names.set(tables, lost, 2);
        expect(names.find(tables, lost)).toBe(2);
        // A refusal of the store itself: after anything else, the environment is opened anew.
        throw new StoreError('STORE_BUSY', 'rolled back');
      });
    expect(rolledBack).toThrow('rolled back');
    names.settle(false);

    expect([names.find(tables, kept), names.find(tables, lost)]).toEqual([1, undefined]);
    environment.transact(() => names.set(tables, nameOf('key', 'next'), 2));
    names.settle(true);
    expect([names.find(tables, lost), new Names('names').find(tables, nameOf('key', 'next'))]).toEqual([undefined, 2]);
    await environment.close();
  });

  test('are told apart by their kind and their parts', () => {
    const made = [
      nameOf('key', 'a'),
      nameOf('run', 'a'),
      nameOf('output', 'a', 'b', 'c'),
      nameOf('output', 'a', 'b","c', ''),
      nameOf('key', '\ud800'),
      nameOf('key', '\ufffd'),
    ];
    expect(new Set(made).size).toBe(made.length);
  });
});
