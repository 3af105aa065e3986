import { SelectionError } from '../../lib/kernel/errors.ts';
import { suggest } from '../../lib/kernel/nearest.ts';
import { kindOf, quote, quoteList } from '../../lib/kernel/print.ts';
import { isRecord } from '../../lib/kernel/record.ts';
import type { Schema, SchemaInput } from '../../lib/kernel/schema.ts';
import { CHECKED_LATER, checkVerbOptions, RULES, type OptionRules } from '../../lib/kernel/verb-options.ts';
import type { ResultOutput } from '../../lib/model/op-forms.ts';
import { isOp, type AnyOp, type Op } from '../../lib/model/op.ts';
import type { FedRecord, Inputs, Outputs, ValueOf } from '../../lib/model/port.ts';
import type { Held, Needs, Provision, Resource } from '../../lib/model/resource.ts';
import { RUN_RULES } from '../run/options.ts';
import type { StepEvent } from '../run/step-events.ts';
import type { Clock } from '../step/clock.ts';
import { runFrame } from './frame-promise.ts';
import { Frames, type TakenEmission } from './frames.ts';
import { asGraph } from './op-graph.ts';
import { readInputs, readSelect } from './read-frame.ts';

/** What {@link testOp} takes whatever the op. */
export interface AnyTestOptions {
  /** Cancels the test when it is aborted. */
  readonly signal?: AbortSignal;
  /** Time and chance, for tests that should take none. */
  readonly clock?: Clock;
  /** Told of what the step tells while it runs: starts, retries, discarded outputs, log lines. */
  readonly onEvent?: (event: StepEvent) => void;
  /** Told of each emission that was asked for, with its metadata and version. */
  readonly onEmission?: (emission: TakenEmission) => void;
}

/** What a test of an op that keeps state takes beside. */
interface StateOptions<M> {
  /** The state that it starts from; the op's initial one by default. */
  readonly state?: NoInfer<M>;
  /** Told the state that it leaves, when it has succeeded. */
  readonly onState?: (state: NoInfer<M>) => void;
}

/** What {@link testOp} takes for one op: required is what the op cannot run without. */
export type TestOptions<I extends Inputs, O extends Outputs, C, N extends Needs, M = undefined> = AnyTestOptions & {
  /** The outputs that are asked for; all of them by default. */
  readonly select?: readonly OutputName<O>[];
  /** The op's config, as a run would be given it. */
  readonly config?: C extends Schema ? SchemaInput<C> : never;
} & Needed<'inputs', FedRecord<I>> &
  Needed<'resources', Held<N>> &
  ([M] extends [undefined] ? { readonly state?: never; readonly onState?: never } : StateOptions<M>);

/** A field that may be left out where nothing in it is required. */
type Needed<Field extends string, Values> =
  Record<never, never> extends Values ? { readonly [K in Field]?: Values } : { readonly [K in Field]: Values };

/** An op without declared outputs has one, whatever its type says of names. */
type OutputName<O extends Outputs> = string extends keyof O ? (O extends ResultOutput<unknown> ? 'result' : string) : keyof O & string;

type TestArguments<Options> = Record<never, never> extends Options ? [options?: Options] : [options: Options];

/** What an op gives: the value of its one result, or a record of the outputs that have a value. */
export type OpOutcome<O extends Outputs, Single extends boolean> = Single extends true
  ? ValueOf<O[keyof O]>
  : { readonly [K in keyof O]?: ValueOf<O[K]> };

const TEST_RULES: OptionRules<AnyTestOptions & Record<'inputs' | 'select' | 'config' | 'resources' | 'state' | 'onState', unknown>> = {
  inputs: CHECKED_LATER,
  select: CHECKED_LATER,
  config: CHECKED_LATER,
  resources: CHECKED_LATER,
  signal: RUN_RULES.signal,
  clock: RUN_RULES.clock,
  onEvent: RULES.function,
  onEmission: RULES.function,
  state: CHECKED_LATER,
  onState: RULES.function,
};

