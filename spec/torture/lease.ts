import { setTimeout as sleep } from 'node:timers/promises';
import { openStore } from '../../store/open-store.ts';
import { Nursery, type Child, type Line } from './child.ts';
import { catchInTransaction, TortureFolder } from './folders.ts';
import { LeaseLog } from './lease-log.ts';
import type { LeaseOrder } from './lease-process.ts';
import { Random } from './random.ts';
import { Tally, type Torture, type TortureReport, type TortureRequest } from './torture.ts';
import { wakeSleepers } from './wake.ts';

const WRITERS = 3;
/** How many rounds a store sees. */
const ROUNDS = 20;
/** How long it may take until the next one has the lease of a sleeper. */
const TAKING_MS = 3000;
const QUIET_MS = 3000;
const PATIENCE_MS = 30_000;

/** Processes that want to write, are stopped and killed, and taken for gone while they are only asleep. */
export const lease: Torture = {
  name: 'lease',
  about: `${WRITERS} writers want one store, are stopped, killed, and taken for gone: who lost the lease writes nothing more, and is told`,
  short: 15,
  long: 1000,
  run: (request) => contend(request),
};

/** Plays rounds; with `blind`, such with writers that go on when they are told that they lost the lease. */
export async function contend(request: TortureRequest, { blind = false } = {}): Promise<TortureReport> {
  const tally = new Tally(request);
  if (process.platform !== 'linux') {
    tally.skip(request.count);
    return tally.report('a system that says when a process was started, as Linux does in /proc');
  }
  const random = new Random(request.seed);
  await using nursery = new Nursery('lease-process', 1);
  for (let left = request.count; left > 0; left -= ROUNDS) {
    const seed = random.below(2 ** 31);
    await new LeasedStore({ seed, rounds: Math.min(ROUNDS, left), blind }, nursery, tally).go();
  }
  return tally.report();
}

interface LeaseOptions {
  readonly seed: number;
  readonly rounds: number;
  readonly blind: boolean;
}

/** A writer, and what it said last of itself. */
interface Writer {
  readonly child: Child;
  /** The epoch that it has, or lost and does not know of; 0 for none. */
  epoch: number;
  isFenced: boolean;
}

class LeasedStore {
  readonly #options: LeaseOptions;
  readonly #nursery: Nursery;
  readonly #tally: Tally;
  readonly #random: Random;
  readonly #log = new LeaseLog();
  readonly #writers: Writer[] = [];
  /** What was acknowledged since the log was looked at last: positions, and their stamps. */
  readonly #acknowledged = new Map<number, string>();
  readonly #disowner: Child;
  /** Processes that were taken for gone, and processes that were told that they lost the lease. */
  readonly #disowned = new Set<number>();
  readonly #fenced = new Set<number>();
  #folder = '';
  #newest = 0;

