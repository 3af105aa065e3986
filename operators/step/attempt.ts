import { StepError } from '../../lib/kernel/errors.ts';
import type { StoreLimits } from '../../lib/events/store-port.ts';
import type { ResourceScope } from '../resources/resource-scope.ts';
import type { BodyCall } from './body-call.ts';
import { bodyContext } from './body-context.ts';
import type { BodyInputs } from './check-inputs.ts';
import type { Clock } from './clock.ts';
import type { MemoryOf } from './keyed-memory.ts';
import { StepOutputs, type StepScope } from './outputs.ts';
import { runBody } from './run-body.ts';
import { OpenState, type CommittedState, type StateEnd } from './state.ts';
import type { StepLine } from './step-log.ts';
import { TimeLimit } from './time-limit.ts';

/** What every attempt of a step has in common. */
export interface AttemptScope<Fixed> extends StepScope<Fixed> {
  readonly runId: string;
  /** The op's config, for one attempt. */
  readonly config: () => unknown;
  /** The state that each attempt starts from, where the op keeps one and one was committed. */
  readonly committed?: CommittedState | undefined;
  /** What the store takes that keeps the state. */
  readonly limits?: StoreLimits | undefined;
  /** What a body that follows changes knows of its last run. */
  readonly memory?: MemoryOf | undefined;
  readonly resources: ResourceScope;
  /** Aborted when the run is cancelled. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** The time limit of bodies that wait for something, where the op has none, in milliseconds. They are not told when it is over. */
  readonly timeoutMs?: number;
  /** Told when a body is about to start. */
  readonly onStart: (attempt: number) => void;
  /** Told of each line that a body logs while it runs. */
  readonly onLine: (attempt: number, line: StepLine) => void;
}

/** How an attempt ended. A cancelled one gave nothing, whatever its body did after that. */
export type AttemptEnd<Fixed> = Succeeded<Fixed> | Unsuccessful;

/** How an attempt ended that gave all that was asked for. */
interface Succeeded<Fixed> {
  readonly outcome: 'succeeded';
  readonly emitted: ReadonlyMap<string, Fixed>;
  /** Of an op that keeps state. */
  readonly state?: StateEnd;
}

/** How an attempt ended that gave nothing. */
export type Unsuccessful = { readonly outcome: 'failed'; readonly error: StepError } | { readonly outcome: 'cancelled' };

const CANCELLED: Unsuccessful = Object.freeze({ outcome: 'cancelled' });

/** Which attempt it is, from 1, and what its body is called with. */
export interface AttemptCall {
  readonly attempt: number;
  readonly inputs: BodyInputs;
}

/** Opens what the op needs and calls its body once. Synchronous where both are; neither throws nor rejects, whatever the body does. */
export function attemptStep<Fixed>(scope: AttemptScope<Fixed>, call: AttemptCall): AttemptEnd<Fixed> | Promise<AttemptEnd<Fixed>> {
  const { op, step, signal } = scope;
  if (signal.aborted) return CANCELLED;
  try {
    const taken = scope.inBody(() => scope.resources.take(op.resources, { id: step, op: op.name }));
    if (!(taken instanceof Promise)) return execute(scope, call, taken);
    return taken.then((opened) => execute(scope, call, opened)).catch((error: unknown) => unsuccessful(error, signal));
  } catch (error) {
    return unsuccessful(error, signal);
  }
}

