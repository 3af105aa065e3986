import { isCatalogStore, type Catalog } from '../../lib/events/catalog.ts';
import type { ReadableEvent, StepSettled } from '../../lib/events/logged-event.ts';
import type { Position } from '../../lib/events/position.ts';
import type { OutputId, StorePort } from '../../lib/events/store-port.ts';
import type { AssetKey } from '../../lib/model/asset-key.ts';
import type { Definitions } from '../../lib/model/definitions.ts';
import type { Step } from '../../lib/model/step-graph.ts';
import { placeName } from '../../lib/model/step-place.ts';
import {
  goneAsset,
  goneDefinition,
  goneStep,
  type Gone,
  type GoneAsset,
  type GoneDefinition,
  type GoneStep,
} from '../../lib/query/gone.ts';
import { Lookalikes } from '../../lib/query/lookalikes.ts';

/** As of when what is gone is asked for, and how much of it. */
export interface GoneQuestion {
  readonly at: Position;
  /** How many keys, and how many outputs, are looked at; all of them where it is left out. */
  readonly most?: number;
}

/** What a store has that definitions have left behind; `undefined` where the store cannot list what it has. */
export async function readGone(defs: Definitions, port: StorePort, { at, most = Infinity }: GoneQuestion): Promise<Gone | undefined> {
  if (!isCatalogStore(port)) return undefined;
  const left = leftBehind(defs, await port.catalog());
  if (left.keys.length + left.outputs.length === 0) return NOTHING;
  const [keys, outputs] = [left.keys.slice(0, most), left.outputs.slice(0, most)];
  const [readable, settled] = await Promise.all([port.readable(keys, at), port.lastSettled(outputs, at)]);
  const recorded = readable.flatMap((event) => event ?? []);
  const assets = goneAssets(left, recorded);
  return Object.freeze({
    assets: Object.freeze(assets),
    definitions: Object.freeze(goneDefinitions(left, assets)),
    steps: Object.freeze(goneSteps(left, { recorded, settled: settled.flatMap((event) => event ?? []) })),
    more: left.keys.length - keys.length + (left.outputs.length - outputs.length),
  });
}

const NOTHING: Gone = Object.freeze({
  assets: Object.freeze([]),
  definitions: Object.freeze([]),
  steps: Object.freeze([]),
  more: 0,
});

/** Names in a store that definitions do not have, in alphabetical order, and names in definitions that the store does not have. */
interface LeftBehind {
  readonly defs: Definitions;
  readonly keys: readonly AssetKey[];
  readonly outputs: readonly OutputId[];
  /** The paths of the steps of definitions that are not there any more, by definition. */
  readonly definitions: ReadonlyMap<string, ReadonlySet<string>>;
  readonly newKeys: readonly AssetKey[];
  readonly newSources: readonly AssetKey[];
  readonly newSteps: readonly Step[];
}

/** By what a store listed: a store lists the same again for as long as there is nothing new, and a service asks by the same definitions. */
const known = new WeakMap<Catalog, LeftBehind>();

function leftBehind(defs: Definitions, catalog: Catalog): LeftBehind {
  const last = known.get(catalog);
  if (last?.defs === defs) return last;
  const steps = new Set(defs.graph.steps.map(({ definition, path }) => idOf(definition, path)));
  const stored = new Set(catalog.outputs.map(({ definition, step }) => idOf(definition, step)));
  const outputs = catalog.outputs.filter(({ definition, step }) => !steps.has(idOf(definition, step)));
  const keys = new Set(catalog.keys);
  const isNew = (key: AssetKey): boolean => !keys.has(key);
  const left = {
    defs,
    keys: catalog.keys.filter((key) => !defs.assets.has(key) && !defs.sources.has(key)).toSorted(),
    outputs: sortedBy(outputs, ({ definition, step, output }) => idOf(idOf(definition, step), output)),
    definitions: goneDefinitionsOf(defs, outputs),
    newKeys: [...defs.assets.keys()].filter(isNew),
    newSources: [...defs.sources.keys()].filter(isNew),
    newSteps: defs.graph.steps.filter(({ definition, path }) => !stored.has(idOf(definition, path))),
  };
  known.set(catalog, left);
  return left;
}

function goneDefinitionsOf({ definitions }: Definitions, outputs: readonly OutputId[]): LeftBehind['definitions'] {
  const there = new Set(definitions.map(({ name }) => name));
  const gone = new Map<string, Set<string>>();
  for (const { definition, step } of outputs) {
    if (there.has(definition)) continue;
    const paths = gone.get(definition) ?? new Set();
    gone.set(definition, paths.add(step));
  }
  return gone;
}

