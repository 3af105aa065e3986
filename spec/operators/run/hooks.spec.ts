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
  op,
  optional,
  output,
  source,
  StepError,
  type AnyDefinition,
  type FailureHookContext,
  type Hooks,
  type LoggedEvent,
  type MaterializationHookContext,
  type StepHookContext,
} from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { deferred, ready, until } from '../rig/deferred.ts';
import { manualClock } from '../rig/manual-clock.ts';
import { ofType } from '../rig/watch-run.ts';
import { logOf, watchedStore, type Interference } from '../rig/watched-store.ts';

/** Hooks that write their calls down, as `whose:hook step`, with `=key` for an asset. */
function writes(calls: string[], whose: string): Hooks {
  const write = (hook: string) => (context: StepHookContext & { readonly key?: string }) =>
    void calls.push(`${whose}:${hook} ${context.step}${context.key === undefined ? '' : `=${context.key}`}`);
  return {
    onSuccess: write('success'),
    onFailure: write('failure'),
    onSkip: write('skip'),
    onMaterialization: write('made'),
  };
}

/** Hooks that keep what they are told. */
function keeps() {
  const steps: StepHookContext[] = [];
  const failures: FailureHookContext[] = [];
  const made: MaterializationHookContext[] = [];
  const hooks: Hooks = {
    onSuccess: (context) => steps.push(context),
    onSkip: (context) => steps.push(context),
    onFailure: (context) => failures.push(context),
    onMaterialization: (context) => made.push(context),
  };
  return { steps, failures, made, hooks };
}

function throwing(message: string): () => number {
  return () => {
    throw new Error(message);
  };
}

/** Materializes all of some definitions with a store that a test can hold back. */
function play(assets: readonly AnyDefinition[], hooks?: Hooks, interference: Interference = {}) {
  const { store, batches } = watchedStore(interference);
  const options = { store, throwOnFailure: false, ...(hooks !== undefined && { hooks }) };
  return { store, batches, result: materialize(define({ assets }), options) };
}

