import type { Position } from '../events/position.ts';
import type { OutputId } from '../events/store-port.ts';

/** Positions under a key, in order, for readers as of a position. */
export class PositionLists<Key> {
  readonly #lists = new Map<Key, Position[]>();

  /** Adds a position that is higher than all under this key. */
  add(key: Key, position: Position): void {
    const list = this.#lists.get(key);
    if (list === undefined) this.#lists.set(key, [position]);
    else list.push(position);
  }

  /** How many have a position. */
  get size(): number {
    return this.#lists.size;
  }

  /** Everything that has a position. */
  keys(): Iterable<Key> {
    return this.#lists.keys();
  }

  /** Every list of positions, in order. */
  lists(): Iterable<readonly Position[]> {
    return this.#lists.values();
  }

  /** The last position at `at` or before. */
  lastAt(key: Key, at: Position): Position | undefined {
    const list = this.#lists.get(key);
    return list === undefined ? undefined : lastAt(list, at);
  }
}

/** The last position of a list, which is in order, at `at` or before, by halving. */
export function lastAt(list: readonly Position[], at: Position): Position | undefined {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((list[middle] ?? 0) <= at) low = middle + 1;
    else high = middle;
  }
  return list[low - 1];
}

/** Positions by output. Three maps deep: names are shared strings whose hash is known, a joined name would be made anew each time. */
export class OutputPositions {
  readonly #definitions = new Map<string, Map<string, PositionLists<string>>>();
  #size = 0;

  /** How many outputs have a position. */
  get size(): number {
    return this.#size;
  }

  /** Adds a position that is higher than all of this output. */
  add({ definition, step, output }: OutputId, position: Position): void {
    let steps = this.#definitions.get(definition);
    if (steps === undefined) this.#definitions.set(definition, (steps = new Map()));
    let outputs = steps.get(step);
    if (outputs === undefined) steps.set(step, (outputs = new PositionLists()));
    const before = outputs.size;
    outputs.add(output, position);
    this.#size += outputs.size - before;
  }

  /** The last position at `at` or before. */
  lastAt({ definition, step, output }: OutputId, at: Position): Position | undefined {
    return this.#definitions.get(definition)?.get(step)?.lastAt(output, at);
  }

  /** Every output that has a position. */
  *ids(): Generator<OutputId, void, undefined> {
    for (const [definition, steps] of this.#definitions)
      for (const [step, outputs] of steps) for (const output of outputs.keys()) yield Object.freeze({ definition, step, output });
  }

  /** The positions of each output, in order. */
  *lists(): Generator<readonly Position[], void, undefined> {
    for (const steps of this.#definitions.values()) for (const outputs of steps.values()) yield* outputs.lists();
  }
}
