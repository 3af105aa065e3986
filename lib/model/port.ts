import { DefinitionError } from '../kernel/errors.ts';
import { kindOf, printValue } from '../kernel/print.ts';
import { isRecord } from '../kernel/record.ts';
import { isSchema, type Schema, type SchemaInput, type SchemaOutput } from '../kernel/schema.ts';
import { isCodec, optionalCodec, type Codec } from './codec.ts';
import { checkName } from './name.ts';
import { checkOptions, optionalFlag, type Fields } from './options.ts';

declare const carries: unique symbol;
declare const reads: unique symbol;
declare const takes: unique symbol;

/** A value; a list of values from several outputs (fan-in); or nothing, which is order alone. */
export type InputKind = 'value' | 'list' | 'nothing';

/**
 * A named place where values enter an op or a graph. `T` is what one entry carries, and `Read` what the body gets for it where a schema
 * makes something else of it (`unknown`: the same). Both exist for the compiler alone.
 */
export interface InputPort<T = unknown, Kind extends InputKind = InputKind, Optional extends boolean = boolean, Read = unknown> {
  readonly port: 'input';
  readonly kind: Kind;
  readonly optional: Optional;
  /** Where an entry has no value, the last one that it had is read instead (X3). */
  readonly hold: boolean;
  /** Checks each entry before the body gets it; what it makes of the entry is what the body gets. */
  readonly schema: Schema | undefined;
  readonly [carries]?: T;
  readonly [reads]?: Read;
}

/**
 * A named place where values leave an op. `T` is what readers get, and `Taken` what the body gives where a schema makes something else of
 * it (`unknown`: the same). Both exist for the compiler alone.
 */
export interface OutputPort<T = unknown, Required extends boolean = boolean, Taken = unknown> {
  readonly port: 'output';
  readonly required: Required;
  /** The value passes by reference within a run, is never kept, and has a version of its own in every run (R6). */
  readonly transient: boolean;
  /** `derived`: its data version is that of code, config and inputs, and not of the value (F5 never applies). */
  readonly version: 'derived' | undefined;
  /** Checks what the body gives; what it makes of it is what flows and is recorded. */
  readonly schema: Schema | undefined;
  /** How the value is stored, where it is not as plain data. */
  readonly codec: Codec | undefined;
  readonly [carries]?: T;
  readonly [takes]?: Taken;
}

/** Inputs by name, in the order in which they were declared. */
export type Inputs = Readonly<Record<string, InputPort>>;

/** Outputs by name, in the order in which they were declared. */
export type Outputs = Readonly<Record<string, OutputPort>>;

/** No inputs: what is inferred where none are declared. */
export type NoInputs = Readonly<Record<never, never>>;

/** What an output carries to its readers. */
export type ValueOf<Port> = Port extends OutputPort<infer T> ? T : never;

/** What a body gives on an output. */
export type TakenBy<Port> = Port extends OutputPort<infer T, boolean, infer Taken> ? OrSame<Taken, T> : never;

/** `unknown` stands for "the same as what is carried". */
type OrSame<Other, T> = unknown extends Other ? T : Other;

/** A record with a value for every required output; optional ones may be left out. */
export type OutputRecord<O extends Outputs> = {
  readonly [K in keyof O as O[K] extends OutputPort<unknown, true> ? K : never]: TakenBy<O[K]>;
} & {
  readonly [K in keyof O as O[K] extends OutputPort<unknown, false> ? K : never]?: TakenBy<O[K]>;
};

/** What a body gets: a value or `undefined` per value input, an array per list, and no entry for a *nothing* input. */
export type InputRecord<I extends Inputs> = {
  readonly [K in keyof I as I[K] extends InputPort<unknown, 'nothing'> ? never : K]: I[K] extends InputPort<
    infer T,
    infer Kind,
    infer Optional,
    infer Read
  >
    ? Entered<OrSame<Read, T>, Kind, Optional>
    : never;
};

/** The values to feed inputs with by hand: what {@link InputRecord} says, before any schema; optional ones may be left out. */
export type FedRecord<I extends Inputs> = {
  readonly [K in keyof I as I[K] extends InputPort<unknown, 'value' | 'list', false> ? K : never]: Fed<I[K]>;
} & {
  readonly [K in keyof I as I[K] extends InputPort<unknown, 'value' | 'list', true> ? K : never]?: Fed<I[K]>;
};

