import type { AssetKey } from '../model/asset-key.ts';
import type { ErrorRecord, LoggedEvent } from './logged-event.ts';

interface OfStep {
  readonly runId: string;
  readonly time: number;
  readonly definition: string;
  readonly step: string;
}

/** A body is about to start. Streamed, never logged. */
export interface StepStarted extends OfStep {
  readonly type: 'step-started';
  readonly op: string;
  /** 1, and one more each time that the step is tried again. */
  readonly attempt: number;
  /** The outputs that the body is asked for. */
  readonly selectedOutputs: readonly string[];
  /** Assets and sources whose stored value goes into a value or list input of this step. */
  readonly loaded: readonly AssetKey[];
}

/** A step was not run, since it would give what it gave before (F2). Streamed, never logged. */
export interface StepReused extends OfStep {
  readonly type: 'step-reused';
  readonly op: string;
  /** The outputs that are in need. */
  readonly selectedOutputs: readonly string[];
}

/** An attempt failed and the step will be tried again. Streamed, never logged. */
export interface StepRetrying extends OfStep {
  readonly type: 'step-retrying';
  readonly op: string;
  /** The attempt that failed; the next one has the number after it. */
  readonly attempt: number;
  /** How long the step waits before it is tried again. */
  readonly delayMs: number;
  readonly error: ErrorRecord;
}

/** A body emitted what nothing needs, and the emission went nowhere (X7). Streamed, never logged. */
export interface OutputDiscarded extends OfStep {
  readonly type: 'output-discarded';
  readonly output: string;
  /** The asset that the output is, where it is one. */
  readonly key: AssetKey | null;
}

/** What a run tells while it runs: logged events once they are recorded, with their position, and what is only streamed. */
export type RunEvent = LoggedEvent | StepStarted | StepReused | StepRetrying | OutputDiscarded;
