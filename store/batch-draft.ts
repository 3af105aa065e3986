import type { NewEvent, StepSettled } from '../lib/events/logged-event.ts';
import type { Position, PositionRef } from '../lib/events/position.ts';
import { addressesOf } from '../lib/events/retention.ts';
import type { AppendBatch, ExpectedPosition, SourceOffset } from '../lib/events/store-port.ts';
import { appendId, type AppendId } from './appends.ts';
import { eventRow } from './event-codec.ts';
import { eventText } from './event-text.ts';
import type { Weight } from './group-commit.ts';
import { MadeNames, nameOf, UNSUCCESSFUL, type Name } from './names.ts';
import { draftOffset, type OffsetDraft } from './offsets.ts';
import { draft, type Draft } from './record.ts';
import { valueKey } from './value-rows.ts';
import type { ValueDraft, ValueWriter } from './value-writer.ts';

const madeNames = new MadeNames();

/** A row of an index: the name that finds the event. */
interface IndexDraft {
  readonly table: 'readable' | 'settled' | 'missed';
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
  /** The position that its first event has to get. */
  readonly at: Position | undefined;
  readonly offsets: readonly OffsetDraft[];
  readonly weight: Weight;
}

/** Encodes a batch. References inside of it become distances, so that no byte depends on where the batch will stand. */
export function draftBatch(batch: AppendBatch, valueWriter: ValueWriter): BatchDraft {
  const { events, values, id, request, expected = [], at, offsets = [] } = batch;
  const eventDrafts = events.map(draftEvent);
  const valueDrafts = values.map((value) => valueWriter.draft(value));
  return {
    events: eventDrafts,
    values: valueDrafts,
    refers: refersTo(batch),
    id: id === undefined ? undefined : appendId(id, request === undefined ? contentOf(batch) : JSON.stringify(request)),
    expected: expected.map((each) => ({ expected: each, name: madeNames.key(each.key) })),
    at,
    offsets: offsets.map(draftOffset),
    weight: { events: events.length, bytes: bytesOf(eventDrafts, valueDrafts) + offsetBytes(offsets) },
  };
}

function bytesOf(events: readonly EventDraft[], values: readonly ValueDraft[]): number {
  let bytes = 0;
  for (const { record } of events) bytes += record.end - record.start;
  for (const { size } of values) bytes += size;
  return bytes;
}

function offsetBytes(offsets: readonly SourceOffset[]): number {
  return offsets.reduce((bytes, { key, offset }) => bytes + Buffer.byteLength(key) + Buffer.byteLength(offset), 0);
}

/** Keys of the values that the events of a batch refer to and the batch does not bring. */
function refersTo({ events, values }: AppendBatch): readonly Buffer[] {
  const keys: Buffer[] = [];
  for (const event of events) {
    for (const address of addressesOf(event)) if (!values.some((value) => value.address === address)) keys.push(valueKey(address));
  }
  return keys;
}

/**
 * All that a batch says but when: the rows of its events with the time taken out, the addresses of its values, and offsets where it has some.
 * A list, which no request is.
 */
function contentOf({ events, values, offsets = [] }: AppendBatch): string {
  const rows = events.map((event, index) => eventRow({ ...event, time: 0 }, index));
  const addresses = values.map(({ address }) => address);
  return JSON.stringify(offsets.length === 0 ? [rows, addresses] : [rows, addresses, offsets.map(({ key, offset }) => [key, offset])]);
}

/** Encodes one event; `index` is its place in its batch. */
export function draftEvent(event: NewEvent, index: number): EventDraft {
  return { record: draft(eventText(event, index)), index: indexDrafts(event), run: runOf(event) };
}

function indexDrafts(event: NewEvent): readonly IndexDraft[] {
  switch (event.type) {
    case 'source-observed':
    case 'asset-materialized':
    case 'asset-unchanged':
    case 'asset-absent':
      return [{ table: 'readable', name: madeNames.key(event.key) }];
    case 'step-settled':
      return settledUnder(event).map((output) => ({ table: 'settled', name: madeNames.output(event.definition, event.step, output) }));
    case 'asset-failed':
    case 'asset-blocked':
    case 'asset-cancelled':
      return [{ table: 'missed', name: madeNames.key(event.key) }];
    default:
      return [];
  }
}

/** The outputs under which a settled step is found. One that was cancelled says nothing of its step. */
function settledUnder({ outcome, outputs, dropped }: StepSettled<PositionRef>): readonly string[] {
  if (outcome === 'cancelled') return [];
  return outcome === 'succeeded' ? [...outputs.map(({ output }) => output), ...dropped] : [UNSUCCESSFUL];
}

function runOf(event: NewEvent): EventDraft['run'] {
  if (event.type !== 'run-started' && event.type !== 'run-ended') return undefined;
  return { name: nameOf('run', event.runId), starts: event.type === 'run-started' };
}
