import type { LmdbEnvironment } from './lmdb-environment.ts';
import type { Table } from './tables.ts';

const ROWS = 1000;
const BYTES = 4 * 2 ** 20;

/** A store that is being made of what is left of another. */
export interface RepairTarget {
  readonly environment: LmdbEnvironment;
  readonly writer: RowWriter;
  /** How messages call it. */
  readonly label: string;
  /** Called after each transaction. */
  readonly tell: () => void;
}

/** Writes many rows, some in each transaction. Whatever ends it halfway leaves a part of them: the place is nobody's yet. */
export class RowWriter {
  readonly #environment: LmdbEnvironment;
  readonly #tell: () => void;
  #waiting: (readonly [table: Table, key: Buffer, value: Buffer])[] = [];
  #bytes = 0;

  /** @param tell called after each transaction */
  constructor(environment: LmdbEnvironment, tell: () => void) {
    this.#environment = environment;
    this.#tell = tell;
  }

  put(table: Table, key: Buffer, value: Buffer): void {
    this.#waiting.push([table, key, value]);
    this.#bytes += value.length;
    if (this.#waiting.length >= ROWS || this.#bytes >= BYTES) this.flush();
  }

  flush(): void {
    const rows = this.#waiting;
    const volume = { bytes: this.#bytes, rows: rows.length };
    this.#waiting = [];
    this.#bytes = 0;
    if (rows.length === 0) return;
    this.#environment.transact(() => {
      for (const [table, key, value] of rows) table.putSync(key, value);
    }, volume);
    this.#tell();
  }
}
