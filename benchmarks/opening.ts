import { join } from 'node:path';
import { openStore } from 'sluice/store';
import type { Append } from './appends.ts';
import { sampleAppends } from './appends.ts';
import type { Figure } from './benchmark.ts';
import { check, takeTurns } from './measure.ts';

const EVENTS = 100_000;
const EVENTS_FULL = 1_000_000;
const EVENTS_AN_APPEND = 1000;
const TURNS = 9;
/** Promised: what a store of any size may take longer to open than an empty one. */
const MOST_MORE_MS = 50;

/** What it takes to open a store of many events to write, and to ask it where its log ends, beside an empty one. */
export async function openingFigures(folder: string, isFull: boolean): Promise<readonly Figure[]> {
  const events = isFull ? EVENTS_FULL : EVENTS;
  const [large, empty] = [join(folder, 'large'), join(folder, 'empty')];
  await fill(large, events);
  await fill(empty, 0);
  const [ofLarge, ofEmpty] = await takeTurns([() => openAndClose(large, events), () => openAndClose(empty, 0)], TURNS);
  check(ofLarge - ofEmpty < MOST_MORE_MS, `a store of ${events} events opens in ${MOST_MORE_MS} ms more than an empty one`);
  const name = `opening and closing a store of ${events.toLocaleString('en')} events`;
  return [{ name, value: ofLarge, unit: 'ms', against: { name: 'an empty one', value: ofEmpty } }];
}

async function fill(path: string, events: number): Promise<void> {
  const store = await openStore(path);
  for (let start = 0; start < events; start += EVENTS_AN_APPEND) await store.port.append(largeAppend());
  await store.close();
}

/** Many events in one append, without values: what is opened is a log. */
function largeAppend(): Append {
  return { events: sampleAppends(EVENTS_AN_APPEND / 2).flatMap((append) => append.events), values: [] };
}

async function openAndClose(path: string, events: number): Promise<void> {
  const store = await openStore(path);
  check((await store.port.head()) === events, 'every event is there');
  await store.close();
}
