import type { Observable } from 'rxjs';
import type { Flow } from '../delta/flow.ts';
import type { Key } from '../kernel/keyed/key.ts';
import type { Schema, SchemaInput, SchemaOutput } from '../kernel/schema.ts';
import type { Codec } from './codec.ts';
import type { OpContext } from './context.ts';
import type { Emission } from './emission.ts';
import type { KeyedContext } from './keyed-body.ts';
import type { InputFlows, OutputFlows } from './keyed-port.ts';
import type { InputRecord, Inputs, OutputPort, OutputRecord, Outputs, TakenBy } from './port.ts';
import type { BodyMistake, Refused, WithoutOutputs } from './refused.ts';
import type { Held, Needs } from './resource.ts';
import type { StateContext } from './state.ts';

/** The emissions that a body with these outputs may make. */
export type EmissionOf<O extends Outputs> = { [K in keyof O & string]: Emission<K, TakenBy<O[K]>> }[keyof O & string];

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

type Emitting<E = unknown> = Generator<E, unknown, never> | AsyncGenerator<E, unknown, never> | Observable<E>;

/** Emissions are never values: an op without outputs cannot return them. */
export type PlainResult<T> = Extract<T, Emitting> extends never ? unknown : WithoutOutputs;

/** What a config schema makes of what a run is given; `undefined` without one. */
export type ConfigOf<C> = C extends Schema ? SchemaOutput<C> : undefined;

/** What a body is called with: its inputs, and the run that it is part of. */
export type BodyParameters<I extends Inputs, Output extends string, C, N extends Needs, M = undefined> = [
  inputs: InputRecord<I>,
  context: OpContext<Output, ConfigOf<C>, Held<N>> & StateContext<M>,
];

/** What an operator is called with: one frame of inputs a subscription, and the run. */
export type OperatorParameters<I extends Inputs, Output extends string, C, N extends Needs, M = undefined> = [
  frames: Observable<InputRecord<I>>,
  context: OpContext<Output, ConfigOf<C>, Held<N>> & StateContext<M>,
];

/** The body of an op with one result: returns the value, or a promise of it. */
export interface SingleBody<I extends Inputs, T, C = undefined, N extends Needs = Needs, M = undefined> {
  readonly outputs?: never;
  readonly result?: never;
  readonly codec?: Codec<T>;
  readonly operator?: never;
  run(...parameters: BodyParameters<I, 'result', C, N, M>): T | Promise<T>;
}

/** The body of an op with one result, as an RxJS operator. */
export interface SingleOperator<I extends Inputs, T, C = undefined, N extends Needs = Needs, M = undefined> {
  readonly outputs?: never;
  readonly result?: never;
  readonly codec?: Codec<T>;
  readonly run?: never;
  /** Gets one frame of inputs a subscription and emits the value; keeps nothing between subscriptions. */
  operator(...parameters: OperatorParameters<I, 'result', C, N, M>): Observable<T>;
}

/** The body of an op with one result that a schema checks: what flows is what the schema makes of it. */
export interface CheckedBody<I extends Inputs, S extends Schema, C = undefined, N extends Needs = Needs, M = undefined> {
  readonly outputs?: never;
  readonly result: S;
  readonly codec?: Codec<SchemaOutput<S>>;
  readonly operator?: never;
  run(...parameters: BodyParameters<I, 'result', C, N, M>): SchemaInput<S> | Promise<SchemaInput<S>>;
}

/** The same, as an RxJS operator. */
export interface CheckedOperator<I extends Inputs, S extends Schema, C = undefined, N extends Needs = Needs, M = undefined> {
  readonly outputs?: never;
  readonly result: S;
  readonly codec?: Codec<SchemaOutput<S>>;
  readonly run?: never;
  /** Gets one frame of inputs a subscription and emits the value; keeps nothing between subscriptions. */
  operator(...parameters: OperatorParameters<I, 'result', C, N, M>): Observable<SchemaInput<S>>;
}

