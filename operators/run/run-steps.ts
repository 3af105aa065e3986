import { invariant } from '../../lib/kernel/invariant.ts';
import type { Epoch } from '../../lib/epoch/epoch.ts';
import { createEpoch } from '../../lib/epoch/create-epoch.ts';
import { readSteps, type PlannedStep } from '../../lib/plan/plan.ts';
import type { StepEnd } from '../step/execute-step.ts';
import { afterTurn } from './environment.ts';
import { derivedVersion } from './derived-version.ts';
import { executePlanned } from './execute-planned.ts';
import { gather, judge, type Gathered, type Missing, type Readable } from './gather.ts';
import { Limits } from './limits.ts';
import { cancelled, executed, executedAgain, passedOver, reused, stillFailed, type SettledStep } from './settled-step.ts';
import type { WhyRun } from './reuse.ts';
import { isSameState, type Slot, type ValueSlot } from './slot.ts';
import { factsOf } from './step-facts.ts';
import { readersOf, type StepReaders } from './step-readers.ts';
import type { StepRun } from './step-run.ts';
import { whenDue } from './when-due.ts';

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
  const looked = run.standing?.looked ?? run.plan.steps;
  if (looked.length === 0) return done();
  new StepPump(run).start(
    looked.map(({ index }) => index),
    done,
  );
}

/**
 * Runs the steps of a plan, one epoch after the other: in the first everything is marked, in a later one what a change touches. What a step
 * gave stands until it settles again, and a step that gives what it gave before wakes nobody.
 */
export class StepPump {
  readonly #run: StepRun;
  readonly #epoch: Epoch;
  /** By plan index and output: the steps that read it, of those that are looked at. */
  readonly #readers: readonly (StepReaders | undefined)[];
  readonly #slots: ReadonlyMap<number, Slot>[];
  readonly #readable: Readable;
  readonly #blockedBy: (readonly string[])[] = [];
  readonly #limits: Limits;
  #done: StepsDone = () => undefined;
  /** By plan index: what was begun and has not settled; not what is still in line for its first attempt. */
  readonly #started = new Map<number, PlannedStep>();
  /** By plan index: the number of the attempt whose body was called last. */
  readonly #attempts: number[] = [];
  /** By plan index: reused steps that are executed after all, and who waits for their values. */
  readonly #awaited = new Map<number, PlannedStep[]>();
  readonly #executedAgain = new Set<number>();
  /** By plan index: for how many steps' values a step waits. */
  readonly #waitingFor = new Map<number, number>();
  /** Steps that were made to wait and wait for nothing now; a queue, so that a chain of them takes no stack. */
  #unblocked: PlannedStep[] = [];
  /** By plan index: why a step was not reused. */
  readonly #whys: (WhyRun | undefined)[] = [];
  #pumping = false;
  #failure: StepsFailure | undefined;
  #over = false;
  #lastTurn: number;
  /** `awaited`: nothing starts until the event loop has had its turn. */
  #turn: 'none' | 'awaited' | 'taken' = 'none';
  #stopGrace: () => void = () => undefined;

  constructor(run: StepRun) {
    const { steps } = run.plan;
    const looked = run.standing?.looked ?? steps;
    this.#run = run;
    this.#slots = run.standing?.slots ?? [];
    this.#readable = { slots: this.#slots, supply: run.supply, held: run.held };
    this.#epoch = createEpoch({ predecessors: steps.map(({ predecessors }) => predecessors) });
    this.#readers = readersOf(looked);
    this.#limits = new Limits(run.concurrency, run.plan.pools);
    this.#lastTurn = run.clock.now();
  }

  /** What the outputs of each step came out as, by plan index: of those that have settled. */
  get slots(): readonly ReadonlyMap<number, Slot>[] {
    return this.#slots;
  }

  /** Says what a step gave that this pump did not run, and which steps that touches: those that read what is another one now. */
  adopt(index: number, slots: ReadonlyMap<number, Slot>): readonly number[] {
    const woken = this.#woken(index, slots);
    this.#slots[index] = new Map([...(this.#slots[index] ?? []), ...slots]);
    return woken;
  }

