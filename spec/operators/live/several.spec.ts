import { describe, expect, test } from 'vitest';
import { assetsFromGraph, define, emit, feed, graph, input, live, op, optional, source } from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { ready } from '../rig/deferred.ts';
import { chain, seenOf } from '../rig/live-rig.ts';
import { logOf } from '../rig/watched-store.ts';

/** Definitions of two assets of `x`, by code of a version or of none. */
function twoOf(codeVersion?: string) {
  const version = codeVersion === undefined ? {} : { codeVersion };
  const base = op({ name: 'base', ...version, inputs: { x: input<number>() }, run: ({ x }) => x + 1 });
  const more = op({ name: 'more', ...version, inputs: { n: input<number>() }, run: ({ n }) => n + 1 });
  const body = graph('two', { inputs: { x: input<number>() } }, ({ x }) => {
    const made = base({ x });
    return { left: more({ n: made }), right: more.as('other')({ n: made }) };
  });
  return define({ assets: [source<number>('x'), assetsFromGraph(body, { canSubset: true })] });
}

/** A store on which a service keeps everything of these definitions up to date. */
async function served(defs: ReturnType<typeof twoOf>) {
  const store = memoryStore();
  await store.put('x', 1);
  const service = await live(defs, { store });
  await service.durable();
  return { store, service, head: await store.port.head() };
}

describe('a service that would run the steps of another one in another way', () => {
  test('is refused, and nothing is written', async () => {
    for (const [first, second] of [
      [twoOf('1'), twoOf('2')],
      [twoOf(), twoOf()],
    ] as const) {
      const { store, service, head } = await served(first);
      await expect(live(second, { store })).rejects.toMatchObject({
        code: 'ALREADY_SERVED',
        details: { served: expect.arrayContaining(['step "base" of "two"']) },
      });
      await ready();
      expect(await store.port.head()).toBe(head);
      await service.push('x', 5);
      expect(await store.value('left')).toBe(7);
      await service.close();
      const again = await live(second, { store });
      await again.close();
    }
  });

  test('is refused for a step that no asset of both depends on alone', async () => {
    const store = memoryStore();
    await store.put('x', 1);
    const service = await live(twoOf('1'), { store, select: ['left'] });
    await expect(live(twoOf('2'), { store, select: ['right'] })).rejects.toMatchObject({
      code: 'ALREADY_SERVED',
      details: { served: ['step "base" of "two"'] },
    });
    const other = await live(twoOf('1'), { store, select: ['right'] });
    await service.push('x', 2);
    await other.settled();
    expect([await store.value('left'), await store.value('right')]).toEqual([4, 4]);
    await Promise.all([service.close(), other.close()]);
  });

  test('is refused where both make other parts of outputs that are made together, which drop each other', async () => {
    const both = op({
      name: 'both',
      codeVersion: '1',
      outputsTogether: true,
      inputs: { x: input<number>() },
      outputs: { a: optional<number>(), b: optional<number>() },
      *run({ x }, { selectedOutputs }) {
        if (selectedOutputs.has('a')) yield emit('a', x);
        if (selectedOutputs.has('b')) yield emit('b', x);
      },
    });
    const body = graph('parts', { inputs: { x: input<number>() } }, ({ x }) => both({ x }));
    const defs = define({ assets: [source<number>('x'), assetsFromGraph(body, { canSubset: true })] });
    const store = memoryStore();
    await store.put('x', 1);
    const service = await live(defs, { store, select: ['a'] });
    await expect(live(defs, { store, select: ['b'] })).rejects.toMatchObject({ code: 'ALREADY_SERVED' });
    await service.close();
  });

  test('is refused where it records an asset of the other one from another output', async () => {
    const store = memoryStore();
    await store.put('x', 1);
    const service = await live(chain(), { store });
    const other = op({ name: 'other', codeVersion: '1', inputs: { x: input<number>() }, run: ({ x }) => -x });
    const body = graph('mine', { inputs: { x: input<number>() } }, ({ x }) => ({ doubled: other({ x }) }));
    await expect(live(define({ assets: [source<number>('x'), assetsFromGraph(body)] }), { store })).rejects.toMatchObject({
      code: 'ALREADY_SERVED',
      details: { served: ['asset "doubled"'] },
    });
    await service.close();
  });

  test('is not made by an update either, which leaves it as it was', async () => {
    const { store, service } = await served(twoOf('1'));
    const other = await live(twoOf('1'), { store });
    await expect(other.update({ defs: twoOf('2') })).rejects.toMatchObject({ code: 'ALREADY_SERVED' });
    await other.push('x', 3);
    expect(await store.value('right')).toBe(5);
    await service.close();
    await other.update({ defs: twoOf('2') });
    await expect(live(twoOf('1'), { store })).rejects.toMatchObject({ code: 'ALREADY_SERVED' });
    await other.close();
  });
});

test('epochs of N items are of N that no other service has applied', async () => {
  const store = memoryStore();
  const options = { store, sources: { x: feed<number>({ initial: 0, fold: (sum, item) => (sum ?? 0) + item }) }, epochs: { items: 3 } };
  const [first, second] = [await live(chain(), options), await live(chain(), options)];
  await Promise.all([first.settled(), second.settled()]);
  const push = (service: typeof first, ...items: readonly number[]) =>
    Promise.all(items.map(async (item) => (await service.push('x', item, { offset: String(item) })).outcome));
  const seen = seenOf(second.epochs());
  const early = push(second, 1, 2);
  await ready();
  expect(await push(first, 1, 2, 3)).toEqual(['applied', 'applied', 'applied']);
  expect(await early).toEqual(['duplicate', 'duplicate']);
  const late = push(second, 3, 4, 5);
  await ready();
  expect(await Promise.all([late, push(second, 6, 7, 8, 9)])).toEqual([
    ['duplicate', 'applied', 'applied'],
    ['applied', 'applied', 'applied', 'applied'],
  ]);
  expect(seen.flatMap(({ cause, items }) => (cause === 'items' ? items : []))).toEqual([3, 3]);
  expect(await store.value('x')).toBe(45);
  await Promise.all([first.close(), second.close()]);
});

test('what one service has applied of an origin is a repetition for the other one', async () => {
  const store = memoryStore();
  const sources = { x: feed<number>({ fold: (sum, item) => (sum ?? 0) + item }) };
  const first = await live(chain(), { store, sources });
  const second = await live(chain(), { store, sources });
  const seen = seenOf(second.epochs());
  await first.push('x', 1, { offset: '1' });
  await second.settled();
  expect((await second.push('x', 1, { offset: '1' })).outcome).toBe('duplicate');
  expect((await second.push('x', 10, { offset: '2' })).outcome).toBe('applied');
  expect((await first.push('x', 10, { offset: '2' })).outcome).toBe('duplicate');
  expect(await store.value('x')).toBe(11);
  const head = (await logOf(store)).length;
  await Promise.all([first.settled(), second.settled()]);
  expect(await logOf(store)).toHaveLength(head);
  expect(seen.length).toBeGreaterThan(0);
  await Promise.all([first.close(), second.close()]);
});
