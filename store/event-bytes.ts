import type { OutputState } from '../lib/events/data-version.ts';
import type { AssetMaterialized, InputEntryRecord, NewEvent, SettledOutput, StepSettled } from '../lib/events/logged-event.ts';
import type { PositionRef } from '../lib/events/position.ts';
import { eventRow } from './event-codec.ts';
import { JsonBytes, type Written } from './json-bytes.ts';
import type { Entry } from './lmdb-put.ts';

type OfStep = StepSettled<PositionRef> | AssetMaterialized<PositionRef>;

const json = new JsonBytes();

/**
 * Puts the events of one batch into bytes. The two kinds that every step of a run leaves are written by hand, in their common form: that takes
 * a fifth of the time that the making of lists and `JSON.stringify` take. What a settled step and the events of its assets have in common
 * is written once, and copied.
 */
export class EventBytes {
  #step: OfStep | undefined;
  #common: Written | undefined;

  /** The record of an event, of which `index` is the place in the batch. */
  draft(event: NewEvent, index: number): Entry {
    json.begin();
    if (event.type === 'step-settled' && isPlain(event)) {
      json.plain('["step-settled"');
      this.#writeStep(event, index);
      writeSettled(event);
      json.close();
    } else if (event.type === 'asset-materialized' && Object.keys(event.metadata).length === 0) {
      json.plain('["asset-materialized"');
      this.#writeStep(event, index);
      writeAsset(event);
      json.close();
    } else json.json(JSON.stringify(eventRow(event, index)));
    return json.finish();
  }

  #writeStep(event: OfStep, index: number): void {
    if (this.#common !== undefined && this.#step !== undefined && isSameStep(this.#step, event)) return json.again(this.#common);
    const { length } = json;
    writeStep(event, index);
    // A distance back is another one for each event.
    this.#step = event.inputs.some(({ position }) => typeof position === 'object' && position !== null) ? undefined : event;
    this.#common = json.since(length);
  }
}

function isPlain({ error, blockedBy, dropped, stateAddress }: StepSettled<PositionRef>): boolean {
  return error === null && blockedBy.length === 0 && dropped.length === 0 && stateAddress === null;
}

function isSameStep(one: OfStep, other: OfStep): boolean {
  return (
    one.inputs === other.inputs &&
    one.step === other.step &&
    one.definition === other.definition &&
    one.op === other.op &&
    one.codeVersion === other.codeVersion &&
    one.config === other.config &&
    one.runId === other.runId &&
    one.time === other.time
  );
}

function writeStep({ runId, time, definition, step, op, codeVersion, config, inputs }: OfStep, index: number): void {
  next(runId);
  json.comma();
  json.number(time);
  next(definition);
  next(step);
  next(op);
  next(codeVersion);
  next(config);
  json.plain(',[');
  for (let entry = 0; entry < inputs.length; entry += 1) {
    const input = inputs[entry];
    if (entry > 0) json.comma();
    if (input !== undefined) writeInput(input, index);
  }
  json.close();
}

function writeInput({ input, kind, origin, state, position }: InputEntryRecord<PositionRef>, index: number): void {
  json.open();
  json.text(input);
  next(kind);
  if (origin.from === 'asset') next(origin.key);
  else {
    json.plain(',[');
    json.text(origin.definition);
    next(origin.step);
    next(origin.output);
    json.close();
  }
  writeState(state);
  json.comma();
  if (position === null) json.plain('null');
  else json.number(typeof position === 'number' ? position : position.inBatch - index);
  json.close();
}

function writeSettled({ outcome, outputs, attempts }: StepSettled<PositionRef>): void {
  next(outcome);
  json.plain(',[');
  for (let index = 0; index < outputs.length; index += 1) {
    const output = outputs[index];
    if (index > 0) json.comma();
    if (output !== undefined) writeOutput(output);
  }
  json.plain('],null,[],');
  json.number(attempts);
}

function writeOutput({ output, state, address }: SettledOutput): void {
  json.open();
  json.text(output);
  writeState(state);
  if (address !== null) next(address);
  json.close();
}

function writeAsset({ output, key, version, address, unexpected }: AssetMaterialized<PositionRef>): void {
  next(output);
  next(key);
  json.plain(',null');
  next(version);
  next(address);
  json.plain(unexpected ? ',null,true' : ',null,false');
}

function writeState(state: OutputState): void {
  if (state.state !== 'value') return next(state.state);
  json.plain(',[');
  json.text(state.version);
  json.close();
}

function next(text: string | null): void {
  json.comma();
  json.text(text);
}
