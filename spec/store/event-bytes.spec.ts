import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { NewEvent } from '../../lib/events/logged-event.ts';
import { eventRow } from '../../store/event-codec.ts';
import { EventBytes } from '../../store/event-bytes.ts';
import { HEADER_BYTES } from '../../store/record.ts';
import { everyKind, materialized, sampleKey, sourceObserved, stepSettled } from '../kit/sample-events.ts';

const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('a', '"', '\\', '\u2028', '\ud83d', '\u0000', 'x'.repeat(300)));
const number = fc.oneof(fc.nat(), fc.double(), fc.constantFrom(-0, 1e21, 1e-7, 2 ** 53));
const state = fc.oneof(
  text.map((version) => ({ state: 'value' as const, version })),
  fc.constantFrom({ state: 'absent' as const }, { state: 'failed' as const }),
);
const input = fc.record({
  input: text,
  kind: fc.constantFrom('value' as const, 'list' as const, 'nothing' as const),
  origin: fc.oneof(
    text.map((key) => ({ from: 'asset' as const, key: sampleKey(`k${key.length}`) })),
    fc.record({ from: fc.constant('step' as const), definition: text, step: text, output: text }),
  ),
  state,
  position: fc.oneof(fc.constant(null), number, fc.record({ inBatch: fc.nat(5) })),
});
const step = {
  runId: text,
  time: number,
  definition: text,
  step: text,
  op: text,
  codeVersion: text,
  config: fc.option(text),
  inputs: fc.array(input, { maxLength: 3 }),
};
const output = fc.record({ output: text, state, address: fc.option(text) });
const settled = fc.record({
  ...step,
  outcome: fc.constantFrom('succeeded' as const, 'failed' as const),
  outputs: fc.array(output, { maxLength: 3 }),
  error: fc.option(fc.record({ code: text, message: text }), { freq: 3 }),
  blockedBy: fc.oneof(fc.constant([]), fc.array(text, { maxLength: 2 })),
  attempts: number,
  dropped: fc.oneof(fc.constant([]), fc.array(text, { maxLength: 2 })),
  stateAddress: fc.option(text, { freq: 2 }),
});
const asset = fc.record({
  ...step,
  output: text,
  version: text,
  address: fc.option(text),
  metadata: fc.oneof(fc.constant({}), fc.dictionary(text, fc.nat(), { maxKeys: 2 })),
  unexpected: fc.boolean(),
});
const anyEvent: fc.Arbitrary<NewEvent> = fc.oneof(
  settled.map(stepSettled),
  asset.map((fields) => materialized('a/b', fields)),
);

/** The text of events that stand in one batch. */
function textsOf(events: readonly NewEvent[]): readonly string[] {
  const bytes = new EventBytes();
  const drafts = events.map((event, index) => bytes.draft(event, index));
  // Read when all are made: what comes later must not touch what was there.
  return drafts.map(({ space, row, end }) => space.subarray(row + HEADER_BYTES, end).toString());
}

function expectRows(events: readonly NewEvent[]): void {
  expect(textsOf(events)).toEqual(events.map((event, index) => JSON.stringify(eventRow(event, index))));
}

/** A settled step with events of its assets, that have all in common but perhaps one field. */
const ofOneStep: fc.Arbitrary<readonly NewEvent[]> = fc
  .record({ common: fc.record(step), other: fc.record(step), asset, changed: fc.constantFrom(...Object.keys(step), 'nothing') })
  .map(({ common, other, asset: own, changed }) => {
    const almost = { ...common, ...Object.fromEntries(Object.entries(other).filter(([name]) => name === changed)) };
    return [
      stepSettled(common),
      materialized('a/b', { ...own, ...common }),
      materialized('a/c', { ...own, ...almost }),
      materialized('a/d', { ...own, ...common }),
    ];
  });

describe('the bytes of events', () => {
  test('are the JSON text of their rows, whatever is in them', () => {
    fc.assert(fc.property(fc.array(anyEvent, { maxLength: 6 }), expectRows), { numRuns: 500 });
    expectRows(everyKind());
  });

  test('are those of each, where events of one step are almost the same', () => {
    fc.assert(fc.property(ofOneStep, expectRows), { numRuns: 1000 });
  });

  test('have distances back of their own, though all else is the same', () => {
    const origin = { from: 'asset' as const, key: sampleKey('k') };
    const inputs = [{ input: 'k', kind: 'value' as const, origin, state: { state: 'absent' as const }, position: { inBatch: 0 } }];
    expectRows([sourceObserved('k'), stepSettled({ inputs }), materialized('a', { inputs }), materialized('b', { inputs })]);
  });

  test('can be read, where a field was left out', () => {
    // @ts-expect-error an event has every field: what is handed to a store by hand may not
    expectRows([stepSettled({ config: undefined, op: undefined })]);
  });

  test('stay right when more is written than one space holds, and when one event needs more than that', () => {
    const outputs = Array.from({ length: 20_000 }, (_, index) => ({
      output: `output_${index}`,
      state: { state: 'value' as const, version: `sha256:${'x'.repeat(64)}` },
      address: null,
    }));
    const many = Array.from({ length: 3000 }, (_, index) => stepSettled({ step: `step "${index}"`, runId: 'r'.repeat(index % 300) }));
    expectRows([...many.slice(0, 1500), stepSettled({ outputs }), ...many.slice(1500), stepSettled({ op: 'ü'.repeat(2 ** 20) })]);
  });
});
