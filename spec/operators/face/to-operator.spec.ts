import {
  asyncScheduler,
  concat,
  EMPTY,
  from,
  lastValueFrom,
  map,
  NEVER,
  Observable,
  of,
  range,
  scheduled,
  Subject,
  take,
  throwError,
  toArray,
  type OperatorFunction,
} from 'rxjs';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { emit, graph, input, list, nothing, op, optional, output } from '../../../index.ts';
import { toOperator } from '../../../operators/index.ts';
import { deferred, ready, type Deferred } from '../rig/deferred.ts';
import { untyped } from '../rig/untyped.ts';

const double = op({ name: 'double', inputs: { x: input<number>() }, outputs: { y: output<number>() }, run: ({ x }) => ({ y: x * 2 }) });
const split = op({
  name: 'split',
  inputs: { x: input<number>() },
  outputs: { even: optional<number>(), odd: optional<number>(), both: output<number>() },
  *run({ x }, { selectedOutputs }) {
    if (selectedOutputs.has('both')) yield emit('both', x);
    yield x % 2 === 0 ? emit('even', x) : emit('odd', x);
  },
});
const diamond = graph('diamond', { inputs: { x: input<number>() } }, ({ x }) => {
  const { y } = double({ x });
  const sum = op({ name: 'sum', inputs: { xs: list<number>() }, run: ({ xs }) => xs.reduce((total, each) => total + each, 0) });
  return { y, sum: sum({ xs: [x, y, double.as('again')({ x: y }).y] }) };
});

/** What a subscriber was told until now. */
function told<T>(source: Observable<T>): unknown[] {
  const seen: unknown[] = [];
  source.subscribe({ next: (each) => seen.push(each), error: (error: unknown) => seen.push(error), complete: () => seen.push('complete') });
  return seen;
}

const numbers = (...all: readonly number[]): Observable<{ x: number }> => from(all.map((x) => ({ x })));

describe('toOperator makes an operator of an op', () => {
  test('each item is one epoch; out comes a record of the outputs that have a value', () => {
    expect(told(numbers(1, 2).pipe(toOperator(split)))).toEqual([{ both: 1, odd: 1 }, { both: 2, even: 2 }, 'complete']);
    expectTypeOf(toOperator(split)).toEqualTypeOf<
      OperatorFunction<{ readonly x: number }, { readonly even?: number; readonly odd?: number; readonly both?: number }>
    >();
  });

  test('it asks for what was selected, and gives nothing else', () => {
    expect(told(numbers(1, 2).pipe(toOperator(split, { select: ['even'] })))).toEqual([{}, { even: 2 }, 'complete']);
  });

  test('where nothing is selected, nothing runs', () => {
    let ran = 0;
    const counts = op({ name: 'counts', inputs: { x: input<number>() }, run: ({ x }) => ((ran += 1), x) });
    expect(told(numbers(1).pipe(toOperator(counts, { select: [] })))).toEqual([{}, 'complete']);
    expect(
      told(
        numbers(1).pipe(
          toOperator(
            graph('g', { inputs: { x: input<number>() } }, ({ x }) => ({ y: counts({ x }) })),
            { select: [] },
          ),
        ),
      ),
    ).toEqual([{}, 'complete']);
    expect(ran).toBe(0);
  });

  test('null is a value (X11), and undefined is none: a required input without one skips the op (X3)', () => {
    const shows = op({
      name: 'shows',
      inputs: { x: input<unknown>(), y: input<unknown>({ optional: true }), all: list<unknown>() },
      run: (inputs) => JSON.stringify(inputs),
    });
    expect(told(of({ x: null, y: null, all: [null] }).pipe(toOperator(shows)))).toEqual([
      { result: '{"x":null,"y":null,"all":[null]}' },
      'complete',
    ]);
    expect(told(of({ x: 1, all: [] }).pipe(untyped<OperatorFunction<object, object>>(toOperator(shows))))).toEqual([
      { result: '{"x":1,"all":[]}' },
      'complete',
    ]);
    expect(told(of({ x: 1 }).pipe(untyped<OperatorFunction<object, object>>(toOperator(shows))))).toEqual([{}, 'complete']);
    expect(told(of({}, { x: undefined }).pipe(untyped<OperatorFunction<object, object>>(toOperator(shows))))).toEqual([{}, {}, 'complete']);
  });

  test('order-only inputs are no part of a frame', () => {
    const after = op({ name: 'after', inputs: { before: nothing(), x: input<number>() }, run: (inputs) => Object.keys(inputs) });
    expect(told(numbers(1).pipe(toOperator(after)))).toEqual([{ result: ['x'] }, 'complete']);
    const g = graph('g', { inputs: { before: nothing(), x: input<number>() } }, ({ before, x }) => ({ out: after({ before, x }) }));
    expect(told(numbers(1).pipe(untyped<OperatorFunction<object, object>>(toOperator(g))))).toEqual([{ out: ['x'] }, 'complete']);
  });

  test('what comes out is frozen', async () => {
    const makes = op({ name: 'makes', outputs: { rows: output<number[]>() }, run: () => ({ rows: [1] }) });
    const record = await lastValueFrom(of({}).pipe(toOperator(makes)));
    expect(Object.isFrozen(record)).toBe(true);
    expect(Object.isFrozen(record.rows)).toBe(true);
  });

  test('an op without a value gives none', () => {
    expect(told(of({}).pipe(toOperator(op({ name: 'none', run: () => undefined }))))).toEqual([{}, 'complete']);
  });

  test('a value that no store could keep passes: nothing is recorded', () => {
    const value = (): number => 1;
    expect(told(of({}).pipe(toOperator(op({ name: 'fn', run: () => value }))))).toEqual([{ result: value }, 'complete']);
    const g = graph('g', () => ({ out: op({ name: 'fn', run: () => value })() }));
    expect(told(of({}).pipe(toOperator(g)))).toEqual([{ out: value }, 'complete']);
  });
});

