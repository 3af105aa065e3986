import { graph, input } from 'sluice';
import type { Feed } from './feed.ts';
import { countDays, countRegions, countTypes, findSwarms, locate, measure, readEvents, splitByType } from './ops.ts';
import type { SeismicEvent } from './seismic-event.ts';

/** What shook the ground: the events of the feed by type. */
const classify = graph('classify', { inputs: { feed: input<Feed>() } }, ({ feed }) => {
  const { earthquakes, blasts, others } = splitByType({ events: readEvents({ feed }) });
  const by_type = countTypes({ groups: [earthquakes, blasts, others] });
  return { earthquakes, blasts, others, by_type };
});

/** Where the earthquakes were. */
const places = graph('places', { inputs: { earthquakes: input<readonly SeismicEvent[]>() } }, ({ earthquakes }) => {
  const located = locate({ earthquakes });
  return { by_region: countRegions({ located }), swarms: findSwarms({ located }) };
});

/** Everything that one week's feed tells; every output is an asset. */
export const week = graph('week', { inputs: { feed: input<Feed>() } }, ({ feed }) => {
  const { earthquakes, ...types } = classify({ feed });
  return { earthquakes, ...types, ...measure({ earthquakes }), daily: countDays({ earthquakes }), ...places({ earthquakes }) };
});