/**
 * Runs one op as a function: with its gate, its checks, its schemas and its retries, without a graph and without a store. Resources are
 * given as values, and stay yours.
 *
 * Rejects with the StepError that the step fails with, with SelectionError INVALID_OPTION, INVALID_SELECTION, UNKNOWN_ASSET, INVALID_CONFIG
 * or MISSING_RESOURCE for what cannot run, or with the signal's reason where it is aborted.
 */
export async function testOp<I extends Inputs, O extends Outputs, Single extends boolean, C, N extends Needs, M>(
  target: Op<I, O, Single, C, N, M>,
  ...given: TestArguments<TestOptions<I, O, C, N, M>>
): Promise<OpOutcome<O, Single>> {
  if (!isOp(target)) throw new SelectionError('INVALID_OPTION', `testOp() takes an op first, and got ${kindOf(target)}.`);
  const [options = {}] = given;
  checkVerbOptions('testOp', options, TEST_RULES);
  // Its fields are checked one by one: the types of a caller's options are of no help in here.
  const { inputs, select, config, resources, clock, signal, onEvent, onEmission, state, onState }: Untyped = options;
  const frames = new Frames(asGraph(target), {
    select: readSelect('testOp', target, select),
    resources: readResources(target, resources),
    lists: 'entries',
    waitsForBodies: true,
    ...(config !== undefined && { config: { ops: { [target.name]: config } } }),
    // One step has every pool to itself.
    ...(target.pool !== undefined && { pools: { [target.pool]: 1 } }),
    clock,
    onEvent,
    onEmission,
    ...(state !== undefined && { state: { [target.name]: state } }),
    ...(onState !== undefined && { onState: (left) => onState(left.state) }),
  });
  const outputs = await runFrame(frames, readInputs('testOp', target, inputs), signal);
  // What the op's declared outputs carry, by their names.
  return (target.single ? outputs['result'] : outputs) as OpOutcome<O, Single>;
}

type Untyped = AnyTestOptions & {
  readonly inputs?: unknown;
  readonly select?: unknown;
  readonly config?: unknown;
  readonly resources?: unknown;
  readonly state?: unknown;
  readonly onState?: (state: unknown) => void;
};

function readResources({ name, resources }: AnyOp, given: unknown = {}): readonly Provision[] {
  if (!isRecord(given)) {
    const names = quoteList(Object.keys(resources));
    throw new SelectionError(
      'INVALID_OPTION',
      `testOp(${quote(name)}): "resources" is ${kindOf(given)}. Give a record of values for ${names}.`,
    );
  }
  const unknown = Object.keys(given).find((own) => !Object.hasOwn(resources, own));
  if (unknown !== undefined) {
    const hint = suggest(unknown, Object.keys(resources));
    throw new SelectionError('INVALID_OPTION', `Op ${quote(name)} has no resource ${quote(unknown)}. ${hint}`, {
      details: { op: name, resource: unknown },
    });
  }
  const missing = Object.keys(resources).filter((own) => !Object.hasOwn(given, own));
  if (missing.length > 0) {
    throw new SelectionError(
      'MISSING_RESOURCE',
      `testOp(${quote(name)}) needs ${quoteList(missing)} in "resources", and got nothing for it. Give a value that stands in for it.`,
      { details: { op: name, missing } },
    );
  }
  return provide(name, resources, given);
}

/** A body may call one resource by several names. */
function provide(name: string, resources: Needs, given: Readonly<Record<string, unknown>>): readonly Provision[] {
  const values = new Map<Resource, unknown>();
  for (const [own, needed] of Object.entries(resources)) {
    if (values.has(needed) && !Object.is(values.get(needed), given[own])) {
      throw new SelectionError(
        'INVALID_OPTION',
        `testOp(${quote(name)}): ${quote(own)} in "resources" is the resource ${quote(needed.name)} under another name. Give the same value for both.`,
        { details: { op: name, resource: own } },
      );
    }
    values.set(needed, given[own]);
  }
  return [...values].map(([needed, value]) => needed.value(value));
}
