import { describe, expect, test } from 'vitest';
import type { NewEvent } from '../../lib/events/logged-event.ts';
import { isRetentionStore } from '../../lib/events/retention.ts';
import type { Store } from '../../lib/events/store.ts';
import { memoryStore } from '../../lib/memory/index.ts';
import { openStore } from '../../store/open-store.ts';
import { runEnded, runStarted, sampleKey, sampleValue, sourceObserved, stepSettled } from '../kit/sample-events.ts';
import { newFolder } from './folder.ts';

const stores = [
  ['on disk', async (): Promise<Store> => openStore(await newFolder(), { retention: false })],
  ['in memory', async (): Promise<Store> => memoryStore({ retention: false })],
] as const;

const addressOf = (value: unknown): string => sampleValue(value).address;

/** A step that gave a value, and may have left a state. */
function settled(runId: string, step: string, { value, state }: { readonly value: unknown; readonly state?: unknown }): NewEvent {
  const outputs = [{ output: 'result', state: { state: 'value', version: addressOf(value) }, address: addressOf(value) }] as const;
  return stepSettled({ runId, step, outputs, stateAddress: state === undefined ? null : addressOf(state) });
}

async function append(store: Store, events: readonly NewEvent[], values: readonly unknown[] = []): Promise<void> {
  await store.port.append({ events, values: values.map(sampleValue) });
}

async function pruned(store: Store, { versions = 1, runs = 20 }: { readonly versions?: number; readonly runs?: number } = {}) {
  const { port } = store;
  if (!isRetentionStore(port)) throw new Error('no store that can forget');
  const rows = new Map<string, number>();
  const report = await port.prune({
    versions,
    runs,
    logsOfRuns: undefined,
    signal: undefined,
    onProgress: (progress) => void rows.set(progress.doing, progress.rows),
  });
  return { report, rows };
}

async function isKept(store: Store, ...values: readonly unknown[]): Promise<readonly boolean[]> {
  return store.port.has(values.map(addressOf));
}

describe('what a prune finds', () => {
  test.each(stores)('is what a kept run read of a service that was there before it and went on (%s)', async (_, open) => {
    const store = await open();
    await append(store, [runStarted({ runId: 'first', readsAt: 0 }), runEnded({ runId: 'first' })]);
    await append(store, [runStarted({ runId: 'service', mode: 'live' }), settled('service', 'step', { value: 'read' })], ['read']);
    const read = await store.port.head();
    const origin = { from: 'step', definition: 'graph', step: 'step', output: 'result' } as const;
    const inputs = [{ input: 'x', kind: 'value', origin, state: { state: 'value', version: addressOf('read') }, position: read }] as const;
    await append(store, [
      runStarted({ runId: 'second', readsAt: read }),
      stepSettled({ runId: 'second', step: 'reader', inputs, outputs: [] }),
      runEnded({ runId: 'second' }),
    ]);
    // The step has another trace by now, and its reader too.
    await append(
      store,
      [settled('service', 'step', { value: 'newer' }), settled('service', 'reader', { value: 'other' })],
      ['newer', 'other'],
    );
    await pruned(store);
    expect(await isKept(store, 'read', 'newer', 'other')).toEqual([true, true, true]);
    await pruned(store, { runs: 0 });
    expect(await isKept(store, 'read', 'newer', 'other')).toEqual([false, true, true]);
    await store.close();
  });

  test.each(stores)(
    'is the state that a kept run started from, also where the step kept none for a while after it (%s)',
    async (_, open) => {
      const store = await open();
      await append(store, [settled('long ago', 'step', { value: 1, state: 'started from' })], [1, 'started from']);
      const readsAt = await store.port.head();
      await append(store, [runStarted({ runId: 'kept', readsAt }), runEnded({ runId: 'kept' })]);
      await append(
        store,
        [settled('service', 'step', { value: 2 }), settled('service', 'step', { value: 3, state: 'last' })],
        [2, 3, 'last'],
      );
      await pruned(store);
      expect(await isKept(store, 'started from', 'last')).toEqual([true, true]);
      await pruned(store, { runs: 0 });
      expect(await isKept(store, 'started from', 'last')).toEqual([false, true]);
      await store.close();
    },
  );

  test.each(stores)('takes no longer for all that a service did since the runs that are kept (%s)', async (_, open) => {
    const store = await open();
    const values = Array.from({ length: 40 }, (_unused, index) => `epoch ${index}`);
    for (let run = 0; run < 3; run += 1) {
      await append(
        store,
        [runStarted({ runId: `run ${run}` }), settled(`run ${run}`, 'step', { value: run, state: ['of', run] })],
        [run, ['of', run]],
      );
      // The last one has not ended, and nobody knows whether it will.
      if (run < 2) await append(store, [runEnded({ runId: `run ${run}` })]);
    }
    await append(store, [runStarted({ runId: 'service', mode: 'live' })]);
    const rowsAfter = async (epochs: number): Promise<number> => {
      for (let epoch = 0; epoch < epochs; epoch += 1) {
        const events = values.flatMap((value) => [
          sourceObserved('s', { address: addressOf(value), version: addressOf(value) }),
          settled('service', 'step', { value, state: ['state', epoch] }),
        ]);
        await append(store, events, [...values, ['state', epoch]]);
      }
      return (await pruned(store)).rows.get('mark') ?? 0;
    };
    const few = await rowsAfter(2);
    expect(few).toBeGreaterThan(0);
    expect(await rowsAfter(20)).toBe(few);
    expect(await isKept(store, ['of', 0], ['of', 2])).toEqual([true, true]);
    expect(await store.value(sampleKey('s'))).toBe(values.at(-1));
    await store.close();
  });

  test.each(stores)('is what a run reads that comes while it looks, and found it before (%s)', async (_, open) => {
    const store = await open();
    for (const value of ['old', 'read', 'last'])
      await append(store, [sourceObserved('s', { address: addressOf(value), version: addressOf(value) })], [value]);
    const { port } = store;
    const origin = { from: 'asset', key: sampleKey('s') } as const;
    const inputs = [{ input: 'x', kind: 'value', origin, state: { state: 'value', version: addressOf('read') }, position: 2 }] as const;
    let appended: Promise<unknown> | undefined;
    const onProgress = (): void => {
      // A moment later: while it is at it.
      appended ??= Promise.resolve().then(() => append(store, [stepSettled({ runId: 'run', step: 'reader', inputs, outputs: [] })]));
    };
    if (!isRetentionStore(port)) throw new Error('no store that can forget');
    await port.prune({ versions: 1, runs: 20, logsOfRuns: undefined, signal: undefined, onProgress });
    await appended;
    expect(await isKept(store, 'old', 'read', 'last')).toEqual([false, true, true]);
    await store.close();
  });

  test.each(stores)('is what a run reads that was asked to be recorded right before (%s)', async (_, open) => {
    const store = await open();
    for (const value of ['old', 'read', 'last'])
      await append(store, [sourceObserved('s', { address: addressOf(value), version: addressOf(value) })], [value]);
    const origin = { from: 'asset', key: sampleKey('s') } as const;
    const inputs = [{ input: 'x', kind: 'value', origin, state: { state: 'value', version: addressOf('read') }, position: 2 }] as const;
    const appended = append(store, [
      runStarted({ runId: 'run', readsAt: 3 }),
      stepSettled({ runId: 'run', step: 'reader', inputs, outputs: [] }),
    ]);
    await pruned(store);
    await appended;
    expect(await isKept(store, 'old', 'read', 'last')).toEqual([false, true, true]);
    await store.close();
  });
});
