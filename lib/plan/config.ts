import { SelectionError } from '../kernel/errors.ts';
import { suggest } from '../kernel/nearest.ts';
import { kindOf, printValue, quote, quoteList } from '../kernel/print.ts';
import { isRecord } from '../kernel/record.ts';
import { checkValue, printIssues, type Checked, type Schema } from '../kernel/schema.ts';
import { copiesOf } from '../kernel/value/copies.ts';
import { fixValue } from '../kernel/value/fix.ts';
import { dataVersion } from '../kernel/value/version.ts';
import type { Invocable } from '../model/composition.ts';
import type { Definitions } from '../model/definitions.ts';
import type { GraphPlace } from '../model/flatten.ts';
import { isGraph, type AnyGraph } from '../model/graph.ts';
import { isOp } from '../model/op.ts';
import type { Step } from '../model/step-graph.ts';

/**
 * What a run gives as config. A step's own beats what its graph maps to it, which beats what its op's name is given. The one that counts
 * counts as a whole: nothing is merged. Where none is given, the schema is asked about `undefined`, then about `{}`.
 */
export interface GivenConfig {
  /** By op name: for every step of an op of that name that takes config. */
  readonly ops?: Readonly<Record<string, unknown>>;
  /** By graph name: for every place of a graph that takes config. */
  readonly graphs?: Readonly<Record<string, unknown>>;
  /** By id of a step, or of the place of a nested graph. */
  readonly steps?: Readonly<Record<string, unknown>>;
}

/** The config of one step: what its body gets, and the hash that its events carry. */
export interface StepConfig {
  /** The same each time; a copy of its own, where it cannot be frozen. */
  readonly value: unknown;
  readonly hash: string;
}

const KINDS = ['ops', 'graphs', 'steps'] as const;

/** Finds the config of steps. Remembers that of graphs, which are asked once however many steps are in them. */
export class ConfigReader {
  readonly #given: GivenConfig;
  readonly #graphs = new Map<string, ReadonlyMap<string, unknown>>();

  /** @throws SelectionError INVALID_CONFIG where it names what is not there, or what takes no config */
  constructor(defs: Definitions, given: GivenConfig) {
    this.#given = given;
    checkNames(defs, given);
  }

  /**
   * The config of a step; `undefined` for an op that takes none.
   *
   * @throws SelectionError INVALID_CONFIG
   */
  of(step: Step): StepConfig | undefined {
    // Its graphs are not asked either: what they lack is no business of a step that reads nothing of it.
    if (step.op.config === undefined) return undefined;
    const found = this.#find(step);
    const where = `The config of step ${quote(step.id)}${found?.from ?? ''}`;
    const value = readGiven(step.op.config, found, { where, details: { step: step.id, op: step.op.name } });
    const fixed = fixValue(value);
    return new KeptConfig(value, fixed.storable ? dataVersion(value) : hashOfGiven(found, where, step));
  }

  #find(step: Step): Found | undefined {
    const own = valueIn(this.#given.steps, step.id);
    if (own !== undefined) return { ...own, from: '' };
    const place = step.within.at(-1);
    const mapped = place === undefined ? undefined : valueOf(this.#mapped(step, step.within.length - 1), nameIn(place, step.path));
    if (mapped !== undefined && place !== undefined) return { ...mapped, from: `, as graph "${place.graph.name}" maps it,` };
    const named = valueIn(this.#given.ops, step.op.name);
    return named === undefined ? undefined : { ...named, from: `, given for op "${step.op.name}",` };
  }

  /** What the graph at that depth around a step gives to what is in it, by invocation name. */
  #mapped(step: Step, depth: number): ReadonlyMap<string, unknown> {
    const place = step.within[depth];
    if (place === undefined) return NOTHING;
    const id = `${step.definition}:${place.path}`;
    const known = this.#graphs.get(id);
    if (known !== undefined) return known;
    const mapped = this.#askGraph(step, place, depth);
    this.#graphs.set(id, mapped);
    return mapped;
  }

  #askGraph(step: Step, place: GraphPlace, depth: number): ReadonlyMap<string, unknown> {
    const { graph, path } = place;
    if (graph.mapConfig === undefined) return NOTHING;
    const found = this.#findForGraph(step, place, depth);
    const label = path === '' ? `graph "${graph.name}"` : `graph "${graph.name}" at ${quote(placeId(step, path))}`;
    const reading = { where: `The config of ${label}`, details: { graph: graph.name } };
    const config = graph.config === undefined ? undefined : readGiven(graph.config, found, reading);
    return readMapped(graph, config, label);
  }

