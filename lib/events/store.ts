import { isCount } from '../kernel/count.ts';
import { StoreError } from '../kernel/errors.ts';
import { checkVerbOptions, RULES, type OptionRules } from '../kernel/verb-options.ts';
import { Keyed } from '../kernel/keyed/keyed.ts';
import { encodeValue } from '../kernel/value/canonical.ts';
import { decodeValue } from '../kernel/value/decode.ts';
import { fixValue, isKnownImmutable } from '../kernel/value/fix.ts';
import { address, dataVersion } from '../kernel/value/version.ts';
import { quote } from '../kernel/print.ts';
import { assetKey, type AssetKey, type KeyLike } from '../model/asset-key.ts';
import type { Codec, Codecs } from '../model/codec.ts';
import { isSource, type SourceDefinition } from '../model/source.ts';
import { aliasesOf } from '../model/renamed.ts';
import { aliasedPort } from './aliased-port.ts';
import { isVersionConflict } from './append-conflicts.ts';
import { encodeWith, NO_CODECS, type EncodedValue } from './coded-value.ts';
import { encodedOn, encodeKeyed, readStored } from './keyed-value.ts';
import type { LoggedEvent, ReadableEvent, SourceObserved } from './logged-event.ts';
import type { Position } from './position.ts';
import { removedAt, valueRemoved } from './retention.ts';
import { serveAmong, type Service } from './service.ts';
import type { AppendBatch, Appended, LoggedRun, StoredValue, StorePort } from './store-port.ts';
import { Turns, type Release } from '../kernel/turns.ts';
import { CursorClaims } from './tail-cursor.ts';
import { Tailing, TAIL_RULES, type TailOptions } from './tail.ts';

const PAGE = 1000;

/** Options of {@link Store.put}. */
export interface PutOptions {
  /** Where the value stands in its origin, for sources that can replay. */
  readonly offset?: string;
  /**
   * A name for this put, not empty and of any length, so that it may be repeated where nobody knows whether it was done: after a crash, a
   * time-out, in another process. It is done once. Kept as long as the log. Refused with IDEMPOTENCY_CONFLICT where something else was put
   * under it: another source, value or offset.
   */
  readonly id?: string;
  /**
   * The position that the source's latest event (`store.latest`) must have, 0 for none yet: refused with VERSION_CONFLICT where somebody
   * was faster. A put whose `id` is there already is not refused, since it was in time when it was done.
   */
  readonly expected?: Position;
}