describe('whose hooks are called, and in which order', () => {
  test('those of the op, of its graphs from the inside out, of the asset, and of the run', async () => {
    const calls: string[] = [];
    const clean = op({ name: 'clean', hooks: writes(calls, 'op'), run: () => 1 });
    const inner = graph('inner', { hooks: writes(calls, 'inner') }, () => ({ rows: clean() }));
    const middle = graph('middle', { hooks: writes(calls, 'middle') }, () => ({ rows: inner().rows }));
    const outer = graph('outer', { hooks: writes(calls, 'outer') }, () => ({ rows: middle().rows }));
    const { result } = play([assetsFromGraph(outer, { hooks: { rows: writes(calls, 'asset') } })], writes(calls, 'run'));
    await result;
    const whose = ['op', 'inner', 'middle', 'outer', 'asset', 'run'];
    expect(calls).toEqual([
      ...whose.map((each) => `${each}:success middle.inner.clean`),
      ...whose.map((each) => `${each}:made middle.inner.clean=rows`),
    ]);
  });

  test('a graph without hooks between two that have some is passed over', async () => {
    const calls: string[] = [];
    const plain = graph('plain', () => ({ rows: op({ name: 'a', run: () => 1 })() }));
    const outer = graph('outer', { hooks: writes(calls, 'outer') }, () => ({ rows: plain().rows }));
    await play([assetsFromGraph(outer)]).result;
    expect(calls).toEqual(['outer:success plain.a', 'outer:made plain.a=rows']);
  });

  test("an asset's hooks are for its own output alone; a step calls those of each of its assets", async () => {
    const calls: string[] = [];
    const split = op({
      name: 'split',
      outputs: { left: output<number>(), right: output<number>() },
      run: () => ({ left: 1, right: 2 }),
    });
    const other = op({ name: 'other', run: () => 3 });
    const g = graph('g', () => ({ ...split(), other: other() }));
    const hooks = { left: writes(calls, 'left'), right: writes(calls, 'right') };
    await play([assetsFromGraph(g, { hooks })]).result;
    expect(calls).toEqual(['left:success split', 'right:success split', 'left:made split=left', 'right:made split=right']);
  });

  test('an asset that the run does not need has no say', async () => {
    const calls: string[] = [];
    const split = op({
      name: 'split',
      outputs: { left: optional<number>(), right: optional<number>() },
      run: () => ({ left: 1, right: 2 }),
    });
    const definition = assetsFromGraph(
      graph('g', () => split()),
      { canSubset: true, hooks: { right: writes(calls, 'right') } },
    );
    await materialize(define({ assets: [definition] }), { select: ['left'] });
    expect(calls).toEqual([]);
    await materialize(define({ assets: [definition] }), { select: ['left'], unselectedOutputs: 'materialize' });
    expect(calls).toEqual(['right:made split=right']);
  });

  test('hooks of asset() are called for its step and for its asset', async () => {
    const calls: string[] = [];
    await play([asset({ key: 'a/b', hooks: writes(calls, 'own'), run: () => 1 })]).result;
    expect(calls).toEqual(['own:success b', 'own:made b=a/b']);
  });

  test('each place of an op calls its hooks, with the step that it was', async () => {
    const calls: string[] = [];
    const one = op({ name: 'one', hooks: writes(calls, 'op'), run: () => 1 });
    await play([assetsFromGraph(graph('g', () => ({ a: one(), b: one() })))]).result;
    expect(calls).toEqual(['op:success one', 'op:made one=a', 'op:success one_2', 'op:made one_2=b']);
  });

  test('the order is that of the log, across definitions too', async () => {
    const calls: string[] = [];
    const first = asset({ key: 'first', hooks: writes(calls, 'op'), run: () => 1 });
    const second = asset({ key: 'second', inputs: { first: input<number>() }, hooks: writes(calls, 'op'), run: ({ first: x }) => x });
    const { store, result } = play([second, first]);
    await result;
    expect(calls).toEqual([
      'op:success first:first',
      'op:made first:first=first',
      'op:success second:second',
      'op:made second:second=second',
    ]);
    expect(ofType(await logOf(store), 'step-settled').map(({ step }) => step)).toEqual(['first', 'second']);
  });
});

