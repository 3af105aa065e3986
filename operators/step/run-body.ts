import { isObservable, of, type Observable } from 'rxjs';
import { kindOf } from '../../lib/kernel/print.ts';
import { isThenable } from '../../lib/kernel/thenable.ts';
import { isEmission } from '../../lib/model/emission.ts';
import { isRecord } from '../../lib/kernel/record.ts';
import { guard, refused, takeEmission, threw, type BodyCall } from './body-call.ts';
import { observe } from './observe.ts';
import { runKeyed } from './run-keyed.ts';

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
    const given = guard(call, () => look(operator(of(inputs), context)));
    if (given.form === 'observable') return observe(call, given.value);
    throw refused(call, `its "operator" returned ${kindOf(given.value)}`, 'Return an Observable: frames.pipe(…).');
  }
  if (op.body.form === 'keyed') {
    runKeyed(call, op.body);
    return undefined;
  }
  const { run } = op.body;
  return settle(
    call,
    guard(call, () => look(run(inputs, context))),
  );
}

/** What a body gave, by its form. */
type Given =
  | { readonly form: 'promise'; readonly value: PromiseLike<unknown> }
  | { readonly form: 'generator'; readonly value: Generator }
  | { readonly form: 'async generator'; readonly value: AsyncGenerator }
  | { readonly form: 'observable'; readonly value: Observable<unknown> }
  | { readonly form: 'emission' | 'plain'; readonly value: unknown };

/** Looks at what a body gave. All that this reads may be the user's getters and Proxies, so it is only called behind the guard. */
function look(value: unknown): Given {
  if (typeof value !== 'object' || value === null) return { form: 'plain', value };
  if (isThenable(value)) return { form: 'promise', value };
  if (isGenerator(value)) return { form: 'generator', value };
  if (isAsyncGenerator(value)) return { form: 'async generator', value };
  if (isObservable(value)) return { form: 'observable', value };
  return { form: isEmission(value) ? 'emission' : 'plain', value };
}

function settle(call: BodyCall, given: Given): Promise<void> | undefined {
  switch (given.form) {
    case 'promise':
      return settleLater(call, given.value);
    case 'generator':
      return iterate(call, given.value);
    case 'async generator':
      return iterateLater(call, given.value);
    case 'observable':
      refuseWithoutOutputs(call, 'an Observable');
      return observe(call, given.value);
    default:
      settlePlain(call, given);
      return undefined;
  }
}

async function settleLater(call: BodyCall, promise: PromiseLike<unknown>): Promise<void> {
  let given: Given;
  try {
    given = look(await promise);
  } catch (error) {
    throw threw(call, error);
  }
  if (given.form !== 'plain' && given.form !== 'emission') {
    throw refused(call, 'it returned a promise of emissions', 'Return the generator or the Observable itself, not a promise of it.');
  }
  settlePlain(call, given);
}

function settlePlain(call: BodyCall, { form, value }: Given): void {
  if (form === 'emission') {
    throw call.op.declaresOutputs
      ? refused(call, 'it returned an emission', 'Yield it from a generator, or return a record: { output: value }.')
      : refused(call, 'it returned an emission, and the op declares no outputs', 'Return the value itself.');
  }
  if (call.op.declaresOutputs) takeRecord(call, value);
  else if (value === undefined) call.outputs.takeNone();
  else call.outputs.take('result', value);
}

function takeRecord(call: BodyCall, given: unknown): void {
  // A promise of nothing, or a body that had nothing to say: what is required will be found missing.
  if (given === undefined) return;
  const record = guard(call, () => (isRecord(given) ? Object.entries(given) : undefined));
  if (record === undefined) {
    const kind = kindOf(given);
    throw refused(
      call,
      `it returned ${kind === 'an object' ? 'an instance of a class' : kind}`,
      'Return a record of output to value, or emissions.',
    );
  }
  for (const [output, value] of record) call.outputs.take(output, value);
}

function iterate(call: BodyCall, emissions: Generator): undefined {
  refuseWithoutOutputs(call, 'a generator');
  // A for…of would hide the generator's return value, which is most often an emission that was meant to be yielded.
  for (;;) {
    const { value, done } = guard(call, () => readResult(emissions.next()));
    if (done) {
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

async function iterateLater(call: BodyCall, emissions: AsyncGenerator): Promise<void> {
  refuseWithoutOutputs(call, 'an async generator');
  const { signal } = call.context;
  const leave = (): void => close(emissions);
  if (signal.aborted) leave();
  signal.addEventListener('abort', leave, { once: true });
  try {
    for (;;) {
      const { value, done } = await nextOf(call, emissions);
      if (done) return refuseReturned(call, value);
      takeEmission(call, value);
    }
  } catch (error) {
    leave();
    throw error;
  } finally {
    signal.removeEventListener('abort', leave);
  }
}

async function nextOf(call: BodyCall, emissions: AsyncGenerator): Promise<{ readonly value: unknown; readonly done: boolean }> {
  try {
    return readResult(await emissions.next());
  } catch (error) {
    throw threw(call, error);
  }
}

/** Read behind the guard: only what generators of the language give is known to be a result. */
function readResult({ value, done }: IteratorResult<unknown, unknown>): { readonly value: unknown; readonly done: boolean } {
  return { value, done: done === true };
}

/** Lets a generator's finally blocks run; what they throw, now or later, would hide why it is closed. */
function close(emissions: Generator | AsyncGenerator): void {
  try {
    Promise.resolve(emissions.return(undefined)).catch(() => undefined);
  } catch {
    return;
  }
}

function refuseReturned(call: BodyCall, value: unknown): void {
  if (value === undefined) return;
  const what = guard(call, () => (isEmission(value) ? 'an emission' : kindOf(value)));
  throw refused(call, `its generator returned ${what}`, 'Yield what it should emit, and return nothing.');
}

function refuseWithoutOutputs(call: BodyCall, what: string): void {
  if (!call.op.declaresOutputs)
    throw refused(call, `it returned ${what}, and the op declares no outputs`, 'Declare "outputs" to emit, or return the value itself.');
}

function isGenerator(value: object): value is Generator {
  return Object.prototype.toString.call(value) === '[object Generator]';
}

function isAsyncGenerator(value: object): value is AsyncGenerator {
  return Object.prototype.toString.call(value) === '[object AsyncGenerator]';
}