describe('toOperator makes an operator of a graph', () => {
  test('each item is one glitch-free epoch through it', () => {
    expect(told(numbers(1, 2).pipe(toOperator(diamond)))).toEqual([{ y: 2, sum: 7 }, { y: 4, sum: 14 }, 'complete']);
    expectTypeOf(toOperator(diamond)).toEqualTypeOf<
      OperatorFunction<{ readonly x: number }, { readonly y?: number; readonly sum?: number }>
    >();
  });

  test('synchronous steps stay synchronous, also where they take longer than a run would go on without a turn', () => {
    const slow = op({
      name: 'slow',
      inputs: { x: input<number>() },
      run: ({ x }) => {
        for (const end = performance.now() + 15; performance.now() < end;);
        return x + 1;
      },
    });
    const g = graph('g', { inputs: { x: input<number>() } }, ({ x }) => ({ out: slow.as('b')({ x: slow.as('a')({ x }) }) }));
    expect(told(numbers(1, 2).pipe(toOperator(g)))).toEqual([{ out: 3 }, { out: 4 }, 'complete']);
  });

  test('only what the selected outputs need runs', () => {
    const ran: string[] = [];
    const note = op({ name: 'note', inputs: { x: input<number>() }, run: ({ x }, { step }) => (ran.push(step), x) });
    const g = graph('g', { inputs: { x: input<number>() } }, ({ x }) => ({ a: note.as('a')({ x }), b: note.as('b')({ x }) }));
    expect(told(numbers(1).pipe(toOperator(g, { select: ['b'] })))).toEqual([{ b: 1 }, 'complete']);
    expect(ran).toEqual(['b']);
  });

  test('a graph with one handle gives "result"; an output may have an input’s name; nested graphs are fine', () => {
    const single = graph('single', { inputs: { x: input<number>() } }, ({ x }) => double({ x }).y);
    expect(told(numbers(4).pipe(toOperator(single)))).toEqual([{ result: 8 }, 'complete']);
    const nested = graph('nested', { inputs: { x: input<number>() } }, ({ x }) => ({ x: single({ x: single.as('first')({ x }) }) }));
    expect(told(numbers(4).pipe(toOperator(nested)))).toEqual([{ x: 16 }, 'complete']);
  });

  test('null is a value there too, and an input without one skips what requires it', () => {
    const shows = op({ name: 'shows', inputs: { x: input<unknown>() }, run: ({ x }) => [x] });
    const g = graph('g', { inputs: { x: input<unknown>() } }, ({ x }) => ({ out: shows({ x }) }));
    expect(told(of({ x: null }, {}, { x: undefined }).pipe(untyped<OperatorFunction<object, object>>(toOperator(g))))).toEqual([
      { out: [null] },
      {},
      {},
      'complete',
    ]);
  });

  test('in one epoch every step sees the values of that epoch alone, however long each takes', async () => {
    const gates: Deferred<void>[] = [];
    const slow = op({
      name: 'slow',
      inputs: { x: input<number>() },
      run: async ({ x }) => {
        const gate = deferred();
        gates.push(gate);
        await gate.promise;
        return x;
      },
    });
    const pair = op({ name: 'pair', inputs: { a: input<number>(), b: input<number>() }, run: ({ a, b }) => [a, b] });
    const g = graph('g', { inputs: { x: input<number>() } }, ({ x }) => ({ out: pair({ a: slow({ x }), b: x }) }));
    const seen = told(numbers(1, 2, 3).pipe(toOperator(g)));
    for (let epoch = 0; epoch < 3; epoch += 1) {
      await ready();
      expect(gates).toHaveLength(epoch + 1);
      gates[epoch]?.resolve();
    }
    await ready();
    expect(seen).toEqual([{ out: [1, 1] }, { out: [2, 2] }, { out: [3, 3] }, 'complete']);
  });
});

