import {
  asyncScheduler,
  concat,
  defer,
  EMPTY,
  from,
  map,
  mergeMap,
  NEVER,
  Observable,
  of,
  scheduled,
  Subject,
  throwError,
  type Subscriber,
} from 'rxjs';
import { describe, expect, test } from 'vitest';
import {
  asset,
  define,
  emit,
  input,
  materialize,
  nothing,
  op,
  optional,
  output,
  run,
  plan,
  StepError,
  type Emission,
} from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { deferred, ready } from '../rig/deferred.ts';
import { manualClock } from '../rig/manual-clock.ts';
import { untyped } from '../rig/untyped.ts';
import { ofType, watchRun } from '../rig/watch-run.ts';
import { logOf } from '../rig/watched-store.ts';
import { whole } from '../rig/whole.ts';

const wanted = { a: output<number>(), b: optional<number>() };

/** Runs a body as an asset step beside an independent one. Whatever the body does, the other one must come. */
async function play(
  body: { readonly run?: unknown; readonly operator?: unknown; readonly outputs?: unknown; readonly timeoutMs?: number },
  clock = manualClock(),
) {
  const declares = body.outputs !== undefined;
  const subject = op(untyped<Parameters<typeof op>[0]>({ name: 'subject', ...body }));
  const other = op({ name: 'other', run: () => 'there' });
  const defs = whole(() => {
    const made: unknown = untyped<() => unknown>(subject)();
    const handles = declares
      ? untyped<Record<string, ReturnType<typeof other>>>(made)
      : { result: untyped<ReturnType<typeof other>>(made) };
    return { ...handles, other: other() };
  });
  const store = memoryStore();
  const result = await materialize(defs, { store, clock, throwOnFailure: false }).catch((error: unknown) => {
    // Said in words of our own: the runner cannot print everything that these bodies throw.
    throw new Error(`the run was rejected as a whole, with ${Object.prototype.toString.call(typeof error)}`);
  });
  const error = result.errors[0];
  const log = await logOf(store);
  return { result, error, code: error?.code, cause: error?.cause, log, store, other: await store.value('other') };
}

const declared = (run: unknown): Promise<Awaited<ReturnType<typeof play>>> => play({ run, outputs: wanted });
const operator = (body: unknown): Promise<Awaited<ReturnType<typeof play>>> => play({ operator: body, outputs: wanted });
const single = (run: unknown): Promise<Awaited<ReturnType<typeof play>>> => play({ run });

/** X8, X9: the step failed as a step, nothing of it is recorded, everything else is. */
function expectFailedStep({ result, code, log, other }: Awaited<ReturnType<typeof play>>, wantedCode: string): void {
  expect(code).toBe(wantedCode);
  expect(result.errors).toHaveLength(1);
  expect(result.errors[0]).toBeInstanceOf(StepError);
  expect(result.errors[0]?.details['step']).toBe('subject');
  expect(result.status).toBe('failed');
  expect(other).toBe('there');
  expect(result.outcomes.get(untyped('other'))).toBe('materialized');
  expect(ofType(log, 'asset-materialized').map(({ key }) => key)).toEqual(['other']);
  expect(new Set([...result.outcomes].filter(([key]) => key !== 'other').map(([, outcome]) => outcome))).toEqual(new Set(['failed']));
  expect(ofType(log, 'step-settled').find(({ step }) => step === 'subject')?.error?.code).toBe(wantedCode);
  expect(ofType(log, 'run-ended')).toHaveLength(1);
}

/** Emits by hand: not rxjs's own, so nothing in it keeps the Observable contract. */
function foreign(subscribe: (observer: Subscriber<unknown>) => unknown): unknown {
  return { lift: () => undefined, subscribe };
}

