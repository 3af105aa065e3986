import type { StorePort } from '../../lib/events/store-port.ts';
import type { AssetKey } from '../../lib/model/asset-key.ts';
import type { Step, StepOutput } from '../../lib/model/step-graph.ts';
import type { Plan, PlannedStep } from '../../lib/plan/plan.ts';
import type { ResourceScope } from '../resources/resource-scope.ts';
import type { Clock } from '../step/clock.ts';
import type { CommittedState } from '../step/state.ts';
import type { Retrying } from '../step/execute-step.ts';
import type { Emitted } from '../step/outputs.ts';
import type { StepLine } from '../step/step-log.ts';
import type { Readable } from './gather.ts';
import type { Held } from './held.ts';
import type { Reuse, WhyRun } from './reuse.ts';
import type { SettledStep } from './settled-step.ts';
import type { ValueSlot } from './slot.ts';
import type { Standing } from './standing.ts';
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
  /** Why it was not reused, where it might have been. */
  readonly why?: WhyRun;
}

/** Where something was emitted, and by which run. */
export interface FixPlace {
  readonly step: Step;
  readonly output: StepOutput;
  readonly runId: string;
  /** The version of what made it, by the output's name. */
  readonly derived: (output: string) => string;
}

/** What it takes to run the steps of a plan once. */
export interface StepRun {
  readonly plan: Plan;
  /** The store that the run records on, if it records: its bodies must not wait for a run on it. */
  readonly port?: StorePort;
  readonly runId: string;
  readonly supply: Supply;
  /** What inputs that hold read where an entry has no value; nothing where there is no store. */
  readonly held?: Held;
  /** The state that a step starts from; `undefined` where it starts from the op's initial one. Asked of steps that keep state. */
  readonly stateOf?: (planned: PlannedStep) => CommittedState | undefined | Promise<CommittedState | undefined>;
  /** Says which steps need not run; without it all do. */
  readonly reuse?: Reuse;
  /** Whether a step that would run has failed on the same before, and waits for something else (F7); without it none does. */
  readonly waiting?: (planned: PlannedStep, readable: Readable) => boolean;
  /** The time limit of steps whose op has none, in milliseconds; without it they have none. */
  readonly timeoutMs?: number;
  /** Says which steps need not be looked at; without it all are. */
  readonly standing?: Standing | undefined;
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
  readonly fix: (emitted: Emitted, place: FixPlace) => ValueSlot;
}
