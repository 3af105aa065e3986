import type { LoggedEvent } from '../lib/events/logged-event.ts';
import type { Position } from '../lib/events/position.ts';
import type { LogReader } from './log-reader.ts';

/** So many events are always read to learn what happened since. */
const FEW = 64;
/** Never more, since nobody else gets a turn meanwhile. */
const MOST = 500;
/** To find something out anew costs as much for so many of what is remembered as to read an event. */
const REMEMBERED_AN_EVENT = 16;

/** From where on the log is read, and what is remembered of what was before. */
export interface SinceQuestion {
  readonly after: Position;
  readonly head: Position;
  /** How many things are remembered. */
  readonly remembered: number;
}

/** What was appended since something was found out; `undefined` where it costs less to find it out anew, or nobody knows what the events were about. */
export function eventsSince(reader: LogReader, { after, head, remembered }: SinceQuestion): readonly LoggedEvent[] | undefined {
  const count = head - after;
  if (count < 0 || count > Math.min(MOST, Math.max(FEW, remembered / REMEMBERED_AN_EVENT))) return undefined;
  const events = count === 0 ? [] : reader.events(after + 1, count);
  return events.some(({ type }) => type === 'unknown') ? undefined : events;
}
