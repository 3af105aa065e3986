import { setImmediate as nextTurn } from 'node:timers/promises';

/** What a request weighs against the limits. */
export interface Weight {
  readonly events: number;
  readonly bytes: number;
}

/** How much one transaction takes at most, so that none holds the event loop for long. One request always fits. */
export interface GroupLimits extends Weight {
  /** How long requests are taken into one transaction. Its flush comes on top. */
  readonly milliseconds: number;
}

/** A request that can be weighed. */
interface Weighed {
  readonly weight: Weight;
}

/** What became of a request: its result, or the error that it is refused with. */
export type Outcome<Result> = Result | Error;

interface Waiting<Request, Result> {
  readonly request: Request;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Writes requests in one transaction, in their order, until there is no more time, and one of them in any case. Gives what became of each
 * that it came to; or throws, and none of them is there.
 */
export type Commit<Request, Result> = (requests: readonly Request[], hasTime: () => boolean) => readonly Outcome<Result>[];

/** What a {@link GroupCommit} is made of. */
export interface GroupCommitOptions<Request, Result> {
  readonly commit: Commit<Request, Result>;
  /** Whether requests that failed together may be tried one by one. */
  readonly mayPassAlone: (error: unknown) => boolean;
  readonly limits: GroupLimits;
  /** Milliseconds since some moment; never goes back. */
  readonly monotonic: () => number;
}

/**
 * Collects what is asked for in one turn of the event loop and writes it in one transaction: a flush costs the disk as much for one
 * request as for a hundred. Requests are written in the order in which they came. A group of one waits no longer than the turn.
 */
export class GroupCommit<Request extends Weighed, Result extends object> {
  readonly #options: GroupCommitOptions<Request, Result>;
  #waiting: Waiting<Request, Result>[] = [];
  #settled = 0;
  #scheduled = false;
  /** How many of those that wait are tried one by one: what fails for a reason of its own must not take its neighbours with it. */
  #alone = 0;

  constructor(options: GroupCommitOptions<Request, Result>) {
    this.#options = options;
  }

  /** Settles when the request is on disk, or is refused and leaves no trace. */
  submit(request: Request): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ request, resolve, reject });
      this.#schedule();
    });
  }

  /** Resolves when every request that was submitted before has settled. */
  async drained(): Promise<void> {
    const submitted = this.#settled + this.#waiting.length;
    while (this.#settled < submitted) await nextTurn();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#scheduled = false;
    const group = this.#waiting.slice(0, this.#alone > 0 ? 1 : this.#groupSize());
    const settled = this.#write(group);
    this.#waiting = this.#waiting.slice(settled);
    this.#settled += settled;
    // What did not fit gets the next turn, after whatever else the loop has to do.
    if (this.#waiting.length > 0) this.#schedule();
  }

  #groupSize(): number {
    const { limits } = this.#options;
    let size = 0;
    let events = 0;
    let bytes = 0;
    for (const { request } of this.#waiting) {
      events += request.weight.events;
      bytes += request.weight.bytes;
      if (size > 0 && (events > limits.events || bytes > limits.bytes)) break;
      size += 1;
    }
    return size;
  }

  /** Settles requests from the first one on, and says how many. */
  #write(group: readonly Waiting<Request, Result>[]): number {
    this.#alone = Math.max(0, this.#alone - 1);
    try {
      return this.#commit(group);
    } catch (error) {
      if (group.length > 1 && this.#options.mayPassAlone(error)) {
        this.#alone = group.length;
        return 0;
      }
      for (const { reject } of group) reject(error);
      return group.length;
    }
  }

  #commit(group: readonly Waiting<Request, Result>[]): number {
    const { commit, limits, monotonic } = this.#options;
    const end = monotonic() + limits.milliseconds;
    const outcomes = commit(
      group.map(({ request }) => request),
      () => monotonic() < end,
    );
    for (let index = 0; index < outcomes.length; index += 1) settle(group[index], outcomes[index]);
    return outcomes.length;
  }
}

function settle<Result extends object>(waiting: Waiting<unknown, Result> | undefined, outcome: Outcome<Result> | undefined): void {
  if (outcome instanceof Error) waiting?.reject(outcome);
  else if (outcome !== undefined) waiting?.resolve(outcome);
}