describe('a body may be written in any form, and emits the same', () => {
  const forms: Readonly<Record<string, object>> = {
    'a record': { run: () => ({ a: 1, b: 2 }) },
    'a promise of a record': { run: async () => ({ a: 1, b: 2 }) },
    'a thenable': { run: () => ({ then: (done: (value: unknown) => void) => done({ a: 1, b: 2 }) }) },
    'a record without a prototype': { run: () => Object.assign(Object.create(null), { a: 1, b: 2 }) },
    'a frozen record': { run: () => Object.freeze({ a: 1, b: 2 }) },
    'a generator': {
      *run() {
        yield emit('a', 1);
        yield emit('b', 2);
      },
    },
    'an async generator': {
      async *run() {
        yield emit('b', 2);
        await Promise.resolve();
        yield emit('a', 1);
      },
    },
    'a synchronous Observable': { run: () => of(emit('a', 1), emit('b', 2)) },
    'an asynchronous Observable': { run: () => scheduled([emit('a', 1), emit('b', 2)], asyncScheduler) },
    'a Subject that completes later': {
      run: () => {
        const subject = new Subject<Emission>();
        queueMicrotask(() => {
          subject.next(emit('a', 1));
          subject.next(emit('b', 2));
          subject.complete();
        });
        return subject;
      },
    },
    'an Observable of another library': {
      run: () =>
        foreign((observer) => {
          observer.next(emit('a', 1));
          observer.next(emit('b', 2));
          observer.complete();
          return { unsubscribe: () => undefined };
        }),
    },
    'an RxJS operator': { operator: (frames: Observable<object>) => frames.pipe(mergeMap(() => [emit('a', 1), emit('b', 2)])) },
    'an asynchronous RxJS operator': {
      operator: (frames: Observable<object>) =>
        frames.pipe(
          mergeMap(async () => emit('a', 1)),
          mergeMap((first) => [first, emit('b', 2)]),
        ),
    },
  };

  for (const [name, body] of Object.entries(forms)) {
    test(name, async () => {
      const { result } = await play({ ...body, outputs: wanted });
      expect(result.errors).toEqual([]);
      expect([result.value('a' as never), result.value('b' as never)]).toEqual([1, 2]);
    });
  }

  const singles: Readonly<Record<string, readonly [body: object, value: unknown]>> = {
    'a value': [{ run: () => 7 }, 7],
    'null (X11)': [{ run: () => null }, null],
    'a promise of null (X11)': [{ run: async () => null }, null],
    'a list': [{ run: () => [1, 2] }, [1, 2]],
    'a text': [{ run: () => 'text' }, 'text'],
    NaN: [{ run: () => NaN }, NaN],
    'a Map': [{ run: () => new Map([[1, 2]]) }, new Map([[1, 2]])],
    'a record whose fields look like outputs': [{ run: () => ({ result: 1 }) }, { result: 1 }],
    'a thenable that resolves twice and then throws': [
      {
        run: () => ({
          then(done: (value: unknown) => void) {
            done(1);
            done(2);
            throw new Error('late');
          },
        }),
      },
      1,
    ],
    'an operator': [{ operator: (frames: Observable<object>) => frames.pipe(map(() => 5)) }, 5],
    'an asynchronous operator': [{ operator: (frames: Observable<object>) => frames.pipe(mergeMap(async () => 5)) }, 5],
    'an operator that emits undefined first (X11)': [{ operator: () => of(undefined, 5) }, 5],
  };
  for (const [name, [body, value]] of Object.entries(singles)) {
    test(`without declared outputs: ${name}`, async () => {
      const { result, store } = await play(body);
      expect(result.errors).toEqual([]);
      expect(result.value('result' as never)).toEqual(value);
      expect(await store.value('result')).toEqual(value);
    });
  }
});

