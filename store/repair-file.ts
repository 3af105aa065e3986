import { join } from 'node:path';
import type { Address } from '../lib/events/data-version.ts';
import type { Position } from '../lib/events/position.ts';
import { addressesOf } from '../lib/events/retention.ts';
import type { AppendRow } from './appends.ts';
import { openLmdb } from './lmdb-environment.ts';
import { writeState } from './log-state.ts';
import type { OffsetRow } from './offsets.ts';
import { openRecord, record } from './record.ts';
import { readEvent, repairLog } from './repair-log.ts';
import type { LostValue, RepairedParts } from './repair-report.ts';
import { RowWriter, type RepairTarget } from './repair-rows.ts';
import { repairValues } from './repair-values.ts';
import { rowsOfTable, withSalvage, type Salvage } from './salvage-file.ts';
import { RANK } from './salvage-order.ts';
import { storeFailure } from './store-failure.ts';

/** What is repaired into what. */
export interface RepairPlace {
  readonly path: string;
  readonly label: string;
  /** A folder that is there, and empty. */
  readonly target: string;
  /** How messages call it. */
  readonly targetLabel: string;
  readonly raiseEpochBy: number;
}

/**
 * Makes a whole store of what is left of a damaged one, which is only read, and never by LMDB: that believes what stands in its pages.
 *
 * @throws StoreError where nothing is left, or somebody writes
 */
export async function repairFile(place: RepairPlace, tellPages: (pages: number) => void): Promise<RepairedParts> {
  const { path, label, target, targetLabel } = place;
  const environment = await openLmdb(target, { writable: true, label: targetLabel }).catch((error: unknown) => {
    throw storeFailure(error, targetLabel);
  });
  try {
    return withSalvage({ path: join(path, 'data.mdb'), label, tellPages }, (salvage) => {
      // Also for the sake of who tells: it ends when nobody listens any more.
      const tell = (): void => tellPages(2 * salvage.file.pages);
      const writer = new RowWriter(environment, tell);
      return bringOver(salvage, { environment, writer, label: targetLabel, tell }, place.raiseEpochBy);
    });
  } finally {
    await environment.close();
  }
}

function bringOver(salvage: Salvage, target: RepairTarget, raiseEpochBy: number): RepairedParts {
  const { environment, writer, label } = target;
  try {
    const { head, epoch, isHeadKnown } = salvage;
    const { events, rebuilt, needed, nextName } = repairLog(salvage, target);
    const { kept, lost } = repairValues(salvage, target, needed);
    const cursors = bringCursors(salvage, target);
    const appends = bringAppends(salvage, target);
    const offsets = bringOffsets(salvage, target);
    writer.flush();
    environment.transact(() => writeState(environment.tables, { epoch: epoch + raiseEpochBy, head, nextName }));
    const values = { kept, lost: lost.size, lostValues: lost.size === 0 ? [] : needsOf(salvage, lost, label) };
    return { head, isHeadKnown, events, values, cursors, appends, offsets, rebuilt };
  } catch (error) {
    throw storeFailure(error, label);
  }
}

/** A cursor of an older snapshot has its reader see some events once more; none may be behind the end of the log. */
function bringCursors(salvage: Salvage, { environment, writer, label }: RepairTarget): RepairedParts['cursors'] {
  const { rows, lost } = rowsOfTable(salvage, 'cursors');
  for (const [text, { at, size }] of rows) {
    const key = Buffer.from(text, 'latin1');
    const row = salvage.file.read(at, size);
    // The checksum held: this is what writeCursor wrote.
    const [name, position] = openRecord(row, { table: 'cursors', key, label }) as readonly [string, Position];
    writer.put(environment.tables.cursors, key, position <= salvage.head ? row : record('cursors', key, [name, salvage.head]));
  }
  return { kept: rows.size, lost };
}

/** The id of a batch that is not in the log was never acknowledged, and may be used again. */
function bringAppends(salvage: Salvage, { environment, writer, label }: RepairTarget): RepairedParts['appends'] {
  const { rows, lost } = rowsOfTable(salvage, 'appends');
  let kept = 0;
  for (const [text, { at, size }] of rows) {
    const key = Buffer.from(text, 'latin1');
    const row = salvage.file.read(at, size);
    // The checksum held: this is what putAppend wrote.
    const [, , last] = openRecord(row, { table: 'appends', key, label }) as AppendRow;
    if (last > salvage.head) continue;
    writer.put(environment.tables.appends, key, row);
    kept += 1;
  }
  return { kept, lost };
}

/** One that is ahead of the log would have its source leave out what is lost: without it, the source begins anew. */
function bringOffsets(salvage: Salvage, { environment, writer, label }: RepairTarget): RepairedParts['offsets'] {
  const { rows, lost } = rowsOfTable(salvage, 'offsets');
  const uncertain: string[] = [];
  let ahead = 0;
  for (const [text, { at, size, rank }] of rows) {
    const key = Buffer.from(text, 'latin1');
    const row = salvage.file.read(at, size);
    // The checksum held: this is what putOffset wrote.
    const [source, , head] = openRecord(row, { table: 'offsets', key, label }) as OffsetRow;
    if (head > salvage.head) {
      ahead += 1;
      continue;
    }
    writer.put(environment.tables.offsets, key, row);
    if (rank !== RANK.newest && uncertain.length < LISTED) uncertain.push(source);
  }
  return { kept: rows.size - ahead, lost: lost === null ? null : lost + ahead, uncertain };
}

/** Which events need values that are lost: a second reading, since most repairs lose none. */
function needsOf(salvage: Salvage, lost: ReadonlySet<string>, label: string): readonly LostValue[] {
  const listed = new Map<Address, Needs>([...lost].slice(0, LISTED).map((address) => [address, { keys: new Set(), positions: [] }]));
  for (let position = 1; position <= salvage.head; position += 1) {
    const event = readEvent(salvage, position, label)?.event;
    for (const address of event === undefined ? [] : addressesOf(event)) {
      const needs = listed.get(address);
      if (needs === undefined || needs.positions.length >= LISTED_NEEDS) continue;
      needs.positions.push(position);
      if (event !== undefined && 'key' in event) needs.keys.add(event.key);
    }
  }
  return [...listed].map(([address, { keys, positions }]) => ({ address, keys: [...keys], positions }));
}

interface Needs {
  readonly keys: Set<string>;
  readonly positions: Position[];
}

const LISTED = 1000;
const LISTED_NEEDS = 10;
