import { firstValueFrom, lastValueFrom, map, take, toArray } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { input, list, materialize, op, optional, output, plan, run, type RunEvent } from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { deferred, ready, until } from '../rig/deferred.ts';
import { manualClock } from '../rig/manual-clock.ts';
import { untyped } from '../rig/untyped.ts';
import { ofType, watchRun } from '../rig/watch-run.ts';
import { logOf } from '../rig/watched-store.ts';
import { whole } from '../rig/whole.ts';

const one = op({ name: 'one', run: () => 1 });
const add = op({ name: 'add', inputs: { xs: list<number>() }, run: async ({ xs }) => xs.reduce((sum, x) => sum + x, 1) });
const two = whole(() => {
  const a = one();
  return { a, b: add({ xs: [a] }) };
});

describe('run() is a cold Observable', () => {
  test('nothing happens before it is subscribed, and each subscription is a run of its own', async () => {
    const store = memoryStore();
    const events$ = run(plan(two), { store });
    await ready();
    expect(await logOf(store)).toEqual([]);
    const [first, second] = await Promise.all([watchRun(events$), watchRun(events$)]);
    const idOf = ({ events }: typeof first): unknown => events.map((event) => ('runId' in event ? event.runId : ''))[0];
    expect(idOf(first)).not.toBe(idOf(second));
    expect((await store.runs()).map(({ ended }) => ended?.status)).toEqual(['succeeded', 'succeeded']);
  });

  test('nothing is emitted before subscribe has returned', async () => {
    let returned = false;
    const seen: boolean[] = [];
    const over = deferred();
    run(plan(two)).subscribe({ next: () => seen.push(returned), complete: () => over.resolve() });
    returned = true;
    await over.promise;
    expect(seen).not.toContain(false);
  });

  test('it composes with the operators of RxJS, and a consumer that has enough cancels the run', async () => {
    const store = memoryStore();
    const types = await lastValueFrom(
      run(plan(two), { store }).pipe(
        map(({ type }) => type),
        toArray(),
      ),
    );
    expect(types).toEqual([
      'run-started',
      'step-started',
      'step-started',
      'step-settled',
      'asset-materialized',
      'step-settled',
      'asset-materialized',
      'run-ended',
    ]);
    await firstValueFrom(run(plan(two), { store }));
    await ready();
    const log = await logOf(store);
    expect(log.at(-1)).toMatchObject({ type: 'run-ended', status: 'cancelled' });
    expect(await lastValueFrom(run(plan(two), { store }).pipe(take(2), toArray()))).toHaveLength(2);
  });
});

describe('events', () => {
  const fails = op({
    name: 'fails',
    run: (): number => {
      throw new Error('x');
    },
  });
  const picky = op({ name: 'picky', outputs: { a: optional<number>(), b: output<number>() }, run: () => ({ b: 1 }) });
  const mixed = whole(() => {
    const { a, b } = picky();
    const bad = fails();
    return {
      a,
      b,
      skipped: add.as('skipped')({ xs: [a] }),
      bad,
      blocked: add.as('blocked')({ xs: [bad, b] }),
      fine: add.as('fine')({ xs: [b] }),
    };
  });

  test('start with run-started and end with run-ended; each step settles after everything that it reads', async () => {
    const { events, error } = await watchRun(run(plan(mixed)));
    expect(error).toBeUndefined();
    expect(events[0]?.type).toBe('run-started');
    expect(events.at(-1)).toMatchObject({ type: 'run-ended', status: 'failed' });
    const logged = events.flatMap((event) => ('position' in event ? [event.position] : []));
    expect(logged).toEqual(logged.map((_, index) => index + 1));
    const places = new Map(ofType(events, 'step-settled').map((event) => [event.step, events.indexOf(event)]));
    const placeOf = (step: string): number => places.get(step) ?? -1;
    const reading = ofType(events, 'step-settled').flatMap(({ step, inputs }) =>
      inputs.flatMap(({ origin }) => (origin.from === 'step' ? [placeOf(step) - placeOf(origin.step)] : [])),
    );
    expect(reading.length).toBeGreaterThan(3);
    expect(Math.min(...reading)).toBeGreaterThan(0);
    const ofAssets = events.flatMap((event, place) =>
      event.type.startsWith('asset-') && 'step' in event ? [place - placeOf(event.step)] : [],
    );
    expect(Math.min(...ofAssets)).toBeGreaterThan(0);
    expect(Object.fromEntries(ofType(events, 'step-settled').map(({ step, outcome }) => [step, outcome]))).toEqual({
      picky: 'succeeded',
      fails: 'failed',
      skipped: 'skipped',
      blocked: 'blocked',
      fine: 'succeeded',
    });
  });

  test('step-started comes for what runs alone, before its step settles, with what it was asked for', async () => {
    const { events } = await watchRun(run(plan(mixed)));
    const started = ofType(events, 'step-started');
    expect(started.map(({ step }) => step).toSorted()).toEqual(['fails', 'fine', 'picky']);
    expect(started.find(({ step }) => step === 'picky')?.selectedOutputs).toEqual(['a', 'b']);
  });

  test('are frozen, and are what the store gives', async () => {
    const store = memoryStore();
    const { events } = await watchRun(run(plan(mixed), { store }));
    const logged = events.filter((event) => 'position' in event);
    expect(logged).toEqual(await logOf(store));
    for (const event of logged) expect(Object.isFrozen(event)).toBe(true);
  });

  test('an empty selection has none: nothing runs and nothing is recorded (N1)', async () => {
    const store = memoryStore();
    expect(await watchRun(run(plan(two, { select: [] }), { store, sources: { anything: 1 } }))).toEqual({ events: [], error: undefined });
    expect(await logOf(store)).toEqual([]);
  });

  test('a failed step is an event and then completion; what comes before the first step is an error', async () => {
    expect((await watchRun(run(plan(mixed)))).error).toBeUndefined();
    const reads = whole(() => {
      const a = one();
      return { a, b: op({ name: 'b', inputs: { x: input<number>() }, run: ({ x }) => x })({ x: a }) };
    });
    expect(await watchRun(run(plan(reads, { select: ['b'], inGraphUpstream: 'load' })))).toMatchObject({
      events: [],
      error: { code: 'MISSING_VALUE' },
    });
  });

  test('the plan is not changed by a run, and may be run again', async () => {
    const made = plan(mixed);
    const before = JSON.stringify(made.steps.map(({ needed, predecessors }) => [needed, predecessors]));
    // When the event loop has its turns, and so what is recorded together, is a question of time.
    const watch = (): ReturnType<typeof watchRun> => watchRun(run(made, { clock: manualClock() }));
    const [first, second] = [await watch(), await watch()];
    const told = (events: readonly RunEvent[]): unknown =>
      events.map((event) => [event.type, 'step' in event ? event.step : '', 'position' in event ? event.position : '']);
    expect(told(second.events)).toEqual(told(first.events));
    expect(JSON.stringify(made.steps.map(({ needed, predecessors }) => [needed, predecessors]))).toBe(before);
  });
});