describe('which hook is called', () => {
  const fails = (calls: string[]) => asset({ key: 'fails', hooks: writes(calls, 'op'), run: throwing('x') });

  test('onFailure for a step that failed; what is blocked behind it calls none', async () => {
    const calls: string[] = [];
    const after = asset({ key: 'after', inputs: { fails: input<number>() }, hooks: writes(calls, 'op'), run: () => 1 });
    const { result } = play([fails(calls), after], writes(calls, 'run'));
    expect([...(await result).outcomes.values()]).toEqual(['failed', 'blocked']);
    expect(calls).toEqual(['op:failure fails:fails', 'run:failure fails:fails']);
  });

  test('onSkip for a step that was skipped, which makes nothing', async () => {
    const calls: string[] = [];
    const maybe = op({ name: 'maybe', outputs: { value: optional<number>() }, run: () => ({}) });
    const reads = op({ name: 'reads', inputs: { value: input<number>() }, hooks: writes(calls, 'op'), run: ({ value }) => value });
    const { result } = play([assetsFromGraph(graph('g', () => reads(maybe())))], writes(calls, 'run'));
    await result;
    expect(calls).toEqual(['run:success maybe', 'op:skip reads', 'run:skip reads']);
  });

  test('onSuccess alone for a step that succeeded without making its asset', async () => {
    const calls: string[] = [];
    const maybe = op({ name: 'maybe', outputs: { value: optional<number>() }, hooks: writes(calls, 'op'), run: () => ({}) });
    await play([assetsFromGraph(graph('g', () => maybe()))]).result;
    expect(calls).toEqual(['op:success maybe']);
  });

  test('onSuccess for steps that back no asset', async () => {
    const calls: string[] = [];
    const feeds = op({ name: 'feeds', hooks: writes(calls, 'op'), run: () => 1 });
    const reads = op({ name: 'reads', inputs: { x: input<number>() }, run: ({ x }) => x });
    await play([assetsFromGraph(graph('g', () => reads({ x: feeds() })))]).result;
    expect(calls).toEqual(['op:success feeds']);
  });

  test('onMaterialization again where the value is the same (R4)', async () => {
    const calls: string[] = [];
    const store = memoryStore();
    const defs = define({ assets: [asset({ key: 'a', codeVersion: '1', hooks: writes(calls, 'op'), run: () => 1 })] });
    await materialize(defs, { store });
    await materialize(defs, { store });
    expect(calls).toEqual(['op:success a', 'op:made a=a', 'op:success a', 'op:made a=a']);
  });

  test('onMaterialization for an asset whose value lives elsewhere (X11)', async () => {
    const calls: string[] = [];
    await play([asset({ key: 'a', hooks: writes(calls, 'op'), run: () => undefined })]).result;
    expect(calls).toEqual(['op:success a', 'op:made a=a']);
  });

  test('none for a source', async () => {
    const calls: string[] = [];
    const { store } = watchedStore();
    const reads = asset({ key: 'a', inputs: { x: input<number>() }, run: ({ x }) => x });
    await materialize(define({ assets: [source('x'), reads] }), { store, sources: { x: 1 }, hooks: writes(calls, 'run') });
    expect(calls).toEqual(['run:success a', 'run:made a=a']);
  });

  test('a hook that is left undefined is none', async () => {
    const { result } = play([asset({ key: 'a', hooks: { onSuccess: undefined as never }, run: () => 1 })], {
      onMaterialization: undefined as never,
    });
    expect((await result).status).toBe('succeeded');
  });
});

