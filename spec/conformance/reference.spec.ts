import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { evaluate, type Answer, type Question, type State, type World, type WorldEntry, type WorldStep } from '../kit/reference.ts';
import { emissionsOf } from './body.ts';
import { readCase, type Case, type CaseGraph, type CaseRef } from './case.ts';
import { vectorFiles } from './folder.ts';
import { compare, type Observed } from './play.ts';

// The vectors come from elsewhere. So the reference of spec/kit, which everything is compared with, is compared with something too.

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

function worldOf(shape: Case): World {
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

function observed(
  world: World,
  { missing, need, steps, loaded, outcomes, unexpected }: Answer,
  stored: ReadonlyMap<string, State>,
): Observed {
  const started = [...steps].filter(([, { outcome }]) => outcome === 'succeeded' || outcome === 'failed').map(([id]) => id);
  const withOutcome = (wanted: string): readonly string[] => [...steps].flatMap(([id, { outcome }]) => (outcome === wanted ? [id] : []));
  const values = [...outcomes, ...unexpected].flatMap(([key, state]) => (typeof state === 'object' ? [[key, state.value] as const] : []));
  const hasValue = (key: string): boolean => Object.hasOwn(world.sources, key) || typeof stored.get(key) === 'object';
  return {
    ...(missing.size > 0 ? { error: 'MISSING_VALUE' } : { success: withOutcome('failed').length === 0 }),
    executed: started,
    skipped: withOutcome('skipped'),
    failed: withOutcome('failed'),
    blocked: withOutcome('blocked'),
    selectedOutputs: new Map(started.map((id) => [id, [...(need.get(id) ?? [])]])),
    materialized: new Map(values),
    unexpected: [...unexpected.keys()],
    reused: [],
    unchanged: [],
    absent: [],
    state: new Map(),
    loaded: [...new Set(started.flatMap((id) => loaded.get(id) ?? []))].filter(hasValue),
  };
}

const folder = fileURLToPath(new URL('subset', import.meta.url));

for (const file of vectorFiles(folder)) {
  test(`${file}: the reference of the kit does what every run is expected to do`, () => {
    const mismatches: string[] = [];
    let runs = 0;
    for (const [index, line] of readFileSync(join(folder, file), 'utf8').trimEnd().split('\n').entries()) {
      const shape = readCase(line, `${file}:${index + 1}`);
      const world = worldOf(shape);
      const everything = new Set(
        Object.values(world.steps).flatMap(({ outputs }) => Object.values(outputs).flatMap(({ asset }) => asset ?? [])),
      );
      const first: Question = {
        select: everything,
        unselectedOutputs: 'discard',
        inGraphUpstream: 'recompute',
        crossGraphUpstream: 'recompute',
        stored: new Map(),
      };
      const stored = new Map([...evaluate(world, first).outcomes].filter(([, state]) => state !== 'failed' && state !== 'blocked'));
      const { unselectedOutputs, inGraphUpstream } = shape.policy;
      const policy = {
        unselectedOutputs,
        inGraphUpstream: inGraphUpstream === 'load' ? 'load' : 'recompute',
        crossGraphUpstream: 'load',
      } as const;
      for (const { select, expect: expected } of shape.runs) {
        runs += 1;
        const answer = evaluate(world, { ...policy, select: new Set(select), stored });
        mismatches.push(
          ...compare(expected, observed(world, answer, stored)).map((each) => `${shape.id} select=[${select.join(', ')}] ${each}`),
        );
      }
    }
    expect(mismatches.slice(0, 20)).toEqual([]);
    expect(runs).toBeGreaterThan(1000);
  });
}