describe('undefined is "not emitted" (X11)', () => {
  test.each<[string, object]>([
    ['a record', { run: () => ({ a: 1, b: undefined }) }],
    [
      'a generator',
      {
        run: function* () {
          yield emit('b', undefined);
          yield emit('a', 1);
        },
      },
    ],
    ['an Observable', { run: () => of(emit('b', undefined), emit('a', 1)) }],
    ['an operator', { operator: () => of(emit('b', undefined), emit('a', 1)) }],
  ])('%s: an optional output is absent then', async (_, body) => {
    const { result } = await play({ ...body, outputs: wanted });
    expect(Object.fromEntries(result.outcomes)).toEqual({ a: 'materialized', b: 'absent', other: 'materialized' });
  });

  test.each<[string, unknown]>([
    ['undefined instead of a record', () => undefined],
    ['a promise of undefined', async () => undefined],
    ['an empty record', () => ({})],
    ['undefined in the record', () => ({ a: undefined })],
    ['an empty generator', function* () {}],
    ['an empty async generator', async function* () {}],
    ['an empty Observable', () => EMPTY],
    ['only what is optional', () => of(emit('b', 1))],
  ])('a required output is missing then (X6): %s', async (_, body) => {
    expectFailedStep(await declared(body), 'OUTPUT_MISSING');
  });

  test('undefined does not count as an emission, so that a value may follow (X5)', async () => {
    const { result } = await declared(function* () {
      yield emit('a', undefined);
      yield emit('a', 1);
      yield emit('a', undefined);
    });
    expect(result.value('a' as never)).toBe(1);
  });
});

describe('a body that completes with undefined has emitted by completing (X11)', () => {
  const voids: Readonly<Record<string, object>> = {
    'a function': { run: () => undefined },
    'an async function': { run: async () => undefined },
    'an operator that only completes': { operator: () => EMPTY },
    'an operator that emits undefined': { operator: () => of(undefined) },
    'an asynchronous operator': { operator: () => from(Promise.resolve(undefined)) },
  };
  for (const [name, body] of Object.entries(voids)) {
    test(`${name}: its asset is recorded, with no value`, async () => {
      const { result, log, store } = await play(body);
      expect(result.outcome('result' as never)).toBe('materialized');
      const event = ofType(log, 'asset-materialized').find(({ key }) => key === 'result');
      expect(event).toMatchObject({ address: null, metadata: {} });
      expect(event?.version).toMatch(/^run:/);
      expect(await store.value('result')).toBeUndefined();
      expect(() => result.value('result' as never)).toThrow(expect.objectContaining({ code: 'NO_VALUE' }));
    });
  }

  test('its version is new in every run', async () => {
    const defs = define({ assets: [asset({ key: 'files', run: () => undefined })] });
    const store = memoryStore();
    await materialize(defs, { store });
    await materialize(defs, { store });
    const versions = ofType(await logOf(store), 'asset-materialized').map(({ version }) => version);
    expect(new Set(versions).size).toBe(2);
  });

  test('who only comes after it runs; in the same run, who reads it gets undefined', async () => {
    const files = op({ name: 'files', run: () => undefined });
    const after = op({ name: 'after', inputs: { files: nothing() }, run: (inputs) => Object.keys(inputs) });
    const reads = op({ name: 'reads', inputs: { files: input<undefined>() }, run: ({ files: got }) => [typeof got] });
    const defs = whole(() => {
      const made = files();
      return { made, after: after({ files: made }), reads: reads({ files: made }) };
    });
    const result = await materialize(defs);
    expect(result.value('after')).toEqual([]);
    expect(result.value('reads')).toEqual(['undefined']);
  });

  test('loading it into a value is MISSING_VALUE (N7), and order alone needs nothing', async () => {
    const files = define({
      assets: [
        asset({ key: 'files', run: () => undefined }),
        asset({ key: 'reads', inputs: { files: input<undefined>() }, run: () => 1 }),
        asset({ key: 'after', inputs: { files: nothing() }, run: () => 2 }),
      ],
    });
    const store = memoryStore();
    await materialize(files, { store, select: ['files'] });
    await expect(materialize(files, { store, select: ['reads'] })).rejects.toMatchObject({ code: 'MISSING_VALUE' });
    expect((await materialize(files, { store, select: ['after'] })).value('after')).toBe(2);
  });
});

