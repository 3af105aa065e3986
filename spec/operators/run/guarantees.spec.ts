import { describe, expect, test } from 'vitest';
import {
  AbortError,
  asset,
  assetsFromGraph,
  define,
  emit,
  explain,
  graph,
  input,
  materialize,
  op,
  optional,
  output,
  plan,
  run,
  source,
} from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { toOperator } from '../../../operators/index.ts';
import { of } from 'rxjs';
import { deferred, ready } from '../rig/deferred.ts';
import { manualClock } from '../rig/manual-clock.ts';
import { untyped } from '../rig/untyped.ts';
import { ofType } from '../rig/watch-run.ts';
import { logOf, watchedStore } from '../rig/watched-store.ts';
import { whole } from '../rig/whole.ts';

const copy = (name: string) => op({ name, codeVersion: '1', inputs: { x: input<number>() }, run: ({ x }) => x });

describe('staleInputs (N5) tells of every loaded asset that a run would make anew', () => {
  const chained = define({
    assets: [
      source<number>('s'),
      asset({ key: 'a', codeVersion: '1', inputs: { s: input<number>() }, run: ({ s }) => s }),
      asset({ key: 'b', codeVersion: '1', inputs: { a: input<number>() }, run: ({ a }) => a }),
    ],
  });

  test('also where the run itself observes what changed (N8)', async () => {
    const store = memoryStore();
    await materialize(chained, { store, sources: { s: 1 } });
    const result = await materialize(chained, { select: ['b'], store, sources: { s: 2 } });
    expect(result.staleInputs).toEqual([{ key: 'a', cause: 'data', what: 's' }]);
    expect((await materialize(chained, { select: ['b'], store, sources: { s: 1 } })).staleInputs).toEqual([]);
  });

  test('also where the same output is made for another reader of this run', async () => {
    const g = graph('g', { inputs: { s: input<number>() } }, ({ s }) => {
      const a = copy('first')({ x: s });
      return { a, a2: copy('second')({ x: a }) };
    });
    const both = asset({ key: 'b', inputs: { a: input<number>(), a2: input<number>() }, run: ({ a, a2 }) => [a, a2] });
    const defs = define({ assets: [source<number>('s'), assetsFromGraph(g, { canSubset: true }), both] });
    const store = memoryStore();
    await materialize(defs, { store, sources: { s: 1 } });
    const result = await materialize(defs, { select: ['a2', 'b'], store, sources: { s: 2 } });
    // Literally what `load` says: `a` is not selected, so `b` reads the stored one, and is told that it is stale.
    expect(result.value('b')).toEqual([1, 2]);
    expect(result.staleInputs).toEqual([{ key: 'a', cause: 'data', what: 's' }]);
  });

  test('also where a step has run since, and what it gave was not recorded', async () => {
    const g = graph('g', { inputs: { s: input<number>() } }, ({ s }) => {
      const a = copy('makes_a')({ x: s });
      return { a, b: copy('makes_b')({ x: a }), c: copy('makes_c')({ x: a }) };
    });
    const defs = define({
      assets: [
        source<number>('s'),
        assetsFromGraph(g, { canSubset: true }),
        asset({ key: 'd', codeVersion: '1', inputs: { b: input<number>() }, run: ({ b }) => b }),
      ],
    });
    const store = memoryStore();
    await materialize(defs, { store, sources: { s: 1 } });
    await materialize(defs, { store, select: ['c'], inGraphUpstream: 'recompute', sources: { s: 2 } });
    await materialize(defs, { store, select: ['b'], inGraphUpstream: 'load' });
    const result = await materialize(defs, { store, select: ['d'] });
    expect(result.value('d')).toBe(1);
    expect(result.staleInputs.map(({ key }) => key)).toEqual(['b']);
  });

  test('also where it was made from a value that is never kept (R6)', async () => {
    const makes = op({
      name: 'makes',
      codeVersion: '1',
      outputs: { t: output<() => number>({ transient: true }) },
      run: () => ({ t: () => 1 }),
    });
    const uses = op({ name: 'uses', codeVersion: '1', inputs: { t: input<() => number>() }, run: ({ t }) => t() });
    const defs = define({
      assets: [
        assetsFromGraph(graph('a', () => uses({ t: makes().t }))),
        asset({ key: 'b', codeVersion: '1', inputs: { a: input<number>() }, run: ({ a }) => a }),
      ],
    });
    const store = memoryStore();
    await materialize(defs, { store });
    expect((await materialize(defs, { store, select: ['b'] })).staleInputs.map(({ key }) => key)).toEqual(['a']);
  });
});

