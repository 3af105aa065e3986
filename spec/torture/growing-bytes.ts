/** The bytes of a file that is written to at any place. */
export class GrowingBytes {
  #room: Buffer;
  #size: number;

  constructor(bytes: Buffer = Buffer.alloc(0)) {
    this.#room = Buffer.concat([bytes]);
    this.#size = bytes.length;
  }

  /** What is there now; a later write may change it. */
  get bytes(): Buffer {
    return this.#room.subarray(0, this.#size);
  }

  /** Cuts the file off, or makes it longer with zeros. */
  resize(size: number): void {
    if (size > this.#room.length) {
      // By halves, so that a file that grows page by page is not copied page by page.
      const room = Buffer.alloc(Math.ceil(size * 1.5));
      this.#room.copy(room, 0, 0, this.#size);
      this.#room = room;
    } else if (size > this.#size) this.#room.fill(0, this.#size, size);
    this.#size = size;
  }

  write(at: number, bytes: Buffer): void {
    if (at + bytes.length > this.#size) this.resize(at + bytes.length);
    bytes.copy(this.#room, at);
  }
}
