import { describe, expect, test } from 'vitest';
import { feed, live, type LiveOptions } from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { deferred, ready } from '../rig/deferred.ts';
import { brief, chain, interferedStore, pair, seenOf, type LiveInterference } from '../rig/live-rig.ts';
import { manualClock } from '../rig/manual-clock.ts';
import { untyped } from '../rig/untyped.ts';
import { ofType } from '../rig/watch-run.ts';
import { logOf } from '../rig/watched-store.ts';

describe('the start of a service', () => {
  test('waits until every source that is read has a value: pushed, put, or what it starts with', async () => {
    const store = memoryStore();
    const service = await live(pair(), { store });
    const seen = seenOf(service.epochs());
    const pushed = service.push('a', 1);
    await ready();
    expect(await store.port.head()).toBe(0);
    await store.put('b', 2);
    expect(await pushed).toMatchObject({ outcome: 'applied', epoch: 0 });
    expect(brief(seen)).toEqual(['start 1: add']);
    expect(await store.value('sum')).toBe(3);
    await service.close();
  });

  test('a put alone is enough, too', async () => {
    const store = memoryStore();
    const service = await live(chain(), { store });
    await ready();
    await store.put('x', 2);
    await service.settled();
    expect(await service.current('doubled')).toMatchObject({ value: 4 });
    await service.close();
  });

  test('is a refresh: what is fresh is not run, what is stale is', async () => {
    const store = memoryStore();
    await store.put('x', 1);
    const epochs: string[][] = [];
    for (let life = 0; life < 3; life += 1) {
      const service = await live(chain(), { store });
      const seen = seenOf(service.epochs());
      await service.close();
      epochs.push([...(seen[0]?.ran ?? [])], [...(seen[0]?.reused ?? [])]);
      if (life === 1) await store.put('x', 2);
    }
    expect(epochs).toEqual([['double', 'say'], [], [], ['double', 'say'], ['double', 'say'], []]);
  });

  test('a selection is kept up to date with what it needs, and nothing else is', async () => {
    const store = memoryStore();
    const service = await live(chain(), { store, select: ['doubled'] });
    await service.push('x', 3);
    expect(await service.current('doubled')).toMatchObject({ value: 6 });
    expect(await service.current('text')).toBeUndefined();
    expect(await store.latest('text')).toBeUndefined();
    await service.close();
  });

  test('what is asked wrongly is refused, and nothing is written', async () => {
    const store = memoryStore();
    const refusals: readonly (readonly [LiveOptions<unknown>, string])[] = [
      [untyped({ epochs: { items: 0 } }), 'INVALID_OPTION'],
      [untyped({ epochs: { each: true } }), 'INVALID_OPTION'],
      [untyped({ window: 0 }), 'INVALID_OPTION'],
      [untyped({ stepTimeoutMs: 0 }), 'INVALID_OPTION'],
      [untyped({ sources: [] }), 'INVALID_OPTION'],
      [untyped({ windows: 3 }), 'INVALID_OPTION'],
      [untyped({ select: ['dubled'] }), 'UNKNOWN_ASSET'],
      [untyped({ closeWhenDone: 1 }), 'INVALID_OPTION'],
      // Nothing here ever ends, or could be asked to wait.
      [{ closeWhenDone: true }, 'INVALID_OPTION'],
      [{ closeWhenDone: true, sources: { x: feed<number>({ capacity: 3 }) } }, 'INVALID_OPTION'],
      [{ sources: { x: feed<number>({ overflow: 'block' }) } }, 'OVERFLOW_UNDECLARED'],
      [{ epochs: { items: 3 }, sources: { x: feed<number>({ overflow: 'conflate', capacity: 2 }) } }, 'INVALID_OPTION'],
    ];
    for (const [options, code] of refusals)
      await expect(live(untyped<ReturnType<typeof chain>>(chain()), { ...options, store } as never), code).rejects.toMatchObject({ code }); // the point is what types refuse
    expect(await store.port.head()).toBe(0);
  });

  test('options that are left undefined are what they are by default', async () => {
    const service = await live(
      chain(),
      untyped({ concurrency: undefined, graceMs: undefined, stepTimeoutMs: undefined, traces: undefined }),
    );
    await service.push('x', 3);
    expect(await service.current('doubled')).toMatchObject({ value: 6 });
    await service.close();
  });

  test('one run of the log, however many epochs it has', async () => {
    const store = memoryStore();
    const service = await live(chain(), { store, tags: { of: 'mine' }, causedBy: 'me' });
    for (const n of [1, 2, 3]) await service.push('x', n);
    const { runId } = service;
    await service.close();
    const runs = await store.runs({ tags: { of: 'mine' }, causedBy: 'me' });
    expect(runs.map(({ started, ended }) => [started.runId, started.mode, ended?.status])).toEqual([[runId, 'live', 'succeeded']]);
  });
});

