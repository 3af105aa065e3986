import { StoreError } from '../kernel/errors.ts';
import { checkVerbOptions, RULES, type OptionRules } from '../kernel/verb-options.ts';
import { decodeValue, encodeValue } from '../kernel/value/canonical.ts';
import { fixValue } from '../kernel/value/fix.ts';
import { address, dataVersion } from '../kernel/value/version.ts';
import { quote } from '../kernel/print.ts';
import { assetKey, type AssetKey, type KeyLike } from '../model/asset-key.ts';
import { isSource, type SourceDefinition } from '../model/source.ts';
import type { LoggedEvent, ReadableEvent, SourceObserved } from './logged-event.ts';
import type { Position } from './position.ts';
import type { LoggedRun, StorePort } from './store-port.ts';
import { Turns, type Release } from '../kernel/turns.ts';
import { CursorClaims } from './tail-cursor.ts';
import { Tailing, TAIL_RULES, type TailOptions } from './tail.ts';

const PAGE = 1000;

/** Options of {@link Store.put}. */
export interface PutOptions {
  /** Where the value stands in its origin, for sources that can replay. */
  readonly offset?: string;
}

/** What a put did: `observed` is false where the value equals what is there, and nothing was written. */
export interface PutResult {
  readonly observed: boolean;
  readonly position: Position;
  readonly version: string;
}

/** Which runs to list: those with all of these tags, and with this cause. */
export interface RunFilter {
  readonly tags?: Readonly<Record<string, string>>;
  readonly causedBy?: string;
}

