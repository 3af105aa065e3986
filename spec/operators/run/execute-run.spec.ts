import fc from 'fast-check';
import { NEVER } from 'rxjs';
import { describe, expect, test } from 'vitest';
import {
  AbortError,
  input,
  list,
  materialize,
  nothing,
  op,
  optional,
  output,
  plan,
  run,
  type RunEvent,
  type RunResult,
} from '../../../index.ts';
import type { Handle } from '../../../lib/model/handle.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { deferred, ready, until, type Deferred } from '../rig/deferred.ts';
import { manualClock } from '../rig/manual-clock.ts';
import { ofType, watchRun } from '../rig/watch-run.ts';
import { logOf, watchedStore } from '../rig/watched-store.ts';
import { whole } from '../rig/whole.ts';

const one = op({ name: 'one', run: () => 1 });
const add = op({ name: 'add', inputs: { xs: list<number>() }, run: ({ xs }) => xs.reduce((sum, x) => sum + x, 1) });
const fails = op({
  name: 'fails',
  inputs: { xs: list<number>() },
  run: (): number => {
    throw new Error('x');
  },
});

describe('a failure stays in its cone (X9)', () => {
  test('every step that is not downstream of it runs to its end, also one that starts later', async () => {
    const gate = deferred();
    const slow = op({ name: 'slow', run: async () => (await gate.promise, 1) });
    const defs = whole(() => {
      const bad = fails({ xs: [] });
      const fine = slow();
      return {
        bad,
        below: add.as('below')({ xs: [bad] }),
        fine,
        later: add.as('later')({ xs: [fine] }),
        both: add.as('both')({ xs: [bad, fine] }),
      };
    });
    const store = memoryStore();
    const running = materialize(defs, { store, throwOnFailure: false });
    await ready();
    gate.resolve();
    const result = await running;
    expect(Object.fromEntries(result.outcomes)).toEqual({
      bad: 'failed',
      below: 'blocked',
      fine: 'materialized',
      later: 'materialized',
      both: 'blocked',
    });
    expect(result.status).toBe('failed');
    expect(ofType(await logOf(store), 'run-ended')).toMatchObject([{ status: 'failed' }]);
    expect(await store.value('later')).toBe(2);
  });

  test('errors come in the order in which steps failed, and each blocked step names what failed above it', async () => {
    const gates: Deferred<void>[] = [];
    const failsLater = op({
      name: 'fails_later',
      run: async (): Promise<number> => {
        const gate = deferred();
        gates.push(gate);
        await gate.promise;
        throw new Error('x');
      },
    });
    const defs = whole(() => {
      const [a, b] = [failsLater.as('a')(), failsLater.as('b')()];
      return { down: add({ xs: [add.as('mid')({ xs: [a] }), b] }) };
    });
    const running = materialize(defs, { throwOnFailure: false });
    await ready();
    gates[1]?.resolve();
    await ready();
    gates[0]?.resolve();
    const result = await running;
    expect(result.errors.map(({ details }) => details['step'])).toEqual(['b', 'a']);
    expect(result.steps.get('mid')).toMatchObject({ outcome: 'blocked', blockedBy: ['a'] });
    expect(result.steps.get('add')).toMatchObject({ outcome: 'blocked', blockedBy: ['a', 'b'] });
  });

  test('what was recorded before of a failed asset stays what readers get (F8)', async () => {
    let broken = false;
    const sometimes = op({
      name: 'sometimes',
      run: () => {
        if (broken) throw new Error('x');
        return 1;
      },
    });
    const defs = whole(() => ({ out: sometimes() }));
    const store = memoryStore();
    await materialize(defs, { store });
    broken = true;
    await materialize(defs, { store, throwOnFailure: false });
    expect(await store.value('out')).toBe(1);
  });
});