describe.each<[string, OperatorFunction<{ x: number }, Readonly<Record<string, unknown>>>]>([
  ['an op', toOperator(double)],
  ['a graph', toOperator(diamond)],
])('the operator of %s', (_, operator) => {
  test('an empty source stays empty', () => expect(told(EMPTY.pipe(operator))).toEqual(['complete']));

  test('one that never ends never ends', () => expect(told(NEVER.pipe(operator))).toEqual([]));

  test('an error of the source passes through, after what came before', () => {
    const error = new Error('source');
    expect(
      told(
        concat(
          numbers(1),
          throwError(() => error),
        ).pipe(operator),
      ),
    ).toEqual([expect.objectContaining({ y: 2 }), error]);
  });

  test('a synchronous body stays synchronous, and an asynchronous source is fine', async () => {
    const seen = told(numbers(1).pipe(operator));
    expect(seen.at(-1)).toBe('complete');
    expect(await lastValueFrom(scheduled([{ x: 1 }], asyncScheduler).pipe(operator))).toMatchObject({ y: 2 });
  });

  test('what is pushed while a record is delivered makes the next epoch', () => {
    const source = new Subject<{ x: number }>();
    const seen: unknown[] = [];
    source.pipe(operator).subscribe(({ y }) => {
      seen.push(y);
      if (seen.length < 3) source.next({ x: Number(y) });
    });
    source.next({ x: 1 });
    expect(seen).toEqual([2, 4, 8]);
  });

  test('unsubscribing reaches the source', () => {
    let closed = false;
    new Observable<{ x: number }>(() => () => void (closed = true)).pipe(operator).subscribe().unsubscribe();
    expect(closed).toBe(true);
  });

  test('take() takes, and the chain is not broken', async () => {
    expect(
      await lastValueFrom(
        numbers(1, 2, 3).pipe(
          operator,
          map(({ y }) => Number(y) + 1),
          take(2),
          toArray(),
        ),
      ),
    ).toEqual([3, 5]);
  });

  test('each subscription starts anew', async () => {
    const piped = numbers(1, 2).pipe(operator);
    const once = await lastValueFrom(piped.pipe(toArray()));
    expect(await lastValueFrom(piped.pipe(toArray()))).toEqual(once);
  });

  test('10,000 items, one after the other', async () => {
    const last = await lastValueFrom(
      range(1, 10_000).pipe(
        map((x) => ({ x })),
        operator,
      ),
    );
    expect(last).toMatchObject({ y: 20_000 });
  });

  test('many items that waited for one that took its time', async () => {
    const gate = deferred();
    const first = op({ name: 'first', inputs: { x: input<number>() }, run: ({ x }) => (x === 0 ? gate.promise.then(() => x) : x) });
    const seen: unknown[] = [];
    range(0, 20_000)
      .pipe(
        map((x) => ({ x })),
        toOperator(untyped<typeof double>(first)),
      )
      .subscribe({ next: (each) => seen.push(each), error: (error: unknown) => seen.push(error), complete: () => seen.push('complete') });
    expect(seen).toEqual([]);
    gate.resolve();
    await ready();
    expect(seen).toHaveLength(20_001);
    expect(seen.slice(-2)).toEqual([{ result: 19_999 }, 'complete']);
  });

  test('an endless synchronous source is closed when the consumer has enough', async () => {
    let emitted = 0;
    const endless = new Observable<{ x: number }>((subscriber) => {
      while (!subscriber.closed && emitted < 100_000) subscriber.next({ x: (emitted += 1) });
    });
    expect(await lastValueFrom(endless.pipe(operator, take(3), toArray()))).toHaveLength(3);
    expect(emitted).toBeLessThanOrEqual(4);
  });

  test.each([null, undefined, 1, 'frame'])('a frame that is no record errors the stream: %s', (frame) => {
    expect(told(of(untyped<{ x: number }>(frame)).pipe(operator))).toEqual([expect.objectContaining({ code: 'INVALID_OPTION' })]);
  });
});

