import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import {
  checkRetry,
  delayAfter,
  DontRetry,
  isDontRetry,
  isRetryRequest,
  RetryRequest,
  type RetryPolicy,
} from '../../../lib/model/retry.ts';
import { expectRefusal } from './refusal.ts';
import { untyped } from './untyped.ts';

const LONGEST_MS = 2 ** 31 - 1;

/** The waits after the attempts 1 to 5, where chance takes nothing. */
const waits = (policy: Partial<RetryPolicy>): readonly number[] =>
  [1, 2, 3, 4, 5].map((attempt) => delayAfter({ max: 9, ...policy }, attempt, 0));

describe('the wait after an attempt', () => {
  test.each<[string, Partial<RetryPolicy>, readonly number[]]>([
    ['is none by default', {}, [0, 0, 0, 0, 0]],
    ['is always the same by default', { delayMs: 10 }, [10, 10, 10, 10, 10]],
    ['constant: is always the same', { delayMs: 10, backoff: 'constant' }, [10, 10, 10, 10, 10]],
    ['linear: grows by as much each time', { delayMs: 10, backoff: 'linear' }, [10, 20, 30, 40, 50]],
    ['exponential: doubles each time', { delayMs: 10, backoff: 'exponential' }, [10, 20, 40, 80, 160]],
    ['is at most maxDelayMs', { delayMs: 10, backoff: 'exponential', maxDelayMs: 50 }, [10, 20, 40, 50, 50]],
    ['is at most maxDelayMs from the start', { delayMs: 10, maxDelayMs: 5 }, [5, 5, 5, 5, 5]],
    ['is none where maxDelayMs is 0', { delayMs: 10, backoff: 'linear', maxDelayMs: 0 }, [0, 0, 0, 0, 0]],
    ['may be parts of a millisecond', { delayMs: 0.5, backoff: 'exponential' }, [0.5, 1, 2, 4, 8]],
  ])('%s', (_, policy, expected) => {
    expect(waits(policy)).toEqual(expected);
  });

  test('chance takes its share of the wait, after the cap', () => {
    const policy = { max: 9, delayMs: 1000, maxDelayMs: 100 };
    expect(delayAfter({ ...policy, jitter: 0.5 }, 1, 0)).toBe(100);
    expect(delayAfter({ ...policy, jitter: 0.5 }, 1, 0.5)).toBe(75);
    expect(delayAfter({ ...policy, jitter: 0.5 }, 1, 1)).toBe(50);
    expect(delayAfter({ ...policy, jitter: 1 }, 1, 0)).toBe(100);
    expect(delayAfter({ ...policy, jitter: 1 }, 1, 0.75)).toBe(25);
    expect(delayAfter({ ...policy, jitter: 1 }, 1, 1)).toBe(0);
    expect(delayAfter({ ...policy, jitter: 0 }, 1, 1)).toBe(100);
    expect(delayAfter(policy, 1, 1)).toBe(100);
  });

  test('is capped after however many attempts, at what a timer takes where nothing else is said', () => {
    // 2 ** 1100 is Infinity, and no wait at all times Infinity is no number.
    for (const attempt of [33, 1025, 1101, Number.MAX_SAFE_INTEGER]) {
      expect(delayAfter({ max: 9, delayMs: 1, backoff: 'exponential' }, attempt, 0)).toBe(LONGEST_MS);
      expect(delayAfter({ max: 9, delayMs: 1, backoff: 'exponential', maxDelayMs: 7 }, attempt, 0)).toBe(7);
      expect(delayAfter({ max: 9, backoff: 'exponential' }, attempt, 0)).toBe(0);
      expect(delayAfter({ max: 9, delayMs: 0, backoff: 'exponential', jitter: 1 }, attempt, 0.5)).toBe(0);
    }
    expect(delayAfter({ max: 9, delayMs: LONGEST_MS, backoff: 'linear' }, 2, 0)).toBe(LONGEST_MS);
  });

  test('is something that a timer takes, for every policy', () => {
    const ms = fc.oneof(fc.constantFrom(0, 1, LONGEST_MS), fc.double({ min: 0, max: LONGEST_MS, noNaN: true }));
    const policies = fc.record(
      {
        max: fc.nat(),
        delayMs: ms,
        backoff: fc.constantFrom('constant' as const, 'linear' as const, 'exponential' as const),
        maxDelayMs: ms,
        jitter: fc.double({ min: 0, max: 1, noNaN: true }),
      },
      { requiredKeys: ['max'] },
    );
    const attempts = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }));
    fc.assert(
      fc.property(policies, attempts, fc.double({ min: 0, max: 1, noNaN: true }), (policy, attempt, random) => {
        expect(checkRetry(policy, 'op "a"')).toEqual(policy);
        const wait = delayAfter(policy, attempt, random);
        expect(wait).toBeGreaterThanOrEqual(0);
        expect(wait).toBeLessThanOrEqual(policy.maxDelayMs ?? LONGEST_MS);
        // Without chance, no wait is shorter than the one before.
        const whole = delayAfter(policy, attempt, 0);
        expect(delayAfter(policy, attempt + 1, 0)).toBeGreaterThanOrEqual(whole);
        expect(wait).toBeGreaterThanOrEqual(whole * (1 - (policy.jitter ?? 0)) * (1 - Number.EPSILON * 4));
      }),
      { seed: 11, numRuns: 500 },
    );
  });
});

