import type { Entry } from './lmdb-put.ts';

const SPACE_BYTES = 2 ** 20;
/** What is longer has a space to itself: others would keep it in memory. */
const LONGEST_SHARED = 2 ** 16;

/** Gives out stretches of large spaces: a buffer for each row is more work than to fill it, and the garbage collector moves each one about. */
export class ByteSpace {
  #space: Buffer = Buffer.alloc(0);
  #end = 0;

  /** Bytes for a key and its row that nobody else has. */
  take(keyBytes: number, rowBytes: number): Entry {
    const length = keyBytes + rowBytes;
    if (length > LONGEST_SHARED) return { space: Buffer.allocUnsafeSlow(length), start: 0, row: keyBytes, end: length };
    if (this.#end + length > this.#space.length) {
      this.#space = Buffer.allocUnsafeSlow(SPACE_BYTES);
      this.#end = 0;
    }
    const start = this.#end;
    this.#end += length;
    return { space: this.#space, start, row: start + keyBytes, end: this.#end };
  }
}
