import type { Observable } from 'rxjs';
import type { Emission } from './emission.ts';
import type { OutputPort, Outputs } from './port.ts';

/** Says why something is refused, where the compiler prints the type that it wanted. */
export interface Refused<Sentence extends string> {
  readonly refused: Sentence;
}

type Emitting<E = unknown> = Generator<E, unknown, never> | AsyncGenerator<E, unknown, never> | Observable<E>;

type WithoutOutputs = Refused<'An op without "outputs" returns its value. Declare outputs to emit.'>;

/** Emissions are never values: an op without outputs cannot return them. */
export type PlainResult<T> = Extract<T, Emitting> extends never ? unknown : WithoutOutputs;

declare const unfit: unique symbol;

/** What no definition has: the last overload of `op` wants it, so that nothing ever fits that one. */
export interface Unfit {
  readonly [unfit]: Refused<'This op fits no form of op(): see the options and their types.'>;
}

/**
 * What a body did wrong, in a sentence that names it, or `unknown` where it did nothing wrong. For the last overload of `op`, so it is
 * printed only where an op is refused already.
 */
export type BodyMistake<O, R> = OrNone<
  O extends Outputs
    ? R extends Emitting<infer E>
      ? EmissionMistake<O, E>
      : Awaited<R> extends Emitting
        ? Refused<'A body returns its generator or Observable itself, not a promise of it.'>
        : RecordMistake<O, Awaited<R>>
    : Awaited<R> extends Emitting
      ? WithoutOutputs
      : never
>;

type OrNone<Mistake> = [Mistake] extends [never] ? unknown : Mistake;

type EmissionMistake<O extends Outputs, E> =
  E extends Emission<infer Name, unknown>
    ? Name extends keyof O & string
      ? E extends Emission<Name, ValueIn<O[Name]>>
        ? never
        : Refused<`Output "${Name}" is declared with another type than what is emitted on it.`>
      : Refused<`This op declares no output "${Name}".`>
    : Refused<'What a body emits is made with emit(output, value).'>;

type RecordMistake<O extends Outputs, R> = R extends object
  ? Unknown<O, R> extends never
    ? Missing<O, R> extends never
      ? Mistyped<O, R> extends never
        ? never
        : Refused<`Output "${Mistyped<O, R>}" is declared with another type than what is returned for it.`>
      : Refused<`The required output "${Missing<O, R>}" is not in what the body returns.`>
    : Refused<`This op declares no output "${Unknown<O, R>}".`>
  : Refused<'A body of an op with "outputs" returns a record of output to value, or emissions.'>;

type ValueIn<Port> = Port extends OutputPort<infer T> ? T : never;
type Unknown<O, R> = Exclude<keyof R, keyof O> & string;
type Missing<O, R> = { [K in keyof O]: O[K] extends OutputPort<unknown, true> ? (K extends keyof R ? never : K) : never }[keyof O] & string;
type Mistyped<O, R> = { [K in keyof O & keyof R]: R[K] extends ValueIn<O[K]> | undefined ? never : K }[keyof O & keyof R] & string;