type Fed<Port> = Port extends InputPort<infer T, infer Kind, infer Optional> ? Entered<T, Kind, Optional> : never;

type Entered<T, Kind extends InputKind, Optional extends boolean> = Kind extends 'list'
  ? readonly T[]
  : Optional extends true
    ? T | undefined
    : T;

/** Options of an input. */
export interface InputOptions {
  /** It may be left unfed, and an absent entry does not skip the op (X3). */
  readonly optional?: boolean;
  /**
   * An entry that is absent, failed or blocked reads as the last value that it had, and never blocks the op. Before there was any, it is
   * absent. What the op gives depends on what came before, then: on a graph without a store nothing did.
   */
  readonly hold?: boolean;
}

interface RequiredInput extends InputOptions {
  readonly optional?: false;
}

interface OptionalInput extends InputOptions {
  readonly optional: true;
}

/** Options of an output of `T`. */
export interface OutputOptions<T = unknown> {
  /** Say so when the value cannot or should not be kept: see {@link OutputPort.transient}. */
  readonly transient?: boolean;
  /** How the value is stored, for what is no plain data or has bytes of its own. */
  readonly codec?: Codec<T>;
  /**
   * `derived`: the value is not looked at to know whether it changed; it counts as another one whenever code, config or inputs do. Where it is no
   * asset, it is not hashed, not encoded and not kept: a reader that runs has it made again. For large values between steps.
   */
  readonly version?: 'derived';
}

/**
 * An input that takes one value; with `optional`, it may be left unfed or get an absent entry, and reads as `undefined`; with `hold`, it reads
 * the last value where there is none. With a schema, the body gets what the schema makes of the value, also of one that was stored.
 *
 * @throws DefinitionError INVALID_DEFINITION
 */
export function input<T>(options?: RequiredInput): InputPort<T, 'value', false>;
export function input<T>(options: OptionalInput): InputPort<T, 'value', true>;
export function input<S extends Schema>(schema: S, options?: RequiredInput): InputPort<SchemaInput<S>, 'value', false, SchemaOutput<S>>;
export function input<S extends Schema>(schema: S, options: OptionalInput): InputPort<SchemaInput<S>, 'value', true, SchemaOutput<S>>;
export function input(...given: readonly unknown[]): InputPort<unknown, 'value'> {
  return inputPort('value', given, 'input()');
}

/**
 * A fan-in: takes any number of outputs and reads as an array in the order wired, absent entries dropped (X4). A schema is for one entry.
 *
 * @throws DefinitionError INVALID_DEFINITION
 */
export function list<T>(options?: RequiredInput): InputPort<T, 'list', false>;
export function list<T>(options: OptionalInput): InputPort<T, 'list', true>;
export function list<S extends Schema>(schema: S, options?: RequiredInput): InputPort<SchemaInput<S>, 'list', false, SchemaOutput<S>>;
export function list<S extends Schema>(schema: S, options: OptionalInput): InputPort<SchemaInput<S>, 'list', true, SchemaOutput<S>>;
export function list(...given: readonly unknown[]): InputPort<unknown, 'list'> {
  return inputPort('list', given, 'list()');
}

/** Order alone: the op waits for what is wired here and reads nothing of it. */
export function nothing(): InputPort<unknown, 'nothing', false>;
export function nothing(options: { readonly optional: true }): InputPort<unknown, 'nothing', true>;
export function nothing(options: Pick<InputOptions, 'optional'> = {}): InputPort<unknown, 'nothing'> {
  const { optional } = readFlags(options, NOTHING_FIELDS, 'nothing()');
  return Object.freeze({ port: 'input', kind: 'nothing', optional, hold: false, schema: undefined });
}

/**
 * An output that every execution must emit while something needs it (X6). With a schema, what flows is what the schema makes of the value;
 * with a codec, that is stored as the codec encodes it.
 *
 * @throws DefinitionError INVALID_DEFINITION
 */