describe('what a body throws is the cause of a StepError, whatever it is', () => {
  const hostile = {
    toString(): never {
      throw new Error('no text');
    },
  };
  const unreadable: unknown = Object.create(Error.prototype, {
    message: {
      get: () => {
        throw new Error('no message');
      },
    },
    name: {
      get: () => {
        throw new Error('no name');
      },
    },
    stack: {
      get: () => {
        throw new Error('no stack');
      },
    },
  });
  const { proxy: revoked, revoke } = Proxy.revocable({}, {});
  revoke();
  const thrown: readonly (readonly [name: string, error: unknown])[] = [
    ['an Error', new Error('boom')],
    ['an Error without a message', new Error()],
    ['a string', 'boom'],
    ['undefined', undefined],
    ['null', null],
    ['a number', 42],
    ['a bigint', 42n],
    ['a symbol', Symbol('boom')],
    ['a function', () => undefined],
    ['a frozen object', Object.freeze({ code: 1 })],
    ['a frozen Error', Object.freeze(new Error('cold'))],
    ['an object whose toString throws', hostile],
    ['an object without a prototype', Object.create(null)],
    ['an AggregateError', new AggregateError([new Error('one'), 'two'], 'many')],
    ['an Error whose message is no text', Object.assign(new Error(), { message: Symbol('m'), name: hostile, stack: 7 })],
    ['an Error whose fields throw', unreadable],
    ['a revoked Proxy', revoked],
    [
      'a Proxy that refuses everything',
      new Proxy(
        {},
        {
          get: () => {
            throw new Error('get');
          },
          getPrototypeOf: () => {
            throw new Error('proto');
          },
          has: () => {
            throw new Error('has');
          },
        },
      ),
    ],
    ['a StepError of another run', new StepError('OUTPUT_MISSING', 'inner', { details: { step: 'elsewhere' } })],
    ['a promise', Promise.resolve(1)],
  ];
  const ways: Readonly<Record<string, (error: unknown) => object>> = {
    'a function': (error) => ({
      run: () => {
        throw error;
      },
    }),
    'an async function': (error) => ({
      run: async () => {
        throw error;
      },
    }),
    'a generator': (error) => ({
      run: function* () {
        yield emit('a', 1);
        throw error;
      },
    }),
    'an async generator': (error) => ({
      run: async function* () {
        yield emit('a', 1);
        throw error;
      },
    }),
    'an Observable, synchronously': (error) => ({
      run: () =>
        concat(
          of(emit('a', 1)),
          throwError(() => error),
        ),
    }),
    'an Observable, later': (error) => ({
      run: () =>
        concat(
          scheduled([emit('a', 1)], asyncScheduler),
          throwError(() => error),
        ),
    }),
    'a subscribe that throws': (error) => ({
      run: () =>
        new Observable(() => {
          throw error;
        }),
    }),
    "another library's subscribe that throws": (error) => ({
      run: () =>
        foreign(() => {
          throw error;
        }),
    }),
    'an operator': (error) => ({
      operator: () => {
        throw error;
      },
    }),
    "an operator's Observable": (error) => ({
      operator: (frames: Observable<object>) =>
        frames.pipe(
          map(() => {
            throw error;
          }),
        ),
    }),
  };
  for (const [way, body] of Object.entries(ways)) {
    // A loop instead of test.each, which would print what cannot be printed.
    for (const [name, error] of thrown) {
      test(`${way}: ${name}`, async () => {
        const played = await play({ ...body(error), outputs: wanted });
        expectFailedStep(played, 'OP_THREW');
        expect(Object.is(played.cause, error)).toBe(true);
      });
    }
  }

  test('a StepError of a run inside the body is wrapped, not passed for its own', async () => {
    const inner = define({
      assets: [
        asset({
          key: 'inner',
          run: () => {
            throw new Error('deep');
          },
        }),
      ],
    });
    const played = await declared(async () => {
      await materialize(inner);
      return { a: 1 };
    });
    expectFailedStep(played, 'OP_THREW');
    expect(played.cause).toBeInstanceOf(StepError);
    expect((played.cause as StepError).cause).toEqual(new Error('deep'));
  });

  test('an Error without a message still says what it was', async () => {
    const { error } = await declared(() => {
      throw new RangeError();
    });
    expect(error?.message).toContain('RangeError');
  });

  test('a body that recurses without end fails its step alone', async () => {
    const recurse = (): number => 1 + recurse();
    const played = await declared(recurse);
    expectFailedStep(played, 'OP_THREW');
    expect(played.cause).toBeInstanceOf(RangeError);
  });

  test.each<[string, unknown]>([
    [
      'a then that throws',
      () => ({
        then: () => {
          throw new Error('then');
        },
      }),
    ],
    [
      'a then that cannot be read',
      () =>
        Object.defineProperty({}, 'then', {
          get: () => {
            throw new Error('then');
          },
        }),
    ],
    [
      'a then that is gone when it is awaited',
      () => {
        let reads = 0;
        return Object.defineProperty({}, 'then', {
          get: () => {
            reads += 1;
            if (reads > 1) throw new Error('gone');
            return () => undefined;
          },
        });
      },
    ],
    ['a then that rejects', () => ({ then: (_: unknown, no: (error: unknown) => void) => no(new Error('no')) })],
    [
      'a getter in the record',
      () => ({
        get a(): number {
          throw new Error('getter');
        },
      }),
    ],
    [
      'a getter in a promised record',
      async () => ({
        get a(): number {
          throw new Error('getter');
        },
      }),
    ],
    [
      'a Proxy that refuses everything',
      () =>
        new Proxy(
          {},
          {
            get: () => undefined,
            ownKeys: () => {
              throw new Error('keys');
            },
          },
        ),
    ],
    [
      'a tag that cannot be read',
      () =>
        Object.defineProperty({ a: 1 }, Symbol.toStringTag, {
          get: () => {
            throw new Error('tag');
          },
        }),
    ],
    [
      'a tag that cannot be read, promised',
      async () =>
        Object.defineProperty({ a: 1 }, Symbol.toStringTag, {
          get: () => {
            throw new Error('tag');
          },
        }),
    ],
    [
      'a lift that cannot be read',
      () =>
        Object.defineProperty({ a: 1 }, 'lift', {
          get: () => {
            throw new Error('lift');
          },
        }),
    ],
    [
      'a Proxy that has nothing to say',
      () =>
        new Proxy(
          {},
          {
            has: () => {
              throw new Error('has');
            },
          },
        ),
    ],
    [
      'a yielded Proxy that has nothing to say',
      function* () {
        yield new Proxy(
          {},
          {
            has: () => {
              throw new Error('has');
            },
          },
        );
      },
    ],
    [
      'a finally that throws',
      function* () {
        try {
          yield emit('a', 1);
        } finally {
          throw new Error('finally');
        }
      },
    ],
  ])('touching what it gave may throw too: %s', async (_, body) => {
    expectFailedStep(await declared(body), 'OP_THREW');
  });
});

