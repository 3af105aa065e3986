/** A set of small whole numbers, one bit each, that gives its lowest member fast. */
export class NodeSet {
  readonly words: Uint32Array;
  /** No word below this one has a bit. */
  #low: number;

  constructor(size: number) {
    this.words = new Uint32Array((size + 31) >>> 5);
    this.#low = this.words.length;
  }

  add(node: number): void {
    const word = node >>> 5;
    this.words[word] = (this.words[word] ?? 0) | (1 << (node & 31));
    if (word < this.#low) this.#low = word;
  }

  delete(node: number): void {
    const word = node >>> 5;
    this.words[word] = (this.words[word] ?? 0) & ~(1 << (node & 31));
  }

  has(node: number): boolean {
    return (((this.words[node >>> 5] ?? 0) >>> (node & 31)) & 1) === 1;
  }

  /** The lowest member, or -1. Amortized over ascending removals it passes each word once. */
  lowest(): number {
    while (this.#low < this.words.length) {
      const word = this.words[this.#low] ?? 0;
      if (word !== 0) return (this.#low << 5) + 31 - Math.clz32(word & -word);
      this.#low += 1;
    }
    return -1;
  }

  /** Adds every member of another set of the same size. */
  addAll(other: NodeSet): void {
    for (let word = 0; word < this.words.length; word += 1) this.words[word] = (this.words[word] ?? 0) | (other.words[word] ?? 0);
    this.#low = 0;
  }
}
