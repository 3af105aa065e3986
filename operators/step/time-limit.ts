import { StepError } from '../../lib/kernel/errors.ts';
import { quote } from '../../lib/kernel/print.ts';
import { sharedAbortController } from '../run/environment.ts';
import type { Clock } from './clock.ts';

/** The attempt that is limited. */
export interface Limited {
  /** How messages call the step. */
  readonly step: string;
  /** Aborted when the run is cancelled. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** Who set the limit: the op, or the live service that it runs in. */
  readonly by: 'timeoutMs' | 'stepTimeoutMs';
}

/** `timeoutMs`: fails an attempt and aborts the signal that its body sees; a body that goes on is left to itself. */
export class TimeLimit {
  /** Resolves with the failure when the time is over. */
  readonly expired: Promise<StepError>;
  readonly #controller = sharedAbortController();
  readonly #stopTimer: () => void;
  readonly #runSignal: AbortSignal;
  readonly #forward = (): void => {
    // A cancelled step has no time left to run out of, and a timer would keep the process alive.
    this.#stopTimer();
    this.#controller.abort(this.#runSignal.reason);
  };
  readonly #check: () => void;
  #error: StepError | undefined;

  constructor({ step, signal, clock, by }: Limited, ms: number) {
    this.#runSignal = signal;
    signal.addEventListener('abort', this.#forward, { once: true });
    let expire: (error: StepError) => void = () => undefined;
    this.expired = new Promise((resolve) => (expire = resolve));
    const elapsed = clock.monotonic ?? clock.now;
    const started = elapsed();
    const expired = (): StepError => {
      const [limit, cure] =
        by === 'timeoutMs'
          ? ['its timeoutMs', 'or raise "timeoutMs"']
          : ['the stepTimeoutMs of its service', 'give its op a "timeoutMs", or raise "stepTimeoutMs"'];
      const message = `Step ${quote(step)} took longer than ${limit} of ${ms}. Make it faster, split it, ${cure}.`;
      const error = new StepError('STEP_TIMEOUT', message, { details: { step, timeoutMs: ms } });
      this.#controller.abort(error);
      return error;
    };
    this.#stopTimer = clock.timer(ms, () => {
      this.#error ??= expired();
      expire(this.#error);
    });
    // A body that blocks the event loop keeps the timer from firing: it is held to its limit when it has ended.
    this.#check = () => {
      if (elapsed() - started > ms) this.#error ??= expired();
    };
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The failure, if the time is over. */
  get error(): StepError | undefined {
    this.#check();
    return this.#error;
  }

  clear(): void {
    this.#stopTimer();
    this.#runSignal.removeEventListener('abort', this.#forward);
  }
}
