import type { Address } from '../events/data-version.ts';
import { pieceAddresses } from '../events/keyed-value.ts';
import { isReadable, type LoggedEvent } from '../events/logged-event.ts';
import type { Position } from '../events/position.ts';
import { addressesOf, isSaid, liveAddresses, readPositions, type History, type Roots, type RunSpan } from '../events/retention.ts';
import type { PruneReport, PruneRequest, RemovedValue } from '../events/store-port.ts';
import type { MemoryLog } from './memory-log.ts';
import { lastAt, type OutputPositions, type PositionLists } from './position-lists.ts';

/** What a memory store keeps, as far as a prune looks at it. */
export interface Prunable {
  readonly log: MemoryLog;
  readonly readable: PositionLists<unknown>;
  readonly settled: OutputPositions;
  readonly runs: readonly { readonly started: Position; readonly ended: Position | null }[];
  readonly values: Map<Address, Uint8Array>;
  readonly removed: Map<Address, RemovedValue>;
  readonly touched: Set<Set<Address>>;
  /** Before this position, nothing that was said is left. */
  saidFrom: Position;
}

/** Removes what nothing needs. Only the mark lets others come between, where they have no turn: what they appended or referred to is kept. */
export async function pruneMemory(kept: Prunable, request: PruneRequest): Promise<PruneReport> {
  const release = await request.turn?.();
  try {
    return await pruneInTurn(kept, request);
  } finally {
    release?.();
  }
}

/** Whether there may be something to remove: all that few runs made or read is kept, and few versions of each asset and source. */
export function mayFindOld(
  { log, readable, runs: all }: Prunable,
  { versions, runs, logsOfRuns = Infinity }: Pick<PruneRequest, 'versions' | 'runs' | 'logsOfRuns'>,
): boolean {
  if (all.length > Math.min(runs, logsOfRuns) || all.some(({ started }) => isLive(log, started))) return true;
  for (const positions of readable.lists()) if (positions.length > versions) return true;
  return false;
}

async function pruneInTurn(kept: Prunable, { versions, runs, logsOfRuns, onProgress, signal }: PruneRequest): Promise<PruneReport> {
  const touched = new Set<Address>();
  kept.touched.add(touched);
  try {
    const { head } = kept.log;
    let rows = 0;
    onProgress?.({ doing: 'mark', rows });
    const roots = rootsOf(kept, (read) => (rows += read));
    const live = await liveAddresses(roots, { versions, runs });
    onProgress?.({ doing: 'mark', rows });
    signal?.throwIfAborted();
    const needed = withPieces(kept.values, [...live, ...touched, ...readSince(kept.log, head)]);
    const values = removeValues(kept, (address) => needed.has(address));
    onProgress?.({ doing: 'values', rows: values.kept + values.removed });
    const removed = logsOfRuns === undefined ? 0 : removeSaid(kept, runStart(kept, logsOfRuns), onProgress);
    return Object.freeze({ values, events: Object.freeze({ removed }) });
  } finally {
    kept.touched.delete(touched);
  }
}

/** What was read since a position: who found it before it was removed needs it from then on. */
function readSince(log: MemoryLog, head: Position): readonly Address[] {
  const read = new Set<Position>();
  for (let position = head + 1; position <= log.head; position += 1) {
    const event = log.readsAt(position) ? log.at(position) : undefined;
    if (event !== undefined) for (const each of readPositions(event)) read.add(each);
  }
  return [...read].flatMap((position) => {
    const event = log.at(position);
    return event === undefined ? [] : addressesOf(event);
  });
}

/** Some values with all that they refer to. */
function withPieces(values: Prunable['values'], needed: readonly Address[]): ReadonlySet<Address> {
  const all = new Set<Address>();
  const open = [...needed];
  for (let address = open.pop(); address !== undefined; address = open.pop()) {
    if (all.has(address)) continue;
    all.add(address);
    const bytes = values.get(address);
    if (bytes !== undefined) open.push(...pieceAddresses(bytes));
  }
  return all;
}

function removeValues(kept: Prunable, isLive: (address: Address) => boolean): PruneReport['values'] {
  const values = { kept: 0, removed: 0, rewritten: 0, bytes: 0 };
  for (const [address, bytes] of kept.values) {
    if (isLive(address)) {
      values.kept += 1;
      continue;
    }
    kept.values.delete(address);
    kept.removed.set(address, Object.freeze({ reason: 'retention', size: bytes.length, head: kept.log.head }));
    values.removed += 1;
    values.bytes += bytes.length;
  }
  return Object.freeze(values);
}

/**
 * Where the oldest of the last `count` runs started, of which live services are none (E1): at the start of the log where there are fewer, behind
 * its end for none.
 */
function runStart({ runs, log }: Prunable, count: number): Position {
  if (count === 0) return log.head + 1;
  return runs.filter(({ started }) => !isLive(log, started)).at(-count)?.started ?? 1;
}

/** Whether a run that started there is a live service. */
function isLive(log: MemoryLog, started: Position): boolean {
  const event = log.at(started);
  return event?.type === 'run-started' && event.mode === 'live';
}

function rootsOf({ log, readable, settled, runs }: Prunable, pass: (rows: number) => void): Roots {
  const at = (positions: readonly Position[]): readonly LoggedEvent[] => {
    pass(positions.length);
    return positions.flatMap((position) => log.at(position) ?? []);
  };
  return {
    readable: mapEach(readable.lists(), (list) => historyOf(list, (position) => at([position]).filter(isReadable))),
    settled: mapEach(settled.lists(), (list) => historyOf(list, (position) => at([position]))),
    runs: newestFirst(runs, (run) => spanOf(log, run)),
    between: (first, last) => [at(Array.from({ length: Math.max(0, Math.min(last, log.head) + 1 - first) }, (_, index) => first + index))],
    at,
  };
}

function* mapEach<Item, Result>(items: Iterable<Item>, map: (item: Item) => Result): Generator<Result, void, undefined> {
  for (const item of items) yield map(item);
}

function historyOf<Event>(list: readonly Position[], eventsAt: (position: Position) => readonly Event[]): History<Event> {
  return {
    newest: newestFirst(list, eventsAt),
    asOf: (positions) => positions.flatMap((position) => eventsAt(lastAt(list, position) ?? 0)),
  };
}

/** The pages of a list from its end, each when it is asked for: mostly only the last ones are. */
function* newestFirst<Item, Found>(
  list: readonly Item[],
  pageOf: (item: Item) => readonly Found[],
): Generator<readonly Found[], void, undefined> {
  for (const item of reversed(list)) yield pageOf(item);
}

function* reversed<Item>(list: readonly Item[]): Generator<Item, void, undefined> {
  for (let index = list.length - 1; index >= 0; index -= 1) {
    const item = list[index];
    if (item !== undefined) yield item;
  }
}

function spanOf(log: MemoryLog, run: Prunable['runs'][number]): readonly RunSpan[] {
  const started = log.at(run.started);
  return started?.type === 'run-started' ? [{ started, ended: run.ended }] : [];
}

function removeSaid(kept: Prunable, end: Position, onProgress: PruneRequest['onProgress']): number {
  const { log, saidFrom } = kept;
  let removed = 0;
  for (let position = saidFrom; position < end; position += 1) {
    const event = log.at(position);
    if (event === undefined || !isSaid(event)) continue;
    log.remove(position);
    removed += 1;
  }
  kept.saidFrom = Math.max(saidFrom, end);
  onProgress?.({ doing: 'logs', rows: kept.saidFrom - saidFrom });
  return removed;
}
