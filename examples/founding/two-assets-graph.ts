import assert from 'node:assert/strict';
import { asset, assetsFromGraph, define, graph, input, materialize, op, output } from 'sluice';
import type { Example } from './say.ts';

const twoOutputs = op({
  name: 'two_outputs',
  inputs: { upstream: input<number>() },
  outputs: { one: output<number>(), two: output<number>() },
  run: ({ upstream }) => ({ one: upstream, two: upstream + 1 }),
});

const upstreamAsset = asset({ key: 'upstream_asset', run: () => 1 });

// Two named outputs: two assets, each with its output's name.
const twoAssetsGraph = graph('two_assets_graph', { inputs: { upstream_asset: input<number>() } }, ({ upstream_asset }) => {
  const { one, two } = twoOutputs({ upstream: upstream_asset });
  return { asset_one: one, asset_two: two };
});

const downstreamAsset = asset({
  key: 'downstream_asset',
  inputs: { asset_one: input<number>(), asset_two: input<number>() },
  run: ({ asset_one, asset_two }) => asset_one + asset_two,
});

const definitions = define({ assets: [upstreamAsset, assetsFromGraph(twoAssetsGraph), downstreamAsset] });

/** A graph may back as many assets as it has outputs; without `canSubset` they are only made together. */
export const twoAssetsGraphExample: Example = {
  title: 'A graph with two outputs backs two assets',
  tell: async (say) => {
    const result = await materialize(definitions);
    assert.equal(result.value('asset_one'), 1);
    assert.equal(result.value('asset_two'), 2);
    assert.equal(result.value('downstream_asset'), 3);
    say(`asset_one = ${result.value('asset_one')}, asset_two = ${result.value('asset_two')}`);
    say(`downstream_asset = ${result.value('downstream_asset')}, from both`);
    await assert.rejects(materialize(definitions, { select: ['asset_one'] }), {
      code: 'NOT_SUBSETTABLE',
      details: { definition: 'two_assets_graph', missing: ['asset_two'] },
    });
    say('asset_one without asset_two is refused: NOT_SUBSETTABLE');
  },
};
