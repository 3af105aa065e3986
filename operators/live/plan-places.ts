import { addTo } from '../../lib/kernel/add-to.ts';
import type { AssetKey } from '../../lib/model/asset-key.ts';
import type { Plan } from '../../lib/plan/plan.ts';

/** The steps that read each key from the store, by plan index. */
export function readersOf({ steps }: Plan): ReadonlyMap<AssetKey, readonly number[]> {
  const readers = new Map<AssetKey, number[]>();
  for (const { index, inputs } of steps) {
    const keys = new Set(inputs.flatMap(({ entries }) => entries.flatMap((entry) => (entry.from === 'store' ? entry.key : []))));
    for (const key of keys) addTo(readers, key, index);
  }
  return readers;
}

/** Which output of which step of a plan each asset is. */
export function placesOf({ steps }: Plan): ReadonlyMap<AssetKey, { readonly step: number; readonly output: number }> {
  return new Map(
    steps.flatMap(({ index, step: { outputs } }) =>
      outputs.flatMap(({ key }, output) => (key === undefined ? [] : [[key, { step: index, output }] as const])),
    ),
  );
}
