import { kindOf, quote } from '../kernel/print.ts';
import { DeltaError } from '../kernel/errors.ts';
import { isRecord } from '../kernel/record.ts';
import { fixChange } from '../kernel/keyed/change.ts';
import { emptyDelta, type Delta } from '../kernel/keyed/delta.ts';
import type { Key } from '../kernel/keyed/key.ts';
import { emptyKeyed, type Keyed } from '../kernel/keyed/keyed.ts';
import { Flow, type AnyOperator, type Draft, type Stage } from './flow.ts';
import type { Stepped } from './operator.ts';

/** What a program knows between steps. A value: it can be made again from the inputs, and a step from it leaves it as it is. */
export interface ProgramState {
  /** What the operator at each stage knows. */
  readonly stages: readonly unknown[];
}

/** Any keyed rows. */
export type AnyKeyed = Keyed<Key, unknown>;

/** Any delta of keyed rows. */
export type AnyDelta = Delta<Key, unknown>;

/** Something for each input or output of a program, by its name. */
export type ByName<T> = Readonly<Record<string, T>>;

/** Operators in an order in which each comes after what it reads, for some outputs: what it takes to compute these, and to follow changes. */
export interface Program {
  /** The outputs, computed from the whole inputs. */
  full(inputs: ByName<AnyKeyed>): ByName<AnyKeyed>;

  /** The same, with the state that steps start from. */
  start(inputs: ByName<AnyKeyed>): { readonly state: ProgramState; readonly outputs: ByName<AnyKeyed> };

  /** What the changes of the inputs change in the outputs; an input that is left out did not change. */
  step(state: ProgramState, changes: ByName<AnyDelta>): { readonly state: ProgramState; readonly deltas: ByName<AnyDelta> };
}

/** Flows as they were written, not yet for any output. */
export interface WrittenFlows {
  /** The names of the outputs. */
  readonly outputs: readonly string[];

  /** The program that makes these outputs, and no operator more. */
  programFor(outputs: readonly string[]): Program;
}

/**
 * Writes flows: `build` gets a flow for each input, by its name, and gives a record of output to flow.
 *
 * @throws DeltaError FLOW_MISUSED if it gives anything else, or uses a flow of another pipeline
 */
export function writeFlows(inputs: readonly string[], build: (flows: ByName<Flow<Key, unknown>>) => unknown): WrittenFlows {
  const draft: Draft = [];
  const flows = Object.fromEntries(inputs.map((input) => [input, new Flow<Key, unknown>(draft, { input })]));
  const made = build(Object.freeze(flows));
  if (!isRecord(made)) throw misused(`gave ${kindOf(made)}. Return a record of output to flow`);
  const ends = new Map(Object.entries(made).map(([output, flow]) => [output, stageOf(flow, draft, output)]));
  return Object.freeze({
    outputs: Object.freeze([...ends.keys()]),
    programFor: (outputs: readonly string[]) => programOf(draft, new Map(outputs.map((output) => [output, ends.get(output) ?? -1]))),
  });
}

function stageOf(flow: unknown, draft: Draft, output: string): number {
  if (flow instanceof Flow) return flow.stageIn(draft);
  throw misused(`gave ${kindOf(flow)} as output ${quote(output)}. Give one of its flows, or what a method of one gives`);
}

function misused(problem: string): DeltaError {
  return new DeltaError('FLOW_MISUSED', `What writes a pipeline ${problem}.`);
}

/** The stages that the outputs depend on, and where each output is among them. */
interface Needed {
  readonly stages: readonly Stage[];
  readonly ends: ReadonlyMap<string, number>;
}

function programOf(draft: Draft, ends: ReadonlyMap<string, number>): Program {
  const needed = neededStages(draft, ends);
  return Object.freeze({
    full: (inputs: ByName<AnyKeyed>) => runFull(needed, inputs),
    start: (inputs: ByName<AnyKeyed>) => {
      const { state, deltas } = runSteps(needed, undefined, (name) => valueOf(inputs, name).inserts());
      return { state, outputs: mapValues(deltas, (delta) => emptyKeyed().apply(delta)) };
    },
    step: (state: ProgramState, changes: ByName<AnyDelta>) => runSteps(needed, state, (name) => changes[name] ?? emptyDelta()),
  });
}

function neededStages(draft: Draft, ends: ReadonlyMap<string, number>): Needed {
  const needed = new Set(ends.values());
  for (let at = draft.length - 1; at >= 0; at -= 1) {
    const stage = draft[at];
    if (needed.has(at) && stage !== undefined && 'reads' in stage) for (const read of stage.reads) needed.add(read);
  }
  const kept = [...needed].sort((a, b) => a - b);
  const stages = kept.flatMap((at): readonly Stage[] => {
    const stage = draft[at];
    if (stage === undefined || 'input' in stage) return stage === undefined ? [] : [stage];
    return [{ operator: stage.operator, reads: stage.reads.map((read) => kept.indexOf(read)) }];
  });
  return { stages, ends: new Map([...ends].map(([output, at]) => [output, kept.indexOf(at)])) };
}

function runFull({ stages, ends }: Needed, inputs: ByName<AnyKeyed>): ByName<AnyKeyed> {
  const values: AnyKeyed[] = [];
  for (const stage of stages) {
    values.push(
      'input' in stage ? valueOf(inputs, stage.input) : stage.operator.full(stage.reads.map((read) => values[read] ?? emptyKeyed())),
    );
  }
  return atEnds(ends, (at) => values[at] ?? emptyKeyed());
}

/** From a state, a stage whose inputs did not change is not run; without one, every stage is. */
function runSteps(
  { stages, ends }: Needed,
  state: ProgramState | undefined,
  changeOf: (input: string) => AnyDelta,
): { readonly state: ProgramState; readonly deltas: ByName<AnyDelta> } {
  const deltas: AnyDelta[] = [];
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
  const out = atEnds(ends, (at) => deltas[at] ?? emptyDelta<Key, unknown>());
  for (const delta of Object.values(out)) for (const change of delta.changes) fixChange(change, 'A pipeline');
  return { state: Object.freeze({ stages: Object.freeze(states) }), deltas: out };
}

function stepOf(operator: AnyOperator, state: unknown, deltas: readonly AnyDelta[]): Stepped<Key, unknown, unknown> {
  return deltas.every(({ size }) => size === 0) ? { state, delta: emptyDelta() } : operator.step(state, deltas);
}

function atEnds<T>(ends: ReadonlyMap<string, number>, of: (stage: number) => T): ByName<T> {
  return Object.fromEntries(Array.from(ends, ([output, at]) => [output, of(at)]));
}

function mapValues<T, U>(record: ByName<T>, make: (value: T) => U): ByName<U> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, make(value)]));
}

function valueOf<T>(record: Readonly<Record<string, T | undefined>>, input: string): T {
  const value = record[input];
  if (value !== undefined) return value;
  throw new DeltaError(
    'FLOW_MISUSED',
    `The pipeline needs input ${quote(input)}, which was not given. Pass a record with the names that it was written with.`,
  );
}
