import { describe, expect, test } from 'vitest';
import { live, type AnyLiveService, type AssetChange } from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { ready } from '../rig/deferred.ts';
import { brief, chain, pair, seenOf } from '../rig/live-rig.ts';

const valueOf = (change: AssetChange): unknown => (change.state === 'value' ? change.value : change.state);

async function started(select?: readonly ('doubled' | 'text')[]) {
  const store = memoryStore();
  for (const key of ['x', 'a', 'b']) await store.put(key, 1);
  const service: AnyLiveService = await live(chain(), { store, ...(select !== undefined && { select }) });
  await service.durable();
  return { store, service };
}

/** What somebody is told, and whether that is over. */
function followed(service: AnyLiveService, key: string) {
  const told: unknown[] = [];
  service.value(key).subscribe({ next: (change) => told.push(valueOf(change)), complete: () => told.push('over') });
  return told;
}

describe('an update', () => {
  test('goes through a pause, which holds back items alone', async () => {
    const { store, service } = await started(['doubled']);
    service.pause();
    const pushed = service.push('x', 2);
    await service.update({ select: ['doubled', 'text'] });
    expect([await store.value('text'), await store.value('doubled')]).toEqual(['is 2', 2]);
    service.resume();
    await pushed;
    expect(await store.value('text')).toBe('is 4');
    await service.close();
  });

  test('that was asked for before close() is done, and is not where that drops what waits', async () => {
    for (const [drain, end] of [
      [true, 'done'],
      [false, 'SERVICE_CLOSED'],
    ] as const) {
      const { store, service } = await started(['doubled']);
      const updated = service.update({ select: ['text'] }).then(
        () => 'done',
        (error: { readonly code: string }) => error.code,
      );
      await service.close({ drain });
      expect(await updated).toBe(end);
      expect(await store.value('text')).toBe(drain ? 'is 2' : undefined);
    }
  });

  test('to nothing runs nothing any more, and sources take items all the same', async () => {
    const { store, service } = await started();
    const seen = seenOf(service.epochs());
    const told = followed(service, 'doubled');
    await ready();
    await service.update({ select: [] });
    expect(await service.current('doubled')).toBeUndefined();
    expect((await service.push('x', 9)).outcome).toBe('applied');
    expect([await store.value('x'), await store.value('doubled')]).toEqual([9, 2]);
    expect(brief(seen)).toEqual(['start 0:', 'items 1:']);
    await service.update({ select: ['doubled'] });
    expect([await service.current('doubled'), await store.value('text')]).toMatchObject([{ value: 18 }, 'is 2']);
    await service.close();
    expect(told).toEqual([2, 18, 'over']);
  });

  test('that takes an asset away tells those who watch it nothing more, until it is there again or the service ends', async () => {
    const { service } = await started();
    const before = followed(service, 'doubled');
    const kept = service.value('doubled');
    expect(() => service.value('sum')).toThrow('This service has no asset "sum"');
    await ready();
    await service.update({ defs: pair() });
    expect(() => service.value('doubled')).toThrow('This service has no asset "doubled"');
    const meanwhile: unknown[] = [];
    kept.subscribe({ next: (change) => meanwhile.push(valueOf(change)), complete: () => meanwhile.push('over') });
    const sums = followed(service, 'sum');
    await service.push('a', 5);
    expect([before, meanwhile, sums]).toEqual([[2], [], [2, 6]]);
    await service.update({ defs: chain() });
    await service.push('x', 4);
    await service.close();
    expect([before, meanwhile, sums]).toEqual([
      [2, 8, 'over'],
      [8, 'over'],
      [2, 6, 'over'],
    ]);
  });

  test.each([{ defs: {} }, { defs: null }, { select: 5 }, { select: null }, { select: ['dubled'] }, null])(
    'to %j is refused, and leaves the service as it was',
    async (change) => {
      const { store, service } = await started();
      const head = await store.port.head();
      await expect(service.update(change as never)).rejects.toMatchObject({ name: 'SelectionError' });
      expect(await store.port.head()).toBe(head);
      await service.push('x', 4);
      expect(await store.value('text')).toBe('is 8');
      await service.close();
    },
  );
});
