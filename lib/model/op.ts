import type { Observable } from 'rxjs';
import { DefinitionError } from '../kernel/errors.ts';
import { isClass, kindOf, printValue } from '../kernel/print.ts';
import { invocable, type InvocationResult, type Invocable, type WiringArguments } from './composition.ts';
import type { Emission } from './emission.ts';
import { checkName } from './name.ts';
import { checkOptions, optionalString, type Fields } from './options.ts';
import {
  checkPorts,
  output,
  type Inputs,
  type InputRecord,
  type NoInputs,
  type OutputPort,
  type OutputRecord,
  type Outputs,
  type ValueOf,
} from './port.ts';
import type { BodyMistake, Unfit, WithoutOutputs } from './refused.ts';

/** What a body may ask of the run that it is part of. */
export interface OpContext<Output extends string = string> {
  /** The outputs that this run needs. Emitting another one is allowed, and goes nowhere by default (X7). */
  readonly selectedOutputs: ReadonlySet<Output>;
  /** Aborted when the run is cancelled or the op's own `timeoutMs` is over. What is emitted after that is dropped. */
  readonly signal: AbortSignal;
  readonly runId: string;
  /** The step's id: its path, after `definition:` where more than one definition has steps. */
  readonly step: string;
}

/** The emissions that a body with these outputs may make. */
export type EmissionOf<O extends Outputs> = { [K in keyof O & string]: Emission<K, ValueOf<O[K]>> }[keyof O & string];

/** Keeps emissions apart from records, so that yielding an undeclared output is a compile error. */
interface NotEmissions {
  readonly [Symbol.iterator]?: never;
  readonly [Symbol.asyncIterator]?: never;
  readonly subscribe?: never;
}

/** What the body of an op with declared outputs returns: a record, a promise of one, or emissions. */
export type BodyResult<O extends Outputs> =
  | (OutputRecord<O> & NotEmissions)
  | Promise<OutputRecord<O>>
  | Generator<EmissionOf<O>, void, unknown>
  | AsyncGenerator<EmissionOf<O>, void, unknown>
  | Observable<EmissionOf<O>>;

/** The one output of an op that declares none. */
export interface ResultOutput<T> {
  readonly [name: string]: OutputPort<T, true>;
  readonly result: OutputPort<T, true>;
}

interface OpBasics<I extends Inputs> {
  readonly name: string;
  readonly description?: string;
  readonly inputs?: I;
  /** Changes when the body's meaning changes. Without one, what the op made is trusted only while the definitions live (F6). */
  readonly codeVersion?: string;
  /** The longest an execution may take, in milliseconds; then the step fails with STEP_TIMEOUT. */
  readonly timeoutMs?: number;
}

type Emitting<E = unknown> = Generator<E, unknown, never> | AsyncGenerator<E, unknown, never> | Observable<E>;

/** Emissions are never values: an op without outputs cannot return them. */
export type PlainResult<T> = Extract<T, Emitting> extends never ? unknown : WithoutOutputs;

/** The body of an op, as the runtime calls it. */
export type OpBody =
  | { readonly form: 'run'; readonly run: (inputs: object, context: OpContext) => unknown }
  | { readonly form: 'operator'; readonly operator: (frames: Observable<object>, context: OpContext) => Observable<unknown> };

/** An op as definitions and plans know it. */
export interface AnyOp extends Invocable {
  readonly kind: 'op';
  readonly description: string | undefined;
  readonly codeVersion: string | undefined;
  readonly timeoutMs: number | undefined;
  readonly outputs: Outputs;
  /** True where outputs were declared, even one: the body then returns a record or emissions. */
  readonly declaresOutputs: boolean;
  readonly body: OpBody;
}

declare const opTypes: unique symbol;

/** An op: call it in a graph's body to place it there. */
export interface Op<I extends Inputs, O extends Outputs, Single extends boolean> extends AnyOp {
  (...wiring: WiringArguments<I>): InvocationResult<O, Single>;
  /** The same op under a name of its own in this graph (D4). */
  as(name: string): (...wiring: WiringArguments<I>) => InvocationResult<O, Single>;
  readonly [opTypes]?: { readonly inputs: I; readonly outputs: O; readonly single: Single };
}

/** An op without declared outputs, whose body gives a `T`. */
export type SingleOp<I extends Inputs, T> = Op<I, ResultOutput<T>, true>;

/** The body of an op with one result: returns the value, or a promise of it. */
export interface SingleBody<I extends Inputs, T> {
  readonly outputs?: never;
  readonly operator?: never;
  run(inputs: InputRecord<I>, context: OpContext<'result'>): T | Promise<T>;
}

/** The body of an op with one result, as an RxJS operator. */
export interface SingleOperator<I extends Inputs, T> {
  readonly outputs?: never;
  readonly run?: never;
  /** Gets one frame of inputs a subscription and emits the value; keeps nothing between subscriptions. */
  operator(frames: Observable<InputRecord<I>>, context: OpContext<'result'>): Observable<T>;
}

interface MultiBody<I extends Inputs, O extends Outputs> {
  readonly outputs: O;
  readonly operator?: never;
  run(inputs: InputRecord<I>, context: OpContext<keyof O & string>): BodyResult<O>;
}

interface MultiOperator<I extends Inputs, O extends Outputs> {
  readonly outputs: O;
  readonly run?: never;
  /** Gets one frame of inputs a subscription and emits `emit(output, value)`; keeps nothing between subscriptions. */
  operator(frames: Observable<InputRecord<I>>, context: OpContext<keyof O & string>): Observable<EmissionOf<O>>;
}

