import {
  META_AT,
  META_BYTES,
  META_IS,
  metaFrom,
  number64,
  PAGE_SIZES,
  readAt,
  TREE_BYTES,
  treeFrom,
  type MetaPage,
} from './lmdb-header.ts';
import { DamagedFile, type SalvagedPage } from './salvage-pages.ts';

/** What LMDB writes as the transaction of pages in a copy that it compacts. */
const COPIED = 1;
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
  const metas = [0, 1].flatMap((slot) =>
    isMeta(file, { at: slot * pageSize, pageSize }) ? [metaFrom(readAt(file, slot * pageSize, META_BYTES))] : [],
  );
  const declared = inOrder(metas);
  const corrected = inOrder(metas.map((meta) => ({ ...meta, transaction: transactionOf(damaged, meta) })));
  if (isCompacted(declared)) return { pageSize, metas: declared, isCertain: true, isLmdb: true };
  return { pageSize, metas: corrected, isCertain: areNeighbours(corrected), isLmdb: true };
}

function isMeta(file: number, { at, pageSize }: { readonly at: number; readonly pageSize: number }): boolean {
  const bytes = readAt(file, at, META_BYTES);
  return (
    bytes.length === META_BYTES &&
    bytes.readUInt32LE(META_AT.magic) === META_IS.magic &&
    bytes.readUInt32LE(META_AT.format) === META_IS.format &&
    bytes.readUInt32LE(META_AT.pageSize) === pageSize &&
    (bytes.readUInt16LE(META_AT.flags) & META_IS.flag) !== 0
  );
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
