import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { refresh, status, type RunEvent, type Status, type Store } from '../../../index.ts';
import type { NewEvent } from '../../../lib/events/logged-event.ts';
import { addressesOf } from '../../../lib/events/retention.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { history, type HistoryCase, type HistoryConstraints } from '../../laws/incremental-arbitraries.ts';
import { History } from '../../laws/incremental-history.ts';
import { assetKeys, printChangingWorld } from '../../laws/incremental-world.ts';
import { logOf } from '../rig/watched-store.ts';

const constraints: HistoryConstraints = {
  maxSteps: 6,
  maxActions: 8,
  actions: [
    'run',
    'put',
    'code',
    'touch',
    'rename',
    'op',
    'nest',
    'remove',
    'break',
    'config',
    'asset',
    'rewire',
    'add',
    'restart',
    'tick',
  ],
};

/** A store of its own with the same log and values. */
async function copyOf(store: Store): Promise<Store> {
  const copy = memoryStore();
  const log = await logOf(store);
  const addresses = [...new Set(log.flatMap(addressesOf))];
  const bytes = await store.port.values(addresses);
  const values = addresses.flatMap((address, index) => (bytes[index] === undefined ? [] : [{ address, bytes: bytes[index] }]));
  // What a run or a put has recorded is of a known kind.
  await copy.port.append({ events: log.map(({ position: _, ...event }) => event as NewEvent), values });
  return copy;
}

function configOf({ world, around }: History): { readonly ops: Readonly<Record<string, number>> } {
  return {
    ops: Object.fromEntries(world.steps.flatMap(({ id, op, takesConfig }) => (takesConfig ? [[op, around.config.get(id) ?? 0]] : []))),
  };
}

async function playedHistory({ actions, ...start }: HistoryCase): Promise<History> {
  const played = new History(start);
  await played.begin();
  for (const action of actions) {
    if (action.do === 'run') await played.run(action);
    else await played.change(action);
  }
  return played;
}

/** What a refresh of one asset does to a copy of the store. */
async function refreshed(
  played: History,
  key: string,
): Promise<{ readonly ran: readonly string[]; readonly recorded: boolean; readonly outcome: string }> {
  const store = await copyOf(played.store);
  const head = await store.port.head();
  const events: RunEvent[] = [];
  const onEvent = (event: RunEvent): void => void events.push(event);
  const result = await refresh(played.defs, { store, select: [key], config: configOf(played), throwOnFailure: false, onEvent });
  const kinds = (await logOf(store)).slice(head).map(({ type }) => type);
  return {
    ran: events.flatMap((event) => (event.type === 'step-started' ? [`${event.definition}:${event.step}`] : [])),
    recorded: kinds.some((kind) => kind.startsWith('asset-')),
    outcome: result.outcomes.get(key) ?? 'none',
  };
}

/** Whether a step gives something that is nowhere kept. */
function isPassing({ world }: History, step: string): boolean {
  const placed = world.steps.find(({ definition, path }) => `${definition}:${path}` === step);
  return placed?.isVoid === true || placed?.outputs.some(({ passes }) => passes !== 'kept') === true;
}

function printed(played: History, told: Status): string {
  return `${printChangingWorld(played.world)}\n${String(told)}`;
}

describe('status, after any history', () => {
  test('says fresh or absent of exactly the assets for which a refresh would run and record nothing', () =>
    fc.assert(
      fc.asyncProperty(history(constraints), async (shape) => {
        const played = await playedHistory(shape);
        const head = await played.store.port.head();
        const told = await status(played.defs, played.store, { config: configOf(played) });
        expect([...told.assets.keys()].toSorted()).toEqual(assetKeys(played.world).toSorted());
        expect([told.position, await played.store.port.head()]).toEqual([head, head]);
        for (const [key, { state, stale }] of told.assets) {
          const { ran, recorded, outcome } = await refreshed(played, key);
          // What is nowhere kept is made anew for whoever is wired to it, also where that is skipped then.
          const isCurrent = !recorded && (ran.length === 0 || (state === 'absent' && ran.every((step) => isPassing(played, step))));
          expect([key, state !== 'stale', stale === undefined], printed(played, told)).toEqual([key, isCurrent, isCurrent]);
          expect([key, state], printed(played, told)).toEqual([key, isCurrent ? outcome : 'stale']);
          const alone = await status(played.defs, played.store, { select: [key], config: configOf(played) });
          expect(alone.assets.get(key)).toEqual(told.assets.get(key));
        }
      }),
      { numRuns: 60 },
    ));

  test('says fresh or absent of everything that a refresh has just made, where nothing is volatile or nowhere kept', () =>
    fc.assert(
      fc.asyncProperty(
        history({ ...constraints, volatile: 0, passing: 0, voids: 0, behaviours: ['all', 'collapse', 'data', 'selected'] }),
        async (shape) => {
          const played = await playedHistory(shape);
          // All that is broken heals, also by its id what is gone: to break a step again is to heal it only where there still is one.
          played.around = { ...played.around, broken: new Set() };
          await refresh(played.defs, { store: played.store, config: configOf(played) });
          const told = await status(played.defs, played.store, { config: configOf(played) });
          for (const { state, sentence } of told.assets.values()) expect([state, sentence]).not.toContain('stale');
        },
      ),
      { numRuns: 40 },
    ));
});
