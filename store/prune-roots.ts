import { isReadable, type LoggedEvent, type ReadableEvent } from '../lib/events/logged-event.ts';
import type { Position } from '../lib/events/position.ts';
import type { Pages, Roots } from '../lib/events/retention.ts';
import type { LogReader } from './log-reader.ts';
import { indexKey, LAST_POSITION, positionKey, positionOf, type Table, type Tables } from './tables.ts';

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
    readable: eachList(options, 'readable', FEW),
    // Mostly only the last one is wanted.
    settled: eachList(options, 'settled', 1),
    starts: starts(options),
    from: (start) => eventsFrom(options, start),
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

/** The events of each id of an index, newest first. `few` are read at first. */
async function* eachList<Index extends 'readable' | 'settled'>(
  options: MarkOptions,
  index: Index,
  few: number,
): AsyncGenerator<Pages<ListedEvent<Index>>, void, undefined> {
  for (let id = await nextId(options, index, 0); id !== undefined; id = await nextId(options, index, id + 1))
    yield listOf(options, { index, id, few });
}

/** What an index finds. */
type ListedEvent<Index> = Index extends 'readable' ? ReadableEvent : LoggedEvent;

interface List<Index> {
  readonly index: Index;
  readonly id: number;
  readonly few: number;
}

async function* listOf<Index extends 'readable' | 'settled'>(
  { read, head, pass }: MarkOptions,
  { index, id, few }: List<Index>,
): AsyncGenerator<readonly ListedEvent<Index>[], void, undefined> {
  let at: number = head;
  for (let limit = few; at > 0; limit = Math.min(2 * limit, PAGE)) {
    const [from, count]: readonly [number, number] = [at, limit];
    const page: readonly LoggedEvent[] = await read((reader, tables) =>
      positionsBefore(tables[index], id, { at: from, limit: count }).flatMap((position) => reader.events(position, 1)),
    );
    await pass(page.length);
    // What `readable` finds that is not readable is damage, and not needed.
    yield (index === 'readable' ? page.filter(isReadable) : page) as readonly ListedEvent<Index>[];
    at = page.length < count ? 0 : (page.at(-1)?.position ?? 1) - 1;
  }
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

async function* starts({ read, head, pass }: MarkOptions): AsyncGenerator<readonly LoggedEvent[], void, undefined> {
  let at: number = head;
  // A few at first: mostly only the last runs are wanted.
  for (let limit = FEW; at > 0; limit = Math.min(2 * limit, PAGE)) {
    const [from, count]: readonly [number, number] = [at, limit];
    const page = await read((reader, { runs }) =>
      [...runs.getKeys({ start: positionKey(from), reverse: true, limit: count })].flatMap((key) => reader.events(positionOf(key), 1)),
    );
    await pass(page.length);
    yield page;
    at = page.length < count ? 0 : (page.at(-1)?.position ?? 1) - 1;
  }
}

async function* eventsFrom({ read, head, pass }: MarkOptions, first: Position): AsyncGenerator<readonly LoggedEvent[], void, undefined> {
  for (let from = first; from <= Math.min(head, LAST_POSITION);) {
    const start = from;
    const page = await read((reader) => reader.events(start, Math.min(PAGE, head + 1 - start)));
    await pass(page.length);
    yield page;
    from += page.length;
  }
}
