import { DeltaError } from '../kernel/errors.ts';
import type { Delta } from '../kernel/keyed/delta.ts';
import type { Key } from '../kernel/keyed/key.ts';
import type { Keyed } from '../kernel/keyed/keyed.ts';
import { quote } from '../kernel/print.ts';
import type { Flow } from './flow.ts';
import { writeFlows, type AnyDelta, type AnyKeyed, type ByName, type ProgramState } from './program.ts';

declare const rowsOf: unique symbol;

/** A place where keyed rows enter. `K` and `V` exist for the compiler alone. */
export interface RowsPort<K extends Key = Key, V = unknown> {
  readonly [rowsOf]: readonly [K, V];
}

/** Inputs of a pipeline by name. */
export type RowsPorts = Readonly<Record<string, RowsPort>>;

/** What a pipeline is written with. */
export type FlowsOf<P extends RowsPorts> = { readonly [N in keyof P]: P[N] extends RowsPort<infer K, infer V> ? Flow<K, V> : never };

/** What a pipeline is computed from. */
export type KeyedOf<P extends RowsPorts> = { readonly [N in keyof P]: P[N] extends RowsPort<infer K, infer V> ? Keyed<K, V> : never };

/** What changed in the inputs; one that is left out did not change. */
export type ChangesOf<P extends RowsPorts> = { readonly [N in keyof P]?: P[N] extends RowsPort<infer K, infer V> ? Delta<K, V> : never };

/** A computation on keyed rows, and how to follow changes: operators in a row, or in any order that has no way back. */
export interface Pipeline<P extends RowsPorts, K extends Key, V> {
  /** The names of the inputs. */
  readonly inputs: readonly string[];

  /** The output, computed from the whole inputs. */
  full(inputs: KeyedOf<P>): Keyed<K, V>;

  /** The same, with the state that steps start from. */
  start(inputs: KeyedOf<P>): { readonly state: ProgramState; readonly output: Keyed<K, V> };

  /**
   * What the changes of the inputs change in the output. Whatever it throws, `state` is as good as it was.
   *
   * @throws DeltaError DELTA_MISMATCH if a delta does not start from the inputs that `state` is of, where that is seen
   */
  step(state: ProgramState, changes: ChangesOf<P>): { readonly state: ProgramState; readonly delta: Delta<K, V> };
}

/**
 * Writes a pipeline by itself, for changes that come from elsewhere than a store: `build` gets the inputs as flows, and gives the one that
 * comes out. An op with a `keyed` body needs none.
 *
 * @throws DeltaError FLOW_MISUSED if it uses or gives a flow of another pipeline
 */
export function pipeline<const P extends RowsPorts, K extends Key, V>(
  ports: P,
  build: (flows: FlowsOf<P>) => Flow<K, V>,
): Pipeline<P, K, V> {
  const inputs = Object.freeze(Object.keys(ports));
  // One flow a port, by its name: what FlowsOf says.
  const program = writeFlows(inputs, (flows) => ({ output: build(flows as FlowsOf<P>) })).programFor(['output']);
  return Object.freeze({
    inputs,
    // What the last stage gives is what the flow that `build` returned is of; and so below.
    full: (given: KeyedOf<P>) => program.full(byName<AnyKeyed>(given))['output'] as Keyed<K, V>,
    start: (given: KeyedOf<P>) => {
      const { state, outputs } = program.start(byName<AnyKeyed>(given));
      // As above.
      return { state, output: outputs['output'] as Keyed<K, V> };
    },
    step: (before: ProgramState, changes: ChangesOf<P>) => {
      const all = byName<AnyDelta>(changes);
      const unknown = Object.keys(all).find((name) => !inputs.includes(name));
      if (unknown !== undefined) throw misnamed(unknown, inputs);
      const { state, deltas } = program.step(before, all);
      // As above.
      return { state, delta: deltas['output'] as Delta<K, V> };
    },
  });
}

/** A record with the same names, read by any name: the compiler does not follow what is made of a type parameter. */
function byName<T>(record: ByName<T> | Readonly<Record<string, T | undefined>>): ByName<T> {
  // What is left out, or undefined, is asked for as such by the program.
  return record as ByName<T>;
}

function misnamed(unknown: string, inputs: readonly string[]): DeltaError {
  return new DeltaError(
    'FLOW_MISUSED',
    `The pipeline has no input ${quote(unknown)}. It has ${inputs.map(quote).join(', ')}. Pass a record with the names that it was written with.`,
  );
}
