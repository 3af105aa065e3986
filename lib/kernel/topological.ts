/** Predecessors by node: `edges[i]` lists the nodes that must come before `i`. */
export type Predecessors = readonly (readonly number[])[];

/** Either every node in an order that respects the edges, or a shortest cycle. */
export type Sorted = { readonly order: readonly number[] } | { readonly cycle: readonly number[] };

const UNSEEN = 0;
const OPEN = 1;
const DONE = 2;

/**
 * Orders nodes so that predecessors come first; nodes that do not depend on each other keep their given order as far as possible.
 * Linear, and iterative: a chain of any length costs no stack. A shortest cycle is searched for only when there is one.
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

/**
 * A shortest cycle of a graph that has one, as nodes in the direction of the flow, the first one not repeated. A node whose cycles are
 * known is taken out, and with it all that is on no other cycle: one long cycle costs one search, not one a node.
 */
function shortestCycle(predecessors: Predecessors): readonly number[] {
  const cyclic = new CyclicPart(predecessors);
  let best: readonly number[] = [];
  for (let node = 0; node < predecessors.length && best.length !== 1; node += 1) {
    if (!cyclic.has(node)) continue;
    const cycle = cycleThrough(predecessors, cyclic, { start: node, shorterThan: best.length === 0 ? Infinity : best.length });
    if (cycle !== undefined) best = cycle;
    cyclic.remove(node);
  }
  return best;
}

/** The nodes that have both a predecessor and a successor among themselves: no node of a cycle is ever missing. */
class CyclicPart {
  readonly #predecessors: Predecessors;
  readonly #successors: readonly number[][];
  readonly #alive: Uint8Array;
  readonly #incoming: Int32Array;
  readonly #outgoing: Int32Array;

  constructor(predecessors: Predecessors) {
    this.#predecessors = predecessors;
    this.#successors = predecessors.map(() => []);
    predecessors.forEach((before, node) => {
      for (const each of before) this.#successors[each]?.push(node);
    });
    this.#alive = new Uint8Array(predecessors.length).fill(1);
    this.#incoming = Int32Array.from(predecessors, (before) => before.length);
    this.#outgoing = Int32Array.from(this.#successors, (after) => after.length);
    this.#drop([...predecessors.keys()].filter((node) => this.#incoming[node] === 0 || this.#outgoing[node] === 0));
  }

  has(node: number): boolean {
    return this.#alive[node] === 1;
  }

  remove(node: number): void {
    this.#drop([node]);
  }

  #drop(open: number[]): void {
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      if (this.#alive[node] === 0) continue;
      this.#alive[node] = 0;
      this.#loosen(this.#successors[node] ?? [], this.#incoming, open);
      this.#loosen(this.#predecessors[node] ?? [], this.#outgoing, open);
    }
  }

  #loosen(neighbours: readonly number[], degree: Int32Array, open: number[]): void {
    for (const each of neighbours) {
      const left = (degree[each] ?? 0) - 1;
      degree[each] = left;
      if (left === 0) open.push(each);
    }
  }
}

interface CycleSearch {
  readonly start: number;
  readonly shorterThan: number;
}

/** Breadth first against the flow from `start` until `start` is met again, as long as the cycle would be short enough. */
function cycleThrough(predecessors: Predecessors, cyclic: CyclicPart, { start, shorterThan }: CycleSearch): readonly number[] | undefined {
  const towards = new Map<number, number>();
  let border: readonly number[] = [start];
  for (let length = 1; length < shorterThan && border.length > 0; length += 1) {
    const last = border.find((node) => predecessors[node]?.includes(start));
    if (last !== undefined) return walkBack(towards, last, start);
    border = border.flatMap((node) => (predecessors[node] ?? []).filter((before) => reach(before, node)));
  }
  return undefined;

  function reach(before: number, from: number): boolean {
    const isNew = cyclic.has(before) && !towards.has(before);
    if (isNew) towards.set(before, from);
    return isNew;
  }
}

function walkBack(towards: ReadonlyMap<number, number>, last: number, start: number): readonly number[] {
  const cycle = [start];
  for (let node: number | undefined = last; node !== undefined && node !== start; node = towards.get(node)) cycle.push(node);
  return cycle;
}
