import { isDeepStrictEqual } from 'node:util';
import { livePort } from '../../lib/events/tail.ts';
import type { Store } from '../../lib/events/store.ts';
import { atPosition, type LoggedEvent } from '../../lib/events/logged-event.ts';
import { address } from '../../lib/kernel/value/version.ts';
import type { Line } from './child.ts';
import { chainKey, chainKeys, KEPT_VERSIONS, nameOf, pieceAt, tagOf, type PieceName, type Tag } from './kill-batches.ts';

interface Range {
  readonly first: number;
  readonly last: number;
}

/** What the processes that wrote to a store have said, and what the store has to hold because of that. */
export class KillHistory {
  /** What is wrong, in words. */
  readonly problems: string[] = [];
  acknowledgements = 0;
  duplicates = 0;
  refusals = 0;
  /** How many values prunes that came to their end have removed. */
  removed = 0;
  #isPruned = false;
  readonly #seed: number;
  readonly #acknowledged = new Map<string, PieceName & Range>();
  readonly #expected = new Map<string, number>();
  readonly #refused = new Set<string>();
  /** How far the log was looked at, which pieces are in that part and where, and where each chain ends in it. */
  #checked = 0;
  readonly #found = new Map<string, number>();
  readonly #chains = new Map<string, number>();
  /** What the last event of each chain says of how far its source was read. */
  readonly #offsets = new Map<string, string | null>();
  /** What readers got of each key: addresses, oldest first. */
  readonly #versions = new Map<string, string[]>();
  #cursors: { acknowledged: number | undefined; tried: number | undefined } = { acknowledged: undefined, tried: undefined };

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** Hears what a process says in one of its lives. */
  hear(life: number, [about, ...rest]: Line): void {
    if (about === 'failed') this.problems.push(`life ${life} failed: ${rest.join(' ')}`);
    else if (about === 'acknowledged') this.#acknowledge(rest);
    else if (about === 'expecting') this.#expected.set(`${Number(rest[0])}/${Number(rest[1])}`, Number(rest[2]));
    else if (about === 'refused') {
      this.refusals += 1;
      this.#refused.add(nameOf({ life, index: Number(rest[0]) }));
    } else if (about === 'pruning') this.#isPruned = true;
    else if (about === 'pruned') this.removed += Number(rest[0]);
    else if (about === 'cursor tried') this.#cursors.tried = Number(rest[0]);
    else if (about === 'cursor') this.#cursors.acknowledged = Number(rest[0]);
  }

  /** Whether anything was said to be there. */
  get isEmpty(): boolean {
    return this.#acknowledged.size === 0;
  }

