import type { Address } from '../../lib/events/data-version.ts';
import { isMissed, isReadable, type LoggedEvent, type ReadableEvent } from '../../lib/events/logged-event.ts';
import type { LivePort } from '../../lib/events/store-port.ts';
import type { AssetKey } from '../../lib/model/asset-key.ts';
import { placeName } from '../../lib/model/step-place.ts';
import type { Plan, PlannedStep } from '../../lib/plan/plan.ts';
import type { Trace } from '../../lib/plan/trace.ts';
import type { ResolvedPlan } from '../run/resolve.ts';

/** A step that settled, as the log tells it, and which one of the plan it is. */
export interface SettledTrace {
  readonly planned: PlannedStep;
  readonly trace: Trace;
}

/**
 * What the log says of the assets and steps of a plan, kept up event by event: what a run asks the store about once, a service knows all the
 * time. It is a fold, so it is the same whether the service was there when the events were written or read them later.
 */
export class LogFold {
  /** What readers get of each asset and source (F8). */
  readonly before: Map<AssetKey, ReadableEvent>;
  /** Assets that failed, were blocked or were cancelled after what readers get of them. */
  readonly missed: Set<AssetKey>;
  /** By plan index, for each output in need: the last traces, newest first. Steps that are never trusted have none. */
  readonly traces: Map<number, (readonly Trace[])[]> = new Map();
  /** By plan index: the last time that a step settled and did not succeed, where it has not succeeded since. */
  readonly unsuccessful: Map<number, Trace>;
  /** By plan index: where the state is that a step starts from. */
  readonly states: Map<number, Address>;
  readonly #plan: Plan;
  readonly #limit: number;
  readonly #steps: ReadonlyMap<string, PlannedStep>;

  constructor({ plan, before, missed, traces, states }: ResolvedPlan, unsuccessful: Map<number, Trace>, limit: number) {
    this.#plan = plan;
    this.#limit = limit;
    this.#steps = new Map(plan.steps.map((planned) => [placeName(planned.step), planned]));
    this.before = new Map(before);
    this.missed = new Set(missed);
    this.unsuccessful = unsuccessful;
    this.states = new Map(states);
    for (const { index, step, needed } of plan.steps)
      if (!step.op.volatile) this.traces.set(index, [...(traces.get(index) ?? needed.map(() => []))]);
  }

  /** Takes the next event of the log; gives the step of the plan that it settles, if it does. */
  add(event: LoggedEvent): SettledTrace | undefined {
    if (isReadable(event)) {
      this.before.set(event.key, event);
      this.missed.delete(event.key);
    } else if (isMissed(event)) {
      if (this.#plan.selection.has(event.key)) this.missed.add(event.key);
    } else if (event.type === 'step-settled') return this.#settle(event);
    return undefined;
  }

  #settle(trace: Trace): SettledTrace | undefined {
    const planned = this.#steps.get(placeName({ definition: trace.definition, path: trace.step }));
    // What was cancelled says nothing of its step.
    if (planned === undefined || trace.outcome === 'cancelled') return undefined;
    if (trace.outcome === 'succeeded') this.#succeed(planned, trace);
    else this.unsuccessful.set(planned.index, trace);
    return { planned, trace };
  }

  #succeed({ index, step, needed }: PlannedStep, trace: Trace): void {
    this.unsuccessful.delete(index);
    if (trace.stateAddress !== null) this.states.set(index, trace.stateAddress);
    const traces = this.traces.get(index);
    if (traces === undefined) return;
    const names = new Set(trace.outputs.map(({ output }) => output));
    const dropped = new Set(trace.dropped);
    // What is made together is only ever compared with its last execution.
    const limit = step.op.outputsTogether ? 1 : this.#limit;
    for (const [place, output] of needed.entries()) {
      const name = step.outputs[output]?.name ?? '';
      if (names.has(name)) traces[place] = [trace, ...(traces[place] ?? [])].slice(0, limit);
      else if (dropped.has(name)) traces[place] = [];
    }
  }
}

/** Whether an event of a step tells of every output that is in need now: it may have been logged when fewer were. */
export function tellsAll({ outputs }: Trace, { step, needed }: PlannedStep): boolean {
  const told = new Set(outputs.map(({ output }) => output));
  return needed.every((output) => told.has(step.outputs[output]?.name ?? ''));
}

/** The steps of a plan whose last word in the log, as of where the plan reads, is that they did not succeed. */
export async function readUnsuccessful({ plan: { steps }, readsAt }: ResolvedPlan, port: LivePort): Promise<Map<number, Trace>> {
  const ids = steps.map(({ step: { definition, path } }) => ({ definition, step: path }));
  const events = await port.lastUnsuccessful(ids, readsAt);
  const found = steps.flatMap((planned, which) => {
    const event = events[which];
    return event === undefined ? [] : [{ planned, event }];
  });
  if (found.length === 0) return new Map();
  const outputs = found.flatMap(({ planned: { step } }, which) =>
    step.outputs.map(({ name }) => ({ definition: step.definition, step: step.path, output: name, which })),
  );
  const successes = await port.lastSettled(outputs, readsAt);
  const succeeded = found.map(() => 0);
  for (const [index, { which }] of outputs.entries()) succeeded[which] = Math.max(succeeded[which] ?? 0, successes[index]?.position ?? 0);
  return new Map(
    found.flatMap(({ planned, event }, which) => (event.position > (succeeded[which] ?? 0) ? [[planned.index, event] as const] : [])),
  );
}
