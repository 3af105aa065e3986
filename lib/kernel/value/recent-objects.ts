/**
 * Facts about objects by identity, of which those that nobody asked for lately are forgotten: a WeakMap that stays small.
 *
 * V8 has some two million hashes for objects. A WeakMap with about a million keys that are alive, or dead and not yet collected, takes
 * thousands of times as long for each further one. So there are two: a full one becomes the older one, and what is asked for in that moves over.
 *
 * Who uses it must be able to find a fact again. Cost: that of one or two WeakMaps for an access.
 */
export class RecentObjects<Fact extends {}> {
  readonly #most: number;
  #recent = new WeakMap<object, Fact>();
  #older = new WeakMap<object, Fact>();
  /** How many were put into `#recent`, of which some may be dead. */
  #count = 0;

  /** `most` are remembered at least, and twice as many at most. */
  constructor(most: number = MOST) {
    this.#most = most;
  }

  get(object: object): Fact | undefined {
    const fact = this.#recent.get(object);
    if (fact !== undefined) return fact;
    const older = this.#older.get(object);
    if (older !== undefined) this.set(object, older);
    return older;
  }

  set(object: object, fact: Fact): void {
    if (this.#count === this.#most) {
      this.#older = this.#recent;
      this.#recent = new WeakMap();
      this.#count = 0;
    }
    this.#recent.set(object, fact);
    this.#count += 1;
  }
}

/** Large enough for what a graph passes on in a moment, and a quarter of where a WeakMap of V8 becomes slow. */
const MOST = 2 ** 18;
