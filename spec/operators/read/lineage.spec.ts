import { describe, expect, test } from 'vitest';
import {
  asset,
  assetsFromGraph,
  define,
  emit,
  graph,
  input,
  list,
  materialize,
  nothing,
  op,
  optional,
  output,
  source,
  type Definitions,
  type Store,
} from '../../../index.ts';
import { createStore } from '../../../lib/events/store.ts';
import type { InputEntryRecord, LoggedEvent, NewEvent } from '../../../lib/events/logged-event.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import type { Lineage } from '../../../lib/query/lineage.ts';
import { lineage, type LineageOptions } from '../../../operators/read/lineage.ts';
import { absent, batchOf, materialized, runEnded, sampleKey, sourceObserved, stepSettled, unchanged } from '../../kit/sample-events.ts';
import { countedPort } from '../../lib/events/tail-rig.ts';
import { diamond, fooBarBaz } from '../../lib/plan/fixtures.ts';
import { manualClock } from '../rig/manual-clock.ts';
import { untyped } from '../rig/untyped.ts';

/** A lineage in words: what each node is, and what it was made from. */
function told({ nodes, edges }: Lineage): readonly string[] {
  const names = new Map(
    nodes.map((node) => [
      node.id,
      node.kind === 'output' ? `${node.step}.${node.output}` : 'key' in node ? `${node.key}@${node.id}` : node.id,
    ]),
  );
  return nodes.map(({ id }) => {
    const from = edges
      .filter(({ to }) => to === id)
      .map((edge) => `${edge.kind === 'nothing' ? '⇠' : '←'} ${edge.input}: ${names.get(edge.from) ?? '?'}`);
    return [names.get(id), ...from].join(' ');
  });
}

const of = async (store: Store, key: string, options?: LineageOptions): Promise<readonly string[]> =>
  told(await lineage(store, key, options));

async function storeOf(...events: readonly NewEvent[]): Promise<Store> {
  const store = memoryStore();
  await store.port.append(batchOf(...events));
  return store;
}

/** An entry that read a version of an asset. */
function reads(key: string, position: number, kind: InputEntryRecord['kind'] = 'value'): InputEntryRecord {
  return { input: 'from', kind, origin: { from: 'asset', key: sampleKey(key) }, state: { state: 'value', version: 'v' }, position };
}

function takes(step: string, name: string, position: number): InputEntryRecord {
  const origin = { from: 'step', definition: 'graph', step, output: name } as const;
  return { input: 'from', kind: 'value', origin, state: { state: 'value', version: 'v' }, position };
}

