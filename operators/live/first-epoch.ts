import type { AssetKey } from '../../lib/model/asset-key.ts';
import type { Plan } from '../../lib/plan/plan.ts';
import type { Opened } from './epoch-runner.ts';
import type { Intake, Item } from './intake.ts';
import type { WaitingFor } from './service-face.ts';
import { noSource } from './source-of.ts';

/** What the first epoch of a service is made of. All but the intake is to be asked with the turn. */
export interface FirstEpochParts {
  readonly intake: Intake;
  /** What is to be kept up to date, unless another plan takes its place before the first epoch. */
  readonly planned: Plan;
  /** Asks the store which sources have to have a value before there can be an engine for a plan, and who needs it. */
  readonly missing: (planned: Plan) => Promise<ReadonlyMap<AssetKey, readonly string[]>>;
  /** Makes of the first items what sources start with. Items that cannot be applied are told. */
  readonly prepare: (planned: Plan, items: readonly Item[]) => Promise<Prepared>;
}

/** A plan and what its sources start with. */
export interface Prepared {
  /** Asks the store and makes an engine. */
  readonly open: () => Promise<Opened>;
}

/**
 * What a service starts with, until every source that is read has a value: stored by somebody, or of items. Epochs that are due before that stay
 * in the intake, within its bounds, and are taken together then.
 */
export class FirstEpoch {
  readonly #parts: FirstEpochParts;
  #planned: Plan;
  #missing: ReadonlyMap<AssetKey, readonly string[]> = new Map();
  #items: readonly Item[] = [];

  constructor(parts: FirstEpochParts) {
    this.#parts = parts;
    this.#planned = parts.planned;
  }

  /** What is kept up to date from the first epoch on. */
  get planned(): Plan {
    return this.#planned;
  }

  /** Items that it has taken, and nobody else has: they are told where there is no epoch. */
  get items(): readonly Item[] {
    return this.#items;
  }

  /** Sources that have no value, and what has come of them. */
  get waitingFor(): readonly WaitingFor[] {
    return [...this.#missing].map(([source, steps]) => {
      const taken = this.#items.filter(({ key }) => key === source).length;
      return Object.freeze({ source, steps, items: taken + this.#parts.intake.count(source) });
    });
  }

  /** Whether an item of each source that has no value has come. */
  get mayTake(): boolean {
    return this.#withoutItem().every((key) => this.#parts.intake.count(key) > 0);
  }

  /** Asks which sources have no value; gives the engine where all have one. */
  async look(): Promise<Opened | undefined> {
    this.#missing = await this.#parts.missing(this.#planned);
    return this.#openIfComplete();
  }

  /** Goes on with another plan, as {@link look} does. Rejects where it cannot, or where `accept` throws, and then stays with the one before. */
  async replan(planned: Plan, accept: () => void): Promise<Opened | undefined> {
    const before = { planned: this.#planned, missing: this.#missing };
    try {
      this.#missing = await this.#parts.missing(planned);
      this.#planned = planned;
      const opened = await this.#openIfComplete();
      accept();
      this.#refuseGone(planned);
      return opened;
    } catch (error) {
      this.#planned = before.planned;
      this.#missing = before.missing;
      throw error;
    }
  }

  /** What came of a source that is gone is of no epoch, whichever is the first one. */
  #refuseGone({ defs }: Plan): void {
    const byKey: ReadonlyMap<string, unknown> = defs.sources;
    for (const { key, fail } of this.#items) if (!byKey.has(key)) fail(noSource(defs, key));
  }

  /** Takes the items of an epoch that is due; gives the engine where all sources have a value then. */
  async take(items: readonly Item[]): Promise<Opened | undefined> {
    this.#items = [...this.#items, ...items.map((item) => this.#refusable(item))];
    return this.#openIfComplete();
  }

  /** Its items are somebody else's now. */
  begun(): void {
    this.#items = [];
  }

  /** What cannot be applied is told so, and another one is waited for. */
  #refusable(item: Item): Item {
    const refusable: Item = {
      ...item,
      fail: (error) => {
        this.#items = this.#items.filter((each) => each !== refusable);
        item.fail(error);
      },
    };
    return refusable;
  }

  #withoutItem(): readonly AssetKey[] {
    const come = new Set(this.#items.map(({ key }) => key));
    return [...this.#missing.keys()].filter((key) => !come.has(key));
  }

  async #openIfComplete(): Promise<Opened | undefined> {
    if (this.#withoutItem().length > 0) return undefined;
    const prepared = await this.#parts.prepare(this.#planned, this.#items);
    // What was refused was no value of anything.
    return this.#withoutItem().length > 0 ? undefined : prepared.open();
  }
}
