import { quote } from '../kernel/print.ts';
import { fixChange } from '../kernel/keyed/change.ts';
import { DeltaError } from '../kernel/errors.ts';
import { emptyDelta, type Delta } from '../kernel/keyed/delta.ts';
import { Flow, type AnyOperator, type Draft, type Stage } from './flow.ts';
import type { Key } from '../kernel/keyed/key.ts';
import { emptyKeyed, type Keyed } from '../kernel/keyed/keyed.ts';
import type { Stepped } from './operator.ts';

declare const carries: unique symbol;

/** An input of a pipeline. `K` and `V` exist for the compiler alone. */
export interface RowsPort<K extends Key = Key, V = unknown> {
  readonly port: 'rows';
  readonly [carries]?: readonly [K, V];
}

/** Declares keyed rows as an input of a pipeline. */
export function rows<K extends Key, V>(): RowsPort<K, V> {
  return Object.freeze({ port: 'rows' });
}

/** Inputs of a pipeline by name. */
export type RowsPorts = Readonly<Record<string, RowsPort>>;

/** What a pipeline is written with. */
export type FlowsOf<P extends RowsPorts> = { readonly [N in keyof P]: P[N] extends RowsPort<infer K, infer V> ? Flow<K, V> : never };

/** What a pipeline is computed from. */
export type KeyedOf<P extends RowsPorts> = { readonly [N in keyof P]: P[N] extends RowsPort<infer K, infer V> ? Keyed<K, V> : never };

/** What changed in the inputs; one that is left out did not change. */
export type ChangesOf<P extends RowsPorts> = { readonly [N in keyof P]?: P[N] extends RowsPort<infer K, infer V> ? Delta<K, V> : never };

/** What a pipeline knows between steps. A value: it can be made again from the inputs, and a step from it leaves it as it is. */
export interface PipelineState {
  /** What the operator at each stage knows. */
  readonly stages: readonly unknown[];
}

/** A computation on keyed rows, and how to follow changes: operators in a row, or in any order that has no way back. */
export interface Pipeline<P extends RowsPorts, K extends Key, V> {
  /** The names of the inputs. */
  readonly inputs: readonly string[];

  /** The output, computed from the whole inputs. */
  full(inputs: KeyedOf<P>): Keyed<K, V>;

  /** The same, with the state that steps start from. */
  start(inputs: KeyedOf<P>): { readonly state: PipelineState; readonly output: Keyed<K, V> };

  /**
   * What the changes of the inputs change in the output. Whatever it throws, `state` is as good as it was.
   *
   * @throws DeltaError DELTA_MISMATCH if a delta does not start from the inputs that `state` is of, where that is seen
   */
  step(state: PipelineState, changes: ChangesOf<P>): { readonly state: PipelineState; readonly delta: Delta<K, V> };
}

/**
 * Writes a pipeline: `build` gets the inputs as flows, and gives the one that comes out.
 *
 * @throws DeltaError FLOW_MISUSED if it uses or gives a flow of another pipeline
 */
export function pipeline<const P extends RowsPorts, K extends Key, V>(
  ports: P,
  build: (flows: FlowsOf<P>) => Flow<K, V>,
): Pipeline<P, K, V> {
  const draft: Draft = [];
  const inputs = Object.freeze(Object.keys(ports));
  // One flow a port, by its name: what FlowsOf says.
  const flows = Object.fromEntries(inputs.map((input) => [input, new Flow<Key, unknown>(draft, { input })])) as FlowsOf<P>;
  const stages = neededStages(draft, build(flows).stageIn(draft));
  return Object.freeze({
    inputs,
    full: (given: KeyedOf<P>) => runFull<K, V>(stages, byName<Keyed<Key, unknown>>(given)),
    start: (given: KeyedOf<P>) => {
      const all = byName<Keyed<Key, unknown>>(given);
      const { state, delta } = runSteps<K, V>(stages, undefined, (name) => valueOf(all, name).inserts());
      return { state, output: emptyKeyed<K, V>().apply(delta) };
    },
    step: (state: PipelineState, changes: ChangesOf<P>) => {
      const all = byName<Delta<Key, unknown>>(changes);
      const unknown = Object.keys(all).find((name) => !inputs.includes(name));
      if (unknown !== undefined) throw misnamed(`has no input ${quote(unknown)}. It has ${inputs.map(quote).join(', ')}`);
      return runSteps<K, V>(stages, state, (name) => all[name] ?? emptyDelta());
    },
  });
}

