import { describe, expect, test } from 'vitest';
import {
  AbortError,
  input,
  materialize,
  op,
  plan,
  resource,
  run,
  type Definitions,
  type Provision,
  type RunEvent,
} from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { deferred } from '../rig/deferred.ts';
import { drivenClock, quiet } from '../rig/driven-clock.ts';
import { ofType } from '../rig/watch-run.ts';
import { logOf, watchedStore } from '../rig/watched-store.ts';
import { whole } from '../rig/whole.ts';

/** A run that a test cancels, with all that there is to see of it. */
function start(
  make: (cancel: () => void) => Definitions,
  options: { readonly concurrency?: number; readonly graceMs?: number; readonly resources?: readonly Provision[] } = {},
  onEvent: (event: RunEvent, cancel: () => void) => void = () => undefined,
) {
  const clock = drivenClock();
  const store = memoryStore();
  const events: RunEvent[] = [];
  const controller = new AbortController();
  const cancel = (): void => controller.abort('enough');
  const listen = (event: RunEvent): void => {
    events.push(event);
    onEvent(event, cancel);
  };
  const defs = make(cancel);
  const running = materialize(defs, { ...options, clock, store, signal: controller.signal, onEvent: listen }).catch(
    (error: unknown) => error,
  );
  /** The run is over without the clock being moved any more. */
  const end = async () => {
    const error = await Promise.race([running, quiet(50).then(() => 'still running')]);
    expect(error).toBeInstanceOf(AbortError);
    expect(clock.waiting()).toBe(0);
    const log = await logOf(store);
    const settled = ofType(log, 'step-settled').map(({ step, outcome, attempts }) => [step, outcome, attempts]);
    return { settled, starts: ofType(events, 'step-started').map(({ step, attempt }) => [step, attempt]), events };
  };
  return { clock, cancel, end, events };
}

/** Fails each time, and asks to be tried again after 100 ms. */
const failing = (each: (attempt: number) => unknown = () => undefined) =>
  op({
    name: 'failing',
    retry: { max: 9, delayMs: 100 },
    run: async (_, { attempt }): Promise<number> => {
      await each(attempt);
      throw new Error(`no ${attempt}`);
    },
  });

describe('a cancel', () => {
  test('while a step waits for its next attempt: there is none, and nobody waits for its time', async () => {
    const { clock, cancel, end } = start(() => whole(() => ({ out: failing()() })));
    await quiet();
    clock.advance(100);
    await quiet();
    expect(clock.waiting()).toBe(1);
    cancel();
    const { settled, starts } = await end();
    expect(settled).toEqual([['failing', 'cancelled', 2]]);
    expect(starts).toEqual([
      ['failing', 1],
      ['failing', 2],
    ]);
  });

  test.each<RunEvent['type']>(['step-retrying', 'step-started'])('by who is told of %s', async (type) => {
    const { end, events } = start(
      () => whole(() => ({ out: failing()() })),
      {},
      (event, cancel) => (event.type === type ? cancel() : undefined),
    );
    await quiet();
    const { settled } = await end();
    expect(settled).toEqual([['failing', 'cancelled', 1]]);
    expect(ofType(events, 'step-retrying')).toHaveLength(type === 'step-retrying' ? 1 : 0);
  });

  test('by who is told that a later attempt starts: its body is not called', async () => {
    const bodies: number[] = [];
    const { clock, end } = start(
      () => whole(() => ({ out: failing((attempt) => bodies.push(attempt))() })),
      {},
      (event, cancel) => (event.type === 'step-started' && event.attempt === 2 ? cancel() : undefined),
    );
    await quiet();
    clock.advance(100);
    await quiet();
    await end();
    expect(bodies).toEqual([1]);
  });

  test('by the body that fails, or by its "when": nobody is told of another attempt', async () => {
    for (const by of ['body', 'when'] as const) {
      const { end, events } = start((cancel) => {
        const when = (): boolean => (by === 'when' && cancel(), true);
        const run_ = async (): Promise<number> => {
          if (by === 'body') cancel();
          throw new Error('no');
        };
        return whole(() => ({ out: op({ name: 'failing', retry: { max: 9, delayMs: 100, when }, run: run_ })() }));
      });
      await quiet();
      expect((await end()).settled).toEqual([['failing', 'cancelled', 1]]);
      expect(ofType(events, 'step-retrying')).toEqual([]);
    }
  });

  test('in the moment after a step has failed: nobody is told of another attempt', async () => {
    // Between the end of an attempt and the judgement of it are some microtasks: in each of them the cancel comes once.
    for (let microtasks = 0; microtasks < 20; microtasks += 1) {
      let cancelledAt = Infinity;
      const gate = deferred<number>();
      const { end, cancel, events } = start(() => whole(() => ({ out: failing(() => gate.promise)() })));
      await quiet();
      gate.resolve(1);
      for (let each = 0; each < microtasks; each += 1) await Promise.resolve();
      cancelledAt = events.length;
      cancel();
      expect((await end()).settled).toEqual([['failing', 'cancelled', 1]]);
      expect(ofType(events.slice(cancelledAt), 'step-retrying')).toEqual([]);
    }
  });

  test('while steps are in line, for their first attempt or another one: none of them starts', async () => {
    const gate = deferred<number>();
    const { clock, cancel, end } = start(
      () =>
        whole(() => ({
          out: failing()(),
          slow: op({ name: 'slow', run: () => gate.promise })(),
          third: op({ name: 'third', run: async () => 1 })(),
        })),
      { concurrency: 1 },
    );
    await quiet();
    clock.advance(100);
    await quiet();
    cancel();
    await quiet();
    gate.resolve(1);
    const { settled, starts } = await end();
    expect(starts).toEqual([
      ['failing', 1],
      ['slow', 1],
    ]);
    expect(settled).toEqual([
      ['failing', 'cancelled', 1],
      ['slow', 'cancelled', 1],
    ]);
  });

  test('while steps are in line in a pool: none of them starts', async () => {
    const gate = deferred<number>();
    const waits = op({ name: 'waits', concurrency: 1, run: () => gate.promise });
    const { cancel, end } = start(() => whole(() => ({ a: waits.as('a')(), b: waits.as('b')(), c: waits.as('c')() })));
    await quiet();
    cancel();
    gate.resolve(1);
    const { settled, starts } = await end();
    expect(starts).toEqual([['a', 1]]);
    expect(settled).toEqual([['a', 'cancelled', 1]]);
  });

  test('takes the time of an attempt off the clock, and gives its body the reason', async () => {
    const gate = deferred<number>();
    const signals: AbortSignal[] = [];
    const limited = op({
      name: 'limited',
      timeoutMs: 50,
      retry: { max: 3 },
      run: (_, { signal }) => (signals.push(signal), gate.promise),
    });
    const { clock, cancel, end } = start(() => whole(() => ({ out: limited() })));
    await quiet();
    cancel();
    expect(signals[0]?.reason).toBe('enough');
    // What is left is the run's patience.
    expect(clock.waiting()).toBe(1);
    clock.advance(60);
    gate.resolve(1);
    expect((await end()).settled).toEqual([['limited', 'cancelled', 1]]);
  });

  test('of a body that never ends counts the attempts that were made', async () => {
    const hangs = deferred<number>();
    const { clock, cancel, end } = start(() => whole(() => ({ out: failing((attempt) => (attempt === 2 ? hangs.promise : 1))() })), {
      graceMs: 300,
    });
    await quiet();
    clock.advance(100);
    await quiet();
    cancel();
    await quiet();
    expect(clock.waiting()).toBe(1);
    clock.advance(300);
    expect((await end()).settled).toEqual([['failing', 'cancelled', 2]]);
  });

  test('while a value is loaded for its first attempt counts none', async () => {
    const gate = deferred();
    let slow = false;
    const { store } = watchedStore({ beforeValues: () => (slow ? gate.promise : undefined) });
    const clock = drivenClock();
    const reads = op({ name: 'reads', inputs: { x: input<number>() }, retry: { max: 3 }, run: ({ x }) => x });
    const defs = whole(() => {
      const up = op({ name: 'up', run: () => 1 })();
      return { up, down: reads({ x: up }) };
    });
    await materialize(defs, { store, clock, select: ['up'] });
    slow = true;
    const controller = new AbortController();
    const { signal } = controller;
    const running = materialize(defs, { store, clock, signal, select: ['down'], inGraphUpstream: 'load' }).catch((error: unknown) => error);
    await quiet();
    controller.abort();
    gate.resolve();
    expect(await running).toBeInstanceOf(AbortError);
    expect(ofType(await logOf(store), 'step-settled').map(({ step, outcome, attempts }) => [step, outcome, attempts])).toEqual([
      ['up', 'succeeded', 1],
      ['reads', 'cancelled', 0],
    ]);
  });

  test('by a body keeps those that have not begun from starting', async () => {
    const { end } = start((cancel) => {
      const cancels = op({ name: 'cancels', run: () => (cancel(), 1) });
      return whole(() => ({ a: cancels(), out: failing()() }));
    });
    await quiet();
    expect((await end()).settled).toEqual([['cancels', 'cancelled', 1]]);
  });
});

