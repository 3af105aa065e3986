import { concatMap, defer, firstValueFrom, from, of, retry, throwError, type Observable } from 'rxjs';
import { StepError } from '../../lib/kernel/errors.ts';
import { copiesOf } from '../../lib/kernel/value/copies.ts';
import { attemptStep, unsuccessful, type AttemptEnd, type AttemptScope } from './attempt.ts';
import { checkInputs, type BodyInputs } from './check-inputs.ts';
import { retryDelay } from './retry-delay.ts';

/** An attempt failed, and another one follows after a wait. */
export interface Retrying {
  /** The number of the attempt that failed, from 1. */
  readonly attempt: number;
  readonly error: StepError;
  readonly delayMs: number;
}

/** One execution of a step: what its body gets and what is checked of what it gives. */
export interface StepCall<Fixed> extends AttemptScope<Fixed> {
  readonly inputs: BodyInputs;
  /** Waits before the next attempt, while others run. Resolves early where the run is cancelled. */
  readonly pause: (ms: number) => Promise<void>;
  /** Told of each attempt that failed and is not the last one. */
  readonly onRetry: (retrying: Retrying) => void;
  /** What a failure tells beside what went wrong. */
  readonly facts: () => Readonly<Record<string, unknown>>;
}

/** How an execution ended, after how many attempts. */
export type StepEnd<Fixed> = AttemptEnd<Fixed> & { readonly attempts: number };

/**
 * Executes a step: checks its inputs, and tries its body until it succeeds or has failed for good. Synchronous where everything in it is;
 * neither throws nor rejects, whatever the body does.
 */
export function executeStep<Fixed>(call: StepCall<Fixed>): StepEnd<Fixed> | Promise<StepEnd<Fixed>> {
  const refuse = (error: unknown): StepEnd<Fixed> => finish(call, unsuccessful(error, call.signal), { made: 0, earlier: [] });
  try {
    const checked = call.inBody(() => checkInputs(call, call.inputs));
    if (!(checked instanceof Promise)) return attempts(call, checked);
    return checked.then((inputs) => attempts(call, inputs), refuse);
  } catch (error) {
    return refuse(error);
  }
}

function attempts<Fixed>(call: StepCall<Fixed>, inputs: BodyInputs): StepEnd<Fixed> | Promise<StepEnd<Fixed>> {
  // Before the first body can change what cannot be frozen.
  const again = call.op.retry === undefined ? () => inputs : copiesOf(inputs);
  // None where the run was cancelled before it.
  const made = call.signal.aborted ? 0 : 1;
  const first = attemptStep(call, { attempt: 1, inputs });
  const next = (end: AttemptEnd<Fixed>): StepEnd<Fixed> | Promise<StepEnd<Fixed>> => {
    const judged = judge(call, end, 1);
    return 'delayMs' in judged ? new Retries(call, again, judged).end() : finish(call, judged.end, { made, earlier: [] });
  };
  return first instanceof Promise ? first.then(next) : next(first);
}

/** An attempt that failed, with how long to wait for the next one. */
interface Again {
  readonly error: StepError;
  readonly delayMs: number;
}

/** Whether an attempt was the last one; then its end, which is another failure where the policy itself failed. */
function judge<Fixed>(call: StepCall<Fixed>, end: AttemptEnd<Fixed>, attempt: number): Again | { readonly end: AttemptEnd<Fixed> } {
  if (end.outcome !== 'failed') return { end };
  try {
    const delayMs = retryDelay(call, { error: end.error, attempt }, call.clock.random);
    if (delayMs === undefined) return { end };
    // Cancelled since it failed: nobody is told of another attempt that will not come.
    return call.signal.aborted ? { end: unsuccessful(end.error, call.signal) } : { error: end.error, delayMs };
  } catch (error) {
    return { end: unsuccessful(error, call.signal) };
  }
}

