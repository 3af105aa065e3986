import { SelectionError } from '../../lib/kernel/errors.ts';
import { quote } from '../../lib/kernel/print.ts';
import type { AssetKey } from '../../lib/model/asset-key.ts';
import type { Position } from '../../lib/events/position.ts';
import type { Clock } from '../step/clock.ts';

/** What became of an item that was pushed. */
export interface Pushed {
  /**
   * `applied`: its epoch is on disk. `conflated`: a later item took its place before an epoch began. `dropped`: there was no room for it.
   * `duplicate`: an item at its offset, or a later one, had been applied already.
   */
  readonly outcome: 'applied' | 'conflated' | 'dropped' | 'duplicate';
  /** The number of the epoch that applied it, from 0; `undefined` where none did. */
  readonly epoch: number | undefined;
  /** Where the log ended with that epoch; `undefined` where none did. */
  readonly position: Position | undefined;
}

/** What an intake is made of. */
export interface IntakeOptions {
  readonly policy: EpochPolicy;
  readonly queues: ReadonlyMap<AssetKey, SourceQueue>;
  /** The queue of a source that has none of its own. */
  readonly fallback: SourceQueue;
  readonly timer: Clock['timer'];
  /** Told when there may be an epoch to take. */
  readonly onReady: () => void;
}

/** One item of a source on its way into an epoch. */
export interface Item {
  readonly key: AssetKey;
  readonly value: unknown;
  readonly offset: string | undefined;
  /** Told once what became of it. */
  readonly settle: (pushed: Pushed) => void;
  /** Told once where it could not be applied. */
  readonly fail: (error: unknown) => void;
}

/** What is done with an item for which there is no room. */
export type Overflow = 'block' | 'conflate' | 'dropOldest' | 'error';

/** How the items of one source are kept until an epoch takes them. */
export interface SourceQueue {
  readonly capacity: number;
  readonly overflow: Overflow;
  /** What stands for two items that follow each other, for `conflate`; the later one by default. */
  readonly merge?: ((earlier: unknown, later: unknown) => unknown) | undefined;
}

/** When an epoch begins: as soon as any of these says so. */
export interface EpochPolicy {
  /** After so many items; 1 where nothing else is given. */
  readonly items?: number;
  /** So many milliseconds after the first item that waits. */
  readonly ms?: number;
  /** At each mark. */
  readonly marks?: true;
}

interface Queued {
  item: Item;
  /** Dropped ones stay in line until it is their turn. */
  gone: boolean;
}

type Entry = Queued | 'mark';

const NOT_APPLIED = { epoch: undefined, position: undefined };

/**
 * What waits in front of the graph: items in the order in which they came, over all sources, with a bound for each source. A plain state
 * machine: it starts nothing, and calls `onReady` when there may be an epoch to take.
 *
 * An epoch begins before its policy says so where a source has no more room: what waits for a mark that nobody can send would wait for ever.
 */
export class Intake {
  readonly #policy: EpochPolicy;
  readonly #queues: ReadonlyMap<AssetKey, SourceQueue>;
  readonly #fallback: SourceQueue;
  readonly #onReady: () => void;
  readonly #timer: Clock['timer'];
  readonly #counts = new Map<AssetKey, number>();
  /** Those who wait for room, by source. */
  readonly #blocked = new Map<AssetKey, (() => void)[]>();
  #line: Entry[] = [];
  #next = 0;
  #waiting = 0;
  #came = 0;
  #marks = 0;
  /** How many sources that block have no more room. */
  #full = 0;
  /** The time of the policy is over, and not all that waited then has been taken. */
  #due = false;
  #stopTimer: (() => void) | undefined;

  constructor({ policy, queues, fallback, timer, onReady }: IntakeOptions) {
    this.#policy = policy.items === undefined && policy.ms === undefined && policy.marks === undefined ? { items: 1 } : policy;
    this.#queues = queues;
    this.#fallback = fallback;
    this.#timer = timer;
    this.#onReady = onReady;
  }

  /** How many items wait. */
  get waiting(): number {
    return this.#waiting;
  }

