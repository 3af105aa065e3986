import { describe, expect, test } from 'vitest';
import {
  assetsFromGraph,
  define,
  feed,
  graph,
  input,
  live,
  op,
  output,
  refresh,
  source,
  type Definitions,
  type EpochReport,
  type LiveService,
  type Store,
} from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { livePort } from '../../../lib/events/tail.ts';
import { heldGate } from '../rig/held-gate.ts';
import { logOf } from '../rig/watched-store.ts';

const ran: string[] = [];

const { gate, read } = heldGate(ran);
const body = graph('both', { inputs: { x: input<number>(), y: input<number>() } }, ({ x, y }) => ({
  seen: read({ it: gate({ x }).it, y }),
}));
const holding = define({ assets: [source<number>('x'), source<number>('y'), assetsFromGraph(body)] });

async function serving(defs: Definitions, store: Store): Promise<{ readonly service: LiveService; readonly seen: EpochReport[] }> {
  const service = await live(defs, { store });
  const seen: EpochReport[] = [];
  service.epochs({ at: 'settled' }).subscribe((report) => seen.push(report));
  return { service, seen };
}

/** What the last success of a step says that it read. */
async function lastRead(store: Store, step: string) {
  const settled = (await logOf(store)).filter((event) => event.type === 'step-settled' && event.step === step);
  return settled.flatMap((event) => (event.type === 'step-settled' ? [event.inputs] : [])).at(-1);
}

describe('an input that holds, in a service', () => {
  test('reads the last value when its producer fails or emits nothing, and is not run again for that', async () => {
    const store = memoryStore();
    await store.put('x', 1);
    await store.put('y', 1);
    const { service } = await serving(holding, store);
    await service.settled();
    for (const x of [-1, 0, 1, 0]) {
      ran.length = 0;
      await service.push('x', x);
      expect([x, ran, await store.value('seen')]).toEqual([x, ['gate'], '1 1']);
    }
    await service.push('y', 2);
    expect(await store.value('seen')).toBe('1 2');
    await service.push('x', 5);
    await service.push('x', 0);
    await service.push('y', 3);
    expect(await store.value('seen')).toBe('5 3');
    // What was held stands in the log with the event that gave it: that of 5, not that of nothing.
    const held = (await lastRead(store, 'read'))?.[0];
    const given = (await logOf(store)).find((event) => event.position === held?.position);
    expect([held?.state.state, given?.type === 'step-settled' && given.outputs[0]?.state.state]).toEqual(['value', 'value']);
    await service.close();
  });

  test('goes on with what an earlier service, or a verb between two epochs, left', async () => {
    const store = memoryStore();
    await store.put('x', 7);
    await store.put('y', 1);
    const first = await serving(holding, store);
    await first.service.push('x', 0);
    await first.service.close();
    const { service } = await serving(holding, store);
    await service.push('y', 2);
    expect(await store.value('seen')).toBe('7 2');
    await refresh(holding, { store, sources: { x: 8 } });
    await refresh(holding, { store, sources: { x: 0 } });
    await service.settled();
    await service.push('y', 3);
    expect(await store.value('seen')).toBe('8 3');
    await service.close();
  });

  test('reads a source that has no value yet as absent, and the service does not wait for it', async () => {
    const store = memoryStore();
    const note = op({
      name: 'note',
      codeVersion: '1',
      inputs: { x: input<number>({ hold: true, optional: true }), y: input<number>() },
      run: ({ x, y }) => `${x ?? 'none'} ${y}`,
    });
    const wired = graph('noted', { inputs: { x: input<number>(), y: input<number>() } }, ({ x, y }) => note({ x, y }));
    const { service } = await serving(define({ assets: [source<number>('x'), source<number>('y'), assetsFromGraph(wired)] }), store);
    await service.push('y', 1);
    expect(await store.value('noted')).toBe('none 1');
    await service.push('x', 4);
    expect(await store.value('noted')).toBe('4 1');
    await service.close();
  });
});