/** Every attempt after the first. */
class Retries<Fixed> {
  readonly #call: StepCall<Fixed>;
  readonly #inputs: () => BodyInputs;
  readonly #first: Again;
  /** What the attempts that were not the last one failed with, in words: errors may hold on to a lot. */
  readonly #earlier = new Earlier();
  /** How many attempts there were so far. One that a cancel came before is none. */
  #made = 1;

  constructor(call: StepCall<Fixed>, inputs: () => BodyInputs, first: Again) {
    this.#call = call;
    this.#inputs = inputs;
    this.#first = first;
  }

  /** The end of the last attempt. */
  end(): Promise<StepEnd<Fixed>> {
    const attempt = defer(() => from(Promise.resolve(this.#attempt()))).pipe(
      concatMap((end) => {
        const judged = judge(this.#call, end, this.#earlier.count + 1);
        return 'delayMs' in judged ? throwError(() => new FailedAttempt(judged)) : of(judged.end);
      }),
    );
    const last = this.#wait(this.#first).pipe(
      concatMap(() => attempt.pipe(retry({ delay: (failed: unknown) => this.#waitAfter(failed) }))),
    );
    return firstValueFrom(last).then((end) => finish(this.#call, end, { made: this.#made, earlier: this.#earlier.said }));
  }

  #attempt(): AttemptEnd<Fixed> | Promise<AttemptEnd<Fixed>> {
    if (!this.#call.signal.aborted) this.#made += 1;
    return attemptStep(this.#call, { attempt: this.#earlier.count + 1, inputs: this.#inputs() });
  }

  #waitAfter(failed: unknown): Observable<void> {
    // A bug of ours is no failed attempt: it goes on as it is.
    if (!(failed instanceof FailedAttempt)) throw failed;
    return this.#wait(failed.again);
  }

  #wait({ error, delayMs }: Again): Observable<void> {
    this.#earlier.add(error);
    // Whoever is told may cancel, and then nobody waits: the next attempt sees that.
    this.#call.onRetry({ attempt: this.#earlier.count, error, delayMs });
    return defer(() => from(this.#call.pause(delayMs)));
  }
}

const KEPT = 5;

/** The first and the last few failures of many. */
class Earlier {
  readonly #first: string[] = [];
  readonly #last: string[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  get said(): readonly string[] {
    const leftOut = this.#count - this.#first.length - this.#last.length;
    return leftOut === 0 ? [...this.#first, ...this.#last] : [...this.#first, `… ${leftOut} more`, ...this.#last];
  }

  add({ code, message }: StepError): void {
    this.#count += 1;
    const said = `${code}: ${message}`;
    if (this.#first.length < KEPT) this.#first.push(said);
    else if (this.#last.push(said) > KEPT) this.#last.shift();
  }
}

/** Carries a failure through rxjs's error channel, where bugs of ours may come along too. */
class FailedAttempt {
  readonly again: Again;

  constructor(again: Again) {
    this.again = again;
  }
}

/** The attempts of a step that is over: how many, and what those before the last one failed with. */
interface Attempts {
  readonly made: number;
  readonly earlier: readonly string[];
}

/** The end of a step, with the facts that a failure tells: where it was, which attempt, and what went wrong in those before. */
function finish<Fixed>(call: StepCall<Fixed>, end: AttemptEnd<Fixed>, { made, earlier }: Attempts): StepEnd<Fixed> {
  // Field by field, since this is made once a step.
  if (end.outcome === 'succeeded' && end.state === undefined) return { outcome: 'succeeded', emitted: end.emitted, attempts: made };
  if (end.outcome === 'succeeded') return { attempts: made, ...end };
  if (end.outcome === 'cancelled') return { outcome: 'cancelled', attempts: made };
  const { code, message, details, cause } = end.error;
  const all = { ...call.facts(), ...details, ...(made > 0 && { attempt: made }), ...(earlier.length > 0 && { earlier }) };
  return {
    outcome: 'failed',
    error: new StepError(code, message, { details: all, ...(cause !== undefined && { cause }) }),
    attempts: made,
  };
}
