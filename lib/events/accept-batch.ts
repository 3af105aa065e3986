import { isCount } from '../kernel/count.ts';
import { StoreError } from '../kernel/errors.ts';
import { invariant } from '../kernel/invariant.ts';
import { quote } from '../kernel/print.ts';
import { fixValue } from '../kernel/value/fix.ts';
import type { LogLine, NewEvent, StepSettled } from './logged-event.ts';
import type { PositionRef } from './position.ts';
import type { AppendBatch } from './store-port.ts';

const ADDRESS = /^sha256:[0-9a-f]{64}$/;

/**
 * Checks a batch, on every store alike, and freezes what users may still hold of it: tags, selections, metadata and the data of log lines.
 * That a value's address is the hash of its bytes is checked where they are read: here it would cost as much as the encoding did.
 *
 * @throws StoreError VALUE_NOT_STORABLE when metadata or the data of a log line cannot be stored, with the path inside it
 */
export function acceptBatch(batch: AppendBatch): void {
  acceptContent(batch);
  for (const { address } of batch.values) invariant(ADDRESS.test(address), 'a value is stored under the sha256 of its bytes');
}

/** As {@link acceptBatch}, for a store that refuses addresses of another form where it takes them apart. */
export function acceptContent(batch: AppendBatch): void {
  const { events } = batch;
  for (let index = 0; index < events.length; index += 1) {
    const event = events[index];
    if (event !== undefined) acceptEvent(event, index);
  }
  acceptId(batch);
  acceptConditions(batch);
  for (const { key, offset } of batch.offsets ?? [])
    invariant(typeof key === 'string' && typeof offset === 'string', 'an offset is text, and belongs to the key of a source');
}

function acceptId({ id, request }: AppendBatch): void {
  if (id !== undefined) invariant(typeof id === 'string' && id !== '', 'the id of a batch is a string that is not empty');
  if (request !== undefined)
    invariant(typeof request === 'string' && id !== undefined, 'what a batch asks for is text, and the batch has an id');
}

function acceptConditions({ expected = [], at = 1 }: AppendBatch): void {
  for (const { key, position } of expected)
    invariant(typeof key === 'string' && isCount(position), 'a batch expects positions of keys: whole numbers from 0');
  invariant(Number.isSafeInteger(at) && at >= 1, 'the place of a batch is a position');
}

function acceptEvent(event: NewEvent, index: number): void {
  invariant(Number.isFinite(event.time), 'the time of an event is a finite number');
  if (event.type === 'run-started') {
    Object.freeze(event.selection);
    Object.freeze(event.tags);
  } else if (event.type === 'log-line') {
    checkData(event);
  } else if (event.type !== 'run-ended' && event.type !== 'source-observed' && event.type !== 'hook-failed') {
    for (const { position } of event.inputs) {
      if (position !== null && typeof position !== 'number') checkReference(position.inBatch, index);
    }
    if (event.type === 'asset-materialized' || event.type === 'asset-unchanged') checkMetadata(event);
    // Under that name stores find the steps that did not succeed.
    if (event.type === 'step-settled') checkNames(event);
  }
}

function checkNames({ outputs, dropped }: StepSettled<PositionRef>): void {
  for (const { output } of outputs) invariant(output !== '', 'an output has a name');
  for (const output of dropped) invariant(output !== '', 'an output has a name');
}

/** Only backwards: what an entry came from was settled, and so is logged, before the step that read it. */
function checkReference(inBatch: number, index: number): void {
  invariant(Number.isInteger(inBatch) && inBatch >= 0 && inBatch < index, 'an input entry refers to an earlier event of its batch');
}

function checkMetadata({ metadata, key }: Extract<NewEvent, { metadata: unknown }>): void {
  const fixed = fixValue(metadata);
  if (fixed.storable) return;
  throw new StoreError(
    'VALUE_NOT_STORABLE',
    `The metadata of asset ${quote(key)} cannot be stored: what is at ${fixed.path} is ${fixed.problem}. Give plain data.`,
    {
      details: { key, path: fixed.path },
    },
  );
}

function checkData({ data, definition, step }: LogLine): void {
  const fixed = fixValue(data);
  if (fixed.storable) return;
  throw new StoreError(
    'VALUE_NOT_STORABLE',
    `The data of a log line of step ${quote(`${definition}:${step}`)} cannot be stored: what is at ${fixed.path} is ${fixed.problem}. Give plain data.`,
    {
      details: { definition, step, path: fixed.path },
    },
  );
}
