import { isCatalogStore, type Catalog } from '../../lib/events/catalog.ts';
import type { Position } from '../../lib/events/position.ts';
import type { OutputId, StorePort } from '../../lib/events/store-port.ts';
import type { AssetKey } from '../../lib/model/asset-key.ts';
import type { Definitions } from '../../lib/model/definitions.ts';
import { goneAsset, goneState, type Gone, type GoneState } from '../../lib/query/status.ts';

/** What a store has that definitions have left behind; `undefined` where the store cannot list what it has. */
export async function readGone(defs: Definitions, port: StorePort, at: Position): Promise<Gone | undefined> {
  if (!isCatalogStore(port)) return undefined;
  const { keys, outputs } = leftBehind(defs, await port.catalog());
  const [readable, settled] = await Promise.all([port.readable(keys, at), port.lastSettled(outputs, at)]);
  const states = new Map<string, GoneState>();
  for (const event of settled) {
    if (event === undefined || event.stateAddress === null) continue;
    const id = idOf(event.definition, event.step);
    if ((states.get(id)?.position ?? 0) < event.position) states.set(id, goneState(event));
  }
  return Object.freeze({
    assets: Object.freeze(
      sortedBy(
        readable.flatMap((event) => (event === undefined ? [] : [goneAsset(event)])),
        ({ key }) => key,
      ),
    ),
    states: Object.freeze(sortedBy([...states.values()], ({ definition, step }) => idOf(definition, step))),
  });
}

/** Names in a store that definitions do not have. */
interface LeftBehind {
  readonly defs: Definitions;
  readonly keys: readonly AssetKey[];
  readonly outputs: readonly OutputId[];
}

/** By what a store listed: a store lists the same again for as long as there is nothing new, and a service asks by the same definitions. */
const known = new WeakMap<Catalog, LeftBehind>();

function leftBehind(defs: Definitions, catalog: Catalog): LeftBehind {
  const last = known.get(catalog);
  if (last?.defs === defs) return last;
  const steps = new Set(defs.graph.steps.map(({ definition, path }) => idOf(definition, path)));
  const left = {
    defs,
    keys: catalog.keys.filter((key) => !defs.assets.has(key) && !defs.sources.has(key)),
    outputs: catalog.outputs.filter(({ definition, step }) => !steps.has(idOf(definition, step))),
  };
  known.set(catalog, left);
  return left;
}

function sortedBy<Each>(all: readonly Each[], by: (each: Each) => string): readonly Each[] {
  return all.toSorted((a, b) => (by(a) < by(b) ? -1 : 1));
}

function idOf(definition: string, step: string): string {
  return `${definition}\n${step}`;
}
