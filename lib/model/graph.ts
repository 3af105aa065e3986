import { frozenMap } from '../kernel/frozen-collections.ts';
import { DefinitionError } from '../kernel/errors.ts';
import { isClass, kindOf, quoteList } from '../kernel/print.ts';
import { isRecord } from '../kernel/record.ts';
import type { Schema } from '../kernel/schema.ts';
import { compose, invocable, type Composed, type Invocable, type Invocation, type WiringArguments } from './composition.ts';
import { isHandle, originOf, type Handle, type ListHandle, type WireRef } from './handle.ts';
import { checkHooks, type Hooks } from './hooks.ts';
import { checkName } from './name.ts';
import type { ConfigOf } from './op-forms.ts';
import { checkOptions, optionalSchema, optionalString, type Fields } from './options.ts';
import { checkPorts, type InputPort, type Inputs, type NoInputs } from './port.ts';

/** A graph as definitions and plans know it: ops and graphs wired together. It runs nothing by itself. */
export interface AnyGraph extends Invocable {
  readonly kind: 'graph';
  readonly description: string | undefined;
  readonly invocations: readonly Invocation[];
  /** Output name → the invocation's output that it hands on; never an input of the graph (D5). */
  readonly outputs: ReadonlyMap<string, Extract<WireRef, { from: 'invocation' }>>;
  readonly config: Schema | undefined;
  /** Makes the config of inner invocations, by name, from the graph's own. */
  readonly mapConfig: ((config: unknown) => unknown) | undefined;
  readonly hooks: Hooks | undefined;
}

/** What a graph's body may return: its one output, or a record of outputs by name. */
export type Returned = Handle | Readonly<Record<string, Handle>>;

declare const graphTypes: unique symbol;

/** A graph: call it in another graph's body to nest it there; give it to `assetsFromGraph` to make its outputs assets. */
export interface Graph<Name extends string, I extends Inputs, R extends Returned> extends AnyGraph {
  (...wiring: WiringArguments<I>): R;
  /** The same graph under a name of its own in the graph that nests it (D4). */
  as(name: string): (...wiring: WiringArguments<I>) => R;
  readonly name: Name;
  readonly [graphTypes]?: { readonly inputs: I; readonly returned: R };
}

/** The handles that a graph's body gets for the graph's own inputs. */
export type InputHandles<I extends Inputs> = {
  readonly [K in keyof I]: I[K] extends InputPort<infer T, infer Kind> ? (Kind extends 'list' ? ListHandle<T> : Handle<T>) : never;
};

/** Options of a graph. */
export interface GraphOptions<I extends Inputs, C extends Schema | undefined = undefined> {
  readonly inputs?: I;
  readonly description?: string;
  /** Checks what a run gives the graph as its config. */
  readonly config?: C;
  /** What the graph gives its ops and graphs as their config, by invocation name, made from its own. Called when a run is planned. */
  readonly mapConfig?: (config: ConfigOf<C>) => Readonly<Record<string, unknown>>;
  /** Called for every step in the graph, those of nested graphs included. */
  readonly hooks?: Hooks;
}

const GRAPH_FIELDS: Fields<GraphOptions<Inputs, Schema | undefined>> = {
  inputs: true,
  description: true,
  config: true,
  mapConfig: true,
  hooks: true,
};

/**
 * Wires ops and graphs together. The body runs once, now, with handles instead of values; what it returns are the graph's outputs.
 *
 * @throws DefinitionError for everything that rule D5 refuses inside one graph
 */
export function graph<const Name extends string, R extends Returned>(name: Name, body: () => R): Graph<Name, NoInputs, R>;
export function graph<
  const Name extends string,
  const I extends Inputs = NoInputs,
  R extends Returned = Returned,
  const C extends Schema | undefined = undefined,
>(name: Name, options: GraphOptions<I, C>, body: (inputs: InputHandles<I>) => R): Graph<Name, I, R>;
export function graph(name: string, ...rest: readonly unknown[]): AnyGraph {
  checkName('graph', name, 'in graph()');
  const where = `graph "${name}"`;
  const [options, body] = rest.length > 1 ? rest : [{}, rest[0]];
  checkOptions(options, GRAPH_FIELDS, where);
  if (typeof body !== 'function' || isClass(body)) {
    throw new DefinitionError(
      'INVALID_DEFINITION',
      `${where} takes (name, body) or (name, options, body), and its body is ${kindOf(body)}. Give a function that returns handles.`,
    );
  }
  // A record with these fields at most, as was checked just above; what they hold is checked here.
  const { inputs: declared, description, hooks, ...configuring } = options as GraphOptions<Inputs, Schema | undefined>;
  const inputs = checkPorts('input', declared, where);
  checkNoneHolds(inputs, where);
  // A function of handles, as the public signatures say.
  const composed = compose(name, inputs, body as (inputs: Readonly<Record<string, Handle>>) => unknown);
  const outputs = readOutputs(name, composed);
  checkInputsUsed(name, inputs, composed.invocations);
  checkLeaves(name, composed.invocations, outputs);
  return invocable(name, {
    kind: 'graph',
    description: optionalString(description, 'description', where),
    inputs,
    invocations: composed.invocations,
    outputs,
    outputNames: Object.freeze([...outputs.keys()]),
    single: isHandle(composed.returned),
    ...checkConfiguring(configuring, where),
    hooks: checkHooks(hooks, where),
  });
}