describe('a policy', () => {
  test('may be left out', () => {
    expect(checkRetry(undefined, 'op "a"')).toBeUndefined();
  });

  test('is copied and frozen, so that changing it later changes nothing', () => {
    const given = { max: 2, delayMs: 5 };
    const policy = checkRetry(given, 'op "a"');
    given.max = 100;
    expect(policy).toEqual({ max: 2, delayMs: 5 });
    expect(Object.isFrozen(policy)).toBe(true);
  });

  test.each<[string, RetryPolicy]>([
    ['no retry at all', { max: 0 }],
    ['everything', { max: 3, delayMs: 1, backoff: 'linear', maxDelayMs: 5, jitter: 1, when: () => false }],
    ['the longest waits', { max: 1, delayMs: LONGEST_MS, maxDelayMs: LONGEST_MS }],
    ['no waits', { max: 1, delayMs: 0, maxDelayMs: 0, jitter: 0 }],
  ])('may say %s', (_, policy) => {
    expect(checkRetry(policy, 'op "a"')).toEqual(policy);
  });

  test.each<[string, unknown, readonly string[]]>([
    ['a number', 3, ['"retry" of op "a" takes its options as one object, and got a number', 'Write { max: … }']],
    ['null', null, ['"retry" of op "a" takes its options as one object, and got null']],
    ['no max', { delayMs: 1 }, ['"max" is undefined', 'a whole number from 0']],
    ['a negative max', { max: -1 }, ['"max" is -1', 'a whole number from 0']],
    ['half an attempt', { max: 0.5 }, ['"max" is 0.5']],
    ['endless attempts', { max: Infinity }, ['"max" is Infinity']],
    ['max as text', { max: '3' }, ['"max" is "3"']],
    ['a negative wait', { max: 1, delayMs: -1 }, ['"delayMs" is -1', 'below 2^31']],
    ['a wait that is no number', { max: 1, delayMs: NaN }, ['"delayMs" is NaN']],
    ['a wait that no timer takes', { max: 1, delayMs: 2 ** 31 }, ['"delayMs" is 2147483648', 'below 2^31']],
    ['a cap that no timer takes', { max: 1, maxDelayMs: 2 ** 31 }, ['"maxDelayMs" is 2147483648', 'below 2^31']],
    ['a negative cap', { max: 1, maxDelayMs: -1 }, ['"maxDelayMs" is -1']],
    [
      'a backoff that there is not',
      { max: 1, backoff: 'fibonacci' },
      ['"backoff" is "fibonacci"', '"constant", "linear" or "exponential"'],
    ],
    ['a backoff that every object has', { max: 1, backoff: 'toString' }, ['"backoff" is "toString"']],
    ['too much jitter', { max: 1, jitter: 1.01 }, ['"jitter" is 1.01', 'a share from 0 to 1']],
    ['jitter below nothing', { max: 1, jitter: -0.1 }, ['"jitter" is -0.1']],
    ['jitter that is no number', { max: 1, jitter: NaN }, ['"jitter" is NaN']],
    ['jitter as a flag', { max: 1, jitter: true }, ['"jitter" is true']],
    ['a "when" that is no function', { max: 1, when: [] }, ['"when" is an array', 'a function of the error']],
    ['null for a field', { max: 1, delayMs: null }, ['"delayMs" is null']],
    ['an option that there is not', { max: 1, delay: 5 }, ['no option "delay"', 'Did you mean "delayMs"?']],
  ])('is refused with %s', (_, given, words) => {
    const error = expectRefusal(() => untyped(checkRetry)(given, 'op "a"'), 'INVALID_DEFINITION', ...words);
    expect(error.message).toContain('"retry" of op "a"');
  });

  test('what is refused is named in the details', () => {
    const { details } = expectRefusal(() => untyped(checkRetry)({ max: 1, jitter: 2 }, 'op "a"'), 'INVALID_DEFINITION');
    expect(details).toEqual({ where: 'op "a"', option: 'jitter' });
  });
});

