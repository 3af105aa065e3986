import { number64, TREE_BYTES, treeFrom, type MetaPage, type TreeHeader } from './lmdb-header.ts';
import { PAGE_KIND } from './lmdb-page.ts';
import { type DamagedFile, type SalvagedNode, type SalvagedPage } from './salvage-pages.ts';

const FIRST_PAGE = 2;
const DEEPEST = 32;

/** What walks found out about a page: which bits of {@link PageMarks.of} are set. */
export const MARK: Readonly<Record<'leaf' | 'other' | 'free', number>> = { leaf: 1, other: 2, free: 4 };

/** What is known of each page. */
export class PageMarks {
  readonly #marks: Uint8Array;

  constructor(pages: number) {
    this.#marks = new Uint8Array(pages);
  }

  get pages(): number {
    return this.#marks.length;
  }

  of(page: number): number {
    return this.#marks[page] ?? 0;
  }

  /** Marks a page, unless it is marked already or not there. */
  set(page: number, mark: number): boolean {
    if (page < FIRST_PAGE || page >= this.#marks.length || this.#marks[page] !== 0) return false;
    this.#marks[page] = mark;
    return true;
  }
}

/** A tree of a table, as far as it could be walked. */
export interface WalkedTable {
  /** Whether all of it was there, and as it says. */
  readonly isWhole: boolean;
  /** How many rows it says to have. */
  readonly entries: number;
}

/** A snapshot, as far as it could be walked. */
export interface WalkedSnapshot {
  readonly meta: MetaPage;
  /** Whether all tables are known. */
  readonly isMainWhole: boolean;
  readonly tables: ReadonlyMap<string, WalkedTable>;
  /** Every page of the snapshot that is in no tree is marked as free. */
  readonly isFreeListWhole: boolean;
  /** The highest position that an index has a row for: those rows have no checksum, so they are only believed in a tree that is whole. */
  readonly lastIndexed: number;
}

/** Walks a snapshot as far as its trees are whole, and marks their pages. What is behind a broken page is found by other ways. */
export function walkSnapshot(file: DamagedFile, meta: MetaPage, marks: PageMarks): WalkedSnapshot {
  const named = new Map<string, TreeHeader>();
  const main = walkTree({ file, meta, marks, isOrdered: false }, meta.main, (node) => {
    if (node.isTree && node.data?.length === TREE_BYTES) named.set(node.key.toString('latin1').replace(/\0$/, ''), treeFrom(node.data, 0));
  });
  const tables = new Map<string, WalkedTable>();
  let lastIndexed = 0;
  for (const [name, tree] of named) {
    let last = 0;
    const isIndex = name === 'readable' || name === 'settled' || name === 'missed';
    const isWhole = walkTree({ file, meta, marks, isOrdered: true }, tree, ({ key }) => {
      if (isIndex && key.length === INDEX_BYTES) last = Math.max(last, key.readUIntBE(INDEX_BYTES - 6, 6));
    });
    tables.set(name, { isWhole: main && isWhole, entries: tree.entries });
    if (isWhole) lastIndexed = Math.max(lastIndexed, last);
  }
  return { meta, isMainWhole: main, tables, isFreeListWhole: walkFreeList(file, meta, marks), lastIndexed };
}

const INDEX_BYTES = 14;

function walkFreeList(file: DamagedFile, meta: MetaPage, marks: PageMarks): boolean {
  let isWhole = true;
  const walked = walkTree({ file, meta, marks, isOrdered: false }, meta.free, ({ at, size }) => {
    isWhole = markFree(file.read(at, size), marks) && isWhole;
  });
  return walked && isWhole;
}

interface Walk {
  readonly file: DamagedFile;
  readonly meta: MetaPage;
  readonly marks: PageMarks;
  /** Whether keys are in the order of their bytes. */
  readonly isOrdered: boolean;
}

interface PageAt {
  readonly page: number;
  readonly level: number;
  readonly low: Buffer | undefined;
  readonly high: Buffer | undefined;
}

function walkTree(walk: Walk, tree: TreeHeader, visit: (node: SalvagedNode) => void): boolean {
  if (tree.root === undefined) return tree.entries === 0;
  const found = { leaves: 0, entries: 0, branches: 0 };
  const isWhole = new TreeWalk(walk, tree, { found, visit }).run(tree.root);
  return isWhole && found.leaves === tree.leafPages && found.entries === tree.entries && found.branches === tree.branchPages;
}

interface Visit {
  readonly found: { leaves: number; entries: number; branches: number };
  readonly visit: (node: SalvagedNode) => void;
}

class TreeWalk {
  readonly #walk: Walk;
  readonly #tree: TreeHeader;
  readonly #visit: Visit;
  #isWhole = true;

