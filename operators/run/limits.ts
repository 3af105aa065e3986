import type { PlannedStep } from '../../lib/plan/plan.ts';

/** A step in line, and what lets it go on. Called once it has a place, or when everybody is sent home. */
export interface InLine {
  readonly planned: PlannedStep;
  readonly resume: () => void;
}

/** A number of places, and who waits for one, first come first served. */
class Limit {
  readonly #size: number;
  #taken = 0;
  /** Who came, in order. */
  #line: InLine[] = [];
  /** Who came before those, the first one last. A set would be slow to find its first member while it shrinks from the front. */
  #front: InLine[] = [];

  constructor(size: number) {
    this.#size = size;
  }

  get isFull(): boolean {
    return this.#taken >= this.#size;
  }

  take(): void {
    this.#taken += 1;
  }

  giveBack(): void {
    this.#taken -= 1;
  }

  queue(waiting: InLine): void {
    this.#line.push(waiting);
  }

  first(): InLine | undefined {
    if (this.#front.length === 0) {
      this.#front = this.#line.reverse();
      this.#line = [];
    }
    return this.#front.pop();
  }
}

/**
 * Who may run beside whom in one run: as many steps as its concurrency says, of each op as many as that op allows, and of each pool as many
 * as it has places. A step that finds one of its limits full waits in line for that one and holds up nobody else.
 */
export class Limits {
  readonly #all: Limit;
  /** What limits a step that has no limits of its own. */
  readonly #common: readonly Limit[];
  readonly #pools: ReadonlyMap<string, Limit>;
  readonly #ops = new Map<PlannedStep['step']['op'], Limit>();
  readonly #inside = new Set<PlannedStep>();
  readonly #waiting = new Set<InLine>();
  /** Limits with a place that was given back, and perhaps somebody in line for it. */
  readonly #freed: Limit[] = [];

  constructor(concurrency: number, pools: ReadonlyMap<string, number>) {
    this.#all = new Limit(concurrency);
    this.#common = [this.#all];
    this.#pools = new Map([...pools].map(([pool, size]) => [pool, new Limit(size)]));
  }

  /** Whether the run's own concurrency is used up, so that nothing else may start whatever it is. */
  get isFull(): boolean {
    return this.#all.isFull;
  }

  /** Takes a place in each limit of the step, or puts it in line. */
  enter(waiting: InLine): boolean {
    const limits = this.#limitsOf(waiting.planned);
    const full = limits.find(({ isFull }) => isFull);
    if (full !== undefined) {
      this.#waiting.add(waiting);
      full.queue(waiting);
      return false;
    }
    this.#waiting.delete(waiting);
    for (const limit of limits) limit.take();
    this.#inside.add(waiting.planned);
    return true;
  }

  /** Gives the places of a step back; a step without a place has none to give. */
  leave(planned: PlannedStep): void {
    if (!this.#inside.delete(planned)) return;
    for (const limit of this.#limitsOf(planned)) {
      limit.giveBack();
      this.#freed.push(limit);
    }
  }

  /** The next one in line that has a place now, and takes it. */
  next(): InLine | undefined {
    if (this.#waiting.size === 0) {
      this.#freed.length = 0;
      return undefined;
    }
    for (let limit = this.#freed.at(-1); limit !== undefined; limit = this.#freed.at(-1)) {
      const waiting = limit.isFull ? undefined : limit.first();
      if (waiting === undefined) this.#freed.pop();
      // Where another of its limits is full, it is in line for that one now.
      else if (this.#waiting.has(waiting) && this.enter(waiting)) return waiting;
    }
    return undefined;
  }

  /** Sends everybody home who waits. */
  clear(): readonly InLine[] {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    return waiting;
  }

  #limitsOf({ step: { op } }: PlannedStep): readonly Limit[] {
    // The same list for nearly every step there is: this is called twice a step.
    if (op.concurrency === undefined && op.pool === undefined) return this.#common;
    const pool = op.pool === undefined ? undefined : this.#pools.get(op.pool);
    return [this.#all, ...(pool === undefined ? [] : [pool]), ...this.#ofOp(op)];
  }

  #ofOp(op: PlannedStep['step']['op']): readonly Limit[] {
    if (op.concurrency === undefined) return [];
    let limit = this.#ops.get(op);
    if (limit === undefined) this.#ops.set(op, (limit = new Limit(op.concurrency)));
    return [limit];
  }
}
