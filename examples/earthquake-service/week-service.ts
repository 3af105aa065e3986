import { live, type EpochReport, type Store } from 'sluice';
import { definitions } from '../earthquakes/definitions.ts';
import { publishedFeed } from '../earthquakes/feed.ts';
import type { SeismicEvent } from '../earthquakes/seismic-event.ts';
import { replayedFeed, reportsOf, type ReplayOptions } from './replay.ts';

/** Where a replay is. Everything here is on disk. */
export interface Standing {
  /** The feed's time, in milliseconds since 1970; `undefined` before the first report. */
  readonly at: number | undefined;
  /** Where the log ended with the last epoch; 0 before the first one. */
  readonly position: number;
  readonly epochs: number;
  /** By when each of the last epochs was on disk, in milliseconds since the process began. */
  readonly times: readonly number[];
  readonly alerts: readonly SeismicEvent[];
  /** Whether the whole week came. */
  readonly isOver: boolean;
}

/** The week as a service: what replays it, and where that is. */
export interface WeekService {
  /** Resolves when it was closed, and rejects with what ended it otherwise. */
  readonly closed: Promise<void>;
  readonly standing: () => Standing;
  /** Stops at once, and lets go of the store. */
  readonly close: () => Promise<void>;
}

/** How a week is replayed into a store. */
export interface WeekServiceOptions extends Omit<ReplayOptions, 'onDurable'> {
  readonly store: Store;
  /** Told after each epoch, and when the week is over. */
  readonly onProgress?: (standing: Standing) => void;
}

const TIMES = 100;

/** Starts the replay where the store says that it was. */
export async function startWeek({ store, onProgress = () => undefined, ...pace }: WeekServiceOptions): Promise<WeekService> {
  const reports = reportsOf(await publishedFeed());
  let now: Standing = { at: undefined, position: 0, epochs: 0, times: [], alerts: [], isOver: false };
  const move = (change: Partial<Standing>): void => {
    now = { ...now, ...change };
    onProgress(now);
  };
  const replayed = replayedFeed(reports, {
    ...pace,
    onDurable: (report) => move({ at: report?.at, isOver: report?.number === reports.length }),
  });
  const service = await live(definitions, { store, sources: { 'usgs/feed': replayed }, epochs: { marks: true } });
  const onEpoch = ({ position }: EpochReport): void =>
    move({ position, epochs: now.epochs + 1, times: [...now.times, performance.now()].slice(-TIMES) });
  service.epochs().subscribe({ next: onEpoch, error: () => undefined });
  service.value('week/alerts').subscribe({
    next: (alerts) => void (now = { ...now, alerts: alerts.state === 'value' ? alerts.value : [] }),
    error: () => undefined,
  });
  return {
    closed: service.closed,
    standing: () => now,
    close: async () => {
      // What waits is not worth waiting for: the replay gives it again, and its epochs then end where they would have ended.
      await service.close({ drain: false });
      await store.close();
    },
  };
}
