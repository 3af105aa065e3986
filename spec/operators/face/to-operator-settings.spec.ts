import {
  config as rxjsConfig,
  concat,
  firstValueFrom,
  NEVER,
  type Observable,
  of,
  Subject,
  throwError,
  toArray,
  type OperatorFunction,
} from 'rxjs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { graph, input, list, op, optional, resource, type Schema, type StepEvent } from '../../../index.ts';
import { toOperator } from '../../../operators/index.ts';
import { deferred, ready, until } from '../rig/deferred.ts';
import { manualClock } from '../rig/manual-clock.ts';
import { throws } from '../rig/play-body.ts';
import { untyped } from '../rig/untyped.ts';

const db = resource<{ readonly id: number }>('db');
const one = { x: input<number>() };
const reads = op({ name: 'reads', inputs: one, resources: { db }, run: ({ x }, { resources }) => `${resources.db.id}:${x}` });

/** A factory that writes down what becomes of what it opens; asynchronously where asked to. */
function watched({ later = false, disposal }: { readonly later?: boolean; readonly disposal?: () => unknown } = {}) {
  const events: string[] = [];
  const signals: AbortSignal[] = [];
  const runIds = new Set<string>();
  const provided = db.factory({
    open: ({ signal, runId }) => {
      const id = signals.push(signal);
      runIds.add(runId);
      events.push(`open ${id}`);
      const value = { id };
      return later ? ready(1).then(() => value) : value;
    },
    dispose: async ({ id }) => {
      events.push(`disposing ${id}, aborted: ${String(signals[id - 1]?.aborted)}`);
      await disposal?.();
      events.push(`disposed ${id}`);
    },
  });
  return { events, signals, runIds, provided };
}

/** What a subscriber is told, as it is told. */
function told(source: Observable<unknown>, into: unknown[] = []) {
  const subscription = source.subscribe({
    next: (each) => into.push(each),
    error: (error: unknown) => into.push(error),
    complete: () => into.push('complete'),
  });
  return { seen: into, subscription };
}

const frames = (...all: readonly number[]): Observable<{ x: number }> => of(...all.map((x) => ({ x })));
const piped = (operator: unknown): OperatorFunction<{ x: number }, unknown> => untyped<OperatorFunction<{ x: number }, unknown>>(operator);

afterEach(() => {
  rxjsConfig.onUnhandledError = null;
});

