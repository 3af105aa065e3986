import { describe, expect, test } from 'vitest';
import {
  asset,
  assetsFromGraph,
  define,
  graph,
  input,
  materialize,
  op,
  reexecute,
  refresh,
  resource,
  source,
  type Definitions,
  type ReexecuteOptions,
} from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { outputPorts } from '../../../operators/index.ts';
import { runEnded, runStarted } from '../../kit/sample-events.ts';
import { deferred } from '../rig/deferred.ts';
import { untyped } from '../rig/untyped.ts';
import { ofType } from '../rig/watch-run.ts';
import { logOf } from '../rig/watched-store.ts';
import { eventsOf, quiet, runIds, workbench } from './reexecute-rig.ts';

interface Steps {
  readonly calls: string[];
  readonly broken: Set<string>;
}

/** A step of one input that adds a number, under a name. */
function adds(name: string, n: number, { calls, broken }: Steps) {
  return op({
    name,
    codeVersion: `${n}`,
    inputs: { x: input<number>() },
    run: ({ x }) => {
      calls.push(name);
      if (broken.has(name)) throw new Error('broken');
      return x + n;
    },
  });
}

const feedSource = source<number>('feed');
const extraSource = source<number>('extra');

describe('definitions that are others than those of the run', () => {
  test('a step of another name is a new one: it runs, and what it feeds', async () => {
    const [store, steps] = [memoryStore(), { calls: [], broken: new Set(['last']) } satisfies Steps];
    const made = (name: string): Definitions<{ readonly out: number }> => {
      const built = graph('g', { inputs: { feed: input<number>() } }, ({ feed }) => ({
        out: adds('last', 1, steps)({ x: adds(name, 10, steps)({ x: feed }) }),
      }));
      return define({ assets: [feedSource, assetsFromGraph(built)] });
    };
    const { runId } = await materialize(made('first'), { store, sources: { feed: 1 }, ...quiet });
    steps.broken.clear();
    const calls: string[] = steps.calls;
    calls.length = 0;
    expect((await reexecute(made('renamed'), runId, { store })).value('out')).toBe(12);
    expect(calls).toEqual(['renamed', 'last']);
  });

  test('a step that is put between others runs', async () => {
    const [store, steps] = [memoryStore(), { calls: [] as string[], broken: new Set(['last']) }];
    const made = (isLonger: boolean): Definitions<{ readonly out: number }> => {
      const built = graph('g', { inputs: { feed: input<number>() } }, ({ feed }) => {
        const first = adds('first', 10, steps)({ x: feed });
        return { out: adds('last', 1, steps)({ x: isLonger ? adds('between', 100, steps)({ x: first }) : first }) };
      });
      return define({ assets: [feedSource, assetsFromGraph(built)] });
    };
    const { runId } = await materialize(made(false), { store, sources: { feed: 1 }, ...quiet });
    steps.broken.clear();
    steps.calls.length = 0;
    expect((await reexecute(made(true), runId, { store })).value('out')).toBe(112);
    expect(steps.calls).toEqual(['between', 'last']);
  });

  test('a step that was not in that run, but in an older one, is not taken from there: it runs on what that run read', async () => {
    const [store, steps] = [memoryStore(), { calls: [] as string[], broken: new Set<string>() }];
    const made = (isRewired: boolean): Definitions<{ readonly out: number; readonly side: number; readonly first: number }> => {
      const built = graph('g', { inputs: { feed: input<number>() } }, ({ feed }) => {
        const side = adds('side', 10, steps)({ x: feed });
        const first = adds('first', 100, steps)({ x: feed });
        return { first, side: adds('end', 0, steps)({ x: side }), out: adds('last', 1, steps)({ x: isRewired ? side : first }) };
      });
      return define({ assets: [feedSource, assetsFromGraph(built, { canSubset: true })] });
    };
    for (const verb of [materialize, refresh]) {
      await materialize(made(false), { store, sources: { feed: 1 } });
      steps.broken.add('last');
      const { runId } = await verb(made(false), { store, select: ['out'], sources: { feed: 2 }, ...quiet });
      steps.broken.clear();
      steps.calls.length = 0;
      const result = await reexecute(made(true), runId, { store });
      expect([steps.calls.splice(0), result.value('out')]).toEqual([['side', 'last'], 13]);
    }
  });

  test('a wire to a source that was there: as it was when the run read; one that was not: refused', async () => {
    const [store, steps] = [memoryStore(), { calls: [] as string[], broken: new Set(['last']) }];
    const made = (from: 'feed' | 'extra'): Definitions<{ readonly out: number }> => {
      const built = graph('g', { inputs: { [from]: input<number>() } }, (given) => ({
        out: adds('last', 1, steps)({ x: untyped(given[from]) }),
      }));
      return untyped(define({ assets: [feedSource, extraSource, assetsFromGraph(built, { keysByOutputName: { out: 'out' } })] }));
    };
    const early = await materialize(made('feed'), { store, sources: { feed: 1 }, ...quiet });
    await store.put('extra', 5);
    const late = await materialize(made('feed'), { store, ...quiet });
    await store.put('extra', 50);
    steps.broken.clear();
    expect((await reexecute(made('extra'), late.runId, { store })).value('out')).toBe(6);
    const head = await store.port.head();
    await expect(reexecute(made('extra'), early.runId, { store })).rejects.toMatchObject({
      code: 'MISSING_VALUE',
      message: expect.stringMatching(/"extra".*when run ".*" read.*Run the assets again instead/),
    });
    expect(await store.port.head()).toBe(head);
  });

  test('that lack what was selected are refused before anything runs', async () => {
    const [bench, store] = [workbench(), memoryStore()];
    bench.broken.add('work:left');
    const { runId } = await materialize(bench.define(), { store, sources: { feed: 1, other: 2 }, ...quiet });
    bench.ran();
    const head = await store.port.head();
    const others = define({ assets: [asset({ key: 'left', run: () => 1 }), asset({ key: 'report', run: () => 1 })] });
    await expect(reexecute(others, runId, { store })).rejects.toMatchObject({
      code: 'RUN_MISMATCH',
      message: expect.stringMatching(/had selected "right", "both", "extra", which these definitions do not have/),
      details: { runId, keys: ['right', 'both', 'extra'] },
    });
    expect([bench.ran(), await store.port.head()]).toEqual([[], head]);
  });

  test('in which a step is gone that was in the run: what is left of it runs', async () => {
    const [store, steps] = [memoryStore(), { calls: [] as string[], broken: new Set(['last']) }];
    const made = (isShorter: boolean): Definitions<{ readonly out: number }> => {
      const built = graph('g', { inputs: { feed: input<number>() } }, ({ feed }) => ({
        out: adds('last', 1, steps)({ x: isShorter ? feed : adds('first', 10, steps)({ x: feed }) }),
      }));
      return define({ assets: [feedSource, assetsFromGraph(built)] });
    };
    const { runId } = await materialize(made(false), { store, sources: { feed: 1 }, ...quiet });
    steps.broken.clear();
    steps.calls.length = 0;
    expect((await reexecute(made(true), runId, { store })).value('out')).toBe(2);
    expect(steps.calls).toEqual(['last']);
    await expect(reexecute(made(true), runId, { store, steps: ['first'] })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });

  test('that make assets together which were selected alone are refused', async () => {
    const [store, steps] = [memoryStore(), { calls: [] as string[], broken: new Set(['a']) }];
    const made = (canSubset: boolean): Definitions<{ readonly a: number; readonly b: number }> => {
      const built = graph('g', { inputs: { feed: input<number>() } }, ({ feed }) => ({
        a: adds('a', 1, steps)({ x: feed }),
        b: adds('b', 1, steps)({ x: feed }),
      }));
      return define({ assets: [feedSource, assetsFromGraph(built, { canSubset })] });
    };
    const { runId } = await materialize(made(true), { store, select: ['a'], sources: { feed: 1 }, ...quiet });
    await expect(reexecute(made(false), runId, { store })).rejects.toMatchObject({ code: 'NOT_SUBSETTABLE' });
  });
});

describe('what is asked', () => {
  async function failed() {
    const [bench, store] = [workbench(), memoryStore()];
    bench.broken.add('work:left');
    const { runId } = await materialize(bench.define(), { store, sources: { feed: 1, other: 2 }, ...quiet });
    bench.broken.clear();
    bench.ran();
    return { bench, store, runId };
  }

  test('of a run that the store does not have is refused', async () => {
    const { bench, store } = await failed();
    await expect(reexecute(bench.define(), 'nope', { store })).rejects.toMatchObject({
      name: 'SelectionError',
      code: 'UNKNOWN_RUN',
      message: 'The store "memory" has no run "nope". store.runs() lists those that it has.',
      details: { runId: 'nope' },
    });
    await expect(reexecute(bench.define(), untyped(undefined), { store })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining('takes the id of a run second'),
    });
  });

  test('of the run of a live service is refused, whether it goes on or has ended', async () => {
    const { bench, store } = await failed();
    const live = { runId: 'live', time: 0 };
    for (const event of [runStarted({ ...live, mode: 'live' }), runEnded({ ...live, status: 'failed' })]) {
      await store.port.append({ events: [event], values: [] });
      const head = await store.port.head();
      await expect(reexecute(bench.define(), 'live', { store })).rejects.toMatchObject({
        name: 'SelectionError',
        code: 'RUN_MISMATCH',
        message: expect.stringMatching(/^Run "live" of the store "memory" is that of a live service.*Use refresh\(\)/),
        details: { runId: 'live', mode: 'live' },
      });
      expect([bench.ran(), await store.port.head()]).toEqual([[], head]);
    }
  });

  test.each<[string, object]>([
    ['"from"', { from: 'start' }],
    ['"steps"', { steps: 'work:left' }],
    ['"steps"', { steps: [1] }],
    ['"downstream"', { steps: ['work:left'], downstream: 1 }],
    ['"downstream" goes with "steps"', { downstream: true }],
    ['"downstream" goes with "steps"', { from: 'failure', downstream: true }],
    ['Give "from" or "steps", not both', { from: 'failure', steps: ['work:left'] }],
    ['"select"', { select: ['left'] }],
    ['"sources"', { sources: { feed: 2 } }],
    ['"inGraphUpstream"', { inGraphUpstream: 'load' }],
    ['"crossGraphUpstream"', { crossGraphUpstream: 'load' }],
    ['"unselectedOutputs"', { unselectedOutputs: 'error' }],
    ['"store"', { store: undefined }],
  ])('with bad options is refused: %s %j', async (said, options) => {
    const { bench, store, runId } = await failed();
    const head = await store.port.head();
    await expect(reexecute(bench.define(), runId, untyped<ReexecuteOptions<unknown>>({ store, ...options }))).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining(said),
    });
    expect([bench.ran(), await store.port.head()]).toEqual([[], head]);
  });

  test('without options is refused', async () => {
    const { bench, runId } = await failed();
    await expect(reexecute(bench.define(), runId, untyped(undefined))).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });

  test('waits for its turn, and takes up the run as it is by then', async () => {
    const [store, steps] = [memoryStore(), { calls: [] as string[], broken: new Set<string>() }];
    const gate = deferred();
    const built = graph('g', { inputs: { feed: input<number>() } }, ({ feed }) => {
      const slow = op({ name: 'slow', codeVersion: '1', inputs: { x: input<number>() }, run: async ({ x }) => (await gate.promise, x) });
      const first = adds('first', 10, steps)({ x: feed });
      return { out: adds('last', 1, steps)({ x: slow({ x: first }) }) };
    });
    const defs = define({ assets: [feedSource, assetsFromGraph(built)] });
    gate.resolve();
    await materialize(defs, { store, sources: { feed: 1 } });
    steps.broken.add('last');
    steps.calls.length = 0;
    const bumped = define({
      assets: [
        feedSource,
        assetsFromGraph(
          graph('g', { inputs: { feed: input<number>() } }, ({ feed }) => {
            const slow = op({
              name: 'slow',
              codeVersion: '2',
              inputs: { x: input<number>() },
              run: async ({ x }) => (await going.promise, x + 1),
            });
            return { out: adds('last', 1, steps)({ x: slow({ x: adds('first', 10, steps)({ x: feed }) }) }) };
          }),
        ),
      ],
    });
    const going = deferred();
    const running = refresh(bumped, { store, ...quiet });
    const id = await new Promise<string>((resolve) => {
      const look = async (): Promise<void> => {
        const runId = (await runIds(store))[1];
        if (runId === undefined) setTimeout(() => void look(), 1);
        else resolve(runId);
      };
      void look();
    });
    const again = reexecute(bumped, id, { store });
    await new Promise((resolve) => setTimeout(resolve, 5));
    going.resolve();
    steps.calls.length = 0;
    await running;
    steps.broken.clear();
    expect(steps.calls.splice(0)).toEqual(['last']);
    expect((await again).value('out')).toBe(13);
    expect(steps.calls).toEqual(['last']);
  });

  test('is refused at once where the store is busy and that is asked for', async () => {
    const { bench, store, runId } = await failed();
    const release = await store.turn('queue');
    await expect(reexecute(bench.define(), runId, { store, whenBusy: 'error' })).rejects.toMatchObject({ code: 'STORE_BUSY' });
    release();
  });
});

