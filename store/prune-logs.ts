import { removedEventRow } from './event-codec.ts';
import { eventFrom } from './event-decoder.ts';
import { readState } from './log-state.ts';
import { runStart, type Read } from './prune-roots.ts';
import { openRecord, record } from './record.ts';
import { positionKey, positionOf, type Table } from './tables.ts';
import { isSaid } from '../lib/events/retention.ts';
import type { Position } from '../lib/events/position.ts';
import type { Writer } from './writer.ts';

const PAGE = 500;

interface LogPruning {
  readonly writer: Writer;
  readonly read: Read;
  readonly label: string;
}

/** Removes what bodies logged and how hooks failed before the oldest of so many runs started. Gives how many events that were. */
export async function pruneLogs({ writer, read, label }: LogPruning, runs: number, pass: (rows: number) => Promise<void>): Promise<number> {
  const end = await read((reader, tables) => (runs === 0 ? readState(tables, label).head + 1 : runStart(tables, reader, runs)));
  let removed = 0;
  for (let from = 1; from < end;) {
    const start = from;
    const { rows, said } = await read((_reader, { events }) => saidIn(events, { from: start, end, label }));
    if (said.length > 0) {
      writer.transact(
        ({ tables }) => {
          for (const { position, kind } of said) {
            const key = positionKey(position);
            tables.events.putSync(key, record('events', key, removedEventRow(kind)));
          }
          // What is written is shorter than what was there.
        },
        { bytes: 0, rows: said.length },
      );
    }
    removed += said.length;
    from += rows;
    await pass(rows);
    if (rows === 0) break;
  }
  return removed;
}

interface Said {
  readonly position: Position;
  readonly kind: string;
}

interface Span {
  readonly from: Position;
  readonly end: Position;
  readonly label: string;
}

/** Which events of a page only tell what bodies and hooks said. An event never changes but in here, so they still do when they are removed. */
function saidIn(events: Table, { from, end, label }: Span): { readonly rows: number; readonly said: readonly Said[] } {
  const range = { start: positionKey(from), end: positionKey(end), limit: PAGE };
  const rows = [...events.getRange(range)];
  const said = rows.flatMap(({ key, value }) => {
    const position = positionOf(key);
    const event = eventFrom(openRecord(value, { table: 'events', key, label }), position);
    return isSaid(event) ? [{ position, kind: event.type }] : [];
  });
  return { rows: rows.length, said };
}
