const KEY_BYTES = 32;
/** How many values that a prune left are remembered at most: 32 MiB. */
export const MOST_REMEMBERED: number = 2 ** 20;
/** Keys that are noted at most, of about 150 bytes each. */
const MOST_NOTED = 2 ** 18;

/**
 * Which values a store has, remembered from one prune to the next: those that it left, and those that were written or referred to since. So the
 * next one looks at these, and at none of the many that were removed. Where they are too many, nothing is remembered, and a prune looks at all.
 */
export class KeptValues {
  /** Keys of values, one behind the other. */
  #left: Buffer | undefined;
  /** In hex. */
  #noted: Set<string> | undefined;

  /** Whether anything is to be noted. */
  get isNoting(): boolean {
    return this.#noted !== undefined;
  }

  /** Notes a value that was written or referred to, by the hex of its key. */
  note(key: string): void {
    this.#noted?.add(key);
    if (this.#noted !== undefined && this.#noted.size > MOST_NOTED) this.forget();
  }

  /** A prune begins: gives the keys of all values that may be there, or `undefined` where nobody knows. From here on, what comes is noted. */
  begin(): readonly Buffer[] | undefined {
    const known = this.#left === undefined || this.#noted === undefined ? undefined : [...keysIn(this.#left, this.#noted)];
    this.#left = undefined;
    this.#noted = new Set();
    return known;
  }

  /** A prune has come to its end, and left these. */
  end(left: readonly Buffer[] | undefined): void {
    this.#left = left && Buffer.concat(left);
  }

  /** Notes nothing any more: the next prune looks at all. */
  forget(): void {
    this.#left = undefined;
    this.#noted = undefined;
  }
}

function* keysIn(left: Buffer, noted: ReadonlySet<string>): Generator<Buffer, void, undefined> {
  for (let at = 0; at < left.length; at += KEY_BYTES) {
    const key = left.subarray(at, at + KEY_BYTES);
    if (!noted.has(key.toString('hex'))) yield key;
  }
  for (const key of noted) yield Buffer.from(key, 'hex');
}