describe('it is a run as others are', () => {
  test('with hooks, ports, tags and events, of the steps that run', async () => {
    const [bench, store] = [workbench(), memoryStore()];
    bench.broken.add('work:left');
    const { runId } = await materialize(bench.define(), { store, sources: { feed: 1, other: 2 }, ...quiet });
    bench.broken.clear();
    const defs = bench.define();
    const ports = outputPorts();
    const seen: unknown[] = [];
    ports.output('work:left', 'result').subscribe((value) => seen.push(['port', value]));
    const types: string[] = [];
    const result = await reexecute(defs, runId, {
      store,
      ports,
      tags: { by: 'hand' },
      causedBy: 'a click',
      hooks: {
        onSuccess: ({ step }) => void seen.push(['success', step]),
        onMaterialization: ({ key }) => void seen.push(['materialization', key]),
      },
      onEvent: ({ type }) => void types.push(type),
    });
    expect(new Set(seen)).toEqual(
      new Set([
        ['port', 20],
        ['success', 'work:left'],
        ['success', 'work:both'],
        ['success', 'report:report'],
        ['materialization', 'left'],
        ['materialization', 'both'],
        ['materialization', 'report'],
      ]),
    );
    expect([types[0], types.at(-1)]).toEqual(['run-started', 'run-ended']);
    expect((await eventsOf(store, result.runId))[0]).toMatchObject({
      type: 'run-started',
      tags: { by: 'hand' },
      causedBy: 'a click',
      again: { parent: runId },
    });
    expect([...result.steps].filter(([, { outcome }]) => outcome === 'reused').map(([id]) => id)).toEqual(['work:clean', 'work:right']);
  });

  test('with resources and config of its own, opened for what runs', async () => {
    const store = memoryStore();
    const opened: string[] = [];
    const api = resource<string>('api');
    let isBroken = true;
    const defs = define({
      assets: [
        asset({
          key: 'a',
          resources: { api },
          run: (_, { resources }) => {
            if (isBroken) throw new Error('broken');
            return resources.api;
          },
        }),
      ],
    });
    const provide = (name: string) => [api.factory({ open: () => (opened.push(name), name), dispose: () => void opened.push(`-${name}`) })];
    const { runId } = await materialize(defs, { store, resources: provide('first'), ...quiet });
    isBroken = false;
    const result = await reexecute(defs, runId, { store, resources: provide('second') });
    expect([result.value('a'), opened]).toEqual(['second', ['first', '-first', 'second', '-second']]);
    await expect(reexecute(defs, runId, { store })).rejects.toMatchObject({ code: 'MISSING_RESOURCE' });
  });

  test('may be cancelled, before and while it runs, and be taken up then', async () => {
    const [bench, store] = [workbench(), memoryStore()];
    bench.broken.add('work:left');
    const { runId } = await materialize(bench.define(), { store, sources: { feed: 1, other: 2 }, ...quiet });
    bench.broken.clear();
    bench.ran();
    const head = await store.port.head();
    await expect(reexecute(bench.define(), runId, { store, signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'RUN_CANCELLED' });
    expect([bench.ran(), await store.port.head()]).toEqual([[], head]);
    const stopped = new AbortController();
    const stopping = reexecute(bench.define(), runId, {
      store,
      signal: stopped.signal,
      onEvent: (event) => event.type === 'step-started' && event.step === 'both' && stopped.abort(),
    });
    await expect(stopping).rejects.toMatchObject({ code: 'RUN_CANCELLED' });
    bench.ran();
    const [, second = ''] = await runIds(store);
    const result = await reexecute(bench.define(), second, { store });
    expect(result.value('report')).toBe('220');
    expect(bench.ran()).toEqual(['work:both', 'report:report']);
  });

  test('whose inputs point at the events that they came from, with the same versions', async () => {
    const [bench, store] = [workbench(), memoryStore()];
    bench.broken.add('work:left');
    const { runId } = await materialize(bench.define(), { store, sources: { feed: 1, other: 2 }, ...quiet });
    bench.broken.clear();
    await materialize(bench.define(), { store, sources: { feed: 3 } });
    const result = await reexecute(bench.define(), runId, { store });
    const log = await logOf(store);
    const settled = ofType(await eventsOf(store, result.runId), 'step-settled');
    const read = settled.flatMap(({ step, inputs }) => inputs.map(({ position }) => [step, position ?? 0] as const));
    expect(read.map(([step, position]) => [step, log[position - 1]])).toMatchObject([
      ['left', { type: 'step-settled', step: 'clean', runId }],
      ['both', { type: 'step-settled', step: 'left', runId: result.runId }],
      ['both', { type: 'step-settled', step: 'right', runId }],
      ['report', { type: 'step-settled', step: 'both', runId: result.runId }],
    ]);
  });
});
