import { describe, expect, test } from 'vitest';
import {
  emit,
  graph,
  input,
  list,
  nothing,
  op,
  optional,
  output,
  resource,
  runGraph,
  SelectionError,
  StepError,
  type GivenConfig,
  type Schema,
  type StepEvent,
} from '../../../index.ts';
import { deferred, ready, until } from '../rig/deferred.ts';
import { manualClock } from '../rig/manual-clock.ts';
import { throws } from '../rig/play-body.ts';
import { untyped } from '../rig/untyped.ts';

const add = op({ name: 'add', inputs: { x: input<number>(), y: input<number>() }, run: ({ x, y }) => x + y });
const double = op({ name: 'double', inputs: { x: input<number>() }, run: async ({ x }) => x * 2 });
const odd = op({
  name: 'odd',
  inputs: { x: input<number>() },
  outputs: { y: optional<number>() },
  run: ({ x }) => (x % 2 === 1 ? { y: x } : {}),
});
const one = { x: input<number>() };

/** A schema that takes records with a number, and gives that; 7 where nothing is given. */
const size: Schema & { readonly '~standard': { readonly types?: { readonly input: { n: number }; readonly output: number } | undefined } } =
  {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value: unknown) => {
        if (value === undefined) return { value: 7 };
        const n: unknown = Object(value).n;
        return typeof n === 'number' ? { value: n } : { issues: [{ message: 'no number' }] };
      },
    },
  };

describe('runGraph gives values for values', () => {
  test('the value of a graph that returns one handle', async () => {
    const g = graph('g', { inputs: one }, ({ x }) => add({ x, y: double({ x }) }));
    expect(await runGraph(g, { x: 2 })).toBe(6);
    expect(await runGraph(graph('g', () => op({ name: 'two', run: () => 2 })()))).toBe(2);
  });

  test('a record of a graph that returns one, also of a single output called "result"', async () => {
    expect(
      await runGraph(
        graph('g', { inputs: one }, ({ x }) => ({ sum: add({ x, y: x }), twice: double({ x }) })),
        { x: 2 },
      ),
    ).toEqual({ sum: 4, twice: 4 });
    expect(
      await runGraph(
        graph('g', { inputs: one }, ({ x }) => ({ result: double({ x }) })),
        { x: 2 },
      ),
    ).toEqual({ result: 4 });
  });

  test('through nested graphs, with optional inputs left out', async () => {
    const inner = graph('inner', { inputs: { x: input<number>(), y: input<number>({ optional: true }) } }, ({ x, y }) => ({
      seen: op({
        name: 'sees',
        inputs: { x: input<number>(), y: input<number>({ optional: true }) },
        run: (inputs) => [inputs.x, inputs.y],
      })({ x, y }),
    }));
    const outer = graph('outer', { inputs: { x: input<number>(), y: input<number>({ optional: true }) } }, ({ x, y }) => ({
      a: inner.as('first')({ x, y }).seen,
      b: inner.as('second')({ x: double({ x }) }).seen,
    }));
    expect(await runGraph(outer, { x: 1 })).toEqual({ a: [1, undefined], b: [2, undefined] });
    expect(await runGraph(outer, { x: 1, y: 5 })).toEqual({ a: [1, 5], b: [2, undefined] });
  });

  test('an output without a value is not there; a single one is undefined', async () => {
    const g = graph('g', { inputs: one }, ({ x }) => ({ odd: odd({ x }).y, twice: double({ x: odd.as('other')({ x }).y }) }));
    expect(await runGraph(g, { x: 3 })).toEqual({ odd: 3, twice: 6 });
    expect(await runGraph(g, { x: 2 })).toEqual({});
    expect(
      await runGraph(
        graph('g', { inputs: one }, ({ x }) => odd({ x }).y),
        { x: 2 },
      ),
    ).toBeUndefined();
    expect(await runGraph(graph('g', () => op({ name: 'void', run: () => undefined })()))).toBeUndefined();
    expect(await runGraph(graph('g', () => ({ out: op({ name: 'void', run: () => undefined })() })))).toStrictEqual({});
  });

  test('null is a value, functions pass, and a transient output is like any other', async () => {
    const fn = (): number => 1;
    const makes = op({
      name: 'makes',
      outputs: { fn: output<() => number>({ transient: true }), none: output<null>() },
      run: () => ({ fn, none: null }),
    });
    const calls = op({ name: 'calls', inputs: { fn: input<() => number>() }, run: (inputs) => inputs.fn() });
    const g = graph('g', () => {
      const made = makes();
      return { ...made, called: calls({ fn: made.fn }) };
    });
    expect(await runGraph(g)).toEqual({ fn, none: null, called: 1 });
  });

  test('one output may be returned under two names, and one step runs once for both', async () => {
    let ran = 0;
    const counts = op({ name: 'counts', run: () => (ran += 1) });
    const g = graph('g', () => {
      const counted = counts();
      return { a: counted, b: counted };
    });
    expect(await runGraph(g)).toEqual({ a: 1, b: 1 });
    expect(await runGraph(g, {}, { select: ['b'] })).toEqual({ b: 2 });
  });

  test('order alone is wired and not fed', async () => {
    const order: string[] = [];
    const after = op({ name: 'after', inputs: { before: nothing() }, run: () => order.push('after') });
    const g = graph('g', { inputs: { before: nothing(), x: input<number>() } }, ({ before, x }) => ({
      a: after({ before }),
      d: double({ x }),
    }));
    expect(await runGraph(g, { x: 1 })).toEqual({ a: 1, d: 2 });
  });

  test('names of our own are free for yours', async () => {
    const own = op({
      name: '$pass_0',
      outputs: { in: output<string>(), out: output<string>() },
      run: (_, { step }) => ({ in: step, out: step }),
    });
    const reads = op({ name: '$pass', inputs: { in: input<string>() }, run: (inputs) => inputs.in });
    expect(
      await runGraph(
        graph('out', { inputs: { in: input<string>() } }, (given) => ({ ...own(), read: reads({ in: given.in }) })),
        { in: 'x' },
      ),
    ).toEqual({
      in: '$pass_0',
      out: '$pass_0',
      read: 'x',
    });
  });

  test('what goes in and what comes out is frozen (X13)', async () => {
    const rows = { ids: [1] };
    const sees = op({ name: 'sees', inputs: { rows: input<{ ids: number[] }>() }, run: (given) => Object.isFrozen(given.rows.ids) });
    const record = await runGraph(
      graph('g', { inputs: { rows: input<{ ids: number[] }>() } }, (given) => ({ seen: sees({ rows: given.rows }) })),
      { rows },
    );
    expect(record).toEqual({ seen: true });
    expect(Object.isFrozen(record)).toBe(true);
  });
});

