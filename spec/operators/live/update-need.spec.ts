import { describe, expect, test } from 'vitest';
import { assetsFromGraph, define, graph, input, live, op, optional, source } from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { eventsFrom, openEntries } from '../../laws/incremental-checks.ts';

/** Definitions of `one` and `two`, which are made of two outputs of one step that depends on `first`, which fails; and what ran. */
function halves(ran: string[]) {
  const fails = op({
    name: 'fails',
    codeVersion: '1',
    inputs: { x: input<number>() },
    outputs: { left: optional<number>(), right: optional<number>() },
    run: ({ x }, { selectedOutputs }) => {
      ran.push(`fails ${[...selectedOutputs].join(' ')}`);
      if (selectedOutputs.has('left')) throw new Error('nothing is left');
      return { right: x };
    },
  });
  const split = op({
    name: 'split',
    codeVersion: '1',
    inputs: { n: input<number>() },
    outputs: { low: optional<number>(), high: optional<number>() },
    run: ({ n }) => ({ low: n, high: n }),
  });
  const copy = (name: string) => op({ name, codeVersion: '1', inputs: { n: input<number>() }, run: ({ n }) => n });
  const body = graph('halves', { inputs: { x: input<number>() } }, ({ x }) => {
    const { left, right } = fails({ x });
    const { low, high } = split({ n: left });
    return { one: copy('one')({ n: low }), two: copy('two')({ n: high }), three: copy('three')({ n: right }) };
  });
  return define({ assets: [source<number>('x'), assetsFromGraph(body, { canSubset: true })] });
}

describe('an update that needs more of a step that did not succeed', () => {
  test('logs again that it is blocked: what is downstream of it refers to that', async () => {
    const store = memoryStore();
    await store.put('x', 1);
    const ran: string[] = [];
    const service = await live(halves(ran), { store, select: ['one'] });
    await service.durable();
    await service.update({ select: ['one', 'two'] });
    await service.close();
    const log = await eventsFrom(store, 1);
    expect(openEntries(log)).toEqual([]);
    // What failed is asked for the same, and waits.
    expect(ran).toEqual(['fails left']);
    const head = await store.port.head();
    const again = await live(halves(ran), { store, select: ['one', 'two'] });
    await again.close();
    expect((await eventsFrom(store, head + 1)).map(({ type }) => type)).toEqual(['run-started', 'run-ended']);
  });

  test('tries one again that has failed where other outputs were asked of it', async () => {
    const store = memoryStore();
    await store.put('x', 1);
    const ran: string[] = [];
    const service = await live(halves(ran), { store, select: ['one'] });
    await service.durable();
    await service.update({ select: ['one', 'three'] });
    await service.update({ select: ['three'] });
    await service.close();
    expect(ran).toEqual(['fails left', 'fails left right', 'fails right']);
    expect(await store.value('three')).toBe(1);
    expect(openEntries(await eventsFrom(store, 1))).toEqual([]);
  });
});
