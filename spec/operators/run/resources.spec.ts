import { describe, expect, test } from 'vitest';
import {
  asset,
  assetsFromGraph,
  define,
  emit,
  graph,
  input,
  materialize,
  op,
  optional,
  plan,
  resource,
  run,
  type Provision,
  type ResourceFactory,
} from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { deferred, ready, until } from '../rig/deferred.ts';
import { manualClock } from '../rig/manual-clock.ts';
import { untyped } from '../rig/untyped.ts';
import { ofType, watchRun } from '../rig/watch-run.ts';
import { logOf, watchedStore } from '../rig/watched-store.ts';

const db = resource<string>('db');
const slack = resource<string>('slack');

/** What was done with a resource, in order. */
function traced(of: typeof db, trace: string[], factory: Partial<ResourceFactory<string>> = {}): Provision {
  return of.factory({
    open: () => {
      trace.push(`open ${of.name}`);
      return of.name;
    },
    dispose: () => void trace.push(`dispose ${of.name}`),
    ...factory,
  });
}

const reads = op({ name: 'reads', resources: { db }, run: (_, { resources }) => resources.db });
const talks = op({ name: 'talks', resources: { slack }, run: (_, { resources }) => resources.slack });

/** As many steps that use the database. */
function readers(count: number) {
  const all = graph('all', () => Object.fromEntries(Array.from({ length: count }, (_, index) => [`r${index}`, reads.as(`r${index}`)()])));
  return define({ assets: [assetsFromGraph(all)] });
}

/** The lines that runs wrote themselves. */
async function linesOf(store: ReturnType<typeof memoryStore>): Promise<readonly string[]> {
  return ofType(await logOf(store), 'log-line').map(({ level, message, step }) => `${level}${step}: ${message}`);
}

describe('a body', () => {
  test('gets what it needs by its own names, frozen, whatever its form', async () => {
    const seen: object[] = [];
    const returns = op({
      name: 'returns',
      resources: { main: db, chat: slack },
      run: (_, { resources }) => {
        seen.push(resources);
        return `${resources.main}+${resources.chat}`;
      },
    });
    const emits = op({
      name: 'emits',
      outputs: { out: optional<string>() },
      resources: { db },
      *run(_, { resources }) {
        yield emit('out', resources.db);
      },
    });
    const bare = op({
      name: 'bare',
      run: (_, { resources }) => {
        seen.push(resources);
        return 1;
      },
    });
    const all = graph('all', () => ({ a: returns(), b: emits().out, c: bare() }));
    const defs = define({ assets: [assetsFromGraph(all)], resources: [db.value('d'), traced(slack, [])] });
    const result = await materialize(defs);
    expect([result.value('a'), result.value('b')]).toEqual(['d+slack', 'd']);
    expect(seen).toEqual([{ main: 'd', chat: 'slack' }, {}]);
    expect(seen.map(Object.isFrozen)).toEqual([true, true]);
  });

  test('gets what the run provides before what the definitions do, which is then not even opened', async () => {
    const trace: string[] = [];
    const defs = define({ assets: [assetsFromGraph(graph('g', () => reads()))], resources: [traced(db, trace)] });
    expect((await materialize(defs, { resources: [db.value('mine')] })).value('g')).toBe('mine');
    expect(trace).toEqual([]);
    expect((await materialize(defs)).value('g')).toBe('db');
  });

  test('gets the resources of the plan that runs; a run itself takes none', async () => {
    const store = memoryStore();
    const planned = plan(readers(1), { resources: [db.value('planned')] });
    await watchRun(run(planned, { store }));
    expect(await store.value('r0')).toBe('planned');
    expect(() => run(planned, untyped({ resources: [db.value('other')] }))).toThrow(/run\(\) has no option "resources"/);
  });
});

describe('a value', () => {
  test('is given as it is and never disposed, whatever comes of the run', async () => {
    const own = resource<object>('own');
    const client = {
      [Symbol.dispose]: () => expect.unreachable(),
      [Symbol.asyncDispose]: () => expect.unreachable(),
    };
    const gets = asset({ key: 'a', resources: { own }, run: (_, { resources }) => resources.own === client });
    const fails = asset({ key: 'b', resources: { own }, run: () => Promise.reject(new Error('no')) });
    const defs = define({ assets: [gets, fails], resources: [own.value(client)] });
    const result = await materialize(defs, { throwOnFailure: false });
    expect(result.value('a')).toBe(true);
    expect(Object.isFrozen(client)).toBe(false);
  });
});

