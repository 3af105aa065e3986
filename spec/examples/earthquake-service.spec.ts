import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { endOfEpoch, materialize, type FeedContext, type LoggedEvent, type Store } from 'sluice';
import { openStore } from 'sluice/store';
import { memoryStore } from 'sluice/store/memory';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { replayedFeed, reportsOf, withReport, type Report } from '../../examples/earthquake-service/replay.ts';
import { startWeek, type WeekService } from '../../examples/earthquake-service/week-service.ts';
import { webOf } from '../../examples/earthquake-service/web.ts';
import { definitions } from '../../examples/earthquakes/definitions.ts';
import { publishedFeed, type Feed } from '../../examples/earthquakes/feed.ts';
import { revise } from '../../examples/earthquakes/revision.ts';
import { manualClock, type ManualClock } from '../operators/rig/manual-clock.ts';
import { serve, type Served } from './serve.ts';

// Starting a process takes a second, and much more on a machine that is busy with other specs.
const HOUR_MS = 3_600_000;
const SLOT_MS = 24 * HOUR_MS;
const AT_ONCE = 1e12;
const folder = mkdtempSync(join(tmpdir(), 'sluice-service-'));
const running: Served[] = [];
const published = await publishedFeed();

afterEach(() => Promise.all(running.splice(0).map((served) => served.end('SIGKILL'))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Replays the week into a store, to its end. */
function replayInto(store: Store): Promise<WeekService> {
  return new Promise((resolve, reject) => {
    const week = startWeek({
      store,
      speed: AT_ONCE,
      everyMs: SLOT_MS,
      onProgress: ({ isOver }) => void (isOver && week.then(resolve, reject)),
    });
    week.catch(reject);
  });
}

/** A log up to what L2 leaves open: which runs there were, their ids, and times. Positions are counted anew without them. */
async function eventsOf(store: Store): Promise<readonly unknown[]> {
  const places = new Map<number, number>();
  const kept: LoggedEvent[] = [];
  for await (const event of store.events()) {
    if (event.type === 'run-started' || event.type === 'run-ended') continue;
    kept.push(event);
    places.set(event.position, kept.length);
  }
  const text = JSON.stringify(kept, (name, value: unknown) => {
    if (name === 'runId' || name === 'time') return undefined;
    return name === 'position' && typeof value === 'number' ? places.get(value) : value;
  });
  return JSON.parse(text) as unknown[];
}

describe('the replay of the week', () => {
  test('reports every event when it happened, and six hours later each one that somebody had to look at', () => {
    const reports = reportsOf(published);
    expect(reports).toHaveLength(1707 + 493);
    expect(reports.map(({ number }) => number)).toEqual(reports.map((_, index) => index + 1));
    expect(reports.every(({ at }, index) => index === 0 || at >= (reports[index - 1]?.at ?? 0))).toBe(true);
    const delays = new Set(reports.map(({ at, feature }) => at - feature.properties.time));
    expect([...delays].sort((a, b) => a - b)).toEqual([0, 6 * HOUR_MS]);
  });

  test('ends with the revised feed, newest first', () => {
    const empty: Feed = { metadata: { title: '', generated: 0, count: 0 }, features: [] };
    const last = reportsOf(published).reduce(withReport, empty);
    const read = ({ id, properties: { type, status, mag, place, time } }: Feed['features'][number]): unknown =>
      [id, type, status, mag, place, time].join();
    expect(last.features.map(read)).toEqual(revise(published).feed.features.map(read));
    expect(last.metadata.count).toBe(1707);
  });

  describe('at its pace', () => {
    const first = Date.UTC(2018, 0, 31, 12);
    const at = (number: number, hours: number): Report => ({ ...reportsOf(published)[0], number, at: first + hours * HOUR_MS }) as Report;
    const four = [at(1, 0), at(2, 0.5), at(3, 1), at(4, 10)];

    async function followed(clock: ManualClock, offset?: string): Promise<(number | 'mark')[]> {
      const { from } = replayedFeed(four, { speed: 1000, everyMs: HOUR_MS });
      const context: FeedContext = { offset, clock, signal: new AbortController().signal };
      // What replayedFeed opens is iterated here as the service does it.
      const items = (await (from as (context: FeedContext) => unknown)(context)) as AsyncIterable<Report | typeof endOfEpoch>;
      const seen: (number | 'mark')[] = [];
      void (async () => {
        for await (const item of items) seen.push(item === endOfEpoch ? 'mark' : item.number);
      })();
      return seen;
    }

    test('gives each report when it is due, and a mark where an hour of the feed is over', async () => {
      const clock = manualClock();
      const seen = await followed(clock);
      const after = async (ms: number): Promise<unknown> => {
        clock.advance(ms);
        await sleep(1);
        return [...seen];
      };
      expect(await after(0)).toEqual([1]);
      expect(await after(1799)).toEqual([1]);
      expect(await after(1)).toEqual([1, 2, 'mark']);
      expect(await after(1800)).toEqual([1, 2, 'mark', 3, 'mark']);
      expect(await after(9 * 3600 - 1)).toEqual([1, 2, 'mark', 3, 'mark']);
      expect(await after(1)).toEqual([1, 2, 'mark', 3, 'mark', 4, 'mark']);
    });

    test('goes on at once behind an offset', async () => {
      const seen = await followed(manualClock(), '3');
      await sleep(1);
      expect(seen).toEqual([4, 'mark']);
    });
  });
});

describe('the week, replayed', () => {
  const store = memoryStore();
  let week: WeekService;
  const stopping = new AbortController();
  const web = webOf({ store, standing: () => week.standing(), signal: stopping.signal });
  const changes = async (query: string, headers: Record<string, string> = {}): Promise<Response> =>
    web.request(`/changes${query}`, { headers });

  beforeAll(async () => {
    week = await replayInto(store);
  });
  afterAll(() => week.close());

  test('ends with what one run on the revised feed makes', async () => {
    const once = memoryStore();
    await materialize(definitions, { store: once, sources: { 'usgs/feed': revise(published).feed } });
    for (const key of definitions.assets.keys()) expect([key, await store.value(key)]).toEqual([key, await once.value(key)]);
    const alerts = await store.value('week/alerts');
    expect(alerts).toHaveLength(85);
    expect(week.standing().alerts).toEqual(alerts);
  });

  test('is shown at / as of one position', async () => {
    const shown = (await (await web.request('/')).json()) as Record<string, unknown>;
    expect(shown).toMatchObject({ position: week.standing().position, time: '2018-02-07T07:26:13.840Z', isOver: true });
    for (const [key, value] of Object.entries(shown['assets'] as object)) expect(value).toEqual((await store.value(key)) ?? null);
    expect(Object.keys(shown['assets'] as object)).toEqual([...definitions.assets.keys()]);
  });

  test('is streamed from any position on, with no gap and nothing twice', async () => {
    const wanted: number[] = [];
    for await (const event of store.events())
      if (event.type === 'asset-materialized' || event.type === 'asset-absent') wanted.push(event.position);
    expect(wanted.length).toBeGreaterThan(50);
    const whole = await readIds(await changes('?after=0'), wanted.length);
    expect(whole).toEqual(wanted);
    for (const cut of [1, 7, 23, wanted.length - 2]) {
      const before = await readIds(await changes('?after=0'), cut);
      const headers = { 'last-event-id': String(before.at(-1)) };
      // An EventSource comes back to the address that it began with; what it saw last says more.
      const rest = await readIds(await changes('?after=0', headers), wanted.length - cut);
      expect([...before, ...rest]).toEqual(wanted);
    }
  });

  test.skipIf(process.platform === 'win32')('has the same log after any kills, up to run ids and times (L2)', async () => {
    for (const signal of ['SIGKILL', 'SIGTERM', 'SIGKILL'] as const) {
      // So slow that the replay takes some seconds, whatever the machine: each of these is stopped at another moment of it.
      const served = await startOn('killed', 200_000);
      await sleep(Math.random() * 1000);
      await served.end(signal);
    }
    const last = await startOn('killed');
    while (!last.output().includes('The week is over.')) await sleep(20);
    expect(await last.end('SIGTERM')).toEqual([0, null]);

    await using killed = await openStore(join(folder, 'killed'), { mode: 'read' });
    expect((await killed.runs()).length, 'it was stopped while it wrote').toBeGreaterThan(1);
    expect(await eventsOf(killed)).toEqual(await eventsOf(store));
  });
});

/** The ids of the first messages of a stream; then it is left. */
async function readIds(response: Response, count: number): Promise<readonly number[]> {
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8']);
  const ids: number[] = [];
  let text = '';
  const decoder = new TextDecoder();
  // Leaving the loop cancels the stream, as a client does that goes.
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const [message, rest] = [text.slice(0, end), text.slice(end + 2)];
      text = rest;
      const id = /^id: (\d+)$/m.exec(message)?.[1];
      if (id !== undefined) ids.push(Number(id));
      if (ids.length === count) return ids;
    }
  }
  return ids;
}

const orders = (store: string, speed: number): readonly string[] => [
  'examples/earthquake-service/main.ts',
  join(folder, store),
  '--port=0',
  `--speed=${speed}`,
  `--every=${SLOT_MS / 60_000}`,
];

async function startOn(store: string, speed = AT_ONCE): Promise<Served> {
  const served = await serve(orders(store, speed));
  running.push(served);
  return served;
}

test.skipIf(process.platform === 'win32')('ends in order at Ctrl-C, also while somebody follows its changes', async () => {
  const served = await startOn('followed');
  const following = await fetch(`${served.address}/changes?after=0`);
  expect(await (await fetch(served.address)).json()).toMatchObject({ isOver: expect.any(Boolean) as boolean });
  const read = following.text();
  expect(await served.end('SIGINT')).toEqual([0, null]);
  expect(await read).toContain(': changes');
  expect(served.output()).not.toContain('✗');
  await (await openStore(join(folder, 'followed'))).close();
});

test('says what is wrong with its options, and exits with 1', async () => {
  await expect(serve(orders('none', -1))).rejects.toThrow('✗ --speed takes a number above 0, not "-1".');
});