describe('lineage', () => {
  test('tells from which versions, outputs of steps and code a version was made', async () => {
    const store = memoryStore();
    await materialize(fooBarBaz(), { store, select: ['baz_asset'], clock: manualClock() });
    const made = await lineage(store, 'baz_asset');
    expect(told(made)).toEqual([
      'bar.bar_1',
      'bar.bar_2',
      'foo.foo_2 ← bar_1: bar.bar_1',
      'baz_asset@5 ← foo_2: foo.foo_2 ← bar_2: bar.bar_2',
    ]);
    const { runId } = (await store.runs())[0]?.started ?? {};
    expect(made.nodes.at(-1)).toEqual({
      kind: 'asset',
      id: '5',
      name: 'baz_asset',
      position: 5,
      key: 'baz_asset',
      outcome: 'materialized',
      runId,
      time: 1_000_000,
      definition: 'my_graph',
      step: 'baz',
      output: 'result',
      op: 'baz',
      codeVersion: expect.stringMatching(/^session:/) as string,
      config: null,
      state: { state: 'value', version: expect.stringMatching(/^sha256:/) as string },
    });
    expect(made.nodes[0]).toMatchObject({
      kind: 'output',
      id: '2.bar_1',
      name: 'my_graph:bar.bar_1',
      position: 2,
      op: 'bar',
      runId,
      state: { state: 'value' },
    });
    expect(made.edges[0]).toEqual({ from: '2.bar_1', to: '3.foo_2', input: 'bar_1', kind: 'value' });
    expect(made).toMatchObject({ key: 'baz_asset', position: 6, head: 6, direction: 'back', start: '5', valueSince: 5, cutAt: [] });
  });

  test('shows an output that was recorded as the asset that it is, for readers in its own run as for those in others', async () => {
    const up = asset({ key: 'up', run: () => 1 });
    const down = asset({ key: 'down', inputs: { up: input<number>() }, run: ({ up }) => up });
    const both = asset({ key: 'both', inputs: { down: input<number>(), up: input<number>() }, run: ({ down, up }) => down + up });
    const defs = define({ assets: [up, down, both] });
    const store = memoryStore();
    await materialize(defs, { store, select: ['up', 'down'] });
    await materialize(defs, { store, select: ['both'] });
    expect(await of(store, 'both')).toEqual(['up@3', 'down@5 ← up: up@3', 'both@9 ← down: down@5 ← up: up@3']);
    expect(await of(store, 'up', { direction: 'forward' })).toEqual(['up@3', 'down@5 ← up: up@3', 'both@9 ← down: down@5 ← up: up@3']);
  });

  test('goes on over runs and definitions, to the very versions that were read', async () => {
    const store = memoryStore();
    const defs: Definitions = define({
      assets: [source('x'), diamond(), asset({ key: 'f', inputs: { d: input<number>() }, run: ({ d }) => d })],
    });
    await materialize(defs, { store, sources: { x: 1 } });
    await store.put('x', 2);
    await materialize(defs, { store, select: ['a', 'b'], inGraphUpstream: 'load' });
    const first = ['x@2', 'a@4 ← from: x@2', 'b@6 ← from: a@4', 'c@8 ← from: a@4', 'd@10 ← all: b@6 ← all: c@8'];
    expect(await of(store, 'f')).toEqual([...first, expect.stringMatching(/^f@\d+ ← d: d@10$/)]);
    const [x, a, b] = [await store.latest('x'), await store.latest('a'), await store.latest('b')].map((event) => event?.position ?? 0);
    expect(await of(store, 'b')).toEqual([`x@${x}`, `a@${a} ← from: x@${x}`, `b@${b} ← from: a@${a}`]);
    expect(await of(store, 'b', { position: (x ?? 0) - 1 })).toEqual(first.slice(0, 3));
    expect(await of(store, 'x', { direction: 'forward' })).toEqual(await of(store, 'b'));
  });

  test('shows what is order alone as that, and nothing where nothing was stored', async () => {
    const store = await storeOf(
      sourceObserved('x'),
      stepSettled({ inputs: [reads('x', 1, 'nothing'), { ...reads('never', 0, 'nothing'), position: null }] }),
      materialized('a', { inputs: [reads('x', 1, 'nothing'), { ...reads('never', 0, 'nothing'), position: null }] }),
    );
    expect(await of(store, 'a')).toEqual(['x@1', 'a@3 ⇠ from: x@1']);
    expect(await of(store, 'x', { direction: 'forward' })).toEqual(['x@1', 'a@3 ⇠ from: x@1']);
  });

  test('forward, leaves out what failed and what was blocked, and shows what came out absent', async () => {
    const maybe = op({ name: 'maybe', inputs: { x: input<number>() }, outputs: { out: optional<number>() }, run: () => ({}) });
    const skipped = op({ name: 'skipped', inputs: { maybe: input<number>() }, run: () => 1 });
    const fails = op({
      name: 'fails',
      inputs: { x: input<number>() },
      run: (): number => {
        throw new Error('no');
      },
    });
    const blocked = op({ name: 'blocked', inputs: { fails: input<number>() }, run: () => 1 });
    const built = graph('g', { inputs: { x: input<number>() } }, ({ x }) => {
      const failed = fails({ x });
      const made = maybe({ x });
      return { maybe: made.out, skipped: skipped({ maybe: made.out }), fails: failed, blocked: blocked({ fails: failed }) };
    });
    const store = memoryStore();
    await materialize(define({ assets: [source('x'), assetsFromGraph(built)] }), { store, sources: { x: 1 }, throwOnFailure: false });
    const forward = await lineage(store, 'x', { direction: 'forward' });
    expect(new Set(forward.nodes.map(({ name, state }) => `${name}: ${state.state}`))).toEqual(
      new Set(['x: value', 'maybe: absent', 'skipped: absent']),
    );
    expect((await lineage(store, 'skipped')).nodes.map((node) => ('key' in node ? node.key : node.id))).toEqual(['x', 'maybe', 'skipped']);
  });

  test('in both directions, leaves out what else its origins were used for', async () => {
    const store = memoryStore();
    await materialize(define({ assets: [source('x'), diamond()] }), { store, sources: { x: 1 } });
    const names = async (direction: 'back' | 'forward' | 'both'): Promise<readonly string[]> =>
      (await lineage(store, 'b', { direction })).nodes.map((node) => ('key' in node ? node.key : node.id));
    expect(await names('back')).toEqual(['x', 'a', 'b']);
    expect(await names('forward')).toEqual(['b', 'd', 'e']);
    expect(await names('both')).toEqual(['x', 'a', 'b', 'd', 'e']);
  });

  test('goes as far as its depth, counts recorded versions alone, and says where there is more', async () => {
    const one = op({ name: 'one', inputs: { x: input<number>() }, run: ({ x }) => x });
    const built = graph('g', { inputs: { x: input<number>() } }, ({ x }) => {
      const a = one.as('make_a')({ x });
      return { a, b: one.as('make_b')({ x: one.as('between')({ x: a }) }) };
    });
    const c = asset({ key: 'c', inputs: { b: input<number>() }, run: ({ b }) => b });
    const store = memoryStore();
    await materialize(define({ assets: [source('x'), assetsFromGraph(built), c] }), { store, sources: { x: 1 } });
    const at = async (key: string, options: LineageOptions): Promise<unknown> => {
      const { nodes, cutAt } = await lineage(store, key, options);
      const name = (id: string): string =>
        nodes.flatMap((node) => (node.id === id ? ['key' in node ? node.key : id.replace(/^\d+/, '')] : [])).join();
      return [nodes.map(({ id }) => name(id)), cutAt.map(name)];
    };
    expect(await at('c', { depth: 0 })).toEqual([['c'], ['c']]);
    expect(await at('c', { depth: 1 })).toEqual([['b', 'c'], ['b']]);
    expect(await at('c', { depth: 2 })).toEqual([['a', '.result', 'b', 'c'], ['a']]);
    expect(await at('c', { depth: 3 })).toEqual([['x', 'a', '.result', 'b', 'c'], []]);
    expect(await at('x', { depth: 1, direction: 'forward' })).toEqual([['x', 'a'], ['a']]);
    expect(await at('x', { depth: 2, direction: 'forward' })).toEqual([['x', 'a', '.result', 'b'], ['b']]);
    expect(await at('a', { depth: 1, direction: 'both' })).toEqual([['x', 'a', '.result', 'b'], ['b']]);
  });

  test('is frozen all through, and equal whenever it is asked for', async () => {
    const store = memoryStore();
    await materialize(fooBarBaz(), { store });
    const [one, two] = [await lineage(store, 'baz_asset'), await lineage(store, ['baz_asset'], {})];
    expect(JSON.stringify(two)).toBe(JSON.stringify(one));
    for (const part of [one, one.nodes, one.edges, one.cutAt, ...one.nodes, ...one.edges]) expect(Object.isFrozen(part)).toBe(true);
  });
});

