import type { AssetMaterialized, HookFailed, NewEvent } from '../../lib/events/logged-event.ts';
import type { Position, PositionRef } from '../../lib/events/position.ts';
import { isThenable } from '../../lib/kernel/thenable.ts';
import { hookOf, type HookName, type Hooks, type MaterializationHookContext, type StepHookContext } from '../../lib/model/hooks.ts';
import type { Plan, PlannedStep } from '../../lib/plan/plan.ts';
import type { Clock } from '../step/clock.ts';
import { recordThrown } from '../step/thrown.ts';
import type { SettledStep } from './settled-step.ts';

/** Most hooks of one run that run at the same time. */
const MOST_RUNNING = 16;

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

/** A call of a hook, and whom to tell when it fails. */
interface Call {
  readonly hook: () => unknown;
  readonly fail: (error: unknown) => void;
}

/**
 * Calls the hooks of a run for what is recorded, in the order of the log: for each step those of its op, of its graphs from the inside out,
 * of its assets, and the run's. While as many run as may, the others wait in line. What a hook does wrong becomes an event, and changes
 * nothing.
 */
export class HookRunner {
  readonly #scope: HookScope;
  readonly #running = new Set<Call>();
  /** Calls in the order of the log. Those before `#next` have had their turn. */
  #line: Call[] = [];
  #next = 0;
  #onIdle: () => void = () => undefined;

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

  /** Waits for the hooks that still run, and for those in line, but not for ever. */
  async finish(graceMs: number): Promise<void> {
    // Where nothing runs, nothing waits in line either.
    if (this.#running.size === 0) return;
    await new Promise<void>((resolve) => {
      const stopTimer = this.#scope.clock.timer(graceMs, resolve);
      this.#onIdle = () => {
        stopTimer();
        resolve();
      };
    });
    const late = `${graceMs} ms after the last step had ended, and nobody waits for it any longer.`;
    const [running, waiting] = [[...this.#running], this.#line.slice(this.#next)];
    this.#running.clear();
    this.#line = [];
    this.#next = 0;
    for (const { fail } of running) fail(new Error(`The hook still ran ${late}`));
    for (const { fail } of waiting) fail(new Error(`The hook was never called: it still waited for others to end ${late}`));
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
      const hook = hookOf(hooks, name);
      if (hook !== undefined)
        this.#line.push({
          hook: () => hook(Object.freeze({ ...Object(context) })),
          fail: (error) => this.#failed(planned, { hook: name, of, error }),
        });
    }
    this.#callNext();
  }

  /** Calls those who wait in line, as long as more may run. */
  #callNext(): void {
    while (this.#running.size < MOST_RUNNING) {
      const call = this.#line[this.#next];
      if (call === undefined) break;
      this.#next += 1;
      this.#call(call);
    }
    if (this.#next < this.#line.length) return;
    this.#line = [];
    this.#next = 0;
    if (this.#running.size === 0) this.#onIdle();
  }

  #call(call: Call): void {
    try {
      const result = this.#scope.around(call.hook);
      if (!isThenable(result)) return;
      this.#running.add(call);
      // A promise of the language for anyone's thenable: nothing that it does throws here, or ends twice.
      new Promise((resolve) => resolve(result)).then(
        () => this.#end(call, () => undefined),
        (error: unknown) => this.#end(call, () => call.fail(error)),
      );
    } catch (error) {
      call.fail(error);
    }
  }

  /** A hook that ends when nobody waits for it any longer is not heard. */
  #end(call: Call, tell: () => void): void {
    if (!this.#running.delete(call)) return;
    tell();
    this.#callNext();
  }

  #failed({ step }: PlannedStep, { hook, of, error }: { readonly hook: HookName; readonly of: string; readonly error: unknown }): void {
    const { runId, clock, onFailed } = this.#scope;
    onFailed({
      type: 'hook-failed',
      runId,
      time: clock.now(),
      definition: step.definition,
      step: step.path,
      hook,
      of,
      error: recordThrown(error),
    });
  }
}

function owner(of: string, hooks: Hooks | undefined): readonly Owned[] {
  return hooks === undefined ? [] : [{ of, hooks }];
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
