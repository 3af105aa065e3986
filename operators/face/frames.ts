import type { AnyGraph } from '../../lib/model/graph.ts';
import type { Emission } from '../../lib/model/emission.ts';
import type { InputKind } from '../../lib/model/port.ts';
import type { Step, StepOutput } from '../../lib/model/step-graph.ts';
import type { Plan } from '../../lib/plan/plan.ts';
import { ResourceScope, type ResourceDisposalFailure } from '../resources/resource-scope.ts';
import { systemClock, uniqueId } from '../run/environment.ts';
import { runSteps } from '../run/run-steps.ts';
import type { StepObserver } from '../run/step-run.ts';
import type { SettledStep } from '../run/settled-step.ts';
import { checkEmitted } from '../run/slot.ts';
import { StepEvents, type StepEvent } from '../run/step-events.ts';
import type { Supplied, Supply } from '../run/supply.ts';
import type { Clock } from '../step/clock.ts';
import type { Emitted } from '../step/outputs.ts';
import { apart } from '../run/apart.ts';
import { FrameStates, type StepState } from './frame-states.ts';
import { entryNames, inKey, outputAt, planFrame, type FrameOptions } from './frame-plan.ts';

const CONCURRENCY = 16;
/** How long bodies are waited for that were cancelled, and resources that are disposed. */
const GRACE_MS = 5000;

/** What is given for the inputs of a graph, by name. */
export type Frame = Readonly<Record<string, unknown>>;

/** What comes out: the outputs that have a value, by name. */
export type OutputValues = Readonly<Record<string, unknown>>;

/** How an epoch ended: with what came out, with a failure, or cancelled, when its bodies had ended. */
export type EpochEnd = { readonly outputs: OutputValues } | { readonly error: unknown } | { readonly cancelled: true };

/** Called once, when an epoch is over. */
export type EpochDone = (ended: EpochEnd) => void;

/** An emission of an op on an output that was asked for. */
export type TakenEmission = Required<Pick<Emission, 'output' | 'value' | 'metadata'>> & Pick<Emission, 'version'>;

/** How frames are run. */
export interface FramesOptions extends Omit<FrameOptions, 'entries'> {
  /** What a list input of the graph takes: a list of entries, or the one entry that an upstream asset would be. */
  readonly lists: 'entries' | 'one';
  readonly clock?: Clock | undefined;
  /** Whether somebody waits for the bodies of an epoch that was cancelled. */
  readonly waitsForBodies?: boolean;
  readonly onEvent?: ((event: StepEvent) => void) | undefined;
  readonly onEmission?: ((emission: TakenEmission) => void) | undefined;
  /** What steps start from that keep state, by path; the op's initial state where none is given. */
  readonly state?: unknown;
  /** Told what each step left that keeps state, when it has succeeded. */
  readonly onState?: ((state: StepState) => void) | undefined;
}

/**
 * A graph that backs no asset, ready to run: one epoch a frame, recorded nowhere. Its resources live until it is closed, and what its steps
 * remember goes from frame to frame.
 */
export class Frames {
  readonly #target: AnyGraph;
  readonly #options: FramesOptions;
  readonly #runId = uniqueId();
  readonly #controller = new AbortController();
  readonly #states: FrameStates;
  #planned: { readonly shape: string; readonly plan: Plan };
  #resources: ResourceScope | undefined;
  /** Resolves when the epoch that runs is over. */
  #running: Promise<void> | undefined;
  #closing: Promise<readonly ResourceDisposalFailure[]> | undefined;

  /** @throws SelectionError for what cannot be planned */
  constructor(target: AnyGraph, options: FramesOptions) {
    this.#target = target;
    this.#options = { ...options, onEvent: apart(options.onEvent), onEmission: apart(options.onEmission) };
    this.#planned = this.#planFor(new Map());
    this.#states = new FrameStates(this.#planned.plan, options.state, apart(options.onState));
  }

