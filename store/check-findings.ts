/** What kind of damage a finding speaks of. Codes are stable, messages are not. */
export type FindingCode =
  /** The data file is no whole LMDB file: cut off, or its header was overwritten. */
  | 'file'
  /** The folder holds another format, or something that was never finished being made. */
  | 'format'
  /** A page of LMDB's own is broken. */
  | 'page'
  /** A row's key has a form or a place that no key of its table has. */
  | 'key'
  /** A record fails its checksum, or cannot be read. */
  | 'record'
  /** The state contradicts the log. */
  | 'state'
  /** An event is not there. */
  | 'event-missing'
  /** An event has no row in an index that should find it. */
  | 'index-missing'
  /** A row of an index names an event that is not there, or not of its kind. */
  | 'index-wrong'
  /** A run has no row. */
  | 'run-missing'
  /** A row of a run contradicts the log. */
  | 'run-wrong'
  /** A name that events need has no id. */
  | 'name-missing'
  /** An id belongs to two names, to none, or was not given out yet. */
  | 'name-wrong'
  /** An event refers to a value that is not there. */
  | 'value-missing'
  /** The bytes of a value are not what its address stands for. */
  | 'value-wrong'
  /** A row of `chunks` is a part of no value. */
  | 'chunk-wrong'
  /** The row of the lease cannot be read. */
  | 'lease'
  /** A cursor cannot be read, or points behind the end of the log. */
  | 'cursor'
  /** The id of a batch cannot be read, or says that the batch is where none can be. */
  | 'append'
  /** How far a source was read cannot be read, or is ahead of the log. */
  | 'offset';

/** One thing that is wrong in a store. */
export interface Finding {
  readonly code: FindingCode;
  /** The table, `null` where the damage is below all tables. */
  readonly table: string | null;
  /** The row's key in hex, or the number of a page; `null` where it is neither. */
  readonly key: string | null;
  /** The position of the event that it is about. */
  readonly position?: number;
  readonly message: string;
}

/** How many findings a report lists. */
const LISTED_FINDINGS = 1000;

/** Takes findings in, and hands on as many as a report lists. */
export class Findings {
  readonly #tell: (finding: Finding) => void;
  #count = 0;

  constructor(tell: (finding: Finding) => void) {
    this.#tell = tell;
  }

  get count(): number {
    return this.#count;
  }

  add(finding: Finding): void {
    this.#count += 1;
    if (this.#count <= LISTED_FINDINGS) this.#tell(finding);
  }
}
