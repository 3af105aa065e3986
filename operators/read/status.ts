import { SelectionError } from '../../lib/kernel/errors.ts';
import { frozenMap } from '../../lib/kernel/frozen-collections.ts';
import { CHECKED_LATER, checkVerbOptions, type OptionRules } from '../../lib/kernel/verb-options.ts';
import { aliasedPort } from '../../lib/events/aliased-port.ts';
import type { Store } from '../../lib/events/store.ts';
import type { Definitions } from '../../lib/model/definitions.ts';
import { readProvisions, type Provision } from '../../lib/model/resource.ts';
import { checkConfigShape, type GivenConfig } from '../../lib/plan/config.ts';
import { resolveSelection, type Select } from '../../lib/plan/selection.ts';
import { assetStatus, type AssetStatus, type Gone, type Status } from '../../lib/query/status.ts';
import { readGone } from './gone.ts';
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
 * Cost: two look-ups an asset and one an output upstream of it, all at one position; and, where all are asked about, a look at each name.
 *
 * Rejects with SelectionError INVALID_OPTION, INVALID_SELECTION, UNKNOWN_ASSET, SOURCE_NOT_COMPUTED, or StoreError.
 */
export async function status<Assets>(defs: Definitions<Assets>, store: Store, options: StatusOptions<Assets> = {}): Promise<Status> {
  checkStore('status', store);
  checkVerbOptions('status', options, STATUS_RULES);
  const port = aliasedPort(store.port, defs.aliases);
  const { config } = options;
  const keys = [...resolveSelection(defs, options.select)];
  const position = await port.head();
  const freshness = await readFreshness(defs, {
    port,
    readsAt: position,
    keys,
    observed: new Map(),
    resources: provided(defs, options.resources),
    ...(config !== undefined && { config: checkConfigShape(config) }),
  });
  const gone = options.select === undefined ? await readGone(defs, port, position) : undefined;
  const assets = keys.map((key) => [key, assetStatus(key, freshness.ofAsset(key), freshness.readable(key))] as const);
  return Object.freeze({
    position,
    assets: frozenMap<string, AssetStatus>(assets),
    gone,
    toString: () => [...assets.map(([, { sentence }]) => sentence), ...sentencesOf(gone)].join('\n'),
  });
}

function sentencesOf(gone: Gone | undefined): readonly string[] {
  return gone === undefined ? [] : [...gone.assets, ...gone.states].map(({ sentence }) => sentence);
}

function provided<Assets>({ resources }: Definitions<Assets>, given: unknown): ReadonlyMap<string, Provision> {
  if (given === undefined) return resources;
  const read = readProvisions(given);
  if ('problem' in read) throw new SelectionError('INVALID_OPTION', `"resources" ${read.problem}`, { details: { option: 'resources' } });
  return new Map([...resources, ...read.provisions]);
}
