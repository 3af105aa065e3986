import { count, concatMap, filter, from, groupBy as groupsOf, map, merge, mergeMap, reduce, toArray } from 'rxjs';
import { emit, input, list, op, optional, output } from 'sluice';
import type { DayCount, MagnitudeBand, RegionCount, TypeCount } from './counts.ts';
import type { Feed } from './feed.ts';
import { groupBy } from './group-by.ts';
import { dayOf, eventsOf, regionOf, strongest, type LocatedEvent, type SeismicEvent } from './seismic-event.ts';
import { swarmsOf } from './swarms.ts';

/** From this magnitude on, an earthquake is an alert. */
export const ALERT_MAGNITUDE = 4.5;

/** A plain function: the value it returns is the op's one output. */
export const readEvents = op({
  name: 'read_events',
  codeVersion: '1',
  inputs: { feed: input<Feed>() },
  run: ({ feed }) => eventsOf(feed),
});

/** A generator with optional outputs: it emits what is asked for, and nothing for a group that the week did not have. */
export const splitByType = op({
  name: 'split_by_type',
  codeVersion: '1',
  inputs: { events: input<readonly SeismicEvent[]>() },
  outputs: {
    earthquakes: optional<readonly SeismicEvent[]>(),
    blasts: optional<readonly SeismicEvent[]>(),
    others: optional<readonly SeismicEvent[]>(),
  },
  *run({ events }, { selectedOutputs }) {
    const groups = groupBy(events, ({ type }) => GROUPS[type] ?? 'others');
    for (const [name, group] of groups) if (selectedOutputs.has(name)) yield emit(name, group);
  },
});

const GROUPS: Readonly<Record<string, 'earthquakes' | 'blasts'>> = {
  earthquake: 'earthquakes',
  explosion: 'blasts',
  'quarry blast': 'blasts',
};

/** A fan-in: as many groups as came, in the order in which they are wired. */
export const countTypes = op({
  name: 'count_types',
  codeVersion: '1',
  inputs: { groups: list<readonly SeismicEvent[]>() },
  run: ({ groups }): readonly TypeCount[] =>
    [...groupBy(groups.flat(), ({ type }) => type)]
      .map(([type, events]) => ({ type, count: events.length }))
      .sort((a, b) => b.count - a.count),
});

/** An Observable of emissions. It always emits both outputs; the gate drops the one that a run does not need. */
export const measure = op({
  name: 'measure',
  codeVersion: '1',
  inputs: { earthquakes: input<readonly SeismicEvent[]>() },
  outputs: { alerts: output<readonly SeismicEvent[]>(), histogram: output<readonly MagnitudeBand[]>() },
  run: ({ earthquakes }) => {
    const quakes = from(earthquakes);
    const alerts = quakes.pipe(
      filter(({ magnitude }) => magnitude >= ALERT_MAGNITUDE),
      toArray(),
      map((strong) =>
        emit(
          'alerts',
          strong.sort((a, b) => b.magnitude - a.magnitude),
        ),
      ),
    );
    const histogram = quakes.pipe(
      reduce(
        (counts, { magnitude }) => counts.set(Math.floor(magnitude), (counts.get(Math.floor(magnitude)) ?? 0) + 1),
        new Map<number, number>(),
      ),
      map((counts) =>
        emit(
          'histogram',
          [...counts].map(([low, many]) => ({ from: low, count: many })).sort((a, b) => a.from - b.from),
        ),
      ),
    );
    return merge(alerts, histogram);
  },
});

/** An RxJS operator: one frame of inputs goes in, the value comes out. */
export const countDays = op({
  name: 'count_days',
  codeVersion: '1',
  inputs: { earthquakes: input<readonly SeismicEvent[]>() },
  operator: (frames) =>
    frames.pipe(
      concatMap(({ earthquakes }) =>
        from(earthquakes).pipe(
          groupsOf(({ time }) => dayOf(time)),
          mergeMap((day) =>
            day.pipe(
              count(),
              map((many): DayCount => ({ day: day.key, count: many })),
            ),
          ),
          toArray(),
        ),
      ),
    ),
});

/** Used twice below: what it makes is no asset, and stays inside the graph. */
export const locate = op({
  name: 'locate',
  codeVersion: '1',
  inputs: { earthquakes: input<readonly SeismicEvent[]>() },
  run: ({ earthquakes }): readonly LocatedEvent[] => earthquakes.map((quake) => ({ ...quake, region: regionOf(quake.place) })),
});

export const countRegions = op({
  name: 'count_regions',
  codeVersion: '1',
  inputs: { located: input<readonly LocatedEvent[]>() },
  run: ({ located }): readonly RegionCount[] =>
    [...groupBy(located, ({ region }) => region)]
      .map(([region, quakes]) => ({ region, count: quakes.length, strongest: strongest(quakes)?.magnitude ?? 0 }))
      .sort((a, b) => b.count - a.count),
});

/** An async function: it gives the event loop turns, and stops when the run is cancelled. */
export const findSwarms = op({
  name: 'find_swarms',
  codeVersion: '1',
  inputs: { located: input<readonly LocatedEvent[]>() },
  run: async ({ located }, { signal }) => swarmsOf(located, signal),
});