describe('what a body throws to be tried again, or not to be', () => {
  test('are errors, with what they were made with', () => {
    const cause = new Error('429');
    const request = new RetryRequest('wait', { delayMs: 30, max: 4, cause });
    expect(request).toBeInstanceOf(Error);
    expect(request).toMatchObject({ name: 'RetryRequest', message: 'wait', delayMs: 30, max: 4, cause });
    const refusal = new DontRetry('gone', { cause });
    expect(refusal).toBeInstanceOf(Error);
    expect(refusal).toMatchObject({ name: 'DontRetry', message: 'gone', cause });
    for (const bare of [new RetryRequest('wait'), new DontRetry('gone')]) expect(Object.hasOwn(bare, 'cause')).toBe(false);
    expect(new RetryRequest('wait')).toMatchObject({ delayMs: undefined, max: undefined });
  });

  test('are told apart, also where they are subclassed or come from another copy of the library', async () => {
    class Busy extends RetryRequest {}
    class Gone extends DontRetry {}
    // Modules are evaluated anew: other classes, as with two installed versions.
    vi.resetModules();
    const other = await import('../../../lib/model/retry.ts');
    expect(other.RetryRequest).not.toBe(RetryRequest);
    for (const request of [new RetryRequest('a'), new Busy('a'), new other.RetryRequest('a')]) {
      expect([isRetryRequest(request), isDontRetry(request)]).toEqual([true, false]);
      expect([other.isRetryRequest(request), other.isDontRetry(request)]).toEqual([true, false]);
    }
    for (const refusal of [new DontRetry('a'), new Gone('a'), new other.DontRetry('a')]) {
      expect([isRetryRequest(refusal), isDontRetry(refusal)]).toEqual([false, true]);
      expect([other.isRetryRequest(refusal), other.isDontRetry(refusal)]).toEqual([false, true]);
    }
  });

  test('nothing else is one, whatever was thrown', () => {
    const hostile = new Proxy({}, { has: () => runInNewContext('throw 1') as never });
    for (const thrown of [
      undefined,
      null,
      0,
      '',
      'RetryRequest',
      Symbol('x'),
      new Error('x'),
      { name: 'RetryRequest' },
      () => 1,
      hostile,
    ]) {
      expect(isRetryRequest(thrown)).toBe(false);
      expect(isDontRetry(thrown)).toBe(false);
    }
  });

  test('no mark is seen by who prints, copies or compares them', () => {
    for (const thrown of [new RetryRequest('a'), new DontRetry('a')]) {
      expect(Object.getOwnPropertySymbols(Object.assign({}, thrown))).toEqual([]);
    }
  });

  test.each<[string, object, string]>([
    ['a negative wait', { delayMs: -1 }, '"delayMs" is -1'],
    ['a wait that is no number', { delayMs: NaN }, '"delayMs" is NaN'],
    ['a wait that no timer takes', { delayMs: 2 ** 31 }, '"delayMs" is 2147483648'],
    ['a wait as text, as a header has it', { delayMs: '30' }, '"delayMs" is "30"'],
    ['a negative number of attempts', { max: -1 }, '"max" is -1'],
    ['half an attempt', { max: 1.5 }, '"max" is 1.5'],
    ['endless attempts', { max: Infinity }, '"max" is Infinity'],
  ])('a request is refused with %s', (_, options, words) => {
    const make = (): RetryRequest => new RetryRequest('wait', options);
    expect(make).toThrow(TypeError);
    expect(make).toThrow(`RetryRequest: ${words}. Give`);
  });

  test('a request may ask for no wait, the longest one, and no attempt', () => {
    expect(new RetryRequest('a', { delayMs: 0, max: 0 })).toMatchObject({ delayMs: 0, max: 0 });
    expect(new RetryRequest('a', { delayMs: LONGEST_MS })).toMatchObject({ delayMs: LONGEST_MS });
  });
});