  /** Runs one frame. Synchronous where its ops are. */
  run(frame: Frame, signal: AbortSignal, done: EpochDone): void {
    const plan = this.#planOf(frame);
    const { clock = systemClock, onEmission } = this.#options;
    const settled: SettledStep[] = [];
    const taken = new TakenEmissions(onEmission);
    this.#resources ??= new ResourceScope({
      provisions: plan.resources,
      context: Object.freeze({ signal: this.#controller.signal, runId: this.#runId }),
    });
    const over = this.#begin();
    runSteps(
      {
        plan,
        runId: this.#runId,
        supply: supplyFrom(this.#target, frame, this.#options.lists),
        clock,
        resources: this.#resources,
        stateOf: (planned) => this.#states.of(planned),
        // In somebody's pipe, what is synchronous stays so, however slow the machine is: their scheduler decides who gets a turn.
        turnMs: Infinity,
        concurrency: CONCURRENCY,
        signal,
        // Where nobody waits and nothing is to be disposed, a timer would only keep the process alive.
        graceMs: this.#options.waitsForBodies === true || plan.resources.size > 0 ? GRACE_MS : 0,
        observer: this.#observer(clock, { settled, taken }),
        fix: (emitted, place) => {
          const slot = checkEmitted(emitted, place);
          taken.add(place, emitted);
          return slot;
        },
      },
      (failed) => {
        over();
        if (signal.aborted) return done({ cancelled: true });
        const error = failed ?? settled.find((each) => each.error !== undefined);
        done(error === undefined ? { outputs: outputsOf(plan, settled) } : { error: error.error });
      },
    );
  }

  /** Closes what is given up before its end: resources are told by their signal, as in a run that is cancelled. */
  cancel(reason?: unknown): Promise<readonly ResourceDisposalFailure[]> | undefined {
    this.#controller.abort(reason);
    return this.close();
  }

  /** Disposes what was opened, when no body runs any more. Nothing to wait for where nothing could be opened. */
  close(): Promise<readonly ResourceDisposalFailure[]> | undefined {
    if (this.#planned.plan.resources.size === 0) return undefined;
    const { clock = systemClock } = this.#options;
    return (this.#closing ??= Promise.resolve(this.#running).then(() => this.#resources?.disposeWithin(GRACE_MS, clock) ?? []));
  }

  /** An epoch runs until the function that this gives is called. */
  #begin(): () => void {
    let end: () => void = () => undefined;
    this.#running = new Promise((resolve) => (end = resolve));
    return () => {
      this.#running = undefined;
      end();
    };
  }

  #observer(clock: Clock, { settled, taken }: { readonly settled: SettledStep[]; readonly taken: TakenEmissions }): StepObserver {
    const { onEvent } = this.#options;
    const events = new StepEvents({ runId: this.#runId, now: clock.now });
    return {
      // What only passes on to the frame is none of the graph's steps.
      onStart: (planned, started) => (planned.step.within.length === 0 ? undefined : onEvent?.(events.started(planned, started))),
      onRetry: (planned, retrying) => {
        taken.drop(planned.step);
        onEvent?.(events.retrying(planned, retrying));
      },
      onLine: (planned, attempt, line) => onEvent?.(events.line(planned, attempt, line)),
      onDiscard: (planned, output) => onEvent?.(events.discarded(planned, output)),
      onSettled: (each) => {
        settled.push(each);
        this.#states.settle(each);
        if (each.outcome === 'succeeded') taken.tell(each.planned.step);
      },
      onFatal: () => undefined,
    };
  }

  /** The plan for a frame whose lists have so many entries. Frames of one shape after another are planned once. */
  #planOf(frame: Frame): Plan {
    const counts = countEntries(this.#target, frame, this.#options.lists);
    if (JSON.stringify([...counts]) !== this.#planned.shape) this.#planned = this.#planFor(counts);
    return this.#planned.plan;
  }

  #planFor(entries: ReadonlyMap<string, number>): { readonly shape: string; readonly plan: Plan } {
    const { select, config, resources, pools } = this.#options;
    const given = {
      ...(config !== undefined && { config }),
      ...(resources !== undefined && { resources }),
      ...(pools !== undefined && { pools }),
    };
    return { shape: JSON.stringify([...entries]), plan: planFrame(this.#target, { select, entries, ...given }) };
  }
}

/** Emissions that wait for their step to succeed: what a failed attempt emitted is gone (X8). */
class TakenEmissions {
  readonly #onEmission: FramesOptions['onEmission'];
  readonly #waiting = new Map<Step, TakenEmission[]>();

  constructor(onEmission: FramesOptions['onEmission']) {
    this.#onEmission = onEmission;
  }

  add({ step, output }: { readonly step: Step; readonly output: StepOutput }, { value, metadata, version }: Emitted): void {
    // What only passes on to the frame was emitted before.
    if (this.#onEmission === undefined || step.within.length === 0) return;
    const emission = { output: output.name, value, metadata, ...(version !== undefined && { version }) };
    this.#waiting.set(step, [...(this.#waiting.get(step) ?? []), emission]);
  }

  drop(step: Step): void {
    this.#waiting.delete(step);
  }

  tell(step: Step): void {
    for (const emission of this.#waiting.get(step) ?? []) this.#onEmission?.(emission);
    this.#waiting.delete(step);
  }
}

/** What a frame gives for an input; `undefined` where it gives nothing, also for names that every object has. */
export function valueIn(frame: Frame, name: string): unknown {
  return Object.hasOwn(frame, name) ? frame[name] : undefined;
}

function countEntries({ inputs }: AnyGraph, frame: Frame, lists: FramesOptions['lists']): ReadonlyMap<string, number> {
  if (lists === 'one') return new Map();
  const given = Object.entries(inputs).filter(([, { kind }]) => kind === 'list');
  return new Map(given.map(([name]) => [name, entriesOf(valueIn(frame, name)).length]));
}

/** What is no list is one entry, and nothing at all is one that is absent: a required list skips its op then (X3). */
function entriesOf(given: unknown): readonly unknown[] {
  return Array.isArray(given) ? given : [given];
}

function supplyFrom({ inputs }: AnyGraph, frame: Frame, lists: FramesOptions['lists']): Supply {
  return new Map(
    Object.entries(inputs).flatMap(([name, { kind }]) => {
      const value = valueIn(frame, name);
      if (kind !== 'list' || lists === 'one') return [[inKey(name), supplied(value, kind)] as const];
      const entries = entriesOf(value);
      return entryNames(name, entries.length).map((entry, index) => [inKey(entry), supplied(entries[index], kind)] as const);
    }),
  );
}

function supplied(value: unknown, kind: InputKind): Supplied {
  // Order alone needs no value: what a frame is there for has settled (N6).
  const isThere = value !== undefined || kind === 'nothing';
  return { state: isThere ? { state: 'value', version: 'none:' } : { state: 'absent' }, position: null, value: () => value };
}

function outputsOf({ selection }: Plan, settled: readonly SettledStep[]): OutputValues {
  const found = settled.flatMap(({ planned, slots }) =>
    [...slots].flatMap(([output, slot]) => {
      const key = planned.step.outputs[output]?.key;
      return key !== undefined && selection.has(key) && slot.state === 'value' && !slot.none ? [[outputAt(key), slot.value] as const] : [];
    }),
  );
  return Object.freeze(Object.fromEntries(found));
}
