/** Predecessors by node: `edges[i]` lists the nodes that must come before `i`. */
export type Predecessors = readonly (readonly number[])[];

/** Either every node in an order that respects the edges, or a shortest cycle. */
export type Sorted = { readonly order: readonly number[] } | { readonly cycle: readonly number[] };

const UNSEEN = 0;
const OPEN = 1;
const DONE = 2;

/**
 * Orders nodes so that predecessors come first; nodes that do not depend on each other keep their given order as far as possible.
 * Linear, and iterative: a chain of any length costs no stack. A cycle is searched for only when there is one (quadratic in its size).
 */
export function topologicalOrder(predecessors: Predecessors): Sorted {
  const state = new Uint8Array(predecessors.length);
  const order: number[] = [];
  for (let root = 0; root < predecessors.length; root += 1) {
    if (state[root] === UNSEEN && !visit(predecessors, { root, state, order })) return { cycle: shortestCycle(predecessors) };
  }
  return { order };
}

interface Visit {
  readonly root: number;
  readonly state: Uint8Array;
  readonly order: number[];
}

/** Depth first, post-order, with a stack of its own. False when an open node was met again. */
function visit(predecessors: Predecessors, { root, state, order }: Visit): boolean {
  const path: { readonly node: number; next: number }[] = [{ node: root, next: 0 }];
  state[root] = OPEN;
  for (let top = path[0]; top !== undefined; top = path[path.length - 1]) {
    const before = predecessors[top.node]?.[top.next];
    if (before === undefined) {
      state[top.node] = DONE;
      order.push(top.node);
      path.pop();
      continue;
    }
    top.next += 1;
    if (state[before] === OPEN) return false;
    if (state[before] === UNSEEN) {
      state[before] = OPEN;
      path.push({ node: before, next: 0 });
    }
  }
  return true;
}

/** A shortest cycle of a graph that has one, as nodes in the direction of the flow, the first one not repeated. */
function shortestCycle(predecessors: Predecessors): readonly number[] {
  let best: readonly number[] = [];
  for (let node = 0; node < predecessors.length; node += 1) {
    const cycle = cycleThrough(predecessors, node);
    if (cycle !== undefined && (best.length === 0 || cycle.length < best.length)) best = cycle;
    if (best.length === 1) break;
  }
  return best;
}

/** Breadth first against the flow from `start` until `start` is met again. */
function cycleThrough(predecessors: Predecessors, start: number): readonly number[] | undefined {
  const towards = new Map<number, number>();
  const queue = [start];
  for (let head = 0; head < queue.length; head += 1) {
    const node = queue[head] ?? start;
    for (const before of predecessors[node] ?? []) {
      if (before === start) return walkBack(towards, node, start);
      if (towards.has(before)) continue;
      towards.set(before, node);
      queue.push(before);
    }
  }
  return undefined;
}

function walkBack(towards: ReadonlyMap<number, number>, last: number, start: number): readonly number[] {
  const cycle = [start];
  for (let node: number | undefined = last; node !== undefined && node !== start; node = towards.get(node)) cycle.push(node);
  return cycle;
}
