import { freezeEvent } from '../../lib/events/freeze-event.ts';
import { atPosition, type LoggedEvent, type NewEvent, type ReadableEvent } from '../../lib/events/logged-event.ts';
import type { Position } from '../../lib/events/position.ts';
import type { StoredValue, StorePort } from '../../lib/events/store-port.ts';
import { type Observation, readValue } from '../../lib/events/store.ts';
import { DEFAULT_LIMITS } from '../../lib/events/value-limits.ts';
import { invariant } from '../../lib/kernel/invariant.ts';
import type { AssetKey } from '../../lib/model/asset-key.ts';
import type { Plan, PlannedStep } from '../../lib/plan/plan.ts';
import { differenceOf } from '../../lib/plan/trace.ts';
import type { ResourceScope } from '../resources/resource-scope.ts';
import type { Clock } from '../step/clock.ts';
import type { CommittedState } from '../step/state.ts';
import { asObserved, once } from '../run/pin.ts';
import { Reuse, stepNow } from '../run/reuse.ts';
import type { Readable } from '../run/gather.ts';
import type { AssetOutcome } from '../run/outcome.ts';
import type { ResolvedPlan } from '../run/resolve.ts';
import { StepPump } from '../run/run-steps.ts';
import { asRecorded, type SettledStep } from '../run/settled-step.ts';
import { settledEvents } from '../run/settled-events.ts';
import { fixEmitted, withinLimits, type Slot } from '../run/slot.ts';
import { StepEvents } from '../run/step-events.ts';
import { readState } from '../run/step-states.ts';
import type { Supplied } from '../run/supply.ts';
import { adoptedSlots } from './adopted-slots.ts';
import type { EpochWork, ObservedNow, SettledEpoch } from './epoch-work.ts';
import { LiveHeld } from './live-held.ts';
import { tellsAll, type LogFold, type SettledTrace } from './log-fold.ts';
import { observeSource } from './source-of.ts';
import { placesOf, readersOf } from './plan-places.ts';
import { RowsBefore } from './rows-before.ts';

/** What a graph that lives is made of. */
export interface LiveGraphParts {
  readonly resolved: ResolvedPlan;
  readonly fold: LogFold;
  readonly port: StorePort;
  /** Where values are read; what was appended and is not on disk yet, it waits for. */
  readonly reads: StorePort;
  readonly runId: string;
  readonly clock: Clock;
  readonly resources: ResourceScope;
  readonly signal: AbortSignal;
  readonly concurrency: number;
  readonly graceMs: number;
  /** The time limit of steps whose op has none. */
  readonly stepTimeoutMs: number | undefined;
}

/** What an epoch logs, by the plan index of the step that it is about. */
type Pending = { readonly index: number } & ({ readonly settled: SettledStep; readonly time: number } | { readonly event: NewEvent });

/**
 * The steps of a plan, kept up to date epoch by epoch. What each step gave, what readers of assets get and which traces hold is in memory, so an
 * epoch costs what it touches.
 *
 * Nobody else may write the log meanwhile: so the position of every event is known when its epoch settles, long before it is on disk, and
 * the store refuses a batch that would come to stand elsewhere.
 */
export class LiveGraph {
  readonly #parts: LiveGraphParts;
  readonly #plan: Plan;
  readonly #fold: LogFold;
  readonly #pump: StepPump;
  readonly #held: LiveHeld;
  readonly #supply: Map<AssetKey, Supplied>;
  readonly #readersOf: ReadonlyMap<AssetKey, readonly number[]>;
  readonly #placeOf: ReadonlyMap<AssetKey, { readonly step: number; readonly output: number }>;
  /** By plan index: the event that a step's outputs come from. */
  readonly #positions: Position[] = [];
  /** By plan index: what the outputs came out as in the last epoch that has settled. In the one that runs, others are in the pump already. */
  readonly #settled: (ReadonlyMap<number, Slot> | undefined)[] = [];
  readonly #rowsBefore: RowsBefore;
  /** Steps that have settled since. */
  readonly #touched = new Set<number>();
  readonly #committed = new Map<number, CommittedState>();
  readonly #events: StepEvents;
  #pending: Pending[] = [];
  #retried: ReadonlySet<number> = new Set();
  #first = true;
  #epoch = 0;
  #next: Position;
  #fatal: { readonly error: unknown } | undefined;

