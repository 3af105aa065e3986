import fc from 'fast-check';
import { openStore } from '../../store/open-store.ts';
import type { AppendBatch } from '../../lib/events/store-port.ts';
import type { NewEvent } from '../../lib/events/logged-event.ts';
import {
  absent,
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

/** What one run of a sample does. */
export interface SampleRun {
  readonly steps: readonly { readonly at: number; readonly kind: 'new' | 'same' | 'absent' | 'failed'; readonly size: number }[];
  readonly ends: boolean;
  readonly source: boolean;
}

/** Runs as stores keep them, over twelve assets, with values of all sizes. */
export const anyRuns: fc.Arbitrary<readonly SampleRun[]> = fc.array(
  fc.record({
    steps: fc.array(
      fc.record({
        at: fc.nat(11),
        kind: fc.constantFrom('new' as const, 'same' as const, 'absent' as const, 'failed' as const),
        size: fc.oneof(fc.nat(100), fc.nat(9000)),
      }),
      { maxLength: 6 },
    ),
    ends: fc.boolean(),
    source: fc.boolean(),
  }),
  { minLength: 1, maxLength: 12 },
);

/** The batch of one run. Every value that its events refer to is in it. */
export function batchOfRun({ steps, ends, source }: SampleRun, index: number): AppendBatch {
  const runId = `r${index}`;
  const values = steps.map(({ size }, at) => sampleValue(`${index}/${at}/${'v'.repeat(size)}`));
  const observed = sampleValue(['observed', index]);
  const events: NewEvent[] = [runStarted({ runId, tags: { round: String(index) } })];
  if (source) events.push(sourceObserved('a/0', { runId, address: observed.address, version: observed.address }));
  for (const [position, { at, kind }] of steps.entries()) {
    const of = { runId, step: `s/${at}`, address: values[position]?.address ?? null, version: 'v' };
    const succeeded = kind !== 'failed';
    events.push(
      stepSettled({ runId, step: `s/${at}`, outcome: succeeded ? 'succeeded' : 'failed' }),
      logLine({ runId, message: 'x'.repeat(at * 20), data: { at } }),
    );
    if (kind === 'new') events.push(materialized(`a/${at}`, { ...of, metadata: { rows: at } }));
    else if (kind === 'same') events.push(unchanged(`a/${at}`, of));
    else events.push(kind === 'absent' ? absent(`a/${at}`) : missed(`a/${at}`));
  }
  if (ends) events.push(runEnded({ runId }));
  const read = sampleKey(`a/${index % 12}`);
  // The same text each time: which of them is the last one is not what these samples are for.
  return { events, values: [...values, observed], offsets: [{ key: read, offset: `of ${read}` }] };
}

/** Makes a store of these runs, and closes it. */
export async function makeSample(folder: string, runs: readonly SampleRun[]): Promise<void> {
  const store = await openStore(folder);
  for (const [index, run] of runs.entries()) await store.port.append(batchOfRun(run, index));
  await store.close();
}

/** A sample of some size, the same each time. */
export function fixedRuns(count: number): readonly SampleRun[] {
  return Array.from({ length: count }, (_, index) => ({
    steps: Array.from({ length: 1 + (index % 6) }, (_unused, at) => ({
      at: (index + at) % 12,
      kind: (['new', 'same', 'absent', 'failed', 'new'] as const)[(index + at) % 5] ?? 'new',
      size: (index * 37 + at * 911) % 7000,
    })),
    ends: index % 4 !== 0,
    source: index % 3 === 0,
  }));
}
