import { describe, expect, test } from 'vitest';
import {
  asset,
  assetsFromGraph,
  define,
  graph,
  input,
  list,
  materialize,
  nothing,
  op,
  optional,
  output,
  plan,
  reexecute,
  refresh,
  run,
  source,
  type Store,
} from '../../../index.ts';
import { createStore } from '../../../lib/events/store.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { openStore } from '../../../store/open-store.ts';
import { newFolder } from '../../store/folder.ts';
import { watchRun } from '../rig/watch-run.ts';
import { whole } from '../rig/whole.ts';
import { quiet, workbench, wrappedPort } from './reexecute-rig.ts';

const stores: readonly [string, () => Promise<Store>][] = [
  ['memory', async () => memoryStore()],
  ['disk', async () => openStore(await newFolder())],
];

/** A value that no store can keep. */
class Connection {
  readonly number: number;

  constructor(number: number) {
    this.number = number;
  }
}

describe.each(stores)('what a step reads that runs again (%s)', (_, openNew) => {
  test('was given by reference: the step that gave it runs again too, and what else read it does not', async () => {
    const store = await openNew();
    const calls: string[] = [];
    let isBroken = true;
    const defs = whole(() => {
      const connect = op({
        name: 'connect',
        run: () => (calls.push('connect'), new Connection(5)),
      });
      const use = op({
        name: 'use',
        inputs: { connection: input<Connection>() },
        run: ({ connection }, { step }) => {
          calls.push(step);
          if (step === 'bad' && isBroken) throw new Error('broken');
          return connection.number;
        },
      });
      const connection = connect();
      return { good: use.as('good')({ connection }), bad: use.as('bad')({ connection }) };
    });
    const { runId } = await materialize(defs, { store, ...quiet });
    isBroken = false;
    calls.length = 0;
    const result = await reexecute(defs, runId, { store });
    expect(calls).toEqual(['connect', 'bad']);
    expect([...result.outcomes]).toEqual([['bad', 'materialized']]);
    expect(result.value('bad')).toBe(5);
    await store.close();
  });

  test('is transient: its step runs again, and so does what gave that by reference, and nothing further', async () => {
    const store = await openNew();
    const calls: string[] = [];
    let isBroken = true;
    const say = <T>(step: string, value: T): T => (calls.push(step), value);
    const defs = whole(() => {
      const first = op({ name: 'first', outputs: { x: output<number>() }, run: () => ({ x: say('first', 1) }) });
      const second = op({
        name: 'second',
        inputs: { x: input<number>() },
        outputs: { y: output<number>({ transient: true }) },
        run: ({ x }) => ({ y: say('second', x + 1) }),
      });
      const third = op({
        name: 'third',
        inputs: { y: input<number>() },
        outputs: { z: output<number>({ transient: true }) },
        run: ({ y }) => ({ z: say('third', y + 1) }),
      });
      const fourth = op({
        name: 'fourth',
        inputs: { z: input<number>() },
        run: ({ z }) => {
          calls.push('fourth');
          if (isBroken) throw new Error('broken');
          return z;
        },
      });
      return { out: fourth(third(second(first()))) };
    });
    const { runId } = await materialize(defs, { store, ...quiet });
    isBroken = false;
    calls.length = 0;
    const result = await reexecute(defs, runId, { store });
    expect([calls, result.value('out')]).toEqual([['second', 'third', 'fourth'], 3]);
    await store.close();
  });

  test('has no value, since it lives elsewhere: order alone takes it as it was', async () => {
    const store = await openNew();
    const calls: string[] = [];
    let isBroken = true;
    const defs = whole(() => {
      const write = op({ name: 'write', run: () => void calls.push('write') });
      const read = op({
        name: 'read',
        inputs: { after: nothing() },
        run: () => {
          calls.push('read');
          if (isBroken) throw new Error('broken');
          return 1;
        },
      });
      const written = write();
      return { written, read: read({ after: written }) };
    });
    const { runId } = await materialize(defs, { store, ...quiet });
    isBroken = false;
    calls.length = 0;
    expect((await reexecute(defs, runId, { store })).value('read')).toBe(1);
    expect(calls).toEqual(['read']);
    await store.close();
  });

  test('was absent, or skipped, then: it is so now', async () => {
    const store = await openNew();
    let isBroken = true;
    const seen: unknown[] = [];
    const defs = whole(() => {
      const maybe = op({ name: 'maybe', outputs: { x: optional<number>(), y: optional<number>() }, run: () => ({ y: 2 }) });
      const next = op({ name: 'next', inputs: { x: input<number>() }, run: ({ x }) => x });
      const last = op({
        name: 'last',
        inputs: { xs: list<number>({ optional: true }), y: input<number>() },
        run: ({ xs, y }) => {
          seen.push([xs, y]);
          if (isBroken) throw new Error('broken');
          return y;
        },
      });
      const { x, y } = maybe();
      const skipped = next({ x });
      return { skipped, last: last({ xs: [x, skipped], y }) };
    });
    const { runId } = await materialize(defs, { store, ...quiet });
    isBroken = false;
    const result = await reexecute(defs, runId, { store });
    expect(seen).toEqual([
      [[], 2],
      [[], 2],
    ]);
    expect([...result.outcomes]).toEqual([['last', 'materialized']]);
    await store.close();
  });

  test('was loaded from the store: it is the version of then', async () => {
    const store = await openNew();
    const bench = workbench();
    await materialize(bench.define(), { store, sources: { feed: 1, other: 1 } });
    bench.broken.add('work:both');
    bench.broken.add('report:report');
    const failed = await materialize(bench.define(), { store, select: ['report'], crossGraphUpstream: 'load', ...quiet });
    const inside = await materialize(bench.define(), { store, select: ['both'], inGraphUpstream: 'load', ...quiet });
    bench.broken.clear();
    await store.put('feed', 2);
    await materialize(bench.define(), { store });
    bench.ran();
    await reexecute(bench.define(), failed.runId, { store });
    expect(bench.called()).toEqual([{ step: 'report:report', inputs: { both: 220 } }]);
    await reexecute(bench.define(), inside.runId, { store });
    expect(bench.called()).toEqual([{ step: 'work:both', inputs: { x: 20, y: 200 } }]);
    await store.close();
  });

  test('of a source that was read as the run started: what was read then', async () => {
    const store = await openNew();
    let [reading, isBroken] = [1, true];
    const defs = define({
      assets: [
        source<number>('feed', { read: () => reading }),
        asset({
          key: 'out',
          inputs: { feed: input<number>() },
          run: ({ feed }) => {
            if (isBroken) throw new Error('broken');
            return feed;
          },
        }),
      ],
    });
    const { runId } = await materialize(defs, { store, ...quiet });
    [reading, isBroken] = [2, false];
    expect((await reexecute(defs, runId, { store })).value('out')).toBe(1);
    expect(await store.value('feed')).toBe(1);
    await store.close();
  });
});