  #acknowledge([life, index, first, last, duplicate]: readonly unknown[]): void {
    const piece = { life: Number(life), index: Number(index), first: Number(first), last: Number(last) };
    const name = nameOf(piece);
    const before = this.#acknowledged.get(name);
    this.acknowledgements += 1;
    if (duplicate === true) this.duplicates += 1;
    if (before !== undefined && (duplicate !== true || before.first !== piece.first || before.last !== piece.last))
      this.problems.push(
        `${name} was at ${before.first}, and again at ${piece.first}, as a ${duplicate === true ? 'duplicate' : 'new one'}`,
      );
    this.#acknowledged.set(name, piece);
  }

  /** What to write again: the last that were acknowledged, and all that may have been on their way. */
  again(life: number): readonly (PieceName & { readonly expected?: number })[] {
    const mine = [...this.#acknowledged.values()].filter((piece) => piece.life === life);
    const last = Math.max(-1, ...mine.map(({ index }) => index));
    const names = Array.from({ length: 40 }, (_, at) => ({ life, index: last + 30 - at })).filter(({ index }) => index >= 0);
    // A chain goes on in the order in which it began.
    return names.toReversed().map((name) => {
      const expected = this.#expected.get(nameOf(name));
      return expected === undefined ? name : { ...name, expected };
    });
  }

  /** Looks whether a store holds what it has to: behind what was looked at before, or from the first event on. */
  async check(store: Store, { all = false } = {}): Promise<void> {
    if (all) {
      this.#checked = 0;
      this.#found.clear();
      this.#chains.clear();
      this.#offsets.clear();
      this.#versions.clear();
    }
    const head = await store.port.head();
    const from = this.#checked + 1;
    const events = await store.port.read(from, Math.max(head - this.#checked, 0));
    if (head < this.#checked || events.length !== head - this.#checked || events.some(({ position }, at) => position !== from + at))
      this.problems.push(`there are ${events.length} events from ${from} to ${head}, or their positions have gaps`);
    this.#findPieces(events, from);
    for (const [name, { first, last }] of this.#acknowledged) {
      const there = this.#found.get(name);
      if (there !== first)
        this.problems.push(`${name} was acknowledged at ${first} to ${last}, and is ${there === undefined ? 'not there' : `at ${there}`}`);
    }
    for (const name of this.#refused) if (this.#found.has(name)) this.problems.push(`${name} was refused, and is there`);
    this.#checkChains(events);
    this.#checked = head;
    await this.#checkValues(store, events);
    await this.#checkCursor(store);
    await this.#checkOffsets(store);
  }

  /** The pieces in a part of a log: each once, whole, and as it was meant. */
  #findPieces(events: readonly LoggedEvent[], from: number): void {
    for (let at = 0; at < events.length;) {
      const first = from + at;
      const tag = tagOf(events[at] ?? {});
      if (tag === undefined) {
        this.problems.push(`nobody wrote the event at ${first}`);
        at += 1;
        continue;
      }
      const name = nameOf(tag);
      if (this.#found.has(name)) this.problems.push(`${name} is at ${this.#found.get(name)} and at ${first}`);
      this.#found.set(name, first);
      this.#checkPiece(tag, first, events.slice(at, at + tag.of));
      at += tag.of;
    }
  }

  #checkPiece(tag: Tag, first: number, events: readonly LoggedEvent[]): void {
    const { batch } = pieceAt(this.#seed, tag);
    const wanted = batch.events.map((event, at) => atPosition(event, first + at, first));
    const wrong = wanted.findIndex((event, at) => !isDeepStrictEqual(event, events[at]));
    if (wrong === -1 && events.length === wanted.length && tag.at === 0) return;
    this.problems.push(`${nameOf(tag)} at ${first} is not whole, or not what was written: ${JSON.stringify(events[Math.max(wrong, 0)])}`);
  }

  /** Each event of a chain has the one before it where its writer expected that. */
  #checkChains(events: readonly LoggedEvent[]): void {
    for (const event of events) {
      const tag = tagOf(event);
      if (tag === undefined || !('key' in event) || event.key !== chainKey(tag.index)) continue;
      const expected = this.#expected.get(nameOf(tag));
      if (expected !== (this.#chains.get(event.key) ?? 0))
        this.problems.push(`${nameOf(tag)} expected ${event.key} at ${expected}, and it was at ${this.#chains.get(event.key) ?? 0}`);
      this.#chains.set(event.key, event.position);
      if (event.type === 'source-observed') this.#offsets.set(event.key, event.offset);
    }
  }

  /** Every value is there, but for those that a prune may have removed. */
  async #checkValues(store: Store, events: readonly LoggedEvent[]): Promise<void> {
    const all = new Set<string>();
    for (const event of events) {
      if (!('address' in event) || event.address === null) continue;
      all.add(event.address);
      const versions = this.#versions.get(event.key) ?? [];
      // Equal ones in a row are one version.
      if (versions.at(-1) !== event.address) versions.push(event.address);
      this.#versions.set(event.key, versions);
    }
    const needed = new Set([...this.#versions.values()].flatMap((versions) => versions.slice(-KEPT_VERSIONS)));
    const addresses = [...all];
    for (let at = 0; at < addresses.length; at += 50) {
      const page = addresses.slice(at, at + 50);
      const values = await store.port.values(page);
      for (const [index, wanted] of page.entries()) {
        const bytes = values[index];
        if (bytes === undefined && this.#isPruned && !needed.has(wanted)) continue;
        if (bytes === undefined || address(bytes) !== wanted)
          this.problems.push(`the value ${wanted} is ${bytes === undefined ? 'gone' : 'wrong'}`);
      }
    }
  }

  /** How far a source was read is there with the batch that came of it: neither before nor after. */
  async #checkOffsets(store: Store): Promise<void> {
    const keys = chainKeys();
    const offsets = await livePort(store.port).offsets(keys);
    for (const [index, key] of keys.entries()) {
      const [found, expected] = [offsets[index], this.#offsets.get(key) ?? undefined];
      if (found !== expected) this.problems.push(`the offset of ${key} is ${found}, and its last event says ${expected}`);
    }
  }

  async #checkCursor(store: Store): Promise<void> {
    const { acknowledged, tried } = this.#cursors;
    const cursor = await livePort(store.port).cursor('c');
    if (cursor !== acknowledged && cursor !== tried) this.problems.push(`the cursor is ${cursor}, and was set to ${acknowledged}`);
    this.#cursors = { acknowledged: cursor, tried: cursor };
  }
}
