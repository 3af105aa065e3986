import type { Append, Row } from './appends.ts';

/** What all who append are given: the same records, as events and as the rows that a store makes of them. */
export interface Material {
  readonly appends: readonly Append[];
  readonly rows: readonly (readonly Row[])[];
  /** The row that says where the log ends; a store writes it once a transaction. */
  readonly state: Row;
}

/** One way to bring records to the disk. */
export interface Appender {
  readonly name: string;
  /** Makes an empty place in a folder that is not there yet. Not timed. */
  readonly open: (folder: string, material: Material) => Promise<Place>;
}

/** Where records are brought to. */
export interface Place {
  /** Brings the records from one number to another to the disk, as one group; on disk when it returns, or resolves. */
  readonly append: (from: number, to: number) => unknown;
  /** Reads back what was appended, and throws where it is not all there. Not timed. */
  readonly check: (count: number) => unknown;
  readonly close: () => Promise<void>;
}
