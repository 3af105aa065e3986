import assert from 'node:assert/strict';
import { asset, assetsFromGraph, define, graph, input, materialize, op } from 'sluice';
import type { Example } from './say.ts';

const addOne = op({ name: 'add_one', inputs: { input_num: input<number>() }, run: ({ input_num }) => input_num + 1 });

const upstreamAsset = asset({ key: 'upstream_asset', run: () => 1 });

// One default output: the asset has the graph's name. The input's name is the key of the asset upstream.
const middleAsset = graph('middle_asset', { inputs: { upstream_asset: input<number>() } }, ({ upstream_asset }) =>
  addOne({ input_num: upstream_asset }),
);

const downstreamAsset = asset({
  key: 'downstream_asset',
  inputs: { middle_asset: input<number>() },
  run: ({ middle_asset }) => middle_asset + 1,
});

const definitions = define({ assets: [upstreamAsset, assetsFromGraph(middleAsset), downstreamAsset] });

/** Names alone connect assets: nothing else says who depends on whom. */
export const middleAssetExample: Example = {
  title: 'A graph between an asset upstream and one downstream',
  tell: async (say) => {
    const result = await materialize(definitions);
    assert.equal(result.value('upstream_asset'), 1);
    assert.equal(result.value('middle_asset'), 2);
    assert.equal(result.value('downstream_asset'), 3);
    const depsOf = (key: string): readonly string[] => [...definitions.assets.values()].find((each) => each.key === key)?.deps ?? [];
    assert.deepEqual(depsOf('middle_asset'), ['upstream_asset']);
    assert.deepEqual(depsOf('downstream_asset'), ['middle_asset']);
    say(`upstream_asset = ${result.value('upstream_asset')}`);
    say(`middle_asset = ${result.value('middle_asset')}, from upstream_asset`);
    say(`downstream_asset = ${result.value('downstream_asset')}, from middle_asset`);
  },
};
