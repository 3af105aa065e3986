import type { Definitions, LoggedEvent, Plan, PlanOptions, RunOptions, Store } from '../../index.ts';
import { plan } from '../../index.ts';
import { memoryStore } from '../../lib/memory/index.ts';
import { defineWorld, type DefinableWorld } from './define-world.ts';
import { engineRuns, type Account } from './account.ts';
import type { LawEngine } from './law-engine.ts';
import { planOfRun } from './plan-of-run.ts';
import type { State } from './reference.ts';
import { tap, type Tapped } from './tap.ts';
import type { WorldRun } from './world-case.ts';

/** What a run is given beside its world. */
interface Running {
  readonly defs?: Definitions;
  readonly store?: Store;
}

/** The engine, with what the laws ask of it. */
export class LawBench {
  readonly #engine: Omit<LawEngine, 'playHistory'>;
  readonly #open: Store[] = [];

  constructor(engine: Partial<LawEngine>) {
    this.#engine = { plan: engine.plan ?? plan, run: engine.run ?? tap, store: engine.store ?? memoryStore };
  }

  /** The plan of a run. */
  planOf(defs: Definitions, run: WorldRun): Plan {
    return planOfRun(defs, run, this.#engine.plan);
  }

  /** The plan of what is given to `plan`. */
  plan(defs: Definitions, options: PlanOptions<unknown>): Plan {
    return this.#engine.plan(defs, options);
  }

  /** Runs a plan, on a store of its own unless one is given. */
  async run(planned: Plan, options: RunOptions): Promise<Tapped> {
    return this.#engine.run(planned, { ...options, store: options.store ?? (await this.store()) });
  }

  /** One run, on a store of its own unless one is given. */
  play(world: DefinableWorld, run: WorldRun, { defs = defineWorld(world), ...running }: Running = {}): Promise<Tapped> {
    return this.run(this.planOf(defs, run), { ...running, sources: world.sources });
  }

  /** One run, which may be refused. */
  account(
    defs: Definitions,
    run: WorldRun,
    given: { readonly store: Store; readonly sources: DefinableWorld['sources'] },
  ): Promise<Account> {
    return engineRuns(defs, run, { ...given, plan: this.#engine.plan, run: this.#engine.run });
  }

  /** An empty store. */
  async store(): Promise<Store> {
    const store = await this.#engine.store();
    this.#open.push(store);
    return store;
  }

  /** Closes the stores. */
  async close(): Promise<void> {
    for (const store of this.#open) await store.close();
  }
}

/** What readers get of every asset now. */
export async function readersSee(defs: Definitions, store: Store): Promise<ReadonlyMap<string, State>> {
  const states = new Map<string, State>();
  for (const key of defs.assets.keys()) {
    const latest = await store.latest(key);
    if (latest !== undefined) states.set(key, latest.type === 'asset-absent' ? 'absent' : { value: await store.value(key) });
  }
  return states;
}

/** All that a store has logged. */
export async function eventsOf(store: Store): Promise<readonly LoggedEvent[]> {
  const events: LoggedEvent[] = [];
  for await (const event of store.events()) events.push(event);
  return events;
}
