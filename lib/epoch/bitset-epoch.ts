import { invariant } from '../kernel/invariant.ts';
import type { Epoch, EpochGraph } from './epoch.ts';
import { NodeSet } from './node-set.ts';

/**
 * The epoch by dirty bits and ancestor sets: work in proportion to what changed, whatever the size of the graph.
 *
 * Where nothing runs, the lowest dirty node is free, and no guard is paid for. Beside a running node, a dirty one is free if none of its
 * ancestors is dirty or running; if one is, the node is parked on the nearest of them and looked at again only when that one settles.
 */
export function bitsetEpoch(graph: EpochGraph): Epoch {
  return new BitsetEpoch(graph);
}

class BitsetEpoch implements Epoch {
  readonly #graph: EpochGraph;
  /** Marked and not started: the union of candidates and parked nodes. */
  readonly #dirty: NodeSet;
  /** Dirty and not parked. */
  readonly #candidates: NodeSet;
  readonly #runningNodes: NodeSet;
  readonly #parkedOn = new Map<number, number[]>();
  #dirtyCount = 0;
  #runningCount = 0;
  // Made when the first node starts beside a running one: a graph of synchronous steps never needs them.
  #ancestors: readonly NodeSet[] | undefined;

  constructor(graph: EpochGraph) {
    const size = graph.predecessors.length;
    this.#graph = graph;
    this.#dirty = new NodeSet(size);
    this.#candidates = new NodeSet(size);
    this.#runningNodes = new NodeSet(size);
  }

  get running(): number {
    return this.#runningCount;
  }

  get settled(): boolean {
    return this.#dirtyCount === 0 && this.#runningCount === 0;
  }

  mark(node: number): void {
    if (this.#dirty.has(node)) return;
    invariant(!this.#runningNodes.has(node), 'what is upstream of a running node has settled, so nothing can mark it');
    this.#dirty.add(node);
    this.#candidates.add(node);
    this.#dirtyCount += 1;
  }

  next(): number {
    for (let node = this.#candidates.lowest(); node >= 0; node = this.#candidates.lowest()) {
      this.#candidates.delete(node);
      const blocker = this.#runningCount === 0 ? -1 : this.#nearestBlocker(node);
      if (blocker < 0) return this.#start(node);
      const parked = this.#parkedOn.get(blocker);
      if (parked === undefined) this.#parkedOn.set(blocker, [node]);
      else parked.push(node);
    }
    return -1;
  }

  settle(node: number, woken: Iterable<number>): void {
    invariant(this.#runningNodes.has(node), 'only a running node settles, and once');
    this.#runningNodes.delete(node);
    this.#runningCount -= 1;
    for (const parked of this.#parkedOn.get(node) ?? []) this.#candidates.add(parked);
    this.#parkedOn.delete(node);
    for (const reader of woken) this.mark(reader);
  }

  #start(node: number): number {
    this.#dirty.delete(node);
    this.#dirtyCount -= 1;
    this.#runningNodes.add(node);
    this.#runningCount += 1;
    return node;
  }

  /** The highest ancestor that is dirty or running, or -1. The highest, since a chain then parks each node on the one before it. */
  #nearestBlocker(node: number): number {
    this.#ancestors ??= ancestorsOf(this.#graph);
    const { words } = this.#ancestors[node] ?? this.#dirty;
    for (let word = node >>> 5; word >= 0; word -= 1) {
      const hit = (words[word] ?? 0) & ((this.#dirty.words[word] ?? 0) | (this.#runningNodes.words[word] ?? 0));
      if (hit !== 0) return (word << 5) + 31 - Math.clz32(hit);
    }
    return -1;
  }
}

/** For every node, everything before it. Quadratic in bits: n²/8 bytes. */
function ancestorsOf({ predecessors }: EpochGraph): readonly NodeSet[] {
  const sets: NodeSet[] = [];
  for (const before of predecessors) {
    const set = new NodeSet(predecessors.length);
    for (const node of before) {
      const known = sets[node];
      invariant(known !== undefined, 'predecessors have lower numbers');
      set.addAll(known);
      set.add(node);
    }
    sets.push(set);
  }
  return sets;
}
