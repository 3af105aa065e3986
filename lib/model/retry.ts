import { DefinitionError } from '../kernel/errors.ts';
import { kindOf, printValue } from '../kernel/print.ts';
import { isRecord } from '../kernel/record.ts';
import { checkOptions, type Fields } from './options.ts';

/**
 * When and how often a step is tried again. What is tried again is a body that threw, one that took longer than `timeoutMs`, a resource
 * that could not be opened, and an output that its schema refused; never what a body would do wrong again, such as an output left out.
 */
export interface RetryPolicy {
  /** How often at most after the first attempt. */
  readonly max: number;
  /** How long to wait before the next attempt, in milliseconds; 0 by default. */
  readonly delayMs?: number;
  /** How the wait grows, with n the attempt that failed: `constant` (the default), `linear` (n times), `exponential` (2ⁿ⁻¹ times). */
  readonly backoff?: 'constant' | 'linear' | 'exponential';
  /** No wait is longer than this, in milliseconds; 2^31 - 1 by default. */
  readonly maxDelayMs?: number;
  /** The share of each wait that chance may take away, from 0 (none, the default) to 1 (all of it: "full jitter"). */
  readonly jitter?: number;
  /** Says no to an error that is not worth another attempt. Gets what was thrown, and the number of the attempt that failed, from 1. */
  readonly when?: (error: unknown, attempt: number) => boolean;
}

/** What {@link RetryRequest} takes beside its message. */
export interface RetryRequestOptions {
  /** How long to wait, instead of what the op's policy says. */
  readonly delayMs?: number;
  /** How often at most after the first attempt: by default what the op's policy says, or once. A policy's own `max` is never exceeded. */
  readonly max?: number;
  readonly cause?: unknown;
}

// Registered, so that errors made by another copy of Sluice in the same process are known too.
const RETRY_REQUEST = Symbol.for('sluice.retry-request');
const DONT_RETRY = Symbol.for('sluice.dont-retry');

/**
 * Thrown by a body to be tried again, with or without a policy: what a server's "retry after" becomes. Only an op with a policy has inputs
 * that a body can change (Map, Set, Date, bytes) copied for the next attempt; without one, they are as the body left them.
 */
export class RetryRequest extends Error {
  readonly delayMs: number | undefined;
  readonly max: number | undefined;

  /** @throws TypeError where an option is no number of milliseconds, or of attempts */
  constructor(message: string, { delayMs, max, cause }: RetryRequestOptions = {}) {
    super(message, cause === undefined ? undefined : { cause });
    if (delayMs !== undefined && !isMs(delayMs))
      throw new TypeError(`RetryRequest: "delayMs" is ${printValue(delayMs)}. ${CHECKS.delayMs.cure}.`);
    if (max !== undefined && !CHECKS.max.accepts(max))
      throw new TypeError(`RetryRequest: "max" is ${printValue(max)}. ${CHECKS.max.cure}.`);
    this.name = 'RetryRequest';
    Object.defineProperty(this, RETRY_REQUEST, { value: true });
    this.delayMs = delayMs;
    this.max = max;
  }
}

/** Thrown by a body that must not be tried again, whatever the op's policy says. */
export class DontRetry extends Error {
  constructor(message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'DontRetry';
    Object.defineProperty(this, DONT_RETRY, { value: true });
  }
}

/** Whether a thrown value asks for another attempt. */
export function isRetryRequest(thrown: unknown): thrown is RetryRequest {
  return has(thrown, RETRY_REQUEST);
}

/** Whether a thrown value forbids another attempt. */
export function isDontRetry(thrown: unknown): thrown is DontRetry {
  return has(thrown, DONT_RETRY);
}

function has(thrown: unknown, mark: symbol): boolean {
  try {
    return typeof thrown === 'object' && thrown !== null && mark in thrown;
  } catch {
    // Anything can be thrown, a Proxy that throws too.
    return false;
  }
}

const LONGEST_MS = 2 ** 31 - 1;

/**
 * How long to wait after the attempt of that number has failed, in milliseconds.
 *
 * @param random a number from 0 up to 1
 */
export function delayAfter(
  { delayMs = 0, backoff = 'constant', maxDelayMs = LONGEST_MS, jitter = 0 }: RetryPolicy,
  attempt: number,
  random: number,
): number {
  // Finite, since no wait at all stays none however often it is doubled.
  const factor = { constant: 1, linear: attempt, exponential: Math.min(2 ** (attempt - 1), Number.MAX_VALUE) }[backoff];
  return Math.min(delayMs * factor, maxDelayMs) * (1 - jitter * random);
}

const RETRY_FIELDS: Fields<RetryPolicy> = { max: true, delayMs: true, backoff: true, maxDelayMs: true, jitter: true, when: true };

const isMs = (value: unknown): boolean => typeof value === 'number' && value >= 0 && value <= LONGEST_MS;

const CHECKS: Readonly<Record<keyof RetryPolicy, { readonly accepts: (value: unknown) => boolean; readonly cure: string }>> = {
  max: { accepts: (value) => Number.isInteger(value) && Number(value) >= 0, cure: 'Give a whole number from 0' },
  delayMs: { accepts: isMs, cure: 'Give milliseconds from 0 and below 2^31' },
  backoff: {
    accepts: (value) => value === 'constant' || value === 'linear' || value === 'exponential',
    cure: 'Give "constant", "linear" or "exponential"',
  },
  maxDelayMs: { accepts: isMs, cure: 'Give milliseconds from 0 and below 2^31' },
  jitter: { accepts: (value) => typeof value === 'number' && value >= 0 && value <= 1, cure: 'Give a share from 0 to 1' },
  when: { accepts: (value) => typeof value === 'function', cure: 'Give a function of the error' },
};

/**
 * Copies a policy, after checking it.
 *
 * @throws DefinitionError INVALID_DEFINITION
 */
export function checkRetry(given: unknown, where: string): RetryPolicy | undefined {
  if (given === undefined) return undefined;
  checkOptions(given, RETRY_FIELDS, `"retry" of ${where}`);
  const policy = isRecord(given) ? given : {};
  for (const [field, { accepts, cure }] of Object.entries(CHECKS)) {
    const value = policy[field];
    if (accepts(value) || (value === undefined && field !== 'max')) continue;
    const shown = typeof value === 'object' ? kindOf(value) : printValue(value);
    throw new DefinitionError('INVALID_DEFINITION', `"retry" of ${where}: "${field}" is ${shown}. ${cure}.`, {
      details: { where, option: field },
    });
  }
  // Each of its fields was checked just above.
  return Object.freeze({ ...policy }) as unknown as RetryPolicy;
}