describe('a list input of runGraph', () => {
  const joins = op({ name: 'joins', inputs: { all: list<number>() }, run: ({ all }) => all.join() });
  const g = graph('g', { inputs: { xs: list<number>() } }, ({ xs }) => ({ joined: joins({ all: xs }) }));

  test.each([[[]], [[1]], [[3, 1, 2]], [[1, 1]]])('takes the entries of %j', async (xs) => {
    expect(await runGraph(g, { xs })).toEqual({ joined: xs.join() });
  });

  test('takes as many as come, the second time too', async () => {
    for (const count of [2, 0, 30]) {
      const xs = Array.from({ length: count }, (_, index) => index);
      expect(await runGraph(g, { xs })).toEqual({ joined: xs.join() });
    }
  });

  test('drops entries that are undefined, and skips the op where every one is (X3, X4)', async () => {
    expect(await runGraph(g, { xs: untyped<number[]>([1, undefined, 2]) })).toEqual({ joined: '1,2' });
    expect(await runGraph(g, { xs: untyped<number[]>([undefined]) })).toEqual({});
  });

  test('that is optional may be left out', async () => {
    const maybe = graph('g', { inputs: { xs: list<number>({ optional: true }) } }, ({ xs }) => ({
      joined: op({ name: 'joins', inputs: { all: list<number>({ optional: true }) }, run: ({ all }) => all.join() })({ all: xs }),
    }));
    expect(await runGraph(maybe)).toEqual({ joined: '' });
    expect(await runGraph(maybe, { xs: [1, 2] })).toEqual({ joined: '1,2' });
  });
});

