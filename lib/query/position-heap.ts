import type { Position } from '../events/position.ts';

/** Positions of which the highest is always the next one: a binary heap. */
export class PositionHeap {
  readonly #items: Position[] = [];

  /** Adds a position. */
  push(position: Position): void {
    const items = this.#items;
    let place = items.length;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const above = items[parent] ?? Infinity;
      if (above >= position) break;
      items[place] = above;
      place = parent;
    }
    items[place] = position;
  }

  /** Takes the highest position away; `undefined` where there is none. */
  pop(): Position | undefined {
    const items = this.#items;
    const highest = items[0];
    const moved = items.pop();
    if (moved === undefined || items.length === 0) return highest;
    let place = 0;
    for (let child = this.#higherChild(place); (items[child] ?? -1) > moved; child = this.#higherChild(place)) {
      items[place] = items[child] ?? moved;
      place = child;
    }
    items[place] = moved;
    return highest;
  }

  #higherChild(parent: number): number {
    const left = 2 * parent + 1;
    return (this.#items[left + 1] ?? -1) > (this.#items[left] ?? -1) ? left + 1 : left;
  }
}
