import { plan, type Definitions, type LoggedEvent, type PlanOptions, type RunEvent, type RunOptions, type Store } from '../../index.ts';
import { executeRun } from '../../operators/run/execute-run.ts';

/** A step that a run settled, as the log has it. */
export type SettledEvent = Extract<LoggedEvent, { readonly type: 'step-settled' }>;

/** What a check wants to know of a run. */
export interface CheckedRun {
  /** How messages call it. */
  readonly name: string;
  readonly select: readonly string[];
  readonly store: Store;
  /** Every step that ended, in order. */
  readonly steps: readonly SettledEvent[];
  /** Assets that were recorded, by key. */
  readonly recorded: readonly string[];
  /** Emissions that went nowhere: op, and output. */
  readonly discarded: readonly { readonly op: string; readonly output: string }[];
  /** How each selected asset came out: its version, `absent`, or what kept it from coming. */
  readonly came: ReadonlyMap<string, string>;
}

/** What is run, beside the definitions. */
export interface Asking {
  readonly name: string;
  readonly select: readonly string[];
  readonly store: Store;
  readonly planning?: Omit<PlanOptions<unknown>, 'select'>;
  readonly running: RunOptions;
}

/** Runs, and writes down what a check wants to know. Rejects where the run was refused or could not record. */
export async function checkedRun(defs: Definitions, { name, select, store, planning, running }: Asking): Promise<CheckedRun> {
  const events: RunEvent[] = [];
  const planned = plan(defs, { crossGraphUpstream: 'auto', inGraphUpstream: 'recompute', ...planning, select });
  const { outcomes } = await executeRun(planned, { ...running, store }, { publish: (event) => events.push(event) });
  const came = new Map<string, string>();
  for (const { key, outcome } of outcomes) came.set(key, /failed|blocked|cancelled/.test(outcome) ? outcome : await readBy(store, key));
  // What stood was not looked at, and is what it was.
  for (const key of select) if (!came.has(key)) came.set(key, await readBy(store, key));
  const ops = new Map(planned.steps.map(({ step }) => [`${step.definition}:${step.path}`, step.op.name]));
  return {
    name,
    select,
    store,
    steps: events.filter((event) => event.type === 'step-settled'),
    recorded: events.flatMap((event) => (event.type === 'asset-materialized' ? [event.key] : [])),
    discarded: events.flatMap((event) =>
      event.type === 'output-discarded' ? [{ op: ops.get(`${event.definition}:${event.step}`) ?? '', output: event.output }] : [],
    ),
    came,
  };
}

/** What a reader gets now. Versions of what is not kept differ from run to run. */
async function readBy(store: Store, key: string): Promise<string> {
  const latest = await store.latest(key);
  if (latest === undefined || latest.type === 'asset-absent') return 'absent';
  return latest.version.startsWith('run:') ? 'a value' : latest.version;
}
