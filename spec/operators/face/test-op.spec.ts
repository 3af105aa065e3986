import { config as rxjsConfig, from, map, of, throwError } from 'rxjs';
import { afterEach, describe, expect, test } from 'vitest';
import {
  DontRetry,
  emit,
  input,
  list,
  nothing,
  op,
  optional,
  output,
  resource,
  RetryRequest,
  SelectionError,
  StepError,
  testOp,
  type StepEvent,
} from '../../../index.ts';
import type { TakenEmission } from '../../../operators/face/frames.ts';
import { deferred, ready, until } from '../rig/deferred.ts';
import { manualClock } from '../rig/manual-clock.ts';
import { throws } from '../rig/play-body.ts';
import { untyped } from '../rig/untyped.ts';

const two = { a: output<number>(), b: optional<number>() };

/** A Standard Schema that takes numbers from 1, and gives them as text; asynchronously where asked to. */
function textOf({ later = false } = {}) {
  const validate = (value: unknown) =>
    typeof value === 'number' && value >= 1 ? { value: `<${value}>` } : { issues: [{ message: 'not a number from 1' }] };
  return {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value: unknown) => (later ? Promise.resolve(validate(value)) : validate(value)),
      types: undefined as { readonly input: number; readonly output: string } | undefined,
    },
  } as const;
}

describe('testOp runs a body of any form', () => {
  test('without outputs: the value, a promise of it, or an operator', async () => {
    const inputs = { x: input<number>() };
    expect(await testOp(op({ name: 'a', inputs, run: ({ x }) => x + 1 }), { inputs: { x: 1 } })).toBe(2);
    expect(await testOp(op({ name: 'a', inputs, run: async ({ x }) => x + 1 }), { inputs: { x: 1 } })).toBe(2);
    const piped = op({ name: 'a', inputs, operator: (frames) => frames.pipe(map(({ x }) => x + 1)) });
    expect(await testOp(piped, { inputs: { x: 1 } })).toBe(2);
  });

  test.each<[string, unknown]>([
    ['a record', { run: () => ({ a: 1, b: 2 }) }],
    ['a promise of one', { run: async () => ({ a: 1, b: 2 }) }],
    [
      'a generator',
      {
        *run() {
          yield emit('b', 2);
          yield emit('a', 1);
        },
      },
    ],
    [
      'an async generator',
      {
        async *run() {
          yield emit('b', 2);
          await Promise.resolve();
          yield emit('a', 1);
        },
      },
    ],
    ['an Observable', { run: () => of(emit('a', 1), emit('b', 2)) }],
    ['an operator', { operator: () => from([emit('a', 1), emit('b', 2)]) }],
  ])('with outputs: %s', async (_, body) => {
    const target = op(
      untyped<{ name: string; outputs: typeof two; run: () => { a: number } }>({ name: 'a', outputs: two, ...untyped<object>(body) }),
    );
    expect(await testOp(target)).toEqual({ a: 1, b: 2 });
  });

  test('an optional output that did not emit is not in the record; null is a value (X11)', async () => {
    expect(await testOp(op({ name: 'a', outputs: two, run: () => ({ a: 1 }) }))).toEqual({ a: 1 });
    expect(await testOp(op({ name: 'a', run: () => null }))).toBeNull();
  });

  test('a void op gives undefined, and has run', async () => {
    let ran = 0;
    expect(await testOp(op({ name: 'a', run: () => void (ran += 1) }))).toBeUndefined();
    expect(await testOp(op({ name: 'a', run: async () => void (ran += 1) }), {})).toBeUndefined();
    expect(ran).toBe(2);
  });

  test('an op with one declared output gives a record, and one called "result" too', async () => {
    expect(await testOp(op({ name: 'a', outputs: { rows: output<number>() }, run: () => ({ rows: 1 }) }))).toEqual({ rows: 1 });
    expect(await testOp(op({ name: 'a', outputs: { result: output<number>() }, run: () => ({ result: 1 }) }))).toEqual({ result: 1 });
  });

  test('a value that no store could keep passes as it is, also from a transient output', async () => {
    const fn = (): number => 1;
    expect(await testOp(op({ name: 'a', run: () => fn }))).toBe(fn);
    const transient = op({ name: 'a', outputs: { fn: output<() => number>({ transient: true }) }, run: () => ({ fn }) });
    expect(await testOp(transient)).toEqual({ fn });
  });

  test('what comes out is frozen, as readers would get it (X13)', async () => {
    const rows = await testOp(op({ name: 'a', run: () => [{ id: 1 }] }));
    expect(Object.isFrozen(rows) && Object.isFrozen(rows[0])).toBe(true);
    expect(Object.isFrozen(await testOp(op({ name: 'a', outputs: two, run: () => ({ a: 1 }) })))).toBe(true);
  });

  test('names that every object has are names like any other', async () => {
    const odd = op({
      name: 'constructor',
      inputs: { constructor: input<number>(), toString: input<number>({ optional: true }) },
      outputs: { valueOf: output<number>(), hasOwnProperty: optional<number>() },
      run: (inputs) => ({ valueOf: inputs.constructor, ...(inputs.toString !== undefined && { hasOwnProperty: 1 }) }),
    });
    expect(await testOp(odd, untyped({ inputs: { constructor: 1 } }))).toEqual({ valueOf: 1 });
    await expect(testOp(odd, untyped({ inputs: {} }))).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      details: { missing: ['constructor'] },
    });
  });

  test('the same op as often as wanted, each time anew', async () => {
    const add = op({ name: 'add', inputs: { x: input<number>(), y: input<number>() }, run: ({ x, y }) => x + y });
    expect(await Promise.all([1, 2, 3].map((x) => testOp(add, { inputs: { x, y: 1 } })))).toEqual([2, 3, 4]);
  });

  test('hooks are not called: nothing is recorded', async () => {
    const calls: unknown[] = [];
    const hook = (context: unknown): unknown => calls.push(context);
    const hooks = { onSuccess: hook, onMaterialization: hook };
    expect(await testOp(op({ name: 'a', hooks, run: () => 1 }))).toBe(1);
    expect(calls).toEqual([]);
  });

  test('a pool needs no size: one step has it to itself', async () => {
    expect(await testOp(op({ name: 'a', pool: 'api', concurrency: 1, run: () => 1 }))).toBe(1);
  });
});

