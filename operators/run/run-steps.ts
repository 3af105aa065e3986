import { invariant } from '../../lib/kernel/invariant.ts';
import type { StorePort } from '../../lib/events/store-port.ts';
import type { AssetKey } from '../../lib/model/asset-key.ts';
import type { Step, StepOutput } from '../../lib/model/step-graph.ts';
import type { Epoch } from '../../lib/epoch/epoch.ts';
import { createEpoch } from '../../lib/epoch/create-epoch.ts';
import { readSteps, type Plan, type PlannedStep } from '../../lib/plan/plan.ts';
import type { Clock } from '../step/clock.ts';
import type { ResourceScope } from '../resources/resource-scope.ts';
import { executeStep, type Retrying, type StepEnd } from '../step/execute-step.ts';
import type { Emitted } from '../step/outputs.ts';
import type { StepLine } from '../step/step-log.ts';
import { afterTurn } from './environment.ts';
import { insideBody } from './inside-body.ts';
import { gather, judge, type Gathered } from './gather.ts';
import { Limits } from './limits.ts';
import { cancelled, executed, passedOver, type SettledStep } from './settled-step.ts';
import { freezeEmitted, type Slot, type ValueSlot } from './slot.ts';
import { factsOf } from './step-facts.ts';
import type { Supply } from './supply.ts';

/** What is told of steps while they run. Called synchronously, in settle order. */
export interface StepObserver {
  onStart(planned: PlannedStep, started: Started): void;
  onRetry(planned: PlannedStep, retrying: Retrying): void;
  onLine(planned: PlannedStep, attempt: number, line: StepLine): void;
  onDiscard(planned: PlannedStep, output: string): void;
  onSettled(settled: SettledStep): void;
  /** The run cannot go on: to abort its signal, so that what runs is told and waited for. */
  onFatal(error: unknown): void;
}

/** An attempt that starts, and the assets and sources that were read for the step. */
export interface Started {
  readonly attempt: number;
  readonly loaded: readonly AssetKey[];
}

/** What it takes to run the steps of a plan once. */
export interface StepRun {
  readonly plan: Plan;
  /** The store that the run records on, if it records: its bodies must not wait for a run on it. */
  readonly port?: StorePort;
  readonly runId: string;
  readonly supply: Supply;
  readonly clock: Clock;
  /** Disposed by whoever made it, when the steps are over. */
  readonly resources: ResourceScope;
  /** How long steps may go on before the event loop gets a turn between two of them, in milliseconds (X1). */
  readonly turnMs: number;
  readonly concurrency: number;
  /** Aborting it cancels: started bodies are waited for up to `graceMs`, and nothing more starts (X12). */
  readonly signal: AbortSignal;
  readonly graceMs: number;
  readonly observer: StepObserver;
  /**
   * Fixes what a body emitted on one output, as it is emitted (X13).
   *
   * @throws StepError with which the step fails
   */
  readonly fix: (emitted: Emitted, place: { readonly step: Step; readonly output: StepOutput; readonly runId: string }) => ValueSlot;
}

/** Called once, when a run of steps is over: with an error where a value to be loaded cannot be read. */
export type StepsDone = (failure?: StepsFailure) => void;

/** Why the steps of a run could not all be run: a value to be loaded cannot be read. */
export interface StepsFailure {
  readonly error: unknown;
}

/**
 * Runs the steps of a plan as one epoch. It is over when every step has settled, or when it was cancelled and its bodies have ended; where
 * everything is synchronous, before this returns.
 */
export function runSteps(run: StepRun, done: StepsDone): void {
  new StepPump(run, done).start();
}

class StepPump {
  readonly #run: StepRun;
  readonly #epoch: Epoch;
  readonly #readers: readonly ReadonlySet<number>[];
  readonly #slots: ReadonlyMap<number, Slot>[] = [];
  readonly #blockedBy: (readonly string[])[] = [];
  readonly #done: StepsDone;
  readonly #limits: Limits;
  /** By plan index: what was begun and has not settled; not what is still in line for its first attempt. */
  readonly #started = new Map<number, PlannedStep>();
  /** By plan index: the number of the attempt whose body was called last. */
  readonly #attempts: number[] = [];
  #pumping = false;
  #failure: StepsFailure | undefined;
  #over = false;
  #lastTurn: number;
  /** `awaited`: nothing starts until the event loop has had its turn. */
  #turn: 'none' | 'awaited' | 'taken' = 'none';
  #stopGrace: () => void = () => undefined;

