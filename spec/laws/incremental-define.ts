import {
  assetsFromGraph,
  define,
  emit,
  graph,
  input,
  list,
  nothing,
  op,
  optional,
  output,
  source,
  type AnyGraph,
  type AnyOp,
  type AssetsDefinition,
  type Definitions,
  type Emission,
  type Handle,
  type InputPort,
  type OpContext,
  type OutputPort,
  type Schema,
} from '../../index.ts';
import type { AssetAliases } from '../../lib/model/aliases.ts';
import { declaredVersion, emissionsOf, type Around } from './incremental-body.ts';
import type { ChangingWorld, PlacedStep, Wire } from './incremental-world.ts';

type Inputs = Readonly<Record<string, unknown>>;

/** What bodies are surrounded by. */
export interface Surroundings {
  /** As it is when a body runs. */
  readonly around: () => Around;
  /** Awaited by bodies that take their time. */
  readonly pause?: (step: string) => Promise<void>;
  /** Told of each execution as it starts. */
  readonly watch?: (step: string, inputs: Inputs) => void;
  /** What things of the world were called before. */
  readonly aliases?: FormerNamesOfWorld;
}

/** By what they are called now: what sources and definitions were called before, and what the assets and steps of definitions were. */
export interface FormerNamesOfWorld {
  readonly sources: ReadonlyMap<string, readonly string[]>;
  readonly definitions: ReadonlyMap<string, AssetAliases>;
}

/** A value that no store can keep, and that counts as its number. */
class Opaque {
  readonly #number: number;

  constructor(number: number) {
    this.#number = number;
  }

  valueOf(): number {
    return this.#number;
  }
}

/** Takes whatever it is given: hashing it is the business of the runtime. */
const anyConfig: Schema = { '~standard': { version: 1, vendor: 'spec', validate: (value) => ({ value: value ?? 0 }) } };

// The types of op are for literals, which a world has none of; at run time it checks what it gets.
const anyOp = op as unknown as (definition: object) => AnyOp;

/** Writes a world down through the public API: one graph a definition, with graphs in it where steps are nested. */
export function defineChanging(world: ChangingWorld, surroundings: Surroundings): Definitions {
  const names = [...new Set(world.steps.map(({ definition }) => definition))];
  const former = (key: string): readonly string[] => surroundings.aliases?.sources.get(key) ?? [];
  return define({
    assets: [
      ...world.sources.map((key) => source(key, { aliases: former(key) })),
      ...names.map((name) => defineOne(world, name, surroundings)),
    ],
  });
}

function defineOp(step: PlacedStep, surroundings: Surroundings): AnyOp {
  const { around, pause, watch } = surroundings;
  const ports = step.inputs.map(({ name, kind, optional: isOptional, hold }): [string, InputPort] => {
    // Whether a port is optional is only known now; the overloads are for literals.
    const make = { value: input, list, nothing }[kind] as (options: { readonly optional: boolean; readonly hold?: true }) => InputPort;
    return [name, make({ optional: isOptional, ...(hold && { hold }) })];
  });
  const declared = step.outputs.map(({ name, required, passes }): [string, OutputPort] => {
    const options = { transient: passes === 'transient', ...(passes === 'derived' && { version: passes }) };
    return [name, required ? output(options) : optional(options)];
  });
  const opaque = new Set(step.outputs.flatMap(({ name, passes }) => (passes === 'opaque' ? [name] : [])));
  function* now(inputs: Inputs, { selectedOutputs }: OpContext): Generator<Emission, void, unknown> {
    watch?.(step.id, inputs);
    for (const [name, value] of emissionsOf(step, { inputs, selected: selectedOutputs }, around()))
      yield emit(name, opaque.has(name) && value !== undefined ? new Opaque(Number(value)) : value);
  }
  async function* later(inputs: Inputs, context: OpContext): AsyncGenerator<Emission, void, unknown> {
    await pause?.(step.id);
    yield* now(inputs, context);
  }
  const version = declaredVersion(step);
  return anyOp({
    name: step.op,
    inputs: Object.fromEntries(ports),
    ...(!step.isVoid && { outputs: Object.fromEntries(declared) }),
    ...(version !== undefined && { codeVersion: version }),
    ...(step.takesConfig && { config: anyConfig }),
    ...(step.isVolatile && { volatile: true }),
    ...(step.isTogether && { outputsTogether: true }),
    run: step.isVoid ? voidBody(step, surroundings) : step.isLater ? later : now,
  });
}

function voidBody(step: PlacedStep, { around, pause, watch }: Surroundings): (inputs: Inputs) => unknown {
  const run = (inputs: Inputs): void => {
    watch?.(step.id, inputs);
    emissionsOf(step, { inputs, selected: new Set() }, around());
  };
  return step.isLater
    ? async (inputs) => {
        await pause?.(step.id);
        run(inputs);
      }
    : run;
}

