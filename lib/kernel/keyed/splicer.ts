/** A list with places of it replaced, from front to back; the list itself stays as it is. Copies nothing before something is replaced. */
export class Splicer<T> {
  readonly #list: readonly T[];
  /** The first place that is replaced, and by what: nearly always the only one, which is then one native copy. */
  #first: { readonly place: number; readonly count: number; readonly items: readonly T[] } | undefined = undefined;
  /** The list up to `done`, once there is a second one. */
  #next: T[] | undefined = undefined;
  #done = 0;

  constructor(list: readonly T[]) {
    this.#list = list;
  }

  /** How much of the list is behind: places from here on can be replaced. */
  get done(): number {
    return this.#done;
  }

  /** Whether nothing was replaced. */
  get isSame(): boolean {
    return this.#first === undefined;
  }

  /** Puts `items` in the place of `count` items of the list from `place`, which is not before `done`. */
  splice(place: number, count: number, items: readonly T[]): void {
    if (this.#first === undefined) {
      this.#first = { place, count, items };
    } else {
      this.#next ??= this.#list.slice(0, this.#first.place).concat(this.#first.items);
      append(this.#next, this.#list, this.#done, place);
      append(this.#next, items, 0, items.length);
    }
    this.#done = place + count;
  }

  /** The list with everything replaced. */
  finish(): readonly T[] {
    if (this.#first === undefined) return this.#list;
    const { place, count, items } = this.#first;
    const [item] = items;
    if (this.#next === undefined && item !== undefined && items.length === 1) return this.#list.toSpliced(place, count, item);
    this.#next ??= this.#list.slice(0, place).concat(items);
    append(this.#next, this.#list, this.#done, this.#list.length);
    this.#done = this.#list.length;
    return this.#next;
  }
}

function append<T>(to: T[], from: readonly T[], start: number, end: number): void {
  for (const item of start === 0 && end === from.length ? from : from.slice(start, end)) to.push(item);
}
