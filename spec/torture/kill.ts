import { setTimeout as sleep } from 'node:timers/promises';
import { CareChild } from '../../store/care-child.ts';
import { openStore } from '../../store/open-store.ts';
import { verifyFolder } from '../../store/verify.ts';
import { Nursery, type Child } from './child.ts';
import { catchInTransaction, endedInTransaction, TortureFolder } from './folders.ts';
import { KillHistory } from './kill-history.ts';
import type { KillOrder } from './kill-process.ts';
import { codeOf } from './obey.ts';
import { Random } from './random.ts';
import { Tally, type Torture, type TortureReport, type TortureRequest } from './torture.ts';

/** How many lives a store sees: later ones would look at ever more of what earlier ones wrote. */
const LIVES = 20;
const AT_ONCE = 2;
const CATCH_MS = 60;
const PATIENCE_MS = 30_000;
/** So many kills or fewer: then not every store is verified after each. */
const FEW = 100;

/** Processes that write are killed at random moments: everything that was acknowledged is there, and nothing is there in parts. */
export const kill: Torture = {
  name: 'kill',
  about: 'writers are killed at random moments; what was acknowledged is there, nothing by half, ids write once',
  short: 50,
  long: 10_000,
  run: (request) => killWriters(request),
};

/** Kills writers; with `lies`, such that say too early that something is there. */
export async function killWriters(request: TortureRequest, { lies = false } = {}): Promise<TortureReport> {
  const tally = new Tally(request);
  const random = new Random(request.seed);
  const stores = Array.from({ length: Math.ceil(request.count / LIVES) }, (_, index) => ({
    seed: random.below(2 ** 31),
    kills: Math.min(LIVES, request.count - index * LIVES),
  }));
  await using nursery = new Nursery('kill-process', AT_ONCE);
  const work = async (): Promise<void> => {
    // One each: it does one job at a time.
    await using care = new CareChild({});
    for (let store = stores.pop(); store !== undefined; store = stores.pop()) {
      const problems = await new KilledStore({ ...store, lies, verifyEvery: request.count <= FEW ? 10 : 1 }, { nursery, care, tally }).go();
      if (problems.length === 0) tally.pass(store.kills);
      else {
        tally.pass(store.kills - 1);
        tally.fail(`a store of seed ${store.seed}: ${problems.slice(0, 5).join('; ')}`);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return tally.report();
}

interface KilledStoreOptions {
  readonly seed: number;
  readonly kills: number;
  readonly lies: boolean;
  readonly verifyEvery: number;
}

interface Tools {
  readonly nursery: Nursery;
  readonly care: CareChild;
  readonly tally: Tally;
}

/** Where in its life a writer is killed. */
const MOMENTS = ['opening', 'writing', 'committing', 'acknowledged', 'closing', 'takeover', 'compacting'] as const;
type Moment = (typeof MOMENTS)[number];
/** Of a hundred. Compaction takes as long as ten others. */
const SHARES: Readonly<Record<Moment, number>> = {
  opening: 20,
  writing: 35,
  committing: 20,
  acknowledged: 8,
  closing: 8,
  takeover: 6,
  compacting: 3,
};
const BY_SHARE: readonly Moment[] = MOMENTS.flatMap((moment) => Array.from({ length: SHARES[moment] }, () => moment));

/** One store, whose writers are killed one after the other. */
class KilledStore {
  readonly #options: KilledStoreOptions;
  readonly #tools: Tools;
  readonly #random: Random;
  readonly #history: KillHistory;
  #life = 0;

  constructor(options: KilledStoreOptions, tools: Tools) {
    this.#options = options;
    this.#tools = tools;
    this.#random = new Random(options.seed);
    this.#history = new KillHistory(options.seed);
  }

  /** Gives what was wrong. */
  async go(): Promise<readonly string[]> {
    using folder = new TortureFolder();
    const { problems } = this.#history;
    const { tally } = this.#tools;
    for (let killed = 0; killed < this.#options.kills && problems.length === 0;) {
      const moment = this.#random.pick(BY_SHARE);
      tally.count(`killed while ${moment}`);
      killed += moment === 'takeover' ? 2 : 1;
      await this.#killAt(moment, folder.path);
      if (endedInTransaction(folder.path)) tally.count('killed inside a transaction');
      await this.#look(folder.path, killed % this.#options.verifyEvery === 0);
    }
    if (problems.length === 0) await this.#lookAtAll(folder.path);
    tally.count('acknowledged', this.#history.acknowledgements);
    tally.count('written again', this.#history.duplicates);
    tally.count('refused', this.#history.refusals);
    tally.count('values removed', this.#history.removed);
    return problems;
  }

  async #killAt(moment: Moment, folder: string): Promise<void> {
    const random = this.#random;
    const rounds = moment === 'closing' ? { rounds: 1 + random.below(3) } : {};
    const child = this.#start(folder, { ...rounds, compact: moment === 'compacting' });
    switch (moment) {
      case 'opening':
        await this.#until(child, 'opening');
        await this.#pause(8);
        break;
      case 'writing':
        await this.#until(child, 'open');
        await this.#pause(random.oneIn(4) ? 250 : 60);
        break;
      case 'committing':
        await this.#until(child, 'open');
        await this.#pause(20);
        catchInTransaction(folder, child.pid, CATCH_MS);
        break;
      case 'acknowledged':
        for (let times = 1 + random.below(40); times > 0; times -= 1) await this.#until(child, 'acknowledged');
        break;
      case 'closing':
        await this.#until(child, 'closing');
        await this.#pause(4);
        break;
      case 'compacting':
        await this.#until(child, 'compacting');
        await this.#pause(400);
        break;
      case 'takeover':
        await this.#until(child, 'acknowledged');
        await this.#takeOver(child, folder);
        break;
    }
    await child.kill();
  }

  /** Another writer waits for the store when the first one is killed, and is killed about when it gets it. */
  async #takeOver(child: Child, folder: string): Promise<void> {
    const next = this.#start(folder, {});
    await this.#until(next, 'opening');
    await this.#pause(20);
    await child.kill();
    await this.#pause(40);
    await next.kill();
  }

  #start(folder: string, order: Partial<KillOrder>): Child {
    const child = this.#tools.nursery.take();
    const life = this.#life;
    this.#life += 1;
    const { seed, lies } = this.#options;
    const again = lies || life === 0 ? [] : this.#history.again(life - 1);
    child.onLine = (line) => {
      this.#history.hear(life, line);
      // Nobody waits for what it does not say any more.
      if (line[0] === 'failed') child.signal('SIGKILL');
    };
    child.tell({ folder, seed, life, compact: false, again, lies, ...order } satisfies KillOrder);
    return child;
  }

  async #until(child: Child, about: string): Promise<void> {
    if (this.#history.problems.length > 0) return;
    const patience = new AbortController();
    const tooLong = sleep(PATIENCE_MS, 'too long', { signal: patience.signal }).catch(() => 'in time');
    if ((await Promise.race([child.hears(about), tooLong])) === 'too long')
      this.#history.problems.push(`life ${this.#life - 1} did not come to "${about}" within ${PATIENCE_MS} ms`);
    patience.abort();
    if (child.isGone && this.#history.problems.length === 0)
      this.#history.problems.push(`life ${this.#life - 1} ended by itself: ${child.stderr}`);
  }

  async #pause(most: number): Promise<void> {
    await sleep(this.#random.below(most + 1));
  }

  /** From the first event on, as one who may write, and who does. */
  async #lookAtAll(folder: string): Promise<void> {
    const { problems } = this.#history;
    try {
      await using store = await openStore(folder, { waitMs: PATIENCE_MS });
      await this.#history.check(store, { all: true });
      await store.put('the last', this.#options.seed);
    } catch (error) {
      problems.push(String(error));
    }
    await this.#verify(folder);
  }

  async #verify(folder: string): Promise<void> {
    const { findings } = await verifyFolder(folder, folder, this.#tools.care);
    this.#history.problems.push(...findings.map(({ message }) => `verify: ${message}`));
    this.#tools.tally.count('verified');
  }

  async #look(folder: string, thoroughly: boolean): Promise<void> {
    const { tally } = this.#tools;
    const { problems } = this.#history;
    try {
      await using store = await openStore(folder, { mode: 'read' });
      await this.#history.check(store);
    } catch (error) {
      // The first writer may have been killed before there was a store.
      if (!this.#history.isEmpty || !['STORE_PATH', 'STORE_FORMAT'].includes(codeOf(error))) problems.push(String(error));
      else tally.count('killed before there was a store');
      return;
    }
    if (thoroughly) await this.#verify(folder);
  }
}
