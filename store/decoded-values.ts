/** How many bytes of values are kept decoded, counted as they are encoded. */
const MOST_BYTES = 32 * 2 ** 20;
/** Of how many values it is remembered that they were not worth comparing. */
const MOST_MISSES = 10_000;
/** A chain of versions that differ in everything is tried again every so often. */
const LONGEST_PAUSE = 32;

interface Decoded {
  readonly value: unknown;
  readonly bytes: number;
}

/** The values that were last decoded: the next version of an asset is compared with the one before. And which were compared for nothing. */
export class DecodedValues {
  readonly #mostBytes: number;
  /** By the hex of the key, least recently used first. */
  readonly #values = new Map<string, Decoded>();
  /** How many versions in a row, up to this one, were no small change of the one before. */
  readonly #misses = new Map<string, number>();
  #bytes = 0;

  constructor(mostBytes: number = MOST_BYTES) {
    this.#mostBytes = mostBytes;
  }

  /** How many bytes are kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A value that was put here, or is decoded now. */
  get(key: Buffer, read: () => Decoded | undefined): Decoded | undefined {
    const name = key.toString('hex');
    const found = this.#values.get(name) ?? read();
    if (found !== undefined) this.put(key, found);
    return found;
  }

  /** Keeps a value until others were used that take all the room. */
  put(key: Buffer, decoded: Decoded): void {
    const name = key.toString('hex');
    this.#forget(name);
    if (decoded.bytes > this.#mostBytes) return;
    this.#values.set(name, decoded);
    this.#bytes += decoded.bytes;
    for (const oldest of this.#values.keys()) {
      if (this.#bytes <= this.#mostBytes) return;
      this.#forget(oldest);
    }
  }

  #forget(name: string): void {
    this.#bytes -= this.#values.get(name)?.bytes ?? 0;
    this.#values.delete(name);
  }

  /** Whether to compare a value with what comes after it: ever more seldom where that came to nothing. */
  isWorthwhile(base: Buffer): boolean {
    const misses = this.#misses.get(base.toString('hex')) ?? 0;
    return (misses & (misses - 1)) === 0 || misses % LONGEST_PAUSE === 0;
  }

  /** Remembers what came of comparing a value with the one before. */
  note(base: Buffer, key: Buffer, wasWorthwhile: boolean): void {
    const name = base.toString('hex');
    const misses = wasWorthwhile ? 0 : (this.#misses.get(name) ?? 0) + 1;
    this.#misses.delete(name);
    if (misses === 0) return;
    if (this.#misses.size >= MOST_MISSES) this.#misses.clear();
    this.#misses.set(key.toString('hex'), misses);
  }
}