describe('runGraph selects', () => {
  const ran: string[] = [];
  const says = (name: string) =>
    op({
      name,
      outputs: { a: optional<string>(), b: optional<string>() },
      *run(_, { selectedOutputs }) {
        ran.push(`${name}:${[...selectedOutputs].join()}`);
        yield emit('a', name);
        yield emit('b', name);
      },
    });
  const g = graph('g', () => ({ first: says('one')().a, second: says('two')().b }));

  test('only what a selected output depends on runs, and its body is told', async () => {
    ran.length = 0;
    const events: StepEvent[] = [];
    expect(await runGraph(g, {}, { select: ['second'], onEvent: (event) => events.push(event) })).toEqual({ second: 'two' });
    expect(ran).toEqual(['two:b']);
    expect(events.map(({ type, step }) => [type, step])).toEqual([
      ['step-started', 'two'],
      ['output-discarded', 'two'],
    ]);
  });

  test('nothing: then nothing runs', async () => {
    ran.length = 0;
    expect(await runGraph(g, {}, { select: [] })).toEqual({});
    expect(ran).toEqual([]);
  });

  test.each<[unknown, string]>([
    [['third'], 'UNKNOWN_ASSET'],
    ['first', 'INVALID_SELECTION'],
  ])('and refuses %j', async (select, code) => {
    await expect(runGraph(g, {}, untyped({ select }))).rejects.toMatchObject({ code });
  });
});

describe('runGraph with config', () => {
  const clean = op({ name: 'clean', config: size, run: (_, { config }) => config });
  const inner = graph('inner', () => ({ rows: clean() }));
  const g = graph('g', () => ({ own: clean(), nested: inner().rows }));

  test.each<[string, GivenConfig | undefined, object]>([
    ['none', undefined, { own: 7, nested: 7 }],
    ['of the op', { ops: { clean: { n: 1 } } }, { own: 1, nested: 1 }],
    ["by the graph's own paths", { steps: { clean: { n: 1 }, 'inner.clean': { n: 2 } } }, { own: 1, nested: 2 }],
  ])('%s', async (_, config, wanted) => expect(await runGraph(g, {}, untyped({ config }))).toEqual(wanted));

  test('mapped by the graph', async () => {
    const maps = graph('maps', { config: size, mapConfig: (n) => ({ clean: { n: n + 1 } }) }, () => ({ rows: clean() }));
    expect(await runGraph(maps, {}, { config: { graphs: { maps: { n: 1 } } } })).toEqual({ rows: 2 });
  });

  test.each<[string, GivenConfig]>([
    ['for no step', { steps: { 'g.clean': { n: 1 } } }],
    ['that the schema refuses', { ops: { clean: { n: 'x' } } }],
  ])('and refuses one %s', async (_, config) => {
    await expect(runGraph(g, {}, { config })).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
  });
});

