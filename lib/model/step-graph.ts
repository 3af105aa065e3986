import { DefinitionError } from '../kernel/errors.ts';
import { invariant } from '../kernel/invariant.ts';
import { printCycle, quote } from '../kernel/print.ts';
import { topologicalOrder } from '../kernel/topological.ts';
import type { AssetKey } from './asset-key.ts';
import type { AssetsDefinition } from './assets-from-graph.ts';
import type { Codec } from './codec.ts';
import type { GraphPlace, LocalEntry, StepInput } from './flatten.ts';
import { orderEdges } from './internal-deps.ts';
import type { AnyOp } from './op.ts';

/** Where one entry of a step's input comes from: an output of a step, or a source. */
export type Entry =
  { readonly from: 'step'; readonly step: number; readonly output: number } | { readonly from: 'source'; readonly key: AssetKey };

/** One output of a step. `key` is set where the output is an asset. */
export interface StepOutput {
  readonly name: string;
  readonly required: boolean;
  readonly transient: boolean;
  readonly version: 'derived' | undefined;
  readonly codec: Codec | undefined;
  readonly key: AssetKey | undefined;
}

/** One op at one place of one definition. Its identity is (definition, path); `id` is how that is printed. */
export interface Step {
  readonly index: number;
  readonly id: string;
  readonly definition: string;
  readonly path: string;
  readonly op: AnyOp;
  /** The graphs of its definition that it is in, outermost first. */
  readonly within: readonly GraphPlace[];
  readonly inputs: readonly StepInput<Entry>[];
  readonly outputs: readonly StepOutput[];
  /** Steps that settle first although nothing of them is read (`internalDeps`). */
  readonly after: readonly number[];
}

/** All steps of all definitions, each after everything that it reads. */
export interface StepGraph {
  readonly steps: readonly Step[];
  placeOf(key: AssetKey): { readonly step: number; readonly output: number };
  /** The assets and sources that reach an asset through the wiring without passing through another asset (D3). */
  wiredDeps(key: AssetKey): readonly AssetKey[];
}

interface Offset {
  readonly definition: AssetsDefinition;
  readonly first: number;
}

/**
 * Joins the steps of all definitions: inputs that name another definition's asset read that step's output.
 *
 * @throws DefinitionError CYCLE, with a shortest one printed
 */
export function joinSteps(definitions: readonly AssetsDefinition[], sources: ReadonlySet<AssetKey>): StepGraph {
  const offsets: Offset[] = [];
  let first = 0;
  for (const definition of definitions) {
    offsets.push({ definition, first });
    first += definition.flat.steps.length;
  }
  const places = placeAssets(offsets);
  const withId = offsets.filter(({ definition }) => definition.flat.steps.length > 0).length > 1;
  const unordered = offsets.flatMap((offset) => resolveSteps(offset, { places, sources, withId }));
  const sorted = topologicalOrder(unordered.map(predecessorsOf));
  if ('cycle' in sorted) throw cycleError(sorted.cycle.map((index) => unordered[index]));
  return stepGraph(reorder(unordered, sorted.order));
}

/** The steps that must settle before a step starts: what it reads, and what it is declared to come after. */
export function predecessorsOf({ inputs, after }: Step): readonly number[] {
  return [...new Set([...readSteps({ inputs }), ...after])];
}

function readSteps({ inputs }: Pick<Step, 'inputs'>): readonly number[] {
  return inputs.flatMap(({ entries }) => entries.flatMap((entry) => (entry.from === 'step' ? [entry.step] : [])));
}

type Places = ReadonlyMap<AssetKey, { readonly step: number; readonly output: number }>;

function placeAssets(offsets: readonly Offset[]): Places {
  const places = new Map<AssetKey, { readonly step: number; readonly output: number }>();
  for (const { definition, first } of offsets) {
    for (const { key, output } of definition.assets.values()) {
      const place = definition.flat.outputs.get(output);
      invariant(place !== undefined, 'every asset is an output of its graph');
      places.set(key, { step: first + place.step, output: place.output });
    }
  }
  return places;
}

interface Joining {
  readonly places: Places;
  readonly sources: ReadonlySet<AssetKey>;
  readonly withId: boolean;
}

function resolveSteps({ definition, first }: Offset, { places, sources, withId }: Joining): readonly Step[] {
  const keys = new Map([...definition.assets.values()].map(({ key, output }) => [output, key]));
  const keyAt = new Map([...keys].map(([output, key]) => [placeId(definition.flat.outputs.get(output)), key]));
  const after = stepsBefore({ definition, first }, keys, places);
  const resolve = (entry: LocalEntry): readonly Entry[] => {
    if (entry.from === 'step') return [{ ...entry, step: first + entry.step }];
    const key = definition.upstream.get(entry.input);
    invariant(key !== undefined, 'every input of a graph has a key');
    const place = places.get(key);
    if (place !== undefined) return [{ from: 'step', ...place }];
    invariant(sources.has(key), 'an input key that nothing provides was refused (UNKNOWN_UPSTREAM)');
    return [{ from: 'source', key }];
  };
  return definition.flat.steps.map(({ path, op, within, inputs }, local) =>
    Object.freeze({
      index: first + local,
      id: withId ? `${definition.name}:${path}` : path,
      definition: definition.name,
      path,
      op,
      within,
      inputs: inputs.map((input) => Object.freeze({ ...input, entries: Object.freeze(input.entries.flatMap(resolve)) })),
      outputs: Object.freeze(
        op.outputNames.map((name, output) => {
          const port = op.outputs[name];
          return Object.freeze({
            name,
            required: port?.required === true,
            transient: port?.transient === true,
            version: port?.version,
            codec: port?.codec,
            key: keyAt.get(placeId({ step: local, output })),
          });
        }),
      ),
      after: after.get(local) ?? [],
    }),
  );
}