  constructor(parts: LiveGraphParts) {
    const { resolved, fold, runId, clock } = parts;
    this.#parts = parts;
    this.#plan = resolved.plan;
    this.#fold = fold;
    this.#supply = new Map(resolved.supply);
    this.#next = resolved.readsAt + 1;
    this.#events = new StepEvents({ runId, now: clock.now });
    this.#readersOf = readersOf(this.#plan);
    this.#placeOf = placesOf(this.#plan);
    const stored = { port: parts.reads, codecs: resolved.codecs };
    this.#held = new LiveHeld({ plan: this.#plan, held: resolved.held, stored, slotsOf: (step) => this.#pump.slots[step] });
    this.#pump = new StepPump(this.#stepRun());
    this.#rowsBefore = new RowsBefore({ reads: parts.reads, codecs: resolved.codecs }, this);
    for (const [index, { position }] of fold.unsuccessful) this.#positions[index] = position;
  }

  /** The number of the next epoch. */
  get epoch(): number {
    return this.#epoch;
  }

  /** The position of the next event. */
  get next(): Position {
    return this.#next;
  }

  /** Says where its first event will stand, where that is not right behind what it was resolved at, and which epoch of its service comes first. */
  startAt(next: Position, epoch: number): void {
    this.#next = next;
    this.#epoch = epoch;
  }

