import { isObservable, of, Subscription, type Observable } from 'rxjs';
import { StepError } from '../../lib/kernel/errors.ts';
import { kindOf, printValue, quote } from '../../lib/kernel/print.ts';
import { isEmission } from '../../lib/model/emission.ts';
import type { AnyOp, OpContext } from '../../lib/model/op.ts';
import type { StepOutputs } from './outputs.ts';

/** One execution of a body: what it gets, and where its emissions go. */
export interface BodyCall {
  readonly op: AnyOp;
  readonly inputs: object;
  readonly context: OpContext;
  readonly outputs: StepOutputs;
}

/**
 * Runs a body in whichever form it is written and feeds its emissions to `outputs`. Returns nothing where the body completed
 * synchronously (so a plain function costs no promise and no Observable), else a promise of its completion.
 *
 * Throws, or rejects with, StepError alone: OP_THREW around what the user's code threw, OP_BODY where a body gives what none may give, and
 * whatever the outputs refuse.
 */
export function runBody(call: BodyCall): Promise<void> | undefined {
  const { op, inputs, context } = call;
  if (op.body.form === 'operator') {
    const { operator } = op.body;
    const emitted: unknown = guard(call, () => operator(of(inputs), context));
    if (!isObservable(emitted)) throw refused(call, `its "operator" returned ${kindOf(emitted)}`, 'Return an Observable: frames.pipe(…).');
    return observe(call, emitted);
  }
  const { run } = op.body;
  const returned = guard(call, () => run(inputs, context));
  return guard(call, () => isThenable(returned)) ? settleLater(call, returned) : settle(call, returned);
}

async function settleLater(call: BodyCall, promise: unknown): Promise<void> {
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    throw threw(call, error);
  }
  if (isGenerator(value) || isAsyncGenerator(value) || isObservable(value)) {
    throw refused(call, 'it returned a promise of emissions', 'Return the generator or the Observable itself, not a promise of it.');
  }
  settlePlain(call, value);
}

function settle(call: BodyCall, returned: unknown): Promise<void> | undefined {
  if (isGenerator(returned)) return iterate(call, returned);
  if (isAsyncGenerator(returned)) return iterateLater(call, returned);
  if (isObservable(returned)) {
    refuseWithoutOutputs(call, 'an Observable');
    return observe(call, returned);
  }
  settlePlain(call, returned);
  return undefined;
}

function settlePlain(call: BodyCall, returned: unknown): void {
  if (call.op.declaresOutputs) takeRecord(call, returned);
  else call.outputs.takeResult(returned);
}

function takeRecord(call: BodyCall, record: unknown): void {
  if (isEmission(record))
    throw refused(call, 'it returned an emission', 'Yield it from a generator, or return a record: { output: value }.');
  const plain = typeof record === 'object' && record !== null && !Array.isArray(record);
  if (!plain && record !== undefined)
    throw refused(call, `it returned ${kindOf(record)}`, 'Return a record of output to value, or emissions.');
  for (const [output, value] of guard(call, () => Object.entries(record ?? {}))) call.outputs.take(output, value);
}

function iterate(call: BodyCall, emissions: Generator): undefined {
  refuseWithoutOutputs(call, 'a generator');
  // A for…of would hide the generator's return value, which is most often an emission that was meant to be yielded.
  for (;;) {
    const { value, done } = guard(call, () => emissions.next());
    if (done === true) {
      refuseReturned(call, value);
      return undefined;
    }
    try {
      takeEmission(call, value);
    } catch (error) {
      close(emissions);
      throw error;
    }
  }
}

/** Lets a generator's finally blocks run; what they throw would hide why it is closed. */
function close(emissions: Generator): void {
  try {
    emissions.return(undefined);
  } catch {
    return;
  }
}

async function iterateLater(call: BodyCall, emissions: AsyncGenerator): Promise<void> {
  refuseWithoutOutputs(call, 'an async generator');
  const { signal } = call.context;
  const leave = (): void => void emissions.return(undefined).catch(() => undefined);
  signal.addEventListener('abort', leave, { once: true });
  try {
    for (;;) {
      const { value, done } = await nextOf(call, emissions);
      if (done === true) return refuseReturned(call, value);
      takeEmission(call, value);
    }
  } catch (error) {
    leave();
    throw error;
  } finally {
    signal.removeEventListener('abort', leave);
  }
}

