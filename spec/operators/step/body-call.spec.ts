import { asyncScheduler, of, scheduled } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { emit } from '../../../index.ts';
import { deferred, ready } from '../rig/deferred.ts';
import { manualClock } from '../rig/manual-clock.ts';
import { declared, expectFailedStep, play, single, throws, wanted } from '../rig/play-body.ts';
import { untyped } from '../rig/untyped.ts';

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
    const played = await play({ operator: body, outputs: wanted });
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
        throws('loud');
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
        throws('loud');
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
