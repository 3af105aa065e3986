import type { Address } from '../events/data-version.ts';
import { pieceAddresses } from '../events/keyed-value.ts';
import { isReadable, type LoggedEvent } from '../events/logged-event.ts';
import type { Position } from '../events/position.ts';
import { PruneSteps, PruneStopped } from '../events/prune-steps.ts';
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

/** Rows looked at in one go: some milliseconds at most. */
export const PIECE = 1000;

/**
 * Removes what nothing needs, in pieces between which others get their turns. What is needed is found as of the head that the log has when it
 * begins; what is appended, referred to or read from then on is needed too, and looked for again before each piece is removed.
 */
export async function pruneMemory(kept: Prunable, request: PruneRequest, nextTurn: () => Promise<unknown>): Promise<PruneReport> {
  const touched = new Set<Address>();
  kept.touched.add(touched);
  try {
    return await pruneInPieces(kept, request, { steps: new PruneSteps(request, { nextTurn, every: PIECE }), nextTurn, touched });
  } catch (error) {
    throw error instanceof PruneStopped ? error.reason : error;
  } finally {
    kept.touched.delete(touched);
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

interface Pruning {
  readonly steps: PruneSteps;
  readonly nextTurn: () => Promise<unknown>;
  /** What was appended and referred to since the prune began, or since this was last looked at. */
  readonly touched: Set<Address>;
}

async function pruneInPieces(kept: Prunable, { versions, runs, logsOfRuns }: PruneRequest, pruning: Pruning): Promise<PruneReport> {
  const { steps, nextTurn } = pruning;
  const { head } = kept.log;
  const mark = new Pieces((rows) => steps.pass('mark', rows));
  await steps.pass('mark', 0);
  const needed = new Needed(kept, await liveAddresses(rootsOf(kept, head, mark), { versions, runs }));
  await mark.end();
  while (needed.find(PIECE)) await nextTurn();
  const sweep = new Sweep(kept, needed, { touched: pruning.touched, head });
  let looked = PIECE;
  while (looked === PIECE) {
    looked = await steps.inTurn(() => sweep.step());
    await steps.pass('values', looked);
  }
  const removed = logsOfRuns === undefined ? 0 : await removeSaid(kept, runStart(kept, logsOfRuns), steps);
  return Object.freeze({ values: Object.freeze(sweep.values), events: Object.freeze({ removed }) });
}

/** Counts what is looked at, and passes after each piece. */
class Pieces {
  readonly #pass: (rows: number) => Promise<void>;
  #rows = 0;

  constructor(pass: (rows: number) => Promise<void>) {
    this.#pass = pass;
  }

  async looked(rows: number): Promise<void> {
    this.#rows += rows;
    if (this.#rows >= PIECE) await this.end();
  }

  async end(): Promise<void> {
    const looked = this.#rows;
    this.#rows = 0;
    await this.#pass(looked);
  }
}

/** Some values with all that they refer to. */
class Needed {
  readonly #values: Prunable['values'];
  readonly #all = new Set<Address>();
  /** Found, and not yet looked at. */
  readonly #open: Address[];

  constructor({ values }: Prunable, live: Iterable<Address>) {
    this.#values = values;
    this.#open = [...live];
  }

  add(addresses: Iterable<Address>): void {
    for (const address of addresses) this.#open.push(address);
  }

  has(address: Address): boolean {
    return this.#all.has(address);
  }

  /** Looks at so many, and says whether there are more. */
  find(count: number): boolean {
    for (let left = count; left > 0; left -= 1) {
      const address = this.#open.pop();
      if (address === undefined) return false;
      if (this.#all.has(address)) continue;
      this.#all.add(address);
      const bytes = this.#values.get(address);
      if (bytes !== undefined) for (const piece of pieceAddresses(bytes)) this.#open.push(piece);
    }
    return true;
  }
}

/** Removes values that are not needed, a piece at a time. */
class Sweep {
  readonly values = { kept: 0, removed: 0, rewritten: 0, bytes: 0 };
  readonly #kept: Prunable;
  readonly #needed: Needed;
  readonly #touched: Set<Address>;
  /** Goes on to what is added meanwhile, which was touched. */
  readonly #entries: Iterator<[Address, Uint8Array]>;
  /** What was read up to here is needed. */
  #head: Position;

  constructor(kept: Prunable, needed: Needed, { touched, head }: { readonly touched: Set<Address>; readonly head: Position }) {
    this.#kept = kept;
    this.#needed = needed;
    this.#touched = touched;
    this.#head = head;
    this.#entries = kept.values.entries();
  }

  /** One piece; how many it looked at, less than a whole piece at the end. Nothing comes between what it looks for and what it removes. */
  step(): number {
    const { log } = this.#kept;
    this.#needed.add(this.#touched);
    this.#needed.add(readSince(log, this.#head));
    this.#touched.clear();
    this.#head = log.head;
    this.#needed.find(Infinity);
    for (let looked = 0; looked < PIECE; looked += 1) {
      const { value: entry, done } = this.#entries.next();
      if (done === true) return looked;
      this.#look(...entry);
    }
    return PIECE;
  }

  #look(address: Address, { length: size }: Uint8Array): void {
    const { values, log, removed } = this.#kept;
    if (this.#needed.has(address)) {
      this.values.kept += 1;
      return;
    }
    values.delete(address);
    removed.set(address, Object.freeze({ reason: 'retention', size, head: log.head }));
    this.values.removed += 1;
    this.values.bytes += size;
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

/** What a mark starts from, as of `head`: the log goes on while it is looked at. */
function rootsOf({ log, readable, settled, runs }: Prunable, head: Position, pieces: Pieces): Roots {
  const at = async (positions: readonly Position[]): Promise<readonly LoggedEvent[]> => {
    await pieces.looked(positions.length);
    return positions.flatMap((position) => log.at(position) ?? []);
  };
  return {
    readable: histories(readable.lists(), { head, eventsAt: async (positions) => (await at(positions)).filter(isReadable) }),
    settled: histories(settled.lists(), { head, eventsAt: at }),
    runs: latestRuns(log, runs, head),
    between: async function* (first, last) {
      for (let from = first; from <= Math.min(last, head); from += PIECE)
        yield await at(Array.from({ length: Math.min(PIECE, Math.min(last, head) + 1 - from) }, (_, index) => from + index));
    },
    at,
  };
}

interface Listed<Event> {
  readonly head: Position;
  readonly eventsAt: (positions: readonly Position[]) => Promise<readonly Event[]>;
}

async function* histories<Event>(
  lists: Iterable<readonly Position[]>,
  { head, eventsAt }: Listed<Event>,
): AsyncGenerator<History<Event>, void, undefined> {
  for (const list of lists) {
    yield {
      newest: newestFirst(list, { head, eventsAt }),
      asOf: (positions) => eventsAt(positions.flatMap((position) => lastAt(list, position) ?? [])),
    };
  }
}

/** One at a time from the end: mostly only the last ones are asked for. */
async function* newestFirst<Event>(
  list: readonly Position[],
  { head, eventsAt }: Listed<Event>,
): AsyncGenerator<readonly Event[], void, undefined> {
  for (let index = list.length - 1; index >= 0; index -= 1) {
    const position = list[index];
    if (position !== undefined && position <= head) yield await eventsAt([position]);
  }
}

function* latestRuns(log: MemoryLog, runs: Prunable['runs'], head: Position): Generator<readonly RunSpan[], void, undefined> {
  for (let index = runs.length - 1; index >= 0; index -= 1) {
    const run = runs[index];
    const started = log.at(run?.started ?? 0);
    if (run === undefined || started?.type !== 'run-started' || started.position > head) continue;
    yield [{ started, ended: run.ended !== null && run.ended <= head ? run.ended : null }];
  }
}

async function removeSaid(kept: Prunable, end: Position, steps: PruneSteps): Promise<number> {
  const { log } = kept;
  let removed = 0;
  while (kept.saidFrom < end) {
    const start = kept.saidFrom;
    const next = Math.min(start + PIECE, end);
    for (let position = start; position < next; position += 1) {
      const event = log.at(position);
      if (event === undefined || !isSaid(event)) continue;
      log.remove(position);
      removed += 1;
    }
    kept.saidFrom = next;
    await steps.pass('logs', next - start);
  }
  return removed;
}
