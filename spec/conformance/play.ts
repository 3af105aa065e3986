import { isDeepStrictEqual } from 'node:util';
import { materialize, plan, run, SelectionError, type Definitions, type RunEvent, type Store } from '../../index.ts';
import { buildCase } from './build.ts';
import type { Case, CaseExpectation, CaseRun } from './case.ts';
import type { FilledStores, FillStores } from './stores.ts';

/** How one run or action of a case went: one line for every field that is not as expected. */
export interface PlayedRun {
  readonly id: string;
  readonly select: readonly string[];
  readonly mismatches: readonly string[];
}

/** Plays every run of a case, each on a store of its own that holds one full run (see README.md). */
export async function playCase(shape: Case, fill: FillStores): Promise<readonly PlayedRun[]> {
  const allAre = (problem: string): readonly PlayedRun[] =>
    shape.runs.map(({ select }) => ({ id: shape.id, select, mismatches: [problem] }));
  let defs: Definitions;
  let stores: FilledStores;
  try {
    defs = buildCase(shape);
  } catch (error) {
    return allAre(`definitions: expected to be accepted got ${describe(error)}`);
  }
  try {
    stores = await fill((store) => seed(defs, shape, store));
  } catch (error) {
    return allAre(`first run: expected to end got ${describe(error)}`);
  }
  const played: PlayedRun[] = [];
  for (const each of shape.runs)
    played.push({ id: shape.id, select: each.select, mismatches: await playRun(defs, { shape, each, stores }) });
  await stores.dispose();
  return played;
}

/** An error in one line. */
export function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

interface Played {
  readonly shape: Case;
  readonly each: CaseRun;
  readonly stores: FilledStores;
}

/** A run that does not even come to an end is a mismatch like any other. */
async function playRun(defs: Definitions, { shape, each, stores }: Played): Promise<readonly string[]> {
  try {
    const { store, dispose } = await stores.open();
    try {
      return compare(each.expect, await observe(defs, { shape, each, store }));
    } finally {
      await dispose();
    }
  } catch (error) {
    return [`run: expected to end got ${describe(error)}`];
  }
}

/** The state that runs start from: sources, and one full run, which may fail. */
async function seed(defs: Definitions, { upstream }: Case, store: Store): Promise<void> {
  await materialize(defs, {
    store,
    sources: Object.fromEntries(upstream),
    unselectedOutputs: 'discard',
    inGraphUpstream: 'recompute',
    throwOnFailure: false,
  });
}

/** What a run did, in the words of an expectation. */
export type Observed = Required<Omit<CaseExpectation, 'error' | 'success'>> & Pick<CaseExpectation, 'error' | 'success'>;

interface Playing {
  readonly shape: Case;
  readonly each: CaseRun;
  readonly store: Store;
}

async function observe(defs: Definitions, { shape, each, store }: Playing): Promise<Observed> {
  const before = await store.port.head();
  const events: RunEvent[] = [];
  let error: string | undefined;
  try {
    const planned = plan(defs, { select: each.select, ...shape.policy });
    await new Promise<void>((resolve, reject) =>
      run(planned, { store }).subscribe({ next: (event) => events.push(event), error: reject, complete: resolve }),
    );
  } catch (thrown) {
    if (!(thrown instanceof SelectionError)) throw thrown;
    // Nothing ran and nothing was written, or the code is not all there is to say.
    const written = (await store.port.head()) - before;
    error = written === 0 && events.length === 0 ? thrown.code : `${thrown.code} after ${written} events were written`;
  }
  return summarize(events, { shape, store, error });
}

/** What there is to know of a run beside its events. */
export interface Summary {
  readonly shape: Case;
  readonly store: Store;
  readonly error: string | undefined;
  /** Assets that ended absent. */
  readonly absent?: readonly string[];
  /** What a reader gets of the selected assets after the run. */
  readonly state?: ReadonlyMap<string, unknown>;
}

/** What a run told and left behind, in the words of an expectation. */
export async function summarize(
  events: readonly RunEvent[],
  { shape, store, error, absent = [], state = new Map() }: Summary,
): Promise<Observed> {
  const idOf = ({ definition, step }: { readonly definition: string; readonly step: string }): string =>
    shape.several ? `${definition}:${step}` : step;
  const started = events.filter((event) => event.type === 'step-started');
  const settled = events.filter((event) => event.type === 'step-settled');
  const materialized = events.filter((event) => event.type === 'asset-materialized');
  const ended = events.find((event) => event.type === 'run-ended');
  const withOutcome = (outcome: string): readonly string[] => settled.filter((event) => event.outcome === outcome).map(idOf);
  const values = await Promise.all(materialized.map(async ({ key, position }) => [key, await store.value(key, { position })] as const));
  const unchanged = events.filter((event) => event.type === 'asset-unchanged');
  return {
    reused: events.filter((event) => event.type === 'step-reused').map(idOf),
    unchanged: unchanged.map(({ key }) => key),
    absent,
    state,
    ...(error !== undefined && { error }),
    // An empty selection has no events, and nothing of it failed.
    ...(error === undefined && { success: ended === undefined || ended.status === 'succeeded' }),
    executed: started.map(idOf),
    skipped: withOutcome('skipped'),
    failed: withOutcome('failed'),
    blocked: withOutcome('blocked'),
    selectedOutputs: new Map(started.map((event) => [idOf(event), event.selectedOutputs])),
    materialized: new Map(values),
    unexpected: materialized.filter(({ unexpected }) => unexpected).map(({ key }) => key),
    loaded: [...new Set(started.flatMap(({ loaded }) => loaded))],
  };
}

const fields = [
  'error',
  'success',
  'executed',
  'skipped',
  'failed',
  'blocked',
  'selectedOutputs',
  'materialized',
  'unexpected',
  'loaded',
  'reused',
  'unchanged',
  'absent',
  'state',
] as const;

/** One line for every field of the expectation that is not as observed. Lists are sets; a run that should not fail must not. */
export function compare(expected: CaseExpectation, observed: Partial<Observed>): readonly string[] {
  return fields.flatMap((field) => {
    if (expected[field] === undefined && field !== 'error') return [];
    const [wanted, got] = [comparable(expected[field]), comparable(observed[field])];
    return isDeepStrictEqual(wanted, got) ? [] : [`${field}: expected ${print(wanted)} got ${print(got)}`];
  });
}

/** Plain data in one order: lists sorted, records with sorted names. */
function comparable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(comparable).toSorted(byText);
  if (value instanceof Map)
    return Object.fromEntries([...value].map(([name, each]) => [String(name), comparable(each)] as const).toSorted(byText));
  return value;
}

function byText(a: unknown, b: unknown): number {
  const [first, second] = [print(a), print(b)];
  return first < second ? -1 : first > second ? 1 : 0;
}

function print(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value);
}