describe('testOp feeds inputs', () => {
  const shows = op({
    name: 'shows',
    inputs: {
      x: input<unknown>(),
      y: input<number>({ optional: true }),
      all: list<number>(),
      some: list<number>({ optional: true }),
      before: nothing(),
    },
    run: (inputs) => inputs,
  });

  test('values, lists and nothing; optional ones may be left out', async () => {
    expect(await testOp(shows, { inputs: { x: null, all: [] } })).toEqual({ x: null, y: undefined, all: [], some: [] });
    expect(await testOp(shows, { inputs: { x: 1, y: 2, all: [3, 4], some: [5] } })).toEqual({ x: 1, y: 2, all: [3, 4], some: [5] });
    expect(await testOp(shows, { inputs: { x: 1, y: undefined, all: [1, 1, 1] } })).toEqual({
      x: 1,
      y: undefined,
      all: [1, 1, 1],
      some: [],
    });
  });

  test.each([0, 1, 2, 3, 10, 1000])('a list of %i entries, in order', async (count) => {
    const all = Array.from({ length: count }, (_, index) => index);
    const sees = op({ name: 'sees', inputs: { all: list<number>() }, run: (inputs) => inputs.all });
    expect(await testOp(sees, { inputs: { all } })).toEqual(all);
  });

  test('an entry that is undefined is absent, and dropped (X4)', async () => {
    const sees = op({ name: 'sees', inputs: { all: list<unknown>() }, run: (inputs) => inputs.all });
    expect(await testOp(sees, { inputs: { all: [1, undefined, null, 3] } })).toEqual([1, null, 3]);
  });

  test('frozen, so that a body that changes its input fails here as it does in a run (X13)', async () => {
    const sorts = op({ name: 'sorts', inputs: { rows: input<number[]>() }, run: ({ rows }) => rows.sort((a, b) => a - b) });
    await expect(testOp(sorts, { inputs: { rows: [2, 1] } })).rejects.toMatchObject({
      code: 'OP_THREW',
      cause: expect.any(TypeError) as TypeError,
    });
    const changes = op({
      name: 'changes',
      inputs: { all: list<{ id: number }>() },
      run: ({ all }) => all.forEach((each) => (each.id = 0)),
    });
    await expect(testOp(changes, { inputs: { all: [{ id: 1 }] } })).rejects.toMatchObject({ code: 'OP_THREW' });
  });

  test('instances pass by reference', async () => {
    const at = new Map([[1, new Date(0)]]);
    expect(await testOp(op({ name: 'a', inputs: { at: input<typeof at>() }, run: (inputs) => inputs.at === at }), { inputs: { at } })).toBe(
      true,
    );
  });

  test.each<[string, unknown, string]>([
    ['nothing at all', undefined, 'testOp("shows") needs "x" and "all" in "inputs", and got nothing for it.'],
    ['a required one left out', { x: 1 }, 'testOp("shows") needs "all" in "inputs", and got nothing for it.'],
    ['a required one that is undefined', { x: undefined, all: [] }, 'testOp("shows") needs "x" in "inputs", and got nothing for it.'],
    ['a misspelt one', { x: 1, all: [], sum: [] }, 'testOp("shows"): the op has no input "sum" that reads a value. Did you mean "some"?'],
    ['order alone', { x: 1, all: [], before: 1 }, 'testOp("shows"): the op has no input "before" that reads a value.'],
    ['a name that every object has', { x: 1, all: [], toString: 1 }, 'no input "toString"'],
    ['a list that is none', { x: 1, all: 7 }, 'testOp("shows"): input "all" is a list, and got a number. Give an array of entries.'],
    ['an optional list that is none', { x: 1, all: [], some: 'a' }, 'input "some" is a list, and got a string.'],
    ['a list of inputs', [1], 'testOp("shows"): "inputs" is an array. Give a record of input to value.'],
    ['null', null, 'testOp("shows"): "inputs" is null.'],
    ['a number', 7, 'testOp("shows"): "inputs" is a number.'],
  ])('and refuses %s', async (_, inputs, message) => {
    const refused = testOp(shows, untyped({ inputs }));
    await expect(refused).rejects.toBeInstanceOf(SelectionError);
    await expect(refused).rejects.toMatchObject({ code: 'INVALID_OPTION', message: expect.stringContaining(message) as string });
  });
});

