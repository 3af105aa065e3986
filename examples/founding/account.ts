import { lastValueFrom, toArray } from 'rxjs';
import { plan, run, type Definitions, type PlanOptions, type Store } from 'sluice';
import { memoryStore } from 'sluice/store/memory';

/** What a run did, as its events tell it. */
export interface Account {
  /** The steps that ran, in order, with the outputs that each was asked for: `foo{foo_2}`. */
  readonly ran: string;
  /** The assets that were recorded, in order; an unexpected one says so. */
  readonly recorded: readonly string[];
  /** What was emitted and went nowhere: `foo.foo_1`. */
  readonly discarded: readonly string[];
  readonly status: string;
  readonly error: string | undefined;
  readonly store: Store;
}

/** Runs a part of some definitions on a new store, and sums up its events. */
export async function accountFor<Assets>(definitions: Definitions<Assets>, options: PlanOptions<Assets>): Promise<Account> {
  const store = memoryStore();
  const events = await lastValueFrom(run(plan(definitions, options), { store }).pipe(toArray()));
  const collect = (summary: (event: (typeof events)[number]) => string | undefined): readonly string[] =>
    events.flatMap((event) => summary(event) ?? []);
  const [status = ''] = collect((event) => (event.type === 'run-ended' ? event.status : undefined));
  const [error] = collect((event) => (event.type === 'step-settled' ? event.error?.code : undefined));
  return {
    ran: collect((event) => (event.type === 'step-started' ? `${event.step}{${event.selectedOutputs.join(', ')}}` : undefined)).join(' → '),
    recorded: collect((event) =>
      event.type === 'asset-materialized' ? `${event.key}${event.unexpected ? ' (unexpected)' : ''}` : undefined,
    ),
    discarded: collect((event) => (event.type === 'output-discarded' ? `${event.step}.${event.output}` : undefined)),
    status,
    error,
    store,
  };
}
