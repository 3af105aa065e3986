import { assetsFromGraph, define, graph, input, list, nothing, op, optional, output, source } from '../../index.ts';
import type { AnyGraph, AnyOp, AssetsDefinition, Definitions, Handle, InputPort, OutputPort } from '../../index.ts';
import { bodyOf } from './body.ts';
import type { Case, CaseGraph, CaseOp, CaseRef, CaseStep } from './case.ts';

/** What an op or a graph is when it is only known at run time: something that is placed under a name, with handles by input. */
type Placeable = { as(name: string): (wiring: Readonly<Record<string, unknown>>) => Handle | Readonly<Record<string, Handle>> };

/** Code versions by op name, for ops that have one. */
export type CodeVersions = ReadonlyMap<string, string>;

/** The definitions of a case: each graph one definition whose outputs are assets, and a source for every value of `upstream`. */
export function buildCase({ ops, graphs, upstream }: Case, codeVersions: CodeVersions = new Map()): Definitions {
  const placed: Placed = {
    ops: new Map([...ops].map(([name, each]) => [name, buildOp(name, each, codeVersions.get(name))])),
    graphs: new Map(),
  };
  const definitions = graphs.map((each) => assetsOf(buildGraph(each, new Set(), placed)));
  const sources = [...upstream.keys()].map((key) => source(key));
  return define({ assets: [...sources, ...definitions] });
}

function assetsOf(built: AnyGraph): AssetsDefinition {
  // Types of inputs and outputs are those of a literal, which a case is not; what is a graph at run time is one for the compiler.
  return assetsFromGraph(built as Parameters<typeof assetsFromGraph>[0], { canSubset: true });
}

// As above: the bodies give what the ports say, and the runtime checks it.
const anyOp = op as unknown as (definition: object) => AnyOp;

function buildOp(name: string, declared: CaseOp, codeVersion: string | undefined): AnyOp {
  const inputs: Record<string, InputPort> = {};
  for (const [port, kind] of declared.ins)
    inputs[port] = kind === 'list' ? list<number>() : kind === 'nothing' ? nothing() : input<number>();
  const outputs: Record<string, OutputPort<number>> = {};
  for (const [port, isRequired] of declared.outs) outputs[port] = isRequired ? output<number>() : optional<number>();
  return anyOp({ name, inputs, outputs, ...(codeVersion !== undefined && { codeVersion }), ...bodyOf(declared) });
}

interface Placed {
  readonly ops: ReadonlyMap<string, AnyOp>;
  /** By their text: a graph that is written twice is one graph in two places. */
  readonly graphs: Map<string, AnyGraph>;
}

/** `lists` are the inputs that whoever nests the graph feeds with a fan-in. */
function buildGraph(shape: CaseGraph, lists: ReadonlySet<string>, placed: Placed): AnyGraph {
  const inputs: Record<string, InputPort> = {};
  for (const name of shape.inputs) inputs[name] = lists.has(name) ? list<number>() : input<number>();
  const body = (handles: Readonly<Record<string, unknown>>): Readonly<Record<string, Handle>> => {
    const outputs = new Map<string, Handle | Readonly<Record<string, Handle>>>();
    const resolve = (ref: CaseRef): unknown => ('input' in ref ? found(handles[ref.input], `input ${ref.input}`) : outputOf(outputs, ref));
    for (const step of shape.steps) {
      const isList = (ref: CaseRef): boolean => 'input' in ref && lists.has(ref.input);
      const target = targetOf(step, isList, placed);
      const wiring = [...step.in].map(([name, wire]) => [
        name,
        wire instanceof Array ? wire.map(resolve) : wireOne(target, name, resolve(wire)),
      ]);
      // An op and a graph are both placed with .as(name); see Placeable.
      outputs.set(step.name, (target as unknown as Placeable).as(step.name)(Object.fromEntries(wiring)));
    }
    return Object.fromEntries([...shape.outputs].map(([name, ref]) => [name, resolve(ref) as Handle]));
  };
  return graph(shape.name, { inputs }, body);
}

/** A list takes one entry without its brackets too. */
function wireOne(target: AnyOp | AnyGraph, name: string, handle: unknown): unknown {
  return target.inputs[name]?.kind === 'list' ? [handle] : handle;
}

function targetOf({ target, in: wires }: CaseStep, isList: (ref: CaseRef) => boolean, placed: Placed): AnyOp | AnyGraph {
  if ('op' in target) return found(placed.ops.get(target.op), `op ${target.op}`);
  const lists = new Set([...wires].flatMap(([name, wire]) => (wire instanceof Array || isList(wire) ? [name] : [])));
  const text = JSON.stringify([target.graph, [...lists]], (_, value: unknown) => (value instanceof Map ? [...value] : value));
  const known = placed.graphs.get(text) ?? buildGraph(target.graph, lists, placed);
  placed.graphs.set(text, known);
  return known;
}

function outputOf(
  outputs: ReadonlyMap<string, Handle | Readonly<Record<string, Handle>>>,
  { step, out }: { readonly step: string; readonly out: string },
): Handle {
  const given = Object.entries(found(outputs.get(step), `step ${step}`));
  return found(given.find(([name]) => name === out)?.[1], `output ${out} of step ${step}`);
}

function found<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`the case speaks of ${what}, which it does not have`);
  return value;
}