describe('a cancel while resources are opened', () => {
  const [a, b] = [resource<number>('a'), resource<number>('b')];

  test.each(['asynchronously', 'synchronously'])('opens none of the others: %s', async (how) => {
    const calls: string[] = [];
    const gate = deferred();
    let cancelled: () => void = () => undefined;
    const reads = op({ name: 'reads', resources: { a, b }, retry: { max: 3 }, run: () => calls.push('body') });
    const opens = (name: string) => ({
      open: (): number | Promise<number> => {
        calls.push(`open ${name}`);
        if (how === 'asynchronously') return gate.promise.then(() => 1);
        cancelled();
        return 1;
      },
      dispose: () => void calls.push(`close ${name}`),
    });
    const { cancel, end } = start(
      (given) => {
        cancelled = given;
        return whole(() => ({ out: reads() }));
      },
      { resources: [a.factory(opens('a')), b.factory(opens('b'))] },
    );
    await quiet();
    cancel();
    gate.resolve();
    expect((await end()).settled).toEqual([['reads', 'cancelled', 1]]);
    expect(calls).toEqual(['open a', 'close a']);
  });

  test('by the first of those that waited for it: the others do not start', async () => {
    const gate = deferred<number>();
    const reads = op({ name: 'reads', resources: { a }, run: () => 1 });
    const { end } = start(
      () => whole(() => ({ x: reads.as('x')(), y: reads.as('y')(), z: reads.as('z')() })),
      { resources: [a.factory({ open: () => gate.promise })] },
      (event, cancel) => (event.type === 'step-started' ? cancel() : undefined),
    );
    await quiet();
    gate.resolve(1);
    expect((await end()).starts).toEqual([['x', 1]]);
  });
});

test('unsubscribing cancels the waits too', async () => {
  const clock = drivenClock();
  const bodies: number[] = [];
  const defs = whole(() => ({ out: failing((attempt) => bodies.push(attempt))() }));
  const subscription = run(plan(defs), { clock }).subscribe();
  await quiet();
  expect(clock.waiting()).toBe(1);
  subscription.unsubscribe();
  await quiet();
  expect(clock.waiting()).toBe(0);
  clock.advance(1000);
  await quiet();
  expect(bodies).toEqual([1]);
});
