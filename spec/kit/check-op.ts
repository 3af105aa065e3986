import {
  assetsFromGraph,
  define,
  graph,
  input,
  source,
  type AnyGraph,
  type AnyOp,
  type Definitions,
  type Handle,
  type InputPort,
} from '../../index.ts';
import { SelectionError } from '../../lib/kernel/errors.ts';
import { kindOf } from '../../lib/kernel/print.ts';
import { isGraph, type Graph, type Returned } from '../../lib/model/graph.ts';
import { isOp, type Op } from '../../lib/model/op.ts';
import type { FedRecord, Inputs, Outputs } from '../../lib/model/port.ts';
import type { Needs } from '../../lib/model/resource.ts';
import type { SourceValues } from './check-case.ts';
import { checkOptions } from './check-options.ts';
import { arbitraryOf, checkCases, type CheckOptions, type CheckReport, type DefinedSubject, type Samples } from './check-subsets.ts';

/** What {@link checkOp} and {@link checkGraph} take: values of the inputs by name, lists as arrays of entries. */
export interface CheckInputsOptions<I extends Inputs> extends CheckOptions {
  readonly inputs?: Samples<FedRecord<I>>;
}

/**
 * Checks one op as {@link checkSubsets} checks definitions, with every output as an asset.
 *
 * Rejects with CheckError CHECK_FAILED, or SelectionError INVALID_OPTION.
 */
export async function checkOp<I extends Inputs, O extends Outputs, Single extends boolean, C, N extends Needs, M>(
  target: Op<I, O, Single, C, N, M>,
  options: CheckInputsOptions<I> = {},
): Promise<CheckReport> {
  if (!isOp(target)) throw nothingToCheck('checkOp', 'an op', target);
  return checkPlaced('checkOp', target, options);
}

/**
 * Checks a graph that backs no asset yet as {@link checkSubsets} checks definitions, with every output as an asset.
 *
 * Rejects with CheckError CHECK_FAILED, or SelectionError INVALID_OPTION.
 */
export async function checkGraph<Name extends string, I extends Inputs, R extends Returned>(
  target: Graph<Name, I, R>,
  options: CheckInputsOptions<I> = {},
): Promise<CheckReport> {
  if (!isGraph(target)) throw nothingToCheck('checkGraph', 'a graph', target);
  return checkPlaced('checkGraph', target, options);
}

function nothingToCheck(check: string, what: string, given: unknown): SelectionError {
  return new SelectionError('INVALID_OPTION', `${check}() takes ${what} first, and got ${kindOf(given)}.`, { details: { verb: check } });
}

type Given = Readonly<Record<string, unknown>>;

async function checkPlaced(subject: string, target: AnyOp | AnyGraph, given: CheckInputsOptions<Inputs>): Promise<CheckReport> {
  checkOptions(subject, given);
  const { inputs = {}, ...options } = given;
  const shapes = new Map<string, DefinedSubject<Given>>();
  const defined = (given: Given): DefinedSubject<Given> => {
    const entries = entriesOf(target, given);
    const shape = JSON.stringify(entries.map(({ key }) => key));
    const known = shapes.get(shape) ?? { defs: defineAround(target, given), sources: (each) => valuesOf(target, each) };
    shapes.set(shape, known);
    return known;
  };
  // Whatever is given is checked by the schemas of the inputs, and by who wires them.
  const samples = arbitraryOf(inputs as Samples<Given>);
  return checkCases({ inputs: samples, define: defined }, { subject, ...options });
}

interface Entry {
  readonly input: string;
  readonly key: string;
  readonly value: unknown;
}

/** Every entry that is wired, with the key of the source that it reads: an optional input that is not given is not wired. */
function entriesOf({ inputs }: AnyOp | AnyGraph, given: Given): readonly Entry[] {
  return Object.entries(inputs).flatMap(([name, { kind }]): readonly Entry[] => {
    const value = Object.hasOwn(given, name) ? given[name] : undefined;
    if (kind === 'nothing') return [{ input: name, key: `in/${name}`, value: null }];
    if (kind === 'list') {
      const entries: readonly unknown[] = Array.isArray(value) ? value : [];
      return entries.map((entry, index) => ({ input: name, key: `in/${name}/${index}`, value: entry }));
    }
    return value === undefined ? [] : [{ input: name, key: `in/${name}`, value }];
  });
}

function valuesOf(target: AnyOp | AnyGraph, given: Given): SourceValues {
  return Object.fromEntries(entriesOf(target, given).map(({ key, value }) => [key, value]));
}

/** A graph around the target, whose inputs are sources. */
function defineAround(target: AnyOp | AnyGraph, given: Given): Definitions {
  const entries = entriesOf(target, given);
  const names = entries.map((_, index) => `in_${index}`);
  const ports = Object.fromEntries(names.map((name): [string, InputPort] => [name, input()]));
  const around = graph(target.name, { inputs: ports }, (handles): Returned => {
    const wiring = Object.entries(target.inputs).flatMap(([name, { kind }]): readonly (readonly [string, unknown])[] => {
      const own = entries.flatMap((entry, index) => (entry.input === name ? [handles[names[index] ?? '']] : []));
      if (kind === 'list') return [[name, own]];
      return own.length === 0 ? [] : [[name, own[0]]];
    });
    // Ops and graphs are placed alike, and give one handle or a record of them.
    const place = target as unknown as (wiring: Readonly<Record<string, unknown>>) => Handle | Readonly<Record<string, Handle>>;
    return place(Object.fromEntries(wiring));
  });
  const keysByInputName = Object.fromEntries(names.map((name, index) => [name, entries[index]?.key.split('/') ?? name]));
  return define({
    assets: [...entries.map(({ key }) => source(key.split('/'))), assetsFromGraph(around, { canSubset: true, keysByInputName })],
  });
}
