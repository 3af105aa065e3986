import { frozenMap } from '../../lib/kernel/frozen-collections.ts';
import { NO_FORMER_NAMES } from '../../lib/model/aliases.ts';
import { assetKey, type AssetKey } from '../../lib/model/asset-key.ts';
import type { AssetDefinition, AssetsDefinition } from '../../lib/model/assets-from-graph.ts';
import { define } from '../../lib/model/definitions.ts';
import { flatten, type FlatGraph, type LocalEntry, type LocalStep } from '../../lib/model/flatten.ts';
import type { AnyGraph } from '../../lib/model/graph.ts';
import { op } from '../../lib/model/op.ts';
import { input } from '../../lib/model/port.ts';
import { source } from '../../lib/model/source.ts';
import { plan, type Plan, type PlanOptions } from '../../lib/plan/plan.ts';

/** Frames carry what a run would read from a store: inputs and outputs under keys of their own, so that both may have one name. */
const IN = 'in';
const OUT = 'out';

/** What a bare graph is planned with. */
export interface FrameOptions extends Pick<PlanOptions<unknown>, 'config' | 'resources' | 'pools'> {
  readonly select: ReadonlySet<string>;
  /** How many entries each list input has, where that is not one. */
  readonly entries?: ReadonlyMap<string, number>;
}

// Each output passes through an op of its own: so an output may be transient, or be returned under two names, which no asset may.
const pass = op({ name: '$pass', inputs: { value: input<unknown>() }, run: ({ value }) => value });

/**
 * Plans a graph that backs no asset: its inputs are sources, its outputs assets that nobody records, and its steps have the ids that they
 * have in the graph.
 *
 * @throws SelectionError INVALID_CONFIG, MISSING_RESOURCE, UNKNOWN_RESOURCE, UNKNOWN_POOL, INVALID_OPTION
 */
export function planFrame(target: AnyGraph, { select, entries = new Map(), ...planning }: FrameOptions): Plan {
  const inputs = Object.keys(target.inputs).flatMap((name) => entryNames(name, entries.get(name)));
  const definition: AssetsDefinition = Object.freeze({
    kind: 'assets',
    name: target.name,
    graph: target,
    canSubset: true,
    upstream: frozenMap(inputs.map((name) => [name, inKey(name)])),
    assets: frozenMap(target.outputNames.map((output): readonly [AssetKey, AssetDefinition] => assetOf(output))),
    flat: withPasses(spread(flatten(target), entries)),
    declaredDeps: frozenMap<AssetKey, readonly AssetKey[]>([]),
    former: NO_FORMER_NAMES,
  });
  const defs = define({ assets: [definition, ...inputs.map((name) => source([IN, name]))] });
  return plan(defs, { ...planning, select: [...select].map((output) => outKey(output)) });
}

/** The key under which a frame carries one entry of an input; the first one's is the input's own. */
export function inKey(name: string): AssetKey {
  return assetKey([IN, name], 'a frame');
}

/** The names of the entries of an input that has so many. */
export function entryNames(name: string, count = 1): readonly string[] {
  return Array.from({ length: count }, (_, index) => (index === 0 ? name : `${name}[${index}]`));
}

/** The output that a key stands for. */
export function outputAt(key: AssetKey): string {
  return key.slice(OUT.length + 1);
}

function outKey(name: string): AssetKey {
  return assetKey([OUT, name], 'a frame');
}

function assetOf(output: string): readonly [AssetKey, AssetDefinition] {
  const key = outKey(output);
  return [key, Object.freeze({ key, output, notes: Object.freeze({}), hooks: undefined })];
}

/** Puts each entry of a list input where the input stood. */
function spread({ steps, outputs }: FlatGraph, entries: ReadonlyMap<string, number>): FlatGraph {
  const place = (entry: LocalEntry): readonly LocalEntry[] =>
    entry.from === 'step' ? [entry] : entryNames(entry.input, entries.get(entry.input)).map((name) => ({ from: 'input', input: name }));
  const placed = steps.map((step) => ({
    ...step,
    inputs: step.inputs.map((each) => ({ ...each, entries: each.entries.flatMap(place) })),
  }));
  return { steps: placed, outputs };
}

function withPasses({ steps, outputs }: FlatGraph): FlatGraph {
  const passes = [...outputs].map(([output, place], index): readonly [string, LocalStep] => {
    const entries = [{ from: 'step', ...place }] as const;
    return [
      output,
      { path: `$pass_${index}`, op: pass, within: [], inputs: [{ name: 'value', kind: 'value', optional: false, hold: false, entries }] },
    ];
  });
  return Object.freeze({
    steps: Object.freeze([...steps, ...passes.map(([, step]) => Object.freeze(step))]),
    outputs: frozenMap(passes.map(([output], index) => [output, Object.freeze({ step: steps.length + index, output: 0 })])),
  });
}
