import { Keyed } from '../../lib/kernel/keyed/keyed.ts';
import { shareRows } from '../../lib/kernel/keyed/share-rows.ts';
import type { AnyKeyed, ByName, Program, ProgramState } from '../../lib/delta/program.ts';

/** The last time that a body which follows changes ran: what it read and gave, and what it takes to go on from there. */
export interface Followed {
  readonly program: Program;
  readonly state: ProgramState;
  readonly inputs: ByName<AnyKeyed>;
  readonly outputs: ByName<AnyKeyed>;
}

/** What is remembered of one step, for some of its outputs. It may be forgotten at any time, and no answer depends on it. */
export interface KeyedMemory {
  recall(): Followed | undefined;
  /** Whether there is room for what it takes to go on from these inputs. */
  takes(inputs: ByName<AnyKeyed>): boolean;
  remember(followed: Followed): void;
}

/** The memory of a step, for some of its outputs. */
export type MemoryOf = (outputs: readonly string[]) => KeyedMemory;

/** Most rows of inputs and outputs that are remembered of all steps together. What operators know of them comes on top, and is of that order. */
const MOST_ROWS = 2_000_000;

/** Of how many steps, since each config of a step is remembered by itself. */
const MOST_STEPS = 1_000;

/** What is remembered under a name. */
interface Remembered {
  /** Whose it is; `undefined` for rows, which are anybody's. */
  readonly op: object | undefined;
  readonly what: Followed | AnyKeyed;
  readonly rows: number;
}

/** What is remembered of the steps of one store, least recently used first. */
export class KeyedMemories {
  readonly #mostRows: number;
  readonly #known = new Map<string, Remembered>();
  #rows = 0;

  constructor(mostRows: number = MOST_ROWS) {
    this.#mostRows = mostRows;
  }

  /** How many rows are remembered. */
  get rows(): number {
    return this.#rows;
  }

  /** The memory of a step under a name that says all that its flows depend on beside its op. Another op of that name remembers nothing of it. */
  of(op: object, name: string): MemoryOf {
    return (outputs) => {
      const key = JSON.stringify([name, outputs]);
      return {
        recall: () => this.#recall(key, op),
        takes: (inputs) => rowsIn(inputs) <= this.#mostRows,
        remember: (followed) => this.#remember(key, { op, what: followed, rows: rowsIn(followed.inputs) + rowsIn(followed.outputs) }),
      };
    };
  }

  /** The same rows, sharing with those that came last under this name what they have in common. */
  share(name: string, rows: AnyKeyed): AnyKeyed {
    const before = this.#known.get(name)?.what;
    const shared = before instanceof Keyed ? shareRows(rows, before) : rows;
    this.#remember(name, { op: undefined, what: shared, rows: shared.size });
    return shared;
  }

  /** Forgets everything. */
  clear(): void {
    this.#known.clear();
    this.#rows = 0;
  }

  #recall(key: string, op: object): Followed | undefined {
    const known = this.#known.get(key);
    return known === undefined || known.op !== op || known.what instanceof Keyed ? undefined : known.what;
  }

  #remember(key: string, remembered: Remembered): void {
    this.#forget(key);
    if (remembered.rows > this.#mostRows) return;
    this.#known.set(key, remembered);
    this.#rows += remembered.rows;
    for (const oldest of this.#known.keys()) {
      if (this.#rows <= this.#mostRows && this.#known.size <= MOST_STEPS) return;
      this.#forget(oldest);
    }
  }

  #forget(key: string): void {
    this.#rows -= this.#known.get(key)?.rows ?? 0;
    this.#known.delete(key);
  }
}

function rowsIn(all: ByName<AnyKeyed>): number {
  return Object.values(all).reduce((rows, { size }) => rows + size, 0);
}
