import type { ReadableEvent, RunEvent, Store } from 'sluice';
import { definitions, valueOf } from '../definitions.ts';
import { table } from './table.ts';
import { colors } from './terminal.ts';
import { magnitude, many, number } from './words.ts';

/** What the store remembers from before, in a line. */
export async function remembered(store: Store, folder: string): Promise<string> {
  const runs = await store.runs();
  const latest = await store.latest('week/alerts');
  if (runs.length === 0) return `The store in ${folder} is new.`;
  if (latest?.type !== 'asset-materialized') return `The store in ${folder} remembers ${many(runs.length, 'run')}, and no alerts yet.`;
  const alerts = (await valueOf(store, 'week/alerts')) ?? [];
  const top = alerts[0] === undefined ? '' : `, the strongest ${magnitude(alerts[0].magnitude)}`;
  return `The store in ${folder} remembers ${many(runs.length, 'run')}; last alerts at position ${latest.position}: ${alerts.length}${top}.`;
}

/** What a run read from outside: written only where it changed. `before` is what the store had. */
export async function feedLine(store: Store, before: ReadableEvent | undefined): Promise<string> {
  const position = (await store.latest('usgs/feed'))?.position ?? 0;
  if (before === undefined) return `  usgs/feed is new, at position ${position}`;
  if (before.position === position) return `  usgs/feed is what it was at position ${position}: nothing written`;
  return `  usgs/feed is another one than at position ${before.position}: recorded at position ${position}`;
}

/** How the value that a run made compares with the one before. */
export function comparison(before: ReadableEvent | undefined, after: ReadableEvent | undefined): string {
  if (after?.type !== 'asset-materialized' || before?.type !== 'asset-materialized') return '';
  const same = after.version === before.version ? 'the same value as' : 'another value than';
  return `${after.key} is recorded at position ${after.position}: ${same} at position ${before.position}.`;
}

/** What is in the store now: every source and asset, where in the log it last came, in which run, and what it is. `events` are the last run's. */
export async function storedTable(store: Store, events: readonly RunEvent[]): Promise<readonly string[]> {
  const runs = await store.runs();
  const runNumbers = new Map(runs.map(({ started }, index) => [started.runId, index + 1]));
  const all = [...definitions.sources.values(), ...definitions.assets.values()];
  const rows = await Promise.all(
    all.map(async ({ key, notes }) => {
      const event = await store.latest(key);
      const run = runNumbers.get(event?.runId ?? '');
      const what = await holds(store, event, notes.description ?? '');
      return [`  ${key}`, number(event?.position ?? 0), run === undefined ? '' : String(run), versionOf(event), what];
    }),
  );
  const header = ['  asset', 'position', 'run', 'version', 'what'].map((name) => colors.dim(name));
  const last = events.at(-1);
  const size = last?.type === 'run-ended' ? `: ${many(last.position, 'event')} of ${many(runs.length, 'run')}` : '';
  return [colors.bold(`In the store${size}`), ...table('lrrll', [header, ...rows])];
}

async function holds(store: Store, event: ReadableEvent | undefined, description: string): Promise<string> {
  if (event === undefined) return 'nothing yet';
  if (event.type === 'asset-absent') return `absent: no ${description}`;
  if (event.type === 'source-observed') return description;
  const value = await store.value(event.key);
  return Array.isArray(value) ? `${number(value.length)} ${description}` : description;
}

/** The first digits of a version tell one from another. */
function versionOf(event: ReadableEvent | undefined): string {
  if (event === undefined || event.type === 'asset-absent') return '';
  return event.version.replace(/^sha256:/, '').slice(0, 8);
}
