import { open } from 'lmdb';
import { describe, expect, test } from 'vitest';
import type { LivePort, StepId } from '../../lib/events/store-port.ts';
import type { Store } from '../../lib/events/store.ts';
import { livePort } from '../../lib/events/tail.ts';
import { openLmdb } from '../../store/lmdb-environment.ts';
import { offsetKey } from '../../store/offsets.ts';
import { openStore } from '../../store/open-store.ts';
import { record } from '../../store/record.ts';
import { repairStore } from '../../store/repair.ts';
import { indexKey, type Tables } from '../../store/tables.ts';
import { verifyStore } from '../../store/verify.ts';
import { batchOf, sampleKey, stepSettled } from '../kit/sample-events.ts';
import { newFolder } from './folder.ts';

const [a, b] = [sampleKey('a'), sampleKey('b')];
const STEPS: readonly StepId[] = ['failed', 'fine'].map((step) => ({ definition: 'graph', step }));

const NOTHING = Buffer.alloc(0);

/** A closed store with two offsets, a step that failed (name 1), was cancelled and then succeeded, and another one. */
async function closedStore(): Promise<string> {
  const folder = await newFolder();
  const store = await openStore(folder);
  const events = [
    stepSettled({ step: 'failed', outcome: 'failed', error: { code: 'OP_THREW', message: '' } }),
    stepSettled({ step: 'fine' }),
    stepSettled({ step: 'failed', outcome: 'cancelled' }),
    stepSettled({ step: 'failed' }),
  ];
  await store.port.append({
    ...batchOf(...events),
    offsets: [
      { key: a, offset: '1' },
      { key: b, offset: '2' },
    ],
  });
  await store.close();
  return folder;
}

async function tamper(folder: string, change: (tables: Tables) => void): Promise<void> {
  const environment = await openLmdb(folder, { writable: true, label: 'tampering' });
  environment.transact(() => change(environment.tables));
  await environment.close();
}

async function withStore<Result>(
  folder: string,
  mode: 'read' | 'write',
  use: (port: LivePort, store: Store) => Promise<Result>,
): Promise<Result> {
  const store = await openStore(folder, { mode });
  try {
    return await use(livePort(store.port), store);
  } finally {
    await store.close();
  }
}

const offsetsIn = (folder: string): Promise<unknown> => withStore(folder, 'read', (port) => port.offsets([a, b]));

describe('an offset on disk', () => {
  test('is read by who opened the store to read, and by nobody else written', async () => {
    const folder = await closedStore();
    expect(await offsetsIn(folder)).toEqual(['1', '2']);
    await withStore(folder, 'read', async (port) => {
      await expect(port.append({ ...batchOf(), offsets: [{ key: a, offset: '3' }] })).rejects.toMatchObject({ code: 'STORE_READ_ONLY' });
    });
    expect(await offsetsIn(folder)).toEqual(['1', '2']);
  });

  test('with a bit flipped anywhere is refused', async () => {
    for (const byte of [0, 1, 5, -1]) {
      const folder = await closedStore();
      await tamper(folder, ({ offsets }) => {
        const bytes = Buffer.from(offsets.get(offsetKey(a)) ?? NOTHING);
        const at = byte < 0 ? bytes.length + byte : byte;
        bytes[at] = (bytes[at] ?? 0) ^ 0x10;
        offsets.putSync(offsetKey(a), bytes);
      });
      await expect(offsetsIn(folder)).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
      expect(await withStore(folder, 'read', (port) => port.offsets([b]))).toEqual(['2']);
    }
  });

  test("in another's place is refused", async () => {
    const folder = await closedStore();
    await tamper(folder, ({ offsets }) => offsets.putSync(offsetKey(a), record('offsets', offsetKey(a), ['b', '2', 4])));
    await expect(offsetsIn(folder)).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  });
});

test('an index that names a step which did succeed, or was cancelled, or is another one, is refused', async () => {
  for (const position of [2, 3, 4]) {
    const folder = await closedStore();
    await tamper(folder, ({ settled }) => settled.putSync(indexKey(1, position), NOTHING));
    await withStore(folder, 'read', async (port) => {
      await expect(port.lastUnsuccessful(STEPS, 9)).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
      expect((await port.lastUnsuccessful(STEPS, 1)).map((event) => event?.position)).toEqual([1, undefined]);
    });
  }
});

/** A store as this format was first: without offsets, and without a row for a step that did not succeed. */
async function storeFromBefore(): Promise<string> {
  const folder = await closedStore();
  await tamper(folder, ({ settled }) => settled.removeSync(indexKey(1, 1)));
  const root = open({ path: folder, noSubdir: false, overlappingSync: false, maxDbs: 32 });
  root.openDB('offsets', { encoding: 'binary', keyEncoding: 'binary' }).dropSync();
  expect([...root.getKeys()]).not.toContain('offsets');
  await root.close();
  return folder;
}

describe('a store from before there were offsets', () => {
  test('has none, until a writer makes some, which readers see that have it open', async () => {
    const folder = await storeFromBefore();
    const reader = await openStore(folder, { mode: 'read' });
    expect(await livePort(reader.port).offsets([a])).toEqual([undefined]);
    await reader.close();
    await withStore(folder, 'write', async (port) => {
      expect(await port.offsets([a])).toEqual([undefined]);
      await port.append({ ...batchOf(), offsets: [{ key: a, offset: '9' }], at: 5 });
    });
    expect(await offsetsIn(folder)).toEqual(['9', undefined]);
  });

  test('does not know of steps that did not succeed; a verification says so, and a repair makes it know', async () => {
    const folder = await storeFromBefore();
    const lastOf = (path: string): Promise<unknown> =>
      withStore(path, 'read', async (port) => (await port.lastUnsuccessful(STEPS, 9)).map((event) => event?.position));
    expect(await lastOf(folder)).toEqual([undefined, undefined]);
    expect((await verifyStore(folder)).findings.map(({ code, table, position }) => [code, table, position])).toEqual([
      ['index-missing', 'settled', 1],
    ]);
    const target = `${folder}-repaired`;
    await repairStore(folder, target);
    expect(await lastOf(target)).toEqual([1, undefined]);
    expect((await verifyStore(target)).ok).toBe(true);
  });
});
