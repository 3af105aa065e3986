import { describe, expect, test } from 'vitest';
import { asset, assetsFromGraph, define, graph, input, materialize, op, optional, type HookFailed, type Hooks } from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { deferred, ready, until } from '../rig/deferred.ts';
import { manualClock, type ManualClock } from '../rig/manual-clock.ts';
import { throws } from '../rig/play-body.ts';
import { ofType } from '../rig/watch-run.ts';
import { logOf, watchedStore } from '../rig/watched-store.ts';

/** Runs an asset `a`, and `b` that reads it, with hooks on the op of `a`. */
async function play(hooks: Hooks, { clock = manualClock(), ofRun }: { readonly clock?: ManualClock; readonly ofRun?: Hooks } = {}) {
  const a = asset({ key: 'a', hooks, run: () => 1 });
  const b = asset({ key: 'b', inputs: { a: input<number>() }, run: ({ a: x }) => x + 1 });
  const { store } = watchedStore();
  const result = await materialize(define({ assets: [a, b] }), { store, clock, ...(ofRun !== undefined && { hooks: ofRun }) });
  const log = await logOf(store);
  return { result, log, store, failed: ofType(log, 'hook-failed') };
}

/** The run came out as if there were no hooks, but for events about them. */
function expectUntouched({ result, log }: Awaited<ReturnType<typeof play>>): void {
  expect(result.status).toBe('succeeded');
  expect(result.errors).toEqual([]);
  expect([...result.outcomes.values()]).toEqual(['materialized', 'materialized']);
  expect(log.filter(({ type }) => type !== 'hook-failed').map(({ type }) => type)).toEqual([
    'run-started',
    'step-settled',
    'asset-materialized',
    'step-settled',
    'asset-materialized',
    'run-ended',
  ]);
}

function thenable(then: (done: (value: unknown) => void, fail: (error: unknown) => void) => void): object {
  // Put together here, since the linter takes an object with a `then` for a mistake.
  return Object.fromEntries([['then', then]]);
}

class Unreadable extends Error {
  override get message(): string {
    return throws('nobody reads this');
  }
}

const proxy = new Proxy({}, { get: () => throws('nobody reads this'), getPrototypeOf: () => throws('nobody reads this') });

