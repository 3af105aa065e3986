import { invariant } from '../kernel/invariant.ts';
import type { RunPolicies } from '../events/logged-event.ts';
import type { AssetKey } from '../model/asset-key.ts';
import type { Definitions } from '../model/definitions.ts';
import type { Entry, Step } from '../model/step-graph.ts';

/** What a step reads in one slot of a run: an output of a step that is in the plan too, or a value of the store. */
export type Supply = { readonly from: 'step' } | { readonly from: 'store'; readonly key: AssetKey; readonly source: boolean };

/** Step index → which of its outputs are in need, in declared order. Steps that are not in it do not run (N4). */
export type Need = ReadonlyMap<number, ReadonlySet<number>>;

/**
 * Says whether the path ends at an entry: sources always come from the store; an unselected asset does where the policy says so, for
 * siblings (N6 `load`) and for assets of another definition (N5 `load`).
 */
export function supplyOf(defs: Definitions, reader: Step, { entry, selection, policies }: SupplyQuestion): Supply {
  if (entry.from === 'source') return { from: 'store', key: entry.key, source: true };
  const producer = defs.graph.steps[entry.step];
  invariant(producer !== undefined, 'every entry points at a step of the graph');
  const key = producer.outputs[entry.output]?.key;
  if (key === undefined || selection.has(key)) return { from: 'step' };
  const policy = producer.definition === reader.definition ? policies.inGraphUpstream : policies.crossGraphUpstream;
  return policy === 'load' ? { from: 'store', key, source: false } : { from: 'step' };
}

/** One entry, and what decides where it comes from. */
export interface SupplyQuestion {
  readonly entry: Entry;
  readonly selection: ReadonlySet<AssetKey>;
  readonly policies: RunPolicies;
}

/**
 * The outputs that it takes to make a selection: those of the selected assets and, backwards through every wire, every output that reaches
 * them, as far as policies do not end a path (N3). Linear in the part of the graph that it reaches.
 */
export function needOf(defs: Definitions, selection: ReadonlySet<AssetKey>, policies: RunPolicies): Need {
  const need = new Map<number, Set<number>>();
  const open: number[] = [];
  const add = (step: number, output: number): void => {
    const known = need.get(step);
    if (known === undefined) open.push(step);
    if (known === undefined) need.set(step, new Set([output]));
    else known.add(output);
  };
  for (const key of selection) {
    const asset = defs.assets.get(key);
    if (asset !== undefined) add(asset.step, asset.outputIndex);
  }
  for (let index = open.pop(); index !== undefined; index = open.pop()) {
    const step = defs.graph.steps[index];
    invariant(step !== undefined, 'need only holds steps of the graph');
    for (const entry of step.inputs.flatMap(({ entries }) => entries)) {
      if (entry.from === 'step' && supplyOf(defs, step, { entry, selection, policies }).from === 'step') add(entry.step, entry.output);
    }
  }
  return need;
}
