import { filter, type MonoTypeOperatorFunction } from 'rxjs';
import type { Emission } from '../../lib/model/emission.ts';

/**
 * Passes emissions on selected outputs and drops the rest: what a run does between a body and its readers, for a stream of one's own.
 *
 *     emissions     -a-b-a-|      a on foo_1, b on foo_2
 *     gate({foo_2}) ---b---|
 *
 * Errors: none of its own; an error of the source passes through.
 */
export function gate<E extends Emission>(selectedOutputs: ReadonlySet<string>): MonoTypeOperatorFunction<E> {
  return filter(({ output }) => selectedOutputs.has(output));
}