describe('a hook that fails is one event, and changes nothing', () => {
  test.each<[string, () => unknown, Partial<HookFailed['error']>]>([
    ['throws', () => throws('no'), { name: 'Error', message: 'no', stack: expect.stringContaining('no') as string }],
    ['rejects', () => Promise.reject(new TypeError('no')), { name: 'TypeError', message: 'no' }],
    ['rejects later', () => ready(3).then(() => throws('late')), { message: 'late' }],
    [
      'throws undefined',
      () => {
        throw undefined;
      },
      { name: 'undefined', message: 'undefined' },
    ],
    [
      'throws null',
      () => {
        throw null;
      },
      { name: 'object', message: 'null' },
    ],
    [
      'throws a symbol',
      () => {
        throw Symbol('s');
      },
      { name: 'symbol', message: 'Symbol(s)' },
    ],
    [
      'throws what cannot be read',
      () => {
        throw new Unreadable();
      },
      { name: 'object', message: 'something that cannot be read' },
    ],
    [
      'throws a Proxy that throws',
      () => {
        throw proxy;
      },
      { name: 'object', message: 'something that cannot be read' },
    ],
    ['rejects with nothing', () => Promise.reject(), { name: 'undefined', message: 'undefined' }],
    ['gives a thenable that rejects', () => thenable((_, fail) => fail(new Error('no'))), { message: 'no' }],
    ['gives a thenable that throws', () => thenable(() => throws('no')), { message: 'no' }],
    ['gives what throws when its "then" is read', () => proxy, { message: 'nobody reads this' }],
    ['throws text that is no text', () => throws('\ud800'), { message: '\ud800' }],
  ])('%s', async (_, onSuccess, error) => {
    const played = await play({ onSuccess });
    expectUntouched(played);
    expect(played.failed).toHaveLength(1);
    expect(played.failed[0]).toMatchObject({
      type: 'hook-failed',
      runId: played.result.runId,
      time: 1_000_000,
      definition: 'a',
      step: 'a',
      hook: 'onSuccess',
      of: 'asset "a"',
      error,
    });
    expect(played.result.position).toBe(played.log.at(-1)?.position);
  });

  test.each<[string, unknown]>([
    ['undefined', undefined],
    ['null', null],
    ['a value', 7],
    ['an object without a then', { end: 1 }],
    ['a then that is no function', Object.fromEntries([['then', 1]])],
    ['a promise', Promise.resolve(1)],
  ])('what a hook returns does not matter: %s', async (_, value) => {
    const played = await play({ onSuccess: () => value });
    expectUntouched(played);
    expect(played.failed).toEqual([]);
  });

  test('each of several hooks is called, and each failure told, with whose it was', async () => {
    const fail = (): never => throws('no');
    const hooks: Hooks = { onSuccess: fail, onMaterialization: () => Promise.reject(new Error('no')) };
    const inner = graph('inner', { hooks }, () => ({ rows: op({ name: 'clean', hooks, run: () => 1 })() }));
    const outer = graph('outer', { hooks }, () => ({ rows: inner().rows }));
    const { store } = watchedStore();
    await materialize(define({ assets: [assetsFromGraph(outer, { keyPrefix: 'p', hooks: { rows: hooks } })] }), { store, hooks });
    const failed = ofType(await logOf(store), 'hook-failed');
    const whose = ['op "clean"', 'graph "inner"', 'graph "outer"', 'asset "p/rows"', 'the run'];
    expect(failed.map(({ hook, of, step }) => [hook, of, step])).toEqual([
      ...whose.map((of) => ['onSuccess', of, 'inner.clean']),
      ...whose.map((of) => ['onMaterialization', of, 'inner.clean']),
    ]);
  });

  test('onFailure and onSkip too; the failure of the step stays what it was', async () => {
    const fail = (): never => throws('hook');
    const fails = asset({ key: 'fails', hooks: { onFailure: fail }, run: (): number => throws('body') });
    const maybe = op({ name: 'maybe', outputs: { value: optional<number>() }, run: () => ({}) });
    const reads = op({ name: 'reads', inputs: { value: input<number>() }, hooks: { onSkip: fail }, run: ({ value }) => value });
    const { store } = watchedStore();
    const defs = define({ assets: [fails, assetsFromGraph(graph('g', () => reads(maybe())))] });
    const result = await materialize(defs, { store, throwOnFailure: false });
    expect(result.errors.map(({ message }) => message)).toEqual(['Step "fails:fails" failed: body']);
    expect(ofType(await logOf(store), 'hook-failed').map(({ hook, of, definition, step }) => [hook, of, definition, step])).toEqual([
      ['onFailure', 'asset "fails"', 'fails', 'fails'],
      ['onSkip', 'op "reads"', 'g', 'reads'],
    ]);
  });

  test('the event is published when it is recorded, before the run ends', async () => {
    const types: string[] = [];
    const defs = define({ assets: [asset({ key: 'a', hooks: { onSuccess: () => throws('no') }, run: () => 1 })] });
    await materialize(defs, { onEvent: ({ type }) => types.push(type) });
    expect(types.slice(-3)).toEqual(['asset-materialized', 'hook-failed', 'run-ended']);
  });

  test('a failing hook calls no hook', async () => {
    const calls: string[] = [];
    const ofRun: Hooks = { onFailure: () => calls.push('failure') };
    const played = await play({ onSuccess: () => throws('no') }, { ofRun });
    expectUntouched(played);
    expect(calls).toEqual([]);
  });
});