/** The body of an op with declared outputs. */
export interface MultiBody<I extends Inputs, O extends Outputs, C, N extends Needs, M = undefined> {
  readonly outputs: O;
  readonly result?: never;
  readonly codec?: never;
  readonly operator?: never;
  run(...parameters: BodyParameters<I, keyof O & string, C, N, M>): BodyResult<O>;
}

/** The body of an op with declared outputs, as an RxJS operator. */
export interface MultiOperator<I extends Inputs, O extends Outputs, C, N extends Needs, M = undefined> {
  readonly outputs: O;
  readonly result?: never;
  readonly codec?: never;
  readonly run?: never;
  /** Gets one frame of inputs a subscription and emits `emit(output, value)`; keeps nothing between subscriptions. */
  operator(...parameters: OperatorParameters<I, keyof O & string, C, N, M>): Observable<EmissionOf<O>>;
}

/** The body of an op with one result that follows changes of keyed rows. */
export interface SingleKeyedBody<I extends Inputs, K extends Key, V, C = undefined> {
  readonly outputs?: never;
  readonly result?: never;
  readonly codec?: never;
  readonly run?: never;
  readonly operator?: never;
  /** Writes the flow from the inputs to the result. Called when the op is defined, or with each config. */
  keyed(flows: InputFlows<I>, context: KeyedContext<ConfigOf<C>>): Flow<K, V>;
}

/** The body of an op with declared outputs that follows changes of keyed rows. */
export interface MultiKeyedBody<I extends Inputs, O extends Outputs, C = undefined> {
  readonly outputs: O;
  readonly result?: never;
  readonly codec?: never;
  readonly run?: never;
  readonly operator?: never;
  /** Writes a flow for each output. Called when the op is defined, or with each config. */
  keyed(flows: InputFlows<I>, context: KeyedContext<ConfigOf<C>>): OutputFlows<O>;
}

/** Any body that follows changes, for the message about what is wrong with it. */
export interface MistakenKeyedBody<I extends Inputs, O extends Outputs | undefined, C> {
  readonly outputs?: O;
  readonly result?: never;
  readonly codec?: never;
  readonly run?: never;
  readonly operator?: never;
  keyed(flows: InputFlows<I>, context: KeyedContext<ConfigOf<C>>): O extends Outputs ? OutputFlows<O> : Flow<Key, unknown>;
}

/** Any body, for the message about what is wrong with it. */
export interface MistakenBody<
  I extends Inputs,
  O extends Outputs | undefined,
  S extends Schema | undefined,
  R,
  C,
  N extends Needs,
  M = undefined,
> {
  readonly outputs?: O;
  readonly result?: S;
  readonly codec?: Codec;
  readonly operator?: never;
  run(...parameters: BodyParameters<I, NamesOf<O>, C, N, M>): R & BodyMistake<O, GivenBy<R>> & ResultMistake<S, Awaited<R>>;
}

/** Any operator, for the message about what is wrong with it. */
export interface MistakenOperator<
  I extends Inputs,
  O extends Outputs | undefined,
  S extends Schema | undefined,
  E,
  C,
  N extends Needs,
  M = undefined,
> {
  readonly outputs?: O;
  readonly result?: S;
  readonly codec?: Codec;
  readonly run?: never;
  operator(
    ...parameters: OperatorParameters<I, NamesOf<O>, C, N, M>
  ): Observable<E> & BodyMistake<O, { readonly emits: E }> & ResultMistake<S, E>;
}

/** A body whose result a schema checks gives what that schema takes. */
type ResultMistake<S, R> = S extends Schema
  ? R extends SchemaInput<S>
    ? unknown
    : Refused<'The schema of "result" takes another type than what the body gives.'>
  : unknown;

type GivenBy<R> =
  R extends Emitting<infer E>
    ? { readonly emits: E }
    : Awaited<R> extends Emitting
      ? { readonly emitsLater: true }
      : { readonly returns: Awaited<R> };

type NamesOf<O> = O extends Outputs ? keyof O & string : 'result';