function execute<Fixed>(
  scope: AttemptScope<Fixed>,
  { attempt, inputs }: AttemptCall,
  resources: Readonly<Record<string, unknown>>,
): AttemptEnd<Fixed> | Promise<AttemptEnd<Fixed>> {
  const { op, step, runId, selectedOutputs, config, signal } = scope;
  if (signal.aborted) return CANCELLED;
  scope.onStart(attempt);
  // Also where whoever was told of the start has cancelled: nothing more starts (X12).
  if (signal.aborted) return CANCELLED;
  const outputs = new StepOutputs(scope);
  const state = openState(scope);
  let limit = timeLimit(scope, op.timeoutMs, 'timeoutMs');
  let ended = false;
  const onLine = (line: StepLine): void => (ended ? undefined : scope.onLine(attempt, line));
  const context = bodyContext({
    selectedOutputs,
    signal: limit?.signal ?? signal,
    runId,
    step,
    attempt,
    config: config(),
    resources,
    outputs,
    onLine,
  });
  const finish = (end: AttemptEnd<Fixed>): AttemptEnd<Fixed> => {
    ended = true;
    outputs.close();
    limit?.clear();
    return closeState(state, end, signal);
  };
  const fail = (error: unknown): AttemptEnd<Fixed> => unsuccessful(outputs.refusal ?? error, signal);
  try {
    const later = scope.inBody(() => runBody(bodyCall({ op, inputs, context, outputs, memory: scope.memory }, state)));
    // Only now: most bodies take no time, and a signal of its own for each would cost more than they do.
    if (later !== undefined) limit ??= timeLimit(scope, scope.timeoutMs, 'stepTimeoutMs');
    const end = later === undefined ? complete(outputs, signal, limit) : later.then(() => complete(outputs, signal, limit));
    if (!(end instanceof Promise)) return finish(end);
    const failed = (error: unknown): AttemptEnd<Fixed> => finish(fail(error));
    const stopped = stoppersOf(scope, outputs, limit);
    if (stopped.length === 0) return end.then(finish, failed);
    // A body that goes on is left to itself: it is stopped at its next emission, or told by its signal.
    const first = Promise.race(stopped).then((error) => unsuccessful(error, signal));
    return Promise.race([end.catch(fail), first]).then(finish);
  } catch (error) {
    return finish(fail(error));
  }
}

function timeLimit(
  { step, signal, clock }: AttemptScope<unknown>,
  ms: number | undefined,
  by: 'timeoutMs' | 'stepTimeoutMs',
): TimeLimit | undefined {
  return ms === undefined ? undefined : new TimeLimit({ step, signal, clock, by }, ms);
}

/** What may end an attempt before its body does. */
function stoppersOf<Fixed>(
  { op }: AttemptScope<Fixed>,
  outputs: StepOutputs<Fixed>,
  limit: TimeLimit | undefined,
): readonly Promise<StepError>[] {
  return [...(op.checksOutputs ? [outputs.refused] : []), ...(limit === undefined ? [] : [limit.expired])];
}

function openState(scope: AttemptScope<unknown>): OpenState | undefined {
  return scope.op.state === undefined ? undefined : new OpenState(scope);
}

function bodyCall(call: BodyCall, state: OpenState | undefined): BodyCall {
  return state === undefined ? call : { ...call, context: state.context(call.context), outputs: state.sink(call.outputs) };
}

/** Only now, when nothing else can go wrong: what an attempt that gave nothing did to the state is gone with it. */
function closeState<Fixed>(state: OpenState | undefined, end: AttemptEnd<Fixed>, signal: AbortSignal): AttemptEnd<Fixed> {
  if (state === undefined) return end;
  if (end.outcome !== 'succeeded') {
    state.discard();
    return end;
  }
  try {
    return { state: state.commit(), ...end };
  } catch (error) {
    return unsuccessful(error, signal);
  }
}

function complete<Fixed>(
  outputs: StepOutputs<Fixed>,
  signal: AbortSignal,
  limit: TimeLimit | undefined,
): AttemptEnd<Fixed> | Promise<AttemptEnd<Fixed>> {
  if (signal.aborted) return CANCELLED;
  if (limit?.error !== undefined) return { outcome: 'failed', error: limit.error };
  if (outputs.refusal !== undefined) return { outcome: 'failed', error: outputs.refusal };
  const emitted = outputs.complete();
  if (!(emitted instanceof Promise)) return { outcome: 'succeeded', emitted };
  return emitted.then((done) => ended(done, signal, limit));
}

/** A schema may have taken what was left of the time. */
function ended<Fixed>(emitted: ReadonlyMap<string, Fixed>, signal: AbortSignal, limit: TimeLimit | undefined): AttemptEnd<Fixed> {
  if (signal.aborted) return CANCELLED;
  const late = limit?.error;
  return late === undefined ? { outcome: 'succeeded', emitted } : { outcome: 'failed', error: late };
}

/** What an attempt that gave nothing ended with. Only a StepError is a failure: anything else is a bug of ours, and not the user's. */
export function unsuccessful(error: unknown, signal: AbortSignal): Unsuccessful {
  if (signal.aborted) return CANCELLED;
  if (!(error instanceof StepError)) throw error;
  return { outcome: 'failed', error };
}
