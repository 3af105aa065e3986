import { setTimeout as sleep } from 'node:timers/promises';
import { openStore } from '../../store/open-store.ts';
import { Nursery, type Child, type Line } from './child.ts';
import { TortureFolder } from './folders.ts';
import { Random } from './random.ts';
import type { TailOrder } from './tail-process.ts';
import { Tally, type Torture, type TortureReport, type TortureRequest } from './torture.ts';
import { wakeSleepers } from './wake.ts';

const WRITERS = 4;
const TAILS = 4;
/** How many kills a store sees. */
const KILLS = 50;
/** A page of a tail: what may come again after a kill, since cursors are written when a page was passed. */
const PAGE = 500;
/** The cursor that the writers share: each goes on where the one before it was. */
const CURSOR = 'shared';
const QUIET_MS = 4000;
const PATIENCE_MS = 30_000;

/** Tails in other processes than the writers, who take turns: killed at random, each sees every event, in order. */
export const tail: Torture = {
  name: 'tail',
  about: `${WRITERS} writers take turns, ${TAILS} tails follow; of all, some are killed: each life of a tail is without a gap, to the end`,
  short: 10,
  long: 2000,
  run: (request) => killTails(request),
};

/** Kills writers and tails; with `skips`, tails that leave an event out. */
export async function killTails(request: TortureRequest, { skips = false } = {}): Promise<TortureReport> {
  const tally = new Tally(request);
  const random = new Random(request.seed);
  await using nursery = new Nursery('tail-process', 1);
  for (let left = request.count; left > 0; left -= KILLS) {
    const seed = random.below(2 ** 31);
    const kills = Math.min(KILLS, left);
    const problems = await new FollowedStore({ seed, kills, skips }, nursery, tally).go();
    tally.pass(kills - (problems.length === 0 ? 0 : 1));
    if (problems.length > 0) tally.fail(`a store of seed ${seed}: ${problems.slice(0, 5).join('; ')}`);
  }
  return tally.report();
}

/** What follows a log, in one life after the other. */
class Follower {
  readonly name: string;
  /** The highest position that was seen. */
  seen = 0;
  readonly #least: (first: number) => number;
  readonly #problems: string[];
  #last: number | undefined;

  /** @param again how many positions may come again in a new life */
  constructor(name: string, { again, problems }: { readonly again: number; readonly problems: string[] }) {
    this.name = name;
    this.#problems = problems;
    this.#least = (seen) => Math.max(1, seen + 1 - again);
  }

  /** A new life begins; where `from` is given, at that very position. */
  begin(from?: number): void {
    this.#last = from === undefined ? undefined : from - 1;
  }

  see(position: number): void {
    if (this.#last === undefined) {
      const least = this.#least(this.seen);
      if (position < least || position > this.seen + 1)
        this.#problems.push(`${this.name} went on at ${position}, having seen ${this.seen}, and not from ${least} to ${this.seen + 1}`);
    } else if (position !== this.#last + 1) this.#problems.push(`${this.name} saw ${position} after ${this.#last}`);
    this.#last = position;
    this.seen = Math.max(this.seen, position);
  }
}

/** One of the processes: who is in it now, and what comes after. */
interface Role {
  child: Child;
  readonly isWriter: boolean;
  /** Puts another process into the place of one that is gone. */
  readonly start: () => Child;
}

class FollowedStore {
  readonly #random: Random;
  readonly #options: { readonly seed: number; readonly kills: number; readonly skips: boolean };
  readonly #nursery: Nursery;
  readonly #tally: Tally;
  readonly #problems: string[] = [];
  readonly #shared: Follower;
  readonly #tails: Follower[];
  readonly #roles: Role[] = [];
  #folder = '';
  #heardAt = 0;

  constructor(options: { readonly seed: number; readonly kills: number; readonly skips: boolean }, nursery: Nursery, tally: Tally) {
    this.#options = options;
    this.#random = new Random(options.seed);
    this.#nursery = nursery;
    this.#tally = tally;
    const problems = this.#problems;
    this.#shared = new Follower('the tail with the cursor', { again: PAGE + 1, problems });
    this.#tails = Array.from({ length: TAILS }, (_, index) => new Follower(`tail ${index}`, { again: 0, problems }));
  }