  constructor(run: StepRun, done: StepsDone) {
    const { steps } = run.plan;
    this.#run = run;
    this.#done = done;
    this.#epoch = createEpoch({ predecessors: steps.map(({ predecessors }) => predecessors) });
    this.#readers = readersOf(steps);
    this.#limits = new Limits(run.concurrency, run.plan.pools);
    this.#lastTurn = run.clock.now();
    // In a batch run nothing has a state yet, so everything in the plan changes.
    for (const { index } of steps) this.#epoch.mark(index);
  }

  start(): void {
    const { signal } = this.#run;
    signal.addEventListener('abort', this.#cancel, { once: true });
    if (signal.aborted) this.#cancel();
    else this.#pump();
  }

  readonly #cancel = (): void => {
    for (const { resume } of this.#limits.clear()) resume();
    if (this.#started.size === 0) this.#end();
    else this.#stopGrace = this.#run.clock.timer(this.#run.graceMs, () => this.#giveUp());
  };

  /** Bodies that have not ended by now are left to themselves, and their steps are over. */
  #giveUp(): void {
    for (const planned of this.#started.values()) {
      this.#settle({ ...cancelled(planned), attempts: this.#attempts[planned.index] ?? 0 });
    }
    this.#end();
  }

  /** Starts nothing more, and ends when what runs has ended, where the observer aborts; else at once. */
  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#run.observer.onFatal(error);
    if (!this.#run.signal.aborted || this.#started.size === 0) this.#end();
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#stopGrace();
    this.#run.signal.removeEventListener('abort', this.#cancel);
    this.#done(this.#failure);
  }

  /** Starts what may start. Not reentrant: a step that settles synchronously only changes the epoch, and the loop sees that. */
  #pump(): void {
    if (this.#pumping || this.#turn === 'awaited') return;
    this.#pumping = true;
    try {
      while (this.#mayStart()) {
        if (this.#turnIsDue()) {
          this.#takeTurn();
          return;
        }
        if (!this.#startNext()) break;
      }
    } catch (error) {
      // Nothing of the user's: but whoever pumps, a microtask or a turn, has nobody to throw to.
      this.#fail(error);
    } finally {
      this.#pumping = false;
    }
    if (this.#epoch.settled || (this.#run.signal.aborted && this.#started.size === 0)) this.#end();
  }

  /** Who is in line goes before who comes. */
  #startNext(): boolean {
    const waiting = this.#limits.next();
    if (waiting !== undefined) {
      waiting.resume();
      return true;
    }
    const index = this.#epoch.next();
    if (index >= 0) this.#begin(index);
    return index >= 0;
  }

  #mayStart(): boolean {
    return !this.#over && !this.#run.signal.aborted && !this.#epoch.settled && !this.#limits.isFull;
  }

  /** Never right after a turn, however far the clock moves on meanwhile: each turn brings the run on by a step at least. */
  #turnIsDue(): boolean {
    const now = this.#run.clock.now();
    // A clock that was set back must not keep the event loop waiting.
    if (now < this.#lastTurn) this.#lastTurn = now;
    const due = this.#turn === 'none' && now - this.#lastTurn >= this.#run.turnMs;
    this.#turn = 'none';
    return due;
  }

  #takeTurn(): void {
    this.#turn = 'awaited';
    afterTurn(() => {
      this.#turn = 'taken';
      this.#lastTurn = this.#run.clock.now();
      this.#pump();
    });
  }

