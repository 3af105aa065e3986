import { describe, expect, test } from 'vitest';
import { DontRetry, op, RetryRequest, StepError, type RetryPolicy, type StepCode } from '../../../index.ts';
import { retryDelay } from '../../../operators/step/retry-delay.ts';
import { untyped } from '../rig/untyped.ts';

/** How long a step waits after an attempt that threw this. */
function delay(retry: RetryPolicy | undefined, thrown: unknown, attempt = 1, code: StepCode = 'OP_THREW'): number | undefined {
  const asks = op({ name: 'asks', run: () => 1, ...(retry !== undefined && { retry }) });
  const error = new StepError(code, 'it failed', { ...(thrown !== undefined && { cause: thrown }), details: { code } });
  return retryDelay({ op: asks, step: 'asks' }, { error, attempt }, () => 0.5);
}

const POLICY = { max: 2, delayMs: 100 };

describe('who says whether a step is tried again', () => {
  test('nobody: then it is not', () => {
    expect(delay(undefined, new Error('x'))).toBeUndefined();
  });

  test('the policy, as often as it says', () => {
    expect([1, 2, 3, 4].map((attempt) => delay(POLICY, new Error('x'), attempt))).toEqual([100, 100, undefined, undefined]);
    expect(delay({ max: 0 }, new Error('x'))).toBeUndefined();
  });

  test('"when" before the policy, by what was thrown and which attempt it was', () => {
    const asked: unknown[] = [];
    const when = (error: unknown, attempt: number): boolean => (asked.push([error, attempt]), attempt === 1);
    const error = new TypeError('x');
    expect([1, 2, 3].map((attempt) => delay({ ...POLICY, when }, error, attempt))).toEqual([100, undefined, undefined]);
    // Not after the last attempt, when its answer changes nothing.
    expect(asked).toEqual([
      [error, 1],
      [error, 2],
    ]);
  });

  test('"when" gets what was thrown, whatever it is, and the StepError where nothing was', () => {
    const asked: unknown[] = [];
    const when = (error: unknown): boolean => asked.push(error) > 0;
    delay({ max: 1, when }, 'text');
    delay({ max: 1, when }, 0);
    delay({ max: 1, when }, undefined, 1, 'STEP_TIMEOUT');
    expect(asked).toEqual(['text', 0, expect.objectContaining({ code: 'STEP_TIMEOUT' })]);
  });

  test('a request of the body before "when", which is not asked', () => {
    const when = (): boolean => {
      throw new Error('asked');
    };
    expect(delay({ ...POLICY, when }, new RetryRequest('x'))).toBe(100);
    expect(delay({ ...POLICY, when }, new RetryRequest('x', { delayMs: 7 }))).toBe(7);
  });

  test('a refusal of the body before everything', () => {
    const when = (): boolean => {
      throw new Error('asked');
    };
    expect(delay({ ...POLICY, when }, new DontRetry('x'))).toBeUndefined();
    // What is both is a refusal: a subclass of one with the mark of the other.
    const both = Object.defineProperty(new RetryRequest('x', { delayMs: 1 }), Symbol.for('sluice.dont-retry'), { value: true });
    expect(delay(POLICY, both)).toBeUndefined();
    expect(delay(undefined, both)).toBeUndefined();
  });

  test('only what was thrown itself: not the cause of what was thrown', () => {
    expect(delay(undefined, new Error('x', { cause: new RetryRequest('y') }))).toBeUndefined();
    expect(delay(POLICY, new Error('x', { cause: new DontRetry('y') }))).toBe(100);
  });
});

