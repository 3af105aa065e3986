import { describe, expect, test } from 'vitest';
import {
  assetsFromGraph,
  define,
  feed,
  graph,
  input,
  live,
  materialize,
  op,
  optional,
  refresh,
  source,
  type AssetChange,
  type Changes,
} from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { deferred, ready } from '../rig/deferred.ts';
import { brief, chain, pair, seenOf } from '../rig/live-rig.ts';
import { ofType } from '../rig/watch-run.ts';
import { logOf } from '../rig/watched-store.ts';

async function started() {
  const store = memoryStore();
  await store.put('x', 1);
  const defs = chain();
  const service = await live(defs, { store });
  const seen = seenOf(service.epochs());
  await service.durable();
  return { store, defs, service, seen };
}

const valuesOf = (changes: Changes<AssetChange>): unknown[] => {
  const values: unknown[] = [];
  changes.subscribe((change) => values.push(change.state === 'value' ? change.value : change.state));
  return values;
};

describe('beside a service', () => {
  test('a put is the start of an epoch', async () => {
    const { store, service, seen } = await started();
    const values = valuesOf(service.changes('text'));
    await store.put('x', 5);
    await service.durable();
    expect(brief(seen).at(-1)).toBe('beside 0: double say');
    expect(values).toEqual(['is 10']);
    await store.put('x', 5);
    await service.durable();
    expect(seen).toHaveLength(2);
    await service.close();
  });

  test('a put between items is not overwritten, and the next item is compared with it', async () => {
    const { store, service } = await started();
    await service.push('x', 2);
    await store.put('x', 3);
    await service.push('x', 2);
    await service.durable();
    expect(ofType(await logOf(store), 'source-observed')).toHaveLength(4);
    expect(await service.current('doubled')).toMatchObject({ value: 4 });
    await service.close();
  });

  test('a refresh with new values runs by itself, and the service takes over what came of it', async () => {
    const { store, defs, service, seen } = await started();
    const values = valuesOf(service.changes('text'));
    const result = await refresh(defs, { store, sources: { x: 7 } });
    expect(result.outcome('text')).toBe('materialized');
    await service.durable();
    expect(seen.at(-1)).toMatchObject({ cause: 'beside', ran: [], materialized: ['doubled', 'text'] });
    expect(values).toEqual(['is 14']);
    await service.push('x', 8);
    expect(values).toEqual(['is 14', 'is 16']);
    await service.close();
  });

  test('a materialization of what is upstream is brought down to the rest', async () => {
    const { store, defs, service, seen } = await started();
    await materialize(defs, { store, select: ['doubled'], sources: { x: 9 }, inGraphUpstream: 'recompute' });
    await service.durable();
    expect(seen.at(-1)).toMatchObject({ cause: 'beside', ran: ['say'] });
    expect(await service.current('text')).toMatchObject({ value: 'is 18' });
    await service.close();
  });

  test('other code that somebody runs is made undone: the service keeps what its own definitions give', async () => {
    const { store, service } = await started();
    const double = op({ name: 'double', codeVersion: '2', inputs: { x: input<number>() }, run: ({ x }) => 100 * x });
    const body = graph('chain', { inputs: { x: input<number>() } }, ({ x }) => ({ doubled: double({ x }) }));
    await refresh(define({ assets: [source<number>('x'), assetsFromGraph(body)] }), { store });
    expect(await store.value('doubled')).toBe(100);
    await service.durable();
    expect(await store.value('doubled')).toBe(2);
    await service.close();
  });

  test('verbs get their turn while items keep coming, each on a position between two epochs', async () => {
    const { store, defs, service } = await started();
    let [goesOn, pushes] = [true, 0];
    const pushing = (async () => {
      while (goesOn) await service.push('x', (pushes += 1));
    })();
    for (let times = 0; times < 5; times += 1) await refresh(defs, { store });
    goesOn = false;
    await pushing;
    await service.close();
    const log = await logOf(store);
    // Between the start of a verb's run and its end, nobody else has written.
    const own = new Map<string, number[]>();
    for (const event of log)
      if ('runId' in event && event.runId !== null) own.set(event.runId, [...(own.get(event.runId) ?? []), event.position]);
    for (const [runId, positions] of own) {
      if (runId === service.runId) continue;
      expect(positions).toEqual(positions.map((_, index) => (positions[0] ?? 0) + index));
    }
    expect(pushes).toBeGreaterThan(0);
    expect(own.size).toBe(6);
  });

  test('a verb that waits for an epoch reads what that epoch gave', async () => {
    const gate = deferred();
    const store = memoryStore();
    await store.put('x', 1);
    const defs = chain(async (x) => {
      if (x === 2) await gate.promise;
      return 2 * x;
    });
    const service = await live(defs, { store });
    await service.settled();
    const pushed = service.push('x', 2);
    await ready();
    const refreshed = refresh(defs, { store });
    await ready();
    gate.resolve();
    await pushed;
    expect(await (await refreshed).value('text')).toBe('is 4');
    await service.close();
  });

  test('two services on one store keep each other up to date', async () => {
    const { store, defs, service } = await started();
    const other = await live(defs, { store });
    const values = valuesOf(other.changes('text'));
    await service.push('x', 2);
    await other.durable();
    await other.push('x', 3);
    await service.durable();
    await ready();
    expect(values).toEqual(['is 4', 'is 6']);
    expect(await service.current('text')).toMatchObject({ value: 'is 6' });
    const head = await store.port.head();
    await Promise.all([service.durable(), other.durable()]);
    expect(await store.port.head()).toBe(head);
    await service.close();
    await other.push('x', 4);
    expect(await other.current('text')).toMatchObject({ value: 'is 8' });
    await other.close();
  });
});

