import type { Definitions } from '../../lib/model/definitions.ts';
import { createResult, type RunResult } from './result.ts';
import { runVerb, type VerbOptions } from './run-verb.ts';

/** What {@link materialize} takes beside the definitions. */
export type MaterializeOptions<Assets> = VerbOptions<Assets>;

/**
 * Makes the selected assets anew and records each one: plan, resolve and run as one promise. Under `inGraphUpstream: 'auto'` steps that own
 * no selected asset are reused where their traces hold (F4).
 *
 * Rejects with SelectionError (nothing ran), StoreError, the first StepError (`details.result` is the whole result), or AbortError.
 */
export async function materialize<Assets>(defs: Definitions<Assets>, options: MaterializeOptions<Assets> = {}): Promise<RunResult<Assets>> {
  return runVerb({ mode: 'materialize', result: createResult<Assets> }, defs, options);
}
