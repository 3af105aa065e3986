import type { Behaviour } from '../kit/world-op.ts';

/** Where an entry comes from: a source, or an output of a step by the step's id. */
export type Wire = { readonly source: string } | { readonly step: string; readonly output: string };

/** One input of a step, with its entries in the order wired. */
export interface WiredInput {
  readonly name: string;
  readonly kind: 'value' | 'list' | 'nothing';
  readonly optional: boolean;
  readonly hold: boolean;
  readonly entries: readonly Wire[];
}

/** One output of a step. What passes by reference only is never an asset. */
export interface MadeOutput {
  readonly name: string;
  readonly required: boolean;
  readonly asset: string | undefined;
  /** `opaque` is a value that no store can keep, and that is not declared `transient`; `derived` has the version of what made it. */
  readonly passes: 'kept' | 'transient' | 'opaque' | 'derived';
}

/** What a step is, wherever it is placed and whatever it is called. */
export interface StepNature {
  /** Stands through renames; readers and assets go by it. */
  readonly id: string;
  readonly name: string;
  readonly op: string;
  readonly definition: string;
  readonly isNested: boolean;
  readonly behaviour: Behaviour;
  /** Gives nothing by its one output `result`: its value lives elsewhere (X11). */
  readonly isVoid: boolean;
  readonly k: number;
  /** Changes what the body computes, and its version. */
  readonly code: number;
  /** Changes the version alone. */
  readonly touched: number;
  readonly declaresVersion: boolean;
  readonly isVolatile: boolean;
  readonly isTogether: boolean;
  readonly takesConfig: boolean;
  readonly isLater: boolean;
}

/** A step of a world that can be changed: what would be refused in it is mended by {@link finish}. */
export interface DraftStep extends StepNature {
  readonly inputs: readonly WiredInput[];
  readonly outputs: readonly (Omit<MadeOutput, 'asset'> & { readonly isAsset: boolean })[];
}

/** A step as it is defined. `path` is its name behind that of the nested graph that it is in. */
export interface PlacedStep extends StepNature {
  readonly nest: string | undefined;
  readonly path: string;
  readonly inputs: readonly WiredInput[];
  readonly outputs: readonly MadeOutput[];
}

/** Everything that is defined. Steps stand after what they read. */
export interface ChangingWorld {
  readonly sources: readonly string[];
  readonly steps: readonly PlacedStep[];
}

const sameWire = (a: Wire, b: Wire): boolean =>
  'source' in a ? 'source' in b && a.source === b.source : 'step' in b && a.step === b.step && a.output === b.output;

/** Puts drafts together: wires that lead nowhere go, and what would be refused (D5) is mended. */
export function finish(sources: readonly string[], drafts: readonly DraftStep[]): ChangingWorld {
  const wired = drafts.map((draft, index) => ({
    ...draft,
    inputs: draft.inputs.map((each) => mendInput(each, sources, drafts.slice(0, index))),
  }));
  const assets = assetsOf(wired);
  const nests = nestsOf(wired);
  const steps = wired.map((draft): PlacedStep => {
    const nest = nests.get(draft.id);
    const outputs = draft.outputs.map(({ name, required, passes }): MadeOutput => {
      const asset = assets.has(`${draft.id}_${name}`) ? `${draft.id}_${name}` : undefined;
      const isRefused = passes === 'derived' && (draft.isVolatile || draft.isTogether);
      return { name, required, asset, passes: asset === undefined && !isRefused ? passes : 'kept' };
    });
    return { ...draft, nest, path: nest === undefined ? draft.name : `${nest}.${draft.name}`, outputs };
  });
  return { sources, steps };
}

function mendInput(input: WiredInput, sources: readonly string[], before: readonly DraftStep[]): WiredInput {
  const isThere = (wire: Wire): boolean =>
    'source' in wire
      ? sources.includes(wire.source)
      : before.some(({ id, outputs }) => id === wire.step && outputs.some(({ name }) => name === wire.output));
  const entries = input.entries.filter((wire, index, all) => isThere(wire) && all.findIndex((each) => sameWire(each, wire)) === index);
  if (input.kind !== 'value') return { ...input, entries };
  const only = entries.slice(0, 1);
  return { ...input, entries: only.length === 0 && !input.optional ? [{ source: sources[0] ?? '' }] : only };
}

