import { assetsFromGraph, define, graph, input, list, nothing, op, optional, output, source } from '../../index.ts';
import type { AnyGraph, AnyOp, AssetsDefinition, Definitions, Handle, InputPort, OutputPort } from '../../index.ts';
import type { World, WorldBody, WorldEntry, WorldInput, WorldStep } from './reference.ts';
import { bodyInForm, type BodyForm, type BodyHooks } from './world-body.ts';

/** An op of a world. Several steps may be places of one op. */
export interface WorldOp {
  readonly name: string;
  readonly inputs: readonly Pick<WorldInput, 'name' | 'kind' | 'optional' | 'hold'>[];
  readonly outputs: Readonly<Record<string, { readonly required: boolean }>>;
  /** True for an op that declares no outputs and whose body gives its one `result`. */
  readonly plain: boolean;
  readonly form: BodyForm;
  readonly emit: WorldBody;
  /** How the body is printed. */
  readonly shown: string;
  /** What `worldOp` made it of; left out where it was made otherwise. */
  readonly made?: { readonly behaviour: string; readonly k: number };
}

/** A step that can be written down as code: which op it places, under which name, in which nested graphs (outermost first). */
export interface DefinableStep extends WorldStep {
  readonly op: WorldOp;
  readonly name: string;
  readonly nest: readonly string[];
}

/** A world that {@link defineWorld} can define. Steps stand after what they read, and steps of one nested graph stand together. */
export interface DefinableWorld extends World {
  readonly steps: Readonly<Record<string, DefinableStep>>;
}

/** Options of {@link defineWorld}. */
export interface DefineWorldOptions extends BodyHooks {
  /** Whether assets of a definition may be selected one by one; true by default. */
  readonly canSubset?: boolean;
}

/**
 * Writes a world down through the public API alone: ops, nested graphs, one definition a name, and sources. The steps of what it returns
 * have the ids of the world's.
 *
 * @throws DefinitionError where the world is not one that may be defined
 */
export function defineWorld(world: DefinableWorld, { canSubset = true, ...hooks }: DefineWorldOptions = {}): Definitions {
  const steps = Object.entries(world.steps);
  const ops = new Map<WorldOp, AnyOp>();
  for (const [, { op: each }] of steps) if (!ops.has(each)) ops.set(each, defineOp(each, hooks));
  const names = new Set(steps.map(([, { definition }]) => definition));
  const definitions = [...names].map((name) => {
    const own = steps.filter(([, { definition }]) => definition === name);
    return defineAssets({ world, name, ops, canSubset }, treeOf(own.map(([id, each]) => ({ id, step: each, rest: each.nest }))));
  });
  return define({ assets: [...Object.keys(world.sources).map((key) => source(key)), ...definitions] });
}

// The types of op are for literals, which a world has none of; at run time it checks what it gets.
const anyOp = op as unknown as (definition: object) => AnyOp;

function defineOp({ name, inputs, outputs, ...shape }: WorldOp, hooks: BodyHooks): AnyOp {
  const ports = inputs.map((each): [string, InputPort] => {
    const options = { optional: each.optional, ...(each.hold === true && { hold: true }) };
    // Whether a port is optional is only known now; the overloads are for literals.
    const make = { value: input, list, nothing }[each.kind] as (options: {
      readonly optional: boolean;
      readonly hold?: boolean;
    }) => InputPort;
    return [each.name, make(options)];
  });
  const declared = Object.entries(outputs).map(([port, { required }]): [string, OutputPort] => [port, required ? output() : optional()]);
  const definition = { name, inputs: Object.fromEntries(ports), ...(!shape.plain && { outputs: Object.fromEntries(declared) }) };
  return anyOp({ ...definition, ...bodyInForm(shape.form, shape, hooks) });
}

/** One entry as it is written at a place: which step's output, or which source. */
type EntryId = string;

function idOf(entry: WorldEntry): EntryId {
  return 'source' in entry ? entry.source : `${entry.step} ${entry.output}`;
}

/** A step, or the steps of one nested graph. */
type Node =
  | { readonly kind: 'step'; readonly id: string; readonly step: DefinableStep }
  | { readonly kind: 'graph'; readonly name: string; readonly nodes: readonly Node[] };

interface Nested {
  readonly id: string;
  readonly step: DefinableStep;
  readonly rest: readonly string[];
}

/** Neighbours with the same next name are one nested graph. */
function treeOf(steps: readonly Nested[]): readonly Node[] {
  const nodes: Node[] = [];
  for (let first = 0; first < steps.length;) {
    const head = steps[first];
    const name = head?.rest[0];
    const end = steps.findIndex(({ rest }, index) => index > first && rest[0] !== name);
    const group = steps.slice(first, name === undefined ? first + 1 : end < 0 ? steps.length : end);
    first += group.length;
    if (head === undefined) break;
    if (name === undefined) nodes.push({ kind: 'step', id: head.id, step: head.step });
    else nodes.push({ kind: 'graph', name, nodes: treeOf(group.map((each) => ({ ...each, rest: each.rest.slice(1) }))) });
  }
  return nodes;
}

/** An input of a node as its surroundings see it. */
interface NodeInput {
  readonly name: string;
  readonly kind: WorldInput['kind'];
  readonly entries: readonly EntryId[];
}

function madeIn(node: Node): readonly EntryId[] {
  if (node.kind === 'graph') return node.nodes.flatMap(madeIn);
  return Object.keys(node.step.outputs).map((name) => idOf({ step: node.id, output: name }));
}

