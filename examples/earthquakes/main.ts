/** The earthquakes of one week, from a feed to assets in a store. Usage: main.ts [FOLDER], `.sluice` by default. */
import { lastValueFrom, toArray } from 'rxjs';
import { AbortError, plan, refresh, run, type RunEvent, type Store } from 'sluice';
import { openStore } from 'sluice/store';
import { definitions } from './definitions.ts';
import { accountOf, countsOf, timeOf } from './view/alone.ts';
import { publishedFeed } from './feed.ts';
import { revise } from './revision.ts';
import { describeError, failuresOf } from './view/failure.ts';
import { refreshed } from './view/revised.ts';
import { comparison, feedLine, remembered, storedTable } from './view/stored.ts';
import { colors, complain, print, WIDTH, wrap } from './view/terminal.ts';
import { watch } from './view/watch.ts';
import { weekTables } from './view/week.ts';
import { many } from './view/words.ts';

const CANCELLED = 130;
const [folder = '.sluice'] = process.argv.slice(2);
const controller = new AbortController();
const { signal } = controller;
// Once: a second Ctrl-C ends the process as ever.
process.once('SIGINT', () => controller.abort());

async function main(): Promise<number> {
  await using store = await openStore(folder);
  print(colors.bold('Sluice: the earthquakes of one week'), ...wrap(await remembered(store, folder), WIDTH), '');
  return (await everything(store)) ?? (await alertsAlone(store)) ?? (await revision(store)) ?? 0;
}

/** Makes every asset, and shows what came. */
async function everything(store: Store): Promise<number | undefined> {
  const all = plan(definitions);
  print(colors.bold(`Everything: ${many(all.selection.size, 'asset')}, made by ${many(all.steps.length, 'step')}`));
  const before = await store.latest('usgs/feed');
  const events = await lastValueFrom(run(all, { store, signal }).pipe(watch(all), toArray()));
  const code = exitCodeOf(events);
  if (code === undefined) print(await feedLine(store, before), '', ...(await weekTables(store)), '');
  return code;
}

/** Makes one asset again, and tells what that took. */
async function alertsAlone(store: Store): Promise<number | undefined> {
  const part = plan(definitions, { select: ['week/alerts'] });
  const before = await store.latest('week/alerts');
  const events = await lastValueFrom(run(part, { store, signal }).pipe(toArray()));
  const code = exitCodeOf(events);
  if (code !== undefined) return code;
  const needed = `${part.steps.length} of ${many(definitions.graph.steps.length, 'step')}`;
  print(colors.bold(`Alerts alone: ${needed} needed, ${countsOf(events)}, ${timeOf(events)}`));
  print(...accountOf(part, events), `  ${comparison(before, await store.latest('week/alerts'))}`, '');
  return undefined;
}

/** The feed is revised: brings up to date what that touches, and shows where the store is then. */
async function revision(store: Store): Promise<number | undefined> {
  const { feed, reviewed } = revise(await publishedFeed());
  const events: RunEvent[] = [];
  const onEvent = (event: RunEvent): unknown => events.push(event);
  try {
    const result = await refresh(definitions, { store, signal, sources: { 'usgs/feed': feed }, throwOnFailure: false, onEvent });
    if (!result.success) return exitCodeOf(events);
    print(colors.bold(`Revised: ${many(reviewed, 'event')} reviewed, one magnitude corrected; ${countsOf(events)}, ${timeOf(events)}`));
    print(...refreshed(result), '', ...(await storedTable(store, events)));
    return undefined;
  } catch (error) {
    // Its events tell of a run that was cancelled, as those of the other two do.
    if (error instanceof AbortError) return exitCodeOf(events);
    throw error;
  }
}

/** A run that did not succeed says why, and decides how the process ends. */
function exitCodeOf(events: readonly RunEvent[]): number | undefined {
  const last = events.at(-1);
  // A run that is cancelled before it starts tells nothing, and leaves no trace.
  const status = last?.type === 'run-ended' ? last.status : 'cancelled';
  if (status === 'succeeded') return undefined;
  if (status === 'cancelled') print('', 'Cancelled. What was recorded before stays in the store.');
  else complain('', ...failuresOf(events));
  return status === 'cancelled' ? CANCELLED : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  complain(...describeError(error));
  process.exitCode = 1;
}
