import { invariant } from '../kernel/invariant.ts';
import type { Epoch, EpochGraph } from './epoch.ts';
import { NodeSet } from './node-set.ts';

/**
 * The epoch by counting: the cone of everything downstream of a mark is walked once, and a node is free when all its predecessors in the
 * cone are done. Linear in the cone, also where a change stops early, and in memory; the fallback for very large graphs.
 */
export function countingEpoch(graph: EpochGraph): Epoch {
  return new CountingEpoch(graph);
}

class CountingEpoch implements Epoch {
  readonly #graph: EpochGraph;
  readonly #successors: readonly (readonly number[])[];
  readonly #dirty: NodeSet;
  readonly #ready: NodeSet;
  readonly #runningNodes: NodeSet;
  readonly #cone: NodeSet;
  /** For nodes of the cone: predecessors in the cone that are not done. */
  readonly #pending: Int32Array;
  #marked: number[] = [];
  #dirtyCount = 0;
  #runningCount = 0;

  constructor(graph: EpochGraph) {
    const size = graph.predecessors.length;
    this.#graph = graph;
    this.#successors = successorsOf(graph);
    this.#dirty = new NodeSet(size);
    this.#ready = new NodeSet(size);
    this.#runningNodes = new NodeSet(size);
    this.#cone = new NodeSet(size);
    this.#pending = new Int32Array(size);
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
    this.#dirtyCount += 1;
    if (!this.#cone.has(node)) this.#marked.push(node);
  }

  next(): number {
    this.#openCone();
    const node = this.#ready.lowest();
    if (node < 0) return -1;
    this.#ready.delete(node);
    this.#dirty.delete(node);
    this.#dirtyCount -= 1;
    this.#runningNodes.add(node);
    this.#runningCount += 1;
    return node;
  }

  settle(node: number, woken: Iterable<number>): void {
    invariant(this.#runningNodes.has(node), 'only a running node settles, and once');
    this.#runningNodes.delete(node);
    this.#runningCount -= 1;
    for (const reader of woken) this.mark(reader);
    this.#done(node);
  }

  /** Adds what new marks reach to the cone, and frees what waits for nothing. */
  #openCone(): void {
    if (this.#marked.length === 0) return;
    const added: number[] = [];
    const open = this.#marked;
    this.#marked = [];
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      if (this.#cone.has(node)) continue;
      this.#cone.add(node);
      added.push(node);
      for (const reader of this.#successors[node] ?? []) open.push(reader);
    }
    for (const node of added)
      this.#pending[node] = (this.#graph.predecessors[node] ?? []).filter((before) => this.#cone.has(before)).length;
    for (const node of added) if (this.#pending[node] === 0 && this.#dirty.has(node)) this.#ready.add(node);
  }

  /** Leaves the cone and passes that on; a node that nothing marked is done as soon as all before it are. */
  #done(first: number): void {
    const open = [first];
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      this.#cone.delete(node);
      for (const reader of this.#successors[node] ?? []) {
        const left = (this.#pending[reader] ?? 0) - 1;
        this.#pending[reader] = left;
        if (left > 0) continue;
        if (this.#dirty.has(reader)) this.#ready.add(reader);
        else open.push(reader);
      }
    }
  }
}

function successorsOf({ predecessors }: EpochGraph): readonly (readonly number[])[] {
  const successors: number[][] = predecessors.map(() => []);
  predecessors.forEach((before, node) => {
    for (const each of before) successors[each]?.push(node);
  });
  return successors;
}
