import type { Entry } from './lmdb-put.ts';
import { HEADER_BYTES } from './record.ts';
import { POSITION_BYTES } from './tables.ts';

const SPACE_BYTES = 1 << 20;
/** The key of a record and its header. */
const BEFORE_TEXT = POSITION_BYTES + HEADER_BYTES;
/** UTF-8 has at most so many bytes for one unit of a string. */
const BYTES_PER_UNIT = 3;
/** Above so many units, one call into the engine takes less time than a loop over them. */
const LONGEST_LOOPED = 48;
/** What JSON writes in another way than as it is, or UTF-8 in more than one byte. */
const NOT_PLAIN = /[^ !#-[\]-~]/;
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const ZERO = 0x30;
const OPEN = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE = 0x5d;
const TILDE = 0x7e;
/** Digits that are taken off at once, so that what is left is a small integer to the engine. */
const SPLIT = 1e6;
const SPLIT_DIGITS = 6;
const LARGEST_SMALL = 2 ** 31 - 1;

/** A stretch of what was written. */
export interface Written {
  readonly space: Buffer;
  readonly start: number;
  readonly end: number;
}

/** The last long texts: versions and ids of runs are said several times in a row. One for each remainder of their length. */
const REMEMBERED = 4;

/**
 * Writes the JSON text of records into bytes that many of them share, without making strings of it: to join strings and to encode what was
 * joined was the larger part of what an append cost, and what waits for its transaction is not moved about by the garbage collector.
 */
export class JsonBytes {
  #space: Buffer = Buffer.alloc(0);
  #start = 0;
  #end = 0;
  readonly #texts: string[] = Array.from({ length: REMEMBERED }, () => '');
  readonly #written: (Written | undefined)[] = Array.from({ length: REMEMBERED }, () => undefined);

  /** Begins a record. */
  begin(): void {
    this.#start = this.#end;
    this.#makeRoom(BEFORE_TEXT);
    this.#end += BEFORE_TEXT;
  }

  /** The record that was begun: all of it but its position, which is its key, and its checksum. */
  finish(): Entry {
    return { space: this.#space, start: this.#start, row: this.#start + POSITION_BYTES, end: this.#end };
  }

  /** How far the record is written. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** What was written since the record had this length. */
  since(length: number): Written {
    return { space: this.#space, start: this.#start + length, end: this.#end };
  }

  open(): void {
    this.#byte(OPEN);
  }

  close(): void {
    this.#byte(CLOSE);
  }

  comma(): void {
    this.#byte(COMMA);
  }

  /** Writes plain text as it is: syntax, and names that need no quoting. */
  plain(text: string): void {
    const { length } = text;
    this.#makeRoom(length);
    const space = this.#space;
    let end = this.#end;
    for (let index = 0; index < length; index += 1) space[end++] = text.charCodeAt(index);
    this.#end = end;
  }

  /** Writes JSON text that was made elsewhere. */
  json(text: string): void {
    this.#makeRoom(text.length * BYTES_PER_UNIT < SPACE_BYTES ? text.length * BYTES_PER_UNIT : Buffer.byteLength(text));
    this.#end += this.#space.write(text, this.#end);
  }

  /** Writes a string; what is none, in an event that was made by hand, is for JSON to say. */
  text(text: string | null): void {
    if (text === null) this.plain('null');
    else if (typeof text !== 'string') this.json(JSON.stringify(text ?? null));
    else if (text.length > LONGEST_LOOPED) this.#longText(text);
    else this.#shortText(text);
  }

  /** Writes a number. */
  number(value: number): void {
    if (Number.isSafeInteger(value) && value >= 0) this.#digits(value);
    else this.plain(Number.isFinite(value) ? `${value}` : 'null');
  }

  /** Writes again what was written. */
  again({ space, start, end }: Written): void {
    this.#makeRoom(end - start);
    if (space === this.#space) space.copyWithin(this.#end, start, end);
    else this.#space.set(space.subarray(start, end), this.#end);
    this.#end += end - start;
  }

  #byte(byte: number): void {
    this.#makeRoom(1);
    this.#space[this.#end++] = byte;
  }

  #shortText(text: string): void {
    const { length } = text;
    this.#makeRoom(length + 2);
    const space = this.#space;
    let end = this.#end;
    space[end++] = QUOTE;
    for (let index = 0; index < length; index += 1) {
      const unit = text.charCodeAt(index);
      if (unit < SPACE || unit > TILDE || unit === QUOTE || unit === BACKSLASH) return this.json(JSON.stringify(text));
      space[end++] = unit;
    }
    space[end++] = QUOTE;
    this.#end = end;
  }

  #longText(text: string): void {
    const slot = text.length % REMEMBERED;
    const written = this.#texts[slot] === text ? this.#written[slot] : undefined;
    if (written !== undefined) return this.again(written);
    const { length } = this;
    if (NOT_PLAIN.test(text)) this.json(JSON.stringify(text));
    else {
      this.#makeRoom(text.length + 2);
      this.#space[this.#end++] = QUOTE;
      this.#end += this.#space.write(text, this.#end, 'latin1');
      this.#space[this.#end++] = QUOTE;
    }
    this.#texts[slot] = text;
    this.#written[slot] = this.since(length);
  }

  #digits(value: number): void {
    let count = 1;
    for (let power = 10; value >= power; power *= 10) count += 1;
    this.#makeRoom(count);
    this.#end += count;
    let at = this.#end;
    let left = value;
    while (left > LARGEST_SMALL) {
      const above = Math.floor(left / SPLIT);
      this.#smallDigits(left - above * SPLIT, at - SPLIT_DIGITS, at);
      at -= SPLIT_DIGITS;
      left = above;
    }
    this.#smallDigits(left, this.#end - count, at);
  }

  #smallDigits(value: number, start: number, end: number): void {
    const space = this.#space;
    // To the engine a small integer, whose division is one of integers: everything about a position takes a third of the time.
    let left = value | 0;
    for (let at = end - 1; at >= start; at -= 1) {
      const tens = (left / 10) | 0;
      space[at] = ZERO + left - tens * 10;
      left = tens;
    }
  }

  /** For so many bytes more. */
  #makeRoom(count: number): void {
    if (this.#end + count > this.#space.length) this.#move(count);
  }

  /** Takes what the record has so far to a space with more room. Those who refer to the old one still find all in it. */
  #move(count: number): void {
    const { length } = this;
    const space = Buffer.allocUnsafeSlow(Math.max(SPACE_BYTES, 2 * length + count));
    space.set(this.#space.subarray(this.#start, this.#end));
    this.#space = space;
    this.#start = 0;
    this.#end = length;
  }
}