describe('what hooks are told', () => {
  test('of the step: run, definition, id, op and attempts', async () => {
    const { hooks, steps, made, failures } = keeps();
    const clock = manualClock();
    let tries = 0;
    const flaky = op({
      name: 'flaky',
      retry: { max: 2 },
      hooks,
      run: () => {
        tries += 1;
        if (tries < 3) throw new Error(`try ${tries}`);
        return 1;
      },
    });
    const { store } = watchedStore();
    const running = materialize(
      define({ assets: [assetsFromGraph(graph('g', () => flaky.as('here')())), asset({ key: 'b', run: () => 1 })] }),
      { store, clock },
    );
    await until(() => clock.waiting() > 0);
    clock.advance(0);
    await until(() => tries === 2 && clock.waiting() > 0);
    clock.advance(0);
    const { runId } = await running;
    expect(steps).toEqual([{ runId, definition: 'g', step: 'g:here', op: 'flaky', attempts: 3 }]);
    expect(made).toMatchObject([{ attempts: 3, output: 'result', key: 'g' }]);
    expect(failures).toEqual([]);
  });

  test('of a failure: the StepError of the last attempt, with what the body threw', async () => {
    const { hooks, failures, steps } = keeps();
    const cause = new Error('no');
    const a = asset({
      key: 'a',
      hooks,
      run: (): number => {
        throw cause;
      },
    });
    const result = await play([a]).result;
    const [failure] = failures;
    expect(failure).toEqual({ runId: result.runId, definition: 'a', step: 'a', op: 'a', attempts: 1, error: result.errors[0] });
    expect(failure?.error).toBeInstanceOf(StepError);
    expect(failure?.error.cause).toBe(cause);
    expect(steps).toEqual([]);
  });

  test('a step whose input is refused was never attempted', async () => {
    const { hooks, failures } = keeps();
    const schema = { '~standard': { version: 1, vendor: 'test', validate: () => ({ issues: [{ message: 'never' }] }) } } as const;
    const a = asset({ key: 'a', run: () => 1 });
    const b = asset({ key: 'b', inputs: { a: input(schema) }, hooks, run: () => 1 });
    await play([a, b]).result;
    expect(failures).toMatchObject([{ attempts: 0, error: { code: 'INPUT_INVALID' } }]);
  });

  test('of a skipped step: no attempts', async () => {
    const { hooks, steps } = keeps();
    const maybe = op({ name: 'maybe', outputs: { value: optional<number>() }, run: () => ({}) });
    const reads = op({ name: 'reads', inputs: { values: list<number>() }, hooks, run: ({ values }) => values });
    const { runId } = await play([assetsFromGraph(graph('g', () => reads({ values: [maybe().value] })))]).result;
    expect(steps).toEqual([{ runId, definition: 'g', step: 'reads', op: 'reads', attempts: 0 }]);
  });

  test('of a materialization: what the event says, at its position in the log', async () => {
    const { hooks, made } = keeps();
    const split = op({
      name: 'split',
      hooks,
      outputs: { left: output<number>(), gone: optional<number>(), right: output<number>() },
      *run(_, { log }) {
        log.info('before');
        yield emit('right', 2, { metadata: { rows: 2 }, version: 'v2' });
        yield emit('left', 1);
        log.info('after');
      },
    });
    const g = graph('g', () => split());
    const { store, result } = play([
      asset({ key: 'before', run: () => 1 }),
      assetsFromGraph(g, { keyPrefix: 'p' }),
      asset({ key: 'z', run: () => 1 }),
    ]);
    const { runId } = await result;
    const log = await logOf(store);
    const events = ofType(log, 'asset-materialized').filter(({ op: name }) => name === 'split');
    expect(made).toEqual(
      events.map(({ key, output: name, version, metadata, position }) => {
        return { runId, definition: 'g', step: 'g:split', op: 'split', attempts: 1, output: name, key, version, metadata, position };
      }),
    );
    expect(made).toMatchObject([
      { output: 'left', key: 'p/left', version: expect.stringMatching(/^sha256:/) as string, metadata: {} },
      { output: 'right', key: 'p/right', version: 'user:v2', metadata: { rows: 2 } },
    ]);
    for (const { key, position } of made) {
      const at = log.find((event) => event.position === position);
      expect(at).toMatchObject({ type: 'asset-materialized', key });
    }
  });

  test('positions are right in a log that has other runs, and where steps come in groups', async () => {
    const { hooks, made } = keeps();
    const held = deferred();
    const { store, batches } = watchedStore({ beforeAppend: (_, index) => (index === 2 ? held.promise : undefined) });
    await materialize(define({ assets: [asset({ key: 'x', run: () => 1 })] }), { store });
    expect(batches).toHaveLength(2);
    const assets = Array.from({ length: 20 }, (_, index) =>
      asset({ key: `a${index}`, run: async (_inputs, { log }) => (index % 3 === 0 ? log.info('line') : undefined, index) }),
    );
    const running = materialize(define({ assets }), { store, hooks });
    held.resolve();
    await running;
    const log = await logOf(store);
    expect(made).toHaveLength(20);
    for (const { key, position } of made)
      expect(log[position - (log[0]?.position ?? 0)]).toMatchObject({ type: 'asset-materialized', key, position });
  });

  test('each hook gets a frozen record of its own', async () => {
    const seen: object[] = [];
    const hooks: Hooks = { onSuccess: (context) => seen.push(context), onMaterialization: (context) => seen.push(context) };
    await play([asset({ key: 'a', hooks, run: () => 1 })], hooks).result;
    expect(seen).toHaveLength(4);
    expect(new Set(seen).size).toBe(4);
    expect(seen.every((each) => Object.isFrozen(each))).toBe(true);
  });
});

