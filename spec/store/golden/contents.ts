import { encodeValue } from '../../../lib/kernel/value/canonical.ts';
import { address } from '../../../lib/kernel/value/version.ts';
import type { NewEvent } from '../../../lib/events/logged-event.ts';
import type { AppendBatch, SourceOffset, StoredValue } from '../../../lib/events/store-port.ts';
import { everyKind, logLine, runEnded, runStarted, sampleKey, sourceObserved, stepSettled } from '../../kit/sample-events.ts';

/** The cursors in a golden store. */
export const CURSORS: readonly string[] = ['mailer', '', '🦊 \ud83e', 'c'.repeat(3000)];

/** Keys, definitions and steps that are long and odd. */
const NAMES: readonly string[] = [
  `${'n'.repeat(900)}/${'n'.repeat(900)}/${'n'.repeat(900)}`,
  'é 🦊',
  '\ud83e',
  '__proto__',
  '"quoted\\"',
  'with\u0000zero',
];

/** How far sources of a golden store were read. */
export const OFFSETS: readonly SourceOffset[] = [
  ...NAMES.map((name, index) => ({ key: sampleKey(name), offset: `offset ${index}` })),
  { key: sampleKey('source'), offset: '' },
  { key: sampleKey('value 0'), offset: 'cut \ud83e' },
];

function valueOf(value: unknown): StoredValue {
  const bytes = encodeValue(value);
  return { address: address(bytes), bytes };
}

/** One value, observed under a key. */
export function observed(key: string, value: unknown, base?: string): AppendBatch {
  const stored = valueOf(value);
  return {
    events: [sourceObserved(key, { address: stored.address, version: stored.address })],
    values: [base === undefined ? stored : { ...stored, base }],
  };
}

/** Values of every kind. */
const VALUES: readonly unknown[] = [
  null,
  -0,
  NaN,
  2 ** 53,
  12n,
  'cut \ud83e',
  { b: 1, a: [undefined, { ['__proto__']: 1 }], '': new Date(5) },
  new Map<unknown, unknown>([['a', new Set([1])]]),
  new Uint8Array([1, 2, 255]),
  new Float64Array([NaN, -0]),
  Array.from({ length: 400 }, (_, id) => ({ id, name: `row ${id}` })),
];

/** What is in a golden store of whatever format. */
export function goldenBatches(): readonly AppendBatch[] {
  const odd: readonly NewEvent[] = NAMES.flatMap((name) => [
    runStarted({ runId: name, tags: { [name]: name } }),
    stepSettled({ runId: name, definition: name, step: name }),
    logLine({ runId: name, message: name }),
    runEnded({ runId: name }),
  ]);
  return [
    ...VALUES.map((value, index) => observed(`value ${index}`, value)),
    ...NAMES.map((name) => observed(name, name)),
    { events: odd, values: [] },
    // What these refer to is the hash of a key that is a value.
    { events: everyKind(), values: ['source', 'a', 'b/c'].map(valueOf) },
    { events: [runStarted({ runId: 'never ended', selection: [sampleKey('a')] })], values: [] },
  ];
}
