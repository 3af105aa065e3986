import type { OutputState } from '../lib/events/data-version.ts';
import type { AssetMaterialized, InputEntryRecord, NewEvent, SettledOutput, StepSettled } from '../lib/events/logged-event.ts';
import type { PositionRef } from '../lib/events/position.ts';
import { eventRow } from './event-codec.ts';

/**
 * The JSON text of an event's row. The two kinds that every step of a run leaves are put together by hand, in their common form: that takes
 * a third of the time that the making of lists and `JSON.stringify` take, which were the larger part of what an append cost.
 */
export function eventText(event: NewEvent, index: number): string {
  if (event.type === 'step-settled' && isPlain(event)) return `["step-settled",${stepText(event, index)},${settledText(event)}]`;
  if (event.type === 'asset-materialized' && Object.keys(event.metadata).length === 0)
    return `["asset-materialized",${stepText(event, index)},${assetText(event)}]`;
  return JSON.stringify(eventRow(event, index));
}

function isPlain({ error, blockedBy, dropped, stateAddress }: StepSettled<PositionRef>): boolean {
  return error === null && blockedBy.length === 0 && dropped.length === 0 && stateAddress === null;
}

type OfStep = StepSettled<PositionRef> | AssetMaterialized<PositionRef>;

function stepText({ runId, time, definition, step, op, codeVersion, config, inputs }: OfStep, index: number): string {
  return `${quoted(runId)},${number(time)},${quoted(definition)},${quoted(step)},${quoted(op)},${quoted(codeVersion)},${quoted(config)},${list(inputs, (entry) => inputText(entry, index))}`;
}

function inputText({ input, kind, origin, state, position }: InputEntryRecord<PositionRef>, index: number): string {
  const from =
    origin.from === 'asset' ? quoted(origin.key) : `[${quoted(origin.definition)},${quoted(origin.step)},${quoted(origin.output)}]`;
  const at = position === null ? 'null' : number(typeof position === 'number' ? position : position.inBatch - index);
  return `[${quoted(input)},${quoted(kind)},${from},${stateText(state)},${at}]`;
}

function settledText({ outcome, outputs, attempts }: StepSettled<PositionRef>): string {
  return `${quoted(outcome)},${list(outputs, outputText)},null,[],${number(attempts)}`;
}

function outputText({ output, state, address }: SettledOutput): string {
  const own = `${quoted(output)},${stateText(state)}`;
  return address === null ? `[${own}]` : `[${own},${quoted(address)}]`;
}

function assetText({ output, key, version, address, unexpected }: AssetMaterialized<PositionRef>): string {
  return `${quoted(output)},${quoted(key)},null,${quoted(version)},${quoted(address)},null,${unexpected ? 'true' : 'false'}`;
}

function stateText(state: OutputState): string {
  return state.state === 'value' ? `[${quoted(state.version)}]` : quoted(state.state);
}

function list<Item>(items: readonly Item[], text: (item: Item) => string): string {
  let made = '';
  for (const item of items) made += made === '' ? text(item) : `,${text(item)}`;
  return `[${made}]`;
}

function number(value: number): string {
  return Number.isFinite(value) ? `${value}` : 'null';
}

/** How many strings are kept in memory, quoted already: most are the same few in every event of a run. */
const KNOWN_STRINGS = 10_000;
const LONGEST_KNOWN = 200;
const known = new Map<string, string>();

function quoted(text: string | null): string {
  // What is no string is for JSON to say: an address that lives elsewhere is null.
  if (typeof text !== 'string') return JSON.stringify(text ?? null);
  if (text.length > LONGEST_KNOWN) return JSON.stringify(text);
  const found = known.get(text);
  if (found !== undefined) return found;
  if (known.size >= KNOWN_STRINGS) known.clear();
  const made = JSON.stringify(text);
  known.set(text, made);
  return made;
}
