import type { LogLine, NewEvent, RunEnded, RunStarted } from '../../lib/events/logged-event.ts';
import type { LivePort, StorePort } from '../../lib/events/store-port.ts';
import type { Store } from '../../lib/events/store.ts';
import { quote } from '../../lib/kernel/print.ts';
import type { AssetKey } from '../../lib/model/asset-key.ts';
import type { Hooks } from '../../lib/model/hooks.ts';
import type { Plan } from '../../lib/plan/plan.ts';
import { ResourceScope } from '../resources/resource-scope.ts';
import { sharedAbortController, uniqueId } from '../run/environment.ts';
import { HookRunner, hasHooks } from '../run/hook-runner.ts';
import { insideBody } from '../run/inside-body.ts';
import { resolve, settlePositions, type ResolvedPlan } from '../run/resolve.ts';
import type { Clock } from '../step/clock.ts';
import { readThrown } from '../../lib/kernel/thrown.ts';
import type { ObservedNow, SettledEpoch } from './epoch-work.ts';
import { LiveGraph } from './live-graph.ts';
import { LogFold, readUnsuccessful } from './log-fold.ts';

/** What an engine is made of. */
export interface EngineParts {
  readonly plan: Plan;
  readonly store: Store;
  readonly port: LivePort;
  /** The same as the definitions of the plan see it. */
  readonly seen: LivePort;
  /** Reads values that have settled, on disk or not. */
  readonly reads: StorePort;
  readonly clock: Clock;
  /** Values of sources that the store may not have. */
  readonly sources: Readonly<Record<string, unknown>>;
  readonly concurrency: number;
  readonly graceMs: number;
  readonly stepTimeoutMs: number;
  readonly traces: number;
  readonly hooks: Hooks | undefined;
  readonly tags: Readonly<Record<string, string>>;
  readonly causedBy: string | null;
}

/** One plan that lives, from its start in the log to its end: what a service has one of at a time. */
export class Engine {
  readonly runId: string;
  readonly graph: LiveGraph;
  readonly plan: Plan;
  readonly #parts: EngineParts;
  readonly #controller: AbortController;
  readonly #resources: ResourceScope;
  readonly #hooks: HookRunner | undefined;
  /** What is logged with the next epoch, since it came between two. */
  #between: NewEvent[] = [];

  private constructor(
    parts: EngineParts,
    own: { readonly runId: string; readonly graph: LiveGraph; readonly controller: AbortController; readonly resources: ResourceScope },
  ) {
    const { plan, clock, hooks, port } = parts;
    this.#parts = parts;
    this.plan = plan;
    this.runId = own.runId;
    this.graph = own.graph;
    this.#controller = own.controller;
    this.#resources = own.resources;
    if (hooks === undefined && !hasHooks(plan)) return;
    this.#hooks = new HookRunner({
      plan,
      runId: own.runId,
      clock,
      hooks,
      around: (call) => insideBody(port, call),
      onFailed: (event) => this.#between.push(event),
    });
  }

  /**
   * Asks the store about a plan, at the position where it stands. Writes nothing: gives what the first epoch has to log and to do.
   *
   * Rejects as `resolve` does.
   */
  static async open(
    parts: EngineParts,
  ): Promise<{ readonly engine: Engine; readonly started: RunStarted; readonly observed: readonly ObservedNow[] }> {
    const { plan, store, port, seen, reads, clock, sources, traces } = parts;
    const runId = uniqueId();
    const asked = await resolve(plan, { ...store, port }, { sources, clock, runId, traces, looksAtAll: true });
    const resolved = { ...asked, supply: settlePositions(asked.supply, asked.readsAt + 1) };
    const fold = new LogFold(resolved, await readUnsuccessful(resolved, seen), traces);
    await addOtherSources(fold, resolved, seen);
    const controller = sharedAbortController();
    const { signal } = controller;
    const resources = new ResourceScope({ provisions: plan.resources, context: Object.freeze({ signal, runId }) });
    const { concurrency, graceMs, stepTimeoutMs } = parts;
    const graph = new LiveGraph({ resolved, fold, port, reads, runId, clock, resources, signal, concurrency, graceMs, stepTimeoutMs });
    const observed = asked.observed.map(({ event, encoded }) => ({
      key: event.key,
      value: sources[event.key] ?? asked.supply.get(event.key)?.value(),
      made: { event, encoded },
    }));
    const started: RunStarted = {
      type: 'run-started',
      runId,
      time: clock.now(),
      mode: 'live',
      selection: [...plan.selection],
      policies: plan.policies,
      planHash: plan.hash,
      readsAt: asked.readsAt,
      tags: parts.tags,
      causedBy: parts.causedBy,
      again: null,
    };
    return { engine: new Engine(parts, { runId, graph, controller, resources }), started, observed };
  }

  /** What came between two epochs, to be logged with the next. */
  takeBetween(): readonly NewEvent[] {
    const between = this.#between;
    this.#between = [];
    return between;
  }

  /** Tells hooks of an epoch that is on disk. */
  recorded({ steps }: SettledEpoch): void {
    for (const { settled, events, first } of steps)
      if (settled.outcome !== 'reused' && settled.recorded !== true) this.#hooks?.recorded(settled, events, first);
  }

  /** Stops what runs: the epoch that it is part of is not recorded. */
  abort(): void {
    this.#controller.abort();
  }

  /** Lets go of what the steps used, and gives the last events of the run. */
  async end(status: RunEnded['status']): Promise<readonly NewEvent[]> {
    const { clock, graceMs } = this.#parts;
    await this.#hooks?.finish(graceMs);
    this.#controller.abort();
    for (const { resource, thrown } of await this.#resources.disposeWithin(graceMs, clock))
      this.#between.push(this.#line(`Resource ${quote(resource)} could not be disposed: ${readThrown(thrown).said}`));
    return [...this.takeBetween(), { type: 'run-ended', runId: this.runId, time: clock.now(), status }];
  }

  /** The store as its definitions see it. */
  get seen(): LivePort {
    return this.#parts.seen;
  }

  /** Whether an asset is kept up to date. */
  has(key: AssetKey): boolean {
    return this.plan.selection.has(key);
  }

  /** A line of the run itself. */
  #line(message: string): LogLine {
    const { runId } = this;
    return {
      type: 'log-line',
      runId,
      time: this.#parts.clock.now(),
      definition: '',
      step: '',
      attempt: 0,
      level: 'error',
      message,
      data: undefined,
    };
  }
}

/** Items may come for sources that no step of the plan reads: what is equal to what is there is not logged for them either. */
async function addOtherSources({ before }: LogFold, { plan: { defs }, readsAt }: ResolvedPlan, port: StorePort): Promise<void> {
  const keys = [...defs.sources.keys()].filter((key) => !before.has(key));
  for (const event of await port.readable(keys, readsAt)) if (event !== undefined) before.set(event.key, event);
}
