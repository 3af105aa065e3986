import { isVersionConflict } from '../../lib/events/append-conflicts.ts';
import type { NewEvent, RunStarted } from '../../lib/events/logged-event.ts';
import type { Position } from '../../lib/events/position.ts';
import type { StorePort } from '../../lib/events/store-port.ts';
import type { ResolvedPlan } from './resolve.ts';

/** A run whose first group is written. */
export interface BegunRun<Assets> {
  /** As of the position that its run-started event tells. */
  readonly resolved: ResolvedPlan<Assets>;
  readonly first: readonly NewEvent[];
  /** Of the first event. */
  readonly position: Position;
}

/**
 * Writes the first group of a run, and its observations only where nobody has put a value of the same source since the run looked: an equal
 * one is logged once (D7), and what a run reads is as of one position (R7). Else it looks again; nothing has run yet.
 */
export async function beginRun<Assets>(
  port: StorePort,
  given: ResolvedPlan<Assets>,
  startedOf: (resolved: ResolvedPlan<Assets>) => RunStarted,
): Promise<BegunRun<Assets>> {
  for (let resolved = given; ;) {
    const { observed, before, anew } = resolved;
    const first: NewEvent[] = [startedOf(resolved), ...observed.map(({ event }) => event)];
    const expected = observed.map(({ event: { key } }) => ({ key, position: before.get(key)?.position ?? 0 }));
    try {
      const { first: position } = await port.append({ events: first, values: observed.map(({ encoded }) => encoded), expected });
      return { resolved, first, position };
    } catch (error) {
      if (anew === undefined || !isVersionConflict(error)) throw error;
      resolved = await anew();
    }
  }
}
