import { endOfEpoch, feed, type Feed as LiveFeed, type FeedContext } from 'sluice';
import type { Feed } from '../earthquakes/feed.ts';
import { revise } from '../earthquakes/revision.ts';
import { pause } from '../connectors/pause.ts';

type Feature = Feed['features'][number];

/** What the observatories say of one event: that it happened, and later, that somebody has looked at it. */
export interface Report {
  /** The reports are counted from 1: where each stands in the replay. */
  readonly number: number;
  /** When it came, in milliseconds since 1970. */
  readonly at: number;
  readonly feature: Feature;
}

/** How a week is replayed. */
export interface ReplayOptions {
  /** How many times as fast as it was. */
  readonly speed: number;
  /** So much of the feed's time is an epoch, in milliseconds. */
  readonly everyMs: number;
  /** Told of the last report that is on disk: once at the start, then at each. `undefined` where none is. */
  readonly onDurable?: (report: Report | undefined) => void;
}

const HOUR_MS = 60 * 60 * 1000;
const REVIEWED_AFTER_MS = 6 * HOUR_MS;

/** The week as it came in: each event when it happened, and again six hours later where somebody had to look at it. That delay is made up. */
export function reportsOf(published: Feed): readonly Report[] {
  const came = published.features.map((feature) => ({ at: feature.properties.time, feature: whatIsRead(feature) }));
  const reviewed = revise(published).feed.features.flatMap((feature, index) =>
    published.features[index]?.properties.status === 'automatic'
      ? [{ at: feature.properties.time + REVIEWED_AFTER_MS, feature: whatIsRead(feature) }]
      : [],
  );
  return [...came, ...reviewed].sort((a, b) => a.at - b.at).map((report, index) => ({ number: index + 1, ...report }));
}

/** The feed with one report more, newest event first, as it is published. */
export function withReport({ metadata, features: known }: Feed, { at, feature }: Report): Feed {
  const isKnown = known.some(({ id }) => id === feature.id);
  const features = isKnown ? known.map((other) => (other.id === feature.id ? feature : other)) : [feature, ...known];
  return { metadata: { ...metadata, generated: at, count: features.length }, features };
}

/** The reports as a source that can go on behind any of them. Where its epochs end depends on the feed's time alone. */
export function replayedFeed(reports: readonly Report[], { onDurable = () => undefined, ...pace }: ReplayOptions): LiveFeed<Feed> {
  return feed<Feed, Report>({
    from: (context) => {
      onDurable(reports[Number(context.offset ?? 0) - 1]);
      return replay(reports, pace, context);
    },
    offset: ({ number }) => String(number),
    initial: EMPTY,
    fold: (known = EMPTY, report) => withReport(known, report),
    acknowledge: onDurable,
  });
}

const EMPTY: Feed = { metadata: { title: 'USGS All Earthquakes, replayed', generated: 0, count: 0 }, features: [] };

async function* replay(
  reports: readonly Report[],
  { speed, everyMs }: ReplayOptions,
  { offset, clock, signal }: FeedContext,
): AsyncGenerator<Report | typeof endOfEpoch> {
  const rest = reports.slice(Number(offset ?? 0));
  const started = clock.now();
  for (const [index, report] of rest.entries()) {
    const before = rest[index - 1];
    if (before !== undefined && Math.floor(before.at / everyMs) !== Math.floor(report.at / everyMs)) yield endOfEpoch;
    const due = started + (report.at - (rest[0]?.at ?? 0)) / speed;
    while (due > clock.now() && !signal.aborted) await pause(due - clock.now(), { clock, signal });
    if (signal.aborted) return;
    yield report;
  }
  yield endOfEpoch;
}

/** A version of the feed is stored with each epoch: of what the USGS says, only what some op reads is worth that. */
function whatIsRead({ id, properties: { type, status, mag, place, time }, geometry: { coordinates } }: Feature): Feature {
  return { id, properties: { type, status, mag, place, time }, geometry: { coordinates } };
}
