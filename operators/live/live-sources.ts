import type { ReadableEvent } from '../../lib/events/logged-event.ts';
import { readValue, type Observation, type Store } from '../../lib/events/store.ts';
import type { LivePort } from '../../lib/events/store-port.ts';
import type { AssetKey } from '../../lib/model/asset-key.ts';
import type { Definitions } from '../../lib/model/definitions.ts';
import type { Plan } from '../../lib/plan/plan.ts';
import { wantedKeys } from '../run/pin.ts';
import { checkSources, readSource } from '../run/resolve.ts';
import type { Clock } from '../step/clock.ts';
import type { SourcesNow } from './apply-items.ts';
import { asFeed, type Feed } from './feed.ts';
import { observeSource } from './source-of.ts';

/**
 * The feeds that were given, by the keys of their sources.
 *
 * @throws SelectionError UNKNOWN_SOURCE, DefinitionError INVALID_DEFINITION, OVERFLOW_UNDECLARED
 */
export function readFeeds(defs: Definitions, given: Readonly<Record<string, unknown>>): ReadonlyMap<AssetKey, Feed> {
  const named = Object.fromEntries(Object.entries(given).filter(([, feed]) => feed !== undefined));
  return new Map([...checkSources({ defs }, named)].map(([key, feed]) => [key, asFeed(feed, key)]));
}

/** How far sources have been read, where that is not known yet. With the turn: until then somebody else may go on. */
export function readOffsets({ sources }: Definitions, scope: OffsetScope): Promise<void> {
  const keys = [...sources.values()].flatMap(({ key }) => (scope.offsets.has(key) ? [] : key));
  return readOffsetsAnew(keys, scope);
}

/** How far these sources have been read, also where another service has read on since. */
export async function readOffsetsAnew(keys: readonly AssetKey[], { seen, offsets }: OffsetScope): Promise<void> {
  for (const [index, offset] of (await seen.offsets(keys)).entries()) {
    const key = keys[index];
    if (key !== undefined && offset !== undefined) offsets.set(key, offset);
  }
}

/** Where offsets are, and where they are kept. */
export interface OffsetScope {
  /** The store as the definitions see it. */
  readonly seen: LivePort;
  /** By source. */
  readonly offsets: Map<AssetKey, string>;
}

/** Sources that are read and have no value yet, each with the steps that cannot run before it has one. */
export async function missingSources(
  { defs, ...rest }: Plan,
  { seen, feeds }: Pick<SourceScope, 'seen' | 'feeds'>,
): Promise<ReadonlyMap<AssetKey, readonly string[]>> {
  const wanted = [...wantedKeys({ defs, ...rest })].flatMap(([key, { required, readers }]) => {
    const source = defs.sources.get(key);
    // Where everybody holds it, it is absent before there is any (X3).
    const needsValue = required && source !== undefined && source.read === undefined && feeds.get(key)?.initial === undefined;
    return needsValue ? [[key, [...readers]] as const] : [];
  });
  const keys = wanted.map(([key]) => key);
  const events = await seen.readable(keys, await seen.head());
  return new Map(wanted.filter((_, index) => events[index] === undefined));
}

/** What the sources of a service that starts are asked from. */
export interface SourceScope {
  readonly store: Store;
  readonly port: LivePort;
  /** The same as the definitions see it. */
  readonly seen: LivePort;
  readonly clock: Clock;
  readonly feeds: ReadonlyMap<AssetKey, Feed>;
}

/** The sources of a service as of its start: what is stored, and what feeds start with. To be asked with the turn. */
export class StoredSources implements SourcesNow {
  readonly #defs: Definitions;
  readonly #scope: SourceScope;
  readonly #stored: ReadonlyMap<AssetKey, ReadableEvent>;

  private constructor(defs: Definitions, scope: SourceScope, stored: ReadonlyMap<AssetKey, ReadableEvent>) {
    this.#defs = defs;
    this.#scope = scope;
    this.#stored = stored;
  }

  /** Asks the store which of its sources have a value. */
  static async of(defs: Definitions, scope: SourceScope): Promise<StoredSources> {
    const { seen } = scope;
    const keys = [...defs.sources.values()].map(({ key }) => key);
    const events = await seen.readable(keys, await seen.head());
    const stored = new Map<AssetKey, ReadableEvent>();
    for (const [index, event] of events.entries()) {
      const key = keys[index];
      if (key !== undefined && event !== undefined) stored.set(key, event);
    }
    return new StoredSources(defs, scope, stored);
  }

  /** What the first item of a source is folded into. */
  async valueOfSource(key: AssetKey): Promise<unknown> {
    const { port, store, feeds } = this.#scope;
    const event = this.#stored.get(key);
    if (event !== undefined) return readValue(port, event, new Map([...store.codecs, ...this.#defs.codecs]));
    const initial = feeds.get(key)?.initial;
    if (initial !== undefined) return initial.value;
    const read = this.#defs.sources.get(key)?.read;
    return read === undefined ? undefined : readSource(key, () => read({ signal: new AbortController().signal }));
  }

  /** Throws SelectionError UNKNOWN_SOURCE, StoreError VALUE_NOT_STORABLE or VALUE_TOO_LARGE. */
  observe(key: AssetKey, value: unknown, offset: string | null): Observation {
    const { port, clock } = this.#scope;
    return observeSource(this.#defs, port, { key, value, offset, time: clock.now(), runId: null, before: this.#stored.get(key) });
  }

  /**
   * What sources with feeds start with: `initial`, where nothing is stored. What is stored stays where a source could also be read: its feed goes
   * on from there, and reading it anew would undo what its items came to.
   */
  async startValues(): Promise<Readonly<Record<string, unknown>>> {
    const values: Record<string, unknown> = {};
    for (const [key, { initial }] of this.#scope.feeds) {
      const source = this.#defs.sources.get(key);
      if (source === undefined) continue;
      const isStored = this.#stored.has(key);
      if (isStored ? source.read !== undefined : initial !== undefined) values[key] = await this.valueOfSource(key);
    }
    return values;
  }
}
