import { StepError } from '../../lib/kernel/errors.ts';
import { quote } from '../../lib/kernel/print.ts';
import type { OpContext } from '../../lib/model/op.ts';
import { sharedAbortController } from '../run/environment.ts';
import type { Clock } from './clock.ts';
import { StepOutputs, type StepScope } from './outputs.ts';
import { runBody } from './run-body.ts';

/** One execution of a step: what its body gets and what is checked of what it gives. */
export interface StepCall<Fixed> extends StepScope<Fixed> {
  readonly runId: string;
  readonly inputs: object;
  /** Aborted when the run is cancelled. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

/** How an execution ended. A cancelled one gave nothing, whatever its body did after that. */
export type StepEnd<Fixed> = { readonly outcome: 'succeeded'; readonly emitted: ReadonlyMap<string, Fixed> } | Unsuccessful;

type Unsuccessful = { readonly outcome: 'failed'; readonly error: StepError } | { readonly outcome: 'cancelled' };

const CANCELLED: Unsuccessful = Object.freeze({ outcome: 'cancelled' });

/** Executes a step once. Synchronous where the body is; whatever the body does, it neither throws nor rejects. */
export function executeStep<Fixed>(call: StepCall<Fixed>): StepEnd<Fixed> | Promise<StepEnd<Fixed>> {
  const { op, inputs, signal, step, runId, selectedOutputs } = call;
  const outputs = new StepOutputs(call);
  const limit = op.timeoutMs === undefined ? undefined : new TimeLimit(call, op.timeoutMs);
  const context: OpContext = Object.freeze({ selectedOutputs, signal: limit?.signal ?? signal, runId, step });
  const end = (): StepEnd<Fixed> => {
    if (signal.aborted) return CANCELLED;
    const late = limit?.error;
    return late === undefined ? { outcome: 'succeeded', emitted: outputs.complete() } : { outcome: 'failed', error: late };
  };
  try {
    const later = runBody({ op, inputs, context, outputs });
    if (later === undefined) return finish(end(), limit);
    const ended = later.then(end).catch((error: unknown) => failed(error, signal));
    const first = limit === undefined ? ended : Promise.race([ended, limit.expired]);
    return first.then((result) => {
      outputs.close();
      return finish(result, limit);
    });
  } catch (error) {
    limit?.clear();
    return failed(error, signal);
  }
}

function finish<End>(end: End, limit: TimeLimit | undefined): End {
  limit?.clear();
  return end;
}

function failed(error: unknown, signal: AbortSignal): Unsuccessful {
  if (signal.aborted) return CANCELLED;
  // The border to the user's code lets StepErrors out alone; anything else is a bug of ours and must not pass for the user's.
  if (!(error instanceof StepError)) throw error;
  return { outcome: 'failed', error };
}

/** `timeoutMs`: fails the step and aborts the signal that its body sees; a body that goes on is left to itself. */
class TimeLimit {
  readonly expired: Promise<Unsuccessful>;
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

  constructor({ step, signal, clock }: Pick<StepCall<unknown>, 'step' | 'signal' | 'clock'>, ms: number) {
    this.#runSignal = signal;
    signal.addEventListener('abort', this.#forward, { once: true });
    let expire: (end: Unsuccessful) => void = () => undefined;
    this.expired = new Promise((resolve) => (expire = resolve));
    const started = clock.now();
    const expired = (): StepError => {
      const error = new StepError(
        'STEP_TIMEOUT',
        `Step ${quote(step)} took longer than its timeoutMs of ${ms}. Make it faster, split it, or raise "timeoutMs".`,
        { details: { step, timeoutMs: ms } },
      );
      this.#controller.abort(error);
      return error;
    };
    this.#stopTimer = clock.timer(ms, () => {
      this.#error ??= expired();
      expire({ outcome: 'failed', error: this.#error });
    });
    // A body that blocks the event loop keeps the timer from firing: it is held to its limit when it has ended.
    this.#check = () => {
      if (clock.now() - started > ms) this.#error ??= expired();
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