/** What a put did. */
export interface PutResult {
  /** False where the value equalled what was there, and no event was written. */
  readonly observed: boolean;
  readonly position: Position;
  readonly version: string;
  /** Whether an earlier put of this `id` did it, and this one did nothing. */
  readonly duplicate: boolean;
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
  /** What it decodes values by, beside plain data; the codecs of a run's definitions come first in that run. */
  readonly codecs: Codecs;
  /**
   * Records a source's value (D7). An equal value writes no event. A source with a codec is put as what `source()` gave: by its key alone
   * the value is stored as plain data. The same goes for a source with aliases: by its key alone, what was put under the names before counts for nothing.
   *
   * Rejects with SelectionError INVALID_KEY or INVALID_OPTION, and with StoreError VALUE_NOT_STORABLE, VALUE_TOO_LARGE, VERSION_CONFLICT,
   * IDEMPOTENCY_CONFLICT, STORE_READ_ONLY, STORE_LOCKED, STORE_FULL, STORE_IO or STORE_CLOSED; then nothing was written.
   */
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
  /**
   * The value of an asset or source, now or as of a position; `undefined` where it is absent, lives elsewhere, or never was. Rejects with
   * StoreError VALUE_REMOVED where a prune removed it, and CODEC_UNKNOWN or CODEC_FAILED where a codec encoded it that is not in the
   * store's `codecs`, or cannot decode it.
   */
  value(key: KeyLike, options?: { readonly position?: Position }): Promise<unknown>;
  /** Runs, oldest first. */
  runs(filter?: RunFilter): Promise<readonly LoggedRun[]>;
  /** Waits for its turn to run on this store (R7), or with `error` rejects at once where another run has it. */
  turn(whenBusy: 'queue' | 'error'): Promise<Release>;
  /** For a live service: while it is there, puts take turns too, so that who has the turn is the only one who writes. */
  serve(): Service;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** What a store takes from its surroundings. */
export interface StoreEnvironment {
  /** Milliseconds since 1970, for events that no run records. */
  readonly now: () => number;
  /** Codecs for what is read without definitions; none by default. */
  readonly codecs?: Codecs;
}

/** What all who hold one store share: whose turn it is to run on it, and to look and then put, and which cursors are in use. */
export interface StoreTurns {
  /** The live services that are there. */
  readonly services: Set<Service>;
  readonly verbs: Turns;
  readonly puts: Turns;
  readonly cursors: CursorClaims;
}

/** Turns that nobody waits for yet. */
export function storeTurns(): StoreTurns {
  return { services: new Set(), verbs: new Turns(), puts: new Turns(), cursors: new CursorClaims() };
}

const PUT_RULES: OptionRules<PutOptions> = {
  offset: RULES.string,
  id: { accepts: (value) => typeof value === 'string' && value !== '', cure: 'Give a string that is not empty.' },
  expected: { accepts: isCount, cure: 'Give a whole number from 0.' },
};
const RANGE_RULES = { from: RULES.position, to: RULES.position };
const VALUE_RULES = { position: RULES.position };
const FILTER_RULES: OptionRules<RunFilter> = { tags: RULES.strings, causedBy: RULES.string };

/** Makes the public store from a port. Everything that must be the same on every store happens here, once. */
export function createStore(port: StorePort, { now, codecs = NO_CODECS }: StoreEnvironment, turns: StoreTurns = storeTurns()): Store {
  const { services, verbs, puts, cursors } = turns;
  const tailing = new Tailing({ port, now, claims: cursors });
  // First the tails: what they have been asked past is still written down.
  const close = (): Promise<void> => (tailing.stop(), port.close());
  return Object.freeze({
    port,
    codecs,
    put: async (source, value, options = {}) => {
      checkVerbOptions('store.put', options, PUT_RULES);
      const key = keyOfSource(source);
      // Before the wait for a turn: what is put is as it is at the call.
      const [encoded, { offset = null, ...conditions }] = [encodeSource(key, value, codecOf(source)), options];
      const release = await (services.size > 0 ? verbs : puts).take();
      try {
        return await putSource(portFor(port, source), { key, encoded, offset, time: now(), runId: null }, conditions);
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
    latest: async (key) => latestEvent(port, assetKey(key, 'store.latest()')),
    value: async (key, options = {}) => {
      checkVerbOptions('store.value', options, VALUE_RULES);
      const event = await latestEvent(port, assetKey(key, 'store.value()'), options.position);
      return event === undefined ? undefined : readValue(port, event, codecs);
    },
    runs: async (filter = {}) => {
      checkVerbOptions('store.runs', filter, FILTER_RULES);
      return (await port.runs()).filter((run) => matches(run, filter));
    },
    ...turnsOn(port, turns),
    close,
    [Symbol.asyncDispose]: close,
  } satisfies Store);
}

function turnsOn({ label }: StorePort, { services, verbs }: StoreTurns): Pick<Store, 'turn' | 'serve'> {
  return {
    turn: (whenBusy) => {
      if (whenBusy === 'queue' || !verbs.busy) return verbs.take();
      return Promise.reject(
        new StoreError('STORE_BUSY', `Another run has the store ${quote(label)}. Wait for it, or leave "whenBusy" at "queue".`),
      );
    },
    serve: () => serveAmong(services, () => verbs.contended),
  };
}

/** Encodes a value that was found storable. Computed once for each value that something records. */
export function encodeStorable(value: unknown): EncodedValue {
  if (value instanceof Keyed) return encodeKeyed(value);
  const bytes = encodeValue(value);
  const at = address(bytes);
  // What has no parts has no order that a version would look past: it is the hash of the same bytes. Nor is it ever compared.
  if (typeof value !== 'object' || value === null) return { version: at, address: at, bytes };
  const version = dataVersion(value);
  return isKnownImmutable(value) ? { version, address: at, bytes, value } : { version, address: at, bytes };
}

/**
 * The value behind a readable event.
 *
 * @throws StoreError VALUE_REMOVED where retention removed it, STORE_CORRUPT when the bytes are not there or cannot be read, CODEC_UNKNOWN,
 * CODEC_FAILED
 */
export async function readValue(port: StorePort, event: ReadableEvent, codecs: Codecs): Promise<unknown> {
  if (event.type === 'asset-absent' || event.address === null) return undefined;
  const { key, position, address: at } = event;
  const what = `${quote(key)} at position ${position} in ${quote(port.label)}`;
  const read = await readStored(port, at, { codecs, place: () => ({ what, details: { key, position, address: at } }) });
  if ('value' in read) return read.value;
  const removed = await removedAt(port, read.gone);
  if (removed !== undefined) throw valueRemoved(port.label, event, removed);
  throw new StoreError(
    'STORE_CORRUPT',
    `The store ${quote(port.label)} has no value for ${quote(key)} at position ${position}. Verify the store, or run the asset again.`,
    {
      details: { key, position, address: read.gone },
    },
  );
}

/** A new value of a source: what it adds to the log, or the event that readers get already where it is equal to that. */
export type Observation =
  | { readonly event: SourceObserved; readonly encoded: EncodedValue }
  | { readonly unchanged: Exclude<ReadableEvent, { type: 'asset-absent' }> };

/**
 * Encodes a value of a source, as it is now: by its codec, or as plain data.
 *
 * @throws StoreError VALUE_NOT_STORABLE, with the path inside the value
 */
export function encodeSource(key: AssetKey, value: unknown, codec?: Codec): EncodedValue {
  if (value === undefined) throw notStorable(key, '$', 'undefined, which no source can have');
  if (codec !== undefined) {
    const made = encodeWith(codec, value);
    if ('bytes' in made) return made;
    throw new StoreError('VALUE_NOT_STORABLE', `The value for source ${quote(key)} cannot be stored: ${made.problem}.`, {
      details: { key, codec: codec.name },
      cause: made.cause,
    });
  }
  const fixed = fixValue(value);
  if (!fixed.storable) throw notStorable(key, fixed.path, fixed.problem);
  try {
    return encodeStorable(value);
  } catch (error) {
    // Plain data that shares parts can take more bytes than there are: nothing else of it can fail to be encoded.
    if (error instanceof RangeError) throw notStorable(key, '$', 'more than 1 GiB of bytes');
    throw error;
  }
}

/**
 * A value of a source as it is now: frozen where it can be, and a copy of what cannot. What has a codec is left as it is.
 *
 * @throws StoreError VALUE_NOT_STORABLE, with the path inside the value
 */
export function fixSource(key: AssetKey, value: unknown, codec?: Codec): unknown {
  if (value === undefined) throw notStorable(key, '$', 'undefined, which no source can have');
  if (codec !== undefined) return value;
  const fixed = fixValue(value);
  if (!fixed.storable) throw notStorable(key, fixed.path, fixed.problem);
  return fixed.immutable ? value : decodeValue(encodeValue(value));
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
export function observation({ key, encoded: given, offset, time, runId }: Observed, before: ReadableEvent | undefined): Observation {
  const { version } = given;
  const isThere = before !== undefined && before.type !== 'asset-absent';
  if (isThere && before.version === version) return { unchanged: before };
  const encoded = isThere ? encodedOn(before.address, given) : given;
  return { event: { type: 'source-observed', runId, time, key, version, address: encoded.address, offset }, encoded };
}

/**
 * Looks, and appends only where nobody has written what it looked at: of equal values that are put and that runs observe at one moment, one
 * is logged. Where somebody has, it looks again.
 */
async function putSource(port: StorePort, put: Observed, conditions: PutConditions): Promise<PutResult> {
  const { id, expected } = conditions;
  for (;;) {
    const [before] = await port.readable([put.key], await port.head());
    const seen = before?.position ?? 0;
    const made = observation(put, before);
    if ('unchanged' in made && id === undefined && (expected ?? seen) === seen)
      return { observed: false, position: seen, version: made.unchanged.version, duplicate: false };
    try {
      return await putResult(port, put, await port.append(putBatch(put, conditions, { made, before })));
    } catch (error) {
      if (!isOvertaken(error, expected)) throw error;
    }
  }
}

type PutConditions = Pick<PutOptions, 'id' | 'expected'>;

/** What a put appends, and only behind what it has seen: where that has its value already, nothing but its id. */
function putBatch(
  { key, encoded, offset }: Observed,
  { id, expected }: PutConditions,
  { made, before }: { readonly made: Observation; readonly before: ReadableEvent | undefined },
): AppendBatch {
  const seen = before?.position ?? 0;
  const positions = expected === undefined ? [seen] : [expected, seen];
  return {
    expected: positions.map((position) => ({ key, position })),
    ...('unchanged' in made ? { events: [], values: [] } : { events: [made.event], values: [onBase(made.encoded, before)] }),
    ...(id !== undefined && { id, request: JSON.stringify([key, encoded.version, offset]) }),
  };
}

/** Whether only what was seen is not there any more; what the user expected, if anything, is. */
function isOvertaken(error: unknown, expected: Position | undefined): boolean {
  if (!isVersionConflict(error)) return false;
  return expected === undefined || error.details['found'] === expected;
}

/** A value that readers get, as it is stored: the one that they got before may differ from it by little. */
export function onBase(encoded: EncodedValue, before: ReadableEvent | undefined): StoredValue {
  const base = before === undefined || before.type === 'asset-absent' ? null : before.address;
  return base === null ? encoded : { base, ...encoded };
}

async function putResult(
  port: StorePort,
  { key, encoded: { version } }: Observed,
  { first, last, duplicate }: Appended,
): Promise<PutResult> {
  if (first <= last) return { observed: true, position: first, version, duplicate };
  // No event was written, since readers had this value already: as of then.
  const [before] = await port.readable([key], last);
  return { observed: false, position: before?.position ?? last, version, duplicate };
}

async function latestEvent(port: StorePort, key: AssetKey, at?: Position): Promise<ReadableEvent | undefined> {
  return (await port.readable([key], at ?? (await port.head())))[0];
}

/** A source with aliases is put after what was put under the names before (D9): what is equal to an older value only is something new. */
function portFor(port: StorePort, source: KeyLike | SourceDefinition): StorePort {
  return isSource(source) ? aliasedPort(port, aliasesOf(source)) : port;
}

function codecOf(source: KeyLike | SourceDefinition): Codec | undefined {
  return isSource(source) ? source.codec : undefined;
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