/** A graph only passes on what it is given. */
function checkNoneHolds(inputs: Inputs, where: string): void {
  const held = Object.keys(inputs).find((name) => inputs[name]?.hold === true);
  if (held === undefined) return;
  throw new DefinitionError(
    'INVALID_DEFINITION',
    `${where}: input "${held}" says "hold", and it is ops that read values. Say it at the input of the op that reads "${held}".`,
    { details: { where, name: held } },
  );
}

function checkConfiguring(
  { config, mapConfig }: { readonly config?: unknown; readonly mapConfig?: unknown },
  where: string,
): Pick<AnyGraph, 'config' | 'mapConfig'> {
  const schema = optionalSchema(config, 'config', where);
  if (schema !== undefined && mapConfig === undefined) {
    throw new DefinitionError(
      'INVALID_DEFINITION',
      `${where} has "config" and nothing that reads it. Give "mapConfig", a function from it to the config of what is inside.`,
    );
  }
  if (mapConfig === undefined) return { config: undefined, mapConfig: undefined };
  if (typeof mapConfig !== 'function' || isClass(mapConfig)) {
    throw new DefinitionError(
      'INVALID_DEFINITION',
      `${where}: "mapConfig" is ${kindOf(mapConfig)}. Give a function of the graph's config.`,
    );
  }
  // The public signature says what it takes; what it gives is checked when it is called.
  return { config: schema, mapConfig: mapConfig as AnyGraph['mapConfig'] };
}

function readOutputs(graphName: string, { returned, owner }: Composed): AnyGraph['outputs'] {
  if (!isRecord(returned)) {
    // Nobody will wait for an async body: what it throws later must not end the process as well.
    if (returned instanceof Promise) returned.catch(() => undefined);
    throw new DefinitionError(
      'GRAPH_WITHOUT_OUTPUTS',
      `Graph "${graphName}" returned ${kindOf(returned)}. Return a handle, or a record of handles, synchronously.`,
      { details: { graph: graphName } },
    );
  }
  const record: readonly (readonly [string, unknown])[] = isHandle(returned) ? [['result', returned]] : Object.entries(returned);
  if (record.length === 0) {
    throw new DefinitionError(
      'GRAPH_WITHOUT_OUTPUTS',
      `Graph "${graphName}" returned no outputs, so nothing of it could ever be needed. Return at least one handle.`,
      {
        details: { graph: graphName },
      },
    );
  }
  return frozenMap(record.map(([output, value]) => [output, readOutput(graphName, owner, { output, value })]));
}

function readOutput(
  graphName: string,
  owner: object,
  { output, value }: { readonly output: string; readonly value: unknown },
): Extract<WireRef, { from: 'invocation' }> {
  checkName('output', output, `graph "${graphName}"`);
  const details = { graph: graphName, output };
  if (!isHandle(value)) {
    throw new DefinitionError(
      'INVALID_WIRING',
      `Output "${output}" of graph "${graphName}" is ${kindOf(value)} instead of a handle. Return what an invocation returned.`,
      { details },
    );
  }
  const origin = originOf(value);
  if (origin.owner !== owner) {
    throw new DefinitionError(
      'FOREIGN_HANDLE',
      `Output "${output}" of graph "${graphName}" is "${value.handle}", which belongs to another graph's body. Return an output of this one.`,
      {
        details,
      },
    );
  }
  if (origin.ref.from === 'input') {
    throw new DefinitionError(
      'GRAPH_INPUT_RETURNED',
      `Graph "${graphName}" returns its input "${origin.ref.input}" unchanged as "${output}". Read that asset under its own key, or pass it through an op.`,
      { details: { ...details, input: origin.ref.input } },
    );
  }
  return origin.ref;
}

function checkInputsUsed(graphName: string, inputs: Inputs, invocations: readonly Invocation[]): void {
  const used = new Set<string>();
  for (const { wiring } of invocations) {
    for (const ref of [...wiring.values()].flat()) if (ref.from === 'input') used.add(ref.input);
  }
  const unused = Object.keys(inputs).filter((name) => !used.has(name));
  if (unused.length > 0) {
    throw new DefinitionError(
      'UNUSED_GRAPH_INPUT',
      `Graph "${graphName}" declares ${quoteList(unused)} as input and wires it to nothing. Wire it, or remove it.`,
      {
        details: { graph: graphName, inputs: unused },
      },
    );
  }
}

function checkLeaves(graphName: string, invocations: readonly Invocation[], outputs: AnyGraph['outputs']): void {
  const read = new Set<string>();
  for (const { wiring } of invocations) {
    for (const ref of [...wiring.values()].flat()) if (ref.from === 'invocation') read.add(ref.invocation);
  }
  for (const ref of outputs.values()) read.add(ref.invocation);
  // A nested graph's outputs may stay unused: its own body was checked when it was made.
  const leaves = invocations.filter(({ name, target }) => target.kind === 'op' && !read.has(name)).map(({ name }) => name);
  if (leaves.length > 0) {
    throw new DefinitionError(
      'LEAF_STEP',
      `In graph "${graphName}" nothing reads ${quoteList(leaves)}, and no output of it is an output of the graph: it could never run. Return one of its outputs, or remove it.`,
      { details: { graph: graphName, invocations: leaves } },
    );
  }
}

/** Whether a value is a graph, for checks of what JavaScript users pass. */
export function isGraph(value: unknown): value is AnyGraph {
  return typeof value === 'function' && Reflect.get(value, 'kind') === 'graph';
}