  /** Starts an epoch in which these steps are looked at. Only when the epoch before is over, and none was cancelled. */
  start(marked: Iterable<number>, done: StepsDone): void {
    this.#done = done;
    this.#over = false;
    this.#executedAgain.clear();
    this.#waitingFor.clear();
    for (const index of marked) this.#epoch.mark(index);
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
    const unblocked = this.#unblocked.pop();
    if (unblocked !== undefined) {
      this.#begin(unblocked);
      return true;
    }
    const index = this.#epoch.next();
    if (index < 0) return false;
    const planned = this.#run.plan.steps[index];
    invariant(planned !== undefined, 'the epoch has a node for each step of the plan');
    this.#begin(planned);
    return true;
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

  #begin(planned: PlannedStep): void {
    const verdict = judge(planned, this.#readable);
    if (verdict !== 'run') return this.#settle(passedOver(planned, verdict, verdict === 'blocked' ? this.#culprits(planned) : []));
    const verified = this.#awaited.has(planned.index) ? undefined : this.#run.reuse?.of(planned, this.#readable);
    if (verified !== undefined && 'slots' in verified) return this.#settle(reused(planned, verified.slots));
    if (this.#run.waiting?.(planned, this.#readable) === true) return this.#settle(stillFailed(planned));
    this.#whys[planned.index] = verified?.why;
    this.#admit(planned);
  }

  #admit(planned: PlannedStep): void {
    if (this.#limits.enter({ planned, resume: () => this.#start(planned) })) this.#start(planned);
  }

  #start(planned: PlannedStep): void {
    // In line until the run was cancelled: it never started.
    if (this.#run.signal.aborted) return;
    this.#started.set(planned.index, planned);
    const gathered = gather(planned, this.#readable);
    if (gathered instanceof Promise) {
      gathered
        .then((ready) => ('missing' in ready ? this.#waitFor(planned, ready) : this.#later(planned, this.#execute(planned, ready))))
        .catch((error: unknown) => this.#lose(planned, error));
      return;
    }
    const end = this.#execute(planned, gathered);
    if (end instanceof Promise) this.#later(planned, end);
    else this.#settle(executed(planned, end));
  }

  /**
   * Executes reused steps whose values are gone, and begins this one anew when they have settled. For the epoch it has run all the time, so
   * nothing downstream of it starts, and nothing upstream has to be marked.
   */
  #waitFor(planned: PlannedStep, { missing }: Missing): void {
    this.#started.delete(planned.index);
    this.#limits.leave(planned);
    // Another reader may have had it executed since this one asked for its values.
    const awaited = missing.filter((index) => !this.#executedAgain.has(index));
    this.#waitingFor.set(planned.index, awaited.length);
    for (const index of awaited) {
      const waiting = this.#awaited.get(index);
      if (waiting !== undefined) {
        waiting.push(planned);
        continue;
      }
      const producer = this.#run.plan.steps[index];
      invariant(producer !== undefined, 'what a step reads is in its plan');
      this.#awaited.set(index, [planned]);
      this.#executeAgain(producer);
    }
    if (awaited.length === 0) this.#unblocked.push(planned);
    this.#pump();
  }

  #executeAgain(producer: PlannedStep): void {
    const known = this.#run.standing?.revive(producer);
    if (known === undefined) {
      this.#unblocked.push(producer);
      return;
    }
    known.then(
      () => {
        this.#unblocked.push(producer);
        this.#pump();
      },
      (error: unknown) => this.#fail(error),
    );
  }

  /** Those that wait for nothing else are begun anew. */
  #resume(waiting: readonly PlannedStep[]): void {
    for (const planned of waiting) {
      const left = (this.#waitingFor.get(planned.index) ?? 1) - 1;
      this.#waitingFor.set(planned.index, left);
      if (left === 0) this.#unblocked.push(planned);
    }
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

  #execute(planned: PlannedStep, gathered: Gathered): StepEnd<ValueSlot> | Promise<StepEnd<ValueSlot>> {
    const { observer, plan, reuse } = this.#run;
    const isAgain = this.#awaited.has(planned.index);
    return executePlanned(this.#run, planned, {
      gathered,
      isAgain,
      pause: (ms) => this.#pause(planned, ms),
      derived: derivedVersion(planned, { plan, reuse, readable: this.#readable, isAgain }),
      facts: () => factsOf(planned, this.#readable),
      onStart: (attempt) => {
        this.#attempts[planned.index] = attempt;
        const why = this.#whys[planned.index];
        observer.onStart(planned, { attempt, loaded: gathered.loaded, ...(why !== undefined && { why }) });
      },
      // A body that the run gave up on may go on; its run has ended.
      onLine: (attempt, line) => (this.#over ? undefined : observer.onLine(planned, attempt, line)),
    });
  }

  /** Lets others have the step's places while it waits, and gets in line again when the time is over. */
  #pause(planned: PlannedStep, ms: number): Promise<void> {
    const { signal } = this.#run;
    const paused = new Promise<void>((resolve) =>
      whenDue(ms, this.#run, () => {
        if (signal.aborted || this.#limits.enter({ planned, resume: resolve })) resolve();
      }),
    );
    this.#limits.leave(planned);
    this.#pump();
    return paused;
  }

  #settle(ended: SettledStep): void {
    if (this.#over) return;
    const { index } = ended.planned;
    const waiting = this.#awaited.get(index);
    const settled = waiting === undefined ? ended : executedAgain(this.#slots[index], ended);
    this.#started.delete(index);
    this.#limits.leave(settled.planned);
    // A cancelled step has no states to read, and nothing starts any more.
    const woken = settled.outcome === 'cancelled' ? [] : this.#woken(index, settled.slots);
    this.#slots[index] = settled.slots;
    this.#blockedBy[index] = settled.outcome === 'failed' ? [settled.planned.step.id] : settled.blockedBy;
    if (waiting === undefined) this.#epoch.settle(index, woken);
    else {
      this.#awaited.delete(index);
      this.#executedAgain.add(index);
    }
    this.#run.observer.onSettled(settled);
    if (waiting !== undefined) this.#resume(waiting);
  }

  /** The readers of outputs that come out as something else than before (F5). */
  #woken(index: number, slots: ReadonlyMap<number, Slot>): readonly number[] {
    const before = this.#slots[index];
    const woken: number[] = [];
    for (const [output, readers] of this.#readers[index] ?? []) {
      const slot = slots.get(output);
      if (slot !== undefined && !isSameState(before?.get(output), slot)) woken.push(...readers);
    }
    return woken;
  }

  #culprits({ inputs }: PlannedStep): readonly string[] {
    const found = new Set<string>();
    for (const step of readSteps(inputs.filter(({ hold }) => !hold))) for (const id of this.#blockedBy[step] ?? []) found.add(id);
    return [...found];
  }
}
