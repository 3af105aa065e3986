import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { NewEvent } from '../../lib/events/logged-event.ts';
import { eventRow } from '../../store/event-codec.ts';
import { eventText } from '../../store/event-text.ts';
import { everyKind, materialized, sampleKey, stepSettled } from '../kit/sample-events.ts';

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

describe('the text of an event', () => {
  test('is the JSON text of its row, whatever is in it', () => {
    fc.assert(
      fc.property(anyEvent, fc.nat(5), (event, index) => {
        expect(eventText(event, index)).toBe(JSON.stringify(eventRow(event, index)));
      }),
      { numRuns: 1000 },
    );
    for (const [index, event] of everyKind().entries()) expect(eventText(event, index)).toBe(JSON.stringify(eventRow(event, index)));
  });

  test('is text that can be read, where a field was left out', () => {
    // @ts-expect-error an event has every field: what is handed to a store by hand may not
    const event = stepSettled({ config: undefined, op: undefined });
    expect(eventText(event, 0)).toBe(JSON.stringify(eventRow(event, 0)));
  });

  test('stays right when more strings were quoted than are kept', () => {
    for (let index = 0; index < 25_000; index += 1) eventText(stepSettled({ step: `step "${index}"` }), 0);
    for (const step of ['step "3"', 'step "24999"', 'a "new" step']) {
      const event = stepSettled({ step });
      expect(eventText(event, 0)).toBe(JSON.stringify(eventRow(event, 0)));
    }
  });
});