  #findForGraph(step: Step, place: GraphPlace, depth: number): Found | undefined {
    const outer = step.within[depth - 1];
    if (outer !== undefined) {
      const own = valueIn(this.#given.steps, placeId(step, place.path));
      if (own !== undefined) return { ...own, from: '' };
      const mapped = valueOf(this.#mapped(step, depth - 1), nameIn(outer, place.path));
      if (mapped !== undefined) return { ...mapped, from: '' };
    }
    const named = valueIn(this.#given.graphs, place.graph.name);
    return named === undefined ? undefined : { ...named, from: '' };
  }
}

/** Gives every reader the config that was hashed, whatever another one has done to what cannot be frozen of it. */
class KeptConfig implements StepConfig {
  readonly hash: string;
  readonly #copies: () => { readonly value?: unknown };

  constructor(value: unknown, hash: string) {
    this.hash = hash;
    this.#copies = copiesOf({ value });
    Object.freeze(this);
  }

  get value(): unknown {
    return this.#copies().value;
  }
}

const NOTHING: ReadonlyMap<string, unknown> = new Map();

/** A value that was given, and how messages say by what. */
interface Found {
  readonly value: unknown;
  readonly from: string;
}

function valueIn(record: Readonly<Record<string, unknown>> | undefined, name: string): { readonly value: unknown } | undefined {
  // What is given as `undefined` is not given, as with every option.
  return record !== undefined && Object.hasOwn(record, name) && record[name] !== undefined ? { value: record[name] } : undefined;
}

function valueOf(map: ReadonlyMap<string, unknown>, name: string): { readonly value: unknown } | undefined {
  const value = map.get(name);
  return value === undefined ? undefined : { value };
}

/** The name of an invocation in the graph that it is in. */
function nameIn(outer: GraphPlace, path: string): string {
  return outer.path === '' ? path : path.slice(outer.path.length + 1);
}

/** The id of a nested graph's place, printed as the ids of steps are. */
function placeId({ id, path }: Step, place: string): string {
  return id.slice(0, id.length - path.length) + place;
}

interface Reading {
  readonly where: string;
  readonly details: Readonly<Record<string, unknown>>;
}

function readGiven(schema: Schema, found: Found | undefined, reading: Reading): unknown {
  if (found !== undefined) return accept(ask(schema, found.value, reading), reading);
  const none = ask(schema, undefined, reading);
  if (none.valid) return none.value;
  const empty = ask(schema, {}, reading);
  if (empty.valid) return empty.value;
  // What `{}` lacks says most; but where it gets no further than nothing at all does, the words would be of an object that nobody gave.
  const noFurther = empty.issues.every(({ path }, index) => path === none.issues[index]?.path);
  const { issues, cause } = noFurther ? none : empty;
  const message = `${reading.where} is not given, and has no default: ${printIssues(issues)}. Pass it in "config".`;
  throw invalid(message, { ...reading.details, issues }, cause);
}

function ask(schema: Schema, value: unknown, { where, details }: Reading): Checked {
  const checked = checkValue(schema, value);
  if (!(checked instanceof Promise)) return checked;
  throw invalid(`${where} has a schema that takes its time (async), and planning waits for nothing. Check it without waiting.`, details);
}

function accept(checked: Checked, { where, details }: Reading): unknown {
  if (checked.valid) return checked.value;
  const { issues, cause } = checked;
  throw invalid(`${where} is invalid: ${printIssues(issues)}.`, { ...details, issues }, cause);
}

/** A schema may make something of the config that has no bytes, such as a URL; then what was given says which config it is. */
function hashOfGiven(found: Found | undefined, where: string, { id }: Step): string {
  const given = found?.value;
  const fixed = fixValue(given);
  if (fixed.storable) return dataVersion(given);
  throw invalid(`${where} holds ${fixed.problem} at ${fixed.path}. Give plain data: its hash is part of what a run records.`, { step: id });
}

function readMapped(graph: AnyGraph, config: unknown, label: string): ReadonlyMap<string, unknown> {
  const mapped = callMapConfig(graph, config, label);
  const targets = new Map(graph.invocations.map(({ name, target }) => [name, target]));
  for (const name of mapped.keys()) {
    const what = `"mapConfig" of ${label} returned config for ${quote(name)}`;
    const target = targets.get(name);
    const details = { graph: graph.name, invocation: name };
    if (target === undefined) throw invalid(`${what}, which is not in the graph. ${suggest(name, targets.keys())}`, details);
    if (!takesConfig(target)) throw invalid(`${what}, which takes none. Declare "config" on ${labelOf(target)}, or leave it out.`, details);
  }
  return mapped;
}

function callMapConfig(graph: AnyGraph, config: unknown, label: string): ReadonlyMap<string, unknown> {
  const details = { graph: graph.name };
  let mapped: unknown;
  try {
    mapped = graph.mapConfig?.(config);
    if (isRecord(mapped)) return new Map(Object.entries(mapped));
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : printValue(cause);
    throw invalid(`"mapConfig" of ${label} threw: ${said}.`, details, cause);
  }
  // Nobody will wait for an async function: what it throws later must not end the process as well.
  if (mapped instanceof Promise) mapped.catch(() => undefined);
  throw invalid(`"mapConfig" of ${label} returned ${kindOf(mapped)}. Return a record of invocation name to config.`, details);
}

function takesConfig(target: unknown): boolean {
  return (isOp(target) || isGraph(target)) && target.config !== undefined;
}

function labelOf(target: Invocable): string {
  return isGraph(target) ? `graph "${target.name}"` : `op "${target.name}"`;
}

/** A name that nothing has, or that stands for what takes no config, would be given a config that nothing reads. */
function checkNames({ graph }: Definitions, given: GivenConfig): void {
  for (const kind of KINDS) {
    const names = Object.keys(given[kind] ?? {});
    if (names.length === 0) continue;
    const known = targetsOf(graph.steps, kind);
    const what = { ops: 'op', graphs: 'graph', steps: 'step' }[kind];
    for (const name of names) {
      const targets = known.get(name) ?? [];
      if (targets.some(takesConfig)) continue;
      const problem =
        targets[0] === undefined
          ? `which is not here. ${suggest(name, known.keys())}`
          : `which takes none. Declare "config" on ${labelOf(targets[0])}, or drop this one.`;
      throw invalid(`"config" gives something to the ${what} ${quote(name)}, ${problem}`, { [what]: name });
    }
  }
}

/** The ops and graphs that a name may stand for: two of one name may be in different graphs. */
function targetsOf(steps: readonly Step[], kind: (typeof KINDS)[number]): ReadonlyMap<string, readonly Invocable[]> {
  const targets = new Map<string, Invocable[]>();
  const add = (name: string, target: Invocable): void => {
    const known = targets.get(name);
    if (known === undefined) targets.set(name, [target]);
    else if (!known.includes(target)) known.push(target);
  };
  for (const step of steps) {
    const [outermost, ...nested] = step.within;
    // What is in no graph was put there by the runtime, to hand on what a bare graph gives.
    if (outermost === undefined) continue;
    if (kind === 'graphs') for (const { graph } of step.within) add(graph.name, graph);
    else add(kind === 'ops' ? step.op.name : step.id, step.op);
    if (kind === 'steps') for (const { path, graph } of nested) add(placeId(step, path), graph);
  }
  return targets;
}

function invalid(message: string, details: Readonly<Record<string, unknown>>, cause?: unknown): SelectionError {
  return new SelectionError('INVALID_CONFIG', message, { details, ...(cause !== undefined && { cause }) });
}

/**
 * A copy of a given config that nobody can change any more, after checking its shape. What is given to each name stays as it is.
 *
 * @throws SelectionError INVALID_CONFIG
 */
export function checkConfigShape(given: unknown): GivenConfig {
  if (!isRecord(given)) throw invalid(`"config" is ${kindOf(given)}. Give { ops, graphs, steps }, each a record of name to config.`, {});
  const copies = Object.entries(given).map(([kind, record]) => {
    if (!KINDS.some((each) => each === kind)) {
      throw invalid(
        `"config" has ${quote(kind)}. ${suggest(kind, KINDS)} It takes ${quoteList(KINDS)}, each a record of name to config.`,
        {},
      );
    }
    if (record === undefined) return [kind, undefined] as const;
    if (!isRecord(record)) throw invalid(`"config.${kind}" is ${kindOf(record)}. Give a record of name to config.`, {});
    return [kind, Object.freeze({ ...record })] as const;
  });
  return Object.freeze(Object.fromEntries(copies));
}
