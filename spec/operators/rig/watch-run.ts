import type { Observable } from 'rxjs';
import type { RunEvent } from '../../../lib/events/run-event.ts';

/** What came of a run's Observable. */
export interface Watched {
  readonly events: readonly RunEvent[];
  /** What was on the error channel; `undefined` where it completed. */
  readonly error: unknown;
}

/** Subscribes, and resolves when the Observable is over, whichever way. */
export function watchRun(events$: Observable<RunEvent>): Promise<Watched> {
  const events: RunEvent[] = [];
  return new Promise((resolve) => {
    events$.subscribe({
      next: (event) => events.push(event),
      error: (error: unknown) => resolve({ events, error }),
      complete: () => resolve({ events, error: undefined }),
    });
  });
}

/** The events of one type. */
export function ofType<Type extends RunEvent['type']>(
  events: readonly RunEvent[],
  type: Type,
): readonly Extract<RunEvent, { readonly type: Type }>[] {
  return events.filter((event): event is Extract<RunEvent, { readonly type: Type }> => event.type === type);
}
