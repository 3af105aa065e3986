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

/** Positions of the events behind what a settled step read: of the store, or of steps that settled before `first`. */
function readPositions(event: LoggedEvent, first: Position): readonly Position[] {
  if (event.type !== 'step-settled') return [];
  return event.inputs.flatMap(({ origin, position }) =>
    position !== null && (origin.from === 'asset' || position < first) ? [position] : [],
  );
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

/** What a mark starts from. All as of one position. */
export interface Roots {
  /** For each asset and source, what readers got, newest first. Left when enough was seen. */
  readonly readable: Iterable<Pages<ReadableEvent>> | AsyncIterable<Pages<ReadableEvent>>;
  /** For each output, the settled steps that gave it or dropped it, newest first. Left when enough was seen. */
  readonly settled: Iterable<Pages<LoggedEvent>> | AsyncIterable<Pages<LoggedEvent>>;
  /** The events that start runs, newest first. Left when enough was seen. */
  readonly starts: Pages<LoggedEvent>;
  /** The log from a position on. */
  readonly from: (position: Position) => Pages<LoggedEvent>;
  /** The events at some positions. */
  readonly at: (positions: readonly Position[]) => readonly LoggedEvent[] | Promise<readonly LoggedEvent[]>;
}

/** How much a mark keeps. */
export type Keeping = Pick<PruneRequest, 'versions' | 'runs'>;

/**
 * The values that something needs (R3): the last versions of each asset and source, what traces refer to, all that a kept run made or read,
 * the states that its steps started from, and what a run that has not ended may yet read. An older event alone keeps none, and a live
 * service nothing as a run (E1): it is one for as long as it lives, and nobody takes it up again at a step.
 */
export async function liveAddresses(roots: Roots, { versions, runs }: Keeping): Promise<ReadonlySet<Address>> {
  const live = new Set<Address>();
  const { open, kept } = await addRuns(live, roots, runs);
  for await (const pages of roots.settled) await addSettled(live, pages, { pins: [...open, ...kept], at: roots.at });
  for await (const pages of roots.readable) await addVersions(live, pages, { versions, pins: open });
  return live;
}

function keep(live: Set<Address>, events: readonly LoggedEvent[]): void {
  for (const event of events) for (const address of addressesOf(event)) live.add(address);
}

/** Where the oldest of so many runs starts that may be kept; where none is to be, the last one, which may not have ended. */
async function startOfRuns(starts: Roots['starts'], count: number): Promise<Position | undefined> {
  let start: Position | undefined;
  let left = Math.max(count, 1);
  for await (const page of starts) {
    for (const event of page) {
      if (event.type !== 'run-started') continue;
      if (event.mode !== 'live') {
        start = event.position;
        left -= 1;
      }
      if (left === 0 || count === 0) return start;
    }
  }
  return start;
}

/** Positions at which runs read. */
interface ReadingRuns {
  /** Of those that have not ended. */
  readonly open: readonly Position[];
  /** Of those that are kept. */
  readonly kept: readonly Position[];
}

async function addRuns(live: Set<Address>, { starts, from, at }: Roots, count: number): Promise<ReadingRuns> {
  const start = await startOfRuns(starts, count);
  const kept = new Map<string, Position>();
  const open = new Map<string, Position>();
  for await (const page of start === undefined ? [] : from(start)) {
    for (const event of page) {
      if (event.type === 'run-ended') open.delete(event.runId);
      if (event.type !== 'run-started' || event.mode === 'live') continue;
      open.set(event.runId, event.readsAt);
      if (count > 0) kept.set(event.runId, event.readsAt);
    }
    const own = page.filter((event) => 'runId' in event && event.runId !== null && kept.has(event.runId));
    keep(live, own);
    keep(live, await at(own.flatMap((event) => readPositions(event, start ?? 1))));
  }
  return { open: [...open.values()], kept: [...kept.values()] };
}

/**
 * The last of them is a trace. Of a step that keeps state, a run started from the state as of where it read, also where it failed, or never
 * came to this step.
 */
async function addSettled(
  live: Set<Address>,
  pages: Pages<LoggedEvent>,
  { pins, at }: { readonly pins: readonly Position[]; readonly at: Roots['at'] },
): Promise<void> {
  const lowest = Math.min(...pins);
  let above = Infinity;
  for await (const page of pages) {
    for (const event of page) {
      if (above === Infinity) {
        keep(live, [event]);
        keep(live, await at(givenPositions(event)));
      }
      if (event.type !== 'step-settled' || event.stateAddress === null) return;
      if (isPinned(pins, event.position, above)) live.add(event.stateAddress);
      above = event.position;
      if (above <= lowest) return;
    }
  }
}

/** Whether an event is the last one as of a pin, where the next one of its kind is at `above`. */
function isPinned(pins: readonly Position[], position: Position, above: Position): boolean {
  return pins.some((pin) => position <= pin && pin < above);
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
      const isWanted = isPinned(pins, event.position, above);
      above = event.position;
      if (event.type === 'asset-absent') continue;
      if (event.version !== last) seen += 1;
      last = event.version;
      if (seen <= versions || isWanted) keep(live, [event]);
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
