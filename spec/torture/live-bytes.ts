// Where LMDB, data version 2, puts things; docs/STORE-FORMAT.md and store/check-pages.ts say more.
const PAGE = 4096;
const HEADER = 24;
/** Where the header of a page with rows says how many there are; what follows says where there is room for more. */
const LIST_END = 22;
const META = { format: [24, 32], rest: [48, 160], free: 48, main: 96, transaction: 152 } as const;
const TREE = { root: 40, size: 48 } as const;
const LEAF = 2;
const NODE = 8;
const OWN_PAGES = 1;
const SUBTREE = 2;

/** Marks, with a 1, every byte of a whole file that something is read from: not what is free, filling, or only there for writers. */
export function liveBytes(file: Buffer): Uint8Array {
  const walk = new Walk(file);
  walk.run();
  return walk.live;
}

class Walk {
  readonly live: Uint8Array;
  readonly #file: Buffer;

  constructor(file: Buffer) {
    this.#file = file;
    this.live = new Uint8Array(file.length);
  }

  run(): void {
    const meta = this.#number(META.transaction) > this.#number(PAGE + META.transaction) ? 0 : PAGE;
    for (const start of [0, PAGE]) this.#mark(start + META.format[0], start + META.format[1]);
    this.#mark(meta + META.rest[0], meta + META.rest[1]);
    this.#tree(meta + META.free);
    this.#tree(meta + META.main);
  }

  /** @param at where the tree is described */
  #tree(at: number): void {
    const root = this.#file.readBigUInt64LE(at + TREE.root);
    if (root !== 2n ** 64n - 1n) this.#page(Number(root));
  }

  #page(number: number): void {
    const start = number * PAGE;
    this.#markHeader(start, LIST_END);
    const isLeaf = (this.#file.readUInt16LE(start + 18) & LEAF) !== 0;
    const rows = this.#file.readUInt16LE(start + 20) / 2;
    this.#mark(start + HEADER, start + HEADER + 2 * rows);
    for (let row = 0; row < rows; row += 1) {
      const node = start + HEADER + this.#file.readUInt16LE(start + HEADER + 2 * row);
      const key = this.#file.readUInt16LE(node + 6);
      // The first key of a branch is never looked at.
      this.#mark(node, node + NODE + (isLeaf || row > 0 ? key : 0));
      if (isLeaf) this.#row(node, node + NODE + key);
      else this.#page(this.#file.readUIntLE(node, 6));
    }
  }

  #row(node: number, data: number): void {
    const size = this.#file.readUInt32LE(node);
    const flags = this.#file.readUInt16LE(node + 4);
    if ((flags & OWN_PAGES) !== 0) {
      this.#mark(data, data + HEADER);
      const start = this.#number(data) * PAGE;
      this.#markHeader(start, HEADER);
      this.#mark(start + HEADER, start + HEADER + size);
    } else this.#mark(data, data + size);
    if ((flags & SUBTREE) !== 0 && size === TREE.size) this.#tree(data);
  }

  /** Its number and kind, up to `end`: not the transaction that wrote it, which only has to be an earlier one. */
  #markHeader(start: number, end: number): void {
    this.#mark(start, start + 8);
    this.#mark(start + 18, start + end);
  }

  #mark(from: number, to: number): void {
    this.live.fill(1, from, to);
  }

  #number(at: number): number {
    return Number(this.#file.readBigUInt64LE(at));
  }
}