describe('a hook that never ends', () => {
  const never = { onSuccess: () => new Promise(() => undefined) };

  test('is waited for as long as graceMs says, and then it is an event', async () => {
    const clock = manualClock();
    const { store } = watchedStore();
    const defs = define({ assets: [asset({ key: 'a', hooks: never, run: () => 1 })] });
    let over = false;
    const running = materialize(defs, { store, clock, graceMs: 70 }).finally(() => (over = true));
    await until(() => clock.waiting() === 1);
    clock.advance(69);
    await ready();
    expect(over).toBe(false);
    clock.advance(1);
    expect((await running).status).toBe('succeeded');
    expect(ofType(await logOf(store), 'hook-failed')).toMatchObject([
      {
        time: 1_000_070,
        hook: 'onSuccess',
        of: 'asset "a"',
        error: { name: 'Error', message: 'The hook still ran 70 ms after the last step had ended, and nobody waits for it any longer.' },
      },
    ]);
  });

  test('takes 5,000 ms by default', async () => {
    const clock = manualClock();
    const running = play(never, { clock });
    await until(() => clock.waiting() === 1);
    clock.advance(4_999);
    await ready();
    expect(clock.waiting()).toBe(1);
    clock.advance(1);
    const played = await running;
    expectUntouched(played);
    expect(played.failed).toHaveLength(1);
  });

  test('does not hide what others did: those that ended in time are no event, each of those that did not is one', async () => {
    const clock = manualClock();
    const slow = deferred();
    const hooks: Hooks = { ...never, onMaterialization: () => slow.promise };
    const running = play(hooks, { clock, ofRun: { onMaterialization: never.onSuccess } });
    await until(() => clock.waiting() === 1);
    slow.resolve();
    await ready();
    clock.advance(5_000);
    const { failed } = await running;
    expect(failed.map(({ hook, of, definition }) => [hook, of, definition])).toEqual([
      ['onSuccess', 'asset "a"', 'a'],
      ['onMaterialization', 'the run', 'a'],
      ['onMaterialization', 'the run', 'b'],
    ]);
  });

  test.each(['resolves', 'rejects'] as const)('and %s later is not heard any more', async (how) => {
    const clock = manualClock();
    const late = deferred();
    const running = play({ onSuccess: () => late.promise }, { clock });
    await until(() => clock.waiting() === 1);
    clock.advance(5_000);
    const { store, log } = await running;
    if (how === 'resolves') late.resolve();
    else late.reject(new Error('too late'));
    await ready();
    expect(await logOf(store)).toEqual(log);
    expect(ofType(log, 'hook-failed')).toHaveLength(1);
  });

  test('of a failed run lets the run fail with its own error', async () => {
    const clock = manualClock();
    const a = asset({ key: 'a', hooks: { onFailure: never.onSuccess }, run: (): number => throws('body') });
    const running = materialize(define({ assets: [a] }), { clock, graceMs: 10 });
    running.catch(() => undefined);
    await until(() => clock.waiting() === 1);
    clock.advance(10);
    await expect(running).rejects.toThrow('body');
  });

  test('a store that fails under the event about a hook fails the run', async () => {
    const { store } = watchedStore({
      beforeAppend: ({ events }) => {
        if (events.some(({ type }) => type === 'hook-failed')) throw new Error('disk full');
      },
    });
    const defs = define({ assets: [asset({ key: 'a', hooks: { onSuccess: () => throws('no') }, run: () => 1 })] });
    await expect(materialize(defs, { store })).rejects.toThrow('disk full');
    const log = await logOf(store);
    expect(log.at(-1)).toMatchObject({ type: 'run-ended', status: 'failed' });
  });
});

test('hooks of a run may be an instance, and are called on it', async () => {
  class Audit implements Hooks {
    readonly #steps: string[] = [];
    onSuccess({ step }: { readonly step: string }): void {
      this.#steps.push(step);
    }
    steps(): readonly string[] {
      return this.#steps;
    }
  }
  const audit = new Audit();
  const played = await play({}, { ofRun: audit });
  expectUntouched(played);
  expect([audit.steps(), played.failed]).toEqual([['a:a', 'b:b'], []]);
});

describe('a run whose append fails', () => {
  /** Runs an asset whose hook ends when it is told to, on a store that fails under the step after it. */
  async function broken() {
    const clock = manualClock();
    const hook = deferred();
    const { store } = watchedStore({
      beforeAppend: ({ events }) => {
        if (events.some((event) => event.type === 'step-settled' && event.step === 'b')) throw new Error('disk full');
      },
    });
    const a = asset({ key: 'a', hooks: { onSuccess: () => hook.promise }, run: () => 1 });
    const b = asset({ key: 'b', inputs: { a: input<number>() }, run: async ({ a: x }) => ready().then(() => x) });
    let over = false;
    const running = materialize(define({ assets: [a, b] }), { store, clock, graceMs: 70 }).finally(() => (over = true));
    running.catch(() => undefined);
    await until(() => clock.waiting() === 1);
    await ready();
    return { clock, hook, running, isOver: () => over };
  }

  test('waits for the hooks that still run', async () => {
    const { clock, hook, running, isOver } = await broken();
    expect(isOver()).toBe(false);
    hook.resolve();
    await expect(running).rejects.toThrow('disk full');
    expect(clock.waiting()).toBe(0);
  });

  test('and no longer than graceMs', async () => {
    const { clock, running, isOver } = await broken();
    clock.advance(69);
    await ready();
    expect(isOver()).toBe(false);
    clock.advance(1);
    await expect(running).rejects.toThrow('disk full');
  });
});