describe('update', () => {
  const grown = (times: number) => {
    const double = op({ name: 'double', codeVersion: '1', inputs: { x: input<number>() }, run: ({ x }) => 2 * x });
    const say = op({
      name: 'say',
      codeVersion: `${times}`,
      inputs: { doubled: input<number>() },
      run: ({ doubled }) => `${times} x ${doubled}`,
    });
    const body = graph('chain', { inputs: { x: input<number>() } }, ({ x }) => {
      const doubled = double({ x });
      return { doubled, text: say({ doubled }) };
    });
    return define({ assets: [source<number>('x'), assetsFromGraph(body, { canSubset: true })] });
  };

  test('of the selection makes what is new from what is stored, stops what is gone, and runs nothing else again', async () => {
    const store = memoryStore();
    await store.put('x', 1);
    const service = await live(grown(1), { store, select: ['doubled'] });
    const seen = seenOf(service.epochs());
    await service.update({ select: ['doubled', 'text'] });
    expect(seen.at(-1)).toMatchObject({ cause: 'start', ran: ['say'], reused: ['double'] });
    await service.update({ select: ['doubled'] });
    await service.push('x', 2);
    expect(await store.value('text')).toBe('1 x 2');
    expect(await store.value('doubled')).toBe(4);
    await service.close();
    expect((await store.runs()).map(({ ended }) => ended?.status)).toEqual(['succeeded', 'succeeded', 'succeeded']);
  });

  test('of the definitions runs what has other code', async () => {
    const store = memoryStore();
    await store.put('x', 1);
    const service = await live(grown(1), { store });
    const seen = seenOf(service.epochs());
    const values = valuesOf(service.changes('text'));
    await service.durable();
    await service.update({ defs: grown(2) });
    expect(seen.at(-1)).toMatchObject({ ran: ['say'], reused: ['double'] });
    expect(values.at(-1)).toBe('2 x 2');
    await service.push('x', 2);
    expect(values.at(-1)).toBe('2 x 4');
    await service.close();
  });

  test('goes on from the update before it: what is not named stays as it was asked last', async () => {
    const store = memoryStore();
    await store.put('x', 1);
    const service = await live(grown(1), { store });
    await service.update({ defs: grown(2) });
    await service.update({ select: ['text'] });
    expect(await store.value('text')).toBe('2 x 2');
    await service.update({ defs: grown(3) });
    expect(await store.value('text')).toBe('3 x 2');
    // The selection of the second update still holds.
    await service.push('x', 2);
    expect(await store.value('doubled')).toBe(2);
    await Promise.all([service.update({ select: ['doubled'] }), service.update({ defs: grown(4) })]);
    await service.push('x', 3);
    expect(await store.value('text')).toBe('3 x 4');
    await service.close();
  });

  test('that cannot start leaves the service as it was', async () => {
    const { store, service } = await started();
    await expect(service.update({ select: ['dubled' as 'text'] })).rejects.toMatchObject({ code: 'UNKNOWN_ASSET' });
    await expect(service.update({ defz: 1 } as never)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    const needsMore = pair();
    await expect(service.update({ defs: needsMore as never })).rejects.toMatchObject({ code: 'MISSING_VALUE' });
    await service.push('x', 4);
    expect(await store.value('text')).toBe('is 8');
    await service.close();
    await expect(service.update({})).rejects.toMatchObject({ code: 'SERVICE_CLOSED' });
  });

  test('that takes a source away is refused where that has a feed, and else refuses what waits of it', async () => {
    const store = memoryStore();
    for (const key of ['a', 'b', 'x']) await store.put(key, 1);
    const fed = await live(pair(), { store, sources: { b: feed<number>({ from: [2], overflow: 'block' }) } });
    await expect(fed.update({ defs: chain() as never })).rejects.toMatchObject({ code: 'UNKNOWN_SOURCE', details: { key: 'b' } });
    expect((await fed.push('a', 2)).outcome).toBe('applied');
    await fed.close();
    const service = await live(pair(), { store, epochs: { items: 2 } });
    await service.settled();
    const pushed = service.push('a', 9);
    pushed.catch(() => undefined);
    await service.update({ defs: chain() as never });
    await expect(pushed).rejects.toMatchObject({ code: 'UNKNOWN_SOURCE', details: { key: 'a' } });
    const [, other] = await Promise.all([service.push('x', 3), service.push('x', 4)]);
    expect([other.outcome, await store.value('a'), await store.value('doubled')]).toEqual(['applied', 2, 8]);
    await service.close();
  });

  test('that is asked for when the service is dropped is told so', async () => {
    const gate = deferred();
    const store = memoryStore();
    await store.put('x', 1);
    const service = await live(
      chain(async (x) => {
        await gate.promise;
        return x;
      }),
      { store },
    );
    await ready();
    const updating = service.update({ select: [] });
    const closed = service.close({ drain: false });
    gate.resolve();
    await expect(updating).rejects.toMatchObject({ code: 'SERVICE_CLOSED' });
    await closed;
  });
});

describe('what steps may be', () => {
  test('volatile ones run at the start, and then only when an input of theirs changed', async () => {
    let calls = 0;
    const now = op({ name: 'now', volatile: true, inputs: { x: input<number>() }, run: () => (calls += 1) });
    const other = op({ name: 'other', codeVersion: '1', inputs: { y: input<number>() }, run: ({ y }) => y });
    const body = graph('g', { inputs: { x: input<number>(), y: input<number>() } }, ({ x, y }) => ({
      now: now({ x }),
      other: other({ y }),
    }));
    const store = memoryStore();
    await store.put('x', 1);
    await store.put('y', 1);
    const service = await live(define({ assets: [source<number>('x'), source<number>('y'), assetsFromGraph(body)] }), { store });
    await service.settled();
    await service.push('y', 2);
    expect(calls).toBe(1);
    await service.push('x', 2);
    expect(calls).toBe(2);
    await service.close();
  });

  test('with state, which goes on over epochs and over a restart', async () => {
    const count = op({
      name: 'count',
      codeVersion: '1',
      inputs: { x: input<number>() },
      state: { initial: () => ({ sum: 0 }) },
      run: ({ x }, { state }) => {
        state.sum += x;
        return state.sum;
      },
    });
    const body = graph('summed', { inputs: { x: input<number>() } }, ({ x }) => count({ x }));
    const defs = define({ assets: [source<number>('x'), assetsFromGraph(body)] });
    const store = memoryStore();
    for (const items of [
      [1, 2],
      [3, 4],
    ]) {
      const service = await live(defs, { store });
      for (const item of items) await service.push('x', item);
      await service.close();
    }
    expect(await store.value('summed')).toBe(10);
  });

  test('with outputs that become absent and come back, which readers are told', async () => {
    const even = op({
      name: 'even',
      codeVersion: '1',
      inputs: { x: input<number>() },
      outputs: { it: optional<number>() },
      run: ({ x }) => (x % 2 === 0 ? { it: x } : {}),
    });
    const say = op({ name: 'say', codeVersion: '1', inputs: { it: input<number>() }, run: ({ it }) => `${it} is even` });
    const body = graph('g', { inputs: { x: input<number>() } }, ({ x }) => {
      const { it } = even({ x });
      return { it, text: say({ it }) };
    });
    const service = await live(define({ assets: [source<number>('x'), assetsFromGraph(body)] }), {});
    const values = valuesOf(service.changes('text'));
    const reports = seenOf(service.epochs());
    for (const n of [2, 3, 5, 2, 4]) await service.push('x', n);
    expect(values).toEqual(['2 is even', 'absent', '2 is even', '4 is even']);
    expect(reports[1]).toMatchObject({ absent: ['it', 'text'], skipped: ['say'] });
    await service.push('x', 5);
    expect(await service.current('text')).toEqual({ state: 'absent' });
    await service.close();
  });

  test('in nested graphs and over two definitions, with hooks and log lines', async () => {
    const told: string[] = [];
    const inc = op({
      name: 'inc',
      codeVersion: '1',
      inputs: { n: input<number>() },
      run: ({ n }, { log }) => {
        log.info('called', { n });
        return n + 1;
      },
    });
    const inner = graph('inner', { inputs: { n: input<number>() } }, ({ n }) => inc({ n: inc({ n }) }));
    const first = graph('first', { inputs: { x: input<number>() } }, ({ x }) => inner({ n: x }));
    const second = graph('second', { inputs: { first: input<number>() } }, ({ first: n }) => inc({ n }));
    const defs = define({ assets: [source<number>('x'), assetsFromGraph(first), assetsFromGraph(second)] });
    const store = memoryStore();
    const service = await live(defs, { store, hooks: { onMaterialization: ({ key }) => void told.push(key) } });
    await service.push('x', 1);
    await service.push('x', 2);
    await service.close();
    expect(await store.value('second')).toBe(5);
    expect(told).toEqual(['first', 'second', 'first', 'second']);
    expect(ofType(await logOf(store), 'log-line').map(({ data }) => data)).toEqual([1, 2, 3, 2, 3, 4].map((n) => ({ n })));
  });
});
