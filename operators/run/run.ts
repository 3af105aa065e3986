import { Observable } from 'rxjs';
import { checkVerbOptions } from '../../lib/kernel/verb-options.ts';
import type { RunEvent } from '../../lib/events/run-event.ts';
import { checkPlan, type Plan } from '../../lib/plan/plan.ts';
import { linkedAbortController } from './environment.ts';
import { executeRun } from './execute-run.ts';
import { RUN_RULES, type RunOptions } from './options.ts';

/**
 * Runs a plan: cold, one run a subscription. Logged events come when they are recorded, with their positions; `step-started` and
 * `output-discarded` come as they happen. A failed step and a cancellation are events, then `complete`
 * (a run that is cancelled before it starts has none); planning, resolve and store errors
 * go to the error channel. Unsubscribing cancels (X12).
 *
 * @throws SelectionError INVALID_OPTION, synchronously
 */
export function run(plan: Plan, options: RunOptions = {}): Observable<RunEvent> {
  checkPlan('run', plan);
  checkVerbOptions('run', options, RUN_RULES);
  return new Observable<RunEvent>((subscriber) => {
    const { controller, unlink } = linkedAbortController(options.signal);
    executeRun(plan, { ...options, signal: controller.signal }, { publish: (event) => subscriber.next(event) }).then(
      () => subscriber.complete(),
      (error: unknown) => subscriber.error(error),
    );
    return () => {
      unlink();
      controller.abort();
    };
  });
}
