import { expect, test } from 'vitest';
import { feed, live } from '../../../index.ts';
import { deferred, ready } from '../rig/deferred.ts';
import { chain, interferedStore, type LiveInterference } from '../rig/live-rig.ts';

test('durable() gives the position that is on disk, also where more has settled meanwhile', async () => {
  const interference: LiveInterference = {};
  const store = interferedStore(interference);
  await store.put('x', 0);
  const service = await live(chain(), { store });
  await service.durable();
  const writes: (() => void)[] = [];
  interference.beforeAppend = () => new Promise((resolve) => writes.push(resolve));
  const pushed = [service.push('x', 1)];
  const durable = service.durable();
  await ready(3);
  pushed.push(service.push('x', 2));
  await ready(3);
  expect(writes).toHaveLength(2);
  writes[0]?.();
  const position = await durable;
  expect(position).toBe(await store.port.head());
  interference.beforeAppend = undefined;
  writes[1]?.();
  await Promise.all(pushed);
  expect(await store.port.head()).toBeGreaterThan(position);
  await service.close();
});

test('an item that repeats one which was never written is not acknowledged', async () => {
  const interference: LiveInterference = {};
  const store = interferedStore(interference);
  await store.put('x', 0);
  const acknowledged: number[] = [];
  const x = feed<number>({ from: () => [1, 1, 1], offset: String, acknowledge: (item) => void acknowledged.push(item) });
  interference.beforeAppend = async ({ offsets = [] }) => {
    await ready(3);
    if (offsets.length > 0) throw new Error('the disk is gone');
  };
  const service = await live(chain(), { store, sources: { x } });
  await expect(service.closed).rejects.toThrow('the disk is gone');
  await ready(3);
  expect(acknowledged).toEqual([]);
});

test('an epoch that is written is told as written, also where the one after it is refused first; the end waits for both', async () => {
  const interference: LiveInterference = {};
  const store = interferedStore(interference);
  await store.put('x', 0);
  const service = await live(chain(), { store });
  await service.durable();
  const [write, order] = [deferred(), [] as string[]];
  let appends = 0;
  interference.beforeAppend = () => {
    appends += 1;
    if (appends === 1) return write.promise;
    throw new Error('the disk is gone');
  };
  const told = [1, 2].map((value) =>
    service.push('x', value).then(
      ({ outcome }) => order.push(`${value} ${outcome}`),
      () => order.push(`${value} refused`),
    ),
  );
  const ended = service.closed.catch(() => order.push('closed'));
  await ready();
  expect([appends, order]).toEqual([2, []]);
  write.resolve();
  await Promise.all([...told, ended]);
  expect(order).toEqual(['1 applied', '2 refused', 'closed']);
});