  constructor(walk: Walk, tree: TreeHeader, visit: Visit) {
    this.#walk = walk;
    this.#tree = tree;
    this.#visit = visit;
  }

  run(root: number): boolean {
    this.#page({ page: root, level: 1, low: undefined, high: undefined });
    return this.#isWhole;
  }

  #page(at: PageAt): void {
    const isLeaf = at.level === this.#tree.depth;
    const page = this.#fittingPage(at, isLeaf);
    if (page === undefined || !this.#walk.marks.set(at.page, isLeaf ? MARK.leaf : MARK.other)) this.#isWhole = false;
    else if (isLeaf) this.#leaf(page);
    else this.#branch(page, at);
  }

  /** The page that a branch names, if it is what it should be. */
  #fittingPage(at: PageAt, isLeaf: boolean): SalvagedPage | undefined {
    const { file, meta } = this.#walk;
    if (at.page >= file.pages || at.level > DEEPEST) return undefined;
    const page = file.page(at.page);
    const isRight = page.number === at.page && page.flags === (isLeaf ? PAGE_KIND.leaf : PAGE_KIND.branch);
    return isRight && page.hasList && page.transaction <= meta.transaction && this.#isInOrder(page, at, isLeaf) ? page : undefined;
  }

  #leaf(page: SalvagedPage): void {
    const { found, visit } = this.#visit;
    const nodes = page.nodes();
    found.leaves += 1;
    found.entries += nodes.length;
    for (const node of nodes) {
      if (node.hasOwnPages) this.#markOwnPages(node);
      visit(node);
    }
  }

  /** Pages of a value are not looked into for rows: they may hold anything, also what looks like a page. */
  #markOwnPages({ at, size }: SalvagedNode): void {
    const { file, marks } = this.#walk;
    const first = Math.floor(at / file.pageSize);
    if (first >= file.pages || file.page(first).flags !== PAGE_KIND.overflow) {
      this.#isWhole = false;
      return;
    }
    const end = Math.ceil((at + size) / file.pageSize);
    for (let page = first; page < end; page += 1) this.#isWhole = marks.set(page, MARK.other) && this.#isWhole;
  }

  #branch(page: SalvagedPage, at: PageAt): void {
    const children = page.children();
    this.#visit.found.branches += 1;
    if (children.length !== page.rows) this.#isWhole = false;
    for (const [index, child] of children.entries()) {
      const low = index === 0 ? at.low : child.key;
      this.#page({ page: child.page, level: at.level + 1, low, high: children[index + 1]?.key ?? at.high });
    }
  }

  /** Keys that stand elsewhere in the tree are those of another page, which a branch names that was changed. */
  #isInOrder(page: SalvagedPage, { low, high }: PageAt, isLeaf: boolean): boolean {
    if (!this.#walk.isOrdered) return true;
    // The first key of a branch is never looked at, and may be empty.
    const keys = (isLeaf ? page.nodes() : page.children().slice(1)).map(({ key }) => key);
    return keys.every(
      (key) => (low === undefined || Buffer.compare(low, key) <= 0) && (high === undefined || Buffer.compare(key, high) < 0),
    );
  }
}

/** As check-pages.ts reads lists of free pages; tells whether all of it could be. */
function markFree(list: Buffer, marks: PageMarks): boolean {
  const count = list.length < 8 ? -1 : number64(list, 0);
  if (count < 0 || count * 8 + 8 > list.length) return false;
  let isWhole = true;
  for (let index = 1; index <= count; index += 1) {
    const entry = Number(list.readBigInt64LE(index * 8));
    if (entry > 0) marks.set(entry, MARK.free);
    if (entry >= 0) continue;
    index += 1;
    const first = index <= count ? Number(list.readBigInt64LE(index * 8)) : 0;
    if (first <= 0) isWhole = false;
    // Behind the end of the file no page can be marked.
    for (let page = first; page < first - entry && page < marks.pages; page += 1) marks.set(page, MARK.free);
  }
  return isWhole;
}
