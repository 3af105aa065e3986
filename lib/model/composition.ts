import { DefinitionError } from '../kernel/errors.ts';
import { suggest } from '../kernel/nearest.ts';
import { kindOf, quote, quoteList } from '../kernel/print.ts';
import { createHandle, isHandle, originOf, printRef, type Handle, type HandleOwner, type ListHandle, type WireRef } from './handle.ts';
import { checkName } from './name.ts';
import { isRecord } from '../kernel/record.ts';
import type { InputPort, Inputs, Outputs, ValueOf } from './port.ts';

/** What a graph's body can place: an op or a graph. */
export interface Invocable {
  readonly kind: 'op' | 'graph';
  readonly name: string;
  readonly inputs: Inputs;
  readonly outputNames: readonly string[];
  /** True where an invocation gives its one handle instead of a record of handles. */
  readonly single: boolean;
}

/** An op or a graph at one place of a graph, with what feeds each of its inputs. */
export interface Invocation {
  readonly name: string;
  readonly target: Invocable;
  /** Every declared input, in declared order; an optional one that was left out has no entries. */
  readonly wiring: ReadonlyMap<string, readonly WireRef[]>;
}

/** What may be wired to an input. */
export type InputSource<Port> =
  Port extends InputPort<infer T, infer Kind>
    ? Kind extends 'list'
      ? Handle<T> | ListHandle<T> | readonly (Handle<T> | ListHandle<T>)[]
      : Kind extends 'nothing'
        ? Handle | ListHandle | readonly (Handle | ListHandle)[]
        : Handle<T>
    : never;

/** A source for every required input; optional ones may be left out. */
export type Wiring<I extends Inputs> = {
  readonly [K in keyof I as I[K] extends InputPort<unknown, InputPort['kind'], false> ? K : never]: InputSource<I[K]>;
} & {
  readonly [K in keyof I as I[K] extends InputPort<unknown, InputPort['kind'], true> ? K : never]?: InputSource<I[K]>;
};

/** No argument where nothing is to be wired. */
export type WiringArguments<I extends Inputs> = keyof I extends never
  ? []
  : Record<never, never> extends Wiring<I>
    ? [wiring?: Wiring<I>]
    : [wiring: Wiring<I>];

/** What an invocation gives: its one handle, or a record of handles by output. */
export type InvocationResult<O extends Outputs, Single extends boolean> = Single extends true
  ? Handle<ValueOf<O[keyof O]>>
  : { readonly [K in keyof O]: Handle<ValueOf<O[K]>> };

interface Composition {
  readonly owner: HandleOwner;
  readonly graph: string;
  readonly inputs: Inputs;
  readonly invocations: Map<string, Invocation>;
  /** What each name of an op or graph stands for here, and the number that its next use without `.as()` gets. */
  readonly meanings: Map<string, { readonly target: Invocable; nextUse: number }>;
}

// The graph whose body is running, innermost last. Bodies run synchronously inside graph(), so this never outlives a call.
const stack: Composition[] = [];

/** What a graph's body left behind. */
export interface Composed {
  readonly invocations: readonly Invocation[];
  readonly returned: unknown;
  readonly owner: HandleOwner;
}

/** Runs a graph's body with handles for its inputs, and collects what it places. */
export function compose(graph: string, inputs: Inputs, body: (inputs: Readonly<Record<string, Handle>>) => unknown): Composed {
  const composition: Composition = { owner: Object.freeze({ graph }), graph, inputs, invocations: new Map(), meanings: new Map() };
  const handles = Object.keys(inputs).map((name) => [name, createHandle(composition.owner, { from: 'input', input: name })]);
  stack.push(composition);
  try {
    const returned = body(Object.freeze(Object.fromEntries(handles)));
    return { invocations: Object.freeze([...composition.invocations.values()]), returned, owner: composition.owner };
  } finally {
    stack.pop();
  }
}

/**
 * Makes a noun callable under its own name: calling an op or a graph places it in the graph whose body is running.
 */
