import { materialize, refresh, type RunEvent, type Store } from '../../index.ts';
import { buildCase } from './build.ts';
import type { Case, CaseAction } from './case.ts';
import { compare, describe, summarize, type Observed, type PlayedRun } from './play.ts';
import type { FillStores } from './stores.ts';

/** Plays the actions of a case's script, one after the other on one store that holds the sources at first (see README.md). */
export async function playScript(shape: Case, fill: FillStores): Promise<readonly PlayedRun[]> {
  if (shape.script.length === 0) return [];
  const stores = await fill(async (store) => {
    for (const [key, value] of shape.upstream) await store.put(key, value);
  });
  const { store, dispose } = await stores.open();
  const versions = new Map([...shape.ops.keys()].map((name) => [name, '1']));
  const played: PlayedRun[] = [];
  for (const action of shape.script) {
    for (const [name, version] of action.bump) versions.set(name, version);
    played.push({ id: shape.id, select: action.select, mismatches: await playAction(action, { shape, store, versions }) });
  }
  await dispose();
  await stores.dispose();
  return played;
}

interface Playing {
  readonly shape: Case;
  readonly store: Store;
  readonly versions: ReadonlyMap<string, string>;
}

async function playAction(action: CaseAction, playing: Playing): Promise<readonly string[]> {
  try {
    return compare(action.expect, await observe(action, playing));
  } catch (error) {
    return [`${action.verb}: expected to end got ${describe(error)}`];
  }
}

async function observe({ verb, set, select }: CaseAction, { shape, store, versions }: Playing): Promise<Observed> {
  // New definitions each time, as after a restart: what they have in common is in their code versions alone.
  const defs = buildCase(shape, versions);
  const events: RunEvent[] = [];
  const options = {
    store,
    select,
    sources: Object.fromEntries(set),
    throwOnFailure: false,
    onEvent: (event: RunEvent) => void events.push(event),
  };
  const { outcomes } = await (verb === 'refresh' ? refresh(defs, options) : materialize(defs, options));
  const came = [...outcomes].filter(([, outcome]) => outcome !== 'failed' && outcome !== 'blocked');
  const state = await Promise.all(came.map(async ([key]) => [key, (await store.value(key)) ?? null] as const));
  const absent = [...outcomes].filter(([, outcome]) => outcome === 'absent').map(([key]) => key);
  return summarize(events, { shape, store, error: undefined, absent, state: new Map(state) });
}