describe('testOp checks with the schemas of the op', () => {
  test.each([false, true])('what they make of an input is what the body gets; asynchronous: %s', async (later) => {
    const sees = op({ name: 'a', inputs: { x: input(textOf({ later })), xs: list(textOf({ later })) }, run: (inputs) => inputs });
    expect(await testOp(sees, { inputs: { x: 1, xs: [2, 3] } })).toEqual({ x: '<1>', xs: ['<2>', '<3>'] });
    const refused = testOp(sees, { inputs: { x: 1, xs: [2, 0] } });
    await expect(refused).rejects.toBeInstanceOf(StepError);
    await expect(refused).rejects.toMatchObject({ code: 'INPUT_INVALID', message: expect.stringContaining('$[1]') as string });
  });

  test.each([false, true])('what they make of an output is what comes out; asynchronous: %s', async (later) => {
    expect(await testOp(op({ name: 'a', result: textOf({ later }), run: () => 1 }))).toBe('<1>');
    const refused = testOp(op({ name: 'a', outputs: { x: output(textOf({ later })) }, run: () => ({ x: 0 }) }));
    await expect(refused).rejects.toMatchObject({ code: 'OUTPUT_INVALID', details: { output: 'x', step: 'a' } });
  });

  test('config: what the schema makes of it, its default where none is given, and a refusal', async () => {
    const sized = op({ name: 'sized', config: textOf(), run: (_, { config }) => config });
    expect(await testOp(sized, { config: 5 })).toBe('<5>');
    await expect(testOp(sized, { config: 0 })).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
      message: expect.stringContaining('"sized"') as string,
    });
    await expect(testOp(sized)).rejects.toMatchObject({ code: 'INVALID_CONFIG', message: expect.stringContaining('not given') as string });
    const plain = op({ name: 'plain', run: (_, { config }) => config });
    expect(await testOp(plain)).toBeUndefined();
    await expect(testOp(plain, untyped({ config: 1 }))).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
  });
});