describe('the lineage of', () => {
  test('an unchanged version is its own, and says since when readers get the value', async () => {
    const version = (fields: object, at: number) => ({ version: 'same', inputs: [reads('x', at)], ...fields });
    const store = await storeOf(
      sourceObserved('x'),
      materialized('a', version({ version: 'old' }, 1)),
      materialized('a', version({}, 1)),
      sourceObserved('x', { version: 'second' }),
      unchanged('a', version({}, 4)),
      unchanged('a', version({}, 4)),
    );
    expect(await lineage(store, 'a')).toMatchObject({ start: '6', valueSince: 3, nodes: [{ id: '4' }, { id: '6', outcome: 'unchanged' }] });
    expect(await lineage(store, 'a', { position: 3 })).toMatchObject({ start: '3', valueSince: 3, nodes: [{ id: '1' }, { id: '3' }] });
  });

  test('an absent version is what its step read', async () => {
    const store = await storeOf(sourceObserved('x'), { ...absent('a'), inputs: [reads('x', 1)] });
    expect(await lineage(store, 'a')).toMatchObject({
      valueSince: 2,
      nodes: [{ id: '1' }, { id: '2', outcome: 'absent', state: { state: 'absent' } }],
    });
  });

  test('a version is that alone: an equal one that came later is another', async () => {
    const store = await storeOf(sourceObserved('x'), materialized('a'), unchanged('a'), materialized('b', { inputs: [reads('a', 3)] }));
    expect(await of(store, 'a', { position: 2, direction: 'forward' })).toEqual(['a@2']);
    expect(await of(store, 'a', { position: 3, direction: 'forward' })).toEqual(['a@3', 'b@4 ← from: a@3']);
  });

  test('what a reused step gave leads to the run that made it', async () => {
    const own = { step: 'one' };
    const store = await storeOf(
      stepSettled(own),
      stepSettled({ step: 'two', inputs: [takes('one', 'result', 1)] }),
      materialized('later', { ...own, runId: 'second' }),
      materialized('two', { step: 'two', runId: 'second', inputs: [takes('one', 'result', 1)] }),
    );
    expect(await of(store, 'two')).toEqual(['one.result', 'two@4 ← from: one.result']);
    expect(await of(store, 'later', { direction: 'both' })).toEqual(['later@3']);
  });

  test('an asset of a step with very many of them, from anywhere in the log', async () => {
    const names = Array.from({ length: 700 }, (_, index) => `o${index}`);
    const many = op({
      name: 'many',
      inputs: { x: input<number>() },
      outputs: Object.fromEntries(names.map((name) => [name, output<number>()])),
      *run() {
        for (const name of names) yield emit(name, 1);
      },
    });
    const sum = op({ name: 'sum', inputs: { all: list<number>() }, run: ({ all }) => all.length });
    const built = graph('g', { inputs: { x: input<number>() } }, ({ x }) => {
      const made = untyped<(inputs: object) => Record<string, ReturnType<typeof sum>>>(many)({ x });
      return { ...made, sum: sum({ all: Object.values(made) }) };
    });
    const store = memoryStore();
    await materialize(define({ assets: [source('x'), assetsFromGraph(built)] }), { store, sources: { x: 1 } });
    const { nodes, edges } = await lineage(store, 'sum');
    expect([nodes.length, edges.length, nodes.filter(({ kind }) => kind === 'asset').length]).toEqual([702, 1400, 701]);
    expect(edges.slice(700).map(({ from }) => Number(from))).toEqual(names.map((_, index) => 4 + index));
    expect((await lineage(store, 'o699', { direction: 'both' })).nodes.map(({ id }) => id)).toEqual(['2', '703', '705']);
    expect((await lineage(store, 'x', { direction: 'forward' })).nodes).toHaveLength(702);
  });

  test('what an event of an unknown kind gave ends there', async () => {
    const port = countedPort((inner) => ({
      read: async (from, limit) =>
        (await inner.read(from, limit)).map((event): LoggedEvent =>
          event.position === 1 ? { type: 'unknown', kind: 'imported', position: 1 } : event,
        ),
    }));
    await port.append(batchOf(sourceObserved('x'), materialized('a', { inputs: [reads('x', 1)] })));
    const made = await lineage(createStore(port, { now: () => 0 }), 'a');
    expect(made.nodes[0]).toEqual({
      kind: 'unknown',
      id: '1',
      name: 'an event of kind "imported"',
      position: 1,
      eventKind: 'imported',
      state: { state: 'value', version: 'v' },
    });
    expect(made.edges).toEqual([{ from: '1', to: '2', input: 'from', kind: 'value' }]);
  });
});