describe('a factory', () => {
  test('opens once a run, however many steps use it at the same time', async () => {
    const trace: string[] = [];
    const opening = deferred<string>();
    const open = (): Promise<string> => {
      trace.push('open');
      return opening.promise;
    };
    const running = materialize(readers(30), { resources: [traced(db, trace, { open })], concurrency: 30 });
    await ready();
    expect(trace).toEqual(['open']);
    opening.resolve('there');
    const result = await running;
    expect(new Set(Array.from({ length: 30 }, (_, index) => result.value(untyped(`r${index}`))))).toEqual(new Set(['there']));
    expect(trace).toEqual(['open', 'dispose db']);
  });

  test('opens once for each of two runs, and is told which one', async () => {
    const told: string[] = [];
    const trace: string[] = [];
    const provision = db.factory({
      open: ({ runId }) => {
        told.push(runId);
        return `opened ${told.length}`;
      },
      dispose: (value) => void trace.push(value),
    });
    const defs = readers(3);
    const results = [await materialize(defs, { resources: [provision] }), await materialize(defs, { resources: [provision] })];
    expect(told).toEqual(results.map(({ runId }) => runId));
    expect(trace).toEqual(['opened 1', 'opened 2']);
  });

  test('is disposed when the last step is over and before the run ends, last opened first', async () => {
    const trace: string[] = [];
    const first = op({ name: 'first', resources: { db }, run: () => void trace.push('first runs') });
    const second = op({
      name: 'second',
      inputs: { x: input<void>() },
      resources: { db, slack },
      run: async () => void trace.push('second runs'),
    });
    const defs = define({ assets: [assetsFromGraph(graph('g', () => second({ x: first() })))] });
    const store = memoryStore();
    const planned = plan(defs, { resources: [traced(slack, trace), traced(db, trace)] });
    const { events } = await watchRun(run(planned, { store }));
    expect(trace).toEqual(['open db', 'first runs', 'open slack', 'second runs', 'dispose slack', 'dispose db']);
    expect(events.at(-1)).toMatchObject({ type: 'run-ended', status: 'succeeded' });
  });

  test('that says nothing of disposing has its value dispose itself', async () => {
    const trace: string[] = [];
    const [later, now] = [resource<AsyncDisposable>('later'), resource<Disposable>('now')];
    const uses = asset({ key: 'a', resources: { later, now }, run: () => 1 });
    const opens = {
      later: { [Symbol.asyncDispose]: async () => void trace.push('later') },
      now: { [Symbol.dispose]: () => void trace.push('now') },
    };
    const provided = [later.factory({ open: () => opens.later }), now.factory({ open: () => opens.now })];
    await materialize(define({ assets: [uses], resources: provided }));
    expect(trace).toEqual(['now', 'later']);
  });

  test('is no part of what is recorded', async () => {
    const store = memoryStore();
    const secret = asset({ key: 'a', resources: { db }, run: () => 1 });
    await materialize(define({ assets: [secret], resources: [db.factory({ open: () => 'hunter2' })] }), { store });
    expect(JSON.stringify(await logOf(store))).not.toMatch(/hunter2|"db"/);
  });
});

