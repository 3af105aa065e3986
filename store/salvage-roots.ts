import { number64, readAt, TREE_BYTES, treeFrom, type MetaPage } from './lmdb-header.ts';
import { DamagedFile, type SalvagedPage } from './salvage-pages.ts';

const MAGIC = 0xbeefc0de;
const LMDB_FORMAT = 2;
const META_FLAG = 0x08;
const AT = { flags: 18, magic: 24, format: 28, pageSize: 48, trees: 48, lastPage: 144, transaction: 152 } as const;
const META_BYTES = 160;
/** What LMDB writes as the transaction of pages in a copy that it compacts. */
const COPIED = 1;
const PAGE_SIZES = [512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536] as const;
/** Numbers of the first pages are looked at, to learn how long pages are. */
const LOOKED_AT = 1000;

/** What the headers of a damaged file still say. */
export interface SalvagedRoots {
  readonly pageSize: number;
  /** The snapshot that was written last, as far as that can be told, then the one before: those whose header can be one. */
  readonly metas: readonly MetaPage[];
  /** Whether the first of them is the newest for sure: both can be read, and count neighbouring transactions. */
  readonly isCertain: boolean;
  /** Whether anything in the file looks as LMDB writes it. */
  readonly isLmdb: boolean;
}

/** Reads what is left of the headers. */
export function salvageRoots(file: number): SalvagedRoots {
  const pageSize = PAGE_SIZES.find((size) => isMeta(file, { at: 0, pageSize: size }) || isMeta(file, { at: size, pageSize: size }));
  if (pageSize === undefined) {
    const { guess, alike } = guessPageSize(file);
    return { pageSize: guess, metas: [], isCertain: false, isLmdb: alike > 0 };
  }
  const damaged = new DamagedFile(file, pageSize);
  const metas = [0, 1].flatMap((slot) => (isMeta(file, { at: slot * pageSize, pageSize }) ? [metaIn(file, slot * pageSize)] : []));
  const declared = inOrder(metas);
  const corrected = inOrder(metas.map((meta) => ({ ...meta, transaction: transactionOf(damaged, meta) })));
  if (isCompacted(declared)) return { pageSize, metas: declared, isCertain: true, isLmdb: true };
  return { pageSize, metas: corrected, isCertain: areNeighbours(corrected), isLmdb: true };
}

function isMeta(file: number, { at, pageSize }: { readonly at: number; readonly pageSize: number }): boolean {
  const bytes = readAt(file, at, META_BYTES);
  return (
    bytes.length === META_BYTES &&
    bytes.readUInt32LE(AT.magic) === MAGIC &&
    bytes.readUInt32LE(AT.format) === LMDB_FORMAT &&
    bytes.readUInt32LE(AT.pageSize) === pageSize &&
    (bytes.readUInt16LE(AT.flags) & META_FLAG) !== 0
  );
}

/** As readHeader does, which takes the length of a page from a first header that is whole. */
function metaIn(file: number, at: number): MetaPage {
  const bytes = readAt(file, at, META_BYTES);
  return {
    transaction: number64(bytes, AT.transaction),
    lastPage: number64(bytes, AT.lastPage),
    free: treeFrom(bytes, AT.trees),
    main: treeFrom(bytes, AT.trees + TREE_BYTES),
  };
}

function inOrder(metas: readonly MetaPage[]): readonly MetaPage[] {
  return metas.toSorted((a, b) => b.transaction - a.transaction);
}

/** A copy that was compacted has one that was never written. */
function isCompacted([newest, other]: readonly MetaPage[]): boolean {
  return newest !== undefined && other?.transaction === 0;
}

/** LMDB writes them in turns. */
function areNeighbours([newest, other]: readonly MetaPage[]): boolean {
  return newest !== undefined && other !== undefined && other.transaction === newest.transaction - 1;
}

/**
 * The number of the transaction that a header belongs to. Every transaction writes the root of the unnamed tree and that of a table, so where
 * two of those pages agree it is they who are right.
 */
function transactionOf(file: DamagedFile, { main, transaction }: MetaPage): number {
  const root = pageAt(file, main.root);
  if (root === undefined || root.transaction === COPIED) return transaction;
  const tables = root.nodes().flatMap(({ isTree, data }) => (isTree && data?.length === TREE_BYTES ? [treeFrom(data, 0).root] : []));
  return tables.some((table) => pageAt(file, table)?.transaction === root.transaction) ? root.transaction : transaction;
}

function pageAt(file: DamagedFile, number: number | undefined): SalvagedPage | undefined {
  const page = number === undefined || number >= file.pages ? undefined : file.page(number);
  return page?.number === number ? page : undefined;
}

/** Every page begins with its number. */
function guessPageSize(file: number): { readonly guess: number; readonly alike: number } {
  const counted = PAGE_SIZES.map((guess) => {
    const numbers = Array.from({ length: LOOKED_AT }, (_, index) => ({ index: index + 2, bytes: readAt(file, (index + 2) * guess, 8) }));
    return { guess, alike: numbers.filter(({ index, bytes }) => bytes.length === 8 && number64(bytes, 0) === index).length };
  });
  return counted.reduce((best, each) => (each.alike > best.alike ? each : best), { guess: 4096, alike: 0 });
}