/** The stages that the last one depends on, itself last, in an order in which each comes after what it reads. */
function neededStages(draft: Draft, last: number): readonly Stage[] {
  const needed = new Set([last]);
  for (let at = last; at >= 0; at -= 1) {
    const stage = draft[at];
    if (needed.has(at) && stage !== undefined && 'reads' in stage) for (const read of stage.reads) needed.add(read);
  }
  const kept = [...needed].sort((a, b) => a - b);
  return kept.flatMap((at): readonly Stage[] => {
    const stage = draft[at];
    if (stage === undefined || 'input' in stage) return stage === undefined ? [] : [stage];
    return [{ operator: stage.operator, reads: stage.reads.map((read) => kept.indexOf(read)) }];
  });
}

function runFull<K extends Key, V>(
  stages: readonly Stage[],
  inputs: Readonly<Record<string, Keyed<Key, unknown> | undefined>>,
): Keyed<K, V> {
  const values: Keyed<Key, unknown>[] = [];
  for (const stage of stages) {
    values.push(
      'input' in stage ? valueOf(inputs, stage.input) : stage.operator.full(stage.reads.map((read) => values[read] ?? emptyKeyed())),
    );
  }
  // What the last stage gives is what the flow that `build` returned is of.
  return (values.at(-1) ?? emptyKeyed()) as Keyed<K, V>;
}

/** From a state, a stage whose inputs did not change is not run; without one, every stage is. */
function runSteps<K extends Key, V>(
  stages: readonly Stage[],
  state: PipelineState | undefined,
  changeOf: (input: string) => Delta<Key, unknown>,
): { readonly state: PipelineState; readonly delta: Delta<K, V> } {
  const deltas: Delta<Key, unknown>[] = [];
  const states: unknown[] = [];
  for (const [at, stage] of stages.entries()) {
    if ('input' in stage) {
      states.push(undefined);
      deltas.push(changeOf(stage.input));
      continue;
    }
    const read = stage.reads.map((place) => deltas[place] ?? emptyDelta<Key, unknown>());
    const stepped = state === undefined ? stage.operator.start(read) : stepOf(stage.operator, state.stages[at], read);
    states.push(stepped.state);
    deltas.push(stepped.delta);
  }
  // What the last stage gives is what the flow that `build` returned is of.
  const delta = (deltas.at(-1) ?? emptyDelta()) as Delta<K, V>;
  for (const change of delta.changes) fixChange(change, 'A pipeline');
  return { state: Object.freeze({ stages: Object.freeze(states) }), delta };
}

function stepOf(operator: AnyOperator, state: unknown, deltas: readonly Delta<Key, unknown>[]): Stepped<Key, unknown, unknown> {
  return deltas.every(({ size }) => size === 0) ? { state, delta: emptyDelta() } : operator.step(state, deltas);
}

/** A record with the same names, read by any name: the compiler does not follow what is made of a type parameter. */
function byName<T>(record: Readonly<Record<string, T | undefined>>): Readonly<Record<string, T | undefined>> {
  return record;
}

function valueOf<T>(record: Readonly<Record<string, T | undefined>>, input: string): T {
  const value = record[input];
  if (value === undefined) throw misnamed(`needs input ${quote(input)}, which was not given`);
  return value;
}

function misnamed(problem: string): DeltaError {
  return new DeltaError('FLOW_MISUSED', `The pipeline ${problem}. Pass a record with the names that it was written with.`);
}