function goneAssets({ defs, newKeys, newSources }: LeftBehind, recorded: readonly ReadableEvent[]): readonly GoneAsset[] {
  const assets = new Lookalikes(newKeys.map((key) => candidateOf(defs, key)));
  const sources = new Lookalikes(newSources.map((name) => ({ name })));
  return recorded.map((event) => {
    const { key, position } = event;
    if (event.type === 'source-observed') return goneAsset({ key, position, definition: undefined, now: sources.take({ name: key }) });
    const { definition, step, output } = event;
    const now = assets.take({ name: key, place: idOf(idOf(definition, step), output), code: `${codeOf(event)}\n${output}` });
    return goneAsset({ key, position, definition, now });
  });
}

function candidateOf({ graph }: Definitions, key: AssetKey): { readonly name: AssetKey; readonly place?: string; readonly code?: string } {
  const place = graph.placeOf(key);
  const step = graph.steps[place.step];
  if (step === undefined) return { name: key };
  const output = step.outputs[place.output]?.name ?? '';
  return { name: key, place: idOf(idOf(step.definition, step.path), output), code: `${ownCodeOf(step)}\n${output}` };
}

/** Those that are no single asset with a name of its own, which is told of as an asset. */
function goneDefinitions({ definitions, newSteps }: LeftBehind, assets: readonly GoneAsset[]): readonly GoneDefinition[] {
  const told = new Set<string>(assets.map(({ key }) => key));
  const gone = sortedBy(
    [...definitions].filter(([name]) => !told.has(name)),
    ([name]) => name,
  );
  if (gone.length === 0) return [];
  const paths = new Map<string, Set<string>>();
  for (const { definition, path } of newSteps) paths.set(definition, (paths.get(definition) ?? new Set()).add(path));
  const candidates = new Lookalikes([...paths].map(([name, steps]) => ({ name, code: codeOfPaths(steps) })));
  return gone.map(([definition, steps]) =>
    goneDefinition({ definition, steps: steps.size, now: candidates.take({ name: definition, code: codeOfPaths(steps) }) }),
  );
}

/** A definition that has the same steps under another name is likely the same one. */
function codeOfPaths(paths: ReadonlySet<string>): string {
  return JSON.stringify([...paths].toSorted());
}

interface Told {
  readonly recorded: readonly ReadableEvent[];
  readonly settled: readonly (StepSettled & { readonly position: Position })[];
}

function goneSteps({ definitions, newSteps }: LeftBehind, { recorded, settled }: Told): readonly GoneStep[] {
  const newest = new Map<string, Told['settled'][number]>();
  for (const event of settled) {
    const id = idOf(event.definition, event.step);
    if ((newest.get(id)?.position ?? 0) < event.position) newest.set(id, event);
  }
  const byAsset = new Set(recorded.flatMap((event) => (event.type === 'source-observed' ? [] : [idOf(event.definition, event.step)])));
  const candidates = new Map<string, Lookalikes<string>>();
  return [...newest].flatMap(([id, event]) => {
    const { definition, step, position, stateAddress } = event;
    const hasState = stateAddress !== null;
    const isOfGone = definitions.has(definition);
    if (isOfGone && !hasState) return [];
    const alike = candidates.get(definition) ?? new Lookalikes(newSteps.filter((each) => each.definition === definition).map((each) => ({ name: each.path, code: ownCodeOf(each) }))); // prettier-ignore
    candidates.set(definition, alike);
    const now = isOfGone ? undefined : alike.take({ name: step, code: codeOf(event) });
    return byAsset.has(id) && !hasState && now === undefined ? [] : [goneStep({ definition, step, position, hasState, now })];
  });
}

/** The op and the version of its code, without those of its resources. */
function codeOf({ op, codeVersion }: { readonly op: string; readonly codeVersion: string }): string {
  return `${op}\n${codeVersion.startsWith('session:') ? '' : (codeVersion.split('+')[0] ?? '')}`;
}

function ownCodeOf({ op }: Step): string {
  return codeOf({ op: op.name, codeVersion: op.codeVersion ?? '' });
}

function sortedBy<Each>(all: readonly Each[], by: (each: Each) => string): readonly Each[] {
  return all.toSorted((a, b) => (by(a) < by(b) ? -1 : 1));
}

function idOf(definition: string, step: string): string {
  return placeName({ definition, path: step });
}
