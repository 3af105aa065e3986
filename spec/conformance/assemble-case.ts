import type { DrawnCase, DrawnGraph, DrawnOp, DrawnOutput, DrawnRef, DrawnStep, Kind } from './drawn-case.ts';

/** What is drawn of an input. */
export interface InputSeed {
  readonly kind: Kind;
  /** Its entries, counted back from the newest output; one that takes no list has the first. */
  readonly offsets: readonly number[];
  /** Whether the entries of a list may be inputs of the graph. */
  readonly readsInputs: boolean;
}

/** What is drawn of a step. */
export interface StepSeed {
  readonly inputs: readonly InputSeed[];
  readonly outputs: readonly { readonly required: boolean; readonly isShown: boolean }[];
  readonly body: string;
  readonly k: number;
}

/** What is drawn of a nested graph. `shown` has a bit for each of its outputs that goes on to be one of the graph around it. */
export interface GraphSeed {
  readonly inputs: readonly InputSeed[];
  readonly shown: number;
  readonly nodes: readonly NodeSeed[];
}

/** What is drawn of one place in a graph. */
export type NodeSeed = StepSeed | GraphSeed;

type Wire = DrawnRef | readonly DrawnRef[];

/** The graph that is being assembled: what its steps may read, and what they have read. */
interface Scope {
  readonly name: string;
  readonly ops: Map<string, DrawnOp>;
  /** Names of its inputs that are one value, and of those that are lists. */
  readonly values: readonly string[];
  readonly lists: readonly string[];
  readonly made: (DrawnOutput & { readonly isShown: boolean })[];
  readonly readInputs: Set<string>;
  readonly readSteps: Set<string>;
}

/** Makes a case of what was drawn: every offset points somewhere, every graph's input is used, and every leaf is an output of its graph. */
export function assembleCase(definitions: readonly (readonly NodeSeed[])[], source: number, chosen: readonly number[]): DrawnCase {
  const ops = new Map<string, DrawnOp>();
  const graphs: DrawnGraph[] = [];
  const assets: string[] = [];
  for (const [index, nodes] of definitions.entries()) {
    const drawn = graphOf(nodes, { ...scopeOf(`g${index}`, ops), values: ['x0', ...assets] });
    const keyed = Object.values(drawn.outputs).map((each, output) => [`a${assets.length + output}`, each] as const);
    assets.push(...keyed.map(([key]) => key));
    graphs.push({ ...drawn, outputs: Object.fromEntries(keyed) });
  }
  const isUsed = graphs.some(({ inputs }) => inputs.includes('x0'));
  return { ops: Object.fromEntries(ops), graphs, upstream: isUsed ? { x0: source } : {}, selections: selectionsFrom(assets, chosen) };
}

function scopeOf(name: string, ops: Map<string, DrawnOp>): Scope {
  return { name, ops, values: [], lists: [], made: [], readInputs: new Set(), readSteps: new Set() };
}

function graphOf(nodes: readonly NodeSeed[], scope: Scope): DrawnGraph {
  const steps = nodes.map((seed, index) => ('nodes' in seed ? nestedAt(scope, `n${index}`, seed) : stepAt(scope, seed)));
  const first = new Map(scope.made.toReversed().map(({ step, out }) => [step, out]));
  const shown = scope.made.filter(({ step, out, isShown }) => isShown || (!scope.readSteps.has(step) && first.get(step) === out));
  return {
    name: scope.name,
    inputs: [...scope.values, ...scope.lists].filter((name) => scope.readInputs.has(name)),
    steps,
    outputs: Object.fromEntries(shown.map(({ step, out }, index) => [`o${index}`, { step, out }])),
  };
}

/** Every step has a name of its own in the whole case: Dagster cannot order steps of one name that are nested at different depths. */
function stepAt(scope: Scope, { inputs, outputs, body, k }: StepSeed): DrawnStep {
  const name = `s${scope.ops.size}`;
  const wires = inputs.flatMap((seed) => wireOf(scope, seed) ?? []);
  for (const { wire } of wires) markRead(scope, wire);
  const op = `op_${name}`;
  scope.ops.set(op, {
    ins: wires.map(({ kind }, i) => [`i${i}`, kind]),
    outs: outputs.map(({ required }, o) => [`o${o}`, required]),
    body,
    k,
  });
  scope.made.push(...outputs.map(({ isShown }, o) => ({ step: name, out: `o${o}`, isShown })));
  return { name, op, in: Object.fromEntries(wires.map(({ wire }, i) => [`i${i}`, wire])) };
}

function nestedAt(scope: Scope, name: string, { inputs, shown, nodes }: GraphSeed): DrawnStep {
  const wires = inputs.flatMap((seed) => wireOf(scope, seed) ?? []).map((each, i) => ({ ...each, input: `${each.kind}_${i}` }));
  const namesOf = (kind: Kind): readonly string[] => wires.flatMap((each) => (each.kind === kind ? [each.input] : []));
  const inner = { ...scopeOf(`${scope.name}_${name}`, scope.ops), values: namesOf('value'), lists: namesOf('list') };
  const graph = graphOf(nodes, inner);
  const used = wires.filter(({ input }) => graph.inputs.includes(input));
  for (const { wire } of used) markRead(scope, wire);
  scope.made.push(...Object.keys(graph.outputs).map((out, o) => ({ step: name, out, isShown: ((shown >> o) & 1) === 1 })));
  return { name, graph, in: Object.fromEntries(used.map(({ input, wire }) => [input, wire])) };
}

interface Wired {
  readonly kind: Kind;
  readonly wire: Wire;
}

/** What feeds an input; `undefined` where there is nothing yet. A list reads each entry once, and is one value where there is nothing to list. */
function wireOf(scope: Scope, { kind, offsets, readsInputs }: InputSeed): Wired | undefined {
  const made = scope.made.map(({ step, out }): DrawnRef => ({ step, out }));
  const inputs = scope.values.map((input): DrawnRef => ({ input }));
  if (kind !== 'list') return wireOfOne(kind, offsets, [...inputs, ...made]);
  const [whole] = scope.lists;
  if (whole !== undefined && (offsets[0] ?? 0) % 2 === 0) return { kind, wire: { input: whole } };
  const entries = back(offsets, readsInputs ? [...inputs, ...made] : made);
  return entries.length > 0 ? { kind, wire: entries } : wireOfOne('value', offsets, [...inputs, ...made]);
}

function wireOfOne(kind: Kind, offsets: readonly number[], refs: readonly DrawnRef[]): Wired | undefined {
  const [wire] = back(offsets, refs);
  return wire === undefined ? undefined : { kind, wire };
}

/** Each once, counted back from the last. */
function back(offsets: readonly number[], refs: readonly DrawnRef[]): readonly DrawnRef[] {
  return [...new Set(offsets.flatMap((offset) => refs[refs.length - 1 - (offset % refs.length)] ?? []))];
}

function markRead({ readInputs, readSteps }: Scope, wire: Wire): void {
  for (const ref of [wire].flat()) {
    if ('input' in ref) readInputs.add(ref.input);
    else readSteps.add(ref.step);
  }
}

function selectionsFrom(assets: readonly string[], chosen: readonly number[]): readonly (readonly string[])[] {
  const some = chosen.map((bits) => assets.filter((_, index) => ((bits >> index) & 1) === 1)).filter(({ length }) => length > 0);
  return [...new Map([...some, assets].map((each) => [each.join(), each])).values()];
}
