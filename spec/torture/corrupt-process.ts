import { pruneStore } from '../../lib/events/prune.ts';
import type { StoredValue, StorePort } from '../../lib/events/store-port.ts';
import { checkStoreFile } from '../../store/check-store.ts';
import { livePort } from '../../lib/events/tail.ts';
import { openStore } from '../../store/open-store.ts';
import { answersOf, type Answers } from '../store/damage-answers.ts';
import { batchOfRun, type SampleRun } from '../store/damage-samples.ts';
import { sampleValue, sourceObserved } from '../kit/sample-events.ts';
import { Random } from './random.ts';

// The process in which stores are made whole, and checked and read when they are not: it may not survive that.

/** What the process is told. */
export interface CorruptOrder {
  readonly do: 'make' | 'check' | 'read';
  readonly folder: string;
  readonly seed?: number;
}

/** What it says. */
export type CorruptReply =
  | { readonly said: 'made' }
  | { readonly said: 'checked'; readonly findings: readonly string[] }
  | { readonly said: 'read'; readonly answers: Answers }
  | { readonly said: 'refused'; readonly code: string };

const RUNS = 12;
const TABLE_ROWS = 150;
const TABLE_VERSIONS = 4;
const KINDS = ['new', 'new', 'same', 'absent', 'failed'] as const;

async function obey({ do: what, folder, seed = 0 }: CorruptOrder): Promise<CorruptReply> {
  if (what === 'make') {
    await make(folder, new Random(seed));
    return { said: 'made' };
  }
  if (what === 'check') {
    const findings: string[] = [];
    await checkStoreFile(folder, {
      label: 'damaged',
      tellRows: () => undefined,
      tellFinding: ({ code, message }) => void findings.push(`${code}: ${message}`),
    });
    return { said: 'checked', findings };
  }
  await using store = await openStore(folder, { mode: 'read' });
  return { said: 'read', answers: await answersOf(livePort(store.port)) };
}

/** Runs over twelve assets, values of all forms, of which some were removed, ids, a cursor, and pages that are free. */
async function make(folder: string, random: Random): Promise<void> {
  await using store = await openStore(folder);
  const port = livePort(store.port);
  for (let index = 0; index < RUNS; index += 1) {
    const batch = batchOfRun(anyRun(random), index);
    await port.append(random.oneIn(3) ? { ...batch, id: `run ${index}` } : batch);
  }
  const large = sampleValue('x'.repeat(random.oneIn(3) ? 270_000 : 30_000));
  await port.append({ events: [sourceObserved('a/1', { address: large.address })], values: [large] });
  await appendTable(port, random);
  await pruneStore(store, { versions: 2, runs: 0 });
  await port.setCursor('cursor', random.below(await port.head()));
}

/** Versions of a table that differ by a row each, of which stores keep the change. */
async function appendTable(port: StorePort, random: Random): Promise<void> {
  let rows: readonly unknown[] = Array.from({ length: TABLE_ROWS }, (_, row) => ({ row, text: `row ${row}, as it was at first` }));
  let base: StoredValue | undefined;
  for (let version = 0; version < TABLE_VERSIONS; version += 1) {
    rows = rows.with(random.below(TABLE_ROWS), { version });
    const value: StoredValue = sampleValue(rows);
    const event = sourceObserved('a/2', { address: value.address, version: value.address });
    await port.append({ events: [event], values: [base === undefined ? value : { ...value, base: base.address }] });
    base = value;
  }
}

function anyRun(random: Random): SampleRun {
  const steps = Array.from({ length: random.below(6) }, () => ({
    at: random.below(12),
    kind: random.pick(KINDS),
    size: random.oneIn(3) ? random.below(9000) : random.below(100),
  }));
  return { steps, ends: random.oneIn(2), source: random.oneIn(2) };
}

process.on('disconnect', () => process.exit(1));
process.on('message', (order: CorruptOrder) => {
  obey(order).then(
    (reply) => process.send?.(reply),
    (error: unknown) =>
      process.send?.({
        said: 'refused',
        code: String(error instanceof Error && 'code' in error ? error.code : error),
      } satisfies CorruptReply),
  );
});
