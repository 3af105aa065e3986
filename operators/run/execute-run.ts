import { aliasedPort } from '../../lib/events/aliased-port.ts';
import type { HookFailed, LogLine, NewEvent, Verification } from '../../lib/events/logged-event.ts';
import type { RunEvent } from '../../lib/events/run-event.ts';
import { quote } from '../../lib/kernel/print.ts';
import { createStore, type Store } from '../../lib/events/store.ts';
import { memoryPort } from '../../lib/memory/memory-port.ts';
import type { Position } from '../../lib/events/position.ts';
import type { Plan } from '../../lib/plan/plan.ts';
import type { StepReason } from '../../lib/plan/reason.ts';
import { ResourceScope } from '../resources/resource-scope.ts';
import type { Clock } from '../step/clock.ts';
import { readThrown } from '../../lib/kernel/thrown.ts';
import { beginRun } from './begin-run.ts';
import { linkedAbortController, systemClock, uniqueId } from './environment.ts';
import type { Readable } from './gather.ts';
import { copyOptions, questionOf } from './given-options.ts';
import { HookRunner, hasHooks } from './hook-runner.ts';
import { insideBody, refuseInsideBody } from './inside-body.ts';
import { missedAssets, NOTHING_MISSED, type MissedAssets } from './missed-assets.ts';
import { notStarted } from './not-started.ts';
import type { RunOptions } from './options.ts';
import { Recorder, type Recording } from './recorder.ts';
import { resolve as resolvePlan, settlePositions, type ResolvedPlan, type ResolveOptions } from './resolve.ts';
import type { ResultParts } from './result.ts';
import { reasonFor, recordedAt, type EntryPosition } from './reasons.ts';
import { endedEvent, startedEvent, statusOf } from './run-boundaries.ts';
import { Reuse, type WhyRun } from './reuse.ts';
import { runSteps, type StepsFailure } from './run-steps.ts';
import type { StepObserver, StepRun } from './step-run.ts';
import type { SettledStep } from './settled-step.ts';
import type { EventScope } from './settled-events.ts';
import { DEFAULT_LIMITS } from '../../lib/events/value-limits.ts';
import { fixEmitted, withinLimits } from './slot.ts';
import type { Standing } from './standing.ts';
import { publishPorts } from './publish-ports.ts';
import { StepEvents } from './step-events.ts';
import { stateReader } from './step-states.ts';
import type { Supply } from './supply.ts';
import { untilAborted } from './until-aborted.ts';
import { verificationOf } from './verify-run.ts';

/** What a run is beside its plan and its options. */
export interface RunTelling<Assets> {
  readonly publish?: Publish | undefined;
  /** Asks the store about the plan, and may give a part of it. */
  readonly resolver?: (plan: Plan<Assets>, store: Store, options: ResolveOptions) => Promise<ResolvedPlan<Assets>>;
}

/** Told of everything that happens in a run, in order. */
type Publish = (event: RunEvent) => void;

const DEFAULT_CONCURRENCY = 16;
const DEFAULT_GRACE_MS = 5000;
const TURN_MS = 10;

/**
 * One run, from its turn on the store to its last event. Resolves with what the result is made of, whatever its steps did.
 *
 * Rejects with SelectionError (resolve) or StoreError (the store); a run that started and could not record starts nothing more.
 */