describe('a hook that starts a run', () => {
  const other = define({ assets: [asset({ key: 'other', run: () => 2 })] });

  test('on the store of its own run is refused, and does not hang', async () => {
    const store = memoryStore();
    const hooks: Hooks = { onSuccess: () => materialize(other, { store }) };
    const result = await materialize(define({ assets: [asset({ key: 'a', hooks, run: () => 1 })] }), { store });
    expect(result.status).toBe('succeeded');
    expect(ofType(await logOf(store), 'hook-failed').map(({ error }) => error.message)).toEqual([
      expect.stringContaining('A body, a hook, a factory or a schema started a run on the store of its own run'),
    ]);
    expect(await store.value('other')).toBeUndefined();
  });

  test('with STORE_BUSY, which it may catch', async () => {
    const store = memoryStore();
    const codes: unknown[] = [];
    const hooks: Hooks = { onMaterialization: () => materialize(other, { store }).catch((error: unknown) => codes.push(error)) };
    await materialize(define({ assets: [asset({ key: 'a', run: () => 1 })] }), { store, hooks });
    expect(codes).toEqual([expect.objectContaining({ code: 'STORE_BUSY' })]);
    expect(ofType(await logOf(store), 'hook-failed')).toEqual([]);
  });

  test('on another store, and waits for it', async () => {
    const [store, elsewhere] = [memoryStore(), memoryStore()];
    const hooks: Hooks = { onSuccess: () => materialize(other, { store: elsewhere }) };
    await materialize(define({ assets: [asset({ key: 'a', hooks, run: () => 1 })] }), { store });
    expect(await elsewhere.value('other')).toBe(2);
  });

  test('late is seen as a hook that does not end: its run starts when this one has ended', async () => {
    const store = memoryStore();
    const clock = manualClock();
    let inner: Promise<unknown> = Promise.resolve();
    const hooks: Hooks = { onSuccess: () => ready(1).then(() => (inner = materialize(other, { store }))) };
    const running = materialize(define({ assets: [asset({ key: 'a', hooks, run: () => 1 })] }), { store, clock, graceMs: 10 });
    await until(() => clock.waiting() === 1);
    await ready();
    clock.advance(10);
    expect((await running).status).toBe('succeeded');
    await inner;
    expect(await store.value('other')).toBe(2);
  });
});

describe('hooks of many steps', () => {
  test('are at most 16 at the same time, called in the order of the log, synchronous ones too', async () => {
    const assets = Array.from({ length: 300 }, (_, index) => asset({ key: `a${index}`, run: () => index }));
    const { store } = watchedStore();
    const called: string[] = [];
    let [now, most] = [0, 0];
    const hooks: Hooks = {
      onSuccess: async ({ definition }) => {
        called.push(`success ${definition}`);
        most = Math.max(most, (now += 1));
        await ready(1);
        now -= 1;
      },
      onMaterialization: ({ key }) => called.push(`asset ${key}`),
    };
    await materialize(define({ assets }), { store, hooks });
    expect([now, most]).toEqual([0, 16]);
    const recorded = ofType(await logOf(store), 'asset-materialized').map(({ key }) => key);
    expect(called).toEqual(recorded.flatMap((key) => [`success ${key}`, `asset ${key}`]));
  });

  test('are all waited for, and fail one by one', async () => {
    const assets = Array.from({ length: 50 }, (_, index) => asset({ key: `a${index}`, run: () => index }));
    const { store } = watchedStore();
    const ended: string[] = [];
    const hooks: Hooks = {
      onMaterialization: async ({ key, position }) => {
        await ready(position % 5);
        ended.push(key);
        if (position % 2 === 0) throws(key);
      },
    };
    const result = await materialize(define({ assets }), { store, hooks });
    expect(result.status).toBe('succeeded');
    expect(ended).toHaveLength(50);
    const log = await logOf(store);
    const even = ofType(log, 'asset-materialized').filter(({ position }) => position % 2 === 0);
    expect(new Set(ofType(log, 'hook-failed').map(({ error }) => error.message))).toEqual(new Set(even.map(({ key }) => key)));
    expect(log.at(-1)?.type).toBe('run-ended');
  });
});
