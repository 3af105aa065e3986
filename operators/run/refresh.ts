import type { Definitions } from '../../lib/model/definitions.ts';
import { createRefreshResult, type RefreshResult } from './result.ts';
import { runVerb, type VerbOptions } from './run-verb.ts';

/** What {@link refresh} takes beside the definitions. What it depends on is always brought up to date too, so there is no policy for it. */
export type RefreshOptions<Assets> = Omit<VerbOptions<Assets>, 'inGraphUpstream'>;

/**
 * Brings the selected assets up to date: runs the steps that a change touches, and reuses the rest (F2, F3). A step that gives what it gave
 * before stops the wave there (F5). An asset that comes out as it is recorded as `unchanged` where its step ran, and not at all where it did
 * not (`fresh`).
 *
 * Rejects with SelectionError (nothing ran), StoreError, the first StepError (`details.result` is the whole result), or AbortError.
 */
export async function refresh<Assets>(defs: Definitions<Assets>, options: RefreshOptions<Assets> = {}): Promise<RefreshResult<Assets>> {
  return runVerb({ mode: 'refresh', result: createRefreshResult<Assets> }, defs, options);
}
