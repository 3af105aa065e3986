import type { Plan, RunEvent, RunOptions, RunResult } from '../../index.ts';
import { executeRun } from '../../operators/run/execute-run.ts';
import { createResult } from '../../operators/run/result.ts';

/** What one run did, by the ids of steps and the printed keys of assets. */
export interface Tapped<Assets = unknown> {
  readonly result: RunResult<Assets>;
  /** Everything that the run told, in order. */
  readonly events: readonly RunEvent[];
  /** Steps whose body started, in the order in which they did, with the outputs that each was asked for. */
  readonly ran: ReadonlyMap<string, ReadonlySet<string>>;
  /** For each step that started, the assets and sources whose stored value it was given. */
  readonly loaded: ReadonlyMap<string, ReadonlySet<string>>;
  /** How each step of the plan settled, in the order in which they did. */
  readonly settled: ReadonlyMap<string, 'succeeded' | 'skipped' | 'failed' | 'blocked' | 'cancelled'>;
  /** Outputs in need that came out with a value, as `step.output`. */
  readonly emitted: ReadonlySet<string>;
  /** Emissions that went nowhere, as `step.output` (X7). */
  readonly discarded: ReadonlySet<string>;
  /** Assets that were recorded, unexpected ones too, with the data version of each. */
  readonly recorded: ReadonlyMap<string, string>;
}

/**
 * Runs a plan and writes down what it did, so that a test can say what ran and not only what came out.
 *
 * Rejects where the run was refused or could not record. A failed step is in what it gives.
 */
export async function tap<Assets>(plan: Plan<Assets>, options: RunOptions = {}): Promise<Tapped<Assets>> {
  const events: RunEvent[] = [];
  const result = createResult(await executeRun(plan, options, { publish: (event) => events.push(event) }));
  const ids = new Map(plan.steps.map(({ step }) => [`${step.definition}\n${step.path}`, step.id]));
  const idOf = ({ definition, step }: { readonly definition: string; readonly step: string }): string =>
    ids.get(`${definition}\n${step}`) ?? step;
  const started = events.filter((event) => event.type === 'step-started');
  const settled = events.filter((event) => event.type === 'step-settled');
  const emitted = settled.flatMap((event) =>
    event.outputs.flatMap(({ output, state }) => (state.state === 'value' ? [`${idOf(event)}.${output}`] : [])),
  );
  return {
    result,
    events,
    ran: new Map(started.map((event) => [idOf(event), new Set(event.selectedOutputs)])),
    loaded: new Map(started.map((event) => [idOf(event), new Set<string>(event.loaded)])),
    settled: new Map(settled.map((event) => [idOf(event), event.outcome])),
    emitted: new Set(emitted),
    discarded: new Set(events.flatMap((event) => (event.type === 'output-discarded' ? [`${idOf(event)}.${event.output}`] : []))),
    recorded: new Map(events.flatMap((event) => (event.type === 'asset-materialized' ? [[event.key, event.version] as const] : []))),
  };
}
