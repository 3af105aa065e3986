import type { Emission } from './emission.ts';
import type { OutputPort, Outputs, TakenBy } from './port.ts';

/** Says why something is refused, where the compiler prints the type that it wanted. */
export interface Refused<Sentence extends string> {
  readonly refused: Sentence;
}

/** What an op without outputs is told that emits. */
export type WithoutOutputs = Refused<'An op without "outputs" returns its value. Declare outputs to emit.'>;

declare const unfit: unique symbol;

/** What no definition has: the last overload of `op` wants it, so that nothing ever fits that one. */
export interface Unfit {
  readonly [unfit]: Refused<'This op fits no form of op(): see the options and their types.'>;
}

/** What a body gives, as far as its mistakes go: emissions of `E`, a promise of emissions, or a value that is awaited. */
export type Given = { readonly emits: unknown } | { readonly emitsLater: true } | { readonly returns: unknown };

/**
 * What a body did wrong, in a sentence that names it, or `unknown` where it did nothing wrong. For the last overload of `op`, so it is
 * printed only where an op is refused already.
 */
export type BodyMistake<O, G extends Given> = OrNone<
  O extends Outputs
    ? G extends { readonly emits: infer E }
      ? EmissionMistake<O, E>
      : G extends { readonly returns: infer R }
        ? RecordMistake<O, R>
        : Refused<'A body returns its generator or Observable itself, not a promise of it.'>
    : G extends { readonly returns: unknown }
      ? never
      : WithoutOutputs
>;

type OrNone<Mistake> = [Mistake] extends [never] ? unknown : Mistake;

type EmissionMistake<O extends Outputs, E> =
  E extends Emission<infer Name, unknown>
    ? Name extends keyof O & string
      ? E extends Emission<Name, TakenBy<O[Name]>>
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

type Unknown<O, R> = Exclude<keyof R, keyof O> & string;
type Missing<O, R> = { [K in keyof O]: O[K] extends OutputPort<unknown, true> ? (K extends keyof R ? never : K) : never }[keyof O] & string;
type Mistyped<O, R> = { [K in keyof O & keyof R]: R[K] extends TakenBy<O[K]> | undefined ? never : K }[keyof O & keyof R] & string;
