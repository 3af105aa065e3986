import type { RowsPort } from '../delta/pipeline.ts';
import type { Flow } from '../delta/flow.ts';
import type { Key } from '../kernel/keyed/key.ts';
import { Keyed, keyedFrom } from '../kernel/keyed/keyed.ts';
import { kindOf } from '../kernel/print.ts';
import type { Schema } from '../kernel/schema.ts';
import { input, output, type InputPort, type Inputs, type OutputPort, type Outputs } from './port.ts';
import type { Refused } from './refused.ts';

/** An input that takes keyed rows, and that a `keyed` body can follow the changes of. */
export type KeyedInputPort<K extends Key, V> = InputPort<Keyed<K, V>, 'value', false> & RowsPort<K, V>;

/** An output that carries keyed rows, whatever collection of pairs the body gives. */
export type KeyedOutputPort<K extends Key, V> = OutputPort<Keyed<K, V>, true, Iterable<readonly [K, V]>>;

/** What a `keyed` body is written with: a flow for each input, and nothing for an input that is order alone. */
export type InputFlows<I extends Inputs> = {
  readonly [N in keyof I as I[N] extends InputPort<unknown, 'nothing'> ? never : N]: I[N] extends RowsPort<infer K, infer V>
    ? Flow<K, V>
    : Refused<'A "keyed" body reads keyed rows. Declare this input with keyedInput().'>;
};

/** What a `keyed` body gives: a flow for each output. */
export type OutputFlows<O extends Outputs> = {
  readonly [N in keyof O]: O[N] extends OutputPort<Keyed<infer K, infer V>> ? Flow<K, V> : never;
};

const ROWS_IN: Schema = schemaOf((value) => (value instanceof Keyed ? { value } : refused(value, 'Make it with keyed(), or of a Keyed')));

/** Throws what keyedFrom throws, which becomes the cause of the failure. */
const ROWS_OUT: Schema = schemaOf((value) => {
  if (value instanceof Keyed) return { value };
  return isIterable(value) ? { value: keyedFrom(value, 'The body') } : refused(value, 'Give a Keyed, a Map, or pairs of key and row');
});

function schemaOf(validate: Schema['~standard']['validate']): Schema {
  return Object.freeze({ '~standard': Object.freeze({ version: 1, vendor: 'sluice', validate }) });
}

function refused(value: unknown, cure: string): { readonly issues: readonly { readonly message: string }[] } {
  return { issues: [{ message: `${kindOf(value)} is no keyed rows. ${cure}` }] };
}

function isIterable(value: unknown): value is Iterable<readonly [Key, unknown]> {
  return typeof value === 'object' && value !== null && typeof Reflect.get(value, Symbol.iterator) === 'function';
}

/** An input that takes keyed rows: a `Keyed` that a source, an asset or another op gives. */
export function keyedInput<K extends Key, V>(): KeyedInputPort<K, V> {
  // What makes it a port of rows is a type alone.
  return input(ROWS_IN) as unknown as KeyedInputPort<K, V>;
}

/** An output that carries keyed rows. A body may give them as a `Keyed`, a Map, or pairs; readers get a `Keyed`. */
export function keyedOutput<K extends Key, V>(): KeyedOutputPort<K, V> {
  // The schema makes a Keyed of what the body gives.
  return output(ROWS_OUT) as unknown as KeyedOutputPort<K, V>;
}

/** Whether a port was made by {@link keyedInput}. */
export function isKeyedInput({ schema }: InputPort): boolean {
  return schema === ROWS_IN;
}

/** Whether a port was made by {@link keyedOutput}. */
export function isKeyedOutput({ schema }: OutputPort): boolean {
  return schema === ROWS_OUT;
}
