import { colors, fit, LiveLines, print, WIDTH } from '../earthquakes/view/terminal.ts';
import { clockTime, magnitude, many, number, shortDay } from '../earthquakes/view/words.ts';
import type { Standing } from './week-service.ts';

const ALERTS = 5;
const LINES = ALERTS + 2;
const DRAWN_EVERY_MS = 100;

/** Shows where a replay is: in a terminal lines that are drawn over, elsewhere a line a day of the feed. */
export function progress(): (standing: Standing) => void {
  const live = LiveLines.canShow(LINES) ? new LiveLines() : undefined;
  let [drawn, day, isOver] = [-Infinity, '', false];
  return (standing) => {
    const { at } = standing;
    const now = performance.now();
    const ends = standing.isOver && !isOver;
    if (live !== undefined && (ends || now - drawn > DRAWN_EVERY_MS)) {
      live.draw(boardOf(standing, now));
      drawn = now;
    }
    const today = at === undefined ? day : shortDay(at);
    if (live === undefined && (ends || today !== day)) print(lineOf(standing, now));
    if (ends) print('The week is over. Still serving; Ctrl-C ends it.');
    [day, isOver] = [today, standing.isOver];
  };
}

function boardOf(standing: Standing, now: number): readonly string[] {
  const rows = lastAlerts(standing.alerts).map((alert) => {
    const text = `  ${magnitude(alert.magnitude)}  ${shortDay(alert.time)} ${clockTime(alert.time)}  ${alert.place}`;
    return fit(text, WIDTH);
  });
  const empty = Array.from({ length: ALERTS - rows.length }, () => '');
  return [colors.bold(lineOf(standing, now)), colors.dim(`  last of ${many(standing.alerts.length, 'alert')}`), ...rows, ...empty];
}

function lastAlerts(alerts: Standing['alerts']): Standing['alerts'] {
  return alerts.toSorted((a, b) => b.time - a.time).slice(0, ALERTS);
}

/** `Sun 4 Feb 15:00  1,203 epochs, 16.2 a second, position 12,034, 43 alerts` */
function lineOf({ at, epochs, position, times, alerts }: Standing, now: number): string {
  const time = at === undefined ? 'before the week' : `${shortDay(at)} ${clockTime(at)}`;
  const seconds = (now - (times[0] ?? now)) / 1000;
  const rate = seconds > 0 ? (times.length / seconds).toFixed(1) : '0.0';
  return `${time}  ${many(epochs, 'epoch')}, ${rate} a second, position ${number(position)}, ${many(alerts.length, 'alert')}`;
}
