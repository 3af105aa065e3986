import { isMissed, type LoggedEvent } from '../lib/events/logged-event.ts';
import { eventFrom } from './event-decoder.ts';
import { putFormat } from './lmdb-environment.ts';
import { readState, writeState } from './log-state.ts';
import { nameOf, Names, UNSUCCESSFUL, type Name } from './names.ts';
import { openRecord } from './record.ts';
import { FORMAT, formatOf, indexKey, META, positionOf, type Tables } from './tables.ts';

const NOTHING = Buffer.alloc(0);

/**
 * Brings a store of an older format to this one, inside of the transaction that takes the lease: the rows that it has stay as they are, and
 * what its indices lack is made from its events. Cost: one look at every event, once.
 */
export function upgrade(tables: Tables, label: string): void {
  if (formatOf(tables.meta.get(META.format)) === FORMAT) return;
  const names = new Names(label);
  const state = readState(tables, label);
  let { nextName } = state;
  // All rows first: what is written in the loop would move the cursor under it.
  for (const { table, position, name } of Array.from(lackingRows(tables, label))) {
    let id = names.find(tables, name);
    if (id === undefined) {
      id = nextName;
      nextName += 1;
      names.set(tables, name, id);
    }
    tables[table].putSync(indexKey(id, position), NOTHING);
  }
  writeState(tables, { ...state, nextName });
  putFormat(tables.meta);
}

interface IndexRow {
  readonly table: 'missed' | 'settled';
  readonly name: Name;
}

function* lackingRows(tables: Tables, label: string): Generator<IndexRow & { readonly position: number }> {
  for (const { key, value } of tables.events.getRange()) {
    const position = positionOf(key);
    const row = lackingRow(eventFrom(openRecord(value, { table: 'events', key, label }), position));
    if (row !== undefined) yield { ...row, position };
  }
}

/** How this format finds an event that older ones did not. */
function lackingRow(event: LoggedEvent): IndexRow | undefined {
  if (isMissed(event)) return { table: 'missed', name: nameOf('key', event.key) };
  if (event.type !== 'step-settled' || event.outcome === 'succeeded' || event.outcome === 'cancelled') return undefined;
  return { table: 'settled', name: nameOf('output', event.definition, event.step, UNSUCCESSFUL) };
}
