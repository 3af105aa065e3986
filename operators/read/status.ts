import { SelectionError } from '../../lib/kernel/errors.ts';
import { frozenMap } from '../../lib/kernel/frozen-collections.ts';
import { CHECKED_LATER, checkVerbOptions, type OptionRules } from '../../lib/kernel/verb-options.ts';
import { aliasedPort } from '../../lib/events/aliased-port.ts';
import type { Position } from '../../lib/events/position.ts';
import type { Store } from '../../lib/events/store.ts';
import type { StorePort } from '../../lib/events/store-port.ts';
import type { AssetKey } from '../../lib/model/asset-key.ts';
import { checkDefinitions } from '../../lib/model/check-definitions.ts';
import type { Definitions } from '../../lib/model/definitions.ts';
import { readProvisions, type Provision } from '../../lib/model/resource.ts';
import { checkConfigShape, type GivenConfig } from '../../lib/plan/config.ts';
import { plan, type Plan } from '../../lib/plan/plan.ts';
import { resolveSelection, type Select } from '../../lib/plan/selection.ts';
import type { Stands } from '../../lib/plan/freshness.ts';
import { goneSentences } from '../../lib/query/gone.ts';
import { assetStatus, type AssetStatus, type Status } from '../../lib/query/status.ts';
import { standingOf } from '../run/standing.ts';
import { readGone } from '../run/gone.ts';
import { readFreshness } from '../run/stale-inputs.ts';
import { checkStore } from '../run/options.ts';

/** Options of {@link status}. */
export interface StatusOptions<Assets> {
  /** Keys and expressions; every asset where it is left out. */
  readonly select?: Select<Assets>;
  /** What runs are given as config. Left out, what they were given before is not compared. */
  readonly config?: GivenConfig;
  /** What runs are given as resources, where `define` does not provide them: their versions are part of the code version. */
  readonly resources?: readonly Provision[];
}

const STATUS_RULES: OptionRules<StatusOptions<unknown>> = { select: CHECKED_LATER, config: CHECKED_LATER, resources: CHECKED_LATER };

/**
 * Says of each asset whether it is what a refresh would make of it now, and if not, why: by what the store has recorded, and by the sources as
 * they were put. Sources that are only read when a run starts are not read. Runs nothing and writes nothing.
 *
 * Says too what the store has that these definitions have left behind: what was renamed or removed, and states that nothing goes on from.
 *
 * Cost: two look-ups an asset and one an output upstream of it, all at one position; one an asset for what a refresh of the same assets
 * verified, and nothing has happened to since; and, where all are asked about, a look at each name.
 *
 * Rejects with SelectionError INVALID_OPTION, INVALID_SELECTION, UNKNOWN_ASSET, SOURCE_NOT_COMPUTED, or StoreError.
 */
export async function status<Assets>(defs: Definitions<Assets>, store: Store, options: StatusOptions<Assets> = {}): Promise<Status> {
  checkDefinitions('status', defs);
  checkStore('status', store);
  checkVerbOptions('status', options, STATUS_RULES);
  const port = aliasedPort(store.port, defs.aliases);
  const { config } = options;
  const keys = [...resolveSelection(defs, options.select)];
  const position = await port.head();
  const stands = await standingSteps(defs, { port, codecs: store.codecs }, { position, options });
  const freshness = await readFreshness(defs, {
    port,
    readsAt: position,
    keys,
    observed: new Map(),
    resources: provided(defs, options.resources),
    stands,
    ...(config !== undefined && { config: checkConfigShape(config) }),
  });
  const gone = options.select === undefined ? await readGone(defs, port, { at: position }) : undefined;
  const standing = keys.filter((key) => stands(defs.graph.placeOf(key).step));
  const positions = await positionsOf(port, standing, position);
  const assets = keys.map((key) => {
    const at = positions.get(key);
    // What stands has a value, and readers get it.
    const event = at === undefined ? freshness.readable(key) : ({ type: 'asset-materialized', position: at } as const);
    return [key, assetStatus(key, freshness.ofAsset(key), event)] as const;
  });
  return Object.freeze({
    position,
    assets: frozenMap<string, AssetStatus>(assets),
    gone,
    toString: () => [...assets.map(([, { sentence }]) => sentence), ...goneSentences(gone)].join('\n'),
  });
}

/** Where the events stand that say what readers get of some assets. */
async function positionsOf(port: StorePort, keys: readonly AssetKey[], at: Position): Promise<ReadonlyMap<AssetKey, Position>> {
  const found = (await port.readableAt?.(keys, at)) ?? (await port.readable(keys, at)).map((event) => event?.position);
  const positions = new Map<AssetKey, Position>();
  for (const [which, key] of keys.entries()) if (found[which] !== undefined) positions.set(key, found[which]);
  return positions;
}

interface AskedAt<Assets> {
  readonly position: Position;
  readonly options: StatusOptions<Assets>;
}

/** The steps that a refresh of these assets would not look at. */
async function standingSteps<Assets>(
  defs: Definitions<Assets>,
  { port, codecs }: Pick<Store, 'port' | 'codecs'>,
  { position, options }: AskedAt<Assets>,
): Promise<Stands> {
  const planned = planRefresh(defs, options);
  if (planned === undefined) return () => false;
  const standing = await standingOf(planned, { port, codecs, readsAt: position, traces: 1, observed: [] });
  return (step) => standing.standsIn(step);
}

/** A refresh may be refused for what it was not given and its status does not need. */
function planRefresh<Assets>(defs: Definitions<Assets>, options: StatusOptions<Assets>): Plan<Assets> | undefined {
  try {
    return plan(defs, { ...options, mode: 'refresh' });
  } catch (error) {
    if (error instanceof SelectionError) return undefined;
    throw error;
  }
}

function provided<Assets>({ resources }: Definitions<Assets>, given: unknown): ReadonlyMap<string, Provision> {
  if (given === undefined) return resources;
  const read = readProvisions(given);
  if ('problem' in read) throw new SelectionError('INVALID_OPTION', `"resources" ${read.problem}`, { details: { option: 'resources' } });
  return new Map([...resources, ...read.provisions]);
}