describe('every selected asset has exactly one outcome (X10)', () => {
  type Kind = 'value' | 'async' | 'fails' | 'failsLater' | 'absent' | 'hangs' | 'unstorable';
  interface World {
    readonly nodes: readonly {
      readonly kind: Kind;
      readonly reads: readonly number[];
      readonly wiring: 'list' | 'value' | 'nothing' | 'optional';
    }[];
    readonly select: readonly boolean[];
    readonly cancelAfter: number;
    readonly concurrency: number;
    readonly unselectedOutputs: 'discard' | 'materialize' | 'error';
    readonly inGraphUpstream: 'recompute' | 'auto';
  }

  const worlds: fc.Arbitrary<World> = fc.record({
    nodes: fc.array(
      fc.record({
        kind: fc.oneof(
          { weight: 6, arbitrary: fc.constantFrom<Kind>('value', 'async') },
          { weight: 2, arbitrary: fc.constantFrom<Kind>('fails', 'failsLater', 'absent', 'unstorable') },
          { weight: 1, arbitrary: fc.constant<Kind>('hangs') },
        ),
        reads: fc.array(fc.nat(30), { maxLength: 4 }),
        wiring: fc.constantFrom('list', 'value', 'nothing', 'optional'),
      }),
      { minLength: 1, maxLength: 14 },
    ),
    select: fc.array(fc.boolean(), { minLength: 14, maxLength: 14 }),
    cancelAfter: fc.nat(25),
    concurrency: fc.constantFrom(1, 2, 16),
    unselectedOutputs: fc.constantFrom('discard', 'materialize', 'error'),
    inGraphUpstream: fc.constantFrom('recompute', 'auto'),
  });

  function build({ nodes }: World) {
    return whole(() => {
      const handles: Handle<number>[] = [];
      for (const [index, { kind, reads, wiring }] of nodes.entries()) {
        const sources = [...new Set(reads.map((read) => read % Math.max(1, index)))].flatMap((read) => handles[read] ?? []);
        const body = async (): Promise<{ out?: number }> => {
          if (kind === 'fails' || kind === 'failsLater') throw new Error('x');
          if (kind === 'hangs') return new Promise(() => undefined);
          return kind === 'absent' ? {} : { out: kind === 'unstorable' ? ((() => 1) as never) : index };
        };
        const run =
          kind === 'value'
            ? () => ({ out: index })
            : kind === 'fails'
              ? () => {
                  throw new Error('x');
                }
              : body;
        const name = `n${index}`;
        const outputs = { out: optional<number>() };
        const [first, second] = sources;
        const handle =
          wiring === 'list'
            ? op({ name, inputs: { xs: list<number>() }, outputs, run })({ xs: sources }).out
            : wiring === 'nothing'
              ? op({ name, inputs: { xs: nothing() }, outputs, run })({ xs: sources }).out
              : wiring === 'value' && first !== undefined && second !== undefined
                ? op({ name, inputs: { a: input<number>(), b: input<number>() }, outputs, run })({ a: first, b: second }).out
                : op({ name, inputs: { a: input<number>({ optional: true }) }, outputs, run })(first === undefined ? {} : { a: first }).out;
        handles.push(handle);
      }
      return Object.fromEntries(handles.map((handle, index) => [`a${index}`, handle]));
    });
  }

  test('whatever fails, is absent, hangs, or is cancelled in the middle; and the log tells the same', async () => {
    const statuses = new Set<string>();
    const outcomes = new Set<string>();
    await fc.assert(
      fc.asyncProperty(worlds, async (world) => {
        const defs = build(world);
        const select = [...defs.assets.keys()].filter((_, index) => world.select[index]);
        const store = memoryStore();
        const controller = new AbortController();
        const clock = manualClock();
        const hangs = world.nodes.some(({ kind }) => kind === 'hangs');
        const running = materialize(defs, {
          store,
          select,
          clock,
          signal: controller.signal,
          concurrency: world.concurrency,
          unselectedOutputs: world.unselectedOutputs,
          inGraphUpstream: world.inGraphUpstream,
          graceMs: 10,
          throwOnFailure: false,
        }).catch((error: unknown) => {
          if (error instanceof AbortError) return error.result;
          throw error;
        });
        let over = false;
        void running.finally(() => (over = true));
        for (let tick = 0; tick < world.cancelAfter && !over; tick += 1) await Promise.resolve();
        if (world.cancelAfter % 2 === 0 || hangs) controller.abort();
        for (let turn = 0; turn < 50 && !over; turn += 1) {
          await ready(1);
          clock.advance(20);
        }
        const result = (await running) as RunResult;
        statuses.add(result.status);
        for (const outcome of result.outcomes.values()) outcomes.add(outcome);
        expect([...result.outcomes.keys()]).toEqual(select);
        expect(clock.waiting()).toBe(0);
        const log = await logOf(store);
        // An empty selection leaves no trace (N1), and a run may be cancelled before it leaves one (X12).
        const mayBeEmpty = select.length === 0 || result.status === 'cancelled';
        expect(log.length > 0 ? select.length > 0 : mayBeEmpty).toBe(true);
        if (log.length > 0) checkLog(result, log);
      }),
      { numRuns: 250, seed: 10, verbose: true },
    );
    expect(statuses).toEqual(new Set(['succeeded', 'failed', 'cancelled']));
    expect(outcomes).toEqual(new Set(['materialized', 'absent', 'failed', 'blocked', 'cancelled']));
  });

  function checkLog(result: RunResult, log: readonly RunEvent[]): void {
    expect(log[0]?.type).toBe('run-started');
    expect(log.at(-1)).toMatchObject({ type: 'run-ended', status: result.status });
    expect(result.position).toBe(log.length);
    const told = log.flatMap((event) => ('key' in event && 'type' in event && event.type.startsWith('asset-') ? [event] : []));
    for (const [key, outcome] of result.outcomes) {
      expect(told.filter((event) => event.key === key).map(({ type }) => type)).toEqual([`asset-${outcome}`]);
    }
    const beyond = told.filter(({ key }) => key !== null && !result.plan.selection.has(key));
    expect(beyond.filter((event) => event.type !== 'asset-materialized' || !event.unexpected)).toEqual([]);
    const settled = ofType(log, 'step-settled');
    expect(new Set(settled.map(({ step }) => step)).size).toBe(settled.length);
    const outcomes = new Map<string, string>(settled.map(({ step, outcome }) => [step, outcome]));
    for (const [id, { outcome }] of result.steps) expect(outcome).toBe(outcomes.get(id) ?? 'not-started');
  }
});