describe('resources of toOperator', () => {
  test('are opened once a subscription, on first use, and disposed when the source completes; then the output completes', async () => {
    const { events, provided, signals } = watched();
    const { seen } = told(frames(1, 2, 3).pipe(toOperator(reads, { resources: [provided] })), events);
    expect(seen).toEqual(['open 1', { result: '1:1' }, { result: '1:2' }, { result: '1:3' }]);
    await until(() => seen.includes('complete'));
    expect(seen.slice(4)).toEqual(['disposing 1, aborted: false', 'disposed 1', 'complete']);
    expect(signals[0]?.aborted).toBe(false);
  });

  test('that open later: the frames wait, and come in order', async () => {
    const { events, provided } = watched({ later: true });
    const { seen } = told(frames(1, 2).pipe(toOperator(reads, { resources: [provided] })), events);
    await until(() => seen.includes('complete'));
    expect(seen).toEqual(['open 1', { result: '1:1' }, { result: '1:2' }, 'disposing 1, aborted: false', 'disposed 1', 'complete']);
  });

  test('are not opened before the first frame, nor by making the operator', async () => {
    const { events, provided } = watched();
    const operator = toOperator(reads, { resources: [provided] });
    const source = new Subject<{ x: number }>();
    const { seen } = told(source.pipe(operator), events);
    expect(seen).toEqual([]);
    source.complete();
    await ready();
    expect(seen).toEqual(['complete']);
  });

  test('two subscriptions have their own, each with a run of its own', async () => {
    const { events, provided, signals, runIds } = watched();
    const operator = toOperator(reads, { resources: [provided] });
    const [first, second] = [new Subject<{ x: number }>(), new Subject<{ x: number }>()];
    const one$ = told(first.pipe(operator));
    const two$ = told(second.pipe(operator));
    first.next({ x: 1 });
    second.next({ x: 1 });
    first.next({ x: 2 });
    expect([one$.seen, two$.seen]).toEqual([[{ result: '1:1' }, { result: '1:2' }], [{ result: '2:1' }]]);
    one$.subscription.unsubscribe();
    await ready();
    expect(events).toEqual(['open 1', 'open 2', 'disposing 1, aborted: true', 'disposed 1']);
    expect(signals[1]?.aborted).toBe(false);
    expect(runIds.size).toBe(2);
    second.next({ x: 2 });
    expect(two$.seen.at(-1)).toEqual({ result: '2:2' });
    second.complete();
    await ready();
    expect(two$.seen.at(-1)).toBe('complete');
    expect(events.slice(4)).toEqual(['disposing 2, aborted: false', 'disposed 2']);
  });

  test('are disposed where an op fails; nobody is told of a cancel', async () => {
    const { events, provided } = watched();
    const fails = op({ name: 'fails', inputs: one, resources: { db }, run: ({ x }) => (x === 2 ? throws('two') : x) });
    const { seen } = told(frames(1, 2, 3).pipe(toOperator(fails, { resources: [provided] })));
    expect(seen).toEqual([{ result: 1 }, expect.objectContaining({ code: 'OP_THREW' })]);
    await ready();
    expect(events).toEqual(['open 1', 'disposing 1, aborted: false', 'disposed 1']);
  });

  test('are disposed where the source fails, which cancels what runs', async () => {
    const { events, provided } = watched();
    const error = new Error('source');
    const { seen } = told(
      concat(
        frames(1),
        throwError(() => error),
      ).pipe(toOperator(reads, { resources: [provided] })),
    );
    expect(seen).toEqual([{ result: '1:1' }, error]);
    await ready();
    expect(events).toEqual(['open 1', 'disposing 1, aborted: true', 'disposed 1']);
  });

  test('are disposed on unsubscribe, and told of it', async () => {
    const { events, provided } = watched();
    const { seen, subscription } = told(concat(frames(1), NEVER).pipe(toOperator(reads, { resources: [provided] })));
    expect(seen).toEqual([{ result: '1:1' }]);
    await ready();
    expect(events).toEqual(['open 1']);
    subscription.unsubscribe();
    await ready();
    expect(events).toEqual(['open 1', 'disposing 1, aborted: true', 'disposed 1']);
    expect(seen).toHaveLength(1);
  });

  test('unsubscribing while they are disposed delivers nothing more, and disposes once', async () => {
    const held = deferred();
    const { events, provided } = watched({ disposal: () => held.promise });
    const { seen, subscription } = told(frames(1).pipe(toOperator(reads, { resources: [provided] })));
    await until(() => events.length === 2);
    subscription.unsubscribe();
    held.resolve();
    await ready();
    expect(seen).toEqual([{ result: '1:1' }]);
    expect(events).toEqual(['open 1', 'disposing 1, aborted: false', 'disposed 1']);
  });

  test('that cannot be disposed error the output where it would complete, and nobody where it was over', async () => {
    const bad = new Error('still open');
    const unhandled: unknown[] = [];
    rxjsConfig.onUnhandledError = (error) => unhandled.push(error);
    const { provided } = watched({ disposal: () => Promise.reject(bad) });
    const ended = told(frames(1).pipe(toOperator(reads, { resources: [provided] })));
    await until(() => ended.seen.length > 1);
    expect(ended.seen).toEqual([{ result: '1:1' }, expect.objectContaining({ code: 'RESOURCE_FAILED', cause: bad })]);
    const left = told(concat(frames(1), NEVER).pipe(toOperator(reads, { resources: [provided] })));
    left.subscription.unsubscribe();
    await ready();
    expect(left.seen).toHaveLength(1);
    expect(unhandled).toEqual([]);
  });

  test('that cannot be opened fail the step that needs them', async () => {
    const cause = new Error('refused');
    const broken = db.factory({
      open: () => {
        throw cause;
      },
    });
    const { seen } = told(frames(1).pipe(toOperator(reads, { resources: [broken] })));
    expect(seen).toEqual([expect.objectContaining({ code: 'RESOURCE_FAILED', cause })]);
  });

  test('given as values stay yours, and the output completes at once where none can be opened', () => {
    let disposed = 0;
    const value = { id: 7, [Symbol.dispose ?? Symbol.for('dispose')]: () => (disposed += 1) };
    const plain = op({ name: 'plain', inputs: one, run: ({ x }) => x });
    expect(told(frames(1).pipe(toOperator(plain))).seen).toEqual([{ result: 1 }, 'complete']);
    expect(told(frames(1).pipe(toOperator(reads, { resources: [db.value(value)] }))).seen[0]).toEqual({ result: '7:1' });
    expect(disposed).toBe(0);
  });

  test('are shared by the steps of a graph', async () => {
    const { events, provided } = watched();
    const g = graph('g', { inputs: one }, ({ x }) => ({ a: reads({ x }), b: reads({ x }) }));
    const { seen } = told(frames(1, 2).pipe(piped(toOperator(g, { resources: [provided] }))));
    await until(() => seen.includes('complete'));
    expect(seen).toEqual([{ a: '1:1', b: '1:1' }, { a: '1:2', b: '1:2' }, 'complete']);
    expect(events).toEqual(['open 1', 'disposing 1, aborted: false', 'disposed 1']);
  });
});

