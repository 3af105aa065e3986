import { isCatalogStore } from '../../lib/events/catalog.ts';
import type { Position } from '../../lib/events/position.ts';
import type { StorePort } from '../../lib/events/store-port.ts';
import type { Definitions } from '../../lib/model/definitions.ts';
import { goneAsset, goneState, type Gone, type GoneState } from '../../lib/query/status.ts';

/** What a store has that definitions have left behind; `undefined` where the store cannot list what it has. */
export async function readGone(defs: Definitions, port: StorePort, at: Position): Promise<Gone | undefined> {
  if (!isCatalogStore(port)) return undefined;
  const { keys, outputs } = await port.catalog();
  const left = keys.filter((key) => !defs.assets.has(key) && !defs.sources.has(key));
  const steps = new Set(defs.graph.steps.map(({ definition, path }) => idOf(definition, path)));
  const without = outputs.filter(({ definition, step }) => !steps.has(idOf(definition, step)));
  const [readable, settled] = await Promise.all([port.readable(left, at), port.lastSettled(without, at)]);
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

function sortedBy<Each>(all: readonly Each[], by: (each: Each) => string): readonly Each[] {
  return all.toSorted((a, b) => (by(a) < by(b) ? -1 : 1));
}

function idOf(definition: string, step: string): string {
  return `${definition}\n${step}`;
}
