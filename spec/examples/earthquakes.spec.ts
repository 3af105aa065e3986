import { lastValueFrom, tap, toArray } from 'rxjs';
import { explain, materialize, plan, refresh, run, type RunEvent } from 'sluice';
import { memoryStore } from 'sluice/store/memory';
import { beforeAll, describe, expect, test } from 'vitest';
import { definitions, valueOf } from '../../examples/earthquakes/definitions.ts';
import { publishedFeed } from '../../examples/earthquakes/feed.ts';
import { revise } from '../../examples/earthquakes/revision.ts';
import { advance, waiting } from '../../examples/earthquakes/view/progress.ts';

const keys = ['blasts', 'by_type', 'earthquakes', 'alerts', 'histogram', 'daily', 'by_region', 'swarms'].map((name) => `week/${name}`);

describe('the definitions of the earthquakes example', () => {
  const store = memoryStore();
  const makeAll = () => materialize(definitions, { store });
  let whole: Awaited<ReturnType<typeof makeAll>>;

  beforeAll(async () => {
    whole = await makeAll();
  });

  test('split the week by type, and have nothing of a type that did not occur', () => {
    expect(whole.value('week/earthquakes')).toHaveLength(1679);
    expect(whole.value('week/blasts')).toHaveLength(28);
    expect(whole.outcome('week/others')).toBe('absent');
    expect(whole.value('week/by_type')).toEqual([
      { type: 'earthquake', count: 1679 },
      { type: 'explosion', count: 15 },
      { type: 'quarry blast', count: 13 },
    ]);
  });

  test('count the earthquakes of each UTC day', () => {
    const days = whole.value('week/daily');
    expect(days.map(({ count }) => count)).toEqual([192, 224, 237, 258, 301, 244, 209, 14]);
    expect([days[0]?.day, days.at(-1)?.day]).toEqual(['2018-01-31', '2018-02-07']);
  });

  test('find the alerts, strongest first', () => {
    const alerts = whole.value('week/alerts');
    expect(alerts).toHaveLength(85);
    expect(alerts[0]).toMatchObject({ magnitude: 6.4, place: '22km NNE of Hualian, Taiwan' });
    expect(alerts.every(({ magnitude }) => magnitude >= 4.5)).toBe(true);
  });

  test('count every earthquake once in each of its tables', () => {
    const sum = (rows: readonly { readonly count: number }[]): number => rows.reduce((total, { count }) => total + count, 0);
    expect(sum(whole.value('week/histogram'))).toBe(1679);
    expect(sum(whole.value('week/by_region'))).toBe(1679);
    expect(sum(whole.value('week/daily'))).toBe(1679);
    expect(whole.value('week/swarms').every(({ count }) => count >= 20)).toBe(true);
  });

  test('report on the week from another definition, downstream of two assets', () => {
    expect([...definitions.assets.values()].find(({ key }) => key === 'reports/weekly')?.deps).toEqual(['week/daily', 'week/alerts']);
    expect(whole.value('reports/weekly')).toMatchObject({
      total: 1679,
      alerts: 85,
      busiest: { day: '2018-02-04', count: 301 },
      top: { magnitude: 6.4 },
    });
  });

  test('describe and group every asset, and give every op a code version', () => {
    for (const { key, notes } of definitions.assets.values())
      expect([key, typeof notes.description, typeof notes.group]).toEqual([key, 'string', 'string']);
    for (const { id, op } of definitions.graph.steps) expect([id, typeof op.codeVersion]).toEqual([id, 'string']);
  });

  test('hold what the run recorded under the same types', async () => {
    expect(await valueOf(store, 'week/daily')).toEqual(whole.value('week/daily'));
    expect(await valueOf(store, 'week/others')).toBeUndefined();
  });

  test.each(keys)('give %s alone the value that it has in the whole', async (key) => {
    const alone = await lastValueFrom(run(plan(definitions, { select: [key as 'week/daily'] })).pipe(toArray()));
    const made = alone.filter((event) => event.type === 'asset-materialized');
    expect(made.map((event) => event.key)).toEqual([key]);
    expect(made[0]?.version).toBe(await versionOf(key));
  });

  async function versionOf(key: string): Promise<string | undefined> {
    const event = await store.latest(key);
    return event?.type === 'asset-materialized' ? event.version : undefined;
  }
});

