import assert from 'node:assert/strict';
import { asset, assetsFromGraph, define, graph, input, materialize, op } from 'sluice';
import type { Example } from './say.ts';

const addOne = op({ name: 'add_one', inputs: { number: input<number>() }, run: ({ number }) => number + 1 });

// The graph's own names say nothing of assets; the same op is used twice, the second time as add_one_2.
const returnOneAndTwo = graph('return_one_and_two', { inputs: { zero: input<number>() } }, ({ zero }) => {
  const one = addOne({ number: zero });
  return { one, two: addOne({ number: one }) };
});

const definitions = define({
  assets: [
    asset({ key: 'upstream_asset', run: () => 0 }),
    assetsFromGraph(returnOneAndTwo, {
      keysByInputName: { zero: 'upstream_asset' },
      keysByOutputName: { one: 'asset_one', two: ['deep', 'asset_two'] },
    }),
    assetsFromGraph(returnOneAndTwo, {
      name: 'prefixed',
      keysByInputName: { zero: 'upstream_asset' },
      keyPrefix: 'numbers',
    }),
  ],
});

/** Keys may be given, whole or by a prefix; a prefix goes before output keys and never before input keys. */
export const explicitKeysExample: Example = {
  title: 'Keys given by name, and by a prefix',
  tell: async (say) => {
    const result = await materialize(definitions);
    assert.equal(result.value('asset_one'), 1);
    assert.equal(result.value('deep/asset_two'), 2);
    assert.equal(result.value('numbers/one'), 1);
    assert.equal(result.value('numbers/two'), 2);
    say(`keysByOutputName: asset_one = ${result.value('asset_one')}, deep/asset_two = ${result.value('deep/asset_two')}`);
    say(`keyPrefix: numbers/one = ${result.value('numbers/one')}, numbers/two = ${result.value('numbers/two')}`);
  },
};