describe('a body that gives what none may give fails its step', () => {
  const generator = function* (): Generator {
    yield emit('a', 1);
  };
  class Answer {
    readonly a = 1;
  }
  test.each<[string, unknown, string]>([
    ['a list', () => [emit('a', 1)], 'OP_BODY'],
    ['an empty list', () => [], 'OP_BODY'],
    ['a text', () => 'a', 'OP_BODY'],
    ['a number', () => 1, 'OP_BODY'],
    ['null', () => null, 'OP_BODY'],
    ['a promise of null', async () => null, 'OP_BODY'],
    ['a function', () => () => ({ a: 1 }), 'OP_BODY'],
    ['an emission that should be yielded', () => emit('a', 1), 'OP_BODY'],
    ['a promise of an emission', async () => emit('a', 1), 'OP_BODY'],
    ['a promise of a generator', async () => generator(), 'OP_BODY'],
    [
      'a promise of an async generator',
      async () =>
        (async function* () {
          yield emit('a', 1);
        })(),
      'OP_BODY',
    ],
    ['a promise of an Observable', async () => of(emit('a', 1)), 'OP_BODY'],
    ['a Map', () => new Map([['a', 1]]), 'OP_BODY'],
    ['a Set', () => new Set(['a']), 'OP_BODY'],
    ['a Date', () => new Date(0), 'OP_BODY'],
    ['an Error that should be thrown', () => new Error('x'), 'OP_BODY'],
    ['an instance of a class', () => new Answer(), 'OP_BODY'],
    ['an iterator that is no generator', () => [emit('a', 1)].values(), 'OP_BODY'],
    ['bytes', () => new Uint8Array(2), 'OP_BODY'],
    ['an undeclared output', () => ({ a: 1, c: 2 }), 'OUTPUT_UNDECLARED'],
    ['an undeclared output without a value', () => ({ a: 1, c: undefined }), 'OUTPUT_UNDECLARED'],
    ['an output named like what every object has', () => ({ a: 1, toString: 2 }), 'OUTPUT_UNDECLARED'],
    ['an output named __proto__', () => JSON.parse('{"a":1,"__proto__":2}'), 'OUTPUT_UNDECLARED'],
  ])('%s', async (_, body, code) => {
    expectFailedStep(await declared(body), code);
  });

  const yielded: readonly (readonly [string, unknown, string])[] = [
    ['a plain value', 1, 'OP_BODY'],
    ['undefined', undefined, 'OP_BODY'],
    ['null', null, 'OP_BODY'],
    ['a look-alike', { output: 'a', value: 1 }, 'OP_BODY'],
    ['a list of emissions', [emit('a', 1)], 'OP_BODY'],
    ['an undeclared output', untyped(emit('c', 1)), 'OUTPUT_UNDECLARED'],
    ['an undeclared output without a value', untyped(emit('c', undefined)), 'OUTPUT_UNDECLARED'],
    ['an output that is a symbol', untyped(emit(untyped(Symbol('a')), 1)), 'OUTPUT_UNDECLARED'],
    ['an output that only prints as one', untyped(emit(untyped(['a']), 1)), 'OUTPUT_UNDECLARED'],
    [
      'an output that cannot be printed',
      untyped(
        emit(
          untyped({
            toString: () => {
              throw new Error('no text');
            },
          }),
          1,
        ),
      ),
      'OUTPUT_UNDECLARED',
    ],
  ];
  const emitters: Readonly<Record<string, (value: unknown) => object>> = {
    'a generator': (value) => ({
      run: function* () {
        yield value;
        yield emit('a', 1);
      },
    }),
    'an async generator': (value) => ({
      run: async function* () {
        yield value;
        yield emit('a', 1);
      },
    }),
    'an Observable': (value) => ({ run: () => of(value, emit('a', 1)) }),
    'an asynchronous Observable': (value) => ({ run: () => scheduled([value, emit('a', 1)], asyncScheduler) }),
    'an operator': (value) => ({ operator: () => of(value, emit('a', 1)) }),
  };
  for (const [name, body] of Object.entries(emitters)) {
    for (const [what, value, code] of yielded) {
      test(`${name} emits ${what}`, async () => {
        expectFailedStep(await play({ ...body(value), outputs: wanted }), code);
      });
    }

    test(`${name} emits twice on one output (X5)`, async () => {
      expectFailedStep(await play({ ...body(emit('a', 0)), outputs: wanted }), 'OUTPUT_REPEATED');
    });
  }

  test.each<[string, unknown]>([
    [
      'a generator',
      function* () {
        yield emit('a', 1);
        return emit('b', 2);
      },
    ],
    [
      'an async generator',
      async function* () {
        yield emit('a', 1);
        return { b: 2 };
      },
    ],
    [
      'a generator that returns null',
      function* () {
        yield emit('a', 1);
        return null;
      },
    ],
  ])('%s that returns a value means to yield it', async (_, body) => {
    expectFailedStep(await declared(body), 'OP_BODY');
  });

  test.each<[string, unknown]>([
    ['a generator', generator],
    [
      'an async generator',
      async function* () {
        yield emit('result', 1);
      },
    ],
    ['an Observable', () => of(emit('result', 1))],
    ['a promise of an Observable', async () => of(1)],
    ['a promise of a generator', async () => generator()],
    ['an emission', () => emit('result', 1)],
    ['a promise of an emission', async () => emit('result', 1)],
  ])('without declared outputs, %s is no value', async (_, body) => {
    expectFailedStep(await single(body), 'OP_BODY');
  });

  test('without declared outputs, an operator emits values and no emissions', async () => {
    expectFailedStep(await play({ operator: () => of(emit('result', 1)) }), 'OP_BODY');
  });

  test('without declared outputs, an operator emits once (X5)', async () => {
    expectFailedStep(await play({ operator: () => of(1, 2) }), 'OUTPUT_REPEATED');
  });

  test.each<[string, unknown]>([
    ['nothing', () => undefined],
    ['a promise', async () => of(emit('a', 1))],
    ['a record', () => ({ a: 1 })],
    ['a function', () => () => of(1)],
    [
      'what cannot even be looked at',
      () =>
        new Proxy(
          {},
          {
            get: () => {
              throw new Error('get');
            },
          },
        ),
    ],
  ])('an operator that returns %s fails', async (_, body) => {
    const played = await operator(body);
    expectFailedStep(played, played.code === 'OP_THREW' ? 'OP_THREW' : 'OP_BODY');
  });

  test('what only calls itself a generator fails its step alone', async () => {
    const tagged = (tag: string, fields: object): unknown => Object.defineProperty(fields, Symbol.toStringTag, { value: tag });
    for (const tag of ['Generator', 'AsyncGenerator']) {
      expect((await declared(() => tagged(tag, {}))).other).toBe('there');
      expect((await declared(() => tagged(tag, { next: () => undefined }))).other).toBe('there');
      expect(
        (
          await declared(() =>
            tagged(tag, {
              next: () => {
                throw new Error('next');
              },
            }),
          )
        ).other,
      ).toBe('there');
    }
  });
});

