import type { Address } from '../events/data-version.ts';
import { pieceAddresses } from '../events/keyed-value.ts';
import { isReadable, type LoggedEvent } from '../events/logged-event.ts';
import type { Position } from '../events/position.ts';
import { isSaid, liveAddresses, type Roots } from '../events/retention.ts';
import type { PruneReport, PruneRequest, RemovedValue } from '../events/store-port.ts';
import type { MemoryLog } from './memory-log.ts';
import type { OutputPositions, PositionLists } from './position-lists.ts';

/** What a memory store keeps, as far as a prune looks at it. */
export interface Prunable {
  readonly log: MemoryLog;
  readonly readable: PositionLists<unknown>;
  readonly settled: OutputPositions;
  readonly runs: readonly { readonly started: Position }[];
  readonly values: Map<Address, Uint8Array>;
  readonly removed: Map<Address, RemovedValue>;
  readonly touched: Set<Set<Address>>;
}

/** Removes what nothing needs. Only the mark lets others come between: what they appended or referred to is kept. */
export async function pruneMemory(kept: Prunable, request: PruneRequest): Promise<PruneReport> {
  const { versions, runs, logsOfRuns, onProgress, signal } = request;
  const touched = new Set<Address>();
  kept.touched.add(touched);
  try {
    onProgress?.({ doing: 'mark', rows: kept.log.head });
    const live = await liveAddresses(rootsOf(kept), { versions, runs });
    signal?.throwIfAborted();
    const needed = withPieces(kept.values, [...live, ...touched]);
    const values = removeValues(kept, (address) => needed.has(address));
    onProgress?.({ doing: 'values', rows: values.kept + values.removed });
    const removed = logsOfRuns === undefined ? 0 : removeSaid(kept.log, runStart(kept, logsOfRuns) - 1);
    if (logsOfRuns !== undefined) onProgress?.({ doing: 'logs', rows: removed });
    return Object.freeze({ values, events: Object.freeze({ removed }) });
  } finally {
    kept.touched.delete(touched);
  }
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
  const counted = runs.filter(({ started }) => {
    const event = log.at(started);
    return event?.type !== 'run-started' || event.mode !== 'live';
  });
  return counted.at(-count)?.started ?? 1;
}

function rootsOf({ log, readable, settled, runs }: Prunable): Roots {
  const at = (positions: Iterable<Position>): readonly LoggedEvent[] => [...positions].flatMap((position) => log.at(position) ?? []);
  return {
    readable: [...readable.lists()].map((list) => [at(list.toReversed()).filter(isReadable)]),
    settled: [...settled.lists()].map((list) => eachBefore(list, log)),
    starts: [at(runs.map(({ started }) => started).toReversed())],
    from: (start) => [at(Array.from({ length: log.head + 1 - start }, (_, index) => start + index))],
    at,
  };
}

/** The events of a list, newest first, each when it is asked for: mostly only the last one is. */
function* eachBefore(list: readonly Position[], log: MemoryLog): Generator<readonly LoggedEvent[], void, undefined> {
  for (let index = list.length - 1; index >= 0; index -= 1) {
    const found = log.at(list[index] ?? 0);
    if (found !== undefined) yield [found];
  }
}

function removeSaid(log: MemoryLog, end: Position): number {
  let removed = 0;
  for (let position = 1; position <= end; position += 1) {
    const event = log.at(position);
    if (event === undefined || !isSaid(event)) continue;
    log.remove(position);
    removed += 1;
  }
  return removed;
}
