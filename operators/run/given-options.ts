import { checkHooks } from '../../lib/model/hooks.ts';
import type { Clock } from '../step/clock.ts';
import type { RunOptions } from './options.ts';
import type { ResolveOptions } from './resolve.ts';

/** Options as they are now: while the run waits for its turn, they are still the caller's to change. */
export function copyOptions(options: RunOptions): RunOptions {
  const hooks = checkHooks(options.hooks, 'the run');
  const { sources, tags, ...others } = options;
  return { sources: { ...sources }, tags: { ...tags }, ...others, ...(hooks !== undefined && { hooks }) };
}

/** What a run asks of the store before its first step. */
export function questionOf(
  { sources = {}, traces = 1, signal }: RunOptions,
  run: { readonly clock: Clock; readonly runId: string },
): ResolveOptions {
  return { sources, traces, ...run, ...(signal !== undefined && { signal }) };
}