/** By step of the definition: the steps of all definitions that `internalDeps` puts before it. */
function stepsBefore(
  { definition, first }: Offset,
  keys: ReadonlyMap<string, AssetKey>,
  places: Places,
): ReadonlyMap<number, readonly number[]> {
  const before = new Map<number, number[]>();
  const add = (after: number, step: number): void => {
    const known = before.get(after);
    if (known === undefined) before.set(after, [step]);
    else known.push(step);
  };
  for (const edge of orderEdges(definition.flat, keys, definition.declaredDeps)) add(edge.after, first + edge.before);
  const own = new Set(definition.assets.keys());
  for (const [key, deps] of definition.declaredDeps) {
    const after = definition.flat.outputs.get(definition.assets.get(key)?.output ?? '')?.step;
    for (const dep of deps) {
      const place = own.has(dep) ? undefined : places.get(dep);
      if (after !== undefined && place !== undefined) add(after, place.step);
    }
  }
  return before;
}

function placeId(place: { readonly step: number; readonly output: number } | undefined): string {
  return place === undefined ? '' : `${place.step}.${place.output}`;
}

function reorder(unordered: readonly Step[], order: readonly number[]): readonly Step[] {
  const position = new Int32Array(unordered.length);
  order.forEach((old, index) => (position[old] = index));
  const at = (old: number): number => position[old] ?? 0;
  const move = (entry: Entry): Entry => Object.freeze(entry.from === 'step' ? { ...entry, step: at(entry.step) } : entry);
  return Object.freeze(
    order.flatMap((old, index) => {
      const step = unordered[old];
      if (step === undefined) return [];
      const inputs = step.inputs.map((input) => Object.freeze({ ...input, entries: Object.freeze(input.entries.map(move)) }));
      return [Object.freeze({ ...step, index, inputs: Object.freeze(inputs), after: Object.freeze(step.after.map(at)) })];
    }),
  );
}

function cycleError(cycle: readonly (Step | undefined)[]): DefinitionError {
  const printed = cycle.flatMap((step) => (step === undefined ? [] : [describe(step)]));
  return new DefinitionError(
    'CYCLE',
    `These steps wait for each other: ${printCycle(printed)}. Split one of the definitions, or remove one of the inputs.`,
    {
      details: { cycle: printed },
    },
  );
}

function describe({ id, outputs }: Step): string {
  const keys = outputs.flatMap(({ key }) => (key === undefined ? [] : [quote(key)]));
  return keys.length === 0 ? id : `${id} (${keys.join(', ')})`;
}

function stepGraph(steps: readonly Step[]): StepGraph {
  const places = new Map<AssetKey, { readonly step: number; readonly output: number }>();
  for (const { index, outputs } of steps) {
    outputs.forEach(({ key }, output) => {
      if (key !== undefined) places.set(key, Object.freeze({ step: index, output }));
    });
  }
  const placeOf = (key: AssetKey): { readonly step: number; readonly output: number } => {
    const place = places.get(key);
    invariant(place !== undefined, 'placeOf takes keys of computed assets');
    return place;
  };
  const deps = wiredDeps(steps);
  return Object.freeze({ steps, placeOf, wiredDeps: (key: AssetKey) => deps[placeOf(key).step] ?? [] });
}

type Deps = (readonly AssetKey[] | undefined)[];

/**
 * By step, what reaches it without passing through another asset. Kept for steps that are assets and for those with several readers, each
 * found from those before it: a long way that many assets share is walked once.
 */
function wiredDeps(steps: readonly Step[]): Deps {
  const readers = new Uint32Array(steps.length);
  for (const step of steps) {
    for (const before of readSteps(step)) readers[before] = (readers[before] ?? 0) + 1;
  }
  const deps: Deps = [];
  for (const { index, outputs } of steps) {
    if ((readers[index] ?? 0) > 1 || outputs.some(({ key }) => key !== undefined))
      deps[index] = Object.freeze(walkBack(steps, index, deps));
  }
  return deps;
}

function walkBack(steps: readonly Step[], target: number, known: Deps): readonly AssetKey[] {
  const found = new Set<AssetKey>();
  const seen = new Set([target]);
  const open = [target];
  for (let index = open.pop(); index !== undefined; index = open.pop()) {
    for (const entry of steps[index]?.inputs.flatMap(({ entries }) => entries) ?? []) {
      for (const key of keysAt(steps, entry, known)) found.add(key);
      if (!isPassage(steps, entry) || known[entry.step] !== undefined || seen.has(entry.step)) continue;
      seen.add(entry.step);
      open.push(entry.step);
    }
  }
  return [...found];
}

/** What an entry is known to stand for: the asset or source itself, or what reaches its step. */
function keysAt(steps: readonly Step[], entry: Entry, known: Deps): readonly AssetKey[] {
  if (entry.from === 'source') return [entry.key];
  const key = steps[entry.step]?.outputs[entry.output]?.key;
  return key === undefined ? (known[entry.step] ?? []) : [key];
}

/** Whether an entry is no asset, so that what is behind it reaches further. */
function isPassage(steps: readonly Step[], entry: Entry): entry is Extract<Entry, { from: 'step' }> {
  return entry.from === 'step' && steps[entry.step]?.outputs[entry.output]?.key === undefined;
}
