import type { World, WorldEntry, WorldStep } from '../kit/reference.ts';
import { emissionsOf } from './body.ts';
import type { Case, CaseGraph, CaseRef } from './case.ts';

type Outputs = ReadonlyMap<string, WorldEntry>;

interface Place {
  readonly shape: Case;
  readonly definition: string;
  readonly prefix: string;
  readonly inputs: ReadonlyMap<string, readonly WorldEntry[]>;
}

/** Adds the steps of a graph, nested ones too, and gives what its outputs are. */
function flatten(steps: Map<string, WorldStep>, graph: CaseGraph, place: Place): Outputs {
  const made = new Map<string, Outputs>();
  const resolve = (ref: CaseRef): readonly WorldEntry[] => {
    const entry = 'input' in ref ? undefined : made.get(ref.step)?.get(ref.out);
    return 'input' in ref ? (place.inputs.get(ref.input) ?? []) : entry === undefined ? [] : [entry];
  };
  for (const { name, target, in: wires } of graph.steps) {
    const wired = new Map([...wires].map(([input, wire]) => [input, (wire instanceof Array ? wire : [wire]).flatMap(resolve)]));
    if ('graph' in target) made.set(name, flatten(steps, target.graph, { ...place, prefix: `${place.prefix}${name}.`, inputs: wired }));
    else made.set(name, addStep(steps, `${place.prefix}${name}`, { ...place, inputs: wired }, target.op));
  }
  return new Map([...graph.outputs].flatMap(([name, ref]) => resolve(ref).map((entry) => [name, entry] as const)));
}

function addStep(steps: Map<string, WorldStep>, id: string, { shape, definition, inputs }: Place, opName: string): Outputs {
  const op = shape.ops.get(opName);
  if (op === undefined) throw new Error(`no op ${opName}`);
  steps.set(id, {
    definition,
    inputs: op.ins.map(([name, kind]) => ({ name, kind, optional: false, entries: inputs.get(name) ?? [] })),
    outputs: Object.fromEntries(op.outs.map(([name, required]) => [name, { required, asset: undefined }])),
    emit: (values, selected) => emissionsOf(op, values, selected),
  });
  return new Map(op.outs.map(([name]) => [name, { step: id, output: name }]));
}

/** A case as the naive reference reads it: flat, with every entry traced to the output or source that it comes from. */
export function worldOfCase(shape: Case): World {
  const steps = new Map<string, WorldStep>();
  const assets = new Map<string, WorldEntry>();
  for (const graph of shape.graphs) {
    const inputs = new Map(graph.inputs.map((name) => [name, [assets.get(name) ?? { source: name }]]));
    const prefix = shape.several ? `${graph.name}:` : '';
    for (const [key, entry] of flatten(steps, graph, { shape, definition: graph.name, prefix, inputs })) assets.set(key, entry);
  }
  for (const [asset, entry] of assets) {
    const step = 'step' in entry ? steps.get(entry.step) : undefined;
    if (step === undefined || !('step' in entry)) continue;
    const required = step.outputs[entry.output]?.required === true;
    steps.set(entry.step, { ...step, outputs: { ...step.outputs, [entry.output]: { required, asset } } });
  }
  return { steps: Object.fromEntries(steps), sources: Object.fromEntries(shape.upstream) };
}
