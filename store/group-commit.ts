/** How much one transaction takes at most, so that none holds the event loop for long. One request always fits. */
export interface GroupLimits {
  readonly events: number;
  readonly bytes: number;
}

/** What a request weighs against the limits. */
export interface Weight {
  readonly events: number;
  readonly bytes: number;
}

interface Waiting<Request, Result> {
  readonly request: Request;
  readonly weight: Weight;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/** Writes requests in one transaction, and gives a result for each, in their order; or throws, and none of them is there. */
export type Commit<Request, Result> = (requests: readonly Request[]) => readonly Result[];

/** What a {@link GroupCommit} is made of. */
export interface GroupCommitOptions<Request, Result> {
  readonly commit: Commit<Request, Result>;
  /** Whether requests that failed together may be tried one by one. */
  readonly mayFitAlone: (error: unknown) => boolean;
  readonly limits: GroupLimits;
}

/**
 * Collects what is asked for in one turn of the event loop and writes it in one transaction: a flush costs the disk as much for one
 * request as for a hundred. Requests are written in the order in which they came. A group of one waits no longer than the turn.
 */
export class GroupCommit<Request, Result> {
  readonly #options: GroupCommitOptions<Request, Result>;
  readonly #waiting: Waiting<Request, Result>[] = [];
  #scheduled = false;

  constructor(options: GroupCommitOptions<Request, Result>) {
    this.#options = options;
  }

  /** Settles when the request is on disk, or is refused and leaves no trace. */
  submit(request: Request, weight: Weight): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ request, weight, resolve, reject });
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#scheduled = false;
    const group = this.#takeGroup();
    // What did not fit gets the next turn, after whatever else the loop has to do.
    if (this.#waiting.length > 0) this.#schedule();
    this.#write(group);
  }

  #takeGroup(): readonly Waiting<Request, Result>[] {
    const { limits } = this.#options;
    let events = 0;
    let bytes = 0;
    const end = this.#waiting.findIndex(({ weight }, index) => {
      events += weight.events;
      bytes += weight.bytes;
      return index > 0 && (events > limits.events || bytes > limits.bytes);
    });
    return this.#waiting.splice(0, end === -1 ? this.#waiting.length : end);
  }

  #write(group: readonly Waiting<Request, Result>[]): void {
    try {
      const results = this.#options.commit(group.map(({ request }) => request));
      for (const [index, result] of results.entries()) group[index]?.resolve(result);
    } catch (error) {
      // A request that is too much for the disk must not take its neighbours with it.
      if (group.length > 1 && this.#options.mayFitAlone(error)) for (const one of group) this.#write([one]);
      else for (const { reject } of group) reject(error);
    }
  }
}