describe('testOp selects', () => {
  const split = op({
    name: 'split',
    outputs: two,
    *run(_, { selectedOutputs }) {
      if (selectedOutputs.has('a')) yield emit('a', selectedOutputs.size);
      yield emit('b', 2);
    },
  });

  test('all outputs unless told otherwise; others go nowhere, and an event says so (X7)', async () => {
    expect(await testOp(split)).toEqual({ a: 2, b: 2 });
    expect(await testOp(split, { select: ['b'] })).toEqual({ b: 2 });
    const events: StepEvent[] = [];
    expect(await testOp(split, { select: ['a'], onEvent: (event) => events.push(event) })).toEqual({ a: 1 });
    expect(events).toMatchObject([
      { type: 'step-started', step: 'split', op: 'split', attempt: 1, selectedOutputs: ['a'] },
      { type: 'output-discarded', step: 'split', output: 'b', key: null },
    ]);
    expect(await testOp(split, { select: ['a', 'a'] })).toEqual({ a: 1 });
  });

  test('a required output that was not asked for need not come (X6)', async () => {
    const lazy = op({ name: 'lazy', outputs: two, run: untyped<() => { a: number }>(() => ({ b: 1 })) });
    expect(await testOp(lazy, { select: ['b'] })).toEqual({ b: 1 });
    await expect(testOp(lazy)).rejects.toMatchObject({ code: 'OUTPUT_MISSING' });
  });

  test('nothing: then nothing runs', async () => {
    const seen: unknown[] = [];
    expect(await testOp(split, { select: [], onEvent: (event) => seen.push(event) })).toEqual({});
    expect(await testOp(op({ name: 'a', run: () => seen.push(1) }), { select: [] })).toBeUndefined();
    expect(seen).toEqual([]);
  });

  test.each<[string, unknown, string, string]>([
    ['an unknown output', ['c'], 'UNKNOWN_ASSET', 'op "split" has no output "c".'],
    ['an output that every object has', ['toString'], 'UNKNOWN_ASSET', '"toString"'],
    ['no list', 'a', 'INVALID_SELECTION', 'testOp("split"): "select" is a string. Give a list of output names.'],
    ['null', null, 'INVALID_SELECTION', '"select" is null'],
  ])('and refuses %s', async (_, select, code, message) => {
    await expect(testOp(split, untyped({ select }))).rejects.toMatchObject({ code, message: expect.stringContaining(message) as string });
  });
});

describe('testOp gives resources as values', () => {
  const db = resource<readonly number[]>('db');
  const slack = resource<string>('slack');
  const needs = op({ name: 'needs', resources: { rows: db, slack }, run: (_, { resources }) => resources });

  test('by the names that the op calls them; they stay yours', async () => {
    const rows = [1];
    let disposed = 0;
    const closes = Object.assign(rows, { [Symbol.dispose ?? Symbol.for('dispose')]: () => (disposed += 1) });
    const held = await testOp(needs, { resources: { rows: closes, slack: 'x' } });
    expect(held.rows).toBe(closes);
    expect(held.slack).toBe('x');
    expect(disposed).toBe(0);
  });

  test('which may be anything, undefined too', async () => {
    expect(await testOp(needs, untyped({ resources: { rows: undefined, slack: null } }))).toEqual({ rows: undefined, slack: null });
  });

  test('one resource under two names is given as one value', async () => {
    const both = op({ name: 'both', resources: { from: db, to: db }, run: (_, { resources }) => resources.from === resources.to });
    const rows = [1];
    expect(await testOp(both, { resources: { from: rows, to: rows } })).toBe(true);
    await expect(testOp(both, { resources: { from: [1], to: [1] } })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining(
        '"to" in "resources" is the resource "db" under another name. Give the same value for both.',
      ) as string,
    });
  });

  test.each<[string, unknown, string, string]>([
    ['nothing', undefined, 'MISSING_RESOURCE', 'testOp("needs") needs "rows" and "slack" in "resources", and got nothing for it.'],
    ['one of two', { rows: [] }, 'MISSING_RESOURCE', 'testOp("needs") needs "slack" in "resources"'],
    ['a misspelt one', { rows: [], slak: '' }, 'INVALID_OPTION', 'Op "needs" has no resource "slak". Did you mean "slack"?'],
    ['the name of the resource', { db: [], slack: '' }, 'INVALID_OPTION', 'Op "needs" has no resource "db".'],
    ['a name that every object has', { rows: [], slack: '', toString: 1 }, 'INVALID_OPTION', 'no resource "toString"'],
    ['a list of provisions', [db.value([])], 'INVALID_OPTION', '"resources" is an array. Give a record of values for "rows" and "slack".'],
    ['null', null, 'INVALID_OPTION', '"resources" is null.'],
  ])('and refuses %s', async (_, resources, code, message) => {
    const refused = testOp(needs, untyped({ resources }));
    await expect(refused).rejects.toBeInstanceOf(SelectionError);
    await expect(refused).rejects.toMatchObject({ code, message: expect.stringContaining(message) as string });
  });

  test('for an op that needs none', async () => {
    await expect(testOp(op({ name: 'a', run: () => 1 }), untyped({ resources: { db: 1 } }))).rejects.toMatchObject({
      code: 'INVALID_OPTION',
    });
    expect(await testOp(op({ name: 'a', run: () => 1 }), { resources: {} })).toBe(1);
  });
});

