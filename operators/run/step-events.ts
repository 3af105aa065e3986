import type { LogLine } from '../../lib/events/logged-event.ts';
import type { OutputDiscarded, StepRetrying, StepReused, StepStarted } from '../../lib/events/run-event.ts';
import type { PlannedStep } from '../../lib/plan/plan.ts';
import type { Retrying } from '../step/execute-step.ts';
import type { StepLine } from '../step/step-log.ts';
import type { Started } from './step-run.ts';
import { errorRecord } from './settled-events.ts';

/** What a step tells while it runs: what is streamed of it, and its log lines. */
export type StepEvent = StepStarted | StepRetrying | OutputDiscarded | LogLine;

/** The run that steps tell something in. */
export interface StepTelling {
  readonly runId: string;
  readonly now: () => number;
}

/** Makes the events of steps of one run. */
export class StepEvents {
  readonly #telling: StepTelling;

  constructor(telling: StepTelling) {
    this.#telling = telling;
  }

  started(planned: PlannedStep, { attempt, loaded }: Started): StepStarted {
    const selectedOutputs = [...planned.selectedOutputs];
    return { type: 'step-started', ...this.#of(planned), op: planned.step.op.name, attempt, selectedOutputs, loaded };
  }

  reused(planned: PlannedStep): StepReused {
    return { type: 'step-reused', ...this.#of(planned), op: planned.step.op.name, selectedOutputs: [...planned.selectedOutputs] };
  }

  retrying(planned: PlannedStep, { attempt, error, delayMs }: Retrying): StepRetrying {
    return { type: 'step-retrying', ...this.#of(planned), op: planned.step.op.name, attempt, delayMs, error: errorRecord(error) };
  }

  line(planned: PlannedStep, attempt: number, line: StepLine): LogLine {
    return { type: 'log-line', ...this.#of(planned), attempt, ...line };
  }

  discarded(planned: PlannedStep, output: string): OutputDiscarded {
    const key = planned.step.outputs.find(({ name }) => name === output)?.key ?? null;
    return { type: 'output-discarded', ...this.#of(planned), output, key };
  }

  #of({ step }: PlannedStep): { readonly runId: string; readonly time: number; readonly definition: string; readonly step: string } {
    return { runId: this.#telling.runId, time: this.#telling.now(), definition: step.definition, step: step.path };
  }
}
