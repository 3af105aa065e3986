import { SelectionError } from '../kernel/errors.ts';
import { frozenMap } from '../kernel/frozen-collections.ts';
import { nearest, suggest } from '../kernel/nearest.ts';
import { quote, quoteList } from '../kernel/print.ts';
import type { Definitions } from '../model/definitions.ts';
import { poolsProblem } from '../model/pools.ts';
import { readProvisions, type Provision } from '../model/resource.ts';
import type { Step } from '../model/step-graph.ts';

/**
 * Where the resources of some steps come from: what the run provides, else what the definitions do.
 *
 * @throws SelectionError INVALID_OPTION, UNKNOWN_RESOURCE, MISSING_RESOURCE
 */
export function provideResources(defs: Definitions, steps: readonly Step[], given: unknown): ReadonlyMap<string, Provision> {
  if (given === undefined) {
    checkNoneMissing(steps, defs.resources);
    return defs.resources;
  }
  const read = readProvisions(given);
  if ('problem' in read) throw new SelectionError('INVALID_OPTION', `"resources" ${read.problem}`, { details: { option: 'resources' } });
  for (const { resource } of read.provisions.values()) checkKnown(defs, resource);
  const provided = new Map([...defs.resources, ...read.provisions]);
  checkNoneMissing(steps, provided);
  return frozenMap(provided);
}

/** An override of what nothing needs overrides nothing: in a test, the real thing would be talked to. */
function checkKnown({ graph }: Definitions, resource: Provision['resource']): void {
  const needed = graph.steps.flatMap(({ op }) => Object.values(op.resources));
  if (needed.includes(resource)) return;
  const isOther = needed.some(({ name }) => name === resource.name);
  const why = isOther
    ? `which is another resource than the one that ops here need under that name. Provide that very one.`
    : `which no op here needs. ${suggest(resource.name, new Set(needed.map(({ name }) => name)))}`;
  throw new SelectionError('UNKNOWN_RESOURCE', `"resources" provides ${quote(resource.name)}, ${why}`, {
    details: { resource: resource.name },
  });
}

function checkNoneMissing(steps: readonly Step[], provided: ReadonlyMap<string, Provision>): void {
  const missing = new Map<string, string[]>();
  for (const { id, op } of steps) {
    // A body may call one resource by two names.
    for (const needed of new Set(Object.values(op.resources))) {
      if (provided.get(needed.name)?.resource === needed) continue;
      const known = missing.get(needed.name);
      if (known === undefined) missing.set(needed.name, [id]);
      else known.push(id);
    }
  }
  if (missing.size === 0) return;
  const lines = [...missing].slice(0, 8).map(([name, ids]) => `${quote(name)} (needed by ${quoteList(ids)})`);
  const close = [...missing.keys()].flatMap((name) => nearest(name, provided.keys()));
  const hint = close.length === 0 ? '' : ` Provided is ${quoteList([...new Set(close)])}, which is another resource.`;
  throw new SelectionError(
    'MISSING_RESOURCE',
    `Nothing provides ${lines.length > 1 ? 'the resources' : 'the resource'} ${lines.join(', ')}${missing.size > 8 ? ` and ${missing.size - 8} more` : ''}.${hint} Provide it in define({ resources: […] }) or at the run: ${[...missing.keys()][0] ?? ''}.value(…) or .factory({ open }).`,
    { details: { missing: [...missing].map(([resource, ids]) => ({ resource, steps: ids })) } },
  );
}

/**
 * The sizes of the pools of some steps: what the run says, else what the definitions say.
 *
 * @throws SelectionError INVALID_OPTION, UNKNOWN_POOL
 */
export function sizePools(defs: Definitions, steps: readonly Step[], given: unknown): ReadonlyMap<string, number> {
  const sizes = given === undefined ? defs.pools : readSizes(defs, given);
  const unsized = steps.find(({ op }) => op.pool !== undefined && !sizes.has(op.pool));
  if (unsized === undefined) return sizes;
  const pool = String(unsized.op.pool);
  throw new SelectionError(
    'UNKNOWN_POOL',
    `Op "${unsized.op.name}" is in the pool ${quote(pool)}, whose size nobody gives.${sizes.size === 0 ? '' : ` ${suggest(pool, sizes.keys())}`} Size it: define({ pools: { ${pool}: 4 } }).`,
    { details: { pool, op: unsized.op.name, step: unsized.id } },
  );
}

function readSizes(defs: Definitions, given: unknown): ReadonlyMap<string, number> {
  const problem = poolsProblem(given);
  if (problem !== undefined) throw new SelectionError('INVALID_OPTION', `"pools" ${problem}`, { details: { option: 'pools' } });
  // A record of numbers, as was just checked.
  const sizes = Object.entries(given as Readonly<Record<string, number>>);
  const named = new Set(defs.graph.steps.flatMap(({ op }) => op.pool ?? []));
  const idle = sizes.find(([pool]) => !named.has(pool));
  if (idle === undefined) return frozenMap([...defs.pools, ...sizes]);
  throw new SelectionError('UNKNOWN_POOL', `"pools" sizes ${quote(idle[0])}, which no op here is in. ${suggest(idle[0], named)}`, {
    details: { pool: idle[0] },
  });
}
