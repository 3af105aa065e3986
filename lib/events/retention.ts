import { StoreError } from '../kernel/errors.ts';
import { quote } from '../kernel/print.ts';
import type { Address } from './data-version.ts';
import type { LoggedEvent, NewEvent, ReadableEvent } from './logged-event.ts';
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

/** Positions of the events behind what a settled step read of the store. */
function readPositions(event: LoggedEvent): readonly Position[] {
  if (event.type !== 'step-settled') return [];
  return event.inputs.flatMap(({ origin, position }) => (origin.from === 'asset' && position !== null ? [position] : []));
}

/** Events a few at a time, so that others get a turn in between where reading them takes long. */
export type Pages<Event> = Iterable<readonly Event[]> | AsyncIterable<readonly Event[]>;

/** What a mark starts from. All as of one position. */
export interface Roots {
  /** For each asset and source, what readers got, newest first. Left when enough was seen. */
  readonly readable: Iterable<Pages<ReadableEvent>> | AsyncIterable<Pages<ReadableEvent>>;
  /** The settled steps that are traces. */
  readonly traces: Pages<LoggedEvent>;
  /** The log from the start of the oldest run that is kept on; of the last one where none is. */
  readonly runs: Pages<LoggedEvent>;
  /** The events at some positions. */
  readonly at: (positions: readonly Position[]) => readonly LoggedEvent[] | Promise<readonly LoggedEvent[]>;
}

/** How much a mark keeps. */
export type Keeping = Pick<PruneRequest, 'versions' | 'runs'>;

/**
 * The values that something needs (R3): the last versions of each asset and source, what traces refer to, all that a kept run made or read,
 * and what a run that has not ended may yet read. An older event alone keeps none.
 */
export async function liveAddresses(roots: Roots, { versions, runs }: Keeping): Promise<ReadonlySet<Address>> {
  const live = new Set<Address>();
  const pins = await addRuns(live, roots, runs > 0);
  for await (const page of roots.traces) keep(live, page);
  for await (const pages of roots.readable) await addVersions(live, pages, { versions, pins });
  return live;
}

function keep(live: Set<Address>, events: readonly LoggedEvent[]): void {
  for (const event of events) for (const address of addressesOf(event)) live.add(address);
}

/** Gives the positions at which runs read that have not ended. */
async function addRuns(live: Set<Address>, { runs, at }: Roots, areKept: boolean): Promise<readonly Position[]> {
  const kept = new Set<string>();
  const open = new Map<string, Position>();
  for await (const page of runs) {
    for (const event of page) {
      if (event.type === 'run-started') open.set(event.runId, event.readsAt);
      if (event.type === 'run-started' && areKept) kept.add(event.runId);
      if (event.type === 'run-ended') open.delete(event.runId);
    }
    const own = page.filter((event) => 'runId' in event && event.runId !== null && kept.has(event.runId));
    keep(live, own);
    keep(live, await at(own.flatMap(readPositions)));
  }
  return [...open.values()];
}

interface Wanted {
  readonly versions: number;
  /** Positions as of which the value is needed too. */
  readonly pins: readonly Position[];
}

/** Neighbours with one data version are one version, however often it was recorded. What is absent is none. */
async function addVersions(live: Set<Address>, pages: Pages<ReadableEvent>, { versions, pins }: Wanted): Promise<void> {
  const lowest = Math.min(...pins);
  let seen = 0;
  let last: string | undefined;
  let above = Infinity;
  for await (const page of pages) {
    for (const event of page) {
      const isPinned = pins.some((pin) => event.position <= pin && pin < above);
      above = event.position;
      if (event.type === 'asset-absent') continue;
      if (event.version !== last) seen += 1;
      last = event.version;
      if (seen <= versions || isPinned) keep(live, [event]);
      else if (above <= lowest) return;
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
