import { setImmediate as nextTurn } from 'node:timers/promises';
import { groupBy } from './group-by.ts';
import { strongest, type LocatedEvent } from './seismic-event.ts';

/** Earthquakes that follow one another closely, in place and in time. */
export interface Swarm {
  readonly count: number;
  readonly region: string;
  readonly near: string;
  readonly strongest: number;
  readonly from: number;
  readonly to: number;
}

const REACH_KM = 10;
const REACH_MS = 24 * 60 * 60 * 1000;
const SMALLEST = 20;
const EARTH_KM = 6371;
const ROWS_A_TURN = 100;

/**
 * Links earthquakes less than 10 km and 24 hours apart, and gives the groups of at least 20, largest first.
 * Every earthquake is compared with those of the day before, so the event loop gets a turn now and then.
 */
export async function swarmsOf(quakes: readonly LocatedEvent[], signal: AbortSignal): Promise<readonly Swarm[]> {
  const points = quakes.map(pointOf);
  const leaders = quakes.map((_, index) => index);
  for (const [index, quake] of quakes.entries()) {
    if (index % ROWS_A_TURN === 0) {
      await nextTurn();
      signal.throwIfAborted();
    }
    for (let earlier = index - 1; earlier >= 0 && quake.time - (quakes[earlier]?.time ?? 0) <= REACH_MS; earlier -= 1) {
      if (distance(points[index], points[earlier]) <= REACH_KM) leaders[leaderOf(leaders, earlier)] = leaderOf(leaders, index);
    }
  }
  const groups = groupBy(quakes.entries(), ([index]) => leaderOf(leaders, index));
  return [...groups.values()]
    .filter(({ length }) => length >= SMALLEST)
    .map((group) => describe(group.map(([, quake]) => quake)))
    .sort((a, b) => b.count - a.count);
}

type Point = readonly [x: number, y: number, z: number];

function pointOf({ longitude, latitude }: LocatedEvent): Point {
  const [east, north] = [(longitude * Math.PI) / 180, (latitude * Math.PI) / 180];
  return [EARTH_KM * Math.cos(north) * Math.cos(east), EARTH_KM * Math.cos(north) * Math.sin(east), EARTH_KM * Math.sin(north)];
}

function distance([ax, ay, az]: Point = [0, 0, 0], [bx, by, bz]: Point = [0, 0, 0]): number {
  return Math.hypot(ax - bx, ay - by, az - bz);
}

function leaderOf(leaders: readonly number[], index: number): number {
  let at = index;
  for (let next = leaders[at]; next !== undefined && next !== at; next = leaders[at]) at = next;
  return at;
}

function describe(swarm: readonly LocatedEvent[]): Swarm {
  const top = strongest(swarm);
  return {
    count: swarm.length,
    region: top?.region ?? '',
    near: (top?.place ?? '').replace(/^\S+ \S+ of /, '').replace(/, [^,]*$/, ''),
    strongest: top?.magnitude ?? 0,
    from: swarm[0]?.time ?? 0,
    to: swarm.at(-1)?.time ?? 0,
  };
}