  /** Failed steps, by plan index. */
  get failed(): readonly number[] {
    return [...this.#fold.unsuccessful].flatMap(([index, { outcome }]) => (outcome === 'failed' ? [index] : []));
  }

  /** What a new value of a source would add to the log. Throws SelectionError UNKNOWN_SOURCE, StoreError VALUE_NOT_STORABLE or VALUE_TOO_LARGE. */
  observe(key: AssetKey, value: unknown, offset: string | null): Observation {
    const { clock, runId, port } = this.#parts;
    return observeSource(this.#plan.defs, port, { key, value, offset, time: clock.now(), runId, before: this.#fold.before.get(key) });
  }

  /** What the graph reads of a source now; a promise where it has to be fetched. */
  valueOfSource(key: AssetKey): unknown {
    const supplied = this.#supply.get(key);
    if (supplied !== undefined) return supplied.state.state === 'value' ? supplied.value() : undefined;
    const event = this.#fold.before.get(key);
    return event === undefined ? undefined : readValue(this.#parts.reads, event, this.#parts.resolved.codecs);
  }

  /** How an asset of the plan came out as of the last epoch that has settled; `undefined` before the first one. */
  slotOf(key: AssetKey): Slot | undefined {
    const place = this.#placeOf.get(key);
    return place === undefined ? undefined : this.#settled[place.step]?.get(place.output);
  }

  /** What readers get of an asset of the plan (F8), on disk or on its way there. */
  readableOf(key: AssetKey): ReadableEvent | undefined {
    return this.#fold.before.get(key);
  }

  /** Whether a key is that of an asset of the plan, and no source's. */
  isAsset(key: AssetKey): boolean {
    return this.#placeOf.has(key);
  }

  /** Runs one epoch. Gives nothing where it was cancelled on the way; rejects where a value cannot be read. */
  async run(work: EpochWork): Promise<SettledEpoch | undefined> {
    const base = this.#next;
    const head: NewEvent[] = [...work.head, ...work.observed.map(({ made }) => made.event)];
    this.#pending = [];
    this.#retried = work.retried;
    this.#first = work.first;
    const marked = new Set(work.marked);
    for (const [at, observed] of work.observed.entries()) {
      this.#supplyNow(observed, base + work.head.length + at);
      for (const reader of this.#readersOf.get(observed.key) ?? []) marked.add(reader);
    }
    const failure = await new Promise<{ readonly error: unknown } | undefined>((resolve) => this.#pump.start(marked, resolve));
    if (failure !== undefined) throw failure.error;
    if (this.#fatal !== undefined) throw this.#fatal.error;
    if (this.#parts.signal.aborted) return undefined;
    return this.#settle(base, head, new Map(work.observed.map(({ made: { encoded } }) => [encoded.address, encoded])));
  }

  /**
   * Takes over what somebody else has written, at its turn, from {@link next} on. Gives the steps to look at: those that were run with what
   * may be other code, and those that read what is another value now.
   */
  adopt(events: readonly LoggedEvent[]): ReadonlySet<number> {
    const marked = new Set<number>();
    for (const event of events) {
      invariant(event.position === this.#next, 'the log is taken over without a gap');
      this.#next += 1;
      this.#rowsBefore.note(event);
      const settled = this.#fold.add(event);
      for (const reader of this.#held.add(event)) marked.add(reader);
      if (settled !== undefined) this.#adoptStep(settled, marked);
      else if (event.type === 'source-observed') this.#adoptPut(event, marked);
    }
    return marked;
  }

  #adoptStep({ planned, trace }: SettledTrace, marked: Set<number>): void {
    const stored = { port: this.#parts.reads, codecs: this.#parts.resolved.codecs };
    this.#positions[planned.index] = trace.position;
    this.#committed.delete(planned.index);
    this.#touched.add(planned.index);
    for (const reader of this.#pump.adopt(planned.index, adoptedSlots(planned, trace, stored))) marked.add(reader);
    // It may have been run with other code: then its trace does not hold here. A volatile one has no trace that could.
    if (!planned.step.op.volatile) marked.add(planned.index);
  }

  /** What is put under the key of an asset is what readers get (F8), and its step says anew what the asset is. */
  #adoptPut(event: Extract<LoggedEvent, { readonly type: 'source-observed' }>, marked: Set<number>): void {
    if (this.#supply.has(event.key)) return this.#adoptSource(event, marked);
    const place = this.#plan.selection.has(event.key) ? this.#placeOf.get(event.key) : undefined;
    if (place !== undefined) marked.add(place.step);
  }

  #adoptSource(event: Extract<LoggedEvent, { readonly type: 'source-observed' }>, marked: Set<number>): void {
    const { reads, resolved } = this.#parts;
    const { key, version, position } = event;
    this.#supply.set(key, { state: { state: 'value', version }, position, value: once(() => readValue(reads, event, resolved.codecs)) });
    for (const reader of this.#readersOf.get(key) ?? []) marked.add(reader);
  }

  #supplyNow({ key, value, made: { event, encoded } }: ObservedNow, position: Position): void {
    const { codecs } = this.#parts.resolved;
    const state = { state: 'value', version: event.version } as const;
    this.#supply.set(key, { state, position, value: once(() => asObserved(value, { key, encoded, codecs })) });
  }

  #settle(base: Position, head: readonly NewEvent[], observed: ReadonlyMap<string, StoredValue>): SettledEpoch {
    const events: NewEvent[] = [...head];
    const values = new Map(observed);
    const outcomes: AssetOutcome[] = [];
    const steps: { readonly settled: SettledStep; readonly start: number; readonly end: number }[] = [];
    const { before, missed } = this.#fold;
    const readable = { slots: this.#pump.slots, supply: this.#supply, held: this.#held.values };
    const positionOf = (step: number): Position => this.#positionOf(step);
    // One object for all steps: copying it for each would cost a tenth of the epoch.
    const scope = {
      time: 0,
      plan: this.#plan,
      runId: this.#parts.runId,
      before,
      missed,
      readable,
      positionOf,
      events,
      values,
      outcomes,
    };
    // In the order of the plan, not in that in which asynchronous steps happened to end: the same items give the same log again after a crash.
    for (const pending of this.#pending.sort((a, b) => a.index - b.index)) {
      if ('event' in pending) {
        events.push(pending.event);
        continue;
      }
      const { settled, time } = pending;
      const start = events.length;
      if (settled.outcome !== 'reused' && settled.recorded !== true) this.#positions[settled.planned.index] = base + start;
      scope.time = time;
      settledEvents(settled, scope);
      steps.push({ settled, start, end: events.length });
    }
    const logged = this.#log(events, base);
    const number = this.#epoch;
    this.#epoch += 1;
    return {
      number,
      events: logged,
      // Also where it has no events: what comes after an epoch that was not written must not be either.
      batch: { events, values: [...values.values()], at: base },
      steps: steps.map(({ settled, start, end }) => ({ settled, events: events.slice(start, end), first: base + start })),
      outcomes,
      position: this.#next - 1,
      deltaOf: this.#rowsBefore.take(),
    };
  }

  /** Gives the events of an epoch their positions, and moves on to behind them. */
  #log(events: readonly NewEvent[], base: Position): readonly LoggedEvent[] {
    const logged = events.map((event, index) => freezeEvent(atPosition(event, base + index, base)));
    for (const event of logged) {
      this.#rowsBefore.note(event);
      this.#fold.add(event);
      this.#held.add(event);
    }
    for (const index of this.#touched) this.#settled[index] = this.#pump.slots[index];
    this.#touched.clear();
    this.#next = base + events.length;
    return logged;
  }

  #positionOf(step: number): Position {
    const position = this.#positions[step];
    invariant(position !== undefined, 'what a settled step reads has settled before it, here or in the log');
    return position;
  }

  #stepRun(): ConstructorParameters<typeof StepPump>[0] {
    const { resolved, port, reads, runId, clock, resources, signal, concurrency, graceMs, stepTimeoutMs } = this.#parts;
    const { limits = DEFAULT_LIMITS } = port;
    return {
      plan: this.#plan,
      port,
      runId,
      supply: this.#supply,
      held: this.#held.values,
      stateOf: (planned) => this.#stateOf(planned),
      reuse: new Reuse({ plan: this.#plan, traces: this.#fold.traces, codecs: resolved.codecs }, reads),
      waiting: (planned, readable) => this.#waiting(planned, readable),
      clock,
      resources,
      turnMs: TURN_MS,
      concurrency,
      graceMs,
      signal,
      ...(stepTimeoutMs !== undefined && { timeoutMs: stepTimeoutMs }),
      observer: {
        onStart: () => undefined,
        onRetry: () => undefined,
        onDiscard: () => undefined,
        onLine: (planned, attempt, line) => this.#pending.push({ index: planned.index, event: this.#events.line(planned, attempt, line) }),
        onFatal: (error) => (this.#fatal ??= { error }),
        onSettled: (settled) => this.#take(settled),
      },
      // A service is one run, and a value that passes by reference is another one each time that it is made.
      fix: (emitted, place) => withinLimits(fixEmitted(emitted, { ...place, runId: `${runId}/${this.#epoch}` }), place, limits),
    };
  }

  #take(settled: SettledStep): void {
    const { index } = settled.planned;
    this.#touched.add(index);
    if (settled.state !== undefined) this.#committed.set(index, settled.state.after);
    // What was passed over when the last service ended, and is so still, is in the log.
    const before = this.#first && settled.outcome !== 'failed' ? this.#fold.unsuccessful.get(index) : undefined;
    const isSaid = before?.outcome === settled.outcome && tellsAll(before, settled.planned);
    this.#pending.push({ index, settled: isSaid ? asRecorded(settled) : settled, time: this.#parts.clock.now() });
  }

  /** A step that failed on what it would get now, and was asked for what it is asked for now, waits for something else (F7). */
  #waiting(planned: PlannedStep, readable: Readable): boolean {
    const failed = this.#fold.unsuccessful.get(planned.index);
    if (failed?.outcome !== 'failed' || this.#retried.has(planned.index)) return false;
    if (failed.outputs.length !== planned.needed.length || !tellsAll(failed, planned)) return false;
    return differenceOf(failed, stepNow(this.#plan, planned, readable)) === undefined;
  }

  #stateOf(planned: PlannedStep): CommittedState | undefined | Promise<CommittedState | undefined> {
    const committed = this.#committed.get(planned.index);
    if (committed !== undefined) return committed;
    const address = this.#fold.states.get(planned.index);
    return address === undefined ? undefined : readState(this.#parts.reads, address, planned.step.id);
  }
}

const TURN_MS = 10;