describe('testOp retries and times out by the clock that it is given', () => {
  test('with what the policy says, telling of each attempt', async () => {
    const clock = manualClock({ random: () => 0.5 });
    const events: StepEvent[] = [];
    const attempts: number[] = [];
    const flaky = op({
      name: 'flaky',
      retry: { max: 2, delayMs: 100, backoff: 'exponential', jitter: 0.5 },
      run: (_, { attempt }) => {
        attempts.push(attempt);
        if (attempt < 3) throw new Error(`no ${attempt}`);
        return attempt;
      },
    });
    const running = testOp(flaky, { clock, onEvent: (event) => events.push(event) });
    await until(() => clock.waiting() === 1);
    clock.advance(74);
    await ready();
    expect(attempts).toEqual([1]);
    clock.advance(1);
    await until(() => attempts.length === 2 && clock.waiting() === 1);
    clock.advance(150);
    expect(await running).toBe(3);
    expect(events.map(({ type }) => type)).toEqual(['step-started', 'step-retrying', 'step-started', 'step-retrying', 'step-started']);
    expect(events.filter(({ type }) => type === 'step-retrying')).toMatchObject([
      { attempt: 1, delayMs: 75, time: 1_000_000, error: { code: 'OP_THREW', cause: { message: 'no 1' } } },
      { attempt: 2, delayMs: 150, time: 1_000_075 },
    ]);
    expect(clock.waiting()).toBe(0);
  });

  test('and rejects with the last failure, which tells of those before', async () => {
    const clock = manualClock();
    const fails = op({ name: 'fails', retry: { max: 1 }, run: (_, { attempt }): number => throws(`no ${attempt}`) });
    const running = testOp(fails, { clock });
    running.catch(() => undefined);
    await until(() => clock.waiting() === 1);
    clock.advance(0);
    await expect(running).rejects.toMatchObject({
      code: 'OP_THREW',
      cause: new Error('no 2'),
      details: { attempt: 2, earlier: [expect.stringContaining('no 1')] },
    });
  });

  test('with what the body asks for', async () => {
    const asks = op({
      name: 'asks',
      run: (_, { attempt }) => {
        if (attempt === 1) throw new RetryRequest('wait', { delayMs: 30 });
        return attempt;
      },
    });
    const clock = manualClock();
    const running = testOp(asks, { clock });
    await until(() => clock.waiting() === 1);
    clock.advance(30);
    expect(await running).toBe(2);
    const refuses = op({
      name: 'refuses',
      retry: { max: 5 },
      run: (): number => {
        throw new DontRetry('never');
      },
    });
    await expect(testOp(refuses, { clock })).rejects.toMatchObject({ cause: { message: 'never' }, details: { attempt: 1 } });
  });

  test('time out', async () => {
    const clock = manualClock();
    const signals: AbortSignal[] = [];
    const slow = op({ name: 'slow', timeoutMs: 50, run: (_, { signal }) => (signals.push(signal), deferred<number>().promise) });
    const running = testOp(slow, { clock });
    running.catch(() => undefined);
    await until(() => clock.waiting() === 1);
    clock.advance(49);
    expect(signals[0]?.aborted).toBe(false);
    clock.advance(1);
    await expect(running).rejects.toMatchObject({ code: 'STEP_TIMEOUT' });
    expect(signals[0]?.aborted).toBe(true);
  });
});

