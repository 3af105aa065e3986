import { invariant } from '../../lib/kernel/invariant.ts';
import type { LoggedEvent } from '../../lib/events/logged-event.ts';
import type { Position } from '../../lib/events/position.ts';
import { Delta } from '../../lib/kernel/keyed/delta.ts';
import type { Keyed } from '../../lib/kernel/keyed/keyed.ts';
import type { AssetKey } from '../../lib/model/asset-key.ts';
import { apart } from '../run/apart.ts';
import type { Slot } from '../run/slot.ts';
import type { Listener } from './changes.ts';
import type { SettledEpoch } from './epoch-work.ts';

/** When those who watch are told of an epoch: as soon as it has settled, or when it is on disk. */
export type Moment = 'settled' | 'durable';

/** What an asset is after an epoch that changed it. */
export type AssetChange<T = unknown> = { readonly key: string; readonly epoch: number; readonly position: Position } & (
  | { readonly state: 'absent' }
  | {
      readonly state: 'value';
      readonly value: T;
      readonly version: string;
      /** What changed in keyed rows, from what the asset was before; all rows where it had none. `undefined` for any other value. */
      readonly delta: T extends Keyed<infer K, infer V> ? Delta<K, V> : unknown;
    }
);

/** What an asset is now: a value, or absent since its op chose not to emit it or was skipped. */
export type AssetNow<T = unknown> = { readonly state: 'value'; readonly value: T; readonly version: string } | { readonly state: 'absent' };

/** What one epoch did. */
export interface EpochReport {
  /** Its number, from 0, in this service. */
  readonly epoch: number;
  /** Why there was one: the service started, items came, failed steps were tried again, or somebody else wrote beside it. */
  readonly cause: 'start' | 'items' | 'retry' | 'beside';
  /** How many items it took. */
  readonly items: number;
  /** Ids of the steps whose body ran. */
  readonly ran: readonly string[];
  /** Ids of the steps that were looked at and reused. */
  readonly reused: readonly string[];
  readonly skipped: readonly string[];
  readonly blocked: readonly string[];
  readonly failed: readonly { readonly step: string; readonly error: Error }[];
  /** Keys of the assets that got another value. */
  readonly materialized: readonly string[];
  /** Keys of the assets that were made again and came out as before. */
  readonly unchanged: readonly string[];
  /** Keys of the assets that have no value any more. */
  readonly absent: readonly string[];
  /** Where the log ends with it. */
  readonly position: Position;
  /** From when its first step could start until it had settled, in milliseconds. */
  readonly tookMs: number;
}

/** An epoch, and what it changed of the assets that somebody watches. */
export interface Told {
  readonly report: EpochReport;
  readonly changes: readonly AssetChange[];
}

type EpochListener = Listener<EpochReport>;
type ChangeListener = Listener<AssetChange>;

/**
 * Tells those who watch, epoch by epoch, and each epoch as a whole: first every change, then that the epoch is over. A listener that throws
 * is reported as an uncaught error, as rxjs does for subscribers, and harms nobody else.
 */
export class Publication {
  readonly #changes: Readonly<Record<Moment, Map<AssetKey, Set<ChangeListener>>>> = { settled: new Map(), durable: new Map() };
  readonly #epochs: Readonly<Record<Moment, Set<EpochListener>>> = { settled: new Set(), durable: new Set() };
  #ended: { readonly error: unknown } | 'complete' | undefined;

  /** Whether anybody watches an asset. */
  watches(key: AssetKey): boolean {
    return this.#changes.settled.has(key) || this.#changes.durable.has(key);
  }

