import { isMissed } from '../lib/events/logged-event.ts';
import { eventFrom } from './event-decoder.ts';
import { putFormat } from './lmdb-environment.ts';
import { readState, writeState } from './log-state.ts';
import { nameOf, Names } from './names.ts';
import { openRecord } from './record.ts';
import { FORMAT, indexKey, META, positionOf, type Tables } from './tables.ts';

const NOTHING = Buffer.alloc(0);

/**
 * Brings a store of an older format to this one, inside of the transaction that takes the lease: the rows that it has stay as they are, and
 * the index that it lacks is made from its events. Cost: one look at every event, once.
 */
export function upgrade(tables: Tables, label: string): void {
  const format = tables.meta.get(META.format)?.toString('latin1');
  if (format === `sluice-store ${FORMAT}`) return;
  const names = new Names(label);
  const state = readState(tables, label);
  let { nextName } = state;
  // All rows first: what is written in the loop would move the cursor under it.
  for (const { position, name } of Array.from(missedEvents(tables, label))) {
    let id = names.find(tables, name);
    if (id === undefined) {
      id = nextName;
      nextName += 1;
      names.set(tables, name, id);
    }
    tables.missed.putSync(indexKey(id, position), NOTHING);
  }
  writeState(tables, { ...state, nextName });
  putFormat(tables.meta);
}

function* missedEvents(tables: Tables, label: string): Generator<{ readonly position: number; readonly name: string }> {
  for (const { key, value } of tables.events.getRange()) {
    const position = positionOf(key);
    const event = eventFrom(openRecord(value, { table: 'events', key, label }), position);
    if (isMissed(event)) yield { position, name: nameOf('key', event.key) };
  }
}