describe('testOp is cancelled by its signal', () => {
  const reason = new Error('enough');

  test('before it starts: nothing runs', async () => {
    let ran = 0;
    await expect(testOp(op({ name: 'a', run: () => (ran += 1) }), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(ran).toBe(0);
  });

  test('while it runs: the body is told, and waited for', async () => {
    const controller = new AbortController();
    const clock = manualClock();
    const signals: AbortSignal[] = [];
    const waits = op({ name: 'a', run: (_, { signal }) => (signals.push(signal), deferred<number>().promise) });
    const running = testOp(waits, { signal: controller.signal, clock });
    let ended = false;
    running.catch(() => undefined).finally(() => (ended = true));
    await until(() => signals.length > 0);
    expect(signals[0]?.aborted).toBe(false);
    controller.abort(reason);
    expect(signals[0]?.aborted).toBe(true);
    await ready();
    expect(ended).toBe(false);
    clock.advance(5000);
    await expect(running).rejects.toBe(reason);
  });

  test('while it waits for another attempt', async () => {
    const controller = new AbortController();
    const clock = manualClock();
    let tries = 0;
    const fails = op({ name: 'a', retry: { max: 3, delayMs: 10 }, run: (): number => throws(`${(tries += 1)}`) });
    const running = testOp(fails, { signal: controller.signal, clock });
    running.catch(() => undefined);
    await until(() => clock.waiting() === 1);
    controller.abort(reason);
    await expect(running).rejects.toBe(reason);
    clock.advance(1_000);
    await ready();
    expect(tries).toBe(1);
  });

  test('afterwards nothing listens to it any more', async () => {
    const controller = new AbortController();
    let listeners = 0;
    const { signal } = controller;
    const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
    signal.addEventListener = (...given: Parameters<typeof add>) => ((listeners += 1), add(...given));
    signal.removeEventListener = (...given: Parameters<typeof remove>) => ((listeners -= 1), remove(...given));
    await testOp(op({ name: 'a', run: () => 1 }), { signal });
    await testOp(op({ name: 'a', run: (): number => throws('x') }), { signal }).catch(() => undefined);
    expect(listeners).toBe(0);
  });
});

describe('testOp rejects with the StepError of the step', () => {
  const cause = new Error('no');
  const fail = (): never => {
    throw cause;
  };
  test.each<[string, object]>([
    ['throws', { run: fail }],
    ['rejects', { run: () => Promise.reject(cause) }],
    ['errors', { operator: () => throwError(() => cause) }],
  ])('whose cause is what the body threw: it %s', async (_, body) => {
    const target = op(untyped<{ name: string; run: () => number }>({ name: 'broken', ...body }));
    const failing = testOp(target);
    await expect(failing).rejects.toBeInstanceOf(StepError);
    const error: unknown = await failing.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'OP_THREW',
      message: 'Step "broken" failed: no',
      details: { step: 'broken', definition: 'broken', op: 'broken', assets: [], attempt: 1 },
    });
    expect(error instanceof StepError && error.cause).toBe(cause);
  });

  test.each<[string, unknown, string]>([
    ['a second emission (X5)', { outputs: two, run: () => of(emit('a', 1), emit('a', 2)) }, 'OUTPUT_REPEATED'],
    ['an undeclared output (X5)', { outputs: two, run: () => ({ a: 1, c: 2 }) }, 'OUTPUT_UNDECLARED'],
    ['a required output left out (X6)', { outputs: two, run: () => ({}) }, 'OUTPUT_MISSING'],
    ['nonsense', { outputs: two, run: () => 7 }, 'OP_BODY'],
    ['metadata that no store can keep', { outputs: two, run: () => of(emit('a', 1, { metadata: { fn: () => 1 } })) }, 'VALUE_NOT_STORABLE'],
    ['metadata that is no record', { outputs: two, run: () => of(emit('a', 1, { metadata: untyped([1]) })) }, 'OP_BODY'],
    ['a version that is none', { outputs: two, run: () => of(emit('a', 1, { version: '' })) }, 'OP_THREW'],
  ])('for %s', async (_, body, code) => {
    const target = op(untyped<{ name: string; run: () => number }>({ name: 'broken', ...untyped<object>(body) }));
    await expect(testOp(target)).rejects.toMatchObject({ code, details: { step: 'broken' } });
  });
});

