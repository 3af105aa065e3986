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

/** What is remembered of the steps of one store, least recently used first. */
export class KeyedMemories {
  readonly #mostRows: number;
  readonly #known = new Map<string, { readonly op: object; readonly followed: Followed; readonly rows: number }>();
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
        remember: (followed) => this.#remember(key, op, followed),
      };
    };
  }

  /** Forgets everything. */
  clear(): void {
    this.#known.clear();
    this.#rows = 0;
  }

  #recall(key: string, op: object): Followed | undefined {
    const known = this.#known.get(key);
    return known?.op === op ? known.followed : undefined;
  }

  #remember(key: string, op: object, followed: Followed): void {
    this.#forget(key);
    const rows = rowsIn(followed.inputs) + rowsIn(followed.outputs);
    if (rows > this.#mostRows) return;
    this.#known.set(key, { op, followed, rows });
    this.#rows += rows;
    for (const oldest of this.#known.keys()) {
      if (this.#rows <= this.#mostRows) return;
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