test('alerts alone take three of nine steps, and say so', () => {
  const alerts = plan(definitions, { select: ['week/alerts'] });
  const asked = alerts.steps.map(({ step, selectedOutputs }) => [step.id, ...selectedOutputs]);
  expect(asked).toEqual([
    ['week:classify.read_events', 'result'],
    ['week:classify.split_by_type', 'earthquakes'],
    ['week:measure', 'alerts'],
  ]);
  expect(explain(alerts).steps.filter(({ verdict }) => verdict === 'left-out')).toHaveLength(6);
});

test('a cancelled run stops the search for swarms and keeps what was recorded', async () => {
  const store = memoryStore();
  const controller = new AbortController();
  const cancel = (event: RunEvent): void => {
    if (event.type === 'step-started' && event.op === 'find_swarms') controller.abort();
  };
  const events = await lastValueFrom(run(plan(definitions), { store, signal: controller.signal }).pipe(tap(cancel), toArray()));
  expect(events.at(-1)).toMatchObject({ type: 'run-ended', status: 'cancelled' });
  expect(await valueOf(store, 'week/alerts')).toHaveLength(85);
  expect(await store.latest('week/swarms')).toBeUndefined();
});

test('the progress view says of a step that was reused that it was', () => {
  const before = waiting(plan(definitions, { select: ['week/alerts'] }));
  const after = advance(before, {
    type: 'step-reused',
    runId: 'run',
    time: 1,
    definition: 'week',
    step: 'classify.read_events',
    op: 'read_events',
    selectedOutputs: ['result'],
  });
  expect([...before.rows.values()].map(({ state }) => state)).toEqual(['waiting', 'waiting', 'waiting']);
  expect([...after.rows.values()].map(({ state }) => state)).toEqual(['reused', 'waiting', 'waiting']);
  expect(after.settled).toBe(1);
});

describe('a revised feed', () => {
  test('has every event reviewed, one magnitude corrected, and nothing else changed', async () => {
    const before = await publishedFeed();
    const { feed, reviewed } = revise(before);
    expect(feed.features.every(({ properties }) => properties.status === 'reviewed')).toBe(true);
    expect(reviewed).toBe(before.features.filter(({ properties }) => properties.status !== 'reviewed').length);
    const others = feed.features.filter(({ properties: { mag } }, index) => mag !== before.features[index]?.properties.mag);
    expect(others.map(({ id, properties: { type, mag } }) => [id, type, mag])).toEqual([['ci38100536', 'quarry blast', 1.7]]);
    const asBefore = feed.features.map((feature, index) => ({ ...feature, properties: before.features[index]?.properties }));
    expect({ ...feed, features: asBefore }).toEqual(before);
  });

  test('makes three steps run, and gives what a run from scratch gives', async () => {
    const store = memoryStore();
    await materialize(definitions, { store });
    const sources = { 'usgs/feed': revise(await publishedFeed()).feed };
    const refreshed = await refresh(definitions, { store, sources });
    const ran = [...refreshed.steps].filter(([, { outcome }]) => outcome !== 'reused').map(([id]) => id);
    expect(ran).toEqual(['week:classify.read_events', 'week:classify.split_by_type', 'week:classify.count_types']);
    expect(Object.fromEntries(refreshed.outcomes)).toMatchObject({
      'week/earthquakes': 'unchanged',
      'week/blasts': 'materialized',
      'week/by_type': 'unchanged',
      'week/swarms': 'fresh',
      'reports/weekly': 'fresh',
    });
    const fromScratch = await materialize(definitions, { sources });
    expect(fromScratch.outcome('week/others')).toBe('absent');
    expect(await valueOf(store, 'week/others')).toBeUndefined();
    for (const key of [...keys, 'reports/weekly'] as ('week/blasts' | 'reports/weekly')[])
      expect([key, await refreshed.value(key)]).toEqual([key, fromScratch.value(key)]);
  });
});