describe('lineage reads', () => {
  /** Steps of which each read the one before it, with an asset each, and `gap` events of others behind each. */
  async function chain(length: number, gap: number) {
    const port = countedPort();
    const events: NewEvent[] = [sourceObserved('x')];
    for (let last = 0; events.length < length * (gap + 2);) {
      const inputs = last === 0 ? [reads('x', 1)] : [takes(`s${last}`, 'result', last)];
      const step = `s${(last = events.length + 1)}`;
      events.push(stepSettled({ step, inputs }), materialized('a', { step, inputs }));
      for (let other = 0; other < gap; other += 1) events.push(sourceObserved('other', { version: `v${events.length}` }));
    }
    await port.append(batchOf(...events));
    return { port, store: createStore(port, { now: () => 0 }), read: () => port.reads.reduce((sum, { limit }) => sum + limit, 0) };
  }

  test('back, in few pages where everything is asked for', async () => {
    const { port, store, read } = await chain(10_000, 0);
    expect((await lineage(store, 'a')).nodes).toHaveLength(10_001);
    expect(port.reads.length).toBeLessThan(100);
    expect(read()).toBeLessThan(1.2 * 20_000);
  });

  test('back, only what is near to what it visits', async () => {
    const { store, read } = await chain(100, 1000);
    expect((await lineage(store, 'a')).nodes).toHaveLength(101);
    expect(read()).toBeLessThan(20 * 101);
  });

  test('back, no more than its depth asks for', async () => {
    const { store, read } = await chain(10_000, 0);
    expect((await lineage(store, 'a', { depth: 3 })).nodes).toHaveLength(4);
    expect(read()).toBeLessThan(50);
  });

  test('forward, every event behind the version once', async () => {
    const { port, store, read } = await chain(1000, 3);
    const { nodes } = await lineage(store, 'x', { direction: 'forward' });
    expect(nodes).toHaveLength(1001);
    expect(read()).toBeLessThan(5000 + 50);
    expect(port.reads.length).toBeLessThan(20);
  });

  test.each(['back', 'forward'] as const)('%s, and gives other work a turn', async (direction) => {
    const { store } = await chain(3000, 0);
    let turns = 0;
    const count = (): void => {
      turns += 1;
      next = setImmediate(count);
    };
    let next = setImmediate(count);
    await lineage(store, direction === 'back' ? 'a' : 'x', { direction });
    clearImmediate(next);
    expect(turns).toBeGreaterThan(4);
  });
});

