import type { Address } from '../lib/events/data-version.ts';
import type { NewEvent, StepSettled } from '../lib/events/logged-event.ts';
import type { Position, PositionRef } from '../lib/events/position.ts';
import { addressesOf } from '../lib/events/retention.ts';
import type { AppendBatch, ExpectedPosition, SourceOffset } from '../lib/events/store-port.ts';
import { appendId, type AppendId } from './appends.ts';
import { eventRow } from './event-codec.ts';
import type { Volume } from './disk-room.ts';
import { EventBytes } from './event-bytes.ts';
import type { Weight } from './group-commit.ts';
import type { Entry } from './lmdb-put.ts';
import { MadeOfNames, nameOf, UNSUCCESSFUL, type Name } from './names.ts';
import { draftOffset, type OffsetDraft } from './offsets.ts';
import type { ValueDraft, ValueWriter } from './value-writer.ts';

const NONE: readonly never[] = [];

/** A table whose rows find events by a name. */
export type IndexTable = 'readable' | 'settled' | 'missed';

/** A row of an index: the name that finds the event. The same object for each event of that name, as long as it is remembered. */
export interface IndexDraft {
  readonly table: IndexTable;
  readonly name: Name;
}

// The same list for each event that is found by a name.
const READABLE = new MadeOfNames((name) => [{ table: 'readable', name }] as const satisfies readonly IndexDraft[]);
const SETTLED = new MadeOfNames((name) => [{ table: 'settled', name }] as const satisfies readonly IndexDraft[]);
const MISSED = new MadeOfNames((name) => [{ table: 'missed', name }] as const satisfies readonly IndexDraft[]);

/** An event in bytes, but for its position, and what is to find it. */
export interface EventDraft extends Entry {
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
  /** Addresses of the values that the events refer to and the batch does not bring. */
  readonly refers: readonly Address[];
  /** Positions of the events that its steps have read, where a prune that is under way has to know them. */
  readonly reads: readonly Position[];
  readonly id: AppendId | undefined;
  readonly expected: readonly ExpectationDraft[];
  /** The position that its first event has to get. */
  readonly at: Position | undefined;
  readonly offsets: readonly OffsetDraft[];
  readonly weight: Weight;
}

/**
 * Encodes a batch. References inside of it become distances, so that no byte depends on where the batch will stand. Of what it gives as little as
 * can be is made for this batch alone: thousands may wait, and the garbage collector moves each part of each of them.
 */
export function draftBatch(batch: AppendBatch, valueWriter: ValueWriter): BatchDraft {
  const { id, request, expected, at, offsets } = batch;
  const events = draftEvents(batch.events);
  const values = batch.values.length === 0 ? NONE : batch.values.map((value) => valueWriter.draft(value));
  const bytes = bytesOf(events, values) + (offsets === undefined ? 0 : offsetBytes(offsets));
  return {
    events,
    values,
    refers: refersTo(batch),
    reads: valueWriter.isRemembering ? readsOf(batch) : NONE,
    id: id === undefined ? undefined : appendId(id, request === undefined ? contentOf(batch) : JSON.stringify(request)),
    expected: expected === undefined ? NONE : expected.map((each) => ({ expected: each, name: READABLE.key(each.key)[0].name })),
    at,
    offsets: offsets === undefined ? NONE : offsets.map(draftOffset),
    weight: { events: events.length, bytes },
  };
}

function draftEvents(events: readonly NewEvent[]): readonly EventDraft[] {
  const bytes = new EventBytes();
  return events.map((event, index) => draftEvent(event, index, bytes));
}

/** What batches may write at most: a value that may be kept as a change is kept in full where what it changes has gone meanwhile. */
export function volumeOf(batches: readonly BatchDraft[]): Volume {
  let bytes = 0;
  let rows = 0;
  for (const { events, values, offsets, weight } of batches) {
    bytes += weight.bytes;
    // The row of its id.
    rows += 1 + events.length + offsets.length;
    for (const { index } of events) rows += index.length;
    for (const { rows: taken, entry, parts, patch } of values) {
      rows += taken;
      if (patch !== undefined) bytes += entry.end - entry.start + (parts?.length ?? 0);
    }
  }
  return { bytes, rows };
}

function bytesOf(events: readonly EventDraft[], values: readonly ValueDraft[]): number {
  let bytes = 0;
  for (const { start, end } of events) bytes += end - start;
  for (const { size } of values) bytes += size;
  return bytes;
}

function offsetBytes(offsets: readonly SourceOffset[]): number {
  return offsets.reduce((bytes, { key, offset }) => bytes + Buffer.byteLength(key) + Buffer.byteLength(offset), 0);
}

/** Addresses of the values that the events of a batch refer to and the batch does not bring. */
function refersTo({ events, values }: AppendBatch): readonly Address[] {
  let addresses: Address[] | undefined;
  for (const event of events) {
    for (const address of addressesOf(event)) if (!isBrought(address, values)) (addresses ??= []).push(address);
  }
  return addresses ?? NONE;
}

/** Positions of the events that its steps have read, of those that were there before it. */
function readsOf({ events }: AppendBatch): readonly Position[] {
  const reads: Position[] = [];
  for (const event of events) {
    if (event.type !== 'step-settled') continue;
    for (const { position } of event.inputs) if (typeof position === 'number') reads.push(position);
  }
  return reads;
}

function isBrought(address: Address, values: AppendBatch['values']): boolean {
  for (const value of values) if (value.address === address) return true;
  return false;
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

/** Encodes one event; `index` is its place in the batch of `bytes`. */
export function draftEvent(event: NewEvent, index: number, bytes: EventBytes): EventDraft {
  const { space, start, row, end } = bytes.draft(event, index);
  return { space, start, row, end, index: indexDrafts(event), run: runOf(event) };
}

function indexDrafts(event: NewEvent): readonly IndexDraft[] {
  switch (event.type) {
    case 'source-observed':
    case 'asset-materialized':
    case 'asset-unchanged':
    case 'asset-absent':
      return READABLE.key(event.key);
    case 'step-settled':
      return event.outcome === 'cancelled' ? NONE : settledDrafts(event);
    case 'asset-failed':
    case 'asset-blocked':
    case 'asset-cancelled':
      return MISSED.key(event.key);
    default:
      return NONE;
  }
}

/** A step that succeeded is found under its outputs, any other one under a name that no output has. One that was cancelled says nothing of its step. */
function settledDrafts({ definition, step, outcome, outputs, dropped }: StepSettled<PositionRef>): readonly IndexDraft[] {
  if (outcome !== 'succeeded') return SETTLED.output(definition, step, UNSUCCESSFUL);
  const only = outputs[0];
  if (only !== undefined && outputs.length === 1 && dropped.length === 0) return SETTLED.output(definition, step, only.output);
  return [...outputs.map(({ output }) => output), ...dropped].flatMap((output) => SETTLED.output(definition, step, output));
}

function runOf(event: NewEvent): EventDraft['run'] {
  if (event.type !== 'run-started' && event.type !== 'run-ended') return undefined;
  return { name: nameOf('run', event.runId), starts: event.type === 'run-started' };
}
