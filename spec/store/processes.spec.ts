import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { decodeValue } from '../../lib/kernel/value/decode.ts';
import type { Store } from '../../lib/events/store.ts';
import { openStore } from '../../store/open-store.ts';
import { newFolder } from './folder.ts';
import { Other } from './other.ts';

const done = { said: 'done' };

describe('two processes and one store', () => {
  test('one writes; the other is told by whom it is locked out, and may read', async () => {
    const folder = await newFolder();
    const other = new Other();
    expect(await other.ask({ do: 'open', folder, options: {} })).toMatchObject(done);
    expect(await other.ask({ do: 'put', value: 1 })).toMatchObject(done);

    await expect(openStore(folder)).rejects.toMatchObject({ code: 'STORE_LOCKED', details: { pid: other.pid } });
    await expect(openStore(folder)).rejects.toThrow(String(other.pid));
    const reader = await openStore(folder, { mode: 'read' });
    expect(await reader.value('k')).toBe(1);
    await expect(openStore(folder, { waitMs: 50 })).rejects.toMatchObject({ code: 'STORE_LOCKED' });
    expect(await other.ask({ do: 'put', value: 2 })).toMatchObject(done);
    expect(await reader.value('k')).toBe(2);

    const waiting = openStore(folder, { waitMs: 5000 });
    await sleep(30);
    expect(await other.ask({ do: 'close' })).toMatchObject(done);
    const writer = await waiting;
    await writer.put('k', 3);
    expect(await reader.value('k')).toBe(3);
    await Promise.all([reader.close(), writer.close()]);
  });

  test('the one that reads sees every commit of the one that writes', async () => {
    const folder = await newFolder();
    const store = await openStore(folder);
    await store.put('k', 0);
    const other = new Other();
    expect(await other.ask({ do: 'open', folder, options: { mode: 'read' } })).toMatchObject(done);
    expect(await other.ask({ do: 'put', value: 9 })).toMatchObject({ said: 'failed', code: 'STORE_READ_ONLY' });
    for (const value of [1, 2, 3]) {
      const seen = other.ask({ do: 'watch', value });
      await store.put('k', value);
      expect(await seen).toMatchObject({ said: 'done', result: value + 1 });
    }
    await store.close();
  });

  test.each([1, 2, 3])('a writer that is killed leaves all that was acknowledged, and no lock (%i)', async (round) => {
    const folder = await newFolder();
    const other = new Other();
    expect(await other.ask({ do: 'open', folder, options: {} })).toMatchObject(done);
    other.tell({ do: 'append for ever' });
    while (other.acknowledged < 20 * round) await sleep(3);
    const { acknowledged } = other;
    await other.kill();

    const store = await openStore(folder);
    expect(await store.port.head()).toBeGreaterThanOrEqual(acknowledged);
    await expectWhole(store);
    await store.put('k', 'goes on');
    await store.close();
  });

  test.skipIf(process.platform === 'win32')(
    'a writer that cannot write any further is told so, and what it wrote before is there',
    async () => {
      const folder = await newFolder();
      const other = new Other({ fileLimitInBlocks: 4000 });
      expect(await other.ask({ do: 'open', folder, options: {} })).toMatchObject(done);
      expect(await other.ask({ do: 'fill' })).toMatchObject({ said: 'failed', code: expect.stringMatching(/^STORE_(FULL|IO)$/) });
      expect(await other.ask({ do: 'close' })).toMatchObject(done);

      const store = await openStore(folder);
      const head = await store.port.head();
      expect(head).toBeGreaterThan(5);
      expect(await store.value('k')).toHaveLength(head * 1000);
      await store.put('k', 'goes on');
      await store.close();
    },
  );
});

/** Every event is there and has its value; every batch, whose events share a value, is whole. */
async function expectWhole({ port }: Store): Promise<void> {
  const head = await port.head();
  const events = await port.read(1, Infinity);
  expect(events.map(({ position }) => position)).toEqual(Array.from({ length: head }, (_, index) => index + 1));
  const assets = events.filter((event) => event.type === 'asset-materialized');
  const addresses = assets.map(({ address }) => address ?? '');
  const values = await port.values(addresses);
  for (const bytes of values) {
    const [round, index] = String(decodeValue(bytes ?? new Uint8Array()))
      .split('/')
      .map(Number);
    const batch = assets.filter((_, at) => values[at] !== undefined && Buffer.from(values[at]).equals(bytes ?? new Uint8Array()));
    expect(batch).toHaveLength(1 + (((round ?? 0) + (index ?? 0)) % 5));
  }
}
