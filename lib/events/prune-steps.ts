import type { Release } from '../kernel/turns.ts';
import type { PruneProgress, PruneRequest } from './store-port.ts';

/** How a prune lets others do something. */
export interface PruneTurns {
  readonly nextTurn: () => Promise<unknown>;
  /** How many rows are looked at before each turn. */
  readonly every: number;
}

/** Between the steps of a prune: others get a turn, and it may be stopped. */
export class PruneSteps {
  readonly #request: Pick<PruneRequest, 'turn' | 'onProgress' | 'signal'>;
  readonly #turns: PruneTurns;
  #sinceTurn = 0;
  readonly #rows: Record<PruneProgress['doing'], number> = { mark: 0, values: 0, logs: 0 };

  constructor(request: Pick<PruneRequest, 'turn' | 'onProgress' | 'signal'>, turns: PruneTurns) {
    this.#request = request;
    this.#turns = turns;
  }

  /** Takes a turn for something, where the prune is to take turns. Rejects with {@link PruneStopped}. */
  async inTurn<Result>(work: () => Result | Promise<Result>): Promise<Result> {
    const release = await this.#turn();
    try {
      return await work();
    } finally {
      release?.();
    }
  }

  async #turn(): Promise<Release | undefined> {
    try {
      return await this.#request.turn?.();
    } catch (reason) {
      throw new PruneStopped(reason);
    }
  }

  /** So many more rows were looked at: tells it, and gives a turn where one is due. Rejects with {@link PruneStopped}. */
  async pass(doing: PruneProgress['doing'], rows: number): Promise<void> {
    this.#rows[doing] += rows;
    try {
      this.#request.onProgress?.({ doing, rows: this.#rows[doing] });
      await this.#giveTurn(rows);
      this.#request.signal?.throwIfAborted();
    } catch (reason) {
      throw new PruneStopped(reason);
    }
  }

  async #giveTurn(rows: number): Promise<void> {
    const { nextTurn, every } = this.#turns;
    this.#sinceTurn += rows;
    if (this.#sinceTurn < every) return;
    this.#sinceTurn = 0;
    await nextTurn();
  }
}

/** The user of a prune has had enough: what was said or thrown to stop it. */
export class PruneStopped extends Error {
  readonly reason: unknown;

  constructor(reason: unknown) {
    super('a prune was stopped');
    this.reason = reason;
  }
}
