import type { OpContext, OpLog } from '../../lib/model/context.ts';
import type { EmissionOptions } from '../../lib/model/emission.ts';
import type { OutputSink } from './outputs.ts';
import { createStepLog, type LineSink } from './step-log.ts';

/** What the context of one attempt is made of. */
export interface ContextParts {
  readonly selectedOutputs: ReadonlySet<string>;
  readonly signal: AbortSignal;
  readonly runId: string;
  readonly step: string;
  readonly attempt: number;
  readonly config: unknown;
  readonly resources: Readonly<Record<string, unknown>>;
  readonly outputs: OutputSink;
  readonly onLine: LineSink;
}

/**
 * What a body is told of its run. `log` and `annotate` are made when a body first reads them, also by destructuring: most bodies never do,
 * and a step is meant to cost microseconds.
 */
export class BodyContext implements OpContext {
  readonly selectedOutputs: ReadonlySet<string>;
  readonly signal: AbortSignal;
  readonly runId: string;
  readonly step: string;
  readonly attempt: number;
  readonly config: unknown;
  readonly resources: Readonly<Record<string, unknown>>;
  readonly #parts: ContextParts;
  #log: OpLog | undefined;

  constructor(parts: ContextParts) {
    this.selectedOutputs = parts.selectedOutputs;
    this.signal = parts.signal;
    this.runId = parts.runId;
    this.step = parts.step;
    this.attempt = parts.attempt;
    this.config = parts.config;
    this.resources = parts.resources;
    this.#parts = parts;
    Object.freeze(this);
  }

  get log(): OpLog {
    return (this.#log ??= createStepLog(this.#parts.onLine));
  }

  get annotate(): (output: string, options: EmissionOptions) => void {
    return (output, options) => this.#parts.outputs.annotate(output, options);
  }
}
