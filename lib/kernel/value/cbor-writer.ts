/** CBOR major types that take a count or a number. */
export const Major = { uint: 0, negative: 1, bytes: 2, text: 3, array: 4, map: 5, tag: 6 } as const;

/** CBOR's simple values, each one byte. */
export const Simple = { false: 0xf4, true: 0xf5, null: 0xf6, undefined: 0xf7 } as const;

/** Where writing character by character stops being faster than the native encoder. */
const SHORT_TEXT = 32;
const LONGEST_HEAD = 9;

/** Parts of a value may be shared, so that a small value can have an encoding without end. */
const MAX_BYTES = 2 ** 30;

const LARGEST_SPARE = 2 ** 16;
const NO_ROOM = Buffer.alloc(0);

/** Room that nobody writes to: most values are small, and making room for each, and more, and more, costs as much as writing them. */
let spare: Buffer | undefined;

/** No more than `limit`, or what follows would fit without being asked. */
function takeRoom(limit: number): Buffer {
  const room = spare;
  if (room === undefined || room.length > limit) return Buffer.allocUnsafe(Math.min(256, limit));
  spare = undefined;
  return room;
}

/**
 * Writes CBOR items one after the other (RFC 8949, lengths and integers in their shortest form, floats in 64
 * bits). It knows CBOR and nothing of values. cborg writes the same bytes, and the spec holds us to that;
 * but its encoder can neither be called from within itself, which sorting Map entries by their bytes takes,
 * nor order keys that it has no text for, and needs several times as long.
 */
export class CborWriter {
  private bytes: Buffer;
  private at = 0;
  private readonly limit: number;

  /** `limit` is how many bytes there may ever be. */
  constructor(limit: number = MAX_BYTES) {
    this.limit = limit;
    this.bytes = takeRoom(limit);
  }

  /** How many bytes there are so far: where the next item starts. */
  get length(): number {
    return this.at;
  }

  /** Adds one byte as it is. */
  byte(byte: number): void {
    this.reserve(1);
    this.bytes[this.at++] = byte;
  }

  /** Adds an item's head; `count` is a safe integer that is not negative. */
  head(major: number, count: number): void {
    this.reserve(LONGEST_HEAD);
    const type = major << 5;
    if (count < 24) {
      this.bytes[this.at++] = type | count;
    } else if (count < 0x100) {
      this.bytes[this.at++] = type | 24;
      this.bytes[this.at++] = count;
    } else if (count < 0x1_0000) {
      this.bytes[this.at++] = type | 25;
      this.at = this.bytes.writeUInt16BE(count, this.at);
    } else if (count < 0x1_0000_0000) {
      this.bytes[this.at++] = type | 26;
      this.at = this.bytes.writeUInt32BE(count, this.at);
    } else {
      this.bytes[this.at++] = type | 27;
      this.at = this.bytes.writeUInt32BE(Math.floor(count / 0x1_0000_0000), this.at);
      this.at = this.bytes.writeUInt32BE(count % 0x1_0000_0000, this.at);
    }
  }

  /** Adds a number as a 64-bit float; every NaN alike, since its bits would be the machine's choice. */
  float(value: number): void {
    this.reserve(LONGEST_HEAD);
    this.bytes[this.at++] = 0xfb;
    if (Number.isNaN(value)) {
      this.at = this.bytes.writeUInt32BE(0x7ff8_0000, this.at);
      this.at = this.bytes.writeUInt32BE(0, this.at);
    } else {
      this.at = this.bytes.writeDoubleBE(value, this.at);
    }
  }

  /** Adds a byte string. */
  byteString(value: Uint8Array): void {
    this.head(Major.bytes, value.length);
    this.reserve(value.length);
    this.bytes.set(value, this.at);
    this.at += value.length;
  }

  /** Adds an item that was written before. */
  item(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.at);
    this.at += bytes.length;
  }

  /** Adds a text string if it is short and ASCII, as keys mostly are; says whether it did. */
  shortText(value: string): boolean {
    const length = value.length;
    if (length > SHORT_TEXT) return false;
    const before = this.at;
    this.head(Major.text, length);
    this.reserve(length);
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i);
      if (code > 0x7f) {
        this.at = before;
        return false;
      }
      this.bytes[this.at++] = code;
    }
    return true;
  }

  /** Adds a text string. Lone surrogates, which UTF-8 cannot write, become U+FFFD. */
  text(value: string): void {
    const length = Buffer.byteLength(value);
    this.head(Major.text, length);
    this.reserve(length);
    this.at += this.bytes.write(value, this.at);
  }

  /**
   * Puts the entries that start at `starts`, the last one ending here, into the order of their bytes.
   * Cost: comparing neighbours, and nothing more where they are in order already.
   */
  sort(starts: readonly number[]): void {
    const first = starts[0];
    if (first === undefined || this.isSorted(starts)) return;
    const size = this.at - first;
    this.reserve(size);
    // The entries are copied behind themselves, and from there back one by one.
    this.bytes.copyWithin(this.at, first, this.at);
    let to = first;
    for (const i of Array.from(starts.keys()).sort((a, b) => this.compare(starts, a, b))) {
      const start = starts[i] ?? this.at;
      const end = starts[i + 1] ?? this.at;
      this.bytes.copyWithin(to, start + size, end + size);
      to += end - start;
    }
  }

  /** A copy of what was written, in memory of its own. The last thing that is asked of a writer: another one gets its room. */
  take(): Uint8Array {
    const taken = new Uint8Array(this.bytes.subarray(0, this.at));
    if (this.bytes.length <= LARGEST_SPARE) spare = this.bytes;
    this.bytes = NO_ROOM;
    this.at = 0;
    return taken;
  }

  private isSorted(starts: readonly number[]): boolean {
    for (let i = 1; i < starts.length; i++) {
      if (this.compare(starts, i - 1, i) > 0) return false;
    }
    return true;
  }

  /** Byte by byte: a native call costs more than the few bytes in which entries differ. */
  private compare(starts: readonly number[], a: number, b: number): number {
    const startA = starts[a] ?? this.at;
    const startB = starts[b] ?? this.at;
    const lengthA = (starts[a + 1] ?? this.at) - startA;
    const lengthB = (starts[b + 1] ?? this.at) - startB;
    const shorter = Math.min(lengthA, lengthB);
    for (let i = 0; i < shorter; i++) {
      const difference = (this.bytes[startA + i] ?? 0) - (this.bytes[startB + i] ?? 0);
      if (difference !== 0) return difference;
    }
    return lengthA - lengthB;
  }

  private reserve(count: number): void {
    const needed = this.at + count;
    if (needed <= this.bytes.length) return;
    if (needed > this.limit) throw new RangeError(`The value takes more than ${this.limit} bytes when encoded.`);
    // No room beyond the limit, or what follows would fit without being asked.
    const grown = Buffer.allocUnsafe(Math.min(this.limit, Math.max(needed, this.bytes.length * 2)));
    this.bytes.copy(grown, 0, 0, this.at);
    this.bytes = grown;
  }
}