  #begin(index: number): void {
    const planned = this.#run.plan.steps[index];
    invariant(planned !== undefined, 'the epoch has a node for each step of the plan');
    const readable = { slots: this.#slots, supply: this.#run.supply };
    const verdict = judge(planned, readable);
    if (verdict !== 'run') return this.#settle(passedOver(planned, verdict, verdict === 'blocked' ? this.#culprits(planned) : []));
    const start = (): void => this.#start(planned);
    if (this.#limits.enter({ planned, resume: start })) start();
  }

  #start(planned: PlannedStep): void {
    // In line until the run was cancelled: it never started.
    if (this.#run.signal.aborted) return;
    this.#started.set(planned.index, planned);
    const gathered = gather(planned, { slots: this.#slots, supply: this.#run.supply });
    if (gathered instanceof Promise) {
      gathered.then((ready) => this.#later(planned, this.#execute(planned, ready))).catch((error: unknown) => this.#lose(planned, error));
      return;
    }
    const end = this.#execute(planned, gathered);
    if (end instanceof Promise) this.#later(planned, end);
    else this.#settle(executed(planned, end));
  }

  #later(planned: PlannedStep, end: StepEnd<ValueSlot> | Promise<StepEnd<ValueSlot>>): void {
    Promise.resolve(end)
      .then((ended) => {
        this.#settle(executed(planned, ended));
        this.#pump();
      })
      .catch((error: unknown) => this.#lose(planned, error));
  }

  /** A step that can neither run nor fail: it is cancelled, and so is the run. */
  #lose(planned: PlannedStep, error: unknown): void {
    if (this.#started.has(planned.index)) this.#settle(cancelled(planned));
    this.#fail(error);
  }

  #execute(planned: PlannedStep, { inputs, loaded }: Gathered): StepEnd<ValueSlot> | Promise<StepEnd<ValueSlot>> {
    const { plan, port, runId, signal, clock, observer, resources } = this.#run;
    return executeStep({
      op: planned.step.op,
      step: planned.step.id,
      selectedOutputs: planned.selectedOutputs,
      unselected: plan.policies.unselectedOutputs,
      // What is emitted late goes nowhere anyway, and the run may have ended.
      onDiscard: (output) => (signal.aborted ? undefined : observer.onDiscard(planned, output)),
      fix: (output, emitted) => this.#fix(planned, output, emitted),
      runId,
      inputs,
      config: () => planned.config?.value,
      resources,
      signal,
      clock,
      inBody: (body) => insideBody(port, body),
      pause: (ms) => this.#pause(planned, ms),
      facts: () => factsOf(planned, { slots: this.#slots, supply: this.#run.supply }),
      onStart: (attempt) => {
        this.#attempts[planned.index] = attempt;
        observer.onStart(planned, { attempt, loaded });
      },
      onRetry: (retrying) => observer.onRetry(planned, retrying),
      // A body that the run gave up on may go on; its run has ended.
      onLine: (attempt, line) => (this.#over ? undefined : observer.onLine(planned, attempt, line)),
    });
  }

  /** Lets others have the step's places while it waits, and gets in line again when the time is over. */
  #pause(planned: PlannedStep, ms: number): Promise<void> {
    const { clock, signal } = this.#run;
    const paused = new Promise<void>((resolve) => {
      const wake = (): void => {
        stopTimer();
        signal.removeEventListener('abort', wake);
        if (signal.aborted || this.#limits.enter({ planned, resume: resolve })) resolve();
      };
      const stopTimer = clock.timer(ms, wake);
      signal.addEventListener('abort', wake, { once: true });
      if (signal.aborted) wake();
    });
    this.#limits.leave(planned);
    this.#pump();
    return paused;
  }

  #fix({ step, selectedOutputs }: PlannedStep, name: string, emitted: Emitted): ValueSlot {
    const output = step.outputs.find((each) => each.name === name);
    invariant(output !== undefined, 'only declared outputs pass the gate');
    // Beyond need, only an asset is of interest (X7 `materialize`).
    if (output.key === undefined && !selectedOutputs.has(name)) return freezeEmitted(emitted);
    return this.#run.fix(emitted, { step, output, runId: this.#run.runId });
  }

  #settle(settled: SettledStep): void {
    if (this.#over) return;
    const { index } = settled.planned;
    this.#started.delete(index);
    this.#limits.leave(settled.planned);
    this.#slots[index] = settled.slots;
    this.#blockedBy[index] = settled.outcome === 'failed' ? [settled.planned.step.id] : settled.blockedBy;
    // A cancelled step has no states to read, and nothing starts any more.
    this.#epoch.settle(index, settled.outcome === 'cancelled' ? [] : (this.#readers[index] ?? []));
    this.#run.observer.onSettled(settled);
  }

  #culprits({ inputs }: PlannedStep): readonly string[] {
    const found = new Set<string>();
    for (const step of readSteps(inputs)) for (const id of this.#blockedBy[step] ?? []) found.add(id);
    return [...found];
  }
}

function readersOf(steps: readonly PlannedStep[]): readonly ReadonlySet<number>[] {
  const readers = steps.map(() => new Set<number>());
  for (const { index, inputs } of steps) for (const step of readSteps(inputs)) readers[step]?.add(index);
  return readers;
}