describe('a request of the body', () => {
  const retries = (retry: RetryPolicy | undefined, max?: number): number => {
    const request = new RetryRequest('x', max === undefined ? {} : { max });
    return [1, 2, 3, 4, 5, 6, 7, 8].filter((attempt) => delay(retry, request, attempt) !== undefined).length;
  };

  test.each<[string, RetryPolicy | undefined, number | undefined, number]>([
    ['once without a policy', undefined, undefined, 1],
    ['its own max without a policy', undefined, 4, 4],
    ['never with max 0', undefined, 0, 0],
    ['as often as the policy says', { max: 3 }, undefined, 3],
    ['its own max where that is less', { max: 3 }, 2, 2],
    ['never beyond the policy', { max: 3 }, 7, 3],
    ['never where the policy says never', { max: 0 }, 7, 0],
    ['never where it says never itself', { max: 3 }, 0, 0],
  ])('is followed %s', (_, retry, max, expected) => {
    expect(retries(retry, max)).toBe(expected);
  });

  test('waits as long as it says, not capped and not jittered by the policy', () => {
    expect(delay({ max: 1, maxDelayMs: 5, jitter: 1 }, new RetryRequest('x', { delayMs: 60_000 }))).toBe(60_000);
    expect(delay({ max: 1, delayMs: 50 }, new RetryRequest('x', { delayMs: 0 }))).toBe(0);
    expect(delay(undefined, new RetryRequest('x', { delayMs: 30 }))).toBe(30);
  });

  test('waits as long as the policy says where it says nothing, and not at all without one', () => {
    expect(delay({ max: 3, delayMs: 10, backoff: 'exponential' }, new RetryRequest('x'), 3)).toBe(40);
    expect(delay({ max: 3, delayMs: 10, jitter: 1 }, new RetryRequest('x'))).toBe(5);
    expect(delay(undefined, new RetryRequest('x'))).toBe(0);
  });
});

describe('what a step failed with', () => {
  test.each<[StepCode, boolean]>([
    ['OP_THREW', true],
    ['STEP_TIMEOUT', true],
    ['RESOURCE_FAILED', true],
    ['OUTPUT_INVALID', true],
    ['OUTPUT_MISSING', false],
    ['OUTPUT_UNDECLARED', false],
    ['OUTPUT_REPEATED', false],
    ['OUTPUT_NOT_SELECTED', false],
    ['OP_BODY', false],
    ['VALUE_NOT_STORABLE', false],
    ['INPUT_INVALID', false],
  ])('%s: is it worth another attempt? %s', (code, isRetried) => {
    expect(delay({ max: 1, delayMs: 5 }, undefined, 1, code)).toBe(isRetried ? 5 : undefined);
    expect(delay({ max: 1, delayMs: 5 }, new RetryRequest('x', { delayMs: 5 }), 1, code)).toBe(isRetried ? 5 : undefined);
  });
});

describe('a "when" that throws', () => {
  test.each<[string, unknown, string]>([
    ['an error', new RangeError('broken'), 'broken'],
    ['no error', 5, 'it threw 5, which is no Error'],
  ])('%s: fails the step with that, and keeps what it was asked about', (_, thrown, said) => {
    const cause = new Error('first');
    const when = (): boolean => {
      throw thrown;
    };
    const error: unknown = (() => {
      try {
        return delay({ max: 1, when }, cause);
      } catch (bad) {
        return bad;
      }
    })();
    expect(error).toBeInstanceOf(StepError);
    expect(error).toMatchObject({ code: 'OP_THREW', cause, details: { code: 'OP_THREW' } });
    expect((error as StepError).message).toBe(`The "retry.when" of step "asks" threw: ${said}. It was asked about: it failed`);
  });

  test('one that gives anything else says no by what is falsy', () => {
    expect(delay({ max: 1, when: untyped(() => undefined) }, new Error('x'))).toBeUndefined();
    expect(delay({ max: 1, when: untyped(() => 0) }, new Error('x'))).toBeUndefined();
    expect(delay({ max: 1, when: untyped(() => 'yes') }, new Error('x'))).toBe(0);
  });
});

test('chance is asked once for each wait that the policy gives, and not otherwise', () => {
  let asked = 0;
  const asks = op({ name: 'asks', run: () => 1, retry: { max: 5, delayMs: 10, jitter: 1 } });
  const random = (): number => ((asked += 1), 0);
  const waits = (thrown: unknown, attempt: number): number | undefined =>
    retryDelay({ op: asks, step: 'asks' }, { error: new StepError('OP_THREW', 'x', { cause: thrown }), attempt }, random);
  waits(new Error('x'), 1);
  waits(new Error('x'), 2);
  expect(asked).toBe(2);
  waits(new DontRetry('x'), 1);
  waits(new RetryRequest('x', { delayMs: 1 }), 1);
  waits(new Error('x'), 6);
  expect(asked).toBe(2);
});
