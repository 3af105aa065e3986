import { describe, expect, test } from 'vitest';
import { asset, assetsFromGraph, define, graph, op, plan, type AnyDefinition } from '../../../index.ts';
import { hasHooks, HookRunner } from '../../../operators/run/hook-runner.ts';
import { passedOver } from '../../../operators/run/settled-step.ts';
import { deferred, ready } from '../rig/deferred.ts';
import { manualClock } from '../rig/manual-clock.ts';

const hooks = { onSkip: () => undefined };
const plain = (name: string) => op({ name, run: () => 1 });

describe('whether anything of a plan has hooks', () => {
  const nested = graph('nested', { hooks }, () => ({ rows: plain('a')() }));
  test.each<[string, AnyDefinition, boolean]>([
    ['an op', asset({ key: 'a', hooks, run: () => 1 }), true],
    ['a graph', assetsFromGraph(graph('g', { hooks }, () => plain('a')())), true],
    ['a nested graph', assetsFromGraph(graph('g', () => ({ rows: nested().rows }))), true],
    [
      'an asset',
      assetsFromGraph(
        graph('g', () => plain('a')()),
        { hooks: { result: hooks } },
      ),
      true,
    ],
    ['nothing', assetsFromGraph(graph('g', () => plain('a')())), false],
  ])('%s', (_, definition, wanted) => expect(hasHooks(plan(define({ assets: [definition] })))).toBe(wanted));

  test('those of steps that do not run do not count', () => {
    const defs = define({ assets: [asset({ key: 'a', hooks, run: () => 1 }), asset({ key: 'b', run: () => 1 })] });
    expect(hasHooks(plan(defs, { select: ['b'] }))).toBe(false);
  });
});

describe('the runner', () => {
  const planned = plan(define({ assets: [asset({ key: 'a', run: () => 1 })] }));
  const step = planned.steps[0];
  if (step === undefined) throw new Error('the plan has one step');
  const skipped = passedOver(step, 'skipped', []);

  /** A runner whose run has one hook. */
  function runner(onSkip: () => unknown) {
    const clock = manualClock();
    const around: string[] = [];
    const failed: string[] = [];
    const hooks = { onSkip };
    const made = new HookRunner({
      plan: planned,
      runId: 'r',
      clock,
      hooks,
      around: (call) => {
        around.push('in');
        try {
          return call();
        } finally {
          around.push('out');
        }
      },
      onFailed: ({ error }) => failed.push(error.message),
    });
    return { made, hooks, clock, around, failed };
  }

  test('calls a hook inside of what surrounds it, at once', () => {
    const seen: string[] = [];
    const { made, around } = runner(() => seen.push(around.join()));
    made.recorded(skipped, [], 0);
    expect(seen).toEqual(['in']);
    expect(around).toEqual(['in', 'out']);
  });

  test('has nothing to wait for where hooks end at once', async () => {
    const { made, clock } = runner(() => 1);
    made.recorded(skipped, [], 0);
    await made.finish(10);
    expect(clock.waiting()).toBe(0);
  });

  test('waits only for hooks that have not ended by then', async () => {
    const { made, clock, failed } = runner(() => Promise.reject(new Error('no')));
    made.recorded(skipped, [], 0);
    await ready();
    const finished = made.finish(10);
    expect(clock.waiting()).toBe(0);
    await finished;
    expect(failed).toEqual(['no']);
  });

  test('calls a hook on what it was given with', () => {
    const seen: unknown[] = [];
    const { made, hooks: given } = runner(function (this: unknown) {
      seen.push(this);
    });
    made.recorded(skipped, [], 0);
    expect(seen[0]).toBe(given);
  });

  /** A runner of a hook that is called so often, where each call ends when it is told to. */
  function crowd(calls: number, isAsync: (call: number) => boolean = () => true) {
    const started: number[] = [];
    const ends: (() => void)[] = [];
    const rig = runner(() => {
      const call = started.push(started.length) - 1;
      const { promise, resolve } = deferred();
      ends[call] = resolve;
      return isAsync(call) ? promise : undefined;
    });
    for (let call = 0; call < calls; call += 1) rig.made.recorded(skipped, [], call);
    return { ...rig, started, ends };
  }

  test('has at most 16 hooks run at the same time, and calls the others as those end', async () => {
    const { made, started, ends, failed, clock } = crowd(40);
    const finished = made.finish(10);
    let ended = 0;
    for (; ended < 40; ended += 1) {
      expect(started).toHaveLength(Math.min(16 + ended, 40));
      ends[ended]?.();
      await ready(1);
    }
    await finished;
    expect([failed, clock.waiting()]).toEqual([[], 0]);
  });

  test('calls the next when one fails, too', async () => {
    let calls = 0;
    const { made, failed } = runner(() => Promise.reject(new Error(`no ${(calls += 1)}`)));
    for (let call = 0; call < 40; call += 1) made.recorded(skipped, [], call);
    expect(calls).toBe(16);
    await made.finish(10);
    expect(failed).toEqual(Array.from({ length: 40 }, (_, call) => `no ${call + 1}`));
  });

  test('has synchronous hooks wait in line once somebody waits, and not before', async () => {
    const { started, ends } = crowd(40, (call) => call >= 4 && call < 24);
    // Four that end at once, and the sixteen that may run.
    expect(started).toHaveLength(20);
    ends[19]?.();
    await ready(1);
    expect(started).toHaveLength(21);
    for (const call of [4, 5, 6]) ends[call]?.();
    await ready(1);
    expect(started).toHaveLength(24);
    ends[7]?.();
    await ready(1);
    expect(started).toEqual(Array.from({ length: 40 }, (_, call) => call));
  });

  test('tells of each hook that was never called, and does not call it later', async () => {
    const { made, clock, started, ends, failed } = crowd(19);
    const finished = made.finish(10);
    ends[0]?.();
    await ready();
    clock.advance(10);
    await finished;
    expect(failed).toEqual([
      ...Array.from({ length: 16 }, () => 'The hook still ran 10 ms after the last step had ended, and nobody waits for it any longer.'),
      ...Array.from(
        { length: 2 },
        () =>
          'The hook was never called: it still waited for others to end 10 ms after the last step had ended, and nobody waits for it any longer.',
      ),
    ]);
    for (const end of ends) end();
    await ready();
    expect([started.length, failed.length]).toEqual([17, 18]);
  });

  test('tells of a hook that fails in its time and of one that does not end, once each', async () => {
    let calls = 0;
    const { made, clock, failed } = runner(() => ((calls += 1) === 1 ? new Promise(() => undefined) : Promise.reject(new Error('no'))));
    made.recorded(skipped, [], 0);
    made.recorded(skipped, [], 1);
    const finished = made.finish(10);
    await ready();
    clock.advance(10);
    await finished;
    expect(failed).toEqual(['no', 'The hook still ran 10 ms after the last step had ended, and nobody waits for it any longer.']);
    expect(clock.waiting()).toBe(0);
  });
});
