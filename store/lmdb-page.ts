// How LMDB lays out its pages, 64-bit, data version 2. Persisted by LMDB, and known nowhere else in here.

/**
 * A page begins with its number u64, its transaction u64, padding u16 and flags u16, then the ends of its list of offsets and of its free room
 * (u16 each), or the number of pages of a value that has its own (u32). Offsets count from the end of this header.
 */
export const PAGE_AT = { number: 0, transaction: 8, flags: 18, lower: 20, upper: 22, pages: 20 } as const;

/** How long the header of a page is. */
export const PAGE_HEADER_BYTES = 24;

/** The flags of a page. */
export const PAGE_KIND = { branch: 1, leaf: 2, overflow: 4 } as const;

/**
 * A node is a row of a leaf or of a branch: size of its data u32 (in a branch, with the flags, the number of a page u48), flags u16, size of
 * its key u16, key, data.
 */
export const NODE_AT = { size: 0, flags: 4, keySize: 6 } as const;

/** How long a node is without its key and its data. */
export const NODE_BYTES = 8;

/** The flags of a node: its data stands in pages of its own; its data describes a tree. */
export const NODE_KIND = { ownPages: 1, tree: 2 } as const;