describe('hooks are called when it is recorded', () => {
  test('and not before: neither while the append is held back, nor before subscribers are told', async () => {
    const calls: string[] = [];
    const held = deferred();
    const { store } = watchedStore({ beforeAppend: (_, index) => (index === 1 ? held.promise : undefined) });
    const onEvent = ({ type }: { readonly type: string }): void => void calls.push(type);
    const running = materialize(define({ assets: [asset({ key: 'a', hooks: writes(calls, 'op'), run: () => 1 })] }), { store, onEvent });
    await ready();
    expect(calls).toEqual(['run-started', 'step-started']);
    held.resolve();
    await running;
    expect(calls).toEqual([
      'run-started',
      'step-started',
      'step-settled',
      'asset-materialized',
      'op:success a',
      'op:made a=a',
      'run-ended',
    ]);
  });

  test('a hook can read what it is told of, with its value', async () => {
    const { store } = watchedStore();
    const values: unknown[] = [];
    const hooks: Hooks = { onMaterialization: async ({ key }) => void values.push(await store.value(key)) };
    await materialize(define({ assets: [asset({ key: 'a', run: () => 7 })] }), { store, hooks });
    expect(values).toEqual([7]);
  });

  test('and never where the append fails', async () => {
    const calls: string[] = [];
    const { result } = play([asset({ key: 'a', hooks: writes(calls, 'op'), run: () => 1 })], writes(calls, 'run'), {
      beforeAppend: (_, index) => {
        if (index === 1) throw new Error('disk full');
      },
    });
    await expect(result).rejects.toThrow('disk full');
    expect(calls).toEqual([]);
  });

  test('what was recorded before the append that failed has called its own', async () => {
    const calls: string[] = [];
    const first = op({ name: 'first', hooks: writes(calls, 'op'), run: () => 1 });
    const gate = deferred<number>();
    const second = op({ name: 'second', inputs: { x: input<number>() }, hooks: writes(calls, 'op'), run: () => gate.promise });
    const interference: Interference = {
      beforeAppend: (_, index) => {
        if (index === 2) throw new Error('disk full');
      },
    };
    const { result } = play([assetsFromGraph(graph('g', () => second({ x: first() })))], undefined, interference);
    await until(() => calls.length > 0);
    gate.resolve(1);
    await expect(result).rejects.toThrow('disk full');
    expect(calls).toEqual(['op:success first']);
  });
});

describe('a cancelled run', () => {
  test('calls hooks for what was recorded, and none for what was cancelled', async () => {
    const calls: string[] = [];
    const controller = new AbortController();
    const a = asset({ key: 'a', run: () => 1 });
    const b = asset({
      key: 'b',
      inputs: { a: input<number>() },
      run: (_, { signal }) => new Promise<number>((resolve) => signal.addEventListener('abort', () => resolve(1))),
    });
    const c = asset({ key: 'c', inputs: { b: input<number>() }, run: () => 1 });
    const hooks: Hooks = { ...writes(calls, 'run'), onMaterialization: () => controller.abort() };
    const { store } = watchedStore();
    await expect(materialize(define({ assets: [a, b, c] }), { store, hooks, signal: controller.signal })).rejects.toThrow(
      expect.objectContaining({ name: 'AbortError' }),
    );
    expect(calls).toEqual(['run:success a:a']);
    expect(ofType(await logOf(store), 'asset-cancelled').map(({ key }) => key)).toEqual(['b', 'c']);
  });

  test('before it starts, calls nothing', async () => {
    const calls: string[] = [];
    const defs = define({ assets: [asset({ key: 'a', run: () => 1 })] });
    await expect(materialize(defs, { hooks: writes(calls, 'run'), signal: AbortSignal.abort() })).rejects.toMatchObject({
      name: 'AbortError',
    });
    expect(calls).toEqual([]);
  });

  test('waits for the hooks that still run', async () => {
    const controller = new AbortController();
    const hook = deferred();
    const called: string[] = [];
    const a = asset({ key: 'a', hooks: { onSuccess: () => (called.push('a'), controller.abort(), hook.promise) }, run: () => 1 });
    const b = asset({ key: 'b', inputs: { a: input<number>() }, run: () => deferred<number>().promise });
    let over = false;
    const clock = manualClock();
    const running = materialize(define({ assets: [a, b] }), { signal: controller.signal, graceMs: 10, clock }).finally(() => (over = true));
    running.catch(() => undefined);
    await until(() => called.length > 0);
    await until(() => clock.waiting() > 0);
    clock.advance(10);
    await ready();
    expect(over).toBe(false);
    hook.resolve();
    await expect(running).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }));
  });
});

