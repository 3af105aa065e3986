/** What an epoch knows of a graph: for every node, in topological order, the nodes that must settle first (all with lower numbers). */
export interface EpochGraph {
  readonly predecessors: readonly (readonly number[])[];
}

/**
 * One ordered round through the graph, as a plain state machine: it says who may start next, and nothing else. It holds no values, starts
 * nothing and waits for nothing.
 *
 * The rule: a node may start once nothing before it is dirty or running. So it sees every input as it is at the end of the epoch, whatever
 * the order in which running nodes settle, and each node starts at most once an epoch.
 *
 * The idea is Jane Street Incremental's recompute heap with a static topological index for the height, and timely dataflow's progress rule
 * for what runs asynchronously.
 */
export interface Epoch {
  /** Says that a node's inputs changed. Called before the epoch is pumped for the nodes that a change from outside touches. */
  mark(node: number): void;
  /** A node that may start now, lowest first, which then counts as running; -1 when none may until another one settles. */
  next(): number;
  /** A running node is done. `woken` are the readers for which something changed: they are marked. */
  settle(node: number, woken: Iterable<number>): void;
  /** How many nodes run now. */
  readonly running: number;
  /** True when nothing is dirty and nothing runs: the epoch is over. */
  readonly settled: boolean;
}