interface MistakenBody<I extends Inputs, O extends Outputs | undefined, R> {
  readonly outputs?: O;
  readonly operator?: never;
  run(inputs: InputRecord<I>, context: OpContext<NamesOf<O>>): R & BodyMistake<O, GivenBy<R>>;
}

interface MistakenOperator<I extends Inputs, O extends Outputs | undefined, E> {
  readonly outputs?: O;
  readonly run?: never;
  operator(frames: Observable<InputRecord<I>>, context: OpContext<NamesOf<O>>): Observable<E> & BodyMistake<O, { readonly emits: E }>;
}

type GivenBy<R> =
  R extends Emitting<infer E>
    ? { readonly emits: E }
    : Awaited<R> extends Emitting
      ? { readonly emitsLater: true }
      : { readonly returns: Awaited<R> };

type NamesOf<O> = O extends Outputs ? keyof O & string : 'result';

/** What `op` takes, whatever its form. */
type AnyOpDefinition = OpBasics<Inputs> & { readonly outputs?: Outputs; readonly run?: unknown; readonly operator?: unknown };

const OP_FIELDS: Fields<AnyOpDefinition> = {
  name: true,
  inputs: true,
  outputs: true,
  run: true,
  operator: true,
  codeVersion: true,
  timeoutMs: true,
  description: true,
};

/**
 * Defines a computation with named inputs and outputs. Without `outputs` the body returns the value itself; with `outputs` it returns a
 * record, a promise of one, a generator of `emit(…)`, an async one, or an Observable of them. Or the op is an RxJS operator.
 *
 * @throws DefinitionError INVALID_NAME, INVALID_DEFINITION
 */
export function op<const I extends Inputs = NoInputs, T = unknown>(
  definition: OpBasics<I> & (SingleBody<I, T> | SingleOperator<I, T>) & PlainResult<T>,
): SingleOp<I, T>;
export function op<const I extends Inputs = NoInputs, const O extends Outputs = Outputs>(
  definition: OpBasics<I> & (MultiBody<I, O> | MultiOperator<I, O>),
): Op<I, O, false>;
// Nothing fits this one: it is there for what the compiler prints, which is about the last overload.
export function op<const I extends Inputs = NoInputs, const O extends Outputs | undefined = undefined, R = unknown, E = unknown>(
  definition: OpBasics<I> & (MistakenBody<I, O, R> | MistakenOperator<I, O, E>) & Unfit,
): O extends Outputs ? Op<I, O, false> : SingleOp<I, Awaited<R>>;
export function op(definition: AnyOpDefinition): AnyOp {
  checkOptions(definition, OP_FIELDS, 'op()');
  checkName('op', definition.name, 'in op()');
  const where = `op "${definition.name}"`;
  const outputs = definition.outputs === undefined ? { result: output() } : checkPorts('output', definition.outputs, where);
  if (Object.keys(outputs).length === 0) {
    throw new DefinitionError(
      'INVALID_DEFINITION',
      `${where} declares an empty "outputs". Leave it out for one result, or name at least one.`,
    );
  }
  const noun: Omit<AnyOp, 'name'> = {
    kind: 'op',
    description: optionalString(definition.description, 'description', where),
    codeVersion: optionalString(definition.codeVersion, 'codeVersion', where),
    timeoutMs: checkTimeout(definition.timeoutMs, where),
    inputs: checkPorts('input', definition.inputs, where),
    outputs: Object.freeze(outputs),
    outputNames: Object.freeze(Object.keys(outputs)),
    single: definition.outputs === undefined,
    declaresOutputs: definition.outputs !== undefined,
    body: checkBody(definition, where),
  };
  return invocable(definition.name, noun);
}

function checkBody(definition: { readonly run?: unknown; readonly operator?: unknown }, where: string): OpBody {
  const { run, operator } = definition;
  if (run !== undefined && operator !== undefined) {
    throw new DefinitionError('INVALID_DEFINITION', `${where} has both "run" and "operator". Keep one of them.`);
  }
  if (isClass(run) || isClass(operator)) {
    throw new DefinitionError(
      'INVALID_DEFINITION',
      `${where} has a class as its body, which nobody can call. Give a function that makes an instance.`,
    );
  }
  if (typeof run === 'function') {
    // The types of inputs and context were checked by the public signature; the runtime passes what the op declared.
    return Object.freeze({ form: 'run', run: run.bind(definition) as Extract<OpBody, { form: 'run' }>['run'] });
  }
  if (typeof operator === 'function') {
    // As above: the public signature has checked it.
    return Object.freeze({ form: 'operator', operator: operator.bind(definition) as Extract<OpBody, { form: 'operator' }>['operator'] });
  }
  throw new DefinitionError(
    'INVALID_DEFINITION',
    `${where} has no body: ${operator === undefined ? `"run" is ${kindOf(run)}` : `"operator" is ${kindOf(operator)}`}. Give "run", a function, or "operator", an RxJS operator.`,
  );
}

function checkTimeout(value: unknown, where: string): number | undefined {
  if (value === undefined || (typeof value === 'number' && value > 0 && value < 2 ** 31)) return value;
  throw new DefinitionError(
    'INVALID_DEFINITION',
    `${where}: "timeoutMs" is ${printValue(value)}. Give milliseconds above 0 and below 2^31, or leave it out.`,
  );
}

/** Whether a value is an op, for checks of what JavaScript users pass. */
export function isOp(value: unknown): value is AnyOp {
  return typeof value === 'function' && Reflect.get(value, 'kind') === 'op';
}