describe('testOp tells', () => {
  afterEach(() => {
    rxjsConfig.onUnhandledError = null;
  });

  test('of each emission that was asked for, with its metadata and version, when the step has succeeded', async () => {
    const emissions: TakenEmission[] = [];
    const order: string[] = [];
    const emits = op({
      name: 'emits',
      outputs: { a: output(textOf()), b: optional<object>(), c: optional<number>() },
      *run(_, { annotate }) {
        annotate('b', { metadata: { by: 'annotate', size: 1 } });
        yield emit('a', 1, { version: 'v1' });
        order.push('between');
        yield emit('b', { id: 1 }, { metadata: { by: 'emit' } });
        yield emit('c', 3);
      },
    });
    const onEmission = (emission: TakenEmission): void => {
      order.push(emission.output);
      emissions.push(emission);
    };
    await testOp(emits, { select: ['a', 'b'], onEmission });
    expect(emissions).toEqual([
      { output: 'a', value: '<1>', metadata: {}, version: 'v1' },
      { output: 'b', value: { id: 1 }, metadata: { by: 'emit', size: 1 } },
    ]);
    expect(order).toEqual(['between', 'a', 'b']);
    expect(Object.isFrozen(emissions[1]?.value)).toBe(true);
  });

  test('of the value of an op without outputs, and of a void one', async () => {
    const emissions: TakenEmission[] = [];
    const onEmission = (emission: TakenEmission): unknown => emissions.push(emission);
    await testOp(op({ name: 'a', run: () => 1 }), { onEmission });
    await testOp(op({ name: 'a', run: (_, { annotate }) => annotate('result', { metadata: { rows: 1 } }) }), { onEmission });
    expect(emissions).toEqual([
      { output: 'result', value: 1, metadata: {} },
      { output: 'result', value: undefined, metadata: { rows: 1 } },
    ]);
  });

  test('not of an emission that is refused', async () => {
    const emissions: TakenEmission[] = [];
    const emits = op({ name: 'a', outputs: two, run: () => of(emit('a', 1, { metadata: { fn: () => 1 } })) });
    await testOp(emits, { onEmission: (emission) => emissions.push(emission) }).catch(() => undefined);
    expect(emissions).toEqual([]);
  });

  test('of log lines, with their attempt', async () => {
    const events: StepEvent[] = [];
    const clock = manualClock();
    await testOp(op({ name: 'a', run: (_, { log }) => log.warn('careful', { rows: 1 }) }), {
      onEvent: (event) => events.push(event),
      clock,
    });
    expect(events[1]).toMatchObject({
      type: 'log-line',
      time: 1_000_000,
      definition: 'a',
      step: 'a',
      attempt: 1,
      level: 'warn',
      message: 'careful',
      data: { rows: 1 },
    });
    expect(events).toHaveLength(2);
    expect(new Set(events.map(({ runId }) => runId)).size).toBe(1);
  });

  test('a listener that throws is reported as uncaught, and changes nothing of the step', async () => {
    const reported: unknown[] = [];
    rxjsConfig.onUnhandledError = (error) => reported.push(error);
    const listener = (): never => throws('listener');
    const talks = op({ name: 'a', outputs: two, run: (_, { log }) => (log.info('x'), { a: 1 }) });
    expect(await testOp(talks, { onEvent: listener, onEmission: listener })).toEqual({ a: 1 });
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(reported).toEqual(Array.from({ length: 3 }, () => new Error('listener')));
  });
});

describe('testOp refuses', () => {
  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['a function', () => 1],
    ['something like an op', { kind: 'op' }],
  ])('what is no op: %s', async (_, target) => {
    await expect(testOp(untyped(target))).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringMatching(/^testOp\(\) takes an op first/) as string,
    });
  });

  test.each<[string, unknown, string]>([
    ['a misspelt option', { input: {} }, 'testOp() has no option "input". Did you mean "inputs"?'],
    ['options that are null', null, 'testOp() takes its options as one object'],
    ['a signal that is none', { signal: {} }, '"signal" is an object. Give an AbortSignal.'],
    ['a clock that is none', { clock: Date }, '"clock"'],
    ['a listener that is none', { onEvent: 1 }, '"onEvent" is "1". Give a function.'],
    ['another one', { onEmission: {} }, '"onEmission" is an object. Give a function.'],
    ['pools', { pools: {} }, 'no option "pools"'],
  ])('%s', async (_, options, message) => {
    const target = op({ name: 'a', run: () => 1 });
    await expect(testOp(target, untyped(options))).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining(message) as string,
    });
  });
});
