import { StoreError } from '../kernel/errors.ts';
import { quote } from '../kernel/print.ts';
import type { Position } from './position.ts';
import type { TailPort } from './store-port.ts';

/** How long events that were passed may go unwritten while more of them are being passed, in milliseconds. */
const SAVE_MS = 1000;

/** The use of a cursor by one tail. */
class Claim {
  /** Whether it will be given up without anybody's doing. */
  ending = false;
  giveUp: () => void = () => undefined;
  readonly givenUp: Promise<void> = new Promise((resolve) => {
    this.giveUp = resolve;
  });
}

/** Which cursors of a store are in use in this process. */
export class CursorClaims {
  readonly #claims = new Map<string, Claim>();

  /**
   * Takes a cursor, after a tail that is ending has given it up.
   *
   * @throws StoreError STORE_BUSY while a tail that goes on has it
   */
  async take(cursor: string, claim: Claim, label: string): Promise<void> {
    for (let other = this.#claims.get(cursor); other !== undefined; other = this.#claims.get(cursor)) {
      if (!other.ending) throw taken(cursor, label);
      await other.givenUp;
    }
    this.#claims.set(cursor, claim);
  }

  /** Whether some tail has the cursor. */
  has(cursor: string): boolean {
    return this.#claims.has(cursor);
  }

  /** Gives it up, unless it was given up before. */
  release(cursor: string, claim: Claim): void {
    if (this.#claims.get(cursor) === claim) this.#claims.delete(cursor);
    claim.giveUp();
  }
}

/** What a {@link TailCursor} takes from its tail. */
export interface TailCursorOptions {
  readonly name: string;
  readonly port: TailPort;
  readonly claims: CursorClaims;
  readonly now: () => number;
}

/** How far one tail came, in memory and, behind that, in the store. Never ahead of what its reader has asked past. */
export class TailCursor {
  readonly #options: TailCursorOptions;
  #claim = new Claim();
  #passed: Position = 0;
  #saved: Position = 0;
  #savedAt = 0;
  #failed = false;
  #leaving: Promise<void> | undefined;

  constructor(options: TailCursorOptions) {
    this.#options = options;
  }

  /**
   * The position at which the tail starts: behind what the store remembers, or at `start` for a new cursor.
   *
   * @throws StoreError STORE_BUSY; STORE_READ_ONLY at once rather than after the first page; STORE_CORRUPT
   */
  async begin(start: Promise<Position>): Promise<Position> {
    const { name, port, claims } = this.#options;
    await claims.take(name, this.#claim, port.label);
    const known = await port.cursor(name);
    const head = await port.head();
    if (known !== undefined && known > head) throw beyondHead(name, known, { head, label: port.label });
    const passed = known ?? (await start) - 1;
    this.#passed = passed;
    // A start behind the head stays with whoever asks for it: a cursor never points at what is not there.
    if (passed <= head) await this.#write(passed);
    else this.#saved = passed;
    return passed + 1;
  }

  /** Notes that the reader has asked for what comes after this position. */
  pass(position: Position): void {
    this.#passed = position;
  }

  /** Whether the store is too far behind. */
  get isDue(): boolean {
    const elapsed = this.#options.now() - this.#savedAt;
    // A clock that was set back must not put it off for as long.
    return elapsed >= SAVE_MS || elapsed < 0;
  }

  /** Writes down how far the reader came. What there is to write is asked of the port before this returns. */
  async save(): Promise<void> {
    if (this.#passed !== this.#saved && !this.#failed) await this.#write(this.#passed);
  }

  /** Tells tails that want this cursor that it will soon be free. */
  announceEnd(): void {
    this.#claim.ending = true;
  }

  /** Saves and gives the cursor up while the reader holds an event: it may never come back. */
  leave(): void {
    this.#leaving ??= this.save().finally(() => this.#release());
    // Told to the reader, if it comes back.
    this.#leaving.catch(() => undefined);
  }

  /** Saves what is left to save, and gives the cursor up. */
  async end(): Promise<void> {
    try {
      await this.#leaving;
      if (this.#leaving === undefined) await this.save();
      else await this.#saveLate();
    } catch (error) {
      // The store was closed first. What was passed since then comes again.
      if (!isClosed(error)) throw error;
    } finally {
      this.#release();
    }
  }

  /** The reader came back with one more event that it has passed. Meanwhile another tail may have gone on from here. */
  async #saveLate(): Promise<void> {
    const { name, port, claims } = this.#options;
    if (this.#passed === this.#saved || claims.has(name)) return;
    this.#claim = new Claim();
    this.announceEnd();
    await claims.take(name, this.#claim, port.label);
    if (((await port.cursor(name)) ?? 0) < this.#passed) await this.save();
  }

  async #write(position: Position): Promise<void> {
    const { name, port, now } = this.#options;
    try {
      await port.setCursor(name, position);
    } catch (error) {
      this.#failed = true;
      throw error;
    }
    this.#saved = position;
    this.#savedAt = now();
  }

  #release(): void {
    this.#options.claims.release(this.#options.name, this.#claim);
  }
}

/** Whether an error says that the store was closed. */
export function isClosed(error: unknown): boolean {
  return error instanceof StoreError && error.code === 'STORE_CLOSED';
}

function taken(cursor: string, label: string): StoreError {
  return new StoreError(
    'STORE_BUSY',
    `Another tail has the cursor ${quote(cursor)} of the store ${quote(label)}. End that one first, or give this one a name of its own.`,
    { details: { cursor, path: label } },
  );
}

function beyondHead(cursor: string, position: Position, { head, label }: { readonly head: Position; readonly label: string }): StoreError {
  return new StoreError(
    'STORE_CORRUPT',
    `The cursor ${quote(cursor)} of the store ${quote(label)} is at position ${position}, and the last event is at ${head}. Verify the store, or use another cursor.`,
    { details: { cursor, position, head } },
  );
}