/** A store: the log of everything that happened, and the values. Verbs take it as `store`. */
export interface Store {
  /** What runs record through. For implementors; users read through the methods below. */
  readonly port: StorePort;
  /** Records a source's value (D7). An equal value writes nothing. */
  put<T>(source: KeyLike | SourceDefinition<T>, value: T, options?: PutOptions): Promise<PutResult>;
  /** Events from a position on (1 by default), in order, up to what is there now; `to` ends earlier. */
  events(range?: { readonly from?: Position; readonly to?: Position }): AsyncIterable<LoggedEvent>;
  /**
   * Events as they come, each once and in order, also those that other processes append. Waits for more at the end of the log; ends
   * when the signal is aborted or this store is closed. Without `from` and `cursor` it gives what is appended after the call. The next
   * page is read when it is asked for, so a slow reader holds one page. On disk, a tail that waits keeps the process alive, as a socket does.
   *
   * With a `cursor`, a later tail of that name goes on behind the last event after which this one was asked for another: the event at
   * which a reader stopped comes again, none is left out. Rejects with STORE_BUSY while another tail of this process has the cursor,
   * and with STORE_READ_ONLY on a store that was opened to read.
   */
  tail(options?: TailOptions): AsyncIterable<LoggedEvent>;
  /** The event behind what a reader gets of an asset or source now (F8); `undefined` where there is none. */
  latest(key: KeyLike): Promise<ReadableEvent | undefined>;
  /** The value of an asset or source, now or as of a position; `undefined` where it is absent, lives elsewhere, or never was. */
  value(key: KeyLike, options?: { readonly position?: Position }): Promise<unknown>;
  /** Runs, oldest first. */
  runs(filter?: RunFilter): Promise<readonly LoggedRun[]>;
  /** Waits for its turn to run on this store (R7), or with `error` rejects at once where another run has it. */
  turn(whenBusy: 'queue' | 'error'): Promise<Release>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** What a store takes from its surroundings. */
export interface StoreEnvironment {
  /** Milliseconds since 1970, for events that no run records. */
  readonly now: () => number;
}

/** What all who hold one store share: whose turn it is to run on it, and to look and then put, and which cursors are in use. */
export interface StoreTurns {
  readonly verbs: Turns;
  readonly puts: Turns;
  readonly cursors: CursorClaims;
}

/** Turns that nobody waits for yet. */
export function storeTurns(): StoreTurns {
  return { verbs: new Turns(), puts: new Turns(), cursors: new CursorClaims() };
}

const PUT_RULES: OptionRules<PutOptions> = { offset: RULES.string };
const RANGE_RULES = { from: RULES.position, to: RULES.position };
const VALUE_RULES = { position: RULES.position };
const FILTER_RULES: OptionRules<RunFilter> = { tags: RULES.strings, causedBy: RULES.string };

/** Makes the public store from a port. Everything that must be the same on every store happens here, once. */
export function createStore(port: StorePort, { now }: StoreEnvironment, { verbs, puts, cursors }: StoreTurns = storeTurns()): Store {
  const tailing = new Tailing({ port, now, claims: cursors });
  const close = (): Promise<void> => {
    // First: what tails have been asked past is still written down.
    tailing.stop();
    return port.close();
  };
  return Object.freeze({
    port,
    put: async (source, value, options = {}) => {
      checkVerbOptions('store.put', options, PUT_RULES);
      const key = keyOfSource(source);
      // Before the wait for a turn: what is put is the value as it is at the call.
      const encoded = encodeSource(key, value);
      const release = await puts.take();
      try {
        return await putSource(port, { key, encoded, offset: options.offset ?? null, time: now(), runId: null });
      } finally {
        release();
      }
    },
    events: (range = {}) => {
      checkVerbOptions('store.events', range, RANGE_RULES);
      return readEvents(port, range.from ?? 1, range.to ?? Infinity);
    },
    tail: (options = {}) => {
      checkVerbOptions('store.tail', options, TAIL_RULES);
      return tailing.tail(options);
    },
    latest: async (key) => (await port.readable([assetKey(key, 'store.latest()')], await port.head()))[0],
    value: async (key, options = {}) => {
      checkVerbOptions('store.value', options, VALUE_RULES);
      const checked = assetKey(key, 'store.value()');
      const [event] = await port.readable([checked], options.position ?? (await port.head()));
      return event === undefined ? undefined : readValue(port, event);
    },
    runs: async (filter = {}) => {
      checkVerbOptions('store.runs', filter, FILTER_RULES);
      return (await port.runs()).filter((run) => matches(run, filter));
    },
    turn: (whenBusy) => {
      if (whenBusy === 'error' && verbs.busy) {
        return Promise.reject(
          new StoreError('STORE_BUSY', `Another run has the store ${quote(port.label)}. Wait for it, or leave "whenBusy" at "queue".`),
        );
      }
      return verbs.take();
    },
    close,
    [Symbol.asyncDispose]: close,
  } satisfies Store);
}

/** A value in the form in which runs record it: its version, and the bytes that the store keeps under their address. */
export interface EncodedValue {
  readonly version: string;
  readonly address: string;
  readonly bytes: Uint8Array;
}

/** Encodes a value that was found storable. Computed once for each value that something records. */
export function encodeStorable(value: unknown): EncodedValue {
  const bytes = encodeValue(value);
  return { version: dataVersion(value), address: address(bytes), bytes };
}

/**
 * The value behind a readable event.
 *
 * @throws StoreError STORE_CORRUPT when the bytes are not there or cannot be read
 */
export async function readValue(port: StorePort, event: ReadableEvent): Promise<unknown> {
  if (event.type === 'asset-absent' || event.address === null) return undefined;
  const [bytes] = await port.values([event.address]);
  if (bytes === undefined) {
    throw new StoreError(
      'STORE_CORRUPT',
      `The store ${quote(port.label)} has no value for ${quote(event.key)} at position ${event.position}. Verify the store, or run the asset again.`,
      {
        details: { key: event.key, position: event.position, address: event.address },
      },
    );
  }
  try {
    return decodeValue(bytes);
  } catch (cause) {
    throw new StoreError(
      'STORE_CORRUPT',
      `The value of ${quote(event.key)} at position ${event.position} in ${quote(port.label)} cannot be read. Verify the store, or run the asset again.`,
      {
        details: { key: event.key, position: event.position, address: event.address },
        cause,
      },
    );
  }
}

/** A new value of a source: what it adds to the log, or the event that readers get already where it is equal to that. */
export type Observation =
  | { readonly event: SourceObserved; readonly encoded: EncodedValue }
  | { readonly unchanged: Exclude<ReadableEvent, { type: 'asset-absent' }> };

/**
 * Encodes a value of a source, as it is now.
 *
 * @throws StoreError VALUE_NOT_STORABLE, with the path inside the value
 */
export function encodeSource(key: AssetKey, value: unknown): EncodedValue {
  const fixed = fixValue(value);
  if (value === undefined) throw notStorable(key, '$', 'undefined, which no source can have');
  if (!fixed.storable) throw notStorable(key, fixed.path, fixed.problem);
  try {
    return encodeStorable(value);
  } catch (error) {
    // Plain data that shares parts can take more bytes than there are: nothing else of it can fail to be encoded.
    if (error instanceof RangeError) throw notStorable(key, '$', 'more than 1 GiB of bytes');
    throw error;
  }
}

function notStorable(key: AssetKey, path: string, problem: string): StoreError {
  return new StoreError(
    'VALUE_NOT_STORABLE',
    `The value for source ${quote(key)} cannot be stored: ${problem} at ${path}. Put plain data.`,
    {
      details: { key, path },
    },
  );
}

/** A value of a source at the moment when it is observed. */
export interface Observed {
  readonly key: AssetKey;
  readonly encoded: EncodedValue;
  readonly offset: string | null;
  readonly time: number;
  readonly runId: string | null;
}

/** What a new value of a source adds to the log: nothing where it equals what readers get already (D7). */
export function observation({ key, encoded, offset, time, runId }: Observed, before: ReadableEvent | undefined): Observation {
  const { version, address: at } = encoded;
  if (before !== undefined && before.type !== 'asset-absent' && before.version === version) return { unchanged: before };
  return { event: { type: 'source-observed', runId, time, key, version, address: at, offset }, encoded };
}

async function putSource(port: StorePort, put: Observed): Promise<PutResult> {
  const [before] = await port.readable([put.key], await port.head());
  const made = observation(put, before);
  if ('unchanged' in made) return { observed: false, position: made.unchanged.position, version: made.unchanged.version };
  const { first } = await port.append({ events: [made.event], values: [made.encoded] });
  return { observed: true, position: first, version: made.event.version };
}

function keyOfSource(source: KeyLike | SourceDefinition): AssetKey {
  if (isSource(source)) return source.key;
  return assetKey(source, 'store.put()');
}

async function* readEvents(port: StorePort, from: Position, to: Position): AsyncGenerator<LoggedEvent, void, undefined> {
  const end = Math.min(to, await port.head());
  for (let next = Math.max(1, from); next <= end;) {
    const page = await port.read(next, Math.min(PAGE, end - next + 1));
    if (page.length === 0) return;
    yield* page;
    next += page.length;
  }
}

function matches({ started }: LoggedRun, { tags = {}, causedBy }: RunFilter): boolean {
  if (causedBy !== undefined && started.causedBy !== causedBy) return false;
  return Object.entries(tags).every(([name, value]) => Object.hasOwn(started.tags, name) && started.tags[name] === value);
}