  /** How many items came so far; and how many of them are gone again, in about that order. */
  get counts(): { readonly came: number; readonly left: number } {
    return { came: this.#came, left: this.#came - this.#waiting };
  }

  /** How many items of a source wait. */
  count(key: AssetKey): number {
    return this.#counts.get(key) ?? 0;
  }

  /** Whether an epoch may be taken. */
  get ready(): boolean {
    if (this.#due || this.#marks > 0 || this.#full > 0) return this.#waiting > 0 || this.#marks > 0;
    return this.#policy.items !== undefined && this.#waiting >= this.#policy.items;
  }

  /** Takes an item, or what its source's policy makes of it. A source that blocks asks for {@link room} first. */
  add(item: Item): void {
    const queue = this.#queueOf(item.key);
    if (this.count(item.key) >= queue.capacity && !this.#makeRoom(item, queue)) return;
    this.#line.push({ item, gone: false });
    this.#waiting += 1;
    this.#came += 1;
    const count = this.count(item.key) + 1;
    this.#counts.set(item.key, count);
    if (count === queue.capacity && queue.overflow === 'block') this.#full += 1;
    this.#startTimer();
    if (this.ready) this.#onReady();
  }

  /** Resolves when there is room for an item of a source. */
  room(key: AssetKey): Promise<void> | undefined {
    if (this.count(key) < this.#queueOf(key).capacity) return undefined;
    return new Promise((resolve) => {
      const waiting = this.#blocked.get(key);
      if (waiting === undefined) this.#blocked.set(key, [resolve]);
      else waiting.push(resolve);
    });
  }

  /** Ends an epoch here: what waits now is taken together, and what comes later is not. */
  mark(): void {
    if (this.#waiting === 0) return;
    this.#line.push('mark');
    this.#marks += 1;
    this.#onReady();
  }

  /** The time of the epoch policy is over: everything that waits is an epoch. */
  flush(): void {
    if (this.#waiting === 0) return;
    this.#due = true;
    this.#onReady();
  }

  /** The items of the next epoch, in the order in which they came. */
  take(): readonly Item[] {
    // Also of what is due, no more than the policy says: where epochs end then depends on the items alone.
    const items = this.#takeUpTo(this.#policy.items ?? Infinity);
    if (this.#waiting === 0) this.#due = false;
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    this.#startTimer();
    this.#dropMarks();
    this.#compact();
    return items;
  }

  /** The first item of each of these sources, where all have one: what a service starts with. */
  takeFirst(keys: ReadonlySet<AssetKey>): readonly Item[] | undefined {
    for (const key of keys) if (this.count(key) === 0) return undefined;
    const left = new Set(keys);
    const items: Item[] = [];
    for (let at = this.#next; at < this.#line.length && left.size > 0; at += 1) {
      const entry = this.#line[at];
      if (entry === undefined || entry === 'mark' || entry.gone || !left.delete(entry.item.key)) continue;
      entry.gone = true;
      items.push(this.#leave(entry.item));
    }
    this.#dropMarks();
    this.#compact();
    return items;
  }

  /** Everything that waits, for who closes. */
  clear(): readonly Item[] {
    const items = this.#line.slice(this.#next).flatMap((entry) => (entry === 'mark' || entry.gone ? [] : [this.#leave(entry.item)]));
    this.#line = [];
    this.#next = 0;
    this.#marks = 0;
    this.#due = false;
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    return items;
  }

  /** Up to so many items, or up to the next mark behind an item. */
  #takeUpTo(most: number): readonly Item[] {
    const items: Item[] = [];
    while (this.#next < this.#line.length && items.length < most) {
      const entry = this.#line[this.#next];
      this.#next += 1;
      if (entry !== 'mark') {
        if (entry !== undefined && !entry.gone) items.push(this.#leave(entry.item));
        continue;
      }
      this.#marks -= 1;
      if (items.length > 0) break;
    }
    return items;
  }

  #startTimer(): void {
    if (this.#policy.ms === undefined || this.#stopTimer !== undefined || this.#waiting === 0) return;
    this.#stopTimer = this.#timer(this.#policy.ms, () => {
      this.#stopTimer = undefined;
      this.flush();
    });
  }

  #queueOf(key: AssetKey): SourceQueue {
    return this.#queues.get(key) ?? this.#fallback;
  }

  /** True where the item can be put in line after all. */
  #makeRoom(item: Item, { overflow, capacity, merge }: SourceQueue): boolean {
    switch (overflow) {
      case 'conflate': {
        const last = this.#line.findLast((entry): entry is Queued => entry !== 'mark' && !entry.gone && entry.item.key === item.key);
        if (last === undefined) return true;
        const earlier = last.item;
        last.item = merge === undefined ? item : { ...item, value: merge(earlier.value, item.value) };
        earlier.settle({ outcome: 'conflated', ...NOT_APPLIED });
        return false;
      }
      case 'dropOldest': {
        const oldest = this.#line.find(
          (entry, at): entry is Queued => at >= this.#next && entry !== 'mark' && !entry.gone && entry.item.key === item.key,
        );
        if (oldest === undefined) return true;
        oldest.gone = true;
        this.#leave(oldest.item).settle({ outcome: 'dropped', ...NOT_APPLIED });
        return true;
      }
      default:
        item.fail(intakeFull(item.key, capacity));
        return false;
    }
  }

  #leave(item: Item): Item {
    const { key } = item;
    const count = this.count(key);
    const { capacity, overflow } = this.#queueOf(key);
    if (count === capacity && overflow === 'block') this.#full -= 1;
    this.#counts.set(key, count - 1);
    this.#waiting -= 1;
    const blocked = this.#blocked.get(key)?.shift();
    blocked?.();
    return item;
  }

  /** A mark behind which nothing waits any more, and before which nothing does, ends nothing. */
  #dropMarks(): void {
    while (this.#marks > 0) {
      const entry = this.#line[this.#next];
      if (entry === undefined || (entry !== 'mark' && !entry.gone)) return;
      if (entry === 'mark') this.#marks -= 1;
      this.#next += 1;
    }
  }

  #compact(): void {
    if (this.#next < 1024 && this.#next < this.#line.length) return;
    this.#line = this.#line.slice(this.#next);
    this.#next = 0;
  }
}

function intakeFull(key: AssetKey, capacity: number): SelectionError {
  return new SelectionError(
    'INTAKE_FULL',
    `${capacity} items of source ${quote(key)} wait for an epoch already, and its "overflow" is "error". Push more slowly (await what push() gives), raise "capacity", or choose "conflate" or "dropOldest".`,
    { details: { key, capacity } },
  );
}
