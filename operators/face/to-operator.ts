import type { OperatorFunction } from 'rxjs';
import { SelectionError } from '../../lib/kernel/errors.ts';
import { frozenSet } from '../../lib/kernel/frozen-collections.ts';
import { suggest } from '../../lib/kernel/nearest.ts';
import { kindOf, quote } from '../../lib/kernel/print.ts';
import { isGraph, type AnyGraph, type Graph, type Returned } from '../../lib/model/graph.ts';
import type { OutputNames } from '../../lib/model/assets-from-graph.ts';
import type { Handle } from '../../lib/model/handle.ts';
import { CHECKED_LATER, checkVerbOptions } from '../../lib/kernel/verb-options.ts';
import { isOp, type AnyOp, type Op } from '../../lib/model/op.ts';
import type { InputPort, InputRecord, Inputs, Outputs, ValueOf } from '../../lib/model/port.ts';
import type { EpochOf } from './epoch-of.ts';
import { graphEpoch } from './graph-epoch.ts';
import { inOrder } from './in-order.ts';
import { opEpoch } from './op-epoch.ts';

/** The inputs of a graph as a frame carries them: one value an input, also for a list, since each stands for one asset. */
export type GraphFrame<I extends Inputs> = { readonly [K in keyof I]: I[K] extends InputPort<infer T> ? T : never };

/** What comes out for a graph: its outputs by name, those that have a value. */
export type GraphRecord<R> = {
  readonly [K in OutputNames<R>]?: R extends Handle<infer T> ? T : K extends keyof R ? (R[K] extends Handle<infer T> ? T : never) : never;
};

/** Which outputs the operator asks for; all of them by default. */
export interface OperatorOptions<Output extends string> {
  readonly select?: readonly Output[];
}

/**
 * An op or a graph as an RxJS operator for anyone's `pipe`. Each item is one frame of inputs and one epoch, in order, one at a time; out
 * comes a record of the outputs that have a value. Nothing is recorded. A failing step errors the stream with its StepError.
 *
 *     frames   --{x: 1}-------{x: 2}--|
 *     output   ----{y: 2}-------{y: 3}|
 *
 * Items that arrive while an epoch runs wait without bound, as with every RxJS operator: put backpressure in front.
 *
 * @throws SelectionError INVALID_OPTION, INVALID_SELECTION, UNKNOWN_ASSET
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
  checkVerbOptions('toOperator', options, { select: CHECKED_LATER });
  const selected = readSelect(target, options.select);
  const epoch: EpochOf = isOp(target) ? opEpoch(target, selected) : graphEpoch(target, selected);
  return inOrder(epoch);
}

function readSelect(target: AnyOp | AnyGraph, select: readonly string[] | undefined): ReadonlySet<string> {
  if (select === undefined) return frozenSet(target.outputNames);
  if (!Array.isArray(select))
    throw new SelectionError(
      'INVALID_SELECTION',
      `toOperator(${quote(target.name)}): "select" is ${kindOf(select)}. Give a list of output names.`,
    );
  for (const output of select) {
    if (!target.outputNames.includes(output)) {
      throw new SelectionError(
        'UNKNOWN_ASSET',
        `${target.kind} ${quote(target.name)} has no output ${quote(String(output))}. ${suggest(String(output), target.outputNames)}`,
        {
          details: { output },
        },
      );
    }
  }
  return frozenSet(select);
}
