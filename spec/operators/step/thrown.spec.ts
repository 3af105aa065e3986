import { asyncScheduler, concat, map, Observable, of, scheduled, throwError } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { asset, define, emit, materialize, StepError } from '../../../index.ts';
import { declared, expectFailedStep, foreign, play, THEN, thenable, throws, wanted } from '../rig/play-body.ts';

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
      () =>
        thenable(() => {
          throw new Error('then');
        }),
    ],
    [
      'a then that cannot be read',
      () =>
        Object.defineProperty({}, THEN, {
          get: () => {
            throw new Error('then');
          },
        }),
    ],
    [
      'a then that is gone when it is awaited',
      () => {
        let reads = 0;
        return Object.defineProperty({}, THEN, {
          get: () => {
            reads += 1;
            if (reads > 1) throw new Error('gone');
            return () => undefined;
          },
        });
      },
    ],
    ['a then that rejects', () => thenable((_, no) => no(new Error('no')))],
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
          throws('finally');
        }
      },
    ],
  ])('touching what it gave may throw too: %s', async (_, body) => {
    expectFailedStep(await declared(body), 'OP_THREW');
  });
});