export async function executeRun<Assets>(
  plan: Plan<Assets>,
  options: RunOptions,
  { publish, resolver = resolvePlan }: RunTelling<Assets> = {},
): Promise<ResultParts<Assets>> {
  const { clock = systemClock } = options;
  const given = copyOptions(options);
  const runId = uniqueId();
  const store = options.store ?? createStore(memoryPort(), { now: clock.now });
  refuseInsideBody(store.port);
  const notRun = async (cancelled: boolean, of = plan): Promise<ResultParts<Assets>> =>
    notStarted({ plan: of, runId, cancelled, position: await store.port.head() });
  // An empty selection runs and records nothing (N1), and neither does a run that is cancelled before it starts (X12).
  if (plan.selection.size === 0) return notRun(false);
  const { signal } = options;
  if (signal?.aborted === true) return notRun(true);
  const release = await untilAborted(store.turn(options.whenBusy ?? 'queue'), signal, (late) => late());
  if (release === undefined) return notRun(true);
  try {
    const resolved = await untilAborted(resolver(plan, store, questionOf(given, { clock, runId })), signal);
    if (resolved === undefined) return await notRun(true);
    if (resolved.plan.steps.length === 0) return await notRun(false, resolved.plan);
    return await new Run(resolved, { store, options: given, publish, runId, clock }).execute();
  } finally {
    release();
  }
}

interface RunParts {
  readonly store: Store;
  readonly options: RunOptions;
  readonly publish: Publish | undefined;
  readonly runId: string;
  readonly clock: Clock;
}

class Run<Assets> {
  #resolved: ResolvedPlan<Assets>;
  readonly #parts: RunParts;
  /** Aborted by the user's signal, or by a failing append: nothing may run ahead of what can be recorded. */
  readonly #controller: AbortController;
  readonly #unlink: () => void;
  readonly #settled: SettledStep[] = [];
  /** Slots by plan index, for the events of later steps. Filled in settle order. */
  readonly #slots: SettledStep['slots'][];
  readonly #standing: Standing | undefined;
  /** By plan index: steps that were reused, so far. */
  readonly #reused = new Map<number, SettledStep>();
  /** By plan index: why the steps ran that did. */
  readonly #ran = new Map<number, WhyRun | undefined>();
  /** Only where there are hooks. */
  #hooks: HookRunner | undefined;

  constructor(resolved: ResolvedPlan<Assets>, parts: RunParts) {
    this.#resolved = resolved;
    this.#parts = parts;
    this.#standing = resolved.standing;
    this.#slots = resolved.standing?.slots ?? [];
    const { controller, unlink } = linkedAbortController(parts.options.signal);
    this.#controller = controller;
    this.#unlink = unlink;
  }

  async execute(): Promise<ResultParts<Assets>> {
    try {
      return await this.#record();
    } finally {
      this.#unlink();
    }
  }

