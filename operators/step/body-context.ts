import type { OpContext } from '../../lib/model/context.ts';
import type { OutputSink } from './outputs.ts';
import { createStepLog, type LineSink } from './step-log.ts';

/** What the context of one attempt is made of: what a body is told as it is, and where its lines and annotations go. */
export interface ContextParts extends Omit<OpContext, 'log' | 'annotate'> {
  readonly outputs: OutputSink;
  readonly onLine: LineSink;
}

/**
 * What a body is told of its run. Everything is its own: bodies take it apart, and spread it into a context of theirs. Field by field, since
 * this is made once a step and a spread costs it a microsecond.
 */
export function bodyContext(parts: ContextParts): OpContext {
  return Object.freeze<OpContext>({
    selectedOutputs: parts.selectedOutputs,
    signal: parts.signal,
    runId: parts.runId,
    step: parts.step,
    attempt: parts.attempt,
    config: parts.config,
    resources: parts.resources,
    log: createStepLog(parts.onLine),
    annotate: (output, options) => parts.outputs.annotate(output, options),
  });
}