describe('what the store has no more', () => {
  /** A store that has lost the value of an asset or an output which the filter picks. */
  async function without(store: Store, picks: (name: string) => boolean): Promise<Store> {
    const gone = new Set<string>();
    for await (const event of store.events()) {
      if (event.type === 'step-settled')
        for (const { address } of event.outputs) if (address !== null && picks(event.step)) gone.add(address);
      if (event.type === 'source-observed' && event.address !== null && picks(event.key)) gone.add(event.address);
    }
    const { port } = store;
    return createStore(
      wrappedPort(port, {
        values: async (addresses) =>
          (await port.values(addresses)).map((bytes, index) => (gone.has(addresses[index] ?? '') ? undefined : bytes)),
        has: async (addresses) => (await port.has(addresses)).map((isKept, index) => isKept && !gone.has(addresses[index] ?? '')),
      }),
      { now: () => 0 },
    );
  }

  test.each([
    ['a step gave', 'clean', 'work:left', 'work:clean'],
    ['a source had', 'other', 'extra:extra', 'other'],
  ])('and %s: nothing runs and nothing is written (E4)', async (_, name, broken, told) => {
    const [bench, store] = [workbench(), memoryStore()];
    bench.broken.add(broken);
    const { runId } = await materialize(bench.define(), { store, sources: { feed: 1, other: 7 }, ...quiet });
    bench.broken.clear();
    bench.ran();
    const head = await store.port.head();
    const lossy = await without(store, (each) => each === name);
    await expect(reexecute(bench.define(), runId, { store: lossy })).rejects.toMatchObject({
      code: 'MISSING_VALUE',
      message: expect.stringMatching(new RegExp(`no longer has .*"${told}".*Nothing ran and nothing was written`)),
      details: { missing: [told] },
    });
    expect([bench.ran(), await store.port.head()]).toEqual([[], head]);
  });

  test('matters only where it is read', async () => {
    const [bench, store] = [workbench(), memoryStore()];
    bench.broken.add('work:both');
    const { runId } = await materialize(bench.define(), { store, sources: { feed: 1, other: 7 }, ...quiet });
    bench.broken.clear();
    const lossy = await without(store, (each) => each === 'clean' || each === 'load' || each === 'other');
    expect((await reexecute(bench.define(), runId, { store: lossy })).value('both')).toBe(220);
  });
});