  async #record(): Promise<ResultParts<Assets>> {
    const port = aliasedPort(this.#parts.store.port, this.#resolved.plan.defs.aliases);
    const { options, runId, clock } = this.#parts;
    const {
      resolved,
      first,
      position: start,
    } = await beginRun(port, this.#resolved, (of) => startedEvent(of, options, { runId, time: clock.now() }));
    this.#resolved = resolved;
    const { plan, staleInputs } = resolved;
    const supply = settlePositions(this.#resolved.supply, start);
    const recorder = this.#recorder(supply);
    recorder.publish(first, start);
    await this.#runAll(supply, recorder);
    // A cancel that came when every step had settled changed nothing.
    const done = new Set(this.#settled.map(({ planned }) => planned.index));
    const cancelled =
      (this.#standing?.looked ?? plan.steps).some(({ index }) => !done.has(index)) ||
      this.#settled.some(({ outcome }) => outcome === 'cancelled');
    const missed = cancelled ? this.#missed(supply) : NOTHING_MISSED;
    const status = cancelled ? 'cancelled' : statusOf(this.#settled);
    const time = clock.now();
    const position = await this.#endWith(recorder, (undisturbed) => {
      const verified = cancelled ? undefined : this.#verified(undisturbed);
      return [...missed.events, endedEvent({ runId, time, status }, verified)];
    });
    return {
      runId: this.#parts.runId,
      plan,
      cancelled,
      settled: this.#settled,
      outcomes: [...recorder.outcomes, ...missed.outcomes],
      staleInputs,
      position,
      standing: this.#standing,
      gone: resolved.gone,
      reasonOf: (step) =>
        this.#reasonOf(step, recordedAt({ readable: this.#readable(supply), positionOf: (index) => recorder.positionOf(index) })),
    };
  }

  async #runAll(supply: Supply, recorder: Recorder): Promise<void> {
    const { options, runId, clock } = this.#parts;
    const graceMs = options.graceMs ?? DEFAULT_GRACE_MS;
    const { signal } = this.#controller;
    const { limits = DEFAULT_LIMITS } = this.#parts.store.port;
    const resources = new ResourceScope({ provisions: this.#resolved.plan.resources, context: Object.freeze({ signal, runId }) });
    this.#publishStanding();
    const steps: StepRun = {
      plan: this.#resolved.plan,
      standing: this.#standing,
      port: this.#parts.store.port,
      runId,
      supply,
      held: this.#resolved.held,
      stateOf: stateReader(this.#parts.store.port, this.#resolved.states),
      reuse: new Reuse(this.#resolved, this.#parts.store.port),
      clock,
      resources,
      turnMs: TURN_MS,
      concurrency: options.concurrency ?? DEFAULT_CONCURRENCY,
      graceMs,
      signal,
      observer: this.#observer(recorder),
      fix: (emitted, place) => withinLimits(fixEmitted(emitted, place), place, limits),
    };
    const fatal = await new Promise<StepsFailure | undefined>((resolve) => runSteps(steps, resolve));
    for (const settled of this.#reused.values()) recorder.add(settled);
    if (fatal === undefined && this.#endsAtOnce()) return;
    await this.#letGo(recorder, this.#dispose(resources, recorder, graceMs), graceMs, fatal);
    if (fatal === undefined) return;
    await this.#endFailed(recorder, this.#missed(supply).events);
    throw fatal.error;
  }

  /** Waits until what the steps used is let go of, and everything is recorded. */
  async #letGo(recorder: Recorder, disposed: Promise<void>, graceMs: number, fatal: StepsFailure | undefined): Promise<void> {
    try {
      await recorder.drain();
      await Promise.all([disposed, this.#hooks?.finish(graceMs)]);
      await recorder.drain();
    } catch (failure) {
      await Promise.all([disposed, this.#hooks?.finish(graceMs)]);
      await this.#endFailed(recorder, []);
      throw fatal?.error ?? failure;
    }
  }

  /** Whether nothing happens between the last step and the end of the run: both are recorded together then. */
  #endsAtOnce(): boolean {
    return this.#hooks === undefined && this.#resolved.plan.resources.size === 0;
  }

  async #endWith(recorder: Recorder, eventsAt: (undisturbed: Position) => readonly NewEvent[]): Promise<Position> {
    try {
      return await recorder.end(eventsAt);
    } catch (failure) {
      await this.#endFailed(recorder, []);
      throw failure;
    }
  }

  /** Lets go of what the steps used. What cannot be disposed, or takes too long, is a line of the log and fails nothing. */
  async #dispose(resources: ResourceScope, recorder: Recorder, graceMs: number): Promise<void> {
    if (this.#resolved.plan.resources.size === 0) return;
    for (const { resource, thrown } of await resources.disposeWithin(graceMs, this.#parts.clock))
      recorder.addEvent(this.#line(`Resource ${quote(resource)} could not be disposed: ${readThrown(thrown).said}`));
  }

  #reasonOf(step: number, positionOf: EntryPosition): StepReason | undefined {
    return this.#ran.has(step) ? reasonFor(this.#resolved.plan, step, { why: this.#ran.get(step), positionOf }) : undefined;
  }

  /** A line of the run itself. */
  #line(message: string): LogLine {
    const { runId, clock } = this.#parts;
    return { type: 'log-line', runId, time: clock.now(), definition: '', step: '', attempt: 0, level: 'error', message, data: undefined };
  }

  /** The end of a run that cannot go on, if the store can still take it: without it, the run reads as one whose process died. */
  async #endFailed(recorder: Recorder, missed: readonly NewEvent[]): Promise<void> {
    try {
      const { runId, clock } = this.#parts;
      await recorder.append([...missed, endedEvent({ runId, time: clock.now(), status: 'failed' })], []);
    } catch {
      // The error that the run ends with says more than this one.
    }
  }

  #events(): StepEvents {
    const { runId, clock } = this.#parts;
    return new StepEvents({ runId, now: clock.now });
  }

  /** What is not looked at is reused before anything starts. */
  #publishStanding(): void {
    const { publish } = this.#parts;
    if (publish !== undefined) for (const planned of this.#standing?.standing() ?? []) publish(this.#events().reused(planned));
  }

  #verified(position: Position): Verification | undefined {
    const count = this.#resolved.plan.steps.length;
    return this.#standing && verificationOf(this.#standing, { settled: this.#settled, count, position });
  }

  #observer(recorder: Recorder): StepObserver {
    const { options, publish } = this.#parts;
    const events = this.#events();
    const looked = (this.#standing?.looked ?? this.#resolved.plan.steps).length;
    return {
      onStart: (planned, started) => {
        this.#ran.set(planned.index, started.why);
        publish?.(events.started(planned, started));
      },
      onRetry: (planned, retrying) => publish?.(events.retrying(planned, retrying)),
      onLine: (planned, attempt, line) => recorder.addEvent(events.line(planned, attempt, line)),
      onDiscard: (planned, output) => publish?.(events.discarded(planned, output)),
      onFatal: (error) => this.#controller.abort(error),
      onSettled: (settled) => {
        this.#settled.push(settled);
        if (this.#settled.length === looked && this.#endsAtOnce()) recorder.hold();
        // Cancelled while it was executed for a value that is gone: as what it is, it was reused before.
        if (settled.outcome === 'cancelled' && this.#wasReused(settled.planned.index)) return;
        this.#slots[settled.planned.index] = settled.slots;
        // What is reused may yet be executed, for a value that is gone: it is told of when that is known.
        if (settled.outcome === 'reused') this.#reused.set(settled.planned.index, settled);
        else {
          this.#reused.delete(settled.planned.index);
          recorder.add(settled);
        }
        if (settled.outcome === 'reused') publish?.(events.reused(settled.planned));
        if (options.ports !== undefined) publishPorts(options.ports, settled);
      },
    };
  }

  #wasReused(index: number): boolean {
    return this.#reused.has(index) || this.#standing?.stands(index) === true;
  }

  #recorder(supply: Supply): Recorder {
    const { store, publish, clock } = this.#parts;
    const recorder: Recorder = new Recorder({
      port: store.port,
      readsAt: this.#resolved.readsAt,
      scope: this.#scope(supply),
      now: clock.now,
      publish,
      onRecorded: this.#startHooks((event) => recorder.addEvent(event)),
      onFailure: () => this.#controller.abort(),
    });
    return recorder;
  }

  #startHooks(onFailed: (event: HookFailed) => void): Recording['onRecorded'] {
    const { store, options, runId, clock } = this.#parts;
    const { plan } = this.#resolved;
    if (options.hooks === undefined && !hasHooks(plan)) return undefined;
    const runner = new HookRunner({ plan, runId, clock, hooks: options.hooks, around: (call) => insideBody(store.port, call), onFailed });
    this.#hooks = runner;
    return (settled, events, first) => runner.recorded(settled, events, first);
  }

  #scope(supply: Supply): Omit<EventScope, 'time' | 'positionOf'> {
    const { plan, before, missed } = this.#resolved;
    return { plan, before, missed, runId: this.#parts.runId, readable: this.#readable(supply) };
  }

  #readable(supply: Supply): Readable {
    return { slots: this.#slots, supply, held: this.#resolved.held };
  }

  #missed(supply: Supply): MissedAssets {
    return missedAssets(this.#settled, this.#standing, { time: this.#parts.clock.now(), ...this.#scope(supply) });
  }
}
