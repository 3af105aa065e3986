import { readSync } from 'node:fs';

/**
 * Where LMDB puts things in its two meta pages, at the start of the file and one page later, as 64-bit LMDB of data version 2 does. The length of a
 * page stands where the first tree, that of free pages, has a field for itself.
 */
export const META_AT = {
  flags: 18,
  magic: 24,
  format: 28,
  pageSize: 48,
  trees: 48,
  freeRoot: 88,
  mainRoot: 136,
  lastPage: 144,
  transaction: 152,
} as const;

/** How much of a meta page says something. */
export const META_BYTES = 160;

/** What stands in every meta page: the magic number, the version of the format, and the flag of its kind. */
export const META_IS = { magic: 0xbeefc0de, format: 2, flag: 0x08 } as const;

/** What stands for the page of a root that is not there. */
export const NO_PAGE: bigint = 2n ** 64n - 1n;

/** How long pages may be. */
export const PAGE_SIZES: readonly number[] = [512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536];

/** Where LMDB keeps a tree, and what it says about it. Numbers of pages are small enough for doubles: a file has less than 2^53 bytes. */
export interface TreeHeader {
  readonly depth: number;
  readonly branchPages: number;
  readonly leafPages: number;
  readonly overflowPages: number;
  readonly entries: number;
  /** The root's page; `undefined` for a tree without rows. */
  readonly root: number | undefined;
}

/** One meta page: a snapshot of everything. */
export interface MetaPage {
  readonly transaction: number;
  readonly lastPage: number;
  readonly free: TreeHeader;
  readonly main: TreeHeader;
}

/** Both meta pages. LMDB writes them in turns: the transaction with an odd number the second one. */
export interface FileHeader {
  readonly pageSize: number;
  readonly metas: readonly [MetaPage, MetaPage];
  /** The one that was written last. */
  readonly newest: MetaPage;
}

/** How long the description of a tree is, wherever it stands. */
export const TREE_BYTES = 48;

/** Reads the header of a file that a preflight let pass. */
export function readHeader(file: number): FileHeader {
  const first = readAt(file, 0, META_BYTES);
  const pageSize = first.readUInt32LE(META_AT.pageSize);
  const metas = [metaFrom(first), metaFrom(readAt(file, pageSize, META_BYTES))] as const;
  return { pageSize, metas, newest: metas[1].transaction > metas[0].transaction ? metas[1] : metas[0] };
}

/** The description of a tree, from its bytes. */
export function treeFrom(bytes: Buffer, start: number): TreeHeader {
  const root = bytes.readBigUInt64LE(start + 40);
  return {
    depth: bytes.readUInt16LE(start + 6),
    branchPages: number64(bytes, start + 8),
    leafPages: number64(bytes, start + 16),
    overflowPages: number64(bytes, start + 24),
    entries: number64(bytes, start + 32),
    root: root === NO_PAGE ? undefined : Number(root),
  };
}

/** Bytes of a file, fewer behind its end. */
export function readAt(file: number, position: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  return bytes.subarray(0, readSync(file, bytes, 0, length, position));
}

/** A number of eight bytes; what is above 2^53 is damage, and is compared with small numbers only. */
export function number64(bytes: Buffer, start: number): number {
  return Number(bytes.readBigUInt64LE(start));
}

/** A meta page, from its bytes. */
export function metaFrom(bytes: Buffer): MetaPage {
  return {
    transaction: number64(bytes, META_AT.transaction),
    lastPage: number64(bytes, META_AT.lastPage),
    free: treeFrom(bytes, META_AT.trees),
    main: treeFrom(bytes, META_AT.trees + TREE_BYTES),
  };
}