describe('a subscriber', () => {
  /** Runs with everything that is thrown on a stack of its own caught, and gives that back. */
  async function catchingUncaught(act: (caught: readonly unknown[]) => Promise<void>): Promise<readonly unknown[]> {
    const caught: unknown[] = [];
    const listeners = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', (error) => caught.push(error));
    try {
      await act(caught);
    } finally {
      process.removeAllListeners('uncaughtException');
      for (const listener of listeners) process.on('uncaughtException', listener);
    }
    return caught;
  }

  test('that throws in next does not disturb the run: RxJS reports it on a stack of its own', async () => {
    const store = memoryStore();
    const caught = await catchingUncaught(async (reported) => {
      let completed = false;
      run(plan(two), { store }).subscribe({
        next: ({ type }) => {
          if (type === 'step-settled') throw new Error('mine');
        },
        complete: () => (completed = true),
      });
      await until(() => completed && reported.length === 2);
    });
    expect(caught).toEqual([new Error('mine'), new Error('mine')]);
    expect((await logOf(store)).at(-1)).toMatchObject({ status: 'succeeded' });
    expect((await materialize(two, { store, whenBusy: 'error' })).success).toBe(true);
  });

  test('whose operator throws gets that error, and the run is cancelled', async () => {
    const store = memoryStore();
    const failing = run(plan(two), { store }).pipe(
      map(({ type }) => {
        if (type === 'step-started') throw new Error('mine');
        return type;
      }),
    );
    await expect(lastValueFrom(failing)).rejects.toEqual(new Error('mine'));
    await ready();
    expect((await logOf(store)).at(-1)).toMatchObject({ type: 'run-ended', status: 'cancelled' });
  });

  test.each(['run-started', 'step-started', 'step-settled', 'asset-materialized', 'run-ended'] as const)(
    'may unsubscribe inside next, on %s',
    async (on) => {
      const store = memoryStore();
      const seen: RunEvent[] = [];
      const subscription = run(plan(two), { store }).subscribe((event) => {
        seen.push(event);
        if (event.type === on) subscription.unsubscribe();
      });
      await until(() => subscription.closed);
      await ready();
      expect(seen.at(-1)?.type).toBe(on);
      const log = await logOf(store);
      expect(log.at(-1)?.type).toBe('run-ended');
      expect((await materialize(two, { store, whenBusy: 'error' })).success).toBe(true);
    },
  );

  test('may start another run on the same store inside next: it waits its turn', async () => {
    const store = memoryStore();
    const order: string[] = [];
    const inner = deferred();
    run(plan(two), { store }).subscribe((event) => {
      order.push(`outer ${event.type}`);
      if (event.type !== 'run-started') return;
      run(plan(two), { store }).subscribe({ next: ({ type }) => order.push(`inner ${type}`), complete: () => inner.resolve() });
    });
    await inner.promise;
    expect(order.indexOf('inner run-started')).toBeGreaterThan(order.indexOf('outer run-ended'));
  });

  test('whose signal was aborted before gets completion alone: nothing ran and nothing was written', async () => {
    const { events, error } = await watchRun(run(plan(two), { signal: AbortSignal.abort() }));
    expect(error).toBeUndefined();
    expect(events).toEqual([]);
  });

  test('that comes to an end early does not keep the store', async () => {
    const store = memoryStore();
    for (let index = 0; index < 5; index += 1) run(plan(two), { store }).subscribe().unsubscribe();
    const result = await materialize(two, { store });
    expect(result.value('b')).toBe(2);
    expect((await store.runs()).map(({ ended }) => ended?.status)).toEqual(['succeeded']);
  });
});

describe('run() refuses what it would misread, synchronously', () => {
  test.each<[string, unknown, unknown, string]>([
    ['definitions instead of a plan', two, {}, 'plan(defs'],
    ['nothing', undefined, {}, 'undefined'],
    ['a promise', Promise.resolve(), {}, 'a promise'],
    ['an option of plan', plan(two), { select: ['a'] }, '"select"'],
    ['a misspelt option', plan(two), { stor: memoryStore() }, 'Did you mean "store"'],
  ])('%s', (_, first, options, said) => {
    expect(() => run(untyped(first), untyped(options))).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringContaining(said) }),
    );
  });
});