describe('a derived version, in a service', () => {
  const make = op({
    name: 'make',
    codeVersion: '1',
    inputs: { x: input<number>() },
    outputs: { it: output<readonly number[]>({ version: 'derived' }) },
    run: ({ x }) => (ran.push('make'), { it: [x % 2, 1] }),
  });
  const sum = op({
    name: 'sum',
    codeVersion: '1',
    inputs: { it: input<readonly number[]>(), y: input<number>() },
    run: ({ it, y }) => (ran.push('sum'), it.reduce((a, b) => a + b, 0) + y),
  });
  const wired = graph('total', { inputs: { x: input<number>(), y: input<number>() } }, ({ x, y }) => sum({ it: make({ x }).it, y }));
  const defs = define({ assets: [source<number>('x'), source<number>('y'), assetsFromGraph(wired)] });

  test('is that of the inputs in its epoch: a service that starts again, and a refresh, find it holds', async () => {
    const store = memoryStore();
    await store.put('x', 1);
    await store.put('y', 0);
    const { service } = await serving(defs, store);
    await service.settled();
    ran.length = 0;
    await service.push('x', 3);
    // Equal rows, of another input: no cutoff.
    expect(ran).toEqual(['make', 'sum']);
    ran.length = 0;
    await service.push('y', 5);
    expect([ran, await store.value('total')]).toEqual([['sum'], 7]);
    await service.close();
    ran.length = 0;
    await refresh(defs, { store });
    const again = await serving(defs, store);
    await again.service.settled();
    expect(ran).toEqual([]);
    await again.service.push('y', 6);
    // It was kept nowhere.
    expect([ran, await store.value('total')]).toEqual([['make', 'sum'], 8]);
    await again.service.close();
  });
});

describe('aliases, in a service', () => {
  const double = op({
    name: 'double',
    codeVersion: '1',
    inputs: { x: input<number>() },
    run: ({ x }) => {
      ran.push('double');
      if (x < 0) throw new Error('negative');
      return 2 * x;
    },
  });
  const before = define({
    assets: [source<number>('x'), assetsFromGraph(graph('old', { inputs: { x: input<number>() } }, ({ x }) => ({ sum: double({ x }) })))],
  });
  const after = define({
    assets: [
      source<number>('number', { aliases: ['x'] }),
      assetsFromGraph(
        graph('young', { inputs: { number: input<number>() } }, ({ number }) => ({ total: double.as('twice')({ x: number }) })),
        { aliases: { keys: { total: ['sum'] }, definition: ['old'], steps: { twice: ['double'] } } },
      ),
    ],
  });

  test('go on with what was stored under the names before: values, failures, and what others write under them', async () => {
    const store = memoryStore();
    await refresh(before, { store, sources: { x: 3 } });
    ran.length = 0;
    const first = await serving(after, store);
    await first.service.settled();
    expect([ran, await store.value('total')]).toEqual([[], 6]);
    await first.service.push('number', 4);
    expect([ran, await store.value('total')]).toEqual([['double'], 8]);
    // By one that knows the names before alone.
    await store.put('x', 5);
    await first.service.settled();
    expect(await store.value('total')).toBe(10);
    await first.service.close();
  });

  test('a step that failed under its name before is not tried again on the same inputs', async () => {
    const store = memoryStore();
    await refresh(before, { store, sources: { x: -3 }, throwOnFailure: false });
    ran.length = 0;
    const { service, seen } = await serving(after, store);
    await service.settled();
    expect([ran, seen.flatMap(({ failed }) => failed)]).toEqual([[], []]);
    await service.close();
  });

  test('a source goes on from the offset that it had under its name before', async () => {
    const store = memoryStore();
    const asked: (string | undefined)[] = [];
    const from = (messages: readonly number[]) =>
      feed<number, number>({
        from: ({ offset }) => (asked.push(offset), messages.filter((id) => id > Number(offset ?? 0))),
        offset: (id) => String(id),
        fold: (_, id) => id,
      });
    const first = await live(before, { store, sources: { x: from([1, 2, 3]) }, closeWhenDone: true });
    await first.closed;
    const second = await live(after, { store, sources: { number: from([1, 2, 3, 4]) }, closeWhenDone: true });
    await second.closed;
    expect([asked, await store.value('total')]).toEqual([[undefined, '3'], 8]);
    const third = await live(after, { store, sources: { number: from([4]) }, closeWhenDone: true });
    await third.closed;
    expect(asked.at(-1)).toBe('4');
    expect(await livePort(store.port).offsets(['x', 'number'] as never)).toEqual(['3', '4']);
  });
});