describe('a cancel before the start (X12)', () => {
  const one = whole(() => ({ a: op({ name: 'one', run: () => 1 })() }));

  test('is seen while the run waits for its turn: nothing is written, and the next one gets the turn', async () => {
    const store = memoryStore();
    const release = await store.turn('queue');
    const controller = new AbortController();
    const waiting = materialize(one, { store, signal: controller.signal });
    controller.abort();
    await expect(waiting).rejects.toBeInstanceOf(AbortError);
    release();
    expect((await materialize(one, { store })).value('a')).toBe(1);
    expect(await store.runs()).toHaveLength(1);
  });

  test('is seen while a source is read, which is told; and the store is free again', async () => {
    let told = false;
    const hangs = source<number>('s', {
      read: ({ signal }) => {
        signal.addEventListener('abort', () => (told = true));
        return new Promise<number>(() => undefined);
      },
    });
    const defs = define({ assets: [hangs, asset({ key: 'a', inputs: { s: input<number>() }, run: ({ s }) => s })] });
    const store = memoryStore();
    const controller = new AbortController();
    const running = materialize(defs, { store, signal: controller.signal });
    await ready(2);
    controller.abort();
    const error: unknown = await running.catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(AbortError);
    expect((error as AbortError).result.outcomes).toEqual(new Map([['a', 'cancelled']]));
    expect(told).toBe(true);
    expect(await logOf(store)).toEqual([]);
    expect((await materialize(one, { store, whenBusy: 'error' })).success).toBe(true);
  });

  test('leaves no timer of a step behind', async () => {
    const clock = manualClock();
    const never = op({ name: 'never', timeoutMs: 60_000, run: () => new Promise<number>(() => undefined) });
    const controller = new AbortController();
    const running = materialize(
      whole(() => ({ a: never() })),
      { clock, signal: controller.signal, graceMs: 10 },
    );
    await ready(2);
    controller.abort();
    clock.advance(10);
    await expect(running).rejects.toBeInstanceOf(AbortError);
    expect(clock.waiting()).toBe(0);
  });
});

describe('a run that a body starts on the store of its own run', () => {
  test('is refused before it waits for itself, and another store is fine', async () => {
    const inner = whole(() => ({ i: op({ name: 'inner', run: () => 7 })() }));
    const store = memoryStore();
    const nested = (on: typeof store) =>
      whole(() => ({ o: op({ name: 'outer', run: async () => (await materialize(inner, { store: on })).value('i') })() }));
    const { errors } = await materialize(nested(store), { store, throwOnFailure: false });
    expect(errors).toEqual([expect.objectContaining({ code: 'OP_THREW', cause: expect.objectContaining({ code: 'STORE_BUSY' }) })]);
    expect((await materialize(nested(memoryStore()), { store })).value('o')).toBe(7);
  });
});

describe('a body that blocks the event loop', () => {
  test('is held to its timeoutMs when it has ended', async () => {
    const clock = manualClock();
    const slow = op({ name: 'slow', timeoutMs: 10, run: () => (clock.advance(11), 1) });
    const fast = op({ name: 'fast', timeoutMs: 10, run: () => (clock.advance(9), 1) });
    const defs = whole(() => ({ slow: slow(), fast: fast() }));
    const result = await materialize(defs, { clock, throwOnFailure: false });
    expect(Object.fromEntries(result.outcomes)).toEqual({ slow: 'failed', fast: 'materialized' });
    expect(result.errors[0]?.code).toBe('STEP_TIMEOUT');
  });
});

describe('a value that cannot be loaded', () => {
  test('ends the run when its bodies have ended, and the log tells how each asset did', async () => {
    let broken = false;
    const { store } = watchedStore({
      beforeValues: () => {
        if (broken) throw new Error('gone');
      },
    });
    const release = deferred();
    let aborted = false;
    const slow = asset({
      key: 'slow',
      run: async (_, { signal }) => {
        signal.addEventListener('abort', () => {
          aborted = true;
          release.resolve();
        });
        await release.promise;
        return 1;
      },
    });
    const defs = define({
      assets: [asset({ key: 'up', run: () => 1 }), asset({ key: 'b', inputs: { up: input<number>() }, run: ({ up }) => up }), slow],
    });
    await materialize(defs, { store, select: ['up'] });
    broken = true;
    // Time stands still: a turn of the event loop between the two steps would let the failure come before the body.
    await expect(materialize(defs, { store, select: ['b', 'slow'], clock: manualClock() })).rejects.toThrow('gone');
    expect(aborted).toBe(true);
    const log = await logOf(store);
    expect(log.at(-1)).toMatchObject({ type: 'run-ended', status: 'failed' });
    expect(ofType(log, 'asset-cancelled').map(({ key }) => key)).toEqual(['b', 'slow']);
  });
});