describe('what never runs opens nothing', () => {
  const trace: string[] = [];
  const provided = [traced(db, trace), traced(slack, trace)];

  test('not selected, skipped or blocked', async () => {
    const none = op({ name: 'none', outputs: { out: optional<string>() }, run: () => ({}) });
    const fails = op({ name: 'fails', run: (): string => expect.unreachable() });
    const after = op({ name: 'after', inputs: { x: input<string>() }, resources: { db }, run: ({ x }) => x });
    const all = graph('all', () => ({
      skipped: after.as('skipped')({ x: none().out }),
      blocked: after.as('blocked')({ x: fails() }),
      unselected: talks(),
    }));
    const defs = define({ assets: [assetsFromGraph(all, { canSubset: true })], resources: provided });
    const result = await materialize(defs, { select: ['skipped', 'blocked'], throwOnFailure: false });
    expect([...result.outcomes.values()]).toEqual(['absent', 'blocked']);
    expect(trace).toEqual([]);
  });

  test('cancelled before it started, or stopped before the first step', async () => {
    const defs = define({
      assets: [
        assetsFromGraph(graph('g', () => reads())),
        asset({ key: 'up', run: () => 1 }),
        asset({ key: 'down', inputs: { up: input<number>() }, resources: { db }, run: () => 1 }),
      ],
      resources: provided,
    });
    await expect(materialize(defs, { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' });
    await expect(materialize(defs, { select: ['down'] })).rejects.toMatchObject({ code: 'MISSING_VALUE' });
    await materialize(defs, { select: [] });
    expect(trace).toEqual([]);
  });
});

describe('disposed', () => {
  test('after a step that failed', async () => {
    const trace: string[] = [];
    const fails = asset({ key: 'a', resources: { db }, run: () => Promise.reject(new Error('no')) });
    const failing = materialize(define({ assets: [fails], resources: [traced(db, trace)] }));
    await expect(failing).rejects.toMatchObject({ code: 'OP_THREW' });
    expect(trace).toEqual(['open db', 'dispose db']);
  });

  test('after a cancelled run, when its bodies have ended; its signal says so at once', async () => {
    const trace: string[] = [];
    const controller = new AbortController();
    const body = deferred();
    const signals: AbortSignal[] = [];
    const open = ({ signal }: { readonly signal: AbortSignal }): string => {
      signals.push(signal);
      return 'db';
    };
    const waits = asset({ key: 'a', resources: { db }, run: () => body.promise.then(() => void trace.push('body ends')) });
    const defs = define({ assets: [waits], resources: [traced(db, trace, { open })] });
    const running = materialize(defs, { signal: controller.signal, clock: manualClock() });
    await until(() => signals.length > 0);
    expect(signals[0]?.aborted).toBe(false);
    controller.abort();
    await ready();
    expect(signals[0]?.aborted).toBe(true);
    expect(trace).toEqual([]);
    body.resolve();
    await expect(running).rejects.toMatchObject({ name: 'AbortError' });
    expect(trace).toEqual(['body ends', 'dispose db']);
  });

  test('after a cancelled run whose bodies did not end in time', async () => {
    const trace: string[] = [];
    const clock = manualClock();
    const controller = new AbortController();
    const hangs = asset({ key: 'a', resources: { db }, run: () => deferred().promise });
    const defs = define({ assets: [hangs], resources: [traced(db, trace)] });
    const running = materialize(defs, { signal: controller.signal, clock, graceMs: 50 });
    await until(() => trace.length > 0);
    controller.abort();
    await ready();
    expect(trace).toEqual(['open db']);
    clock.advance(50);
    await expect(running).rejects.toMatchObject({ name: 'AbortError' });
    expect(trace).toEqual(['open db', 'dispose db']);
  });

  test('after a store that failed', async () => {
    const trace: string[] = [];
    const { store } = watchedStore({
      beforeAppend: (_, index) => {
        if (index > 0) throw new Error('disk full');
      },
    });
    const defs = define({ assets: [asset({ key: 'a', resources: { db }, run: () => 1 })], resources: [traced(db, trace)] });
    await expect(materialize(defs, { store })).rejects.toThrow('disk full');
    expect(trace).toEqual(['open db', 'dispose db']);
  });

  test('after a store that failed, which rejects the run only when it is done', async () => {
    const disposal = deferred();
    let begun = false;
    let ended = false;
    const { store } = watchedStore({
      beforeAppend: (_, index) => {
        if (index > 0) throw new Error('disk full');
      },
    });
    const dispose = (): Promise<void> => {
      begun = true;
      return disposal.promise;
    };
    const defs = define({ assets: [asset({ key: 'a', resources: { db }, run: () => 1 })], resources: [traced(db, [], { dispose })] });
    const running = materialize(defs, { store, clock: manualClock() }).then(
      () => expect.unreachable(),
      (error: unknown) => {
        ended = true;
        return error;
      },
    );
    await until(() => begun);
    await ready();
    expect(ended).toBe(false);
    disposal.resolve();
    expect(await running).toMatchObject({ message: 'disk full' });
  });

  test('after an opening that came when the run was over: nobody got it', async () => {
    const trace: string[] = [];
    const clock = manualClock();
    const controller = new AbortController();
    const opening = deferred<string>();
    let asked = false;
    const open = (): Promise<string> => {
      asked = true;
      return opening.promise;
    };
    const defs = define({
      assets: [asset({ key: 'a', resources: { db }, run: () => expect.unreachable() })],
      resources: [traced(db, trace, { open })],
    });
    const running = materialize(defs, { signal: controller.signal, clock, graceMs: 50 });
    await until(() => asked);
    controller.abort();
    await ready();
    clock.advance(50);
    await ready();
    opening.resolve('late');
    await expect(running).rejects.toMatchObject({ name: 'AbortError' });
    expect(trace).toEqual(['dispose db']);
  });
});

describe('a resource that cannot be disposed', () => {
  test('fails nothing: a line of the log tells, and the others are disposed', async () => {
    const ways: readonly (readonly [() => void | Promise<void>, string])[] = [
      [
        () => {
          throw new Error('still busy');
        },
        'still busy',
      ],
      [() => Promise.reject(new Error('lost it')), 'lost it'],
      // oxlint-disable-next-line prefer-promise-reject-errors
      [() => Promise.reject('text'), 'it threw "text", which is no Error'],
    ];
    for (const [dispose, said] of ways) {
      const trace: string[] = [];
      const store = memoryStore();
      const both = define({ assets: [assetsFromGraph(graph('g', () => ({ a: reads(), b: talks() })))] });
      const result = await materialize(both, { store, resources: [traced(slack, trace, { dispose }), traced(db, trace)] });
      expect(result.success).toBe(true);
      expect(trace).toEqual(['open db', 'open slack', 'dispose db']);
      expect(await linesOf(store)).toEqual([`error: Resource "slack" could not be disposed: ${said}`]);
      expect((await logOf(store)).map(({ type }) => type).slice(-2)).toEqual(['log-line', 'run-ended']);
    }
  });

  test('in a run that failed leaves it its own failure', async () => {
    const store = memoryStore();
    const dispose = (): void => {
      throw new Error('still busy');
    };
    const fails = asset({ key: 'a', resources: { db }, run: () => Promise.reject(new Error('no')) });
    const failing = materialize(define({ assets: [fails], resources: [traced(db, [], { dispose })] }), { store });
    await expect(failing).rejects.toMatchObject({ code: 'OP_THREW' });
    expect(await linesOf(store)).toEqual(['error: Resource "db" could not be disposed: still busy']);
  });

  test('in time is left to itself after graceMs', async () => {
    const clock = manualClock();
    const store = memoryStore();
    let ended = false;
    const defs = define({ assets: [asset({ key: 'a', resources: { db }, run: () => 1 })] });
    const hanging = [traced(db, [], { dispose: () => deferred().promise })];
    const running = materialize(defs, { store, clock, graceMs: 300, resources: hanging }).finally(() => (ended = true));
    await until(() => clock.waiting() > 0);
    clock.advance(299);
    await ready();
    expect(ended).toBe(false);
    clock.advance(1);
    expect((await running).success).toBe(true);
    expect(await linesOf(store)).toEqual(['error: Resource "db" could not be disposed: it took longer than 300 ms']);
    expect(clock.waiting()).toBe(0);
    // The store is free for others again.
    expect((await materialize(defs, { store, clock, resources: [db.value('x')] })).success).toBe(true);
  });

  test('leaves no timer behind where it is quick', async () => {
    const clock = manualClock();
    await materialize(readers(2), { clock, resources: [traced(db, [])] });
    expect(clock.waiting()).toBe(0);
  });
});

describe('a resource that cannot be opened', () => {
  test('fails its steps with RESOURCE_FAILED, and nobody else; it is tried anew by each', async () => {
    const trace: string[] = [];
    const open = (): string => {
      trace.push('open');
      throw new Error('refused');
    };
    const both = graph('g', () => ({ a: reads(), b: reads.as('again')(), c: talks() }));
    const defs = define({ assets: [assetsFromGraph(both)], resources: [traced(db, trace, { open }), slack.value('s')] });
    const result = await materialize(defs, { throwOnFailure: false });
    expect([...result.outcomes]).toEqual([
      ['a', 'failed'],
      ['b', 'failed'],
      ['c', 'materialized'],
    ]);
    expect(result.errors.map(({ code, details }) => [code, details['resource']])).toEqual([
      ['RESOURCE_FAILED', 'db'],
      ['RESOURCE_FAILED', 'db'],
    ]);
    expect(result.errors[0]?.message).toContain('Step "reads" could not open its resource "db": refused.');
    expect(trace).toEqual(['open', 'open']);
  });

  test('is opened by a later attempt, and disposed once', async () => {
    const trace: string[] = [];
    const clock = manualClock();
    const open = (): string => {
      if (trace.push('open') === 1) throw new Error('refused');
      return 'db';
    };
    const retries = asset({
      key: 'a',
      resources: { db },
      retry: { max: 1 },
      run: (_, { resources, attempt }) => `${resources.db}${attempt}`,
    });
    const running = materialize(define({ assets: [retries], resources: [traced(db, trace, { open })] }), { clock });
    await until(() => clock.waiting() > 0);
    clock.advance(1_000_000);
    expect((await running).value('a')).toBe('db2');
    expect(trace).toEqual(['open', 'open', 'dispose db']);
  });
});
