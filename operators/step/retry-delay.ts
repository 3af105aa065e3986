import { StepError } from '../../lib/kernel/errors.ts';
import { quote } from '../../lib/kernel/print.ts';
import type { AnyOp } from '../../lib/model/op.ts';
import { delayAfter, isDontRetry, isRetryRequest, type RetryRequest } from '../../lib/model/retry.ts';
import { readThrown } from '../../lib/kernel/thrown.ts';

/** What may go better another time. What is not here, a body would do wrong again. */
const RETRYABLE: ReadonlySet<StepError['code']> = new Set(['OP_THREW', 'STEP_TIMEOUT', 'RESOURCE_FAILED', 'OUTPUT_INVALID']);

/**
 * How long to wait after an attempt has failed, in milliseconds; `undefined` where the step has failed for good. A request of the body
 * comes before the op's policy, and a refusal of the body before both.
 *
 * @throws StepError OP_THREW where the policy's `when` throws
 */
export function retryDelay(
  { op, step }: { readonly op: AnyOp; readonly step: string },
  failed: { readonly error: StepError; readonly attempt: number },
  random: () => number,
): number | undefined {
  const { error, attempt } = failed;
  if (!RETRYABLE.has(error.code)) return undefined;
  const thrown = error.cause ?? error;
  if (isDontRetry(thrown)) return undefined;
  const request = isRetryRequest(thrown) ? thrown : undefined;
  if (attempt > mostRetries(op, request)) return undefined;
  if (request?.delayMs !== undefined) return request.delayMs;
  if (op.retry === undefined) return 0;
  if (request === undefined && !asks(op.retry.when, { thrown, attempt, error, step })) return undefined;
  return delayAfter(op.retry, attempt, random());
}

function mostRetries({ retry }: AnyOp, request: RetryRequest | undefined): number {
  if (request === undefined) return retry?.max ?? 0;
  return Math.min(request.max ?? Infinity, retry?.max ?? request.max ?? 1);
}

interface Asked {
  readonly thrown: unknown;
  readonly attempt: number;
  readonly error: StepError;
  readonly step: string;
}

function asks(when: ((error: unknown, attempt: number) => unknown) | undefined, asked: Asked): boolean {
  if (when === undefined) return true;
  let answer: unknown;
  try {
    answer = when(asked.thrown, asked.attempt);
  } catch (bad) {
    throw unanswered(asked, `threw: ${readThrown(bad).said}`);
  }
  if (!(answer instanceof Promise)) return Boolean(answer);
  // Nobody waits for a promise, which would always mean yes, and nobody would hear that it was rejected.
  answer.catch(() => undefined);
  throw unanswered(asked, 'returned a promise instead of true or false');
}

/** The failure that the policy was asked about stays the cause. */
function unanswered({ step, error }: Asked, what: string): StepError {
  return new StepError('OP_THREW', `The "retry.when" of step ${quote(step)} ${what}. It was asked about: ${error.message}`, {
    details: error.details,
    cause: error.cause ?? error,
  });
}
