import { SelectionError } from '../../lib/kernel/errors.ts';
import { kindOf } from '../../lib/kernel/print.ts';
import { CHECKED_LATER, checkVerbOptions, RULES, type OptionRules } from '../../lib/kernel/verb-options.ts';
import type { OutputNames } from '../../lib/model/assets-from-graph.ts';
import { isGraph, type Graph, type Returned } from '../../lib/model/graph.ts';
import type { Handle } from '../../lib/model/handle.ts';
import type { FedRecord, Inputs } from '../../lib/model/port.ts';
import type { PlanOptions } from '../../lib/plan/plan.ts';
import { RUN_RULES } from '../run/options.ts';
import type { StepEvent } from '../run/step-events.ts';
import type { Clock } from '../step/clock.ts';
import { runFrame } from './frame-promise.ts';
import { Frames } from './frames.ts';
import type { StepState } from './frame-states.ts';
import { readInputs, readSelect } from './read-frame.ts';
import type { GraphRecord } from './to-operator.ts';

/** What {@link runGraph} takes beside the graph and its inputs. */
export interface RunGraphOptions<Output extends string> extends Pick<PlanOptions<unknown>, 'config' | 'resources' | 'pools'> {
  /** The outputs that are asked for; all of them by default. */
  readonly select?: readonly Output[];
  /** Cancels when it is aborted. */
  readonly signal?: AbortSignal;
  /** Time and chance, for tests that should take none. */
  readonly clock?: Clock;
  /** Told of what steps tell while they run: starts, retries, discarded outputs, log lines. */
  readonly onEvent?: (event: StepEvent) => void;
  /** The states that steps start from, by their paths; the initial state of its op for each step that is not in it. */
  readonly state?: Readonly<Record<string, object>>;
  /** Told what each step left that keeps state, when it has succeeded. */
  readonly onState?: (state: StepState) => void;
}

/** What a graph gives: the value of its one output, or a record of the outputs that have a value. */
export type GraphOutcome<R> = R extends Handle<infer T> ? T | undefined : GraphRecord<R>;

type InputArguments<I extends Inputs> = Record<never, never> extends FedRecord<I> ? [inputs?: FedRecord<I>] : [inputs: FedRecord<I>];

const RUN_GRAPH_RULES: OptionRules<RunGraphOptions<string>> = {
  select: CHECKED_LATER,
  config: CHECKED_LATER,
  resources: CHECKED_LATER,
  pools: CHECKED_LATER,
  signal: RUN_RULES.signal,
  clock: RUN_RULES.clock,
  onEvent: RULES.function,
  state: CHECKED_LATER,
  onState: RULES.function,
};

/**
 * Runs a graph that backs no asset, and records nothing: values in, values out. A list input takes an array of entries.
 *
 * Rejects with the first StepError, with a SelectionError for what cannot be planned, or with the signal's reason where it is aborted.
 */
export function runGraph<Name extends string, I extends Inputs, R extends Returned>(
  target: Graph<Name, I, R>,
  ...given: [...InputArguments<I>, options?: RunGraphOptions<OutputNames<R>>]
): Promise<GraphOutcome<R>>;
export async function runGraph(target: unknown, inputs?: unknown, options: RunGraphOptions<string> = {}): Promise<unknown> {
  if (!isGraph(target)) throw new SelectionError('INVALID_OPTION', `runGraph() takes a graph first, and got ${kindOf(target)}.`);
  checkVerbOptions('runGraph', options, RUN_GRAPH_RULES);
  const { select, signal, ...planning } = options;
  const frames = new Frames(target, {
    ...planning,
    select: readSelect('runGraph', target, select),
    lists: 'entries',
    waitsForBodies: true,
  });
  const outputs = await runFrame(frames, readInputs('runGraph', target, inputs), signal);
  return target.single ? outputs['result'] : outputs;
}
