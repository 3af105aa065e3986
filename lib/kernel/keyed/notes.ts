/** 128 bits as four unsigned numbers of 32, the lowest first. */
export type Lanes = readonly [number, number, number, number];

/** Where stores keep a node, and how many bytes it takes with all below it. */
export interface Kept {
  readonly address: string;
  readonly size: number;
  /** What the piece above says of it, once one was encoded: versions differ in a few pieces, and say the same of all others. */
  said: Uint8Array | undefined;
}

/** What was found out about a node of a tree: it never changes, so once is enough, and versions that share the node share that too. */
export class Notes {
  /** The sum of its entries' hashes. */
  lanes: Lanes | undefined = undefined;
  /** How many levels of objects its rows have; -1 where something in them can change. */
  levels: number | undefined = undefined;
  kept: Kept | undefined = undefined;
  /** By whom it can be found by its address. */
  finder: object | undefined = undefined;
}

/** What is known of a node so far, to add to. Made when it is first asked for: most nodes are those of indices, of which nobody asks. */
export function notesOf(node: { notes: Notes | undefined }): Notes {
  return (node.notes ??= new Notes());
}