describe('lineage refuses', () => {
  test('a key under which nothing was stored, and names those that runs selected', async () => {
    const store = memoryStore();
    await expect(lineage(store, 'nothing')).rejects.toMatchObject({
      code: 'UNKNOWN_ASSET',
      message: 'The store "memory" has nothing under "nothing". Run the asset first, or put the source.',
      details: { key: 'nothing', position: 0, path: 'memory' },
    });
    await materialize(fooBarBaz(), { store });
    await expect(lineage(store, 'baz_aset')).rejects.toMatchObject({
      code: 'UNKNOWN_ASSET',
      message: 'The store "memory" has nothing under "baz_aset". Did you mean "baz_asset" or "foo_asset"?',
    });
  });

  test('a position before the first version', async () => {
    const store = await storeOf(sourceObserved('x'), sourceObserved('y'));
    await expect(lineage(store, 'y', { position: 1 })).rejects.toMatchObject({
      code: 'UNKNOWN_ASSET',
      message:
        'The store "memory" had nothing under "y" as of position 1: what is there came after it. Ask for a later position, or for none.',
    });
    expect(await of(store, 'y', { position: 99 })).toEqual(['y@2']);
    expect((await lineage(store, 'y', { position: Infinity })).position).toBe(2);
  });

  test.each<readonly [unknown, string]>([
    [{ direction: 'up' }, '"direction" is "up". Give "back", "forward" or "both".'],
    [{ depth: -1 }, '"depth" is "-1". Give a whole number from 0.'],
    [{ position: 1.5 }, '"position" is "1.5". Give a whole number from 0.'],
    [{ dept: 1 }, 'lineage() has no option "dept". Did you mean "depth"?'],
    [7, 'lineage() takes its options as one object, and got a number.'],
  ])('options such as %j', async (options, message) => {
    const store = await storeOf(sourceObserved('x'));
    const refused = lineage(store, 'x', untyped(options));
    await expect(refused).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    await expect(refused).rejects.toThrow(message);
  });

  test('what is no store, and what is no key', async () => {
    await expect(lineage(untyped(Promise.resolve(memoryStore())), 'x')).rejects.toThrow('lineage() takes a store first, and got a promise');
    await expect(lineage(memoryStore(), 'a//b')).rejects.toMatchObject({ code: 'INVALID_KEY' });
  });

  test.each<readonly [string, readonly NewEvent[]]>([
    ['is not before it', [sourceObserved('x'), materialized('a', { inputs: [reads('x', 3)] }), sourceObserved('x', { version: '2' })]],
    ['names position 2 as an origin', [sourceObserved('x'), materialized('a', { inputs: [reads('x', 2)] })]],
    ['is no version of an asset', [stepSettled(), materialized('a', { step: 'other', inputs: [reads('x', 1)] })]],
    ['has no output "lost"', [materialized('b'), materialized('a', { step: 'other', inputs: [takes('sub.step', 'lost', 1)] })]],
    ['is said to be the origin of a value, and has none', [runEnded(), materialized('a', { inputs: [reads('x', 1)] })]],
  ])('a log with a reference that %s', async (problem, events) => {
    const broken = lineage(await storeOf(...events), 'a');
    await expect(broken).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
    await expect(broken).rejects.toThrow(problem);
  });
});

test('nothing inputs of ops are in the lineage that a run records', async () => {
  const first = op({ name: 'first', run: () => 1 });
  const then = op({ name: 'then_second', inputs: { after: nothing() }, run: () => 2 });
  const store = memoryStore();
  await materialize(define({ assets: [assetsFromGraph(graph('g', () => ({ end: then({ after: first() }) })))] }), { store });
  expect(await of(store, 'end')).toEqual(['first.result', 'end@4 ⇠ after: first.result']);
});