export function invocable<Noun extends Omit<Invocable, 'name'>>(name: string, noun: Noun): Noun & Invocable {
  const call = (...given: readonly unknown[]): unknown => invoke(self, undefined, given);
  const as = (alias: string) => {
    checkName('invocation', alias, `${noun.kind} "${name}"`);
    return (...given: readonly unknown[]): unknown => invoke(self, alias, given);
  };
  // A function has a `name` already, which Object.assign cannot replace.
  Object.defineProperty(call, 'name', { value: name });
  const self: Noun & Invocable & { name: string } = Object.assign(call, noun, { as });
  return Object.freeze(self);
}

function invoke(target: Invocable, alias: string | undefined, given: readonly unknown[]): unknown {
  const composition = stack[stack.length - 1];
  if (composition === undefined) {
    throw new DefinitionError(
      'OUTSIDE_GRAPH',
      `${target.kind} "${target.name}" was called outside of a graph's body, where nothing is running. Call it inside graph('…', () => { … }).`,
      { details: { [target.kind]: target.name } },
    );
  }
  const meaning = meaningOf(composition, target);
  const name = alias ?? freeName(composition, target.name, meaning);
  if (composition.invocations.has(name)) {
    throw new DefinitionError(
      'INVOCATION_NAME_TAKEN',
      `Graph "${composition.graph}" has an invocation "${name}" already. Give .as() another name.`,
      {
        details: { graph: composition.graph, invocation: name },
      },
    );
  }
  const wiring = readWiring(composition, target, { name, given });
  composition.invocations.set(name, Object.freeze({ name, target, wiring }));
  return outputHandles(composition, target, name);
}

function outputHandles({ owner }: Composition, target: Invocable, invocation: string): unknown {
  const handles = target.outputNames.map((output) => [output, createHandle(owner, { from: 'invocation', invocation, output })] as const);
  const only = handles[0];
  return target.single && only !== undefined ? only[1] : Object.freeze(Object.fromEntries(handles));
}

/** The op's own name, then `name_2`, `name_3`, … (D4); constant time however often an op is used. */
function freeName({ invocations }: Composition, base: string, meaning: { nextUse: number }): string {
  let name = base;
  for (; invocations.has(name); meaning.nextUse += 1) name = `${base}_${meaning.nextUse}`;
  return name;
}

function meaningOf({ graph, meanings }: Composition, target: Invocable): { nextUse: number } {
  const known = meanings.get(target.name);
  if (known === undefined) {
    const meaning = { target, nextUse: 2 };
    meanings.set(target.name, meaning);
    return meaning;
  }
  if (known.target === target) return known;
  throw new DefinitionError(
    'NAME_CONFLICT',
    `Graph "${graph}" uses two different definitions named "${target.name}" (${known.target.kind} and ${target.kind}). Rename one of them.`,
    { details: { graph, name: target.name } },
  );
}

interface Place {
  readonly name: string;
  readonly given: readonly unknown[];
}

function readWiring(composition: Composition, target: Invocable, { name, given }: Place): ReadonlyMap<string, readonly WireRef[]> {
  const where = `"${name}" in graph "${composition.graph}"`;
  const record: unknown = given[0] === undefined ? {} : given[0];
  if (given.length > 1 || !isRecord(record) || isHandle(record)) {
    const got = given.length > 1 ? `${given.length} arguments` : describe(record);
    throw new DefinitionError(
      'INVALID_WIRING',
      `${where} takes one record of input to handle, and got ${got}. Write ({ input: handle }).`,
      {
        details: { invocation: name, graph: composition.graph },
      },
    );
  }
  for (const key of Object.keys(record)) {
    if (!Object.hasOwn(target.inputs, key)) {
      throw new DefinitionError(
        'UNKNOWN_INPUT',
        `${where}: ${target.kind} "${target.name}" has no input ${quote(key)}. ${suggest(key, Object.keys(target.inputs))}`,
        {
          details: { invocation: name, graph: composition.graph, input: key },
        },
      );
    }
  }
  const entries = Object.entries(target.inputs).map(([inputName, port]) => {
    const fed: Fed = {
      port,
      where: `input "${inputName}" of ${where}`,
      source: Object.hasOwn(record, inputName) ? record[inputName] : undefined,
    };
    return [inputName, readSource(composition, fed)] as const;
  });
  // Not a frozen map, which would cost as much as all the rest: there is one for each place of an op, and flattening reads it once.
  return new Map(entries);
}