describe('an Observable of a body is held to the contract', () => {
  test('what comes after its completion is dropped', async () => {
    const { result } = await declared(() =>
      foreign((observer) => {
        observer.next(emit('a', 1));
        observer.complete();
        observer.next(emit('a', 2));
        observer.next('nonsense');
        observer.error(new Error('late'));
        observer.complete();
      }),
    );
    expect(result.errors).toEqual([]);
    expect(result.value('a' as never)).toBe(1);
  });

  test('what comes after its error is dropped, and the first error counts', async () => {
    const played = await declared(() =>
      foreign((observer) => {
        observer.next(emit('a', 1));
        observer.error(new Error('first'));
        observer.next(emit('a', 2));
        observer.error(new Error('second'));
        observer.complete();
      }),
    );
    expectFailedStep(played, 'OP_THREW');
    expect(played.cause).toEqual(new Error('first'));
  });

  test('it is unsubscribed as soon as it emits what it may not, so that an endless one ends', async () => {
    let emitted = 0;
    const endless = new Observable((subscriber) => {
      while (!subscriber.closed && emitted < 10_000) {
        emitted += 1;
        subscriber.next(emit('a', emitted));
      }
    });
    expectFailedStep(await declared(() => endless), 'OUTPUT_REPEATED');
    expect(emitted).toBe(2);
  });

  test('it is unsubscribed once when it is over, whichever way', async () => {
    let closed = 0;
    const ending = (end: (subscriber: Subscriber<unknown>) => void): Observable<unknown> =>
      new Observable((subscriber) => {
        queueMicrotask(() => end(subscriber));
        return () => void (closed += 1);
      });
    await declared(() =>
      ending((subscriber) => {
        subscriber.next(emit('a', 1));
        subscriber.complete();
      }),
    );
    await declared(() => ending((subscriber) => subscriber.error(new Error('x'))));
    await declared(() => ending((subscriber) => subscriber.next('nonsense')));
    expect(closed).toBe(3);
  });

  test.each<[string, (subscriber: Subscriber<unknown>) => void]>([
    [
      'now',
      (subscriber) => {
        subscriber.next(emit('a', 1));
        subscriber.complete();
      },
    ],
    [
      'later',
      (subscriber) =>
        queueMicrotask(() => {
          subscriber.next(emit('a', 1));
          subscriber.complete();
        }),
    ],
  ])('a teardown that throws fails the step and nothing else: %s', async (_, start) => {
    const played = await declared(
      () =>
        new Observable((subscriber) => {
          start(subscriber);
          return () => {
            throw new Error('teardown');
          };
        }),
    );
    expectFailedStep(played, 'OP_THREW');
  });

  test('one that never completes runs into its timeoutMs, and is unsubscribed', async () => {
    const clock = manualClock();
    let closed = false;
    const body = (): Observable<Emission> => concat(of(emit('a', 1)), new Observable<never>(() => () => void (closed = true)));
    const playing = play({ run: body, outputs: wanted, timeoutMs: 1000 }, clock);
    await ready();
    expect(clock.waiting()).toBe(1);
    clock.advance(999);
    expect(closed).toBe(false);
    clock.advance(1);
    expectFailedStep(await playing, 'STEP_TIMEOUT');
    expect(closed).toBe(true);
    expect(clock.waiting()).toBe(0);
  });

  test('one that never completes waits for a cancel where there is no timeoutMs (X12)', async () => {
    const defs = whole(() => op({ name: 'never', outputs: wanted, run: () => NEVER })());
    const controller = new AbortController();
    const made = materialize(defs, { signal: controller.signal });
    await ready();
    controller.abort();
    await expect(made).rejects.toMatchObject({ code: 'RUN_CANCELLED' });
  });

  test('an operator gets one frame a subscription, and one subscription a run', async () => {
    const seen: unknown[] = [];
    const double = op({
      name: 'double',
      inputs: { x: input<number>() },
      operator: (frames) =>
        defer(() => {
          seen.push('subscribed');
          return frames.pipe(
            map(({ x }) => {
              seen.push(x);
              return x * 2;
            }),
          );
        }),
    });
    const one = op({ name: 'one', run: () => 1 });
    const defs = whole(() => ({ doubled: double({ x: one() }) }));
    await materialize(defs);
    await materialize(defs);
    expect(seen).toEqual(['subscribed', 1, 'subscribed', 1]);
  });
});

