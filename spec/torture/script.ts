import { join } from 'node:path';
import type { Address } from '../../lib/events/data-version.ts';
import { pruneStore } from '../../lib/events/prune.ts';
import { createStore, type Store } from '../../lib/events/store.ts';
import type { AppendBatch, StorePort } from '../../lib/events/store-port.ts';
import { memoryPort } from '../../lib/memory/memory-port.ts';
import { logLine, materialized, sampleValue, sourceObserved, stepSettled, unchanged } from '../kit/sample-events.ts';
import { lineOf, offsetsIn, read, type Offsets } from './examine.ts';
import { Random } from './random.ts';
import { Epochs, SOURCES } from './script-epochs.ts';

/** The time of all events. */
export const TIME = 1_700_000_000_000;
/** Cursors that scripts set. */
export const CURSORS: readonly string[] = ['one', 'two'];

/** One thing that a script does to a store. What is appended together is asked for in one turn of the event loop. */
export type ScriptStep =
  | { readonly do: 'append'; readonly batches: readonly AppendBatch[] }
  | { readonly do: 'put'; readonly key: string; readonly value: unknown }
  | { readonly do: 'cursor'; readonly name: string }
  | { readonly do: 'reopen' | 'prune' | 'compact' | 'backup' | 'restore' };

/** Which script: the same for everybody who has the same of these. */
export interface ScriptName {
  readonly seed: number;
  /** How many steps that write something. */
  readonly commits: number;
  /** Whether it backs up, restores and compacts too. */
  readonly care: boolean;
}

/** The folders of a script: where its store is, its backup, and the store made from that. None of those above them is there yet. */
export function placesOf(folder: string): { readonly store: string; readonly backup: string; readonly restored: string } {
  return {
    store: join(folder, 'stores', 'store'),
    backup: join(folder, 'backups', 'of', 'store'),
    restored: join(folder, 'stores', 'again', 'restored'),
  };
}

/** What a script writes with one promise: a batch, or a put. Written as `step/batch`. */
export type Piece = string;

/** Makes a script. */
export function makeScript({ seed, commits, care }: ScriptName): readonly ScriptStep[] {
  const random = new Random(seed);
  const table = new Table();
  const epochs = new Epochs();
  const steps: ScriptStep[] = [];
  for (let index = 0; index < commits; index += 1) {
    const kind = random.below(5);
    if (kind === 0) steps.push(table.next(`${index}`, random));
    else if (kind === 1) steps.push({ do: 'append', batches: [epochs.next(`${index}`, random)] });
    else steps.push(writingStep(index, random));
    if (index === Math.floor(commits * 0.1)) steps.push({ do: 'put', key: 'large', value: 'v'.repeat(LARGE) });
    if (index === Math.floor(commits * 0.6)) steps.push({ do: 'prune' });
    if (random.oneIn(12)) steps.push({ do: 'cursor', name: random.pick(CURSORS) });
    if (random.oneIn(25)) steps.push({ do: 'reopen' });
  }
  if (!care) return steps;
  const [first, second] = [Math.floor(steps.length / 3), Math.floor((steps.length * 2) / 3)];
  return [
    ...steps.slice(0, first),
    { do: 'backup' },
    ...steps.slice(first, second),
    { do: 'compact' },
    { do: 'restore' },
    ...steps.slice(second),
  ];
}

const ROWS = 150;
/** Above this size, stores keep values in parts. */
const LARGE = 270_000;

/** A table of which each version differs from the one before it by a row, as stores keep it best. */
class Table {
  #rows: readonly unknown[] = Array.from({ length: ROWS }, (_, row) => ({ row, text: `row ${row}, as it was at first` }));
  #base: Address | undefined;

