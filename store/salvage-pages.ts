import { fstatSync } from 'node:fs';
import { number64, readAt } from './lmdb-header.ts';
import { NODE_AT, NODE_BYTES, NODE_KIND, PAGE_AT, PAGE_HEADER_BYTES } from './lmdb-page.ts';

/** A row that a leaf says to have. Nothing but its bounds has been looked at. */
export interface SalvagedNode {
  readonly key: Buffer;
  /** Whether its data describes a tree. */
  readonly isTree: boolean;
  /** Whether its data has pages of its own. */
  readonly hasOwnPages: boolean;
  /** Where its data begins in the file, and how long it is: all of it is in the file. */
  readonly at: number;
  readonly size: number;
  /** Its data, where that stands in the page. */
  readonly data: Buffer | undefined;
}

/** A child that a branch names. */
export interface SalvagedChild {
  readonly key: Buffer;
  readonly page: number;
}

/** A data file of which any byte may be wrong, read as plain bytes: nothing is believed, and what is broken is passed over. */
export class DamagedFile {
  readonly #file: number;
  readonly size: number;
  readonly pageSize: number;
  /** How many pages the file has, the last of which may be cut off. */
  readonly pages: number;

  constructor(file: number, pageSize: number) {
    this.#file = file;
    this.size = fstatSync(file).size;
    this.pageSize = pageSize;
    this.pages = Math.ceil(this.size / pageSize);
  }

  /** Bytes of the file. */
  read(at: number, size: number): Buffer {
    return readAt(this.#file, at, size);
  }

  /** How long the file is by now. */
  sizeNow(): number {
    return fstatSync(this.#file).size;
  }

  /** A page, filled with zeros where the file ends inside of it. */
  page(number: number): SalvagedPage {
    const bytes = this.read(number * this.pageSize, this.pageSize);
    const whole = bytes.length === this.pageSize ? bytes : Buffer.concat([bytes, Buffer.alloc(this.pageSize - bytes.length)]);
    return new SalvagedPage(whole, number, this.size);
  }
}

/** A page of which any byte may be wrong. */
export class SalvagedPage {
  readonly #bytes: Buffer;
  readonly #place: number;
  readonly #fileSize: number;

  constructor(bytes: Buffer, place: number, fileSize: number) {
    this.#bytes = bytes;
    this.#place = place;
    this.#fileSize = fileSize;
  }

  /** The number that the page says to have. */
  get number(): number {
    return number64(this.#bytes, PAGE_AT.number);
  }

  get transaction(): number {
    return number64(this.#bytes, PAGE_AT.transaction);
  }

  get flags(): number {
    return this.#bytes.readUInt16LE(PAGE_AT.flags);
  }

  /** How many pages a value with pages of its own has. */
  get ownPages(): number {
    return this.#bytes.readUInt32LE(PAGE_AT.pages);
  }

  /** Whether its list of rows can be one. */
  get hasList(): boolean {
    const lower = this.#bytes.readUInt16LE(PAGE_AT.lower);
    const upper = this.#bytes.readUInt16LE(PAGE_AT.upper);
    return lower > 0 && lower % 2 === 0 && lower <= upper && upper <= this.#bytes.length - PAGE_HEADER_BYTES;
  }

  /** How many rows its list has. */
  get rows(): number {
    return this.#bytes.readUInt16LE(PAGE_AT.lower) / 2;
  }

  /** The rows of a leaf that are inside of the page and the file. */
  nodes(): readonly SalvagedNode[] {
    return this.#starts().flatMap((start) => this.#node(start) ?? []);
  }

  /** The children of a branch. */
  children(): readonly SalvagedChild[] {
    return this.#starts().flatMap((start) => {
      const keyEnd = start + NODE_BYTES + this.#bytes.readUInt16LE(start + NODE_AT.keySize);
      if (keyEnd > this.#bytes.length) return [];
      return [{ key: this.#bytes.subarray(start + NODE_BYTES, keyEnd), page: this.#bytes.readUIntLE(start, 6) }];
    });
  }

  /** Where rows begin. Without a list that can be one, anything between header and end is taken for one: rows prove themselves. */
  #starts(): readonly number[] {
    const length = this.hasList ? this.rows : (this.#bytes.length - PAGE_HEADER_BYTES) / 2;
    const starts = new Set<number>();
    for (let index = 0; index < length; index += 1) {
      const start = PAGE_HEADER_BYTES + this.#bytes.readUInt16LE(PAGE_HEADER_BYTES + 2 * index);
      if (start + NODE_BYTES <= this.#bytes.length) starts.add(start);
    }
    return [...starts];
  }

  #node(start: number): SalvagedNode | undefined {
    const bytes = this.#bytes;
    const size = bytes.readUInt32LE(start + NODE_AT.size);
    const flags = bytes.readUInt16LE(start + NODE_AT.flags);
    const dataStart = start + NODE_BYTES + bytes.readUInt16LE(start + NODE_AT.keySize);
    const isOwn = (flags & NODE_KIND.ownPages) !== 0;
    if (flags > (NODE_KIND.ownPages | NODE_KIND.tree) || dataStart + (isOwn ? PAGE_HEADER_BYTES : size) > bytes.length) return undefined;
    const at = isOwn ? number64(bytes, dataStart) * bytes.length + PAGE_HEADER_BYTES : this.#place * bytes.length + dataStart;
    if (at + size > this.#fileSize) return undefined;
    return {
      key: bytes.subarray(start + NODE_BYTES, dataStart),
      isTree: (flags & NODE_KIND.tree) !== 0,
      hasOwnPages: isOwn,
      at,
      size,
      data: isOwn ? undefined : bytes.subarray(dataStart, dataStart + size),
    };
  }
}
