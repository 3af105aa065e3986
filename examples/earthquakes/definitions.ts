import { asset, assetsFromGraph, define, input, type Definitions, type KeyOf, type Store, type ValueAt } from 'sluice';
import type { DayCount } from './counts.ts';
import { feed } from './feed.ts';
import { week } from './graphs.ts';
import { ALERT_MAGNITUDE } from './ops.ts';
import type { SeismicEvent } from './seismic-event.ts';

const weekAssets = assetsFromGraph(week, {
  keysByInputName: { feed: 'usgs/feed' },
  keyPrefix: 'week',
  canSubset: true,
  notes: {
    earthquakes: { group: 'types', description: 'earthquakes, oldest first' },
    blasts: { group: 'types', description: 'explosions and quarry blasts' },
    others: { group: 'types', description: 'events of any other type' },
    by_type: { group: 'types', description: 'types with their counts' },
    alerts: { group: 'magnitudes', description: `earthquakes from magnitude ${ALERT_MAGNITUDE}` },
    histogram: { group: 'magnitudes', description: 'magnitudes with their counts' },
    daily: { group: 'days', description: 'UTC days with their counts' },
    by_region: { group: 'places', description: 'regions with their counts' },
    swarms: { group: 'places', description: 'swarms of 20 or more' },
  },
});

/** What the week comes down to. */
export interface Report {
  readonly total: number;
  readonly busiest: DayCount | null;
  readonly alerts: number;
  readonly top: SeismicEvent | null;
}

/** An asset of its own definition, downstream of two assets of the week. */
const report = asset({
  key: 'reports/weekly',
  name: 'summarize',
  group: 'reports',
  description: 'what the week comes down to',
  codeVersion: '1',
  inputs: { daily: input<readonly DayCount[]>(), alerts: input<readonly SeismicEvent[]>() },
  keysByInputName: { daily: 'week/daily', alerts: 'week/alerts' },
  run: ({ daily, alerts }): Report => ({
    total: daily.reduce((sum, { count }) => sum + count, 0),
    busiest: daily.toSorted((a, b) => b.count - a.count)[0] ?? null,
    alerts: alerts.length,
    top: alerts[0] ?? null,
  }),
});

/** All that can be asked for. */
export const definitions = define({ assets: [feed, weekAssets, report] });

type Assets = typeof definitions extends Definitions<infer Defined> ? Defined : never;

/** An asset's value as the store has it, with the type that the definitions give it; `undefined` where it is absent. */
export async function valueOf<Key extends KeyOf<Assets>>(store: Store, key: Key): Promise<ValueAt<Assets, Key> | undefined> {
  // What a run recorded under this key is what the op behind it gave, and the definitions know its type.
  return (await store.value(key)) as ValueAt<Assets, Key> | undefined;
}
