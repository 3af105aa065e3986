import fc from 'fast-check';
import { expect } from 'vitest';
import type { LoggedEvent } from '../../index.ts';
import { history, type Action, type AskedRun, type HistoryCase, type HistoryConstraints } from './incremental-arbitraries.ts';
import { holdingAssets } from './incremental-world.ts';
import { eventsFrom, fromScratch, notFromScratch, openEntries } from './incremental-checks.ts';
import { History, type Account, type Playing } from './incremental-history.ts';
import type { Answer } from './incremental-reference.ts';

// SLUICE_THOROUGH=1: twenty times as many cases.
const thorough = process.env['SLUICE_THOROUGH'] === '1';

/** How many cases there are where so many are wanted. */
export function casesOf(runs: number): number {
  return thorough ? 20 * runs : runs;
}

/** Checks a law on random histories. */
export async function law(constraints: HistoryConstraints, check: (shape: HistoryCase) => Promise<unknown>, runs = 40): Promise<void> {
  const property = fc.asyncProperty(history(constraints), async (shape) => {
    await check(shape);
  });
  await fc.assert(property, { numRuns: casesOf(runs) });
}

/** A refresh of everything. */
export const refreshAll: AskedRun = {
  do: 'run',
  mode: 'refresh',
  chosen: 0,
  unselectedOutputs: 'discard',
  inGraphUpstream: 'auto',
  crossGraphUpstream: 'auto',
  cancelAfter: 0,
};

/** What a run did, by the engine, with what it added to the log. */
export interface Ran {
  readonly account: Account;
  readonly answer: Answer;
  readonly added: readonly LoggedEvent[];
  /** Steps whose body was called, by id. */
  readonly ran: readonly string[];
}

/** A history that has begun. */
export async function begun(shape: Pick<HistoryCase, 'sources' | 'seeds'>, playing: Playing = {}): Promise<History> {
  const played = new History(shape, playing);
  await played.begin();
  return played;
}

/** Runs, and checks the run against the rules. */
export async function runs(played: History, asked: AskedRun = refreshAll): Promise<Ran> {
  const head = await played.store.port.head();
  const { got, wanted, answer } = await played.run(asked);
  expect(got, played.print()).toEqual(wanted);
  const ran = (got.ran ?? []).map((each) => each.split(' ')[0] ?? '');
  return { account: got, answer, added: await eventsFrom(played.store, head + 1), ran };
}

/**
 * Plays all of a history; every run is checked against the rules, and against one full run from scratch (F9). Gives the entries of the log
 * whose lineage is open (R2): none.
 */
export async function playAll(
  shape: HistoryCase,
  playing: Playing = {},
  met: (what: string) => void = () => undefined,
): Promise<readonly string[]> {
  const played = await begun(shape, playing);
  for (const action of shape.actions) {
    if (action.do === 'run') await playRun(played, action, met);
    else await played.change(action);
  }
  return openEntries(await eventsFrom(played.store, 1));
}

async function playRun(played: History, asked: AskedRun, met: (what: string) => void): Promise<void> {
  const { got, wanted, answer, question } = await played.run(asked);
  expect(got, played.print()).toEqual(wanted);
  const fresh = await played.freshness();
  expect(fresh.got, `which assets are fresh\n${played.print()}`).toEqual(fresh.wanted);
  for (const what of [
    ...[...answer.steps.values()].map(({ outcome }) => outcome),
    ...[...answer.outcomes.values()].map((outcome) => `asset ${outcome}`),
  ])
    met(what);
  if (answer.missing.length > 0) met('refused');
  if (answer.forced.size > 0) met('executed for a value that was gone');
  const isWhole = question.crossGraphUpstream === 'auto' && question.inGraphUpstream !== 'load' && asked.cancelAfter === 0;
  if (!isWhole || answer.missing.length > 0) return;
  const held = holdingAssets(played.world);
  const values = new Map([...answer.values].filter(([key]) => !held.has(key)));
  expect(notFromScratch(values, fromScratch(played.world, played.values, question)), played.print()).toEqual([]);
}

/** What happens to a world between two runs. */
export async function changes(played: History, actions: readonly Action[]): Promise<void> {
  for (const action of actions) if (action.do !== 'run') await played.change(action);
}

/** What readers get of each asset, as the engine tells it: its version, or that it is absent. */
export async function readersSee({ defs, store }: History): Promise<ReadonlyMap<string, string>> {
  const seen = new Map<string, string>();
  for (const key of defs.assets.keys()) {
    const latest = await store.latest(key);
    if (latest !== undefined) seen.set(key, latest.type === 'asset-absent' ? 'absent' : latest.version);
  }
  return seen;
}
