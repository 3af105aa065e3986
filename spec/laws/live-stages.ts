import { endOfEpoch, feed, live, type AnyLiveService, type Definitions, type EpochPolicy, type Feed, type Store } from '../../index.ts';
import { createStore } from '../../lib/events/store.ts';
import type { LivePort } from '../../lib/events/store-port.ts';
import { assetKey } from '../../lib/model/asset-key.ts';
import type { Action, HistoryCase } from './incremental-arbitraries.ts';
import { deferred } from '../operators/rig/deferred.ts';
import { History } from './incremental-history.ts';
import { folded, Killed, killedPort, type Kill, type Message } from './live-play.ts';

/** What a service is asked to keep up to date from some message on. */
export interface Stage {
  readonly defs: Definitions;
  readonly select: readonly string[];
  readonly messages: readonly Message[];
  /** The place of its last message. */
  readonly end: number;
}

/** What comes before the messages of a stage: changes of the definitions, and which assets are selected, as bits; 0: all. */
export interface StageSeed {
  readonly changes: readonly Exclude<Action, { readonly do: 'run' }>[];
  readonly chosen: number;
  readonly values: readonly number[];
}

/** How a service of stages is played. */
export interface StagePlaying {
  readonly epochs: EpochPolicy;
  readonly window: number;
  /** How many messages before the offset come again. */
  readonly again: number;
  /** Whether a service is updated while messages come, and not between those of two stages. */
  readonly isRushed: boolean;
  /** Whether a service that starts where one stage has ended has that one's definitions and is updated again, though it may have been. */
  readonly isLate: (stage: number) => Promise<boolean>;
}

/** The stages of a random world; definitions of their own, as every process has. */
export async function stagesOf(shape: HistoryCase, seeds: readonly StageSeed[]): Promise<readonly Stage[]> {
  const played = new History(shape);
  const stages: Stage[] = [];
  let at = 0;
  for (const { changes, chosen, values } of seeds) {
    for (const change of changes) await played.change(change);
    played.redefine();
    const keys = [...played.defs.assets.keys()];
    const select = chosen === 0 ? keys : keys.filter((_, index) => ((chosen >> (index % 8)) & 1) === 1);
    const messages = values.map((value) => ({ at: (at += 1), value }));
    stages.push({ defs: played.defs, select, messages, end: at });
  }
  return stages;
}

/** The source that messages come for. */
const SOURCE = 'x0';

/** Lives through the stages in as many services as are killed on the way, each of which starts where the one before was. */
export async function playStages(
  make: () => Promise<readonly Stage[]>,
  inner: LivePort,
  { playing, kills }: { readonly playing: StagePlaying; readonly kills: readonly Kill[] },
): Promise<void> {
  for (const kill of [...kills, undefined]) {
    const store = createStore(kill === undefined ? inner : killedPort(inner, kill), { now: () => 0 });
    await liveOnce(await make(), store, { inner, playing }).catch((error: unknown) => {
      if (!(error instanceof Killed)) throw error;
    });
  }
}

async function liveOnce(
  stages: readonly Stage[],
  store: Store,
  { inner, playing }: { readonly inner: LivePort; readonly playing: StagePlaying },
): Promise<void> {
  const { epochs, window } = playing;
  const [offset = '0'] = await inner.offsets([assetKey(SOURCE, 'a law')]);
  // What the last message on disk is of: where it ends a stage, the service was about to be updated, or has been.
  let now = stages.findIndex(({ end }) => Number(offset) <= end);
  if (Number(offset) === stages[now]?.end && now + 1 < stages.length && !(await playing.isLate(now))) now += 1;
  const stage = stages[now];
  if (stage === undefined) throw new Error('there is no stage to start with');
  const started = deferred<AnyLiveService>();
  const updating: Promise<void>[] = [];
  const update = async (): Promise<void> => {
    const { defs, select } = stages[(now += 1)] ?? stage;
    const service = await started.promise;
    if (!playing.isRushed) await service.settled();
    await service.update({ defs, select });
  };
  /** The origin is at its end, too, where the process has died. */
  const onEnd = async (isLast: boolean): Promise<boolean> => {
    if (!isLast) updating.push(update());
    const isOver = isLast || !playing.isRushed ? Promise.all(updating) : Promise.resolve();
    for (const each of updating) each.catch(() => undefined);
    return isOver.then(
      () => true,
      () => false,
    );
  };
  const sources = { [SOURCE]: stagedFeed(stages, { ...playing, first: now, onEnd }) };
  const select: readonly never[] = stage.select as never; // They are keys of its definitions.
  const service = await live(stage.defs, { store, window, epochs, select, sources, closeWhenDone: true });
  started.resolve(service);
  await service.closed;
  // Refused where nobody died, it would be one that was never asked for.
  await Promise.all(updating);
}

interface Staging extends Pick<StagePlaying, 'again' | 'isRushed'> {
  /** The stage that the service starts with. */
  readonly first: number;
  /** Asked where a stage ends; whether to go on. */
  readonly onEnd: (isLast: boolean) => Promise<boolean>;
}

/** Gives the messages behind an offset, those of each stage when the one before is over. */
function stagedFeed(stages: readonly Stage[], { first, again, isRushed, onEnd }: Staging): Feed<number> {
  return feed<number, Message>({
    offset: ({ at }) => String(at),
    // Else an update that needs the source is refused until its first item is applied.
    ...(isRushed && { initial: 0 }),
    fold: (sum = 0, { value }) => folded(sum, value),
    from: async function* ({ offset = '0' }) {
      for (const [index, { messages }] of stages.entries()) {
        for (const message of messages) {
          if (message.at <= Number(offset) - again) continue;
          if (message.at % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
          yield message;
        }
        if (index < first) continue;
        yield endOfEpoch;
        if (!(await onEnd(index + 1 === stages.length))) return;
      }
    },
  });
}
