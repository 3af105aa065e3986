import type { LoggedEvent, Store } from '../../index.ts';
import { evaluate, type State, type World, type WorldEntry, type WorldStep } from '../kit/reference.ts';
import { emissionsOf, type Around } from './incremental-body.ts';
import type { Found } from './incremental-reference.ts';
import type { ChangingWorld, PlacedStep, Wire } from './incremental-world.ts';

/** What stands for a value that lives elsewhere: readers count it as a missing one. */
const ELSEWHERE = { valueOf: () => 7 };

/** What one full run did. */
export type ScratchRun = ReturnType<typeof evaluate>;

/** How assets come out of one full run from scratch, with nothing broken (F9): by an evaluator that remembers nothing. */
export function fromScratch(
  { steps }: ChangingWorld,
  sources: ReadonlyMap<string, number>,
  { select, around }: { readonly select: ReadonlySet<string>; readonly around: Around },
): ScratchRun {
  const healthy = { ...around, broken: new Set<string>() };
  const entry = (wire: Wire): WorldEntry => wire;
  const stepOf = (step: PlacedStep): WorldStep => ({
    definition: step.definition,
    inputs: step.inputs.map((each) => ({ ...each, entries: each.entries.map(entry) })),
    outputs: Object.fromEntries(step.outputs.map(({ name, required, asset }) => [name, { required, asset }])),
    emit: (inputs, selected) => (step.isVoid ? [['result', ELSEWHERE]] : emissionsOf(step, { inputs, selected }, healthy)),
  });
  const world: World = { steps: Object.fromEntries(steps.map((step) => [step.id, stepOf(step)])), sources: Object.fromEntries(sources) };
  const policies = { unselectedOutputs: 'discard', inGraphUpstream: 'recompute', crossGraphUpstream: 'recompute' } as const;
  return evaluate(world, { select, ...policies, stored: new Map() });
}

/** Of assets that ended with a value or absent, those that one full run would end otherwise. */
export function notFromScratch(values: ReadonlyMap<string, Found>, { outcomes }: ScratchRun): readonly string[] {
  return [...values].flatMap(([key, found]) => {
    const full = outcomes.get(key);
    if (full === undefined || found.state === 'failed' || found.state === 'blocked') return [];
    return isSame(found, full) ? [] : [`${key}: ${JSON.stringify(found)}, from scratch ${JSON.stringify(full)}`];
  });
}

function isSame(found: Found, full: State): boolean {
  if (found.state !== 'value') return found.state === full;
  if (typeof full !== 'object') return false;
  return full.value === ELSEWHERE ? found.value === undefined : Object.is(full.value, found.value);
}

/** The events from a position on. */
export async function eventsFrom(store: Store, from: number): Promise<readonly LoggedEvent[]> {
  const events: LoggedEvent[] = [];
  for await (const event of store.events({ from })) events.push(event);
  return events;
}

type Entry = Extract<LoggedEvent, { type: 'step-settled' }>['inputs'][number];

/** Entries of events whose lineage is open: they name no earlier event, or one that says something else (R2). */
export function openEntries(log: readonly LoggedEvent[]): readonly string[] {
  return log.flatMap((event) =>
    'inputs' in event
      ? event.inputs.filter((entry) => !isClosed(entry, event.position, log)).map((entry) => JSON.stringify([event.position, entry]))
      : [],
  );
}

function isClosed({ kind, origin, position, state }: Entry, at: number, log: readonly LoggedEvent[]): boolean {
  // Order alone may stand on an asset that was never stored, and where nothing is held, nothing was read.
  if (position === null) return (kind === 'nothing' && origin.from === 'asset') || state.state === 'absent';
  const cause = log[position - 1];
  if (cause === undefined || cause.position !== position || position >= at) return false;
  if (origin.from === 'asset') {
    if (!('key' in cause) || cause.key !== origin.key) return false;
    return 'version' in cause
      ? state.state === 'value' && state.version === cause.version
      : state.state === 'absent' && cause.type === 'asset-absent';
  }
  if (cause.type !== 'step-settled' || cause.step !== origin.step || cause.definition !== origin.definition) return false;
  const said = cause.outputs.find(({ output }) => output === origin.output)?.state;
  return (
    said !== undefined &&
    said.state === state.state &&
    (said.state !== 'value' || state.state !== 'value' || said.version === state.version)
  );
}

/** Steps that were executed with everything as at their last success: by what the log says of both. */
export function repeated(log: readonly LoggedEvent[], from: number): readonly Extract<LoggedEvent, { type: 'step-settled' }>[] {
  const last = new Map<string, string>();
  const found: Extract<LoggedEvent, { type: 'step-settled' }>[] = [];
  for (const event of log) {
    if (event.type !== 'step-settled' || event.outcome !== 'succeeded') continue;
    const said = JSON.stringify([
      event.op,
      event.codeVersion,
      event.config,
      event.inputs.map(({ input, kind, origin, state }) => [input, kind, origin, state]),
    ]);
    const ids = event.outputs.map(({ output }) => `${event.definition}:${event.step}.${output}`);
    if (event.position >= from && ids.every((id) => last.get(id) === said)) found.push(event);
    for (const id of ids) last.set(id, said);
    for (const output of event.dropped) last.delete(`${event.definition}:${event.step}.${output}`);
  }
  return found;
}