describe('generators are closed', () => {
  test('the finally of a generator runs when it emits what it may not, and what that throws hides nothing', async () => {
    let closed = 0;
    const run = function* (): Generator {
      try {
        yield 'nonsense';
      } finally {
        closed += 1;
      }
    };
    expectFailedStep(await declared(run), 'OP_BODY');
    const loud = function* (): Generator {
      try {
        yield 'nonsense';
      } finally {
        closed += 1;
        throw new Error('loud');
      }
    };
    expectFailedStep(await declared(loud), 'OP_BODY');
    expect(closed).toBe(2);
  });

  test('the finally of an async generator runs then too', async () => {
    let closed = 0;
    const run = async function* (): AsyncGenerator {
      try {
        yield 'nonsense';
      } finally {
        closed += 1;
        throw new Error('loud');
      }
    };
    expectFailedStep(await declared(run), 'OP_BODY');
    await ready();
    expect(closed).toBe(1);
  });

  test('the finally of an async generator runs when its step times out at a yield', async () => {
    const clock = manualClock();
    const gate = deferred();
    let closed = false;
    const run = async function* (): AsyncGenerator {
      try {
        await gate.promise;
        yield emit('a', 1);
        yield emit('b', 2);
      } finally {
        closed = true;
      }
    };
    const playing = play({ run, outputs: wanted, timeoutMs: 10 }, clock);
    await ready();
    clock.advance(10);
    expectFailedStep(await playing, 'STEP_TIMEOUT');
    gate.resolve();
    await ready();
    expect(closed).toBe(true);
  });

  test('a generator that yields promises as values passes them on as they are', async () => {
    const played = await declared(function* () {
      yield emit('a', Promise.resolve(1));
    });
    expectFailedStep(played, 'VALUE_NOT_STORABLE');
  });
});

test('a hundred bodies that listen to the signal at the same time raise no warning of the platform', async () => {
  const warnings: Error[] = [];
  const note = (warning: Error): void => void warnings.push(warning);
  process.on('warning', note);
  const gate = deferred();
  const waiting = op({
    name: 'waiting',
    outputs: { out: output<number>() },
    run: () => from(gate.promise).pipe(map(() => emit('out', 1))),
  });
  const defs = whole(() => Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`a${index}`, waiting.as(`w${index}`)().out])));
  const watching = watchRun(run(plan(defs), { concurrency: 100 }));
  await ready();
  gate.resolve();
  await watching;
  await ready();
  process.off('warning', note);
  expect(warnings).toEqual([]);
});
