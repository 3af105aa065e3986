import { bitsetEpoch } from './bitset-epoch.ts';
import { countingEpoch } from './counting-epoch.ts';
import type { Epoch, EpochGraph } from './epoch.ts';

/** Beyond this many nodes the ancestor sets (n²/8 bytes: 50 MB here) cost more than counting the cone. */
const LARGEST_BITSET = 20_000;

/** The epoch for a graph: by ancestor bitsets, or by counting where those would be too large. Both give the same answers. */
export function createEpoch(graph: EpochGraph): Epoch {
  return graph.predecessors.length <= LARGEST_BITSET ? bitsetEpoch(graph) : countingEpoch(graph);
}
