import fc from 'fast-check';
import type { Epoch, EpochGraph } from '../../../lib/epoch/epoch.ts';

/** A graph, the nodes that a change from outside marks, and everything that is left to chance while the epoch goes on. */
export interface EpochCase {
  readonly graph: EpochGraph;
  readonly marks: readonly number[];
  /** How many nodes may run at a time; 1 is a synchronous epoch. */
  readonly concurrency: number;
  /** Answers the next question with a number. */
  readonly chance: () => number;
}

/** Random graphs in topological order, sparse to dense, around the sizes of words. */
export function epochCases(maxNodes = 70): fc.Arbitrary<EpochCase> {
  const offsets = fc.array(fc.nat({ max: 40 }), { maxLength: 4 });
  return fc
    .record({
      nodes: fc.array(offsets, { minLength: 1, maxLength: maxNodes, size: 'max' }),
      marks: fc.array(fc.nat({ max: 10_000 }), { minLength: 1, maxLength: 8 }),
      concurrency: fc.integer({ min: 1, max: 5 }),
      chances: fc.infiniteStream(fc.nat({ max: 9_999 })),
    })
    .map(({ nodes, marks, concurrency, chances }) => ({
      // Offsets back, so that nodes can be left out of a failing case and it stays a graph.
      graph: {
        predecessors: nodes.map((back, node) => [...new Set(back.filter((offset) => offset < node).map((offset) => node - 1 - offset))]),
      },
      marks: marks.map((mark) => mark % nodes.length),
      concurrency,
      chance: () => chances.next().value ?? 0,
    }));
}

/** Everything before each node, also indirectly. */
export function ancestorsOf({ predecessors }: EpochGraph): readonly ReadonlySet<number>[] {
  const sets: Set<number>[] = [];
  for (const before of predecessors) sets.push(new Set(before.flatMap((node) => [node, ...(sets[node] ?? [])])));
  return sets;
}

/** The nodes that read each node directly. */
function readersOf({ predecessors }: EpochGraph): readonly (readonly number[])[] {
  const readers: number[][] = predecessors.map(() => []);
  predecessors.forEach((before, node) => before.forEach((each) => readers[each]?.push(node)));
  return readers;
}

/** The rule and nothing else: the lowest dirty node with nothing dirty or running before it. */
export class NaiveEpoch implements Epoch {
  readonly dirty = new Set<number>();
  readonly now = new Set<number>();
  readonly #ancestors: readonly ReadonlySet<number>[];

  constructor(graph: EpochGraph) {
    this.#ancestors = ancestorsOf(graph);
  }

  get running(): number {
    return this.now.size;
  }

  get settled(): boolean {
    return this.dirty.size === 0 && this.now.size === 0;
  }

  mark(node: number): void {
    this.dirty.add(node);
  }

  next(): number {
    const isFree = (node: number): boolean =>
      [...(this.#ancestors[node] ?? [])].every((before) => !this.dirty.has(before) && !this.now.has(before));
    const node = [...this.dirty].toSorted((a, b) => a - b).find(isFree);
    if (node === undefined) return -1;
    this.dirty.delete(node);
    this.now.add(node);
    return node;
  }

  settle(node: number, woken: Iterable<number>): void {
    this.now.delete(node);
    for (const reader of woken) this.mark(reader);
  }
}

/** One thing that happened to an epoch. */
export type Move =
  | { readonly type: 'start'; readonly node: number }
  | { readonly type: 'wait' }
  | { readonly type: 'settle'; readonly node: number; readonly woken: readonly number[] };

/**
 * Drives an epoch to its end: starts what may start up to the concurrency, then settles some running node, which wakes some of its readers.
 * `tell` gets every move, after it was made. Throws where the epoch is stuck.
 */
export function drive(
  epoch: Epoch,
  { graph, marks, concurrency, chance }: EpochCase,
  tell: (move: Move) => void = () => undefined,
): readonly number[] {
  const readers = readersOf(graph);
  const running: number[] = [];
  const started: number[] = [];
  for (const mark of marks) epoch.mark(mark);
  for (let left = 10 * graph.predecessors.length + 10; !epoch.settled; left -= 1) {
    if (left === 0) throw new Error('the epoch does not come to an end');
    const node = running.length < concurrency ? epoch.next() : undefined;
    if (node !== undefined && node >= 0) {
      running.push(node);
      started.push(node);
      tell({ type: 'start', node });
      continue;
    }
    if (node !== undefined) tell({ type: 'wait' });
    const [done] = running.splice(chance() % Math.max(1, running.length), 1);
    if (done === undefined) throw new Error('not settled, nothing running, and nothing may start');
    // Often all, sometimes none, else some.
    const share = chance() % 4;
    const woken = (readers[done] ?? []).filter(() => share === 3 || (share > 0 && chance() % 2 === 0));
    epoch.settle(done, woken);
    tell({ type: 'settle', node: done, woken });
  }
  return started;
}