interface Fed {
  readonly port: InputPort;
  readonly where: string;
  readonly source: unknown;
}

function readSource(composition: Composition, fed: Fed): readonly WireRef[] {
  const { port, where, source } = fed;
  if (source === undefined) {
    if (port.optional) return [];
    throw new DefinitionError(
      'INPUT_NOT_FED',
      `${where} is required and got nothing. Wire a handle to it; if one was meant, check its output's name.`,
      {
        details: { where },
      },
    );
  }
  if (!Array.isArray(source)) return Object.freeze([readHandle(composition, source, fed)]);
  if (port.kind === 'value') {
    throw new DefinitionError(
      'INPUT_FED_TWICE',
      `${where} takes one value and got a list of ${source.length}. Wire one handle, or declare the input with list().`,
      {
        details: { where, count: source.length },
      },
    );
  }
  // From the iterator, so that a hole in the list is an entry that is no handle.
  const refs = Array.from(source, (entry: unknown) => readHandle(composition, entry, fed));
  const seen = new Set<string>();
  for (const ref of refs) {
    const print = printRef(ref);
    if (seen.has(print)) {
      throw new DefinitionError('DUPLICATE_FAN_IN_ENTRY', `${where} lists "${print}" twice. List each entry once.`, {
        details: { where, entry: print },
      });
    }
    seen.add(print);
  }
  return Object.freeze(refs);
}

function readHandle(composition: Composition, value: unknown, { port, where }: Fed): WireRef {
  if (!isHandle(value)) {
    throw new DefinitionError(
      'INVALID_WIRING',
      `${where} got ${describe(value)} instead of a handle. Wire what an invocation returned, or an input of the graph.`,
      { details: { where } },
    );
  }
  const { owner, ref } = originOf(value);
  if (owner !== composition.owner) {
    throw new DefinitionError(
      'FOREIGN_HANDLE',
      `${where} got "${value.handle}", which belongs to another graph's body. Pass it in as an input of "${composition.graph}".`,
      {
        details: { where, handle: value.handle },
      },
    );
  }
  if (ref.from === 'input') checkGraphInput(composition.inputs[ref.input], { port, where, source: ref.input });
  return ref;
}

/** What stands where a handle, or a record of them, was expected: the usual slips by their own names. */
function describe(value: unknown): string {
  if (isHandle(value)) return `the handle "${value.handle}"`;
  if (typeof value === 'function' && isInvocable(value)) return `the ${value.kind} "${value.name}" itself, not a call of it,`;
  if (!isRecord(value)) return kindOf(value);
  const handles = Object.keys(value).filter((name) => isHandle(value[name]));
  return handles.length === 0 ? kindOf(value) : `a record of the handles ${quoteList(handles)}`;
}

function isInvocable(value: object): value is Invocable {
  return ['op', 'graph'].includes(String(Reflect.get(value, 'kind')));
}

/** A graph's input may only feed what can live with all that it may carry: lists with lists, optional with optional. */
function checkGraphInput(from: InputPort | undefined, { port, where, source }: Fed): void {
  if (from?.kind === 'list' && port.kind === 'value') {
    throw new DefinitionError(
      'INVALID_WIRING',
      `${where} takes one value, and the graph's input "${String(source)}" is a list. Declare it with list().`,
      { details: { where } },
    );
  }
  if (from?.kind === 'nothing' && port.kind !== 'nothing') {
    throw new DefinitionError(
      'INVALID_WIRING',
      `${where} reads a value, and the graph's input "${String(source)}" carries nothing. Declare it with input().`,
      {
        details: { where },
      },
    );
  }
  if (from?.optional === true && !port.optional && port.kind === 'value') {
    throw new DefinitionError(
      'INPUT_NOT_FED',
      `${where} is required, and the graph's input "${String(source)}" is optional. Make both optional, or both required.`,
      {
        details: { where },
      },
    );
  }
}
