import type { NewEvent } from '../lib/events/logged-event.ts';
import type { AppendBatch } from '../lib/events/store-port.ts';
import { eventRow } from './event-codec.ts';
import { nameOf, type Name } from './names.ts';
import { draft, type Draft } from './record.ts';

/** A row of an index: the name that finds the event. */
interface IndexDraft {
  readonly table: 'readable' | 'settled';
  readonly name: Name;
}

/** An event in bytes, but for its position, and what is to find it. */
export interface EventDraft {
  readonly record: Draft;
  readonly index: readonly IndexDraft[];
  /** The name of the run that starts or ends here. */
  readonly run: { readonly name: Name; readonly starts: boolean } | undefined;
}

/** A value in bytes, as the table keeps it. */
export interface ValueDraft {
  readonly key: Buffer;
  readonly bytes: Buffer;
}

/** A batch in bytes. Made before the transaction: what cannot be encoded is refused alone, and the lock is held for less long. */
export interface BatchDraft {
  readonly events: readonly EventDraft[];
  readonly values: readonly ValueDraft[];
  readonly size: number;
}

/** First byte of a value's row. Persisted. Others will say that a value is kept in parts, or as a change of another. */
export const WHOLE_VALUE = 1;

/** Encodes a batch. References inside of it become distances, so that no byte depends on where the batch will stand. */
export function draftBatch({ events, values }: AppendBatch): BatchDraft {
  const eventDrafts = events.map(draftEvent);
  const valueDrafts = values.map(({ address, bytes }) => ({
    key: valueKey(address),
    bytes: Buffer.concat([Buffer.of(WHOLE_VALUE), bytes]),
  }));
  const size =
    eventDrafts.reduce((sum, { record }) => sum + record.bytes.length, 0) + valueDrafts.reduce((sum, { bytes }) => sum + bytes.length, 0);
  return { events: eventDrafts, values: valueDrafts, size };
}

/** Key of a row of `values`: the hash in an address (`sha256:` and hex). */
export function valueKey(address: string): Buffer {
  return Buffer.from(address.slice(address.indexOf(':') + 1), 'hex');
}

function draftEvent(event: NewEvent, index: number): EventDraft {
  return { record: draft(eventRow(event, index)), index: indexDrafts(event), run: runOf(event) };
}

function indexDrafts(event: NewEvent): readonly IndexDraft[] {
  switch (event.type) {
    case 'source-observed':
    case 'asset-materialized':
    case 'asset-unchanged':
    case 'asset-absent':
      return [{ table: 'readable', name: nameOf('key', event.key) }];
    case 'step-settled':
      if (event.outcome !== 'succeeded') return [];
      return event.outputs.map(({ output }) => ({ table: 'settled', name: nameOf('output', event.definition, event.step, output) }));
    default:
      return [];
  }
}

function runOf(event: NewEvent): EventDraft['run'] {
  if (event.type !== 'run-started' && event.type !== 'run-ended') return undefined;
  return { name: nameOf('run', event.runId), starts: event.type === 'run-started' };
}
