import {
  endOfEpoch,
  feed,
  live,
  refresh,
  type EpochPolicy,
  type Feed,
  type FeedContext,
  type LoggedEvent,
  type Store,
} from '../../index.ts';
import { createStore } from '../../lib/events/store.ts';
import type { LivePort } from '../../lib/events/store-port.ts';
import { livePort } from '../../lib/events/tail.ts';
import { memoryStore } from '../../lib/memory/index.ts';
import { interferingPort } from '../operators/rig/live-rig.ts';
import { eventsFrom } from './incremental-checks.ts';
import type { History } from './incremental-history.ts';

/** An item of an origin that counts. */
export interface Message {
  readonly at: number;
  readonly value: number;
}

/** What an origin holds: messages, and now and then the end of an epoch. */
export type Tape = readonly (Message | typeof endOfEpoch)[];

/** Messages of these values; an epoch ends behind each whose place is a multiple of `every`. */
export function tapeOf(values: readonly number[], every: number): Tape {
  return values.flatMap((value, index) => {
    const message = { at: index + 1, value };
    return (index + 1) % every === 0 ? [message, endOfEpoch] : [message];
  });
}

/**
 * How a tape is read: how many messages before the offset come again, after how many the event loop has a turn, and of how many messages each
 * is given once more, with all behind it, before the tape goes on.
 */
export interface Reading {
  readonly again: number;
  readonly chunk: number;
  readonly stutter?: readonly number[];
}

/** A tape as an origin gives it that delivers at least once. */
function delivered(tape: Tape, stutter: readonly number[]): Tape {
  return tape.flatMap((item, index) => {
    const back = stutter[index % stutter.length] ?? 0;
    // An end that came again would end another epoch.
    return [item, ...tape.slice(Math.max(0, index + 1 - back), index + 1).filter((each) => each !== endOfEpoch)];
  });
}

/** A feed of a tape that can be read from any place. A value is folded, so that one that is lost or comes twice shows for ever. */
function tapeFeed(tape: Tape, { again, chunk, stutter = [] }: Reading): Feed<number> {
  const from = async function* ({ offset = '0' }: FeedContext): AsyncGenerator<Message | typeof endOfEpoch> {
    const first = Math.max(1, Number(offset) + 1 - again);
    const start = tape.findIndex((item) => item !== endOfEpoch && item.at >= first);
    if (start < 0) return;
    for (const [index, item] of delivered(tape.slice(start), stutter).entries()) {
      if (index % chunk === chunk - 1) await new Promise((resolve) => setImmediate(resolve));
      yield item;
    }
  };
  return feed<number, Message>({ from, offset: ({ at }) => String(at), fold: (sum = 0, { value }) => folded(sum, value) });
}

/** The next value of a source whose items are folded: what is left out, doubled or swapped shows for ever. */
export function folded(sum: number, value: number): number {
  return (11 * sum + value + 1) % 1009;
}

/** When in the life of a service its store takes nothing more: at which append, and whether that one is still written. */
export interface Kill {
  readonly append: number;
  readonly isWritten: boolean;
}

/** How a service is played. */
export interface LivePlaying {
  readonly tape: Tape;
  readonly reading: Reading;
  readonly epochs: EpochPolicy;
  readonly window: number;
}

/** Plays a tape to its end, through as many services as are killed on the way, on one store that has the other sources. */
export async function playTape(
  played: History,
  inner: LivePort,
  {
    playing,
    kills,
    afterKill = () => Promise.resolve(),
  }: { readonly playing: LivePlaying; readonly kills: readonly Kill[]; readonly afterKill?: () => Promise<void> },
): Promise<void> {
  for (const kill of [...kills, undefined]) {
    const store = kill === undefined ? storeOf(inner) : storeOf(killedPort(inner, kill));
    await playOnce(played, store, playing).catch((error: unknown) => {
      if (!(error instanceof Killed)) throw error;
    });
    if (kill !== undefined) await afterKill();
  }
}

async function playOnce({ defs, sources }: History, store: Store, { tape, reading, epochs, window }: LivePlaying): Promise<void> {
  const key = sources[0] ?? '';
  const service = await live(defs, { store, window, epochs, sources: { [key]: tapeFeed(tape, reading) }, closeWhenDone: true });
  await service.closed;
}

/** What a process is told that has died. */
export class Killed extends Error {}

/** A port behind which the process died at an append: nothing that is asked for later is written either. */
export function killedPort(inner: LivePort, { append, isWritten }: Kill): LivePort {
  return interferingPort(inner, {
    beforeAppend: async (batch, index) => {
      if (index === append && isWritten) await inner.append(batch);
      if (index >= append) throw new Killed();
    },
  });
}

function storeOf(port: LivePort): Store {
  return createStore(port, { now: () => 0 });
}

/** A store that has all sources but the first one. */
export async function storeWithout(played: History): Promise<{ readonly store: Store; readonly port: LivePort }> {
  const store = memoryStore();
  for (const [key, value] of [...played.values].slice(1)) await store.put(key, value);
  return { store, port: livePort(store.port) };
}

/** What a log says beside which run it was, when, and from where errors were thrown: runs start and end more often where a service is killed. */
export function withoutRuns(log: readonly LoggedEvent[]): readonly string[] {
  const kept = log.filter(({ type }) => type !== 'run-started' && type !== 'run-ended');
  const places = new Map(kept.map(({ position }, index) => [position, index]));
  const mapped = (event: LoggedEvent): unknown => {
    if (!('inputs' in event)) return {};
    return {
      inputs: event.inputs.map(({ position, ...entry }) => ({ ...entry, position: position === null ? null : places.get(position) })),
    };
  };
  const same = (event: LoggedEvent, index: number): object => ({
    ...event,
    position: index,
    runId: '',
    time: 0,
    ...(mapped(event) as object),
  });
  // Of what a stack ends with, the turn of the event loop decides.
  return kept.map((event, index) => JSON.stringify(same(event, index), (name, value: unknown) => (name === 'stack' ? undefined : value)));
}

/** The last that a log says of each asset. */
export async function lastOf(store: Store): Promise<Readonly<Record<string, string>>> {
  const last = new Map<string, string>();
  for (const event of await eventsFrom(store, 1)) {
    if (!event.type.startsWith('asset-') || !('key' in event)) continue;
    last.set(event.key, 'version' in event ? event.version : event.type.slice('asset-'.length));
  }
  return Object.fromEntries([...last].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** The same of a store that a refresh has filled at once. */
export async function refreshedAtOnce(
  { defs }: History,
  sources: Readonly<Record<string, number>>,
): Promise<Readonly<Record<string, string>>> {
  const store = memoryStore();
  await refresh(defs, { store, sources, throwOnFailure: false });
  return lastOf(store);
}
