import { DefinitionError } from '../kernel/errors.ts';
import { kindOf } from '../kernel/print.ts';
import { isRecord } from '../kernel/record.ts';
import { checkName } from './name.ts';
import { checkOptions, optionalFlag } from './options.ts';

declare const carries: unique symbol;

/** A value; a list of values from several outputs (fan-in); or nothing, which is order alone. */
export type InputKind = 'value' | 'list' | 'nothing';

/** A named place where values enter an op or a graph. `T` is what one entry carries; it exists for the compiler alone. */
export interface InputPort<T = unknown, Kind extends InputKind = InputKind, Optional extends boolean = boolean> {
  readonly port: 'input';
  readonly kind: Kind;
  readonly optional: Optional;
  readonly [carries]?: T;
}

/** A named place where values leave an op. `T` exists for the compiler alone. */
export interface OutputPort<T = unknown, Required extends boolean = boolean> {
  readonly port: 'output';
  readonly required: Required;
  /** The value passes by reference within a run, is never kept, and has a version of its own in every run (R6). */
  readonly transient: boolean;
  readonly [carries]?: T;
}

/** Inputs by name, in the order in which they were declared. */
export type Inputs = Readonly<Record<string, InputPort>>;

/** Outputs by name, in the order in which they were declared. */
export type Outputs = Readonly<Record<string, OutputPort>>;

/** No inputs: what is inferred where none are declared. */
export type NoInputs = Readonly<Record<never, never>>;

/** What an output carries. */
export type ValueOf<Port> = Port extends OutputPort<infer T> ? T : never;

/** A record with a value for every required output; optional ones may be left out. */
export type OutputRecord<O extends Outputs> = {
  readonly [K in keyof O as O[K] extends OutputPort<unknown, true> ? K : never]: ValueOf<O[K]>;
} & {
  readonly [K in keyof O as O[K] extends OutputPort<unknown, false> ? K : never]?: ValueOf<O[K]>;
};

/** What a body gets: a value or `undefined` per value input, an array per list, and no entry for a *nothing* input. */
export type InputRecord<I extends Inputs> = {
  readonly [K in keyof I as I[K] extends InputPort<unknown, 'nothing'> ? never : K]: I[K] extends InputPort<
    infer T,
    infer Kind,
    infer Optional
  >
    ? Kind extends 'list'
      ? readonly T[]
      : Optional extends true
        ? T | undefined
        : T
    : never;
};

/** Options of an input. */
export interface InputOptions {
  /** It may be left unfed, and an absent entry does not skip the op (X3). */
  readonly optional?: boolean;
}

/** Options of an output. */
export interface OutputOptions {
  /** Say so when the value cannot or should not be kept: see {@link OutputPort.transient}. */
  readonly transient?: boolean;
}

/** An input that takes one value; with `optional`, it may be left unfed or get an absent entry, and reads as `undefined`. */
export function input<T>(): InputPort<T, 'value', false>;
export function input<T>(options: { readonly optional: true }): InputPort<T, 'value', true>;
export function input<T>(options: InputOptions = {}): InputPort<T, 'value'> {
  return Object.freeze({ port: 'input', kind: 'value', optional: readFlag(options, 'optional', 'input()') });
}

/** A fan-in: takes any number of outputs and reads as an array in the order wired, absent entries dropped (X4). */
export function list<T>(): InputPort<T, 'list', false>;
export function list<T>(options: { readonly optional: true }): InputPort<T, 'list', true>;
export function list<T>(options: InputOptions = {}): InputPort<T, 'list'> {
  return Object.freeze({ port: 'input', kind: 'list', optional: readFlag(options, 'optional', 'list()') });
}

/** Order alone: the op waits for what is wired here and reads nothing of it. */
export function nothing(): InputPort<unknown, 'nothing', false>;
export function nothing(options: { readonly optional: true }): InputPort<unknown, 'nothing', true>;
export function nothing(options: InputOptions = {}): InputPort<unknown, 'nothing'> {
  return Object.freeze({ port: 'input', kind: 'nothing', optional: readFlag(options, 'optional', 'nothing()') });
}

/** An output that every execution must emit while something needs it (X6). */
export function output<T>(options: OutputOptions = {}): OutputPort<T, true> {
  return Object.freeze({ port: 'output', required: true, transient: readFlag(options, 'transient', 'output()') });
}

/** An output that an execution may leave out; readers then see it as absent (X3). */
export function optional<T>(options: OutputOptions = {}): OutputPort<T, false> {
  return Object.freeze({ port: 'output', required: false, transient: readFlag(options, 'transient', 'optional()') });
}

/** The one option that a port has. */
function readFlag(options: InputOptions & OutputOptions, option: 'optional' | 'transient', where: string): boolean {
  checkOptions(options, { [option]: true }, where);
  return optionalFlag(options[option], option, where);
}

/**
 * Copies declared ports into a frozen record, after checking names and values for JavaScript users.
 *
 * @throws DefinitionError INVALID_NAME, INVALID_DEFINITION
 */
export function checkPorts<Port extends InputPort | OutputPort>(
  side: Port['port'],
  ports: Readonly<Record<string, Port>> | undefined,
  where: string,
): Readonly<Record<string, Port>> {
  if (ports === undefined) return Object.freeze({});
  if (!isRecord(ports)) {
    throw new DefinitionError('INVALID_DEFINITION', `${where}: "${side}s" is ${kindOf(ports)}. Write a record of name to ${side}.`, {
      details: { where },
    });
  }
  for (const [name, port] of Object.entries<unknown>(ports)) {
    checkName(side, name, where);
    if (!isPort(side, port)) {
      throw new DefinitionError(
        'INVALID_DEFINITION',
        `${where}: ${side} "${name}" is ${kindOf(port)}. Make it with ${side === 'input' ? 'input(), list() or nothing()' : 'output() or optional()'}.`,
        { details: { where, name } },
      );
    }
  }
  return Object.freeze(Object.fromEntries(Object.entries(ports)));
}

/** Whether a value is a port of that side with everything that one has: something made by hand is most often a mistake. */
function isPort(side: 'input' | 'output', value: unknown): boolean {
  if (!isRecord(value) || value['port'] !== side) return false;
  const flags = side === 'input' ? [value['optional']] : [value['required'], value['transient']];
  const kinds: readonly unknown[] = ['value', 'list', 'nothing'];
  return flags.every((flag) => typeof flag === 'boolean') && (side === 'output' || kinds.includes(value['kind']));
}