/**
 * What a node takes from outside. A nested graph has one list input for every list that comes from outside as a whole, and one input for
 * every other entry.
 */
function inputsOf(node: Node): readonly NodeInput[] {
  if (node.kind === 'step') return node.step.inputs.map(({ name, kind, entries }) => ({ name, kind, entries: entries.map(idOf) }));
  const made = new Set(madeIn(node));
  const inner = node.nodes.flatMap(inputsOf);
  const lists = inner.filter((each) => isListFrom(each, made)).map(({ entries }) => entries);
  const single = new Set(inner.flatMap((each) => (isListFrom(each, made) ? [] : each.entries.filter((entry) => !made.has(entry)))));
  return [
    ...[...new Map(lists.map((entries) => [listName(entries), entries]))].map(([id, entries], i) => ({
      id,
      name: `list_${i}`,
      kind: 'list' as const,
      entries,
    })),
    ...[...single].map((entry, i) => ({ name: `in_${i}`, kind: 'value' as const, entries: [entry] })),
  ];
}

function isListFrom({ kind, entries }: NodeInput, made: ReadonlySet<EntryId>): boolean {
  return kind === 'list' && entries.length > 1 && entries.every((entry) => !made.has(entry));
}

function listName(entries: readonly EntryId[]): string {
  return entries.join(', ');
}

interface Defining {
  readonly world: DefinableWorld;
  readonly name: string;
  readonly ops: ReadonlyMap<WorldOp, AnyOp>;
  readonly canSubset: boolean;
}

/** Handles by entry, and by list for lists that a nested graph got as a whole. */
type Handles = Map<string, Handle>;

function defineAssets(defining: Defining, nodes: readonly Node[]): AssetsDefinition {
  const { world, name, canSubset } = defining;
  const made = new Set(nodes.flatMap(madeIn));
  const outside = [...new Set(nodes.flatMap(inputsOf).flatMap(({ entries }) => entries.filter((entry) => !made.has(entry))))];
  const keys = assetKeys(world);
  const keyOf = new Map(outside.map((entry) => [keys.get(entry) ?? entry, entry]));
  const built = graph(name, { inputs: Object.fromEntries([...keyOf.keys()].map((key) => [key, input()])) }, (given) => {
    const handles: Handles = new Map([...keyOf].map(([key, entry]) => [entry, given[key] ?? missing(key)]));
    for (const node of nodes) place(defining, node, handles);
    return Object.fromEntries(
      [...made].flatMap((entry) => (keys.has(entry) ? [[keys.get(entry), handles.get(entry) ?? missing(entry)]] : [])),
    );
  });
  return assetsFromGraph(built, { canSubset });
}

function assetKeys({ steps }: World): ReadonlyMap<EntryId, string> {
  const outputs = Object.entries(steps).flatMap(([id, each]) =>
    Object.entries(each.outputs).map(([name, { asset }]) => [idOf({ step: id, output: name }), asset] as const),
  );
  return new Map(outputs.flatMap(([id, asset]) => (asset === undefined ? [] : [[id, asset]])));
}

/** What can be placed under a name, when its types are not known. */
interface Placeable {
  as(name: string): (wiring: Readonly<Record<string, unknown>>) => unknown;
}

/** Places a node in the graph whose body is running, and adds the handles of what it makes. */
function place(defining: Defining, node: Node, handles: Handles): void {
  const wiring = inputsOf(node).flatMap((each): readonly (readonly [string, unknown])[] => {
    const whole = handles.get(listName(each.entries));
    if (each.kind === 'list' && each.entries.length > 1 && whole !== undefined) return [[each.name, whole]];
    const all = each.entries.map((entry) => handles.get(entry) ?? missing(entry));
    if (each.kind !== 'value') return [[each.name, all]];
    return all[0] === undefined ? [] : [[each.name, all[0]]];
  });
  const name = node.kind === 'step' ? node.step.name : node.name;
  const target = node.kind === 'step' ? defining.ops.get(node.step.op) : defineNested(defining, node);
  // Ops and graphs are placed alike, and what is wired was made for their inputs.
  const result = (target as unknown as Placeable).as(name)(Object.fromEntries(wiring));
  // A plain op gives its one handle, everything else handles by output.
  const outputs = (node.kind === 'step' && node.step.op.plain ? { result } : result) as Readonly<Record<string, Handle>>;
  const names = node.kind === 'step' ? Object.keys(node.step.outputs) : madeIn(node).map((_, index) => numbered(index));
  madeIn(node).forEach((entry, index) => handles.set(entry, outputs[names[index] ?? ''] ?? missing(entry)));
}

function numbered(index: number): string {
  return `out_${index}`;
}

/** A nested graph gives all that its steps make, under numbered names. */
function defineNested(defining: Defining, node: Extract<Node, { kind: 'graph' }>): AnyGraph {
  const taken = inputsOf(node);
  const ports = taken.map(({ name, kind }): [string, InputPort] => [name, kind === 'list' ? list() : input()]);
  return graph(`${node.name}_graph`, { inputs: Object.fromEntries(ports) }, (given) => {
    // A list's handle goes into lists alone, as a whole; types tell the two apart, and here they are kept in one map.
    const handles: Handles = new Map(taken.map(({ name, entries }) => [listName(entries), (given[name] ?? missing(name)) as Handle]));
    for (const each of node.nodes) place(defining, each, handles);
    return Object.fromEntries(madeIn(node).map((entry, index) => [numbered(index), handles.get(entry) ?? missing(entry)]));
  });
}

function missing(what: string): never {
  throw new RangeError(`the world has no ${what}`);
}
