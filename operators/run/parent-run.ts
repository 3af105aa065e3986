import { SelectionError } from '../../lib/kernel/errors.ts';
import { invariant } from '../../lib/kernel/invariant.ts';
import { quote } from '../../lib/kernel/print.ts';
import type { LoggedEvent, ReadableEvent } from '../../lib/events/logged-event.ts';
import type { LoggedRun, StorePort } from '../../lib/events/store-port.ts';
import type { AssetKey } from '../../lib/model/asset-key.ts';
import { placeName, type StepPlace } from '../../lib/model/step-place.ts';
import type { Trace } from '../../lib/plan/trace.ts';

/** A run that is taken up again, with the runs that it took up itself, oldest first. */
export interface RunChain {
  readonly root: LoggedRun;
  readonly parent: LoggedRun;
  readonly runs: readonly LoggedRun[];
}

/** What the log says of a chain of runs. */
export interface ChainEvents {
  /** How a step settled last in the chain; `undefined` where it never did. */
  readonly settled: (step: StepPlace) => Trace | undefined;
  /** How a step settled in the first run. */
  readonly settledFirst: (step: StepPlace) => Trace | undefined;
  /** Sources that the first run observed as it started. */
  readonly observed: ReadonlyMap<AssetKey, ReadableEvent>;
}

const PAGE = 1000;

/**
 * Finds a run and what it took up. Cost: one look at every run of the store.
 *
 * @throws SelectionError UNKNOWN_RUN, RUN_MISMATCH for that of a live service
 */
export async function findChain(port: StorePort, runId: string): Promise<RunChain> {
  const byId = new Map((await port.runs()).map((run) => [run.started.runId, run]));
  const runs: LoggedRun[] = [];
  for (let run = byId.get(runId); run !== undefined; run = byId.get(run.started.again?.parent ?? '')) runs.unshift(run);
  const [root] = runs;
  const parent = runs.at(-1);
  if (root !== undefined && parent !== undefined) {
    if (parent.started.mode === 'live') throw isLive(port, runId);
    return { root, parent, runs };
  }
  throw new SelectionError(
    'UNKNOWN_RUN',
    `The store ${quote(port.label)} has no run ${quote(runId)}. store.runs() lists those that it has.`,
    {
      details: { runId },
    },
  );
}

function isLive({ label }: StorePort, runId: string): SelectionError {
  return new SelectionError(
    'RUN_MISMATCH',
    `Run ${quote(runId)} of the store ${quote(label)} is that of a live service, whose steps ran again with each change: what they read in between is not kept. Use refresh(), which runs what failed and what is not up to date.`,
    { details: { runId, mode: 'live' } },
  );
}

/** Reads what the steps of a chain gave. Cost: the events between the start and the end of each of its runs. */
export async function readChain(port: StorePort, { root, runs }: RunChain): Promise<ChainEvents> {
  const settled = new Map<string, Trace>();
  const settledFirst = new Map<string, Trace>();
  const observed = new Map<AssetKey, ReadableEvent>();
  for (const run of runs) {
    for await (const event of eventsOf(port, run)) {
      const isFirst = run === root;
      if (event.type === 'source-observed' && isFirst) observed.set(event.key, event);
      if (event.type !== 'step-settled') continue;
      settled.set(idOf(event.definition, event.step), event);
      if (isFirst) settledFirst.set(idOf(event.definition, event.step), event);
    }
  }
  return {
    settled: ({ definition, path }) => settled.get(idOf(definition, path)),
    settledFirst: ({ definition, path }) => settledFirst.get(idOf(definition, path)),
    observed,
  };
}

async function* eventsOf(port: StorePort, { started, ended }: LoggedRun): AsyncGenerator<LoggedEvent, void, undefined> {
  const last = ended?.position ?? (await port.head());
  for (let from = started.position; from <= last; from += PAGE)
    for (const event of await port.read(from, Math.min(PAGE, last - from + 1)))
      if ('runId' in event && event.runId === started.runId) yield event;
}

/** Whether a run came to an end by itself: then a step of it that never settled was reused. */
export function endedByItself({ ended }: LoggedRun): boolean {
  return ended !== null && ended.status !== 'cancelled';
}

function idOf(definition: string, path: string): string {
  invariant(!definition.includes('\n'), 'no name has a line break');
  return placeName({ definition, path });
}