describe('settings of toOperator', () => {
  const size: Schema = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value: unknown) =>
        value === undefined ? { value: 7 } : typeof value === 'number' ? { value } : { issues: [{ message: 'no number' }] },
    },
  };
  const sized = op({ name: 'sized', inputs: one, config: size, run: ({ x }, { config }) => [x, config] });
  const g = graph('g', { inputs: one }, ({ x }) => ({ a: sized({ x }), b: sized({ x }) }));

  test('config, by op and by the paths of the graph, the same for every frame', () => {
    expect(told(frames(1, 2).pipe(toOperator(sized, { config: { ops: { sized: 3 } } }))).seen).toEqual([
      { result: [1, 3] },
      { result: [2, 3] },
      'complete',
    ]);
    expect(told(frames(1).pipe(piped(toOperator(g, { config: { ops: { sized: 3 }, steps: { sized_2: 4 } } })))).seen).toEqual([
      { a: [1, 3], b: [1, 4] },
      'complete',
    ]);
    expect(told(frames(1).pipe(toOperator(sized))).seen).toEqual([{ result: [1, 7] }, 'complete']);
  });

  test('pools hold back steps of a frame', async () => {
    const state = { running: 0, most: 0 };
    const calls = op({
      name: 'calls',
      inputs: one,
      pool: 'api',
      run: async ({ x }) => {
        state.running += 1;
        state.most = Math.max(state.most, state.running);
        await ready(2);
        state.running -= 1;
        return x;
      },
    });
    const wide = graph('wide', { inputs: one }, ({ x }) => ({ a: calls({ x }), b: calls({ x }), c: calls({ x }) }));
    await firstValueFrom(frames(1).pipe(piped(toOperator(wide, { pools: { api: 2 } }))));
    expect(state.most).toBe(2);
  });

  test('onEvent is told of each frame: starts, retries by the clock, lines and discarded outputs', async () => {
    const clock = manualClock();
    const events: StepEvent[] = [];
    const talks = op({
      name: 'talks',
      inputs: one,
      outputs: { a: optional<number>(), b: optional<number>() },
      retry: { max: 1, delayMs: 5 },
      run: ({ x }, { attempt, log }) => {
        if (attempt === 1 && x === 2) throw new Error('no');
        log.info(`frame ${x}`);
        return { a: x, b: x };
      },
    });
    const { seen } = told(frames(1, 2).pipe(toOperator(talks, { select: ['a'], clock, onEvent: (event) => events.push(event) })));
    await until(() => clock.waiting() === 1);
    clock.advance(5);
    await until(() => seen.includes('complete'));
    expect(seen).toEqual([{ a: 1 }, { a: 2 }, 'complete']);
    const types = events.map(({ type }) => type);
    expect(types).toEqual([
      'step-started',
      'log-line',
      'output-discarded',
      'step-started',
      'step-retrying',
      'step-started',
      'log-line',
      'output-discarded',
    ]);
    expect(new Set(events.map(({ runId }) => runId)).size).toBe(1);
  });

  test('a listener that throws is reported as uncaught, and harms no frame', async () => {
    const reported: unknown[] = [];
    rxjsConfig.onUnhandledError = (error) => reported.push(error);
    const plain = op({ name: 'plain', inputs: one, run: ({ x }) => x });
    expect(told(frames(1, 2).pipe(toOperator(plain, { onEvent: () => throws('listener') }))).seen).toEqual([
      { result: 1 },
      { result: 2 },
      'complete',
    ]);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(reported).toEqual([new Error('listener'), new Error('listener')]);
  });

  test.each<[string, () => unknown, string]>([
    ['config for what is not there', () => toOperator(sized, { config: { ops: { size: 1 } } }), 'INVALID_CONFIG'],
    ['config that its schema refuses', () => toOperator(sized, { config: { ops: { sized: 'x' } } }), 'INVALID_CONFIG'],
    ['a resource that is missing', () => toOperator(reads), 'MISSING_RESOURCE'],
    ['a resource that nothing needs', () => toOperator(sized, { resources: [db.value({ id: 1 })] }), 'UNKNOWN_RESOURCE'],
    ['a pool that nothing is in', () => toOperator(sized, { pools: { api: 1 } }), 'UNKNOWN_POOL'],
    ['a listener that is none', () => toOperator(sized, { onEvent: untyped(1) }), 'INVALID_OPTION'],
    ['a clock that is none', () => toOperator(sized, { clock: untyped({}) }), 'INVALID_OPTION'],
  ])('%s is refused where the operator is made', (_, make, code) => {
    expect(make).toThrow(expect.objectContaining({ code }));
  });
});

