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
  type Definitions,
  type EpochPolicy,
  type EpochReport,
  type Feed,
  type FeedContext,
  type Store,
} from '../../index.ts';
import { Random } from './random.ts';

/** What a service of a torture reads: so many messages that follow from a seed, from any offset. */
export interface LiveTape {
  readonly seed: number;
  readonly count: number;
  readonly epochs: EpochPolicy;
  /** How many messages before the offset an origin gives again. */
  readonly again: number;
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

const late = op({
  ...shared,
  name: 'late',
  run: async ({ x }) => {
    await new Promise((resolve) => setImmediate(resolve));
    return x % 3;
  },
});

const fails = op({
  ...shared,
  name: 'fails',
  run: ({ x }) => {
    if (x % 7 === 0) throw new RangeError(`${x} is a multiple of 7`);
    return -x;
  },
});

const join = op({
  name: 'join',
  codeVersion: '1',
  inputs: { high: input<number>(), low: input<number>(), late: input<number>() },
  run: ({ high, low, late: third }) => [high, low, third],
});

/** Steps of all kinds: with state, with outputs that are absent now and then, late ones, some that fail. */
export function liveDefinitions(): Definitions {
  const body = graph('played', { inputs: { x: input<number>() } }, ({ x }) => {
    const { high, low } = halves({ x });
    return { summed: sum({ x }), joined: join({ high, low, late: late({ x }) }), failing: fails({ x }) };
  });
  return define({ assets: [source<number>('x'), assetsFromGraph(body)] });
}

/** The feed of a tape. A value goes into the next one, so one that is lost or comes twice shows for ever. */
function tapeFeed({ seed, count, again }: LiveTape): Feed<number> {
  const from = async function* ({ offset = '0' }: FeedContext): AsyncGenerator<Message | typeof endOfEpoch> {
    for (let at = Math.max(1, Number(offset) + 1 - again); at <= count; at += 1) {
      if (at % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
      yield { at, value: new Random(seed + at).below(50) };
      if (at % MARK_EVERY === 0) yield endOfEpoch;
    }
  };
  return feed<number, Message>({ from, offset: ({ at }) => String(at), fold: (x = 0, { value }) => (5 * x + value) % 1009 });
}

/** Plays a tape to its end. */
export async function playLiveTape(store: Store, tape: LiveTape, onEpoch: (report: EpochReport) => void): Promise<void> {
  const service = await live(liveDefinitions(), { store, epochs: tape.epochs, sources: { x: tapeFeed(tape) }, closeWhenDone: true });
  service.epochs().subscribe({ next: onEpoch, error: () => undefined });
  await service.closed;
}
