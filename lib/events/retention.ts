import { StoreError } from '../kernel/errors.ts';
import { quote } from '../kernel/print.ts';
import type { Address } from './data-version.ts';
import type { LoggedEvent, NewEvent, ReadableEvent, RunStarted } from './logged-event.ts';
import type { Position } from './position.ts';
import type { PruneRequest, RemovedValue, RetentionStore, StorePort } from './store-port.ts';

/** Every value that an event refers to. */
export function addressesOf(event: LoggedEvent | NewEvent): readonly Address[] {
  if (event.type === 'step-settled') {
    const addresses: Address[] = [];
    for (const { address } of event.outputs) if (address !== null) addresses.push(address);
    // The last success of a step is a trace of some output of it: so its state is kept for as long.
    if (event.stateAddress !== null) addresses.push(event.stateAddress);
    return addresses;
  }
  return 'address' in event && event.address !== null ? [event.address] : [];
}

/** Whether an event only tells what bodies and hooks said: no lineage needs it. */
export function isSaid(event: LoggedEvent | NewEvent): boolean {
  return event.type === 'log-line' || event.type === 'hook-failed';
}

/** Positions of the events behind what a settled step read. */
export function readPositions(event: LoggedEvent): readonly Position[] {
  if (event.type !== 'step-settled') return [];
  return event.inputs.flatMap(({ position }) => position ?? []);
}

/** Positions of the steps behind what a settled step read: a value that it held is that of no step's last success. */
function givenPositions(event: LoggedEvent): readonly Position[] {
  if (event.type !== 'step-settled') return [];
  return event.inputs.flatMap(({ origin, state, position }) =>
    origin.from === 'step' && state.state === 'value' && position !== null ? [position] : [],
  );
}

/** Events a few at a time, so that others get a turn in between where reading them takes long. */
export type Pages<Event> = Iterable<readonly Event[]> | AsyncIterable<readonly Event[]>;

/** The events of one name. */
export interface History<Event> {
  /** Newest first. Left when enough was seen. */
  readonly newest: Pages<Event>;
  /** The last one at each position or before, where there is one. */
  readonly asOf: (positions: readonly Position[]) => readonly Event[] | Promise<readonly Event[]>;
}

/** Where a run stands in the log. */
export interface RunSpan {
  readonly started: RunStarted & { readonly position: Position };
  /** Where it ended; `null` where it has not, as far as the log tells. */
  readonly ended: Position | null;
}

/** What a mark starts from. All as of one position. */
export interface Roots {
  /** For each asset and source, what readers got. */
  readonly readable: Iterable<History<ReadableEvent>> | AsyncIterable<History<ReadableEvent>>;
  /** For each output, the settled steps that gave it or dropped it. */
  readonly settled: Iterable<History<LoggedEvent>> | AsyncIterable<History<LoggedEvent>>;
  /** The runs, newest first. Left when enough was seen. */
  readonly runs: Pages<RunSpan>;
  /** The log from a position on, up to another one or its end. */
  readonly between: (first: Position, last: Position) => Pages<LoggedEvent>;
  /** The events at some positions. */
  readonly at: (positions: readonly Position[]) => readonly LoggedEvent[] | Promise<readonly LoggedEvent[]>;
}

/** How much a mark keeps. */
export type Keeping = Pick<PruneRequest, 'versions' | 'runs'>;

/**
 * The values that something needs (R3): the last versions of each asset and source, what traces refer to, all that a kept run made or read,
 * the states that its steps started from, and what a run that has not ended may yet read. An older event alone keeps none, and a live
 * service nothing as a run (E1): it is one for as long as it lives, and nobody takes it up again at a step.
 *
 * Cost: for each name the versions that are kept of it, the events of the kept runs, and one look-up for each name that a run may yet read; so
 * nothing that grows with the age of the log.
 */
export async function liveAddresses(roots: Roots, { versions, runs }: Keeping): Promise<ReadonlySet<Address>> {
  const live = new Set<Address>();
  const { open, kept } = await addRuns(live, roots, runs);
  const pins = [...new Set([...open, ...kept])];
  for await (const history of roots.settled) await addSettled(live, history, { pins, at: roots.at });
  for await (const history of roots.readable) await addVersions(live, history, { versions, pins: open });
  return live;
}

function keep(live: Set<Address>, events: readonly LoggedEvent[]): void {
  for (const event of events) for (const address of addressesOf(event)) live.add(address);
}

