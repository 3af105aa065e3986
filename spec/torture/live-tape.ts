import {
  assetsFromGraph,
  define,
  endOfEpoch,
  feed,
  graph,
  input,
  live,
  op,
  optional,
  source,
  type AnyLiveService,
  type Definitions,
  type EpochPolicy,
  type EpochReport,
  type Feed,
  type FeedContext,
  type Store,
} from '../../index.ts';
import { livePort } from '../../lib/events/tail.ts';
import { assetKey } from '../../lib/model/asset-key.ts';
import { Random } from './random.ts';

/** What a service of a torture reads: so many messages that follow from a seed, from any offset. */
export interface LiveTape {
  readonly seed: number;
  readonly count: number;
  readonly epochs: EpochPolicy;
  /** How many messages before the offset an origin gives again. */
  readonly again: number;
  /** Behind which message the service is updated; 0: never. */
  readonly updateAt: number;
  /** Whether a service that starts right there begins as it was before, where it may have either form. */
  readonly isLate: boolean;
}

/** Who hears how a tape goes. */
export interface TapeListener {
  readonly onEpoch: (report: EpochReport) => void;
  readonly onUpdate: (what: 'updating' | 'updated') => void;
}

interface Message {
  readonly at: number;
  readonly value: number;
}

const MARK_EVERY = 4;

const shared = { codeVersion: '1', inputs: { x: input<number>() } };

const sum = op({
  ...shared,
  name: 'sum',
  state: { initial: () => ({ sum: 0, seen: 0 }) },
  run: ({ x }, { state }) => {
    state.sum += x;
    state.seen += 1;
    return `${state.sum} after ${state.seen}`;
  },
});

const halves = op({
  ...shared,
  name: 'halves',
  outputs: { high: optional<number>(), low: optional<number>() },
  run: ({ x }) => (x % 5 === 0 ? { low: x % 4 } : { high: Math.floor(x / 4), low: x % 4 }),
});

/** Comes a turn of the event loop later, where it is late. */
const lateOr = (isLate: () => boolean) =>
  op({
    ...shared,
    name: 'late',
    run: ({ x }) => (isLate() ? new Promise<number>((resolve) => setImmediate(() => resolve(x % 3))) : x % 3),
  });

/** Fails now and then; another version of it at other times. */
const failsAt = (codeVersion: string, factor: number) =>
  op({
    ...shared,
    codeVersion,
    name: 'fails',
    run: ({ x }) => {
      if (x % factor === 0) throw new RangeError(`${x} is a multiple of ${factor}`);
      return -x;
    },
  });

const both = op({
  name: 'both',
  codeVersion: '1',
  inputs: { x: input<number>(), summed: input<string>() },
  run: ({ x, summed }) => `${x} of ${summed}`,
});

const join = op({
  name: 'join',
  codeVersion: '1',
  inputs: { high: input<number>(), low: input<number>(), late: input<number>() },
  run: ({ high, low, late: third }) => [high, low, third],
});

/** A source, and what is made of it by steps of all kinds: with state, with outputs that are absent now and then, late ones, some that fail. */
export function liveAssets(isLate: () => boolean) {
  return [source<number>('x'), played('1', 7, isLate)] as const;
}

/** Definitions of {@link liveAssets}. */
export function liveDefinitions(): Definitions {
  return define({ assets: [...liveAssets(() => true)] });
}

/** What a service is updated to: one step has other code, and some new one reads what was there; {@link AFTER} leaves others out. */
function updatedDefinitions(): Definitions {
  const added = graph('added', { inputs: { x: input<number>(), summed: input<string>() } }, (inputs) => both(inputs));
  return define({ assets: [source<number>('x'), played('2', 5), assetsFromGraph(added)] });
}

const AFTER: readonly never[] = ['summed', 'failing', 'added'] as readonly string[] as never; // They are keys of its definitions.

function played(codeVersion: string, factor: number, isLate = () => true) {
  const body = graph('played', { inputs: { x: input<number>() } }, ({ x }) => {
    const { high, low } = halves({ x });
    return { summed: sum({ x }), joined: join({ high, low, late: lateOr(isLate)({ x }) }), failing: failsAt(codeVersion, factor)({ x }) };
  });
  return assetsFromGraph(body, { canSubset: true });
}

/** The feed of a tape. A value goes into the next one, so one that is lost or comes twice shows for ever. */
function tapeFeed({ seed, count, again, updateAt }: LiveTape, update: () => Promise<void>): Feed<number> {
  const from = async function* ({ offset = '0' }: FeedContext): AsyncGenerator<Message | typeof endOfEpoch> {
    // A service that was updated with this message as its last one says so again.
    if (Number(offset) === updateAt) await update();
    for (let at = Math.max(1, Number(offset) + 1 - again); at <= count; at += 1) {
      if (at % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
      yield { at, value: new Random(seed + at).below(50) };
      if (at % MARK_EVERY === 0 || at === updateAt) yield endOfEpoch;
      if (at === updateAt && at > Number(offset)) await update();
    }
  };
  return feed<number, Message>({ from, offset: ({ at }) => String(at), fold: (x = 0, { value }) => (5 * x + value) % 1009 });
}

/** Plays a tape to its end, from wherever a store is. */
export async function playLiveTape(store: Store, tape: LiveTape, { onEpoch, onUpdate }: TapeListener): Promise<void> {
  const { epochs, updateAt, isLate } = tape;
  const [offset] = await livePort(store.port).offsets([assetKey('x', 'a tape')]);
  const hasCome = updateAt > 0 && Number(offset ?? 0) >= updateAt;
  // What is made anew is there, or the service has not been updated: its first epoch as it is to be is one transaction.
  const isUpdated = hasCome && (Number(offset) > updateAt || (await store.latest('added')) !== undefined);
  const isNew = hasCome && (isUpdated || !isLate);
  if (isNew) onUpdate('updated');
  let started: (service: AnyLiveService) => void = () => undefined;
  const starting = new Promise<AnyLiveService>((resolve) => (started = resolve));
  const update = async (): Promise<void> => {
    const service = await starting;
    if (isNew || updateAt === 0) return;
    await service.settled();
    onUpdate('updating');
    await service.update({ defs: updatedDefinitions(), select: AFTER });
    onUpdate('updated');
  };
  const options = { store, epochs, sources: { x: tapeFeed(tape, update) }, closeWhenDone: true };
  const service = await (isNew ? live(updatedDefinitions(), { ...options, select: AFTER }) : live(liveDefinitions(), options));
  service.epochs().subscribe({ next: onEpoch, error: () => undefined });
  started(service);
  await service.closed;
}
