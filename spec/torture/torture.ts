/** A test by force: it breaks a store, or the processes that use it, again and again, and looks what is left. */
export interface Torture {
  readonly name: string;
  /** What it proves, in one line. */
  readonly about: string;
  /** How often it goes in `npm test`. */
  readonly short: number;
  /** How often it goes in `npm run torture` where nothing else is said. */
  readonly long: number;
  run(request: TortureRequest): Promise<TortureReport>;
}

/** How often to go, and from which seed. */
export interface TortureRequest {
  readonly count: number;
  /** The same seed makes the same choices. What the system does meanwhile, nobody can repeat. */
  readonly seed: number;
  /** Takes a line about how it goes, every few seconds. */
  readonly tell: (line: string) => void;
}

/** What came of it. */
export interface TortureReport {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** How often the things happened that it is about: one that is 0 proves nothing. */
  readonly counts: Readonly<Record<string, number>>;
  /** What went wrong, with what is needed to see it again. */
  readonly failures: readonly string[];
  /** Why something was skipped: what the machine lacks. */
  readonly lacks?: string;
}

const TELL_EVERY_MS = 3000;
const MOST_FAILURES = 50;

/** Counts while a torture goes, and tells of it every few seconds. */
export class Tally {
  readonly #tell: (line: string) => void;
  readonly #counts = new Map<string, number>();
  readonly #failures: string[] = [];
  #passed = 0;
  #failed = 0;
  #skipped = 0;
  #told = performance.now();

  constructor({ tell }: Pick<TortureRequest, 'tell'>) {
    this.#tell = tell;
  }

  /** How many are done, in whichever way. */
  get done(): number {
    return this.#passed + this.#failed + this.#skipped;
  }

  pass(times = 1): void {
    this.#passed += times;
    this.#maybeTell();
  }

  /** Notes that one failed. The first lines are kept, and all are told at once. */
  fail(line: string): void {
    this.#failed += 1;
    if (this.#failures.length < MOST_FAILURES) this.#failures.push(line);
    this.#tell(`FAILED: ${line}`);
  }

  skip(times = 1): void {
    this.#skipped += times;
    this.#maybeTell();
  }

  /** Counts something that happened. */
  count(what: string, times = 1): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + times);
  }

  /** What came of it all. */
  report(lacks?: string): TortureReport {
    return {
      passed: this.#passed,
      failed: this.#failed,
      skipped: this.#skipped,
      counts: Object.fromEntries(this.#counts),
      failures: [...this.#failures],
      ...(lacks === undefined ? {} : { lacks }),
    };
  }

  #maybeTell(): void {
    const now = performance.now();
    if (now - this.#told < TELL_EVERY_MS) return;
    this.#told = now;
    this.#tell(`${this.done} done, ${this.#failed} failed (${countsText(Object.fromEntries(this.#counts))})`);
  }
}

/** Counts in one line. */
export function countsText(counts: TortureReport['counts']): string {
  return Object.entries(counts)
    .map(([what, times]) => `${what} ${times}`)
    .join(', ');
}
