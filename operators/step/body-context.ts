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

/** What a body is told of its run. Everything is its own: bodies take it apart, and spread it into a context of theirs. */
export class BodyContext implements OpContext {
  readonly selectedOutputs: ReadonlySet<string>;
  readonly signal: AbortSignal;
  readonly runId: string;
  readonly step: string;
  readonly attempt: number;
  readonly config: unknown;
  readonly resources: Readonly<Record<string, unknown>>;
  readonly log: OpLog;
  readonly annotate: (this: void, output: string, options: EmissionOptions) => void;

  constructor(parts: ContextParts) {
    this.selectedOutputs = parts.selectedOutputs;
    this.signal = parts.signal;
    this.runId = parts.runId;
    this.step = parts.step;
    this.attempt = parts.attempt;
    this.config = parts.config;
    this.resources = parts.resources;
    this.log = createStepLog(parts.onLine);
    this.annotate = (output, options) => parts.outputs.annotate(output, options);
    Object.freeze(this);
  }
}