describe('asynchronous hooks', () => {
  test('hold up no step, and are waited for before the run ends', async () => {
    const hook = deferred();
    const ran: string[] = [];
    const a = asset({ key: 'a', hooks: { onSuccess: () => hook.promise }, run: () => 1 });
    const b = asset({ key: 'b', inputs: { a: input<number>() }, run: () => ran.push('b') });
    let over = false;
    const events: LoggedEvent[] = [];
    const { store } = watchedStore();
    const running = materialize(define({ assets: [a, b] }), {
      store,
      onEvent: (event) => 'position' in event && events.push(event),
    }).finally(() => (over = true));
    await ready();
    expect(ran).toEqual(['b']);
    expect(events.map(({ type }) => type)).toContain('asset-materialized');
    expect(events.map(({ type }) => type)).not.toContain('run-ended');
    expect(over).toBe(false);
    hook.resolve();
    expect((await running).status).toBe('succeeded');
    expect(events.at(-1)?.type).toBe('run-ended');
  });

  test('may be any thenable', async () => {
    const settle: (() => void)[] = [];
    // Put together here, since the linter takes an object with a `then` for a mistake.
    const thenable = Object.fromEntries([['then', (done: () => void) => settle.push(done)]]);
    let over = false;
    const running = play([asset({ key: 'a', hooks: { onSuccess: () => thenable }, run: () => 1 })]).result.finally(() => (over = true));
    await until(() => settle.length > 0);
    await ready();
    expect(over).toBe(false);
    settle[0]?.();
    expect((await running).status).toBe('succeeded');
  });

  test('all of them, also those that others wait for', async () => {
    const first = deferred();
    const second = deferred();
    const order: string[] = [];
    const hooks: Hooks = {
      onSuccess: () => first.promise.then(() => order.push('first')),
      onMaterialization: () => second.promise.then(() => order.push('second')),
    };
    const running = play([asset({ key: 'a', hooks, run: () => 1 })]).result.then(() => order.push('run'));
    await ready();
    second.resolve();
    await ready();
    expect(order).toEqual(['second']);
    first.resolve();
    await running;
    expect(order).toEqual(['second', 'first', 'run']);
  });

  test('the timer of the wait is stopped', async () => {
    const clock = manualClock();
    const hook = deferred();
    const running = materialize(define({ assets: [asset({ key: 'a', hooks: { onSuccess: () => hook.promise }, run: () => 1 })] }), {
      clock,
    });
    await until(() => clock.waiting() === 1);
    hook.resolve();
    await running;
    expect(clock.waiting()).toBe(0);
  });
});

describe('a run without hooks', () => {
  test('sets no timer and writes what it would write with some', async () => {
    const clock = manualClock();
    const types = async (hooks?: Hooks): Promise<readonly string[]> => {
      const { store } = watchedStore();
      await materialize(define({ assets: [asset({ key: 'a', run: () => 1 })] }), { store, clock, ...(hooks !== undefined && { hooks }) });
      return (await logOf(store)).map(({ type }) => type);
    };
    expect(await types()).toEqual(['run-started', 'step-settled', 'asset-materialized', 'run-ended']);
    expect(await types({ onSuccess: () => undefined })).toEqual(await types());
    expect(clock.waiting()).toBe(0);
  });
});
