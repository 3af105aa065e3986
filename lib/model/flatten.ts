import { frozenMap } from '../kernel/frozen-collections.ts';
import { invariant } from '../kernel/invariant.ts';
import type { Invocation } from './composition.ts';
import { isGraph, type AnyGraph } from './graph.ts';
import type { WireRef } from './handle.ts';
import { isOp, type AnyOp } from './op.ts';
import type { InputKind } from './port.ts';

/** Where one entry of a step's input comes from, while only one definition is known: a step of it, or an input of its graph. */
export type LocalEntry =
  { readonly from: 'step'; readonly step: number; readonly output: number } | { readonly from: 'input'; readonly input: string };

/** One input of a step with its entries, in the order wired. `Entry` is a local or a resolved one. */
export interface StepInput<Entry> {
  readonly name: string;
  readonly kind: InputKind;
  readonly optional: boolean;
  /** Whether an entry without a value reads as the last one that it had (X3). */
  readonly hold: boolean;
  readonly entries: readonly Entry[];
}

/** A graph at one place: `path` is that of its invocation, and empty for the graph that everything is in. */
export interface GraphPlace {
  readonly path: string;
  readonly graph: AnyGraph;
}

/** One op at one place, after nested graphs are flattened. `path` joins invocation names with dots. */
export interface LocalStep {
  readonly path: string;
  readonly op: AnyOp;
  /** The graphs that it is in, outermost first. */
  readonly within: readonly GraphPlace[];
  readonly inputs: readonly StepInput<LocalEntry>[];
}

/** A graph without its nesting: steps in an order in which every step comes after what it reads. */
export interface FlatGraph {
  readonly steps: readonly LocalStep[];
  /** Output of the graph → the step output that it is. */
  readonly outputs: ReadonlyMap<string, { readonly step: number; readonly output: number }>;
}

interface Scope {
  readonly graph: AnyGraph;
  readonly within: readonly GraphPlace[];
  readonly prefix: string;
  readonly inputs: ReadonlyMap<string, readonly LocalEntry[]>;
  /** Invocation name → for each output name, the step output that it is. */
  readonly placed: Map<string, ReadonlyMap<string, LocalEntry>>;
}

/** Flattens a graph. Every place of an op becomes one step; an input of a nested graph is replaced by what was wired to it. */
export function flatten(graph: AnyGraph): FlatGraph {
  const steps: LocalStep[] = [];
  const inputs = new Map(Object.keys(graph.inputs).map((input) => [input, [{ from: 'input', input }]] as const));
  const outputs = flattenInto(steps, { graph, within: placesWith([], { path: '', graph }), prefix: '', inputs, placed: new Map() });
  return Object.freeze({
    steps: Object.freeze(steps),
    outputs: frozenMap([...outputs].map(([name, entry]) => [name, Object.freeze(asStepOutput(entry))] as const)),
  });
}

function flattenInto(steps: LocalStep[], scope: Scope): ReadonlyMap<string, LocalEntry> {
  for (const invocation of scope.graph.invocations) {
    const wired = new Map([...invocation.wiring].map(([input, refs]) => [input, refs.flatMap((ref) => resolveRef(scope, ref))]));
    scope.placed.set(invocation.name, place(steps, scope, { invocation, wired }));
  }
  return new Map([...scope.graph.outputs].map(([name, ref]) => [name, only(resolveRef(scope, ref))]));
}

interface Wired {
  readonly invocation: Invocation;
  readonly wired: ReadonlyMap<string, readonly LocalEntry[]>;
}

function place(steps: LocalStep[], scope: Scope, { invocation, wired }: Wired): ReadonlyMap<string, LocalEntry> {
  const path = scope.prefix + invocation.name;
  const { target } = invocation;
  if (isGraph(target)) {
    const within = placesWith(scope.within, { path, graph: target });
    return flattenInto(steps, { graph: target, within, prefix: `${path}.`, inputs: wired, placed: new Map() });
  }
  invariant(isOp(target), 'an invocation places an op or a graph');
  const step = steps.length;
  const inputs = Object.entries(target.inputs).map(([name, { kind, optional, hold }]) => ({
    name,
    kind,
    optional,
    hold,
    entries: wired.get(name) ?? [],
  }));
  steps.push(Object.freeze({ path, op: target, within: scope.within, inputs: Object.freeze(inputs) }));
  return new Map(target.outputNames.map((name, output) => [name, { from: 'step', step, output }]));
}

function placesWith(outer: readonly GraphPlace[], inner: GraphPlace): readonly GraphPlace[] {
  return Object.freeze([...outer, Object.freeze(inner)]);
}

function resolveRef(scope: Scope, ref: WireRef): readonly LocalEntry[] {
  if (ref.from === 'input') return scope.inputs.get(ref.input) ?? [];
  const entry = scope.placed.get(ref.invocation)?.get(ref.output);
  invariant(entry !== undefined, 'a handle points at an invocation that was placed before it was wired');
  return [entry];
}

function only(entries: readonly LocalEntry[]): LocalEntry {
  const [entry] = entries;
  invariant(entry !== undefined && entries.length === 1, 'an output of a graph is one output of one step');
  return entry;
}

function asStepOutput(entry: LocalEntry): { readonly step: number; readonly output: number } {
  invariant(entry.from === 'step', 'an input of a graph is never an output of it (D5)');
  return { step: entry.step, output: entry.output };
}