describe('synchronous ops stay synchronous', () => {
  let turns = 0;
  beforeEach(() => {
    turns = 0;
  });

  test.each<[string, unknown]>([
    ['an op', op({ name: 'a', inputs: one, run: ({ x }) => x + 1 })],
    ['a graph', graph('g', { inputs: one }, ({ x }) => ({ result: op({ name: 'a', inputs: one, run: (given) => given.x + 1 })({ x }) }))],
  ])('%s, with a listener and a clock too', (_, target) => {
    setImmediate(() => (turns += 1));
    const options = { onEvent: () => undefined, clock: manualClock({ step: 1_000 }) };
    const operator = toOperator(untyped<typeof reads>(target), options);
    const { seen } = told(frames(1, 2).pipe(operator));
    expect([seen, turns]).toEqual([[{ result: 2 }, { result: 3 }, 'complete'], 0]);
  });
});

describe('a list in the frames of an op', () => {
  const joins = op({ name: 'joins', inputs: { all: list<number>(), x: input<number>() }, run: ({ all, x }) => [...all, x].join() });
  const lists = (...all: readonly (readonly number[])[]): Observable<{ all: readonly number[]; x: number }> =>
    of(...all.map((each, x) => ({ all: each, x })));

  test('may change its length from frame to frame', () => {
    const { seen } = told(lists([1], [], [1, 2, 3], [4, 5, 6], [7], [7]).pipe(toOperator(joins)));
    expect(seen).toEqual([...['1,0', '1', '1,2,3,2', '4,5,6,3', '7,4', '7,5'].map((result) => ({ result })), 'complete']);
  });

  test('with resources, which stay the same', async () => {
    const { events, provided } = watched();
    const both = op({
      name: 'both',
      inputs: { all: list<number>() },
      resources: { db },
      run: ({ all }, { resources }) => [resources.db.id, ...all],
    });
    const output = of<{ all: number[] }[]>({ all: [] }, { all: [1, 2] }, { all: [3] }).pipe(
      toOperator(both, { resources: [provided] }),
      toArray(),
    );
    expect(await firstValueFrom(output)).toEqual([{ result: [1] }, { result: [1, 1, 2] }, { result: [1, 3] }]);
    expect(events).toEqual(['open 1', 'disposing 1, aborted: false', 'disposed 1']);
  });

  test('frames of one shape are planned once', () => {
    let asked = 0;
    const counts: Schema = { '~standard': { version: 1, vendor: 'test', validate: (value: unknown) => ((asked += 1), { value }) } };
    const target = op({ name: 'a', inputs: { all: list<number>() }, config: counts, run: ({ all }) => all.length });
    const operator = toOperator(target, { config: { ops: { a: 1 } } });
    asked = 0;
    told(of({ all: [1] }, { all: [2] }, { all: [1, 2] }, { all: [3, 4] }).pipe(operator));
    expect(asked).toBe(3);
  });
});