describe('a body that fails', () => {
  const fails = op({
    name: 'fails',
    inputs: { x: input<number>() },
    run: ({ x }) => {
      if (x === 2) throw new Error('two');
      return x;
    },
  });
  const inGraph = graph('g', { inputs: { x: input<number>() } }, ({ x }) => ({ out: fails({ x }) }));

  test('errors the stream with its StepError, and later items do not run', () => {
    const seen = told(numbers(1, 2, 3).pipe(toOperator(fails)));
    expect(seen).toEqual([{ result: 1 }, expect.objectContaining({ code: 'OP_THREW', cause: new Error('two') })]);
    expect(told(numbers(1, 2, 3).pipe(toOperator(inGraph)))).toEqual([
      { out: 1 },
      expect.objectContaining({ code: 'OP_THREW', cause: new Error('two') }),
    ]);
  });

  test('lets the rest of the graph run to its end first (X9)', () => {
    const ran: string[] = [];
    const other = op({ name: 'other', inputs: { x: input<number>() }, run: ({ x }) => (ran.push('other'), x) });
    const g = graph('g', { inputs: { x: input<number>() } }, ({ x }) => ({ out: fails({ x }), other: other({ x }) }));
    expect(told(numbers(2).pipe(toOperator(g)))).toEqual([expect.objectContaining({ code: 'OP_THREW' })]);
    expect(ran).toEqual(['other']);
  });

  test('is gone on the next subscription', () => {
    let broken = true;
    const once = op({
      name: 'once',
      run: () => {
        if (broken) throw new Error('x');
        return 1;
      },
    });
    const operator = toOperator(once);
    expect(told(of({}).pipe(operator))).toEqual([expect.objectContaining({ code: 'OP_THREW' })]);
    broken = false;
    expect(told(of({}).pipe(operator))).toEqual([{ result: 1 }, 'complete']);
  });

  test('which misses a required output, or gives nonsense, errors the stream too', () => {
    expect(
      told(of({}).pipe(toOperator(op({ name: 'm', outputs: { a: output<number>() }, run: () => untyped<{ a: number }>({}) })))),
    ).toEqual([expect.objectContaining({ code: 'OUTPUT_MISSING' })]);
    expect(
      told(of({}).pipe(toOperator(op({ name: 'n', outputs: { a: output<number>() }, run: () => untyped<{ a: number }>(7) })))),
    ).toEqual([expect.objectContaining({ code: 'OP_BODY' })]);
    expect(
      told(
        of({}).pipe(
          toOperator(
            graph('g', () => ({ a: op({ name: 'n', outputs: { a: output<number>() }, run: () => untyped<{ a: number }>(7) })().a })),
          ),
        ),
      ),
    ).toEqual([expect.objectContaining({ code: 'OP_BODY' })]);
  });
});

