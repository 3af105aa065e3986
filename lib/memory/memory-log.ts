import { freezeEvent } from '../events/freeze-event.ts';
import { atPosition, type LoggedEvent, type NewEvent } from '../events/logged-event.ts';
import type { Position } from '../events/position.ts';
import { encodeValue } from '../kernel/value/canonical.ts';
import { decodeValue } from '../kernel/value/decode.ts';
import { fixValue } from '../kernel/value/fix.ts';

/** An event as it was appended, until somebody reads it. */
interface Row {
  readonly given: NewEvent;
  /** Position of the first event of its batch, from which references count. */
  readonly first: Position;
  /** Bytes of metadata, or of a log line's data, that could still change (it holds a Map, a Date, …). */
  readonly mutable: Uint8Array | undefined;
  logged: LoggedEvent | undefined;
}

/** Where an event was. */
interface RemovedRow {
  readonly removed: LoggedEvent;
}

/**
 * Events by position, in an array. They get their position and are frozen when they are read for the first time: most of what a
 * run appends is never read in its process, and freezing would cost more than all the rest of an append.
 */
export class MemoryLog {
  #rows: (Row | RemovedRow)[] = [];

  /** The position of the last event. */
  get head(): Position {
    return this.#rows.length;
  }

  /** Adds a batch that was accepted, as a whole: everything that may throw comes first. */
  add(events: readonly NewEvent[]): void {
    const first = this.head + 1;
    const rows = events.map((given): Row => ({ given, first, mutable: mutablePart(given), logged: undefined }));
    for (const row of rows) this.#rows.push(row);
  }

  /** The event at a position: the same frozen object for every reader, or equal ones where metadata or data cannot be frozen. */
  at(position: Position): LoggedEvent | undefined {
    const row = this.#rows[position - 1];
    if (row === undefined) return undefined;
    if ('removed' in row) return row.removed;
    if (row.mutable === undefined) return (row.logged ??= freezeEvent(atPosition(row.given, position, row.first)));
    const decoded = decodeValue(row.mutable);
    const own = row.given.type === 'log-line' ? { data: decoded } : { metadata: decoded };
    // What is spread is a log line or an asset's event: nothing else has a part that could change.
    return freezeEvent({ ...atPosition(row.given, position, row.first), ...own } as LoggedEvent);
  }

  /** Whether the event at a position tells what a step read. Makes no event of what nobody has read yet. */
  readsAt(position: Position): boolean {
    const row = this.#rows[position - 1];
    return row !== undefined && 'given' in row && row.given.type === 'step-settled';
  }

  /** Forgets what an event said, and keeps its position and its kind. */
  remove(position: Position): void {
    const row = this.#rows[position - 1];
    if (row === undefined || 'removed' in row) return;
    this.#rows[position - 1] = { removed: Object.freeze({ type: 'removed', kind: row.given.type, position }) };
  }

  /** Forgets everything. */
  clear(): void {
    this.#rows = [];
  }
}

function mutablePart(event: NewEvent): Uint8Array | undefined {
  if (event.type === 'asset-materialized' || event.type === 'asset-unchanged') return bytesOfMutable(event.metadata);
  return event.type === 'log-line' ? bytesOfMutable(event.data) : undefined;
}

function bytesOfMutable(value: unknown): Uint8Array | undefined {
  const fixed = fixValue(value);
  return fixed.storable && fixed.immutable ? undefined : encodeValue(value);
}
