import { setTimeout as sleep } from 'node:timers/promises';
import type { Store } from '../../lib/events/store.ts';
import { pruneStore } from '../../lib/events/prune.ts';
import { livePort } from '../../lib/events/tail.ts';
import type { Appended, AppendBatch } from '../../lib/events/store-port.ts';
import { compactStore } from '../../store/compact.ts';
import { openStore } from '../../store/open-store.ts';
import { chainKey, chainKeys, CHAINS, KEPT_VERSIONS, nameOf, pieceAt, TIME, type PieceName } from './kill-batches.ts';
import { codeOf, obey, say } from './obey.ts';
import { Random } from './random.ts';

// A process that writes to a store as fast as it can, until it is killed or told to close, and says what was acknowledged.

/** One life of a writer. */
export interface KillOrder {
  readonly folder: string;
  readonly seed: number;
  /** Which life of the store's writers this is. */
  readonly life: number;
  /** Whether the file is made anew first. */
  readonly compact: boolean;
  /** What earlier lives wrote or may have written, to write again under the same id, with what each expected. */
  readonly again: readonly (PieceName & { readonly expected?: number })[];
  /** After how many rounds to close; never, without. */
  readonly rounds?: number;
  /** For those who test the torture: says that batches are there before they are. */
  readonly lies?: boolean;
}

class Life {
  readonly #store: Store;
  readonly #order: KillOrder;
  readonly #random: Random;
  /** The position of the last event of each chain. */
  readonly #chains: number[] = [];
  readonly #chainTurns: Promise<void>[] = [];
  #table: string | undefined;
  #pruning: Promise<void> = Promise.resolve();
  #head = 0;

  constructor(store: Store, order: KillOrder) {
    this.#store = store;
    this.#order = order;
    this.#random = new Random(order.seed + order.life);
  }