type Handles = Map<string, Handle>;

const idOf = (wire: Wire): string => ('source' in wire ? wire.source : `${wire.step} ${wire.output}`);
const madeBy = (steps: readonly PlacedStep[]): readonly string[] =>
  steps.flatMap(({ id, outputs }) => outputs.map(({ name }) => idOf({ step: id, output: name })));

/** What steps read of others than themselves. */
function takenBy(steps: readonly PlacedStep[]): readonly string[] {
  const made = new Set(madeBy(steps));
  const read = steps.flatMap(({ inputs }) => inputs.flatMap(({ entries }) => entries.map(idOf)));
  return [...new Set(read)].filter((id) => !made.has(id));
}

function defineOne(world: ChangingWorld, name: string, surroundings: Surroundings): AssetsDefinition {
  const own = world.steps.filter(({ definition }) => definition === name);
  const keys = new Map(
    world.steps.flatMap(({ id, outputs }) =>
      outputs.flatMap((each) => (each.asset === undefined ? [] : [[idOf({ step: id, output: each.name }), each.asset]])),
    ),
  );
  const keyOf = (entry: string): string => keys.get(entry) ?? entry;
  const taken = takenBy(own);
  const built = graph(name, { inputs: Object.fromEntries(taken.map((entry) => [keyOf(entry), input()])) }, (given) => {
    const handles: Handles = new Map(taken.map((entry) => [entry, there(given[keyOf(entry)])]));
    for (const group of groupsOf(own)) {
      const [first] = group;
      if (first?.nest === undefined) for (const step of group) placeStep(step, handles, surroundings);
      else placeNested(`${first.definition}_${first.nest}`, group, { handles, surroundings });
    }
    return Object.fromEntries(madeBy(own).flatMap((entry) => (keys.has(entry) ? [[keyOf(entry), there(handles.get(entry))]] : [])));
  });
  const aliases = surroundings.aliases?.definitions.get(name);
  return assetsFromGraph(built, { canSubset: true, ...(aliases !== undefined && { aliases }) });
}

/** Neighbours of one nested graph together. */
function groupsOf(steps: readonly PlacedStep[]): readonly (readonly PlacedStep[])[] {
  const groups: PlacedStep[][] = [];
  for (const step of steps) {
    const last = groups.at(-1);
    if (last?.[0]?.nest !== undefined && last[0].nest === step.nest) last.push(step);
    else groups.push([step]);
  }
  return groups;
}

/** What can be placed under a name, when its types are not known. */
interface Placeable {
  as(name: string): (wiring: Readonly<Record<string, unknown>>) => unknown;
}

function placeStep(step: PlacedStep, handles: Handles, surroundings: Surroundings): void {
  const wiring = step.inputs.flatMap(({ name, kind, entries }): readonly (readonly [string, unknown])[] => {
    const all = entries.map((entry) => there(handles.get(idOf(entry))));
    if (kind !== 'value') return [[name, all]];
    return all[0] === undefined ? [] : [[name, all[0]]];
  });
  const made = (defineOp(step, surroundings) as unknown as Placeable).as(step.name)(Object.fromEntries(wiring));
  // A plain op gives its one handle, everything else handles by output.
  const outputs = (step.isVoid ? { result: made } : made) as Readonly<Record<string, Handle>>;
  for (const { name } of step.outputs) handles.set(idOf({ step: step.id, output: name }), there(outputs[name]));
}

function placeNested(
  name: string,
  steps: readonly PlacedStep[],
  { handles, surroundings }: { readonly handles: Handles; readonly surroundings: Surroundings },
): void {
  const [taken, made] = [takenBy(steps), madeBy(steps)];
  const nested: AnyGraph = graph(name, { inputs: Object.fromEntries(taken.map((_, index) => [`in_${index}`, input()])) }, (given) => {
    const inner: Handles = new Map(taken.map((entry, index) => [entry, there(given[`in_${index}`])]));
    for (const step of steps) placeStep(step, inner, surroundings);
    return Object.fromEntries(made.map((entry, index) => [`out_${index}`, there(inner.get(entry))]));
  });
  const wiring = taken.map((entry, index) => [`in_${index}`, there(handles.get(entry))]);
  const placed = (nested as unknown as Placeable).as(steps[0]?.nest ?? '')(Object.fromEntries(wiring)) as Readonly<Record<string, Handle>>;
  made.forEach((entry, index) => handles.set(entry, there(placed[`out_${index}`])));
}

function there<T>(value: T | undefined): T {
  if (value === undefined) throw new RangeError('what is wired is not there');
  return value;
}