describe('what a run has told or been given is nobody’s to change', () => {
  test('a listener cannot rewrite the log (R1)', async () => {
    const store = memoryStore();
    const defs = whole(() => ({ a: copy('reads')({ x: op({ name: 'one', run: () => 1 })() }) }));
    const attempts: unknown[] = [];
    await materialize(defs, {
      store,
      onEvent: (event) => {
        if (event.type !== 'step-settled') return;
        for (const change of [() => untyped<unknown[]>(event.outputs).push(1), () => untyped<unknown[]>(event.blockedBy).push('x')]) {
          try {
            change();
          } catch (error) {
            attempts.push(error);
          }
        }
      },
    });
    expect(attempts).toHaveLength(4);
    for (const event of ofType(await logOf(store), 'step-settled')) expect([event.outputs.length, event.blockedBy.length]).toEqual([1, 0]);
  });

  test('definitions cannot be changed (N8)', () => {
    const defs = whole(() => ({ a: copy('reads')({ x: op({ name: 'one', run: () => 1 })() }) }));
    expect(() => untyped<Map<string, unknown>>(defs.assets).delete('a')).toThrow(TypeError);
    expect(() => untyped<Map<string, unknown>>(defs.sources).clear()).toThrow(TypeError);
    expect(() => untyped<unknown[]>(defs.graph.steps).pop()).toThrow(TypeError);
    expect([...plan(defs).selection]).toEqual(['a']);
  });

  test('a source is read as it was when it was observed, whatever its owner does to it then (X13)', async () => {
    const map = new Map([['k', 1]]);
    const defs = define({
      assets: [
        source<Map<string, number>>('s'),
        asset({ key: 'a', inputs: { s: input<Map<string, number>>() }, run: ({ s }) => s.get('k') }),
      ],
    });
    const result = await materialize(defs, { sources: { s: map }, onEvent: ({ type }) => type === 'run-started' && map.set('k', 99) });
    expect(result.value('a')).toBe(1);
  });

  test('a put takes the value as it is at the call (D7)', async () => {
    const store = memoryStore();
    const map = new Map([['k', 1]]);
    const first = store.put('other', 1);
    const second = store.put('s', map);
    map.set('k', 2);
    await Promise.all([first, second]);
    expect(await store.value('s')).toEqual(new Map([['k', 1]]));
  });
});

describe('order alone', () => {
  test('is what internalDeps adds before an asset of another definition (D3)', async () => {
    const order: string[] = [];
    const late = deferred();
    const x = asset({ key: 'x', run: async () => (await late.promise, order.push('x'), 1) });
    const q = op({ name: 'q', run: () => (order.push('q'), 1) });
    const reads = op({ name: 'reads', inputs: { x: input<number>() }, run: ({ x: n }) => n });
    const g = graph('g', { inputs: { x: input<number>() } }, ({ x: up }) => ({ r: reads({ x: up }), qq: q() }));
    const defs = define({ assets: [x, assetsFromGraph(g, { canSubset: true, internalDeps: { qq: ['x'] } })] });
    const running = materialize(defs);
    await ready(2);
    late.resolve();
    await running;
    expect(order).toEqual(['x', 'q']);
  });
});

describe('what would be ignored or misread is refused', () => {
  const one = whole(() => ({ a: op({ name: 'one', run: () => 1 })() }));

  test.each<[string, () => unknown]>([
    ['a policy that is null', () => plan(one, untyped({ inGraphUpstream: null }))],
    ['an option of plan that is misspelt', () => plan(one, untyped({ selection: ['a'] }))],
    ['options of plan that are null', () => plan(one, untyped(null))],
    ['an option of emit that is misspelt', () => emit('x', 1, untyped({ meta: {} }))],
    ['no plan to explain', () => explain(untyped(one))],
    ['options of memoryStore that are null', () => memoryStore(untyped(null))],
    ['a range of events that is null', () => memoryStore().events(untyped(null))],
  ])('%s', (_, act) => {
    expect(act).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  });

  test('a look-alike of a selection', () => {
    expect(() => plan(one, untyped({ select: { kind: 'selection' } }))).toThrow(expect.objectContaining({ code: 'INVALID_SELECTION' }));
  });
});

describe('toOperator of a graph', () => {
  test('takes what no asset may be: a transient output, and one output under two names', () => {
    const makes = op({
      name: 'makes',
      outputs: { f: output<() => number>({ transient: true }), n: optional<number>() },
      run: () => ({ f: () => 1, n: 2 }),
    });
    const g = graph('g', () => {
      const { f, n } = makes();
      return { f, first: n, second: n };
    });
    const told: unknown[] = [];
    of({})
      .pipe(toOperator(g))
      .subscribe((record) => told.push({ ...record, f: record.f?.() }));
    expect(told).toEqual([{ f: 1, first: 2, second: 2 }]);
  });
});

describe('an unsubscribed run', () => {
  test('settles its log and lets go of the store', async () => {
    const store = memoryStore();
    const release = deferred();
    const waits = asset({ key: 'a', run: async () => (await release.promise, 1) });
    const subscription = run(plan(define({ assets: [waits] })), { store }).subscribe();
    await ready(2);
    subscription.unsubscribe();
    release.resolve();
    await ready(5);
    expect((await store.runs()).map(({ ended }) => ended?.status)).toEqual(['cancelled']);
    (await store.turn('error'))();
  });
});