  async go(): Promise<void> {
    const { rounds = Infinity, again } = this.#order;
    this.#head = await this.#store.port.head();
    const found = await this.#store.port.readable(chainKeys(), this.#head);
    for (const [chain, event] of found.entries()) this.#chains[chain] = event?.position ?? 0;
    await Promise.all(again.map((name) => this.#again(name)));
    let index = 0;
    for (let round = 0; round < rounds; round += 1) {
      const size = 1 + this.#random.below(this.#random.oneIn(5) ? 30 : 6);
      const names = Array.from({ length: size }, () => ({ life: this.#order.life, index: index++ }));
      if (this.#random.oneIn(12)) await this.#cursor();
      if (this.#random.oneIn(15)) this.#prune();
      if (this.#order.lies === true) await this.#lie(names);
      else await Promise.all(names.map((name) => this.#write(name)));
      if (this.#random.oneIn(20)) await sleep(1);
    }
    await this.#pruning;
    say('closing');
    await this.#store.close();
    say('closed');
  }

  async #write(name: PieceName): Promise<void> {
    const { kind, batch, value } = pieceAt(this.#order.seed, name);
    if (kind === 'put') return this.#put(name, batch, value);
    if (kind === 'chain' || kind === 'stale') return this.#inChain(name, kind === 'stale');
    if (kind === 'table') return this.#acknowledge(name, await this.#store.port.append(this.#withBase(batch)));
    this.#acknowledge(name, await this.#store.port.append(batch));
  }

  async #put({ life, index }: PieceName, { events }: AppendBatch, value: unknown): Promise<void> {
    const [event] = events;
    if (event?.type !== 'source-observed' || event.offset === null) throw new Error('a put observes');
    const name = nameOf({ life, index });
    const { position, observed, duplicate } = await this.#store.put(event.key, value, { offset: event.offset, id: name });
    if (!observed) throw new Error(`a value that is new was not observed: ${name}`);
    this.#acknowledge({ life, index }, { first: position, last: position, duplicate });
  }

  /** One after the other, each of which expects the one before; some expect what was never, or no longer is, and are refused. */
  async #inChain(name: PieceName, stale: boolean): Promise<void> {
    const chain = name.index % CHAINS;
    const turn = (this.#chainTurns[chain] ?? Promise.resolve()).then(async () => {
      const position = this.#chains[chain] ?? 0;
      if (stale) return this.#expectRefused(name, position + 1);
      const appended = await this.#expecting(name, position);
      this.#acknowledge(name, appended);
      this.#chains[chain] = appended.first;
    });
    this.#chainTurns[chain] = turn;
    return turn;
  }

  async #expectRefused(name: PieceName, position: number): Promise<void> {
    try {
      await this.#expecting(name, position);
    } catch (error) {
      if (codeOf(error) !== 'VERSION_CONFLICT') throw error;
      say('refused', name.index);
      return;
    }
    throw new Error(`${nameOf(name)} expected what was not there, and was written`);
  }

  async #expecting(name: PieceName, position: number): Promise<Appended> {
    const { batch } = pieceAt(this.#order.seed, name);
    const [event] = batch.events;
    if (event === undefined || !('key' in event)) throw new Error(`${chainKey(name.index)} has one event`);
    say('expecting', name.life, name.index, position);
    return this.#store.port.append({ ...batch, expected: [{ key: event.key, position }] });
  }

  async #again(name: KillOrder['again'][number]): Promise<void> {
    const { kind, batch, value } = pieceAt(this.#order.seed, name);
    if (kind === 'stale') return;
    if (kind === 'put') return this.#put(name, batch, value);
    if (kind !== 'chain') return this.#acknowledge(name, await this.#store.port.append(batch));
    if (name.expected === undefined) return;
    const chain = name.index % CHAINS;
    const appended = await this.#expecting(name, name.expected);
    this.#acknowledge(name, appended);
    this.#chains[chain] = Math.max(this.#chains[chain] ?? 0, appended.first);
  }

  /** Says which table the store has already that is nearly the same. */
  #withBase(batch: AppendBatch): AppendBatch {
    const [value] = batch.values;
    const base = this.#table;
    this.#table = value?.address;
    return base === undefined || value === undefined ? batch : { ...batch, values: [{ ...value, base }] };
  }

  async #cursor(): Promise<void> {
    const position = this.#random.below((await this.#store.port.head()) + 1);
    say('cursor tried', position);
    await livePort(this.#store.port).setCursor('c', position);
    say('cursor', position);
  }

  /** Beside all that is written meanwhile. */
  #prune(): void {
    say('pruning');
    this.#pruning = this.#pruning
      .then(async () => {
        const { values } = await pruneStore(this.#store, { versions: KEPT_VERSIONS, runs: 0 });
        say('pruned', values.removed);
      })
      .catch((error: unknown) => say('failed', codeOf(error), String(error)));
  }

  #acknowledge({ life, index }: PieceName, { first, last, duplicate }: Appended): void {
    say('acknowledged', life, index, first, last, duplicate);
  }

  async #lie(names: readonly PieceName[]): Promise<void> {
    const writes = names.map((name) => {
      const { batch } = pieceAt(this.#order.seed, name);
      const first = this.#head + 1;
      this.#head += batch.events.length;
      this.#acknowledge(name, { first, last: this.#head, duplicate: false });
      return this.#store.port.append(batch);
    });
    await Promise.all(writes);
  }
}

obey<KillOrder>(async (order) => {
  if (order.compact) {
    say('compacting');
    await compactStore(order.folder).catch((error: unknown) => {
      // The store may be new, or the one before may not be gone yet.
      if (!['STORE_PATH', 'STORE_LOCKED'].includes(codeOf(error))) throw error;
    });
    say('compacted');
  }
  say('opening');
  const store = await openStore(order.folder, { waitMs: 10_000, now: () => TIME });
  say('open');
  await new Life(store, order).go();
});
