import { openRecord, record } from './record.ts';
import { META, type Tables } from './tables.ts';

/** What every transaction reads first and writes last. */
export interface LogState {
  /** Counts the leases: who has another number than this one may not write. */
  readonly epoch: number;
  /** The position of the last event. */
  readonly head: number;
  /** The id that the next new name gets; 0 is nobody's. */
  readonly nextName: number;
}

/** The state of a store that nothing was written to. */
const NEW: LogState = { epoch: 0, head: 0, nextName: 1 };

/**
 * Reads the state.
 *
 * @throws StoreError STORE_CORRUPT
 */
export function readState(tables: Tables, label: string): LogState {
  const bytes = tables.meta.get(META.state);
  if (bytes === undefined) return NEW;
  // The checksum held: this is what writeState wrote.
  const [epoch, head, nextName] = openRecord(bytes, { table: 'meta', key: META.state, label }) as readonly [number, number, number];
  return { epoch, head, nextName };
}

/** Writes the state, inside of a transaction. */
export function writeState(tables: Tables, { epoch, head, nextName }: LogState): void {
  tables.meta.putSync(META.state, record('meta', META.state, [epoch, head, nextName]));
}