async function nextOf(call: BodyCall, emissions: AsyncGenerator): Promise<IteratorResult<unknown, unknown>> {
  try {
    return await emissions.next();
  } catch (error) {
    throw threw(call, error);
  }
}

/** The border to the user's code: what it throws becomes the cause of a StepError. */
function guard<T>(call: BodyCall, userCode: () => T): T {
  try {
    return userCode();
  } catch (error) {
    throw threw(call, error);
  }
}

function threw({ op, context }: BodyCall, error: unknown): StepError {
  const said = error instanceof Error ? error.message : `it threw ${printValue(error)}, which is no Error`;
  return new StepError('OP_THREW', `Step ${quote(context.step)} failed: ${said}`, {
    details: { step: context.step, op: op.name },
    cause: error,
  });
}

/** Subscribes; an Observable that is done synchronously costs no promise. Aborting unsubscribes and counts as completion. */
function observe(call: BodyCall, emissions: Observable<unknown>): Promise<void> | undefined {
  const observer = new BodyObserver(call);
  observer.watch(emissions);
  return observer.completion();
}

/** Feeds one Observable to the outputs. Only rxjs's own are known to end once and be silent afterwards, so it sees to that itself. */
class BodyObserver {
  readonly #call: BodyCall;
  readonly #subscription = new Subscription();
  #results = 0;
  #done = false;
  #failure: { readonly error: unknown } | undefined;
  #wake: () => void = () => undefined;

  constructor(call: BodyCall) {
    this.#call = call;
  }

  watch(emissions: Observable<unknown>): void {
    const { signal } = this.#call.context;
    const leave = (): void => this.#end();
    signal.addEventListener('abort', leave, { once: true });
    this.#subscription.add(() => signal.removeEventListener('abort', leave));
    this.#subscription.add(
      emissions.subscribe({
        next: (value) => this.#take(value),
        error: (error: unknown) => this.#end({ error: threw(this.#call, error) }),
        complete: () => this.#end(),
      }),
    );
  }

  completion(): Promise<void> | undefined {
    if (!this.#done) return new Promise<void>((resolve) => (this.#wake = resolve)).then(() => this.#finish());
    this.#finish();
    return undefined;
  }

  #take(value: unknown): void {
    if (this.#done) return;
    const { op, outputs } = this.#call;
    try {
      if (op.declaresOutputs) takeEmission(this.#call, value);
      else outputs.take('result', value);
      if (value !== undefined) this.#results += 1;
    } catch (error) {
      this.#end({ error });
    }
  }

  #end(failure?: { readonly error: unknown }): void {
    if (this.#done) return;
    this.#done = true;
    this.#failure = failure;
    this.#subscription.unsubscribe();
    this.#wake();
  }

  #finish(): void {
    const { op, outputs } = this.#call;
    if (this.#failure !== undefined) throw this.#failure.error;
    if (!op.declaresOutputs && this.#results === 0) outputs.takeResult(undefined);
  }
}

function takeEmission(call: BodyCall, value: unknown): void {
  if (!isEmission(value)) throw refused(call, `it emitted ${kindOf(value)}`, 'Emit with emit(output, value).');
  call.outputs.take(value.output, value.value, value.metadata);
}

function refuseReturned(call: BodyCall, value: unknown): void {
  if (value !== undefined)
    throw refused(
      call,
      `its generator returned ${isEmission(value) ? 'an emission' : kindOf(value)}`,
      'Yield what it should emit, and return nothing.',
    );
}

function refuseWithoutOutputs(call: BodyCall, what: string): void {
  if (!call.op.declaresOutputs)
    throw refused(call, `it returned ${what}, and the op declares no outputs`, 'Declare "outputs" to emit, or return the value itself.');
}

function refused({ op, context }: BodyCall, problem: string, cure: string): StepError {
  return new StepError('OP_BODY', `The body of op "${op.name}" gave what no body may give: ${problem}. ${cure}`, {
    details: { step: context.step, op: op.name, problem: quote(problem) },
  });
}

function isThenable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && typeof Reflect.get(value, 'then') === 'function';
}

function isGenerator(value: unknown): value is Generator {
  return Object.prototype.toString.call(value) === '[object Generator]';
}

function isAsyncGenerator(value: unknown): value is AsyncGenerator {
  return Object.prototype.toString.call(value) === '[object AsyncGenerator]';
}
