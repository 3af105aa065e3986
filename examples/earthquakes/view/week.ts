import type { Store } from 'sluice';
import type { DayCount, MagnitudeBand, RegionCount, TypeCount } from '../counts.ts';
import { valueOf } from '../definitions.ts';
import { ALERT_MAGNITUDE } from '../ops.ts';
import type { SeismicEvent } from '../seismic-event.ts';
import type { Swarm } from '../swarms.ts';
import { bar, beside, table } from './table.ts';
import { colors, WIDTH, wrap } from './terminal.ts';
import { clockTime, listed, magnitude, many, number, shortDay } from './words.ts';

const RIGHT = 42;
const ROWS = 8;
const ALERT_ROWS = 5;

/** What the store knows of the week, as tables. */
export async function weekTables(store: Store): Promise<readonly string[]> {
  const days = dayTable((await valueOf(store, 'week/daily')) ?? []);
  const magnitudes = magnitudeTable((await valueOf(store, 'week/histogram')) ?? []);
  const regions = regionTable((await valueOf(store, 'week/by_region')) ?? []);
  const swarms = swarmTable((await valueOf(store, 'week/swarms')) ?? []);
  const alerts = alertTable((await valueOf(store, 'week/alerts')) ?? []);
  const types = typeLine((await valueOf(store, 'week/by_type')) ?? []);
  const report = await reportLine(store);
  return [...types, '', ...beside(days, magnitudes, RIGHT), '', ...beside(regions, swarms, RIGHT), '', ...alerts, '', ...report];
}

function typeLine(types: readonly TypeCount[]): readonly string[] {
  const total = types.reduce((sum, { count }) => sum + count, 0);
  return [`${many(total, 'event')}: ${listed(types.map(({ type, count }) => many(count, type)))}.`];
}

function dayTable(days: readonly DayCount[]): readonly string[] {
  const most = Math.max(...days.map(({ count }) => count));
  const rows = days.map(({ day, count }) => [shortDay(day), number(count), colors.cyan(bar(count, most, 18))]);
  return [colors.bold('Earthquakes a day (UTC)'), ...table('rrl', rows)];
}

function magnitudeTable(bands: readonly MagnitudeBand[]): readonly string[] {
  const most = Math.max(...bands.map(({ count }) => count));
  const rows = bands.map(({ from, count }) => [`${from} to ${from + 1}`, number(count), colors.cyan(bar(count, most, 18))]);
  return [colors.bold('Earthquakes by magnitude'), ...table('rrl', rows)];
}

function regionTable(regions: readonly RegionCount[]): readonly string[] {
  const rows = regions.slice(0, ROWS).map(({ region, count, strongest }) => [region, number(count), `up to ${magnitude(strongest)}`]);
  return [colors.bold(`Most active of ${many(regions.length, 'region')}`), ...table('lrl', rows)];
}

function swarmTable(swarms: readonly Swarm[]): readonly string[] {
  const rows = swarms.slice(0, ROWS).map(({ near, count, strongest }) => [near, number(count), `up to ${magnitude(strongest)}`]);
  return [colors.bold('Swarms of 20 or more near'), ...table('lrl', rows)];
}

function alertTable(alerts: readonly SeismicEvent[]): readonly string[] {
  const rows = alerts
    .slice(0, ALERT_ROWS)
    .map(({ magnitude: size, time, place, depth }) => [
      magnitude(size),
      `${shortDay(time)} ${clockTime(time)}`,
      `${Math.round(depth)} km deep`,
      place,
    ]);
  return [
    colors.bold(`Alerts: ${alerts.length} earthquakes from magnitude ${ALERT_MAGNITUDE}, the ${rows.length} strongest`),
    ...table('rrrl', rows),
  ];
}

async function reportLine(store: Store): Promise<readonly string[]> {
  const report = await valueOf(store, 'reports/weekly');
  if (report === undefined) return [];
  const { total, busiest, alerts, top } = report;
  const busy = busiest === null ? '' : ` The busiest day was ${shortDay(busiest.day)} with ${number(busiest.count)}.`;
  const strong = top === null ? '' : ` The strongest of ${many(alerts, 'alert')} had magnitude ${magnitude(top.magnitude)}, ${top.place}.`;
  return wrap(`Report: ${many(total, 'earthquake')}.${busy}${strong}`, WIDTH);
}
