import type { AssetMaterialized, HookFailed, NewEvent } from '../../lib/events/logged-event.ts';
import type { Position, PositionRef } from '../../lib/events/position.ts';
import type { HookName, Hooks, MaterializationHookContext, StepHookContext } from '../../lib/model/hooks.ts';
import type { Plan, PlannedStep } from '../../lib/plan/plan.ts';
import type { Clock } from '../step/clock.ts';
import { readThrown } from '../step/thrown.ts';
import type { SettledStep } from './settled-step.ts';

/** What hooks are called in. */
export interface HookScope {
  readonly plan: Plan;
  readonly runId: string;
  readonly clock: Clock;
  /** The run's own hooks. */
  readonly hooks: Hooks | undefined;
  /** Surrounds a call, so that a hook that would wait for its own run is refused instead. */
  readonly around: <T>(call: () => T) => T;
  /** Told of each hook that failed. */
  readonly onFailed: (event: HookFailed) => void;
}

/** Hooks, and whose they are. */
interface Owned {
  readonly of: string;
  readonly hooks: Hooks;
}

/**
 * Calls the hooks of a run for what is recorded, in the order of the log: for each step those of its op, of its graphs from the inside out,
 * of its assets, and the run's. What a hook does wrong becomes an event, and changes nothing.
 */
export class HookRunner {
  readonly #scope: HookScope;
  readonly #running = new Set<Promise<void>>();
  /** What the hooks that still run are, for the event about those that do not end. */
  readonly #open = new Map<Promise<void>, (error: unknown) => void>();

  constructor(scope: HookScope) {
    this.#scope = scope;
  }

  /** A step and its assets were recorded; `events` are those of the step, from position `first` on. */
  recorded(settled: SettledStep, events: readonly NewEvent[], first: Position): void {
    const { planned, outcome, error } = settled;
    const owned = this.#ownersOf(planned);
    const context = this.#contextOf(settled);
    if (outcome === 'succeeded') this.#callAll(owned, planned, { name: 'onSuccess', context });
    if (outcome === 'skipped') this.#callAll(owned, planned, { name: 'onSkip', context });
    if (error !== undefined) this.#callAll(owned, planned, { name: 'onFailure', context: { ...context, error } });
    for (const [index, event] of events.entries()) {
      if (event.type === 'asset-materialized') this.#materialized(planned, event, { ...context, position: first + index });
    }
  }

  /** Waits for the hooks that still run, but not for ever. */
  async finish(graceMs: number): Promise<void> {
    if (this.#running.size === 0) return;
    let stopTimer: () => void = () => undefined;
    const late = new Promise<void>((resolve) => (stopTimer = this.#scope.clock.timer(graceMs, resolve)));
    await Promise.race([Promise.all(this.#running), late]);
    stopTimer();
    for (const fail of this.#open.values())
      fail(new Error(`The hook still ran ${graceMs} ms after the last step had ended, and nobody waits for it any longer.`));
    this.#open.clear();
  }

  #materialized(planned: PlannedStep, event: AssetMaterialized<PositionRef>, at: StepHookContext & { readonly position: Position }): void {
    const { output, key, version, metadata } = event;
    const context: MaterializationHookContext = { ...at, output, key, version, metadata };
    const owned = [...this.#ownersOfStep(planned), ...this.#ownersOfAsset(key), ...this.#ownerRun()];
    this.#callAll(owned, planned, { name: 'onMaterialization', context });
  }

  #contextOf({ planned: { step }, attempts }: SettledStep): StepHookContext {
    return { runId: this.#scope.runId, definition: step.definition, step: step.id, op: step.op.name, attempts };
  }

  #ownersOf(planned: PlannedStep): readonly Owned[] {
    const { step, needed } = planned;
    const assets = needed.flatMap((output) => this.#ownersOfAsset(step.outputs[output]?.key));
    return [...this.#ownersOfStep(planned), ...assets, ...this.#ownerRun()];
  }

  #ownersOfStep({ step: { op, within } }: PlannedStep): readonly Owned[] {
    const graphs = [...within].reverse().flatMap(({ graph: { name, hooks } }) => owner(`graph "${name}"`, hooks));
    return [...owner(`op "${op.name}"`, op.hooks), ...graphs];
  }

  #ownersOfAsset(key: string | undefined): readonly Owned[] {
    const assets: ReadonlyMap<string, { readonly hooks: Hooks | undefined }> = this.#scope.plan.defs.assets;
    return key === undefined ? [] : owner(`asset "${key}"`, assets.get(key)?.hooks);
  }

  #ownerRun(): readonly Owned[] {
    return owner('the run', this.#scope.hooks);
  }

  #callAll(owned: readonly Owned[], planned: PlannedStep, { name, context }: { readonly name: HookName; readonly context: unknown }): void {
    for (const { of, hooks } of owned) {
      // Each hook gets the context of its name, as `recorded` pairs them.
      const hook = hooks[name] as ((context: unknown) => unknown) | undefined;
      if (hook !== undefined)
        this.#call(
          () => hook(Object.freeze({ ...Object(context) })),
          (error) => this.#failed(planned, { hook: name, of, error }),
        );
    }
  }

  #call(hook: () => unknown, fail: (error: unknown) => void): void {
    try {
      const result = this.#scope.around(hook);
      if (!isThenable(result)) return;
      const running: Promise<void> = Promise.resolve(result)
        .then(
          () => undefined,
          (error: unknown) => (this.#open.has(running) ? fail(error) : undefined),
        )
        .finally(() => {
          this.#running.delete(running);
          this.#open.delete(running);
        });
      this.#running.add(running);
      this.#open.set(running, fail);
    } catch (error) {
      fail(error);
    }
  }

  #failed({ step }: PlannedStep, { hook, of, error }: { readonly hook: HookName; readonly of: string; readonly error: unknown }): void {
    const { runId, clock, onFailed } = this.#scope;
    const { name, message, stack } = readThrown(error);
    onFailed({
      type: 'hook-failed',
      runId,
      time: clock.now(),
      definition: step.definition,
      step: step.path,
      hook,
      of,
      error: { name, message, ...(stack !== undefined && { stack }) },
    });
  }
}

function owner(of: string, hooks: Hooks | undefined): readonly Owned[] {
  return hooks === undefined ? [] : [{ of, hooks }];
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof Reflect.get(value, 'then') === 'function';
}

/** Whether anything in a plan has hooks: where nothing has, a run need not look. */
export function hasHooks({ steps, defs }: Plan): boolean {
  return steps.some(
    ({ step: { op, within, outputs } }) =>
      op.hooks !== undefined ||
      within.some(({ graph }) => graph.hooks !== undefined) ||
      outputs.some(({ key }) => key !== undefined && defs.assets.get(key)?.hooks !== undefined),
  );
}
