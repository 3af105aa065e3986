import assert from 'node:assert/strict';
import type { Store } from '../../lib/events/store.ts';
import { livePort } from '../../lib/events/tail.ts';
import { batchOf, sampleKey, sourceObserved } from './sample-events.ts';
import type { Checks } from './store-check.ts';

async function assertClosed(store: Store): Promise<void> {
  const { port } = store;
  const live = livePort(port);
  const calls: readonly (() => Promise<unknown>)[] = [
    () => port.append(batchOf(sourceObserved('late'))),
    () => port.append(batchOf()),
    () => port.head(),
    () => port.read(1, 1),
    () => port.readable([sampleKey('a')], 1),
    () => port.readable([], 1),
    () => port.lastSettled([], 1),
    () => port.runs(),
    () => port.values([]),
    () => live.cursor('c'),
    () => live.setCursor('c', 0),
    () => live.offsets([]),
    () => live.lastUnsuccessful([], 1),
    async () => live.watch(() => undefined),
    () => store.put('a', 1),
    () => store.latest('a'),
    () => store.value('a'),
    () => store.runs(),
    async () => {
      for await (const event of store.events()) assert.fail(`an event of a closed store: ${event.type}`);
    },
    async () => {
      for await (const event of store.tail({ from: 1 })) assert.fail(`an event of a closed store: ${event.type}`);
    },
    async () => {
      for await (const event of store.tail()) assert.fail(`an event of a closed store: ${event.type}`);
    },
  ];
  for (const call of calls)
    await assert.rejects(
      call(),
      (error: unknown) => error instanceof Error && 'code' in error && error.code === 'STORE_CLOSED',
      String(call),
    );
}

/** The end of a store. */
export const lifetimeChecks: Checks = {
  'settles what was asked before it was closed': async ({ store }) => {
    const appends = Array.from({ length: 20 }, () => store.port.append(batchOf(sourceObserved('a'))));
    const reads = [store.port.head(), store.port.read(1, 1), store.port.runs()];
    await store.close();
    assert.deepEqual(
      (await Promise.all(appends)).map(({ first }) => first),
      appends.map((_, index) => index + 1),
    );
    await Promise.all(reads);
  },

  'refuses everything once it is closed': async ({ store }) => {
    await store.put('a', 1);
    await store.close();
    await assertClosed(store);
  },

  'refuses everything from the moment at which it is being closed': async ({ store }) => {
    const closing = store.close();
    await assertClosed(store);
    await closing;
  },

  'may be closed twice, and at once': async ({ store }) => {
    await Promise.all([store.close(), store.close()]);
    await store.close();
    await store[Symbol.asyncDispose]();
  },

  'ends reading that goes on over its end with an error': async ({ store }) => {
    await store.port.append(batchOf(...Array.from({ length: 2500 }, () => sourceObserved('a'))));
    const reading = async (): Promise<void> => {
      for await (const { position } of store.events()) if (position === 1) await store.close();
    };
    await assert.rejects(reading(), (error: unknown) => error instanceof Error && 'code' in error && error.code === 'STORE_CLOSED');
  },
};
