import type { OperatorFunction } from 'rxjs';
import { SelectionError } from '../../lib/kernel/errors.ts';
import { kindOf } from '../../lib/kernel/print.ts';
import { isGraph, type Graph, type Returned } from '../../lib/model/graph.ts';
import type { OutputNames } from '../../lib/model/assets-from-graph.ts';
import type { Handle } from '../../lib/model/handle.ts';
import { CHECKED_LATER, checkVerbOptions, RULES, type OptionRules } from '../../lib/kernel/verb-options.ts';
import { isOp, type Op } from '../../lib/model/op.ts';
import type { InputPort, InputRecord, Inputs, Outputs, ValueOf } from '../../lib/model/port.ts';
import type { PlanOptions } from '../../lib/plan/plan.ts';
import { RUN_RULES } from '../run/options.ts';
import type { StepEvent } from '../run/step-events.ts';
import type { Clock } from '../step/clock.ts';
import { Frames } from './frames.ts';
import { inOrder } from './in-order.ts';
import { asGraph } from './op-graph.ts';
import { readSelect } from './read-frame.ts';

/** The inputs of a graph as a frame carries them: one value an input, also for a list, since each stands for one asset. */
export type GraphFrame<I extends Inputs> = { readonly [K in keyof I]: I[K] extends InputPort<infer T> ? T : never };

/** What comes out for a graph: its outputs by name, those that have a value. */
export type GraphRecord<R> = {
  readonly [K in OutputNames<R>]?: R extends Handle<infer T> ? T : K extends keyof R ? (R[K] extends Handle<infer T> ? T : never) : never;
};

/** What an operator is made with. */
export interface OperatorOptions<Output extends string> extends Pick<PlanOptions<unknown>, 'config' | 'resources' | 'pools'> {
  /** The outputs that it asks for; all of them by default. */
  readonly select?: readonly Output[];
  /** Told of what steps tell while they run: starts, retries, discarded outputs, log lines. */
  readonly onEvent?: (event: StepEvent) => void;
  /** Time and chance, for tests that should take none. */
  readonly clock?: Clock;
}

const OPERATOR_RULES: OptionRules<OperatorOptions<string>> = {
  select: CHECKED_LATER,
  config: CHECKED_LATER,
  resources: CHECKED_LATER,
  pools: CHECKED_LATER,
  onEvent: RULES.function,
  clock: RUN_RULES.clock,
};

/**
 * An op or a graph as an RxJS operator for anyone's `pipe`. Each item is one frame of inputs and one epoch, in order, one at a time; out
 * comes a record of the outputs that have a value. Nothing is recorded. A failing step errors the stream with its StepError.
 *
 *     frames   --{x: 1}-------{x: 2}--|
 *     output   ----{y: 2}-------{y: 3}|
 *
 * Items that arrive while an epoch runs wait without bound, as with every RxJS operator: put backpressure in front. Resources are opened
 * once a subscription and disposed when it ends; where the source completes, the output does when they are disposed.
 *
 * @throws SelectionError INVALID_OPTION, INVALID_SELECTION, UNKNOWN_ASSET, INVALID_CONFIG, MISSING_RESOURCE, UNKNOWN_RESOURCE, UNKNOWN_POOL
 */
export function toOperator<I extends Inputs, O extends Outputs, Single extends boolean>(
  target: Op<I, O, Single>,
  options?: OperatorOptions<keyof O & string>,
): OperatorFunction<InputRecord<I>, { readonly [K in keyof O]?: ValueOf<O[K]> }>;
export function toOperator<Name extends string, I extends Inputs, R extends Returned>(
  target: Graph<Name, I, R>,
  options?: OperatorOptions<OutputNames<R>>,
): OperatorFunction<GraphFrame<I>, GraphRecord<R>>;
export function toOperator(
  target: unknown,
  options: OperatorOptions<string> = {},
): OperatorFunction<Readonly<Record<string, unknown>>, Readonly<Record<string, unknown>>> {
  if (!isOp(target) && !isGraph(target)) {
    throw new SelectionError('INVALID_OPTION', `toOperator() takes an op or a graph first, and got ${kindOf(target)}.`);
  }
  checkVerbOptions('toOperator', options, OPERATOR_RULES);
  const { select, ...given } = options;
  const lists = isOp(target) ? 'entries' : 'one';
  const prepare = (): Frames => new Frames(asGraph(target), { ...given, select: readSelect('toOperator', target, select), lists });
  // Now, and not only by the first who subscribes: what cannot be planned is refused where it is written.
  prepare();
  return inOrder(prepare);
}