  next(name: string, random: Random): ScriptStep {
    const row = random.below(ROWS);
    this.#rows = this.#rows.with(row, { row, text: `row ${row}, as ${name} left it` });
    const { address, bytes } = sampleValue(this.#rows);
    const value = this.#base === undefined ? { address, bytes } : { address, bytes, base: this.#base };
    this.#base = address;
    return { do: 'append', batches: [{ events: [sourceObserved('table', { address, version: address, runId: name })], values: [value] }] };
  }
}

function writingStep(index: number, random: Random): ScriptStep {
  if (random.oneIn(4)) return { do: 'put', key: `source/${random.below(3)}`, value: anyValue(`${index}`, random) };
  const count = random.oneIn(3) ? 1 + random.below(4) : 1;
  return { do: 'append', batches: Array.from({ length: count }, (_, at) => anyBatch(`${index}/${at}`, random)) };
}

function anyBatch(name: string, random: Random): AppendBatch {
  const values = Array.from({ length: 1 + random.below(3) }, (_, at) => sampleValue(anyValue(`${name}/${at}`, random)));
  const events = values.flatMap(({ address }, at) => {
    const of = { runId: name, step: `s/${at}`, address, version: address };
    return [
      stepSettled({ runId: name, step: `s/${at}` }),
      logLine({ runId: name, data: { at } }),
      materialized(`a/${random.below(6)}`, of),
    ];
  });
  if (random.oneIn(3)) events.push(sourceObserved(`b/${random.below(3)}`, { runId: name }) as never);
  if (random.oneIn(4)) events.push(unchanged(`a/${random.below(6)}`, { runId: name, address: values[0]?.address ?? null }) as never);
  return { events, values: [...values, ...['b/0', 'b/1', 'b/2'].map(sampleValue)], ...(random.oneIn(3) ? { id: `batch ${name}` } : {}) };
}

/** Values of the sizes that stores treat differently: inside of a page, and in pages of their own. */
function anyValue(name: string, random: Random): unknown {
  const size = random.oneIn(4) ? random.below(9000) : random.below(300);
  return { name, text: 'v'.repeat(size) };
}

/** What the log holds when these pieces were written, and no others: as the memory store tells it. */
export interface ExpectedLog {
  readonly lines: readonly string[];
  /** The pieces in their order, each with the head behind it, and with how far sources were read then. */
  readonly pieces: readonly { readonly piece: Piece; readonly end: number; readonly offsets: Offsets }[];
  /** Addresses of values that prunes may have removed. */
  readonly removable: ReadonlySet<string>;
}

/** Plays a script in memory. */
export async function expectedLog(steps: readonly ScriptStep[], isWritten: (piece: Piece) => boolean = () => true): Promise<ExpectedLog> {
  const store = createStore(memoryPort(), { now: () => TIME });
  const pieces: { piece: Piece; end: number; offsets: Offsets }[] = [];
  const removable = new Set<string>();
  for (const [index, step] of steps.entries()) {
    for (const [at, write] of writesOf(step, store).entries()) {
      const piece = `${index}/${at}`;
      if (!isWritten(piece)) continue;
      await write();
      pieces.push({ piece, end: await store.port.head(), offsets: await offsetsIn(store.port, SOURCES) });
    }
    if (step.do !== 'prune') continue;
    await prune(store);
    for (const address of Object.keys((await read(store.port, {})).missing)) removable.add(address);
  }
  return { lines: (await store.port.read(1, Infinity)).map(lineOf), pieces, removable };
}

/** Removes what scripts do not need any longer. */
export async function prune(store: Store): Promise<void> {
  await pruneStore(store, { versions: 3, runs: 0 });
}

/** How a player writes offsets. */
export interface OffsetHabit {
  /** Whether it appends them by themselves, behind the batch that they belong to: to see that somebody notices. */
  readonly splitsOffsets?: boolean;
}

/** What a step writes, each by itself. */
export function writesOf(step: ScriptStep, store: Store, { splitsOffsets = false }: OffsetHabit = {}): readonly (() => Promise<unknown>)[] {
  if (step.do === 'append') return step.batches.map((batch) => () => (splitsOffsets ? appendSplit : appendWhole)(store.port, batch));
  if (step.do === 'put') return [() => store.put(step.key, step.value)];
  return [];
}

function appendWhole(port: StorePort, batch: AppendBatch): Promise<unknown> {
  return port.append(batch);
}

async function appendSplit(port: StorePort, { offsets = [], ...batch }: AppendBatch): Promise<unknown> {
  const appended = await port.append(batch);
  return offsets.length === 0 ? appended : port.append({ events: [], values: [], offsets });
}
