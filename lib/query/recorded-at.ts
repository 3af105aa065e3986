import type { LoggedEvent, StepSettled } from '../events/logged-event.ts';
import type { Position } from '../events/position.ts';
import { isAssetEvent, isAssetVersion, isOfStep, recordedStep, type Recorded } from './recorded-step.ts';

/** A part of a log without gaps. */
export interface Rows {
  /** The position of the first event. */
  readonly first: Position;
  readonly events: readonly LoggedEvent[];
  /** Whether the log goes on behind the last event. */
  readonly more: boolean;
}

/** What the event at a position is part of; or where rows are missing that it takes to tell. */
export function recordedAt(rows: Rows, position: Position): Recorded | 'before' | 'behind' {
  const place = position - rows.first;
  if (place < 0) return 'before';
  const event = rows.events[place];
  if (event === undefined) return 'behind';
  if (event.type === 'source-observed') return { type: 'source', first: position, last: position, event };
  const start = startOfStep(rows.events, place);
  if (start < 0 && rows.first > 1) return 'before';
  const settled = rows.events[start];
  if (settled?.type === 'step-settled') return withAssets(rows, start, settled);
  return isAssetVersion(event) ? recordedStep(event, [event]) : { type: 'other', first: position, last: position, event };
}

function withAssets({ events, more }: Rows, start: number, settled: LoggedEvent & StepSettled): Recorded | 'behind' {
  let end = start + 1;
  for (let next = events[end]; next !== undefined && isOfStep(settled, next); next = events[end]) end += 1;
  if (end === events.length && more) return 'behind';
  return recordedStep(settled, events.slice(start + 1, end));
}

/** The place of the settled step that an event belongs to, or its own where it belongs to none. Below 0 where more rows are needed to tell. */
function startOfStep(events: readonly LoggedEvent[], place: number): number {
  const event = events[place];
  if (event === undefined || !isAssetEvent(event)) return place;
  let start = place - 1;
  for (let before = events[start]; before !== undefined && isAssetEvent(before) && isOfStep(event, before); before = events[start])
    start -= 1;
  const settled = events[start];
  // Nothing stands before the first event of the log.
  return settled === undefined || (settled.type === 'step-settled' && isOfStep(settled, event)) ? start : place;
}
