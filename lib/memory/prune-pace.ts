import { PIECE } from './memory-prune.ts';

interface Waiting {
  left: number;
  readonly goOn: () => void;
}

/**
 * When a prune goes on with its next piece: after a turn of the event loop, or when as much was appended meanwhile as a piece looks at. A program
 * that only ever waits for promises gives no turns, and would fill the memory otherwise; so it pays for each row appended with one looked at.
 */
export class PrunePace {
  readonly #nextTurn: () => Promise<unknown>;
  readonly #waiting = new Set<Waiting>();

  constructor(nextTurn: () => Promise<unknown>) {
    this.#nextTurn = nextTurn;
  }

  /** Resolves when it is time for the next piece. */
  turn(): Promise<void> {
    return new Promise((resolve) => {
      const waiting: Waiting = {
        left: PIECE,
        goOn: () => {
          this.#waiting.delete(waiting);
          resolve();
        },
      };
      this.#waiting.add(waiting);
      void this.#nextTurn().then(waiting.goOn);
    });
  }

  /** So many events and values were appended. */
  added(count: number): void {
    for (const waiting of this.#waiting) {
      waiting.left -= count;
      if (waiting.left <= 0) waiting.goOn();
    }
  }
}
