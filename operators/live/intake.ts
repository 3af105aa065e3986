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
  /** Whether an item came before: such items do not count when an epoch is made of so many. None does by default. */
  readonly isRepeat?: (item: Item) => boolean;
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
  /** Who took it from its origin, and may take it back. */
  readonly reader?: object;
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
  /** How many came before it. */
  readonly place: number;
  isRepeat: boolean;
  /** Dropped ones stay in line until it is their turn. */
  gone: boolean;
}

type Entry = Queued | 'mark';

/** So many entries that have left the line are kept, rather than copy it all the time. */
const FEW = 1024;

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
  readonly #isRepeat: (item: Item) => boolean;
  readonly #counts = new Map<AssetKey, number>();
  /** Those who wait for room, by source. */
  readonly #blocked = new Map<AssetKey, (() => void)[]>();
  #line: Entry[] = [];
  #next = 0;
  #waiting = 0;
  /** How many of those that wait came for the first time. */
  #fresh = 0;
  #came = 0;
  #marks = 0;
  /** How many sources that end an epoch early have no more room. */
  #full = 0;
  /** The time of the policy is over, and not all that waited then has been taken. */
  #due = false;
  #stopTimer: (() => void) | undefined;

  constructor({ policy, queues, fallback, timer, onReady, isRepeat = () => false }: IntakeOptions) {
    this.#policy = policy.items === undefined && policy.ms === undefined && policy.marks === undefined ? { items: 1 } : policy;
    this.#queues = queues;
    this.#fallback = fallback;
    this.#timer = timer;
    this.#isRepeat = isRepeat;
    this.#onReady = onReady;
  }

  /** How many items wait. */
  get waiting(): number {
    return this.#waiting;
  }

  /** How many items came so far. */
  get came(): number {
    return this.#came;
  }

  /** Whether of the first so many that came none waits any more. */
  isThrough(count: number): boolean {
    return this.#waiting === 0 || this.#firstPlace() >= count;
  }

  /** How many items of a source wait. */
  count(key: AssetKey): number {
    return this.#counts.get(key) ?? 0;
  }

  /** Whether an epoch may be taken. */
  get ready(): boolean {
    if (this.#isDue) return this.#waiting > 0 || this.#marks > 0;
    // What came before makes no epoch, so it waits for none.
    return this.#policy.items !== undefined && this.#waiting > 0 && this.#fresh === 0;
  }

  get #isDue(): boolean {
    return this.#due || this.#marks > 0 || this.#full > 0 || this.#fresh >= (this.#policy.items ?? Infinity);
  }

  /** Takes an item, or what its source's policy makes of it. A source that blocks asks for {@link room} first. */
  add(item: Item): void {
    const queue = this.#queueOf(item.key);
    const isRepeat = this.#isRepeat(item);
    if (this.count(item.key) >= queue.capacity && !this.#makeRoom({ item, isRepeat }, queue)) return;
    this.#line.push({ item, isRepeat, place: this.#came, gone: false });
    this.#waiting += 1;
    if (!isRepeat) this.#fresh += 1;
    this.#came += 1;
    const count = this.count(item.key) + 1;
    this.#counts.set(item.key, count);
    if (count === queue.capacity && this.#endsEarly(queue)) this.#full += 1;
    this.#startTimer();
    if (this.ready) this.#onReady();
  }

  /** Of what waits, says again what came before: somebody else may have applied it meanwhile. */
  recount(isRepeat: (item: Item) => boolean): void {
    for (const entry of this.#line.slice(this.#next)) {
      if (!isNew(entry) || !isRepeat(entry.item)) continue;
      entry.isRepeat = true;
      this.#fresh -= 1;
    }
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
    if (this.#waiting === 0 || this.#line.at(-1) === 'mark') return;
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
    const items = this.#takeUpTo(this.#isDue ? (this.#policy.items ?? Infinity) : 0);
    if (this.#waiting === 0) this.#due = false;
    this.#endTimer();
    this.#startTimer();
    this.#dropMarks();
    this.#compact();
    return items;
  }

  /** Takes back what a reader gave and nobody has taken: it will give it again. */
  withdraw(reader: object): void {
    this.#takeOut(({ reader: of }) => of === reader);
  }

  /** Takes out of line what waits of sources that are gone: it would count, and be of no epoch. */
  without(isGone: (key: AssetKey) => boolean): readonly Item[] {
    return this.#takeOut(({ key }) => isGone(key));
  }

  /** Everything that waits, for who closes. */
  clear(): readonly Item[] {
    const items = this.#line.slice(this.#next).flatMap((entry) => (entry === 'mark' || entry.gone ? [] : [this.#leave(entry)]));
    this.#line = [];
    this.#next = 0;
    this.#marks = 0;
    this.#due = false;
    this.#endTimer();
    return items;
  }

  #takeOut(isOut: (item: Item) => boolean): readonly Item[] {
    const out: Item[] = [];
    for (const entry of this.#line.slice(this.#next)) {
      if (entry === 'mark' || entry.gone || !isOut(entry.item)) continue;
      entry.gone = true;
      out.push(this.#leave(entry));
    }
    // What comes next is the first that waits, as if nothing had been.
    if (this.#waiting === 0) {
      this.#due = false;
      this.#endTimer();
    }
    this.#dropMarks();
    return out;
  }

  /** Up to so many items that came for the first time, or up to the next mark behind an item. */
  #takeUpTo(most: number): readonly Item[] {
    const items: Item[] = [];
    let fresh = 0;
    while (this.#next < this.#line.length && (fresh < most || most === 0)) {
      const entry = this.#line[this.#next];
      // An epoch of repetitions alone: something new has come behind them since.
      if (most === 0 && isNew(entry)) break;
      this.#next += 1;
      if (entry === 'mark') {
        this.#marks -= 1;
        if (items.length > 0) break;
      } else if (entry?.gone === false) {
        items.push(this.#leave(entry));
        fresh += entry.isRepeat ? 0 : 1;
      }
    }
    return items;
  }

  #endTimer(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
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

  /**
   * Whether an epoch begins when a source has no more room: what blocks would wait for ever, and where so many items are waited for, what refuses or
   * drops more of them may never have so many. Who conflates wants the last one, whenever that is taken; a mark is somebody's word.
   */
  #endsEarly({ overflow }: SourceQueue): boolean {
    if (overflow === 'block') return true;
    return overflow !== 'conflate' && this.#policy.items !== undefined && this.#policy.marks === undefined;
  }

  /** True where the item can be put in line after all. */
  #makeRoom({ item, isRepeat }: Pick<Queued, 'item' | 'isRepeat'>, { overflow, capacity, merge }: SourceQueue): boolean {
    switch (overflow) {
      case 'conflate': {
        const last = this.#line.findLast((entry): entry is Queued => entry !== 'mark' && !entry.gone && entry.item.key === item.key);
        if (last === undefined) return true;
        const earlier = last.item;
        last.item = merge === undefined ? item : { ...item, value: merge(earlier.value, item.value) };
        if (last.isRepeat && !isRepeat) this.#fresh += 1;
        last.isRepeat &&= isRepeat;
        earlier.settle({ outcome: 'conflated', ...NOT_APPLIED });
        return false;
      }
      case 'dropOldest': {
        const oldest = this.#line.find(
          (entry, at): entry is Queued => at >= this.#next && entry !== 'mark' && !entry.gone && entry.item.key === item.key,
        );
        if (oldest === undefined) return true;
        oldest.gone = true;
        this.#leave(oldest).settle({ outcome: 'dropped', ...NOT_APPLIED });
        this.#compact();
        return true;
      }
      default:
        item.fail(intakeFull(item.key, capacity, overflow));
        return false;
    }
  }

  #leave({ item, isRepeat }: Queued): Item {
    const { key } = item;
    const count = this.count(key);
    const queue = this.#queueOf(key);
    if (count === queue.capacity && this.#endsEarly(queue)) this.#full -= 1;
    this.#counts.set(key, count - 1);
    this.#waiting -= 1;
    if (!isRepeat) this.#fresh -= 1;
    const blocked = this.#blocked.get(key)?.shift();
    blocked?.();
    return item;
  }

  /** The place of the first that waits. */
  #firstPlace(): number {
    let at = this.#next;
    for (; at < this.#line.length; at += 1) {
      const entry = this.#line[at];
      if (entry === 'mark' || entry === undefined) continue;
      if (!entry.gone) return entry.place;
    }
    return this.#came;
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

  /** Forgets what has left the line, also in the middle of it, before it is many times what waits: nobody may take an epoch for long. */
  #compact(): void {
    const gone = this.#line.length - this.#next - this.#waiting - this.#marks;
    if (this.#next < FEW && this.#next < this.#line.length && gone < FEW + this.#waiting) return;
    this.#line = this.#line.slice(this.#next).filter((entry) => entry === 'mark' || !entry.gone);
    this.#next = 0;
  }
}

function isNew(entry: Entry | undefined): entry is Queued {
  return entry !== undefined && entry !== 'mark' && !entry.gone && !entry.isRepeat;
}

function intakeFull(key: AssetKey, capacity: number, overflow: Overflow): SelectionError {
  return new SelectionError(
    'INTAKE_FULL',
    `${capacity} items of source ${quote(key)} wait for an epoch already, and its "overflow" is "${overflow}"${overflow === 'block' ? ', which holds for its origin alone' : ''}. Push more slowly (await what push() gives), raise "capacity", or choose "conflate" or "dropOldest".`,
    { details: { key, capacity } },
  );
}