describe('the end of a service', () => {
  test('drains what has come, by default', async () => {
    const store = memoryStore();
    const service = await live(chain(), { store, epochs: { items: 10 } });
    const pushed = [1, 2, 3].map((n) => service.push('x', n));
    await service.close();
    expect((await Promise.all(pushed)).map(({ outcome }) => outcome)).toEqual(['applied', 'applied', 'applied']);
    expect(await store.value('doubled')).toBe(6);
    await expect(service.push('x', 4)).rejects.toMatchObject({ code: 'SERVICE_CLOSED' });
    await service.settled();
    await service.close();
  });

  test('or drops what waits and stops what runs, and says so to who pushed it', async () => {
    const store = memoryStore();
    await store.put('x', 0);
    let aborted = false;
    const gate = deferred();
    const service = await live(
      chain(async (x) => {
        if (x > 0) await gate.promise;
        return x;
      }),
      { store },
    );
    await service.durable();
    const head = await store.port.head();
    const pushed = [1, 2].map((n) => service.push('x', n));
    await ready();
    const closed = service.close({ drain: false }).then(() => (aborted = true));
    gate.resolve();
    for (const each of pushed) await expect(each).rejects.toMatchObject({ code: 'SERVICE_CLOSED' });
    await closed;
    expect(aborted).toBe(true);
    const added = (await logOf(store)).slice(head);
    expect(added.map(({ type }) => type)).toEqual(['run-ended']);
    expect(ofType(added, 'run-ended')[0]?.status).toBe('cancelled');
  });

  test('before its first epoch tells all who wait', async () => {
    const store = memoryStore();
    const service = await live(pair(), { store });
    const pushed = service.push('a', 1);
    const updating = service.update({ select: [] });
    await updating;
    const other = await live(pair(), { store });
    const waiting = other.push('a', 1);
    await other.close();
    await expect(waiting).rejects.toMatchObject({ code: 'SERVICE_CLOSED' });
    await service.close();
    await pushed;
  });

  test('comes with its signal, which then holds nothing of it', async () => {
    const controller = new AbortController();
    const counted: number[] = [];
    const { signal } = controller;
    let listeners = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...given: Parameters<typeof add>) => ((listeners += 1), add(...given));
    signal.removeEventListener = (...given: Parameters<typeof remove>) => ((listeners -= 1), remove(...given));
    const first = await live(chain(), { signal });
    counted.push(listeners);
    await first.close();
    await ready();
    counted.push(listeners);
    expect(counted).toEqual([1, 0]);
    const service = await live(chain(), { signal });
    controller.abort();
    await service.closed;
    const never = await live(chain(), { signal });
    await never.closed;
  });

  test('leaves no timer, no reader of a feed and no watcher of the store', async () => {
    const clock = manualClock();
    const store = memoryStore();
    await store.put('x', 0);
    const service = await live(chain(), {
      store,
      clock,
      epochs: { ms: 50 },
      sources: { x: feed<number>({ restart: { max: 1, delayMs: 10 } }) },
      retryFailed: { max: 1, delayMs: 10 },
    });
    const subscription = service.changes('doubled').subscribe();
    void service.push('x', 1);
    await service.settled();
    subscription.unsubscribe();
    await service.close();
    expect(clock.waiting()).toBe(0);
    await store.put('x', 5);
    await ready();
    expect(ofType(await logOf(store), 'asset-materialized').filter(({ key }) => key === 'doubled')).toHaveLength(2);
  });

  test('comes when every feed has ended, where that is asked', async () => {
    const store = memoryStore();
    const service = await live(pair(), { store, sources: { a: [1, 2], b: [10, 20, 30] }, closeWhenDone: true });
    await service.closed;
    expect(await store.value('sum')).toBe(32);
    expect(ofType(await logOf(store), 'run-ended')).toHaveLength(1);
  });

  test('comes with a commit that fails: intake stops, and what waits is told', async () => {
    const interference: LiveInterference = {};
    const store = interferedStore(interference);
    await store.put('x', 0);
    const service = await live(chain(), { store });
    await service.durable();
    const head = await store.port.head();
    const seen = seenOf(service.changes('doubled'));
    let fails = true;
    interference.beforeAppend = () => {
      if (fails) throw new Error('the disk is gone');
    };
    const pushed = [1, 2, 3].map((n) => service.push('x', n));
    for (const each of pushed) await expect(each).rejects.toThrow('the disk is gone');
    await expect(service.closed).rejects.toThrow('the disk is gone');
    await expect(service.durable()).rejects.toThrow('the disk is gone');
    await expect(service.push('x', 4)).rejects.toMatchObject({ code: 'SERVICE_CLOSED' });
    await expect(service.update({})).rejects.toMatchObject({ code: 'SERVICE_CLOSED' });
    expect(seen).toEqual([]);
    expect(await store.port.head()).toBe(head);
    fails = false;
    // Another one goes on from what is there.
    const again = await live(chain(), { store });
    await again.push('x', 5);
    expect(await store.value('doubled')).toBe(10);
    await again.close();
  });

  test('comes with a value that cannot be read, and who pushed is told', async () => {
    const interference: LiveInterference = {};
    const store = interferedStore(interference);
    await store.put('a', 1);
    await store.put('b', 1);
    const first = await live(pair(), { store });
    await first.close();
    interference.beforeValues = () => {
      throw new Error('unreadable');
    };
    const service = await live(pair(), { store });
    await service.settled();
    await expect(service.push('a', 2)).rejects.toThrow('unreadable');
    await expect(service.closed).rejects.toThrow('unreadable');
  });
});

describe('pause and resume', () => {
  test('what comes meanwhile waits, and is taken afterwards in the epochs that it was in', async () => {
    const store = memoryStore();
    await store.put('x', 0);
    const service = await live(chain(), { store });
    const seen = seenOf(service.epochs());
    await service.settled();
    service.pause();
    const pushed = [1, 2].map((n) => service.push('x', n));
    await ready();
    expect(seen).toHaveLength(1);
    service.resume();
    await Promise.all(pushed);
    expect(brief(seen)).toEqual(['start 0: double say', 'items 1: double say', 'items 1: double say']);
    await service.close();
  });

  test('a paused service drains when it is closed', async () => {
    const store = memoryStore();
    await store.put('x', 0);
    const service = await live(chain(), { store });
    await service.settled();
    service.pause();
    const pushed = service.push('x', 2);
    await service.close();
    expect((await pushed).outcome).toBe('applied');
  });
});