export function output<T>(options?: OutputOptions<T>): OutputPort<T, true>;
export function output<S extends Schema>(
  schema: S,
  options?: OutputOptions<SchemaOutput<S>>,
): OutputPort<SchemaOutput<S>, true, SchemaInput<S>>;
export function output(...given: readonly unknown[]): OutputPort<unknown, true> {
  return outputPort(true, given, 'output()');
}

/**
 * An output that an execution may leave out; readers then see it as absent (X3).
 *
 * @throws DefinitionError INVALID_DEFINITION
 */
export function optional<T>(options?: OutputOptions<T>): OutputPort<T, false>;
export function optional<S extends Schema>(
  schema: S,
  options?: OutputOptions<SchemaOutput<S>>,
): OutputPort<SchemaOutput<S>, false, SchemaInput<S>>;
export function optional(...given: readonly unknown[]): OutputPort<unknown, false> {
  return outputPort(false, given, 'optional()');
}

function inputPort<Kind extends 'value' | 'list'>(kind: Kind, given: readonly unknown[], where: string): InputPort<unknown, Kind> {
  const { schema, options } = readPort(given);
  return Object.freeze({ port: 'input', kind, ...readFlags(options, INPUT_FIELDS, where), schema });
}

function outputPort<Required extends boolean>(required: Required, given: readonly unknown[], where: string): OutputPort<unknown, Required> {
  const { schema, options } = readPort(given);
  checkOptions(options, OUTPUT_FIELDS, where);
  const { transient: flag, codec: encoding, version: of } = isRecord(options) ? options : NO_OPTIONS;
  const transient = optionalFlag(flag, 'transient', where);
  const codec = optionalCodec(encoding, where);
  if (transient && codec !== undefined) {
    throw new DefinitionError(
      'INVALID_DEFINITION',
      `${where} is transient, so nothing of it is stored, and has a codec to store it with. Keep one of them.`,
    );
  }
  return Object.freeze({ port: 'output', required, transient, version: readVersion(of, transient, where), schema, codec });
}

const NO_OPTIONS: Readonly<Record<string, unknown>> = {};
const INPUT_FIELDS: Fields<InputOptions> = { optional: true, hold: true };
const NOTHING_FIELDS: Fields<Pick<InputOptions, 'optional'>> = { optional: true };
const OUTPUT_FIELDS: Fields<OutputOptions> = { transient: true, codec: true, version: true };

function readVersion(given: unknown, transient: boolean, where: string): 'derived' | undefined {
  if (given === undefined) return undefined;
  const problem =
    given !== 'derived'
      ? `"version" is ${printValue(given)}. Give "derived", or leave it out: then the value is hashed.`
      : 'it is transient, so that its version is one of its own in every run, and has a derived one. Keep one of them.';
  if (given === 'derived' && !transient) return given;
  throw new DefinitionError('INVALID_DEFINITION', `${where}: ${problem}`, { details: { where } });
}

/** A port takes a schema, options, or both in this order. */
function readPort([first, second]: readonly unknown[]): { readonly schema: Schema | undefined; readonly options: unknown } {
  const schema = isSchema(first) ? first : undefined;
  const options = schema === undefined ? first : second;
  return { schema, options: options === undefined ? {} : options };
}

/** The options of an input. */
function readFlags(options: unknown, fields: Readonly<Record<string, true>>, where: string): Required<InputOptions> {
  checkOptions(options, fields, where);
  const { optional: may, hold } = isRecord(options) ? options : NO_OPTIONS;
  return { optional: optionalFlag(may, 'optional', where), hold: optionalFlag(hold, 'hold', where) };
}

/** Inputs as a graph around the op has them: holding is done by the op. */
export function withoutHold(inputs: Inputs): Inputs {
  const plain = Object.entries(inputs).map(([name, port]) => [name, port.hold ? Object.freeze({ ...port, hold: false }) : port] as const);
  return Object.freeze(Object.fromEntries(plain));
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
  const flags = side === 'input' ? [value['optional'], value['hold']] : [value['required'], value['transient']];
  if (value['schema'] !== undefined && !isSchema(value['schema'])) return false;
  if (value['codec'] !== undefined && !isCodec(value['codec'])) return false;
  const kinds: readonly unknown[] = ['value', 'list', 'nothing'];
  return flags.every((flag) => typeof flag === 'boolean') && (side === 'output' || kinds.includes(value['kind']));
}