  /** Tells a listener of the changes of an asset, until the returned function is called. */
  listenTo(key: AssetKey, moment: Moment, listener: ChangeListener): () => void {
    if (this.#end(listener)) return () => undefined;
    const byKey = this.#changes[moment];
    const guarded = guard(listener);
    const known = byKey.get(key);
    const listeners = known ?? new Set();
    if (known === undefined) byKey.set(key, listeners);
    listeners.add(guarded);
    return () => {
      listeners.delete(guarded);
      if (listeners.size === 0 && byKey.get(key) === listeners) byKey.delete(key);
    };
  }

  /** Tells a listener of each epoch, until the returned function is called. */
  listen(moment: Moment, listener: EpochListener): () => void {
    if (this.#end(listener)) return () => undefined;
    const guarded = guard(listener);
    this.#epochs[moment].add(guarded);
    return () => void this.#epochs[moment].delete(guarded);
  }

  /** Tells everybody who watches at this moment. */
  tell(moment: Moment, { report, changes }: Told): void {
    for (const change of changes) {
      // The key of a change is one that somebody watches, and so one of an asset.
      tellAll(this.#changes[moment].get(change.key as AssetKey), change);
    }
    tellAll(this.#epochs[moment], report);
  }

  /** Nothing more is told. */
  end(failure?: { readonly error: unknown }): void {
    this.#ended = failure ?? 'complete';
    const all = [
      ...this.#epochs.settled,
      ...this.#epochs.durable,
      ...[...this.#changes.settled.values(), ...this.#changes.durable.values()].flatMap((listeners) => [...listeners]),
    ];
    for (const listener of all) this.#end(listener);
  }

  #end(listener: Pick<Listener<never>, 'error' | 'complete'>): boolean {
    if (this.#ended === undefined) return false;
    if (this.#ended === 'complete') listener.complete();
    else listener.error(this.#ended.error);
    return true;
  }
}

/** The changes that the events of an epoch are, of the assets that are asked for. Read from what the graph holds when the epoch settles. */
export async function changesIn(
  events: readonly LoggedEvent[],
  { number: epoch, deltaOf }: Pick<SettledEpoch, 'number' | 'deltaOf'>,
  { watches, slotOf }: { readonly watches: (key: AssetKey) => boolean; readonly slotOf: (key: AssetKey) => Slot | undefined },
): Promise<readonly AssetChange[]> {
  const last = new Map<AssetKey, LoggedEvent>();
  for (const event of events) if (event.type === 'asset-materialized' || event.type === 'asset-absent') last.set(event.key, event);
  const changes: AssetChange[] = [];
  for (const [key, { position }] of last) {
    if (!watches(key)) continue;
    const now = await readNow(slotOf(key));
    if (now === undefined) continue;
    const at = { key, epoch, position };
    changes.push(Object.freeze(now.state === 'absent' ? { ...at, ...now } : { ...at, ...now, delta: await deltaOf(key, now.value) }));
  }
  return changes;
}

/** What two changes of one asset are together: the later one, with the deltas of both. */
export function mergeChanges(earlier: AssetChange, change: AssetChange): AssetChange {
  if (earlier.state === 'absent' || change.state === 'absent') return change;
  const [first, then] = [earlier.delta, change.delta];
  return first instanceof Delta && then instanceof Delta ? Object.freeze({ ...change, delta: first.compose(then) }) : change;
}

/** What a slot is to those who watch; nothing where its step failed, or where its value is gone. */
export async function readNow(slot: Slot | undefined): Promise<AssetNow | undefined> {
  if (slot === undefined || slot.state === 'failed' || slot.state === 'blocked') return undefined;
  if (slot.state === 'absent') return { state: 'absent' };
  if (slot.state === 'value') return { state: 'value', value: slot.none ? undefined : slot.value, version: slot.version };
  if (slot.kept.state === 'absent') return { state: 'absent' };
  invariant(slot.kept.state === 'value', 'a step that is reused has succeeded');
  const read = slot.address === null ? { value: undefined } : await slot.read();
  return read === undefined ? undefined : { state: 'value', value: read.value, version: slot.kept.version };
}

/** Who comes or goes while others are told, comes or goes after this epoch. */
function tellAll<T>(listeners: ReadonlySet<Listener<T>> | undefined, told: T): void {
  const all = Array.from(listeners ?? []);
  for (const listener of all) listener.next(told);
}

/** Each listener by itself: what one throws reaches nobody else. */
function guard<T>(listener: Listener<T>): Listener<T> {
  const next = apart(listener.next) ?? listener.next;
  return { next, error: listener.error, complete: listener.complete };
}
