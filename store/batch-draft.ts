import type { NewEvent, StepSettled } from '../lib/events/logged-event.ts';
import type { PositionRef } from '../lib/events/position.ts';
import { addressesOf } from '../lib/events/retention.ts';
import type { AppendBatch, ExpectedPosition } from '../lib/events/store-port.ts';
import { appendId, type AppendId } from './appends.ts';
import { eventRow } from './event-codec.ts';
import { EventBytes } from './event-bytes.ts';
import type { Weight } from './group-commit.ts';
import { MadeNames, nameOf, type Name } from './names.ts';
import type { Draft } from './record.ts';
import { valueKey } from './value-rows.ts';
import type { ValueDraft, ValueWriter } from './value-writer.ts';

const madeNames = new MadeNames();
const NOTHING_EXPECTED: readonly ExpectationDraft[] = [];

/** A table whose rows find events by a name. */
export type IndexTable = 'readable' | 'settled' | 'missed';

/** A row of an index: the name that finds the event. */
interface IndexDraft {
  readonly table: IndexTable;
  readonly name: Name;
}

/** An event in bytes, but for its position, and what is to find it. */
export interface EventDraft {
  readonly record: Draft;
  readonly index: readonly IndexDraft[];
  /** The name of the run that starts or ends here. */
  readonly run: { readonly name: Name; readonly starts: boolean } | undefined;
}

/** What readers have to get of a key: the event at this position. */
export interface ExpectationDraft {
  readonly expected: ExpectedPosition;
  readonly name: Name;
}

/** A batch in bytes. Made before the transaction: what cannot be encoded is refused alone, and the lock is held for less long. */
export interface BatchDraft {
  readonly events: readonly EventDraft[];
  readonly values: readonly ValueDraft[];
  /** Keys of the values that the events refer to and the batch does not bring. */
  readonly refers: readonly Buffer[];
  readonly id: AppendId | undefined;
  readonly expected: readonly ExpectationDraft[];
  readonly weight: Weight;
}

/** Encodes a batch. References inside of it become distances, so that no byte depends on where the batch will stand. */
export function draftBatch(batch: AppendBatch, valueWriter: ValueWriter): BatchDraft {
  const { events, values, id, request, expected } = batch;
  const bytes = new EventBytes();
  const eventDrafts: EventDraft[] = [];
  const valueDrafts: ValueDraft[] = [];
  let size = 0;
  for (const event of events) {
    const draft = draftEvent(event, eventDrafts.length, bytes);
    size += draft.record.end - draft.record.start;
    eventDrafts.push(draft);
  }
  for (const value of values) {
    const draft = valueWriter.draft(value);
    size += draft.size;
    valueDrafts.push(draft);
  }
  return {
    events: eventDrafts,
    values: valueDrafts,
    refers: refersTo(batch),
    id: id === undefined ? undefined : appendId(id, request === undefined ? contentOf(batch) : JSON.stringify(request)),
    expected: expected === undefined ? NOTHING_EXPECTED : expected.map((each) => ({ expected: each, name: madeNames.key(each.key) })),
    weight: { events: events.length, bytes: size },
  };
}

/** Keys of the values that the events of a batch refer to and the batch does not bring. */
function refersTo({ events, values }: AppendBatch): readonly Buffer[] {
  const keys: Buffer[] = [];
  for (const event of events) {
    for (const address of addressesOf(event)) if (!isBrought(address, values)) keys.push(valueKey(address));
  }
  return keys;
}

function isBrought(address: string, values: AppendBatch['values']): boolean {
  for (const value of values) if (value.address === address) return true;
  return false;
}

/** All that a batch says but when: the rows of its events with the time taken out, and the addresses of its values. A list, which no request is. */
function contentOf({ events, values }: AppendBatch): string {
  const rows = events.map((event, index) => eventRow({ ...event, time: 0 }, index));
  return JSON.stringify([rows, values.map(({ address }) => address)]);
}

/** Encodes one event; `index` is its place in the batch of `bytes`. */
export function draftEvent(event: NewEvent, index: number, bytes: EventBytes): EventDraft {
  return { record: bytes.draft(event, index), index: indexDrafts(event), run: runOf(event) };
}

function indexDrafts(event: NewEvent): readonly IndexDraft[] {
  switch (event.type) {
    case 'source-observed':
    case 'asset-materialized':
    case 'asset-unchanged':
    case 'asset-absent':
      return [{ table: 'readable', name: madeNames.key(event.key) }];
    case 'step-settled':
      return event.outcome === 'succeeded' ? settledDrafts(event) : [];
    case 'asset-failed':
    case 'asset-blocked':
    case 'asset-cancelled':
      return [{ table: 'missed', name: madeNames.key(event.key) }];
    default:
      return [];
  }
}

function settledDrafts({ definition, step, outputs, dropped }: StepSettled<PositionRef>): readonly IndexDraft[] {
  const drafts: IndexDraft[] = [];
  for (const { output } of outputs) drafts.push({ table: 'settled', name: madeNames.output(definition, step, output) });
  for (const output of dropped) drafts.push({ table: 'settled', name: madeNames.output(definition, step, output) });
  return drafts;
}

function runOf(event: NewEvent): EventDraft['run'] {
  if (event.type !== 'run-started' && event.type !== 'run-ended') return undefined;
  return { name: nameOf('run', event.runId), starts: event.type === 'run-started' };
}
