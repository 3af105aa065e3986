import { isReadable, type LoggedEvent, type ReadableEvent } from '../lib/events/logged-event.ts';
import type { Position } from '../lib/events/position.ts';
import type { History, Roots, RunSpan } from '../lib/events/retention.ts';
import type { LogReader } from './log-reader.ts';
import { indexKey, LAST_POSITION, lastInIndex, positionOf, type Table, type Tables } from './tables.ts';

/** Runs a read that waits for nothing, on all that was committed. */
export type Read = <Result>(body: (reader: LogReader, tables: Tables) => Result) => Promise<Result>;

/** What a mark reads. */
export interface MarkOptions {
  readonly read: Read;
  /** The position that it looks from. */
  readonly head: Position;
  /** Told how many rows were read, and waited for. */
  readonly pass: (rows: number) => Promise<void>;
}

/** Rows read in one go, after which the event loop gets a turn. */
const PAGE = 500;
const FEW = 16;
const LAST_ID = 2 ** 32 - 1;

/** What a mark starts from, in a store on disk. The log only grows, so that later pages may be of a later snapshot. */
export function rootsOnDisk(options: MarkOptions): Roots {
  const { read } = options;
  return {
    readable: eachHistory(options, 'readable', FEW),
    // Mostly only the last one is wanted.
    settled: eachHistory(options, 'settled', 1),
    runs: runs(options),
    between: (first, last) => eventsBetween(options, first, last),
    at: (positions) => read((reader) => positions.flatMap((position) => reader.events(position, 1))),
  };
}

/** Where the oldest of the last `count` runs started, of which live services are none (E1); at the start of the log where there are fewer. */
export function runStart({ runs }: Tables, reader: LogReader, count: number): Position {
  let left = count;
  for (const key of runs.getKeys({ reverse: true })) {
    const [started] = reader.events(positionOf(key), 1);
    if (started?.type === 'run-started' && started.mode === 'live') continue;
    left -= 1;
    if (left === 0) return positionOf(key);
  }
  return 1;
}

/** The events of each id of an index. `few` are read at first. */
async function* eachHistory<Index extends 'readable' | 'settled'>(
  options: MarkOptions,
  index: Index,
  few: number,
): AsyncGenerator<History<IndexedEvent<Index>>, void, undefined> {
  for (let id = await nextId(options, index, 0); id !== undefined; id = await nextId(options, index, id + 1)) {
    const list = { index, id, few };
    yield { newest: newestOf(options, list), asOf: (positions) => asOf(options, list, positions) };
  }
}

/** What an index finds. */
type IndexedEvent<Index> = Index extends 'readable' ? ReadableEvent : LoggedEvent;

interface List<Index> {
  readonly index: Index;
  readonly id: number;
  readonly few: number;
}

async function* newestOf<Index extends 'readable' | 'settled'>(
  { read, head, pass }: MarkOptions,
  { index, id, few }: List<Index>,
): AsyncGenerator<readonly IndexedEvent<Index>[], void, undefined> {
  let at: number = head;
  for (let limit = few; at > 0; limit = Math.min(2 * limit, PAGE)) {
    const [from, count]: readonly [number, number] = [at, limit];
    const page: readonly LoggedEvent[] = await read((reader, tables) =>
      positionsBefore(tables[index], id, { at: from, limit: count }).flatMap((position) => reader.events(position, 1)),
    );
    await pass(page.length);
    yield indexed(index, page);
    at = page.length < count ? 0 : (page.at(-1)?.position ?? 1) - 1;
  }
}

async function asOf<Index extends 'readable' | 'settled'>(
  { read, pass }: MarkOptions,
  { index, id }: List<Index>,
  positions: readonly Position[],
): Promise<readonly IndexedEvent<Index>[]> {
  const found: readonly LoggedEvent[] = await read((reader, tables) =>
    positions.flatMap((position) => {
      const last = lastInIndex(tables[index], id, position);
      return last === undefined ? [] : reader.events(last, 1);
    }),
  );
  await pass(found.length);
  return indexed(index, found);
}

function indexed<Index extends 'readable' | 'settled'>(index: Index, events: readonly LoggedEvent[]): readonly IndexedEvent<Index>[] {
  // What `readable` finds that is not readable is damage, and not needed.
  return (index === 'readable' ? events.filter(isReadable) : events) as readonly IndexedEvent<Index>[];
}

/** The last positions under an id, at one or before it, newest first. */
function positionsBefore(index: Table, id: number, { at, limit }: { readonly at: Position; readonly limit: number }): readonly Position[] {
  const range = { start: indexKey(id, at), end: indexKey(id, 0), reverse: true, limit };
  return [...index.getKeys(range)].map((key) => key.readUIntBE(8, 6));
}

async function nextId({ read }: MarkOptions, index: 'readable' | 'settled', from: number): Promise<number | undefined> {
  if (from > LAST_ID) return undefined;
  return read((_reader, tables) => {
    for (const key of tables[index].getKeys({ start: indexKey(from, 0), limit: 1 })) return key.readUInt32BE(0);
    return undefined;
  });
}

async function* runs({ read, head, pass }: MarkOptions): AsyncGenerator<readonly RunSpan[], void, undefined> {
  let at: number = head;
  // A few at first: mostly only the last runs are wanted.
  for (let limit = FEW; at > 0; limit = Math.min(2 * limit, PAGE)) {
    const [from, count]: readonly [number, number] = [at, limit];
    const page = await read((reader) => reader.runsBefore(from, count));
    await pass(page.length);
    // An end after `head` is none yet: what the run appended until then may be needed.
    yield page.map(({ started, ended }) => ({ started, ended: ended !== null && ended <= head ? ended : null }));
    at = page.length < count ? 0 : (page.at(-1)?.started.position ?? 1) - 1;
  }
}

async function* eventsBetween(
  { read, head, pass }: MarkOptions,
  first: Position,
  last: Position,
): AsyncGenerator<readonly LoggedEvent[], void, undefined> {
  const end = Math.min(head, last, LAST_POSITION);
  for (let from = first; from <= end;) {
    const start = from;
    const page = await read((reader) => reader.events(start, Math.min(PAGE, end + 1 - start)));
    await pass(page.length);
    yield page;
    from += page.length;
  }
}
