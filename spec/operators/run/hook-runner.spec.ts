import { describe, expect, test } from 'vitest';
import { asset, assetsFromGraph, define, graph, op, plan, type AnyDefinition } from '../../../index.ts';
import { hasHooks, HookRunner } from '../../../operators/run/hook-runner.ts';
import { passedOver } from '../../../operators/run/settled-step.ts';
import { ready } from '../rig/deferred.ts';
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
    const made = new HookRunner({
      plan: planned,
      runId: 'r',
      clock,
      hooks: { onSkip },
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
    return { made, clock, around, failed };
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
