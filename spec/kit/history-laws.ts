import { deepStrictEqual } from 'node:assert/strict';
import type { HistoryConstraints } from './history.ts';
import type { WorldConstraints } from './arbitraries.ts';
import type { HistoryAction, History, WorldHistory } from './history-case.ts';
import type { HistoryRun } from './play-history.ts';
import { harmlessBehaviours } from './world-op.ts';

/** How a law of histories is tried: on which of them, and what has to hold of one; it throws where that does not hold. */
export interface HistoryTrial {
  readonly cases: HistoryConstraints & WorldConstraints;
  /** `play` plays a history on the world of the case. */
  readonly check: (shape: WorldHistory, play: (history: History) => Promise<readonly HistoryRun[]>) => Promise<void>;
}

const small = { maxSteps: 5, maxDefinitions: 2 } as const;
/** All that happens but `break`: a step that fails where it runs, and not where it is reused, is another history. */
const unbroken: readonly HistoryAction['do'][] = ['refresh', 'materialize', 'put', 'code', 'evict', 'restart'];

/** The history without some of its actions; its last one, a refresh of everything, stays. */
function without({ sources, actions }: History, ...left: readonly HistoryAction['do'][]): History {
  return { sources, actions: actions.filter(({ do: what }, index) => index === actions.length - 1 || !left.includes(what)) };
}

/** I1 */
export const fromScratch: HistoryTrial = {
  cases: small,
  async check({ history }, play) {
    for (const { action, came, fresh } of await play(history)) deepStrictEqual([action, came], [action, fresh]);
  },
};

/** I7 */
export const nothingChanged: HistoryTrial = {
  cases: { ...small, behaviours: harmlessBehaviours, actions: unbroken },
  async check({ history: { sources, actions } }, play) {
    const last = actions.at(-1);
    const put = Object.entries({ ...sources, ...putsOf(actions) }).map(([source, value]) => ({ do: 'put', source, value }) as const);
    const runs = await play({ sources, actions: [...actions, ...put, ...(last === undefined ? [] : [last])] });
    const [before, after] = runs.slice(-2);
    deepStrictEqual(after?.ran, [], 'a second refresh runs nothing');
    deepStrictEqual(after?.came, before?.came);
  },
};

/** The values that sources had last. */
function putsOf(actions: readonly HistoryAction[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(actions.flatMap((action) => (action.do === 'put' ? [[action.source, action.value]] : [])));
}

/** I9 */
export const batching: HistoryTrial = {
  cases: { ...small, actions: unbroken },
  async check({ history }, play) {
    const [each, once] = [await play(history), await play(without(history, 'refresh', 'materialize'))];
    deepStrictEqual(once.at(-1)?.came, each.at(-1)?.came);
  },
};

/** I17 */
export const eviction: HistoryTrial = {
  cases: { ...small, actions: unbroken },
  async check({ history }, play) {
    const [lost, kept] = [await play(history), await play(without(history, 'evict'))];
    deepStrictEqual(
      lost.map(({ came }) => came),
      kept.map(({ came }) => came),
    );
  },
};