  async go(): Promise<readonly string[]> {
    using folder = new TortureFolder('memory');
    this.#folder = folder.path;
    await (await openStore(folder.path)).close();
    const writers = Array.from({ length: WRITERS }, (): Role => this.#role(true, () => this.#startWriter()));
    const tails = this.#tails.map((follower): Role => this.#role(false, () => this.#startTail(follower)));
    const roles = [...writers, ...tails];
    this.#roles.push(...roles);
    await this.#goOn(() => this.#shared.seen > 0);
    for (let killed = 0; killed < this.#options.kills && this.#problems.length === 0; killed += 1) {
      await this.#goOnBy(this.#random.below(150), this.#random.below(60));
      const role = this.#random.pick(roles);
      await role.child.kill();
      this.#tally.count(role.isWriter ? 'writers killed' : 'tails killed');
      role.child = role.start();
    }
    await this.#finish(writers, tails);
    for (const { child } of roles) await child.kill();
    return this.#problems;
  }

  #role(isWriter: boolean, start: () => Child): Role {
    return { isWriter, start, child: start() };
  }

  #startWriter(): Child {
    return this.#start({ role: 'write', folder: this.#folder, seed: this.#random.below(2 ** 31), cursor: CURSOR }, ([about, position]) => {
      if (about === 'open') this.#tally.count('leases');
      else if (about === 'closed') this.#tally.count('leases handed on');
      else if (about === 'following with the cursor') this.#shared.begin();
      else if (about === 'seen') this.#shared.see(Number(position));
    });
  }

  /** Goes on behind what it has seen, or a little before. */
  #startTail(follower: Follower): Child {
    const from = Math.max(1, follower.seen + 1 - this.#random.pick([0, 0, 1, this.#random.below(30)]));
    const order: TailOrder = { role: 'tail', folder: this.#folder, from, skips: this.#options.skips };
    return this.#start(order, ([about, position]) => {
      if (about === 'following') follower.begin(Number(position));
      else if (about === 'seen') follower.see(Number(position));
    });
  }

  #start(order: TailOrder, onLine: (line: Line) => void): Child {
    const child = this.#nursery.take();
    child.onLine = (line) => {
      this.#heardAt = performance.now();
      if (line[0] === 'failed') this.#problems.push(`a process failed: ${line.slice(1).join(' ')}`);
      if (line[0] === 'seen') this.#tally.count('seen');
      onLine(line);
    };
    child.tell(order);
    return child;
  }

  /** Nobody writes any more, and all come to the end of the log. */
  async #finish(writers: readonly Role[], tails: readonly Role[]): Promise<void> {
    // The last of them goes on, to pass the cursor to the end.
    for (const { child } of writers) await child.kill();
    const head = await this.#head();
    await this.#goOn(() => this.#tails.every(({ seen }) => seen >= head));
    for (const { name, seen } of this.#tails) if (seen !== head) this.#problems.push(`${name} came to ${seen} of ${head}`);
    for (const { child } of tails) if (child.isGone) this.#problems.push(`a tail ended by itself: ${child.stderr}`);
    this.#shared.begin();
    if (head > this.#shared.seen) await this.#followTo(head);
    this.#tally.count('events', head);
  }

  async #head(): Promise<number> {
    await using store = await openStore(this.#folder, { mode: 'read' });
    return store.port.head();
  }

  async #followTo(head: number): Promise<void> {
    await using store = await openStore(this.#folder, { waitMs: PATIENCE_MS });
    for await (const { position } of store.tail({ cursor: CURSOR })) {
      this.#shared.see(position);
      if (position >= head) break;
    }
  }

  /** Lets so many more events come, and then some time go by. A process takes its time to start: killed at once it would do nothing. */
  async #goOnBy(events: number, ms: number): Promise<void> {
    const wanted = this.#shared.seen + events;
    await this.#goOn(() => this.#shared.seen >= wanted);
    await sleep(ms);
  }

  /** Waits for something; where nothing at all happens for long, wakes those who may sleep for a lock that nobody has. */
  async #goOn(isThere: () => boolean): Promise<void> {
    const end = performance.now() + PATIENCE_MS;
    this.#heardAt = performance.now();
    while (!isThere() && this.#problems.length === 0) {
      await sleep(5);
      if (performance.now() > end) this.#problems.push(`nothing went on within ${PATIENCE_MS} ms`);
      else if (performance.now() - this.#heardAt > QUIET_MS) {
        const writers = this.#roles.flatMap(({ child, isWriter }) => (isWriter ? [child] : []));
        await wakeSleepers(this.#folder, writers, this.#tally);
        this.#heardAt = performance.now();
      }
    }
  }
}