describe('cancelling (X12)', () => {
  /** a → b → c, where b waits for the test. */
  function three() {
    const gate = deferred();
    const seen: { readonly signal: AbortSignal }[] = [];
    const waits = op({
      name: 'waits',
      inputs: { x: input<number>() },
      run: async ({ x }, { signal }) => {
        seen.push({ signal });
        await gate.promise;
        return x + 1;
      },
    });
    const defs = whole(() => {
      const a = one();
      const b = waits({ x: a });
      return { a, b, c: add({ xs: [b] }) };
    });
    return { defs, gate, seen };
  }

  for (const way of ['signal', 'unsubscribe'] as const) {
    test(`by ${way}, in the middle: bodies see it, what ends in time is waited for, nothing more starts, what is recorded stays`, async () => {
      const { defs, gate, seen } = three();
      const clock = manualClock();
      const controller = new AbortController();
      const store = memoryStore();
      const events: RunEvent[] = [];
      const subscription = run(plan(defs), { store, clock, signal: controller.signal }).subscribe((event) => events.push(event));
      await until(() => ofType(events, 'asset-materialized').length === 1 && seen.length === 1);
      if (way === 'signal') controller.abort('enough');
      else subscription.unsubscribe();
      expect(seen[0]?.signal.aborted).toBe(true);
      await ready();
      // It waits for the body that has started, and holds the store meanwhile.
      expect(ofType(await logOf(store), 'run-ended')).toEqual([]);
      await expect(materialize(defs, { store, whenBusy: 'error' })).rejects.toMatchObject({ code: 'STORE_BUSY' });
      gate.resolve();
      await until(() => clock.waiting() === 0);
      await ready();
      const log = await logOf(store);
      expect(log.at(-1)).toMatchObject({ type: 'run-ended', status: 'cancelled' });
      expect(ofType(log, 'step-settled').map(({ step, outcome }) => [step, outcome])).toEqual([
        ['one', 'succeeded'],
        ['waits', 'cancelled'],
      ]);
      expect(ofType(log, 'asset-materialized').map(({ key }) => key)).toEqual(['a']);
      expect(ofType(log, 'asset-cancelled').map(({ key }) => key)).toEqual(['b', 'c']);
      expect(ofType(events, 'run-ended')).toHaveLength(way === 'signal' ? 1 : 0);
      const { defs: others, gate: open } = three();
      open.resolve();
      expect((await materialize(others, { store, whenBusy: 'error' })).success).toBe(true);
    });
  }

  test('a body that ignores it is waited for no longer than graceMs', async () => {
    const { defs, gate } = three();
    const clock = manualClock();
    const controller = new AbortController();
    const store = memoryStore();
    const running = materialize(defs, { store, clock, signal: controller.signal, graceMs: 250 });
    let over = false;
    running.catch(() => (over = true));
    await ready();
    controller.abort();
    await ready();
    clock.advance(249);
    await ready();
    expect(over).toBe(false);
    clock.advance(1);
    const error = await running.catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(AbortError);
    const log = await logOf(store);
    // What comes late is dropped: nothing is written after the end.
    gate.resolve();
    await ready();
    expect(await logOf(store)).toEqual(log);
    // It did start, so it is told how it ended, in the result and in the log.
    const { steps } = (error as AbortError).result;
    expect(['one', 'waits', 'add'].map((id) => steps.get(id)?.outcome)).toEqual(['succeeded', 'cancelled', 'not-started']);
    expect(ofType(log, 'step-settled').map(({ step, outcome }) => [step, outcome])).toEqual([
      ['one', 'succeeded'],
      ['waits', 'cancelled'],
    ]);
    expect(log.at(-1)).toMatchObject({ type: 'run-ended', status: 'cancelled' });
  });

  test('5,000 ms is the default', async () => {
    const defs = whole(() => ({
      out: op({ name: 'never', outputs: { x: output<number>() }, run: () => NEVER })().x,
      stuck: op({ name: 'stuck', run: () => new Promise<number>(() => undefined) })(),
    }));
    const clock = manualClock();
    const controller = new AbortController();
    const running = materialize(defs, { clock, signal: controller.signal });
    let over = false;
    running.catch(() => (over = true));
    await ready();
    controller.abort();
    clock.advance(4999);
    await ready();
    expect(over).toBe(false);
    clock.advance(1);
    await expect(running).rejects.toBeInstanceOf(AbortError);
  });

  test('before the start: nothing runs, and every asset is cancelled', async () => {
    const { defs, seen } = three();
    const store = memoryStore();
    const error = await materialize(defs, { store, signal: AbortSignal.abort('no') }).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ name: 'AbortError', code: 'RUN_CANCELLED', cause: 'no' });
    const { result } = error as AbortError;
    expect(result.status).toBe('cancelled');
    expect(Object.fromEntries(result.outcomes)).toEqual({ a: 'cancelled', b: 'cancelled', c: 'cancelled' });
    expect(seen).toEqual([]);
    expect(await logOf(store)).toEqual([]);
  });

  test('when every step had settled, it changes nothing', async () => {
    const gate = deferred();
    const { store, batches } = watchedStore({ beforeAppend: () => (batches.length === 2 ? gate.promise : undefined) });
    const controller = new AbortController();
    const running = materialize(
      whole(() => ({ out: one() })),
      { store, signal: controller.signal },
    );
    await until(() => batches.length === 2);
    controller.abort();
    gate.resolve();
    expect((await running).status).toBe('succeeded');
  });

  test('a body that ends well after it is cancelled all the same, and what it emitted is dropped', async () => {
    const controller = new AbortController();
    const defs = whole(() => ({
      out: op({
        name: 'cancels',
        run: () => {
          controller.abort();
          return 1;
        },
      })(),
    }));
    const store = memoryStore();
    await expect(materialize(defs, { store, signal: controller.signal })).rejects.toBeInstanceOf(AbortError);
    expect(await store.value('out')).toBeUndefined();
  });

  test.each<[string, (abort: () => void) => unknown]>([
    [
      'an Observable that never ends',
      (abort) => {
        abort();
        return NEVER;
      },
    ],
    [
      'an async generator that never ends',
      (abort) => {
        abort();
        return (async function* () {
          for (;;) yield await Promise.resolve(undefined);
        })();
      },
    ],
    [
      'a generator',
      (abort) => {
        abort();
        return (function* () {})();
      },
    ],
  ])('a body that cancels its own run and then gives %s is let go at once', async (_, give) => {
    const controller = new AbortController();
    const body = op({ name: 'body', outputs: { out: output<number>() }, run: (() => give(() => controller.abort())) as never });
    const clock = manualClock();
    await expect(
      materialize(
        whole(() => ({ ...body() })),
        { signal: controller.signal, clock },
      ),
    ).rejects.toBeInstanceOf(AbortError);
    expect(clock.waiting()).toBe(0);
  });

  test('whoever unsubscribes on step-started is in time: that body does not run', async () => {
    let ran = false;
    const body = op({ name: 'body', run: () => (ran = true) });
    const store = memoryStore();
    const subscription = run(plan(whole(() => ({ out: body() }))), { store }).subscribe((event) => {
      if (event.type === 'step-started') subscription.unsubscribe();
    });
    await until(() => subscription.closed);
    await ready();
    expect(ran).toBe(false);
    expect((await logOf(store)).at(-1)).toMatchObject({ type: 'run-ended', status: 'cancelled' });
  });

  test('a failure before the cancel stays a failure in the result, and the run is cancelled', async () => {
    const gate = deferred();
    const waits = op({ name: 'waits', run: async () => (await gate.promise, 1) });
    const controller = new AbortController();
    const running = materialize(
      whole(() => ({ bad: fails({ xs: [] }), slow: waits() })),
      { signal: controller.signal },
    );
    await ready();
    controller.abort();
    gate.resolve();
    const error = await running.catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(AbortError);
    const { result } = error as AbortError;
    expect(Object.fromEntries(result.outcomes)).toEqual({ bad: 'failed', slow: 'cancelled' });
    expect(result.errors).toHaveLength(1);
  });

  test('it says nothing of emissions that come late', async () => {
    const gate = deferred();
    const late = op({
      name: 'late',
      outputs: { asked: output<number>(), other: output<number>() },
      async run() {
        await gate.promise;
        return { asked: 1, other: 2 };
      },
    });
    const controller = new AbortController();
    const watching = watchRun(
      run(
        plan(
          whole(() => ({ ...late() })),
          { select: ['asked'] },
        ),
        { signal: controller.signal },
      ),
    );
    await ready();
    controller.abort();
    gate.resolve();
    const { events } = await watching;
    expect(ofType(events, 'output-discarded')).toEqual([]);
    expect(events.at(-1)?.type).toBe('run-ended');
  });

  test('the user’s signal is left as it was: no listener stays on it', async () => {
    const controller = new AbortController();
    let listeners = 0;
    const { signal } = controller;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>): void => {
      listeners += 1;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>): void => {
      listeners -= 1;
      remove(...args);
    };
    await materialize(
      whole(() => ({ out: one() })),
      { signal },
    );
    await watchRun(run(plan(whole(() => ({ out: one() }))), { signal }));
    expect(listeners).toBe(0);
  });
});