describe('runGraph with resources', () => {
  const db = resource<string>('db');
  const reads = op({ name: 'reads', resources: { db }, run: (_, { resources }) => resources.db });
  const breaks = op({ name: 'breaks', resources: { db }, run: (): number => throws('no') });
  const events: string[] = [];
  let signal: AbortSignal | undefined;
  const provided = db.factory({
    open: (context) => {
      events.push('open');
      ({ signal } = context);
      return 'rows';
    },
    dispose: async () => {
      events.push(`disposing, aborted: ${String(signal?.aborted)}`);
      await ready(2);
      events.push('disposed');
    },
  });

  test('opens them once, and closes them before it resolves; nobody is told of a cancel', async () => {
    events.length = 0;
    expect(
      await runGraph(
        graph('g', () => ({ a: reads(), b: reads() })),
        {},
        { resources: [provided] },
      ),
    ).toEqual({ a: 'rows', b: 'rows' });
    expect(events).toEqual(['open', 'disposing, aborted: false', 'disposed']);
    expect(signal?.aborted).toBe(false);
  });

  test('closes them after a failure too, before it rejects', async () => {
    events.length = 0;
    await expect(
      runGraph(
        graph('g', () => ({ a: breaks() })),
        {},
        { resources: [provided] },
      ),
    ).rejects.toMatchObject({ code: 'OP_THREW' });
    expect(events).toEqual(['open', 'disposing, aborted: false', 'disposed']);
  });

  test('closes them after a cancel, of which they are told', async () => {
    events.length = 0;
    const controller = new AbortController();
    const clock = manualClock();
    const waits = op({ name: 'waits', resources: { db }, run: () => deferred<number>().promise });
    const running = runGraph(
      graph('g', () => waits()),
      {},
      { resources: [provided], signal: controller.signal, clock },
    );
    running.catch(() => undefined);
    await until(() => events.length > 0);
    const reason = new Error('enough');
    controller.abort(reason);
    await ready();
    // Not under a body that still runs (X12).
    expect(events).toEqual(['open']);
    clock.advance(5000);
    await expect(running).rejects.toBe(reason);
    expect(events).toEqual(['open', 'disposing, aborted: true', 'disposed']);
    expect(signal?.reason).toBe(reason);
  });

  test('waits for one that does not get closed, but not for ever', async () => {
    const clock = manualClock();
    const hanging = db.factory({ open: () => 'rows', dispose: () => deferred().promise });
    const running = runGraph(
      graph('g', () => reads()),
      {},
      { resources: [hanging], clock },
    );
    running.catch(() => undefined);
    await until(() => clock.waiting() === 1);
    clock.advance(5000);
    await expect(running).rejects.toThrow('it took longer than 5000 ms');
    expect(clock.waiting()).toBe(0);
  });

  test('tells one that is being opened of a cancel at once', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const slow = db.factory({
      open: ({ signal: told }) =>
        new Promise<string>((_, reject) => {
          told.addEventListener('abort', () => reject(told.reason as Error));
        }),
    });
    const running = runGraph(
      graph('g', () => reads()),
      {},
      { resources: [slow], signal: controller.signal, clock: manualClock() },
    );
    running.catch(() => undefined);
    await ready();
    controller.abort(reason);
    await expect(running).rejects.toBe(reason);
  });

  test('rejects with what one of them throws as it is closed, but not instead of a failure', async () => {
    const bad = new Error('still open');
    const failing = db.factory({ open: () => 'rows', dispose: () => Promise.reject(bad) });
    await expect(
      runGraph(
        graph('g', () => reads()),
        {},
        { resources: [failing] },
      ),
    ).rejects.toMatchObject({ code: 'RESOURCE_FAILED', details: { resource: 'db' }, cause: bad });
    await expect(
      runGraph(
        graph('g', () => breaks()),
        {},
        { resources: [failing] },
      ),
    ).rejects.toMatchObject({ code: 'OP_THREW' });
  });

  test('opens none that are not needed', async () => {
    events.length = 0;
    const g = graph('g', () => ({ a: reads(), b: op({ name: 'plain', run: () => 1 })() }));
    expect(await runGraph(g, {}, { resources: [provided], select: ['b'] })).toEqual({ b: 1 });
    expect(events).toEqual([]);
  });

  test('and refuses what is missing, and what nothing needs', async () => {
    await expect(runGraph(graph('g', () => reads()))).rejects.toMatchObject({ code: 'MISSING_RESOURCE' });
    await expect(
      runGraph(
        graph('g', () => op({ name: 'plain', run: () => 1 })()),
        {},
        { resources: [provided] },
      ),
    ).rejects.toMatchObject({ code: 'UNKNOWN_RESOURCE' });
  });
});

describe('runGraph with pools', () => {
  test('keeps to their sizes', async () => {
    const state = { running: 0, most: 0 };
    const calls = op({
      name: 'calls',
      pool: 'api',
      run: async () => {
        state.running += 1;
        state.most = Math.max(state.most, state.running);
        await ready(2);
        state.running -= 1;
        return 1;
      },
    });
    const g = graph('g', () => ({ a: calls(), b: calls(), c: calls() }));
    await runGraph(g, {}, { pools: { api: 2 } });
    expect(state.most).toBe(2);
    await expect(runGraph(g)).rejects.toMatchObject({ code: 'UNKNOWN_POOL' });
  });
});

