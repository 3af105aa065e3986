import type { LoggedEvent } from '../lib/events/logged-event.ts';
import type { Position } from '../lib/events/position.ts';
import { addressesOf } from '../lib/events/retention.ts';
import { draftEvent, type EventDraft } from './batch-draft.ts';
import type { Volume } from './disk-room.ts';
import { EventBytes } from './event-bytes.ts';
import { eventRow, removedEventRow } from './event-codec.ts';
import { eventFrom } from './event-decoder.ts';
import { Names } from './names.ts';
import { openRecord, record } from './record.ts';
import { PositionList, type RepairedParts } from './repair-report.ts';
import type { RepairTarget } from './repair-rows.ts';
import type { Salvage } from './salvage-file.ts';
import { RANK } from './salvage-order.ts';
import { indexKey, positionKey, type Tables } from './tables.ts';
import { valueKey } from './value-rows.ts';

/** The log as it was brought over, and what the rest of the store is to be made from. */
export interface RepairedLog {
  readonly events: RepairedParts['events'];
  readonly rebuilt: RepairedParts['rebuilt'];
  /** Keys of the values that events refer to, one character a byte. */
  readonly needed: ReadonlySet<string>;
  readonly nextName: number;
}

const IN_TRANSACTION = 500;
const NOTHING = Buffer.alloc(0);

/** What readers see as an event that was removed, of which nobody knows what it was. */
const LOST = removedEventRow('lost');

/**
 * Brings the events over, each at its position, and makes again what is made from them: as appends did, so that a log of which nothing is
 * lost gets the very same rows.
 */
export function repairLog(salvage: Salvage, { environment, label, tell }: RepairTarget): RepairedLog {
  const repair = new LogRepair(salvage, environment.tables, label);
  for (let from = 1; from <= salvage.head; from += IN_TRANSACTION) {
    const count = Math.min(IN_TRANSACTION, salvage.head + 1 - from);
    const rows = Array.from({ length: count }, (_, index) => repair.find(from + index));
    environment.transact(() => {
      for (const row of rows) repair.bring(row);
    }, volumeOf(rows));
    repair.settle();
    tell();
  }
  return repair.log();
}

/** A row of `events` of which it is known what is to find it. */
interface RowToBring {
  readonly position: Position;
  readonly row: Buffer;
  readonly event: LoggedEvent | undefined;
  readonly draft: EventDraft | undefined;
}

/** What is written at most: each row of an index may come with a name. */
function volumeOf(rows: readonly RowToBring[]): Volume {
  let volume = { bytes: 0, rows: 0 };
  for (const { row, draft } of rows) {
    const names = [...(draft?.index ?? []), ...(draft?.run === undefined ? [] : [draft.run])];
    const bytes = names.reduce((sum, { name }) => sum + Buffer.byteLength(name), row.length);
    volume = { bytes: volume.bytes + bytes, rows: volume.rows + 1 + 2 * names.length };
  }
  return volume;
}

class LogRepair {
  readonly #salvage: Salvage;
  readonly #tables: Tables;
  readonly #label: string;
  readonly #names: Names;
  readonly #needed = new Set<string>();
  readonly #lists = { lost: new PositionList(), uncertain: new PositionList(), contradicted: new PositionList() };
  readonly #rebuilt: Record<string, number> = { names: 0, runs: 0 };
  #kept = 0;
  #nextName = 1;

  constructor(salvage: Salvage, tables: Tables, label: string) {
    this.#salvage = salvage;
    this.#tables = tables;
    this.#label = label;
    this.#names = new Names(label);
  }

  /** What is to stand at a position. */
  find(position: Position): RowToBring {
    const found = readEvent(this.#salvage, position, this.#label);
    if (found === undefined) {
      this.#lists.lost.add(position);
      return { position, row: record('events', positionKey(position), LOST), event: undefined, draft: undefined };
    }
    this.#kept += 1;
    if (found.isUncertain) this.#lists.uncertain.add(position);
    // What retention took away stood there before, and is no contradiction.
    if (this.#salvage.found.contradicted.has(position) && found.event.type !== 'removed') this.#lists.contradicted.add(position);
    return { position, row: this.#rowOf(found), event: found.event, draft: draftOf(found.event) };
  }

  /** The row as it was found, but that no run vouches for steps whose events may be gone. */
  #rowOf({ event, row }: FoundEvent): Buffer {
    const { lost, uncertain, contradicted } = this.#lists;
    const isWhole = [lost, uncertain, contradicted].every(({ set }) => set.count === 0);
    if (isWhole || event.type !== 'run-ended' || event.verified === undefined) return row;
    const { type, runId, time, status } = event;
    return record('events', positionKey(event.position), eventRow({ type, runId, time, status }, 0));
  }

  bring({ position, row, event, draft }: RowToBring): void {
    this.#tables.events.putSync(positionKey(position), row);
    for (const address of event === undefined ? [] : addressesOf(event)) this.#needed.add(valueKey(address).toString('latin1'));
    if (draft === undefined) return;
    for (const { table, name } of draft.index) {
      this.#tables[table].putSync(indexKey(this.#idOf(name), position), NOTHING);
      this.#count(table);
    }
    if (draft.run !== undefined) this.#deriveRun(draft.run, position);
  }

  #idOf(name: string): number {
    const found = this.#names.find(this.#tables, name);
    if (found !== undefined) return found;
    const id = this.#nextName;
    this.#nextName += 1;
    this.#names.set(this.#tables, name, id);
    this.#count('names');
    return id;
  }

  #deriveRun({ name, starts }: NonNullable<EventDraft['run']>, position: Position): void {
    const started = this.#names.find(this.#tables, name);
    if (!starts) {
      if (started !== undefined) this.#putRun(started, position);
      return;
    }
    if (started === undefined) this.#count('names');
    this.#names.set(this.#tables, name, position);
    this.#putRun(position, 0);
    this.#count('runs');
  }

  #putRun(started: Position, ended: Position): void {
    const key = positionKey(started);
    this.#tables.runs.putSync(key, record('runs', key, [ended]));
  }

  #count(table: string): void {
    this.#rebuilt[table] = (this.#rebuilt[table] ?? 0) + 1;
  }

  settle(): void {
    this.#names.settle(true);
  }

  log(): RepairedLog {
    const { lost, uncertain, contradicted } = this.#lists;
    const absurd = new PositionList();
    for (const position of [...this.#salvage.found.absurd].toSorted((a, b) => a - b)) absurd.add(position);
    return {
      events: { kept: this.#kept, lost: lost.set, uncertain: uncertain.set, contradicted: contradicted.set, absurd: absurd.set },
      rebuilt: this.#rebuilt,
      needed: this.#needed,
      nextName: this.#nextName,
    };
  }
}

/** An event as it was found. */
export interface FoundEvent {
  readonly event: LoggedEvent;
  readonly row: Buffer;
  readonly isUncertain: boolean;
}

/** The event at a position, if it is left. */
export function readEvent({ file, found }: Salvage, position: Position, label: string): FoundEvent | undefined {
  const place = found.events.get(position);
  if (place === undefined) return undefined;
  const row = file.read(place.at, place.size);
  try {
    const event = eventFrom(openRecord(row, { table: 'events', key: positionKey(position), label }), position);
    return { event, row, isUncertain: place.rank === RANK.stray };
  } catch {
    // Its checksum held: no version has written this.
    return undefined;
  }
}

/** What finds an event, as an append would have it. */
function draftOf(event: LoggedEvent): EventDraft | undefined {
  if (event.type === 'unknown' || event.type === 'removed') return undefined;
  return draftEvent(event, 0, new EventBytes());
}
