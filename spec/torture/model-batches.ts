import type { NewEvent } from '../../lib/events/logged-event.ts';
import type { AppendBatch, OutputId, StepId, StoredValue } from '../../lib/events/store-port.ts';
import {
  absent,
  hookFailed,
  logLine,
  materialized,
  missed,
  runEnded,
  runStarted,
  sampleKey,
  sampleValue,
  sourceObserved,
  stepSettled,
  unchanged,
} from '../kit/sample-events.ts';

/** How many contents a batch may have: few, so that the same is asked for again and again. */
export const CONTENTS = 48;

const NAMES = ['a', 'b'] as const;
const KEYS = ['s/0', 's/1', 'a/0', 'a/1', '🦊', '__proto__'] as const;
const TABLE_ROWS = 100;

/** Every key that anything is recorded of, and one of which nothing is. */
export const ALL_KEYS: readonly ReturnType<typeof sampleKey>[] = [...KEYS, 'never'].map(sampleKey);
/** Every output that settles, and some that do not. */
export const ALL_OUTPUTS: readonly OutputId[] = NAMES.flatMap((step) =>
  ['result', 'other', 'never'].map((output) => ({ definition: 'graph', step, output })),
);

/** Every step that settles, and one that does not. */
export const ALL_STEPS: readonly StepId[] = [...NAMES, 'never'].map((step) => ({ definition: 'graph', step }));

/** What can be put. */
export function putValue(index: number): unknown {
  return index % 4 === 3 ? tableAt(index) : { put: index };
}

const values = new Map<number, StoredValue>();
const addresses = new Map<number, string>();

/** Small ones, tables that differ in one row each, and now and then one that is kept in parts. */
function valueAt(index: number): StoredValue {
  const known = values.get(index);
  if (known !== undefined) return known;
  const made = sampleValue(index % 16 === 15 ? `${index} `.padEnd(300_000, 'large ') : index % 3 === 1 ? tableAt(index) : { small: index });
  const base = addresses.get(index - 3);
  const value = base === undefined ? made : { ...made, base };
  values.set(index, value);
  addresses.set(index, made.address);
  return value;
}

function tableAt(index: number): unknown {
  return Array.from({ length: TABLE_ROWS }, (_, row) => ({
    row,
    text: `what stands in row ${row} of all tables`,
    changed: row === index ? index : 0,
  }));
}

/** What a batch holds: of every kind of event, and with the values that they refer to. */
export function contentAt(index: number): AppendBatch {
  const value = valueAt(index);
  const at = { address: value.address, version: value.address };
  return { events: eventsAt(index, at), values: [value] };
}

const UNSUCCESSFUL = [
  { outcome: 'failed', outputs: [], error: { code: 'OP_THREW', message: 'it did' } },
  { outcome: 'blocked', outputs: [{ output: 'result', state: { state: 'blocked' }, address: null }], attempts: 0 },
  { outcome: 'skipped', outputs: [{ output: 'result', state: { state: 'absent' }, address: null }], attempts: 0 },
  { outcome: 'cancelled', outputs: [], attempts: 0 },
] as const;

function eventsAt(index: number, at: { readonly address: string; readonly version: string }): readonly NewEvent[] {
  const key = KEYS[(index >> 3) % KEYS.length] ?? 's/0';
  const step = NAMES[(index >> 3) % 2] ?? 'a';
  const runId = `run ${index % 3}`;
  switch (index % 8) {
    case 0:
      return [];
    case 1:
      return [sourceObserved(key, { ...at, offset: `${index}` })];
    case 2:
      return [materialized(key, { ...at, metadata: { index, when: new Date(index) } }), logLine({ message: `${index}`, data: { index } })];
    case 3:
      return [
        runStarted({ runId, tags: { index: `${index}` } }),
        stepSettled({ step, outputs: [{ output: 'result', state: { state: 'value', version: at.version }, address: at.address }] }),
        materialized(key, at),
        logLine({ runId, message: `of ${runId}` }),
        runEnded({ runId }),
      ];
    case 4:
      return [unchanged(key, at), absent(key), missed(key), stepSettled({ step, ...UNSUCCESSFUL[index % UNSUCCESSFUL.length] })];
    case 5:
      // A run that goes on, or whose process ended: it may yet read what was there.
      if (index > CONTENTS / 2) return [runStarted({ runId: `open ${index}`, readsAt: index % 7 })];
      return [hookFailed(), logLine({ message: `${index}` })];
    case 6:
      return Array.from({ length: 60 }, (_, line) => (line % 20 === 0 ? materialized(key, at) : logLine({ message: `${index}/${line}` })));
    default:
      return [
        stepSettled({
          step,
          outputs: [{ output: 'other', state: { state: 'value', version: at.version }, address: at.address }],
          dropped: index % 16 === 7 ? ['result'] : [],
        }),
      ];
  }
}