  constructor(options: LeaseOptions, nursery: Nursery, tally: Tally) {
    this.#options = options;
    this.#nursery = nursery;
    this.#tally = tally;
    this.#disowner = nursery.take();
    this.#disowner.onLine = ([about, pid]) => {
      if (about === 'disowned') this.#disowned.add(Number(pid));
    };
    this.#random = new Random(options.seed);
  }

  async go(): Promise<void> {
    using folder = new TortureFolder('memory');
    this.#folder = folder.path;
    await (await openStore(folder.path)).close();
    for (let index = 0; index < WRITERS; index += 1) this.#writers.push(this.#start());
    for (let round = 0; round < this.#options.rounds; round += 1) {
      await this.#round();
      await this.#look();
      const [problem] = this.#log.problems.splice(0);
      if (problem === undefined) this.#tally.pass();
      else this.#tally.fail(`a store of seed ${this.#options.seed}, round ${round}: ${problem}`);
    }
    for (const { child } of this.#writers) await child.kill();
    await this.#disowner.kill();
  }

  async #round(): Promise<void> {
    await this.#goOn('a writer opens', () => this.#holder() !== undefined);
    await sleep(this.#random.below(30));
    if (this.#random.oneIn(2)) await this.#takeFromSleeper();
    for (let times = this.#random.below(3); times > 0; times -= 1) await this.#stopSome();
    if (this.#random.oneIn(2)) await this.#killSome();
  }

  /** Stops the holder, has it taken for gone, waits for the next one to write, and wakes it up. */
  async #takeFromSleeper(): Promise<void> {
    const sleeper = this.#holder();
    if (sleeper === undefined) return;
    const { epoch } = sleeper;
    if (!(await this.#stopBetweenTransactions(sleeper.child))) return;
    this.#disowner.tell({ role: 'disown', folder: this.#folder } satisfies LeaseOrder);
    await Promise.race([this.#disowner.hears('disowned'), sleep(TAKING_MS)]);
    await this.#within(TAKING_MS, () => this.#newest > epoch);
    if (this.#newest > epoch) {
      this.#tally.count('leases taken from sleepers');
      await sleep(this.#random.below(20));
      sleeper.isFenced = false;
      sleeper.child.signal('SIGCONT');
      await this.#goOn('a sleeper is told, or closes', () => sleeper.isFenced || sleeper.epoch !== epoch || sleeper.child.isGone);
      if (sleeper.isFenced) this.#tally.count('sleepers told');
    } else sleeper.child.signal('SIGCONT');
  }

  /** One that is stopped inside of a transaction keeps all others from writing, also from taking the lease: it is let go on, and stopped again. */
  async #stopBetweenTransactions(child: Child): Promise<boolean> {
    for (let times = 20; times > 0; times -= 1) {
      child.signal('SIGSTOP');
      this.#tally.count('holders stopped');
      // The signal takes a moment to arrive.
      await sleep(2);
      if (!catchInTransaction(this.#folder, child.pid, 1)) return true;
      this.#tally.count('holders stopped inside a transaction');
      child.signal('SIGCONT');
      await sleep(1 + this.#random.below(3));
    }
    return false;
  }

  async #stopSome(): Promise<void> {
    const chosen = this.#writers.filter(() => this.#random.oneIn(2));
    for (const { child } of chosen) child.signal('SIGSTOP');
    this.#tally.count('stops', chosen.length);
    await sleep(this.#random.below(40));
    for (const { child } of chosen) child.signal('SIGCONT');
    await sleep(this.#random.below(20));
  }

  async #killSome(): Promise<void> {
    const holder = this.#holder();
    const index = holder !== undefined && this.#random.oneIn(2) ? this.#writers.indexOf(holder) : this.#random.below(WRITERS);
    const killed = this.#writers[index];
    this.#tally.count(killed === holder ? 'holders killed' : 'those who wait killed');
    await killed?.child.kill();
    this.#writers[index] = this.#start();
  }

  /** Whoever has the lease, as far as it was heard. */
  #holder(): Writer | undefined {
    return this.#writers.find(({ epoch }) => epoch === this.#newest && epoch > 0);
  }

  #start(): Writer {
    const writer: Writer = { child: this.#nursery.take(), epoch: 0, isFenced: false };
    writer.child.onLine = (line) => this.#hear(writer, line);
    const { blind } = this.#options;
    writer.child.tell({ role: 'write', folder: this.#folder, seed: this.#random.below(2 ** 31), blind } satisfies LeaseOrder);
    return writer;
  }

  #hear(writer: Writer, [about, first, second]: Line): void {
    if (about === 'failed') this.#log.problems.push(`a writer failed: ${String(first)} ${String(second)}`);
    else if (about === 'appended') {
      this.#acknowledged.set(Number(first), String(second));
      this.#tally.count('acknowledged');
    } else if (about === 'open') {
      writer.epoch = Number(second);
      this.#newest = Math.max(this.#newest, writer.epoch);
      this.#tally.count('leases');
    } else if (about === 'fenced') {
      this.#fenced.add(writer.child.pid);
      writer.isFenced = true;
      writer.epoch = 0;
    } else if (about === 'closed') writer.epoch = 0;
  }

  /** Reads what is new. Nobody is stopped now: one that sleeps in the middle of something may keep others from opening the store. */
  async #look(): Promise<void> {
    const acknowledged = [...this.#acknowledged];
    this.#acknowledged.clear();
    await using store = await openStore(this.#folder, { mode: 'read' });
    const from = this.#log.checked + 1;
    const events = await store.port.read(from, Infinity);
    this.#log.check(events);
    for (const pid of this.#fenced)
      if (!this.#disowned.has(pid)) this.#log.problems.push(`process ${pid} lost a lease that nobody could take`);
    for (const [position, stamp] of acknowledged) {
      const event = position < from ? (await store.port.read(position, 1))[0] : events[position - from];
      if (event?.type !== 'log-line' || event.message !== stamp)
        this.#log.problems.push(`${stamp} was told that it wrote at ${position}, where there is ${JSON.stringify(event)}`);
    }
  }

  async #within(ms: number, isThere: () => boolean): Promise<void> {
    for (const end = performance.now() + ms; !isThere() && performance.now() < end;) await sleep(2);
  }

  /** Waits for something; where it does not come for long, wakes those who may sleep for a lock that nobody has. */
  async #goOn(what: string, isThere: () => boolean): Promise<void> {
    for (const end = performance.now() + PATIENCE_MS; performance.now() < end;) {
      await this.#within(QUIET_MS, () => isThere() || this.#log.problems.length > 0);
      if (isThere() || this.#log.problems.length > 0) return;
      const writers = this.#writers.map(({ child }) => child);
      await wakeSleepers(this.#folder, writers, this.#tally);
    }
    this.#log.problems.push(`did not happen within ${PATIENCE_MS} ms: ${what}`);
  }
}