describe('unsubscribing early', () => {
  const signals: AbortSignal[] = [];
  const waits = op({
    name: 'waits',
    inputs: { x: input<number>() },
    run: (_, { signal }) => {
      signals.push(signal);
      return new Promise<number>(() => undefined);
    },
  });
  const inGraph = graph('g', { inputs: { x: input<number>() } }, ({ x }) => ({ a: waits.as('a')({ x }), b: waits.as('b')({ x }) }));

  test('reaches the signal of the body that runs, and items that wait never start', async () => {
    for (const [operator, bodies] of [
      [toOperator(waits), 1],
      [toOperator(inGraph), 2],
    ] as const) {
      signals.length = 0;
      const seen: unknown[] = [];
      const subscription = numbers(1, 2)
        .pipe(untyped<OperatorFunction<{ x: number }, unknown>>(operator))
        .subscribe((each) => seen.push(each));
      await ready();
      expect(signals.map(({ aborted }) => aborted)).toEqual(Array.from({ length: bodies }, () => false));
      subscription.unsubscribe();
      await ready();
      expect(signals.map(({ aborted }) => aborted)).toEqual(Array.from({ length: bodies }, () => true));
      expect(seen).toEqual([]);
    }
  });

  test('reaches the Observable of a body', async () => {
    let closed = 0;
    const streams = op({
      name: 'streams',
      inputs: { x: input<number>() },
      operator: () => new Observable<number>(() => () => void (closed += 1)),
    });
    numbers(1).pipe(toOperator(streams)).subscribe().unsubscribe();
    numbers(1)
      .pipe(toOperator(graph('g', { inputs: { x: input<number>() } }, ({ x }) => ({ out: streams({ x }) }))))
      .subscribe()
      .unsubscribe();
    await ready();
    expect(closed).toBe(2);
  });

  test('during delivery does not deliver twice', () => {
    const seen: unknown[] = [];
    const subscription = new Subject<{ x: number }>();
    const taken = subscription.pipe(toOperator(double)).subscribe((each) => {
      seen.push(each);
      taken.unsubscribe();
    });
    subscription.next({ x: 1 });
    subscription.next({ x: 2 });
    expect(seen).toEqual([{ y: 2 }]);
  });
});

describe('toOperator refuses, where it is called', () => {
  test.each<[string, unknown, unknown, string]>([
    ['what is neither op nor graph', { kind: 'op' }, {}, 'INVALID_OPTION'],
    ['nothing', undefined, {}, 'INVALID_OPTION'],
    ['a class', class {}, {}, 'INVALID_OPTION'],
    ['an unknown output', double, { select: ['z'] }, 'UNKNOWN_ASSET'],
    ['an unknown output of a graph', diamond, { select: ['sun'] }, 'UNKNOWN_ASSET'],
    ['an output that every object has', double, { select: ['toString'] }, 'UNKNOWN_ASSET'],
    ['a select that is no list', double, { select: 'y' }, 'INVALID_SELECTION'],
    ['a misspelt option', double, { selct: ['y'] }, 'INVALID_OPTION'],
    ['options that are null', double, null, 'INVALID_OPTION'],
  ])('%s', (_, target, options, code) => {
    expect(() => toOperator(untyped<typeof double>(target), untyped(options))).toThrow(expect.objectContaining({ code }));
  });
});