describe('a step of runGraph that fails', () => {
  test('lets the rest end; then the first StepError is what it rejects with', async () => {
    const ended: string[] = [];
    const gate = deferred();
    const slow = op({ name: 'slow', run: async () => (await gate.promise, ended.push('slow')) });
    const later = op({ name: 'later', run: async (): Promise<number> => (await gate.promise, throws('second')) });
    const first = op({ name: 'first', run: (): number => throws('first') });
    const after = op({ name: 'after', inputs: one, run: () => ended.push('after') });
    const g = graph('g', () => ({ later: later(), slow: slow(), after: after({ x: first() }) }));
    const running = runGraph(g);
    let over = false;
    running.catch(() => (over = true));
    await ready();
    expect(over).toBe(false);
    gate.resolve();
    await expect(running).rejects.toBeInstanceOf(StepError);
    await expect(running).rejects.toMatchObject({
      code: 'OP_THREW',
      cause: new Error('first'),
      details: { step: 'first', definition: 'g', op: 'first' },
    });
    expect(ended).toEqual(['slow']);
  });

  test('tells of its retries by the clock', async () => {
    const clock = manualClock();
    const events: StepEvent[] = [];
    const flaky = op({ name: 'flaky', retry: { max: 1, delayMs: 10 }, run: (_, { attempt }) => (attempt === 1 ? throws('no') : attempt) });
    const running = runGraph(
      graph('g', () => flaky()),
      {},
      { clock, onEvent: (event) => events.push(event) },
    );
    await until(() => clock.waiting() === 1);
    clock.advance(10);
    expect(await running).toBe(2);
    expect(events.map(({ type }) => type)).toEqual(['step-started', 'step-retrying', 'step-started']);
  });

  test('calls no hook, since nothing is recorded', async () => {
    const calls: unknown[] = [];
    const hooks = { onFailure: () => calls.push(1), onSuccess: () => calls.push(2) };
    const g = graph('g', { hooks }, () => op({ name: 'fails', hooks, run: (): number => throws('x') })());
    await expect(runGraph(g)).rejects.toMatchObject({ code: 'OP_THREW' });
    expect(calls).toEqual([]);
  });
});

describe('runGraph is cancelled by its signal', () => {
  const reason = new Error('enough');

  test('before it starts, and while it runs', async () => {
    let ran = 0;
    const g = graph('g', () => op({ name: 'a', run: () => (ran += 1) })());
    await expect(runGraph(g, {}, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(ran).toBe(0);
    const controller = new AbortController();
    const stops = op({ name: 'stops', run: () => controller.abort(reason) });
    const next = op({ name: 'next', inputs: { before: nothing() }, run: () => (ran += 1) });
    await expect(
      runGraph(
        graph('g', () => next({ before: stops() })),
        {},
        { signal: controller.signal },
      ),
    ).rejects.toBe(reason);
    expect(ran).toBe(0);
  });
});

describe('runGraph refuses', () => {
  const g = graph('g', { inputs: { x: input<number>(), xs: list<number>() } }, ({ x, xs }) => ({
    sum: op({ name: 'sum', inputs: { all: list<number>() }, run: ({ all }) => all })({ all: [x, xs] }),
  }));

  test.each<[string, readonly unknown[], string]>([
    ['what is no graph', [add, {}, {}], 'runGraph() takes a graph first, and got '],
    ['nothing', [undefined, {}, {}], 'runGraph() takes a graph first, and got undefined.'],
    ['inputs left out', [g, undefined, {}], 'runGraph("g") needs "x" and "xs" in "inputs", and got nothing for it.'],
    ['a misspelt input', [g, { x: 1, sx: [] }, {}], 'runGraph("g"): the graph has no input "sx" that reads a value.'],
    ['a list that is none', [g, { x: 1, xs: 1 }, {}], 'runGraph("g"): input "xs" is a list, and got a number. Give an array of entries.'],
    ['a misspelt option', [g, { x: 1, xs: [] }, { selct: [] }], 'runGraph() has no option "selct". Did you mean "select"?'],
    ['options that are null', [g, { x: 1, xs: [] }, null], 'runGraph() takes its options as one object'],
    ['a listener that is none', [g, { x: 1, xs: [] }, { onEvent: 1 }], '"onEvent"'],
    ['a store', [g, { x: 1, xs: [] }, { store: {} }], 'no option "store"'],
  ])('%s', async (_, given, message) => {
    const refused = untyped<(...given: readonly unknown[]) => Promise<unknown>>(runGraph)(...given);
    await expect(refused).rejects.toBeInstanceOf(SelectionError);
    await expect(refused).rejects.toMatchObject({ code: 'INVALID_OPTION', message: expect.stringContaining(message) as string });
  });
});
