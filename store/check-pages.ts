import { fstatSync } from 'node:fs';
import type { Findings } from './check-findings.ts';
import { number64, readAt, TREE_BYTES, treeFrom, type FileHeader, type MetaPage, type TreeHeader } from './lmdb-header.ts';
import { NODE_AT, NODE_BYTES, NODE_KIND, PAGE_AT, PAGE_HEADER_BYTES, PAGE_KIND } from './lmdb-page.ts';

const FIRST_PAGE = 2;
const IN_TREE = 1;
const FREE = 2;

/** How far a walk is. */
type TellPages = (table: string, pages: number) => void;

/** A file, and the snapshot of it that is looked at. It has to stay as it is meanwhile: by a read transaction, or because nobody writes. */
export interface PagesToCheck {
  readonly file: number;
  readonly header: FileHeader;
  readonly findings: Findings;
  readonly tellPages: TellPages;
}

interface Node {
  readonly flags: number;
  readonly key: Buffer;
  /** Of a branch: the page below. */
  readonly child: number;
  /** Of a leaf: how many bytes the row has, and those of them that stand here. */
  readonly size: number;
  readonly data: Buffer;
}

interface Place {
  readonly table: string;
  /** Keys of 8 bytes, little-endian, or bytes in their order. */
  readonly compare: (a: Buffer, b: Buffer) => number;
}

class BrokenPage extends Error {
  readonly page: number;

  constructor(page: number, problem: string) {
    super(problem);
    this.page = page;
  }
}

/**
 * Walks all pages that a snapshot is made of, as plain bytes: LMDB believes what stands in its pages, and would end the process over
 * some of it, or give out a page again that is in use.
 */
export function checkPages(pages: PagesToCheck): void {
  const { findings, header } = pages;
  const walk = new PageWalk(pages);
  try {
    checkTurns(header);
    walk.run();
  } catch (error) {
    if (!(error instanceof BrokenPage)) throw error;
    findings.add({ code: 'page', table: null, key: String(error.page), message: `Page ${error.page} of the data file ${error.message}.` });
  }
}

/** The two meta pages are written in turns, so what they count tells whether one of them was changed. */
function checkTurns({ metas: [even, odd], newest }: FileHeader): void {
  const other = newest === even ? odd : even;
  // A copy that was compacted has one meta page that was never written.
  const inTurns = even.transaction % 2 === 0 && (odd.transaction % 2 === 1 || odd.transaction === 0);
  if (!inTurns || (other.transaction !== 0 && other.transaction !== newest.transaction - 1))
    throw new BrokenPage(newest === even ? 0 : 1, `counts ${newest.transaction} transactions, and the other header ${other.transaction}`);
}

class PageWalk {
  readonly #pages: PagesToCheck;
  readonly #meta: MetaPage;
  readonly #pageSize: number;
  readonly #marks: Uint8Array;
  #walked = 0;

  constructor(pages: PagesToCheck) {
    this.#pages = pages;
    this.#meta = pages.header.newest;
    this.#pageSize = pages.header.pageSize;
    const { size } = fstatSync(pages.file);
    // A header that was changed may name any number.
    this.#marks = new Uint8Array(Math.min(this.#meta.lastPage + 1, Math.ceil(size / this.#pageSize)));
  }

