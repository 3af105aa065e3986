import { describe, expect, test } from 'vitest';
import { AbortError, emit, materialize, op, optional, output, plan, run } from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { deferred, ready } from '../rig/deferred.ts';
import { manualClock } from '../rig/manual-clock.ts';
import { ofType, watchRun } from '../rig/watch-run.ts';
import { logOf } from '../rig/watched-store.ts';
import { whole } from '../rig/whole.ts';

/** An op that ends when the test says so, within 100 ms. */
function limited() {
  const gate = deferred<number>();
  const signals: AbortSignal[] = [];
  const waits = op({
    name: 'waits',
    timeoutMs: 100,
    run: (_, { signal }) => {
      signals.push(signal);
      return gate.promise;
    },
  });
  return { gate, signals, defs: whole(() => ({ out: waits(), beside: op({ name: 'beside', run: () => 1 })() })) };
}

describe('timeoutMs', () => {
  test('fails the step with STEP_TIMEOUT, aborts its signal, and leaves the rest of the run alone', async () => {
    const { defs, signals } = limited();
    const clock = manualClock();
    const running = materialize(defs, { clock, throwOnFailure: false });
    await ready();
    clock.advance(99);
    expect(signals[0]?.aborted).toBe(false);
    clock.advance(1);
    const result = await running;
    expect(result.errors).toMatchObject([{ code: 'STEP_TIMEOUT', details: { step: 'waits', timeoutMs: 100 } }]);
    expect(Object.fromEntries(result.outcomes)).toEqual({ out: 'failed', beside: 'materialized' });
    expect(signals[0]?.aborted).toBe(true);
    expect(signals[0]?.reason).toMatchObject({ code: 'STEP_TIMEOUT', message: result.errors[0]?.message });
    expect(clock.waiting()).toBe(0);
  });

  test('counts from when the body starts, for each step by itself', async () => {
    const clock = manualClock();
    const gates = [deferred<number>(), deferred<number>()];
    let started = 0;
    const waits = op({ name: 'waits', timeoutMs: 100, run: () => (gates[started++] ?? gates[0])?.promise ?? 0 });
    const running = materialize(
      whole(() => ({ a: waits.as('a')(), b: waits.as('b')() })),
      { clock, concurrency: 1, throwOnFailure: false },
    );
    await ready();
    clock.advance(60);
    gates[0]?.resolve(1);
    await ready();
    clock.advance(60);
    gates[1]?.resolve(2);
    expect((await running).errors).toEqual([]);
    expect(clock.waiting()).toBe(0);
  });

  test.each<[string, () => unknown]>([
    ['a value', () => 1],
    ['a promise', async () => 1],
    [
      'a throw',
      () => {
        throw new Error('x');
      },
    ],
    [
      'a rejection',
      async () => {
        throw new Error('x');
      },
    ],
  ])('its timer is gone when the body ends in time with %s', async (_, body) => {
    const clock = manualClock();
    await materialize(
      whole(() => ({ out: op({ name: 'quick', timeoutMs: 100, run: body })() })),
      { clock, throwOnFailure: false },
    );
    expect(clock.waiting()).toBe(0);
  });

  test('what a body emits, throws or rejects with after that is dropped', async () => {
    for (const end of ['resolve', 'reject'] as const) {
      const { defs, gate } = limited();
      const clock = manualClock();
      const store = memoryStore();
      const running = materialize(defs, { store, clock, throwOnFailure: false });
      await ready();
      clock.advance(100);
      await running;
      const log = await logOf(store);
      if (end === 'resolve') gate.resolve(1);
      else gate.reject(new Error('late'));
      await ready();
      expect(await logOf(store)).toEqual(log);
      expect(await store.value('out')).toBeUndefined();
    }
  });

  test('a body that rejects because its signal was aborted has timed out, and not thrown', async () => {
    const clock = manualClock();
    const polite = op({
      name: 'polite',
      timeoutMs: 100,
      run: (_, { signal }) =>
        new Promise<number>((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('aborted')))),
    });
    const running = materialize(
      whole(() => ({ out: polite() })),
      { clock, throwOnFailure: false },
    );
    await ready();
    clock.advance(100);
    expect((await running).errors).toMatchObject([{ code: 'STEP_TIMEOUT' }]);
  });

  test('what it emitted before is not recorded, and late emissions are not told of', async () => {
    const clock = manualClock();
    const gate = deferred();
    const streams = op({
      name: 'streams',
      timeoutMs: 100,
      outputs: { early: output<number>(), late: optional<number>() },
      async *run() {
        yield emit('early', 1);
        await gate.promise;
        yield emit('late', 2);
      },
    });
    const slow = op({ name: 'slow', run: () => gate.promise });
    const watching = watchRun(
      run(
        plan(
          whole(() => ({ ...streams(), slow: slow() })),
          { select: ['early', 'slow'] },
        ),
        { clock },
      ),
    );
    await ready();
    clock.advance(100);
    await ready();
    gate.resolve();
    const { events } = await watching;
    expect(ofType(events, 'asset-materialized').map(({ key }) => key)).toEqual(['slow']);
    expect(ofType(events, 'output-discarded')).toEqual([]);
  });

  test('a cancel in the meantime is a cancel, and takes the timer with it when the body ends', async () => {
    const { defs, gate, signals } = limited();
    const clock = manualClock();
    const controller = new AbortController();
    const running = materialize(defs, { clock, signal: controller.signal });
    await ready();
    controller.abort('enough');
    expect(signals[0]?.aborted).toBe(true);
    expect(signals[0]?.reason).toBe('enough');
    gate.resolve(1);
    await expect(running).rejects.toBeInstanceOf(AbortError);
    expect(clock.waiting()).toBe(0);
  });
});

describe('a body is told', () => {
  test('its step, its run, and nothing that it could change', async () => {
    const contexts: object[] = [];
    const asks = op({ name: 'asks', run: (_, context) => (contexts.push(context), [context.step, context.runId]) });
    const result = await materialize(whole(() => ({ a: asks.as('first')(), b: asks.as('second')() })));
    expect(result.value('a')).toEqual(['first', result.runId]);
    expect(result.value('b')).toEqual(['second', result.runId]);
    expect(contexts.every((context) => Object.isFrozen(context))).toBe(true);
  });

  test('its own op as "this", as it was written', async () => {
    const definition = {
      name: 'own',
      factor: 3,
      run(): number {
        return Number(Reflect.get(this, 'factor'));
      },
    };
    const { factor: _, ...known } = definition;
    const made = op({ ...known, run: definition.run.bind(definition) });
    expect((await materialize(whole(() => ({ out: made() })))).value('out')).toBe(3);
  });
});
