import { live, type AssetMaterialized, type LiveService, type Store } from '../../index.ts';
import { buildCase } from './build.ts';
import type { Case, CaseAction } from './case.ts';
import { compare, describe, type PlayedRun } from './play.ts';
import type { FillStores } from './stores.ts';

interface Playing {
  readonly shape: Case;
  readonly store: Store;
  readonly select: readonly string[];
}

/** Plays the actions of a script as epochs of one live service on one store that holds the sources at first (see README.md). */
export async function playLive(shape: Case, fill: FillStores): Promise<readonly PlayedRun[]> {
  const [first] = shape.script;
  if (!shape.live || first === undefined) return [];
  const stores = await fill(async (store) => {
    for (const [key, value] of shape.upstream) await store.put(key, value);
  });
  const { store, dispose } = await stores.open();
  const played: PlayedRun[] = [];
  const versions = new Map([...shape.ops.keys()].map((name) => [name, '1']));
  const playing = { shape, store, select: first.select };
  let service: LiveService | undefined;
  for (const action of shape.script) {
    const from = (await store.port.head()) + 1;
    for (const [name, version] of action.bump) versions.set(name, version);
    try {
      service = await act(action, service, { ...playing, defs: () => buildCase(shape, versions) });
      played.push({ id: shape.id, select: action.select, mismatches: compare(expected(action), await observe(from, playing)) });
    } catch (error) {
      played.push({ id: shape.id, select: action.select, mismatches: [`epoch: expected to end got ${describe(error)}`] });
    }
  }
  await service?.close();
  await dispose();
  await stores.dispose();
  return played;
}

/** New values are one epoch; other code is another definitions object for the same service. */
async function act(
  { set, bump }: CaseAction,
  service: LiveService | undefined,
  { store, select, defs }: Playing & { readonly defs: () => ReturnType<typeof buildCase> },
): Promise<LiveService> {
  const running = service ?? (await live(defs(), { store, select, epochs: { marks: true } }));
  const pushed = [...set].map(([key, value]) => running.push(key, value));
  if (service !== undefined && bump.size > 0) await running.update({ defs: defs() });
  running.mark();
  await running.durable();
  await Promise.all(pushed);
  return running;
}

/** What a live service is compared by. */
function expected({ expect: { executed, materialized, unchanged, state } }: CaseAction): CaseAction['expect'] {
  const fields = { executed, materialized, unchanged, state };
  return Object.fromEntries(Object.entries(fields).filter(([, field]) => field !== undefined));
}

/** What the log says of the epoch, and what readers get after it. */
async function observe(from: number, { shape, store, select }: Playing) {
  const executed: string[] = [];
  const materialized: AssetMaterialized[] = [];
  const unchanged: string[] = [];
  const gone = new Set<string>();
  for await (const event of store.events({ from })) {
    if (event.type === 'step-settled' && event.attempts > 0)
      executed.push(shape.several ? `${event.definition}:${event.step}` : event.step);
    if (event.type === 'asset-materialized') materialized.push(event);
    if (event.type === 'asset-unchanged') unchanged.push(event.key);
    if (event.type === 'asset-failed' || event.type === 'asset-blocked') gone.add(event.key);
  }
  const values = await Promise.all(materialized.map(async ({ key }) => [key, await store.value(key)] as const));
  const left = select.filter((key) => !gone.has(key));
  const state = await Promise.all(left.map(async (key) => [key, (await store.value(key)) ?? null] as const));
  return { executed: [...new Set(executed)], materialized: new Map(values), unchanged, state: new Map(state) };
}