/** Outputs that are assets, as `id_output`: asked to be, read by another definition, or the leaf of a definition's own graph. */
function assetsOf(drafts: readonly DraftStep[]): ReadonlySet<string> {
  const assets = new Set(drafts.flatMap(({ id, outputs }) => outputs.flatMap(({ name, isAsset }) => (isAsset ? [`${id}_${name}`] : []))));
  const readInside = new Set<string>();
  const definitionOf = new Map(drafts.map(({ id, definition }) => [id, definition]));
  for (const { definition, inputs } of drafts) {
    for (const wire of inputs.flatMap(({ entries }) => entries)) {
      if ('source' in wire) continue;
      if (definitionOf.get(wire.step) === definition) readInside.add(wire.step);
      else assets.add(`${wire.step}_${wire.output}`);
    }
  }
  const has = ({ id, outputs }: DraftStep): boolean => outputs.some(({ name }) => assets.has(`${id}_${name}`));
  const add = ({ id, outputs }: DraftStep): unknown => assets.add(`${id}_${outputs[0]?.name ?? ''}`);
  for (const draft of drafts) if (!draft.isNested && !readInside.has(draft.id) && !has(draft)) add(draft);
  for (const definition of new Set(definitionOf.values())) {
    const own = drafts.filter((draft) => draft.definition === definition);
    const last = own.at(-1);
    if (last !== undefined && !own.some(has)) add(last);
  }
  return assets;
}

/** Neighbours of one definition that are nested are in one graph, named after the first of them. */
function nestsOf(drafts: readonly DraftStep[]): ReadonlyMap<string, string> {
  const nests = new Map<string, string>();
  const open = new Map<string, string>();
  for (const { id, definition, isNested } of drafts) {
    if (!isNested) open.delete(definition);
    else if (!open.has(definition)) open.set(definition, `sub_${id}`);
    const nest = open.get(definition);
    if (nest !== undefined) nests.set(id, nest);
  }
  return nests;
}

/** The keys of all assets of a world. */
export function assetKeys({ steps }: ChangingWorld): readonly string[] {
  return steps.flatMap(({ outputs }) => outputs.flatMap(({ asset }) => asset ?? []));
}

/** Assets that depend on what came before: those of steps with an input that holds, and all downstream of them (F9). */
export function holdingAssets({ steps }: ChangingWorld): ReadonlySet<string> {
  const holding = new Set<string>();
  for (const { id, inputs } of steps)
    if (inputs.some(({ hold, entries }) => hold || entries.some((wire) => 'step' in wire && holding.has(wire.step)))) holding.add(id);
  return new Set(steps.flatMap(({ id, outputs }) => (holding.has(id) ? outputs.flatMap(({ asset }) => asset ?? []) : [])));
}

/** A world as text, a line each step. */
export function printChangingWorld({ sources, steps }: ChangingWorld): string {
  const wire = (each: Wire): string => ('source' in each ? each.source : `${each.step}.${each.output}`);
  const lines = steps.map((step) => {
    const inputs = step.inputs.map(
      ({ name, kind, optional, hold, entries }) =>
        `${name}${optional ? '?' : ''}: ${hold ? 'hold ' : ''}${kind} [${entries.map(wire).join(', ')}]`,
    );
    const outputs = step.outputs.map(
      ({ name, required, asset, passes }) =>
        `${name}${required ? '' : '?'}${asset === undefined ? '' : ` = ${asset}`}${passes === 'kept' ? '' : ` ${passes}`}`,
    );
    const flags = [
      step.isVoid && 'void',
      step.isVolatile && 'volatile',
      step.isTogether && 'together',
      step.takesConfig && 'config',
      step.isLater && 'later',
      step.declaresVersion && `version ${step.code}.${step.touched}`,
    ];
    return `${step.id} ${step.definition}:${step.path} (${inputs.join('; ')}) → ${outputs.join(', ')}   ${step.op}: ${[step.behaviour, `k=${step.k}`, ...flags.filter(Boolean)].join(' ')}`;
  });
  return [sources.join(', '), ...lines].join('\n');
}
