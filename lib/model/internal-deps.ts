import { frozenMap } from '../kernel/frozen-collections.ts';
import { DefinitionError } from '../kernel/errors.ts';
import { suggest } from '../kernel/nearest.ts';
import { kindOf, printCycle, quote, quoteList } from '../kernel/print.ts';
import { topologicalOrder } from '../kernel/topological.ts';
import type { AssetKey } from './asset-key.ts';
import type { FlatGraph } from './flatten.ts';
import { isRecord } from '../kernel/record.ts';

/** The definition that declared dependencies belong to. */
export interface DepsScope {
  readonly flat: FlatGraph;
  readonly upstream: ReadonlyMap<string, AssetKey>;
  /** Output name → asset key. */
  readonly keys: ReadonlyMap<string, AssetKey>;
  readonly where: string;
}

/**
 * Reads `internalDeps` into keys. They must name inputs or outputs of the graph, and together with the wiring they must be acyclic, since
 * a declared sibling also runs first (D3).
 *
 * @throws DefinitionError INVALID_INTERNAL_DEPS
 */
export function readInternalDeps(scope: DepsScope, given: unknown): ReadonlyMap<AssetKey, readonly AssetKey[]> {
  if (given !== undefined && !isRecord(given)) throw invalid(scope, `it is ${kindOf(given)}. Give a record of output to a list of names.`);
  const declared = new Map<AssetKey, readonly AssetKey[]>();
  for (const [output, names] of Object.entries(given ?? {})) {
    const key = scope.keys.get(output);
    if (key === undefined) throw invalid(scope, `${quote(output)} is no output of the graph. ${suggest(output, scope.keys.keys())}`);
    if (!Array.isArray(names)) throw invalid(scope, `"${output}" has ${kindOf(names)} instead of a list of names.`);
    declared.set(key, Object.freeze([...new Set(Array.from(names, (name: unknown) => readName(scope, output, name)))]));
  }
  // The wiring alone is acyclic already: a handle exists only once its invocation does.
  if (declared.size > 0) checkAcyclic(scope, declared);
  return frozenMap(declared);
}

function readName(scope: DepsScope, output: string, name: unknown): AssetKey {
  if (typeof name !== 'string') throw invalid(scope, `"${output}" lists ${kindOf(name)} instead of a name.`);
  const sibling = scope.keys.get(name);
  const upstream = scope.upstream.get(name);
  if (sibling !== undefined && upstream !== undefined)
    throw invalid(scope, `${quote(name)} is both an input and an output of the graph. Rename one of them.`);
  const key = sibling ?? upstream;
  if (key === undefined) {
    throw invalid(
      scope,
      `"${output}" lists ${quote(name)}, which is neither an input nor an output of the graph. ${suggest(name, [...scope.upstream.keys(), ...scope.keys.keys()])}`,
    );
  }
  return key;
}

/** Declared edges between outputs, plus wiring between steps; a step and each of its outputs are one node apart. */
function checkAcyclic(scope: DepsScope, declared: ReadonlyMap<AssetKey, readonly AssetKey[]>): void {
  const keys = [...scope.keys.values()];
  const indexOf = new Map(keys.map((key, index) => [key, index]));
  const siblings = keys.map((key) => (declared.get(key) ?? []).flatMap((dep) => indexOf.get(dep) ?? []));
  refuseCycle(scope, siblings, (node) => String(keys[node]));
  const steps = scope.flat.steps.map(({ inputs }) =>
    inputs.flatMap(({ entries }) => entries.flatMap((entry) => (entry.from === 'step' ? [entry.step] : []))),
  );
  for (const { before, after } of orderEdges(scope.flat, scope.keys, declared)) steps[after]?.push(before);
  refuseCycle(scope, steps, (node) => scope.flat.steps[node]?.path ?? '');
}

function refuseCycle(scope: DepsScope, predecessors: readonly (readonly number[])[], print: (node: number) => string): void {
  const sorted = topologicalOrder(predecessors);
  if ('order' in sorted) return;
  throw invalid(scope, `they form a cycle: ${printCycle(sorted.cycle.map(print))}. Remove one of these dependencies.`);
}

/** The order that declared siblings add between steps: `before` settles before `after` starts. Outputs of one step add none. */
export function orderEdges(
  flat: FlatGraph,
  keys: ReadonlyMap<string, AssetKey>,
  declared: ReadonlyMap<AssetKey, readonly AssetKey[]>,
): readonly { readonly before: number; readonly after: number }[] {
  const stepOf = new Map([...keys].map(([name, key]) => [key, flat.outputs.get(name)?.step]));
  return [...declared].flatMap(([key, deps]) =>
    deps.flatMap((dep) => {
      const before = stepOf.get(dep);
      const after = stepOf.get(key);
      return before === undefined || after === undefined || before === after ? [] : [{ before, after }];
    }),
  );
}

function invalid({ where, keys }: DepsScope, problem: string): DefinitionError {
  return new DefinitionError(
    'INVALID_INTERNAL_DEPS',
    `"internalDeps" of ${where}: ${problem} Its assets are ${quoteList([...keys.values()])}.`,
    { details: { where } },
  );
}