  run(): void {
    const { free, main } = this.#meta;
    const subtrees: { readonly table: string; readonly tree: TreeHeader }[] = [];
    // The order of the unnamed tree is lmdb-js's own; it holds a handful of names.
    this.#tree(main, { table: 'main', compare: () => -1 }, (node) => {
      if ((node.flags & NODE_KIND.tree) !== 0 && node.data.length === TREE_BYTES)
        subtrees.push({ table: node.key.toString('latin1').replace(/\0$/, ''), tree: treeFrom(node.data, 0) });
    });
    for (const { table, tree } of subtrees) this.#tree(tree, { table, compare: byBytes }, () => undefined);
    const lists: Buffer[] = [];
    this.#tree(free, { table: 'free pages', compare: byNumber }, (node) => void lists.push(this.#dataOf(node)));
    for (const list of lists) this.#markFree(list);
  }

  /** A tree: all its leaves equally deep, and as many pages and rows as it says. */
  #tree(tree: TreeHeader, place: Place, visit: (node: Node) => void): void {
    const found = { branchPages: 0, leafPages: 0, overflowPages: 0, entries: 0 };
    const root = tree.root;
    if (root !== undefined) this.#page({ number: root, level: 1, low: undefined, high: undefined }, { tree, place, found, visit });
    for (const [what, count] of Object.entries(found)) {
      // Keys of one object are keys of the other.
      const expected = tree[what as keyof typeof found];
      if (count !== expected)
        throw new BrokenPage(root ?? 0, `is the root of "${place.table}", whose ${what} are ${count}, and should be ${expected}`);
    }
  }

  #page(at: PageAt, walk: TreeWalk): void {
    const { tree, place, found, visit } = walk;
    const isLeaf = at.level === tree.depth;
    const page = this.#take(at.number, isLeaf ? PAGE_KIND.leaf : PAGE_KIND.branch);
    const nodes = this.#nodes(page, at, { isLeaf, place });
    this.#tell(place.table);
    if (isLeaf) {
      found.leafPages += 1;
      found.entries += nodes.length;
      for (const node of nodes) {
        if ((node.flags & NODE_KIND.ownPages) !== 0) found.overflowPages += this.#takeOwnPages(at.number, node);
        visit(node);
      }
      return;
    }
    found.branchPages += 1;
    for (const [index, { child, key }] of nodes.entries()) {
      const low = index === 0 ? at.low : key;
      this.#page({ number: child, level: at.level + 1, low, high: nodes[index + 1]?.key ?? at.high }, walk);
    }
  }

  /** A page that nothing else has taken, and that is what it should be. */
  #take(number: number, flags: number): Buffer {
    this.#mark(number, IN_TREE);
    const page = readAt(this.#pages.file, number * this.#pageSize, this.#pageSize);
    if (page.length < this.#pageSize) throw new BrokenPage(number, 'is behind the end of the file');
    if (number64(page, PAGE_AT.number) !== number) throw new BrokenPage(number, `says that it is page ${number64(page, PAGE_AT.number)}`);
    if (page.readUInt16LE(PAGE_AT.flags) !== flags) throw new BrokenPage(number, 'is not of the kind that it should be');
    if (number64(page, PAGE_AT.transaction) > this.#meta.transaction)
      throw new BrokenPage(number, 'was written by a transaction that is not there yet');
    return page;
  }

  #mark(number: number, mark: number): void {
    if (number < FIRST_PAGE || number > this.#meta.lastPage || number >= this.#marks.length)
      throw new BrokenPage(number, 'is referred to, and there is no such page');
    const before = this.#marks[number];
    if (before !== 0) throw new BrokenPage(number, before === mark ? 'is in two places' : 'is in use, and is listed as free');
    this.#marks[number] = mark;
  }

  #nodes(
    page: Buffer,
    { number, low, high }: PageAt,
    { isLeaf, place }: { readonly isLeaf: boolean; readonly place: Place },
  ): readonly Node[] {
    const lower = page.readUInt16LE(PAGE_AT.lower);
    const upper = page.readUInt16LE(PAGE_AT.upper);
    if (lower % 2 !== 0 || lower > upper || upper > this.#pageSize - PAGE_HEADER_BYTES)
      throw new BrokenPage(number, 'has an impossible header');
    const nodes = Array.from({ length: lower / 2 }, (_, index) =>
      nodeAt(page, PAGE_HEADER_BYTES + page.readUInt16LE(PAGE_HEADER_BYTES + 2 * index), {
        number,
        isLeaf,
        floor: PAGE_HEADER_BYTES + upper,
      }),
    );
    if (nodes.length === 0) throw new BrokenPage(number, 'has no rows');
    // The first key of a branch is never looked at, and may be empty.
    const keys = nodes.slice(isLeaf ? 0 : 1).map(({ key }) => key);
    if (!isAscending(keys, { low, high }, { place, isLeaf })) throw new BrokenPage(number, `has keys of "${place.table}" out of order`);
    return nodes;
  }

  /** The pages of a row that has its own; gives how many. */
  #takeOwnPages(owner: number, { data, size }: Node): number {
    if (data.length !== PAGE_HEADER_BYTES) throw new BrokenPage(owner, 'has a row whose own pages are not named');
    const first = number64(data, 0);
    const count = number64(data, 16);
    if (count !== Math.floor((PAGE_HEADER_BYTES - 1 + size) / this.#pageSize) + 1)
      throw new BrokenPage(owner, 'has a row with more or fewer pages of its own than it needs');
    const page = this.#take(first, PAGE_KIND.overflow);
    if (page.readUInt32LE(PAGE_AT.pages) !== count)
      throw new BrokenPage(first, `says that ${page.readUInt32LE(PAGE_AT.pages)} pages belong to it, and not ${count}`);
    for (let number = first + 1; number < first + count; number += 1) this.#mark(number, IN_TREE);
    return count;
  }

  #dataOf({ flags, data, size }: Node): Buffer {
    if ((flags & NODE_KIND.ownPages) === 0) return data;
    return readAt(this.#pages.file, number64(data, 0) * this.#pageSize + PAGE_HEADER_BYTES, size);
  }

  /** A list of free pages: how many entries it has, then pages, zeroes, and runs as a negative length before their first page. */
  #markFree(list: Buffer): void {
    const count = list.length < 8 ? 0 : number64(list, 0);
    if (list.length < 8 || count * 8 + 8 > list.length) throw new BrokenPage(0, 'belongs to a list of free pages that was cut off');
    for (let index = 1; index <= count; index += 1) {
      const entry = Number(list.readBigInt64LE(index * 8));
      if (entry > 0) this.#mark(entry, FREE);
      if (entry >= 0) continue;
      index += 1;
      const first = index <= count ? Number(list.readBigInt64LE(index * 8)) : 0;
      if (-entry > this.#marks.length) throw new BrokenPage(first, 'begins a run of free pages that is longer than the file');
      for (let number = first; number < first - entry; number += 1) this.#mark(number, FREE);
    }
  }

  #tell(table: string): void {
    this.#walked += 1;
    if (this.#walked % 1000 === 0) this.#pages.tellPages(table, this.#walked);
  }
}

interface PageAt {
  readonly number: number;
  readonly level: number;
  /** What the branches above say about the keys below: not before `low`, and before `high`. */
  readonly low: Buffer | undefined;
  readonly high: Buffer | undefined;
}

interface TreeWalk {
  readonly tree: TreeHeader;
  readonly place: Place;
  readonly found: { branchPages: number; leafPages: number; overflowPages: number; entries: number };
  readonly visit: (node: Node) => void;
}

function nodeAt(
  page: Buffer,
  start: number,
  { number, isLeaf, floor }: { readonly number: number; readonly isLeaf: boolean; readonly floor: number },
): Node {
  if (start < floor || start + NODE_BYTES > page.length) throw new BrokenPage(number, 'has a row outside of itself');
  const size = page.readUInt32LE(start + NODE_AT.size);
  const flags = page.readUInt16LE(start + NODE_AT.flags);
  const keyStart = start + NODE_BYTES;
  const dataStart = keyStart + page.readUInt16LE(start + NODE_AT.keySize);
  const here = isLeaf ? ((flags & NODE_KIND.ownPages) === 0 ? size : PAGE_HEADER_BYTES) : 0;
  if (dataStart + here > page.length) throw new BrokenPage(number, 'has a row that reaches out of it');
  if (isLeaf && flags > (NODE_KIND.ownPages | NODE_KIND.tree)) throw new BrokenPage(number, 'has a row of an unknown kind');
  return {
    flags,
    key: page.subarray(keyStart, dataStart),
    child: size + flags * 2 ** 32,
    size,
    data: page.subarray(dataStart, dataStart + here),
  };
}

/** Keys are in order, from `low` on (a leaf may begin with it) and before `high`. */
function isAscending(
  keys: readonly Buffer[],
  { low, high }: Pick<PageAt, 'low' | 'high'>,
  { place, isLeaf }: { readonly place: Place; readonly isLeaf: boolean },
): boolean {
  const [first] = keys;
  const last = keys.at(-1);
  if (first === undefined || last === undefined) return true;
  if (low !== undefined && place.compare(low, first) > (isLeaf ? 0 : -1)) return false;
  if (high !== undefined && place.compare(last, high) >= 0) return false;
  return keys.every((key, index) => {
    const next = keys[index + 1];
    return next === undefined || place.compare(key, next) < 0;
  });
}

function byBytes(a: Buffer, b: Buffer): number {
  return Buffer.compare(a, b);
}

function byNumber(a: Buffer, b: Buffer): number {
  return a.length === 8 && b.length === 8 ? number64(a, 0) - number64(b, 0) : Buffer.compare(a, b);
}