describe('a run of any kind can be taken up', () => {
  test('one of `run`, under the policies that it had', async () => {
    const [bench, store] = [workbench(), memoryStore()];
    bench.broken.add('work:both');
    const defs = bench.define();
    const policies = { unselectedOutputs: 'materialize', inGraphUpstream: 'recompute' } as const;
    await watchRun(run(plan(defs, { select: ['both'], ...policies }), { store, sources: { feed: 1 } }));
    bench.broken.clear();
    const [first] = await store.runs();
    const result = await reexecute(defs, first?.started.runId ?? '', { store });
    expect([result.plan.policies, result.plan.mode]).toEqual([first?.started.policies, 'materialize']);
    expect([...result.outcomes]).toEqual([['both', 'materialized']]);
  });

  test('one of `refresh`: it records as a refresh does', async () => {
    const [bench, store] = [workbench(), memoryStore()];
    await materialize(bench.define(), { store, sources: { feed: 1, other: 7 } });
    bench.broken.add('work:both');
    const failed = await refresh(bench.define({ codeVersion: '2' }), { store, ...quiet });
    bench.broken.clear();
    const result = await reexecute(bench.define({ codeVersion: '2' }), failed.runId, { store });
    expect([...result.outcomes]).toEqual([
      ['both', 'unchanged'],
      ['report', 'unchanged'],
    ]);
    const after = await refresh(bench.define({ codeVersion: '2' }), { store });
    expect(new Set(after.outcomes.values())).toEqual(new Set(['fresh']));
  });

  test('one of assets that are made together, in part', async () => {
    const store = memoryStore();
    let isBroken = true;
    const first = op({ name: 'first', run: () => 1 });
    const second = op({
      name: 'second',
      inputs: { x: input<number>() },
      run: ({ x }) => {
        if (isBroken) throw new Error('broken');
        return x + 1;
      },
    });
    const both = graph('both', () => {
      const x = first();
      return { x, y: second({ x }) };
    });
    const defs = define({ assets: [assetsFromGraph(both)] });
    const { runId } = await materialize(defs, { store, ...quiet });
    isBroken = false;
    expect([...(await reexecute(defs, runId, { store })).outcomes]).toEqual([['y', 'materialized']]);
    expect([...(await reexecute(defs, runId, { store, steps: ['first'] })).outcomes]).toEqual([['x', 'materialized']]);
  });
});
