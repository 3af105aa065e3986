import type { Release, Turns } from '../kernel/turns.ts';
import type { RetentionRules } from './retention-options.ts';
import type { PruneProgress, PruneReport, PruneRequest } from './store-port.ts';

/** How much was added since a store last forgot by itself, and how many rows it would look at now, about. */
export interface Backlog {
  readonly added: number;
  readonly rows: number;
}

/** What an {@link AutomaticRetention} works with. */
export interface AutomaticRetentionParts {
  /** Whose turn it is to run on the store. */
  readonly turns: Turns;
  /** Removes what nothing needs, and remembers that it did. */
  readonly prune: (request: PruneRequest) => Promise<PruneReport>;
  /** Asked when somebody begins to use the store. */
  readonly backlog: () => Promise<Backlog>;
  /** Whether there may be something to remove, as far as that is known without a look; there may be, where it is left out. */
  readonly mayFind?: (rules: RetentionRules) => boolean;
}

/** How often something is removed after the store is being closed. */
const LAST_STEPS = 16;

/** Somebody who has the store open to write. */
interface Hold {
  readonly rules: RetentionRules | false;
}

/**
 * A store that forgets by itself (R3). It looks for what nothing needs beside whoever uses the store, and removes it a little at a time in turns
 * of its own: between two runs or epochs, never inside of one. So nobody has a value taken away that was found to be there in the same turn.
 *
 * Cost: it begins when at least `every` events and values were added since it last did, and at least as many as it looked at
 * then. So what is added pays for one row looked at each, whatever the store holds, and what nothing needs is at most as much as
 * that. A failure is told, and tried again after as much more.
 */
export class AutomaticRetention {
  readonly #parts: AutomaticRetentionParts;
  readonly #holds = new Set<Hold>();
  #added = 0;
  #rows = 0;
  #pruning: Pruning | undefined;

  constructor(parts: AutomaticRetentionParts) {
    this.#parts = parts;
  }

  /** Whether anything is removed: everybody who has the store open lets it. */
  get isOn(): boolean {
    return this.#rules() !== undefined;
  }

  /**
   * Somebody begins to use the store. What any of them wants kept is kept. Gives what to call when they have done: the last one waits for what is
   * under way, which is not much any more.
   */
  join(rules: RetentionRules | false): () => Promise<void> {
    const hold: Hold = { rules };
    const isFirst = this.#holds.size === 0;
    this.#holds.add(hold);
    if (isFirst && rules !== false) void this.#begin(rules);
    return async () => {
      this.#holds.delete(hold);
      if (this.#holds.size === 0) await this.#pruning?.stop();
    };
  }

  /** So many events and values were added. */
  added(count: number): void {
    this.#added += count;
    if (this.#pruning === undefined) this.#look();
  }

  async #begin({ onFailure }: RetentionRules): Promise<void> {
    try {
      const { added, rows } = await this.#parts.backlog();
      this.#rows = Math.max(this.#rows, rows);
      this.added(added);
    } catch (error) {
      if (this.#holds.size > 0) onFailure(error);
    }
  }

  #look(): void {
    const rules = this.#rules();
    if (rules === undefined || this.#added < Math.max(rules.every, this.#rows)) return;
    this.#added = 0;
    if (this.#parts.mayFind?.(rules) === false) return;
    this.#pruning = new Pruning(this.#parts, rules, (rows) => {
      this.#pruning = undefined;
      this.#rows = rows ?? this.#rows;
    });
  }

  #rules(): RetentionRules | undefined {
    let all: RetentionRules | undefined;
    for (const { rules } of this.#holds) {
      if (rules === false) return undefined;
      all = all === undefined ? rules : both(all, rules);
    }
    return all;
  }
}

/** What keeps as much as each of two. */
function both(a: RetentionRules, b: RetentionRules): RetentionRules {
  return {
    versions: Math.max(a.versions, b.versions),
    runs: Math.max(a.runs, b.runs),
    logsOfRuns: a.logsOfRuns === undefined || b.logsOfRuns === undefined ? undefined : Math.max(a.logsOfRuns, b.logsOfRuns),
    every: Math.max(a.every, b.every),
    onPruned: (report) => {
      a.onPruned?.(report);
      b.onPruned?.(report);
    },
    onFailure: (error) => {
      a.onFailure(error);
      b.onFailure(error);
    },
  };
}

/** One time that it forgets. */
class Pruning {
  readonly #turns: Turns;
  readonly #controller = new AbortController();
  readonly #rows = { mark: 0, values: 0, logs: 0 };
  readonly #done: Promise<void>;
  #removes = false;
  #left = Infinity;
  #tellStopping: () => void = () => undefined;
  readonly #stopping = new Promise<undefined>((resolve) => {
    this.#tellStopping = () => resolve(undefined);
  });

  /** @param onEnd called when it is over, with how many rows it looked at, where it came to its end */
  constructor({ turns, prune }: AutomaticRetentionParts, rules: RetentionRules, onEnd: (rows: number | undefined) => void) {
    this.#turns = turns;
    this.#done = this.#run(prune, rules).then(onEnd);
  }

  /** Ends it soon: it looks for nothing more, and removes a little more of what it has found. */
  async stop(): Promise<void> {
    this.#left = LAST_STEPS;
    this.#tellStopping();
    if (!this.#removes) this.#controller.abort();
    await this.#done;
  }

  async #run(prune: AutomaticRetentionParts['prune'], { onPruned, onFailure, ...rules }: RetentionRules): Promise<number | undefined> {
    const { signal } = this.#controller;
    const request: PruneRequest = {
      versions: rules.versions,
      runs: rules.runs,
      logsOfRuns: rules.logsOfRuns,
      signal,
      turn: () => this.#turn(),
      onProgress: ({ doing, rows }: PruneProgress) => void (this.#rows[doing] = rows),
    };
    try {
      // Who has just appended goes on first.
      await Promise.resolve();
      const report = await prune(request);
      onPruned?.(report);
      return this.#rows.mark + this.#rows.values + this.#rows.logs;
    } catch (error) {
      if (!signal.aborted) tell(onFailure, error);
      return undefined;
    }
  }

  /** Waits for a turn on the store, but not while the store is being closed: nobody runs on it then. */
  async #turn(): Promise<Release> {
    this.#removes = true;
    this.#left -= 1;
    if (this.#left < 0) this.#controller.abort();
    this.#controller.signal.throwIfAborted();
    const turn = this.#turns.takeAside();
    const release = await Promise.race([turn, this.#stopping]);
    if (release !== undefined) return release;
    void turn.then((late) => late());
    return () => undefined;
  }
}

function tell(onFailure: (error: unknown) => void, error: unknown): void {
  try {
    onFailure(error);
  } catch {
    // Who is told of failures and fails has nobody to tell.
  }
}