/** A run that is kept, or may not have ended. */
interface Kept extends RunSpan {
  /** Where its last event may be. */
  readonly last: Position;
}

/** So many of the latest runs; where none is to be kept, the last one, which may not have ended. What has not ended goes on to the next run. */
async function latestRuns(runs: Roots['runs'], count: number): Promise<readonly Kept[]> {
  const latest: Kept[] = [];
  let next = Infinity;
  for await (const page of runs) {
    for (const run of page) {
      const { started, ended } = run;
      if (started.mode !== 'live') latest.push({ ...run, last: ended ?? next - 1 });
      next = started.position;
      if (latest.length >= Math.max(count, 1)) return latest;
    }
  }
  return latest;
}

/** Positions at which runs read. */
interface ReadingRuns {
  /** Of those that have not ended. */
  readonly open: readonly Position[];
  /** Of those that are kept. */
  readonly kept: readonly Position[];
}

async function addRuns(live: Set<Address>, roots: Roots, count: number): Promise<ReadingRuns> {
  const latest = await latestRuns(roots.runs, count);
  const kept = count === 0 ? [] : latest;
  for (const run of kept) await addRun(live, roots, run);
  const readsAt = ({ started }: Kept): Position => started.readsAt;
  return { open: latest.filter(({ ended }) => ended === null).map(readsAt), kept: kept.map(readsAt) };
}

/** All that a run made, and what it read of others. */
async function addRun(live: Set<Address>, { between, at }: Roots, { started, last }: Kept): Promise<void> {
  for await (const page of between(started.position, last)) {
    const own = page.filter((event) => 'runId' in event && event.runId === started.runId);
    keep(live, own);
    // What it read of itself is its own.
    const read = new Set(own.flatMap(readPositions).filter((position) => position < started.position));
    keep(live, await at([...read]));
  }
}

/**
 * The last of them is a trace. Of a step that keeps state, a run started from the state as of where it read, also where it failed, or never
 * came to this step.
 */
async function addSettled(
  live: Set<Address>,
  { newest, asOf }: History<LoggedEvent>,
  { pins, at }: { readonly pins: readonly Position[]; readonly at: Roots['at'] },
): Promise<void> {
  const last = await firstOf(newest);
  if (last === undefined) return;
  keep(live, [last]);
  keep(live, await at(givenPositions(last)));
  if (last.type !== 'step-settled' || last.stateAddress === null) return;
  for (const event of await asOf(pins)) if (event.type === 'step-settled' && event.stateAddress !== null) live.add(event.stateAddress);
}

async function firstOf<Event>(pages: Pages<Event>): Promise<Event | undefined> {
  for await (const page of pages) for (const event of page) return event;
  return undefined;
}

interface Wanted {
  readonly versions: number;
  /** Positions as of which the value is needed too. */
  readonly pins: readonly Position[];
}

/** Neighbours with one data version are one version, however often it was recorded. What is absent is none. */
async function addVersions(live: Set<Address>, { newest, asOf }: History<ReadableEvent>, { versions, pins }: Wanted): Promise<void> {
  if (pins.length > 0) keep(live, await asOf(pins));
  let seen = 0;
  let last: string | undefined;
  for await (const page of newest) {
    for (const event of page) {
      if (event.type === 'asset-absent') continue;
      if (event.version !== last) seen += 1;
      if (seen > versions) return;
      last = event.version;
      keep(live, [event]);
    }
  }
}

/** Whether a port can forget, and say what it forgot. */
export function isRetentionStore(port: StorePort): port is StorePort & RetentionStore {
  return 'prune' in port && typeof port.prune === 'function' && 'removed' in port && typeof port.removed === 'function';
}

/** What is known of the value at an address that is not there. */
export async function removedAt(port: StorePort, address: Address): Promise<RemovedValue | undefined> {
  return isRetentionStore(port) ? (await port.removed([address]))[0] : undefined;
}

/** A value that was there, and is not kept any more. */
export function valueRemoved(label: string, { key, position }: ReadableEvent, { reason, size, head }: RemovedValue): StoreError {
  const why =
    reason === 'retention'
      ? 'was removed by a prune, which keeps the last versions of each asset. Read a later position'
      : 'was lost to damage, and could not be repaired. Restore a backup';
  return new StoreError(
    'VALUE_REMOVED',
    `The value of ${quote(key)} at position ${position} in ${quote(label)} ${why}, or make it again.`,
    {
      details: { key, position, reason, size, removedAt: head },
    },
  );
}
