import { StepError } from '../../lib/kernel/errors.ts';
import { kindOf, quote } from '../../lib/kernel/print.ts';
import { isEmission } from '../../lib/model/emission.ts';
import type { OpContext } from '../../lib/model/context.ts';
import type { AnyOp } from '../../lib/model/op.ts';
import type { MemoryOf } from './keyed-memory.ts';
import type { OutputSink } from './outputs.ts';
import { readThrown } from '../../lib/kernel/thrown.ts';
import { dropOwnFrames } from './thrown.ts';

/** One execution of a body: what it gets, and where its emissions go. */
export interface BodyCall {
  readonly op: AnyOp;
  readonly inputs: object;
  readonly context: OpContext;
  readonly outputs: OutputSink;
  /** What is known of the last run, for a body that follows changes; none where nothing is to be remembered. */
  readonly memory?: MemoryOf | undefined;
}

/** The border to the user's code: what it throws becomes the cause of a StepError, also where it is one of another run. */
export function guard<T>(call: BodyCall, userCode: () => T): T {
  try {
    return userCode();
  } catch (error) {
    throw threw(call, error);
  }
}

/** The StepError around what the user's code threw. */
export function threw({ op, context }: BodyCall, error: unknown): StepError {
  dropOwnFrames(error);
  const at = context.attempt > 1 ? ` at attempt ${context.attempt}` : '';
  return new StepError('OP_THREW', `Step ${quote(context.step)} failed${at}: ${readThrown(error).said}`, {
    details: { step: context.step, op: op.name },
    cause: error,
  });
}

/** The StepError for a body that gives what none may give. */
export function refused({ op, context }: BodyCall, problem: string, cure: string): StepError {
  return new StepError('OP_BODY', `The body of op "${op.name}" gave what no body may give: ${problem}. ${cure}`, {
    details: { step: context.step, op: op.name, problem },
  });
}

/**
 * Hands one emission of a body with declared outputs on.
 *
 * @throws StepError OP_BODY where it is none, and whatever the outputs refuse
 */
export function takeEmission(call: BodyCall, value: unknown): void {
  const emission = guard(call, () => (isEmission(value) ? { ...value } : undefined));
  if (emission === undefined) throw refused(call, `it emitted ${kindOf(value)}`, 'Emit with emit(output, value).');
  call.outputs.take(emission.output, emission.value, emission);
}

/**
 * Hands one value of a body without declared outputs on.
 *
 * @throws StepError OP_BODY where it is an emission, and whatever the outputs refuse
 */
export function takeValue(call: BodyCall, value: unknown): void {
  if (guard(call, () => isEmission(value)))
    throw refused(call, 'an emission, and the op declares no outputs', 'Give the value itself, or declare "outputs" to emit.');
  call.outputs.take('result', value);
}