describe('runs on one store (R7)', () => {
  test('queue, first come first served', async () => {
    const store = memoryStore();
    const order: string[] = [];
    const named = (name: string): Promise<RunResult> =>
      materialize(
        whole(() => ({
          out: op({
            name,
            run: async () => {
              order.push(`${name} starts`);
              await ready(2);
              order.push(`${name} ends`);
              return name;
            },
          })(),
        })),
        { store },
      ) as Promise<RunResult>;
    await Promise.all(['first', 'second', 'third'].map(named));
    expect(order).toEqual(['first starts', 'first ends', 'second starts', 'second ends', 'third starts', 'third ends']);
    const log = await logOf(store);
    const runs = log.flatMap((event) => ('runId' in event && event.runId !== null ? [event.runId] : []));
    expect(runs).toEqual([...runs].sort((a, b) => runs.indexOf(a) - runs.indexOf(b)));
    expect(await store.value('out')).toBe('third');
  });

  test('with whenBusy "error", one that comes while another runs or waits is refused, writes nothing, and the store is free afterwards', async () => {
    const store = memoryStore();
    const gate = deferred();
    const slow = whole(() => ({ out: op({ name: 'slow', run: async () => (await gate.promise, 1) })() }));
    const running = materialize(slow, { store });
    await ready();
    const head = await store.port.head();
    await expect(materialize(slow, { store, whenBusy: 'error' })).rejects.toMatchObject({ code: 'STORE_BUSY' });
    const { error, events } = await watchRun(run(plan(slow), { store, whenBusy: 'error' }));
    expect(error).toMatchObject({ code: 'STORE_BUSY' });
    expect(events).toEqual([]);
    expect(await store.port.head()).toBe(head);
    gate.resolve();
    await running;
    expect((await materialize(slow, { store, whenBusy: 'error' })).success).toBe(true);
  });

  test('a run inside a body on the same store is refused with whenBusy "error", and that is the body’s failure', async () => {
    const store = memoryStore();
    const inner = whole(() => ({ inner: one() }));
    const outer = whole(() => ({
      outer: op({ name: 'outer', run: async () => (await materialize(inner, { store, whenBusy: 'error' })).value('inner') })(),
    }));
    const result = await materialize(outer, { store, throwOnFailure: false });
    expect(result.errors).toMatchObject([{ code: 'OP_THREW', cause: { code: 'STORE_BUSY' } }]);
  });

  test('a run inside a body on another store, or on none, is fine', async () => {
    const inner = whole(() => ({ inner: one() }));
    const outer = whole(() => ({ outer: op({ name: 'outer', run: async () => (await materialize(inner)).value('inner') })() }));
    expect((await materialize(outer, { store: memoryStore() })).value('outer')).toBe(1);
  });

  test('a body may put a source into the store that its own run has', async () => {
    const store = memoryStore();
    const puts = op({ name: 'puts', run: async () => (await store.put('side', 1)).observed });
    const result = await materialize(
      whole(() => ({ out: puts() })),
      { store },
    );
    expect(result.value('out')).toBe(true);
    expect(await store.value('side')).toBe(1);
  });

  test('a run that was cancelled while it waited starts nothing when its turn comes', async () => {
    const store = memoryStore();
    const release = await store.turn('queue');
    const controller = new AbortController();
    let ran = false;
    const body = op({ name: 'body', run: () => (ran = true) });
    const running = materialize(
      whole(() => ({ out: body() })),
      { store, signal: controller.signal },
    );
    controller.abort();
    release();
    await expect(running).rejects.toBeInstanceOf(AbortError);
    expect(ran).toBe(false);
    expect(
      (
        await materialize(
          whole(() => ({ out: body() })),
          { store, whenBusy: 'error' },
        )
      ).success,
    ).toBe(true);
  });

  test('two runs of one plan on two stores know nothing of each other', async () => {
    const made = plan(whole(() => ({ out: add({ xs: [one()] }) })));
    const stores = [memoryStore(), memoryStore()];
    const seen = await Promise.all(stores.map((store) => watchRun(run(made, { store }))));
    const ids = seen.map(({ events }) => new Set(events.map((event) => ('runId' in event ? event.runId : null))));
    expect(ids.map(({ size }) => size)).toEqual([1, 1]);
    expect([...(ids[0] ?? [])]).not.toEqual([...(ids[1] ?? [])]);
    expect(await Promise.all(stores.map((store) => store.value('out')))).toEqual([2, 2]);
  });

  test('tags and causedBy are kept with a run, and store.runs() filters by them', async () => {
    const store = memoryStore();
    const defs = whole(() => ({ out: one() }));
    const first = await materialize(defs, { store, tags: { team: 'a', ['__proto__']: 'p' }, causedBy: 'schedule' });
    const second = await materialize(defs, { store, tags: { team: 'b' } });
    const ids = async (filter: Parameters<typeof store.runs>[0]): Promise<readonly string[]> =>
      (await store.runs(filter)).map(({ started }) => started.runId);
    expect(await ids({})).toEqual([first.runId, second.runId]);
    expect(await ids({ tags: { team: 'a' } })).toEqual([first.runId]);
    expect(await ids({ tags: { ['__proto__']: 'p' } })).toEqual([first.runId]);
    expect(await ids({ tags: { team: 'a' }, causedBy: 'schedule' })).toEqual([first.runId]);
    expect(await ids({ tags: { toString: 'x' } })).toEqual([]);
    expect(await ids({ causedBy: 'nobody' })).toEqual([]);
    expect((await store.runs())[1]?.started.causedBy).toBeNull();
    expect((await store.runs()).map(({ ended }) => ended?.status)).toEqual(['succeeded', 'succeeded']);
  });
});
