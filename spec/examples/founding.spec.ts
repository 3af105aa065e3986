import { expect, test } from 'vitest';
import { start } from './start.ts';

const account = `A graph of two ops backs one asset, whose value lives elsewhere
  store_slack_files_in_sql is materialized: 2 rows in the table, no value in the store

A graph between an asset upstream and one downstream
  upstream_asset = 1
  middle_asset = 2, from upstream_asset
  downstream_asset = 3, from middle_asset

A graph with two outputs backs two assets
  asset_one = 1, asset_two = 2
  downstream_asset = 3, from both
  asset_one without asset_two is refused: NOT_SUBSETTABLE

Keys given by name, and by a prefix
  keysByOutputName: asset_one = 1, deep/asset_two = 2
  keyPrefix: numbers/one = 1, numbers/two = 2

my_graph: bar, foo and baz back foo_asset and baz_asset
  first form of foo: foo_asset = 2, baz_asset = 5
  second form of foo: foo_asset = 2, baz_asset = 5

foo_asset alone: baz is left out
  bar{bar_1} → foo{foo_1}
  recorded: foo_asset

baz_asset alone: foo yields foo_2 and not foo_1
  bar{bar_1, bar_2} → foo{foo_2} → baz{result}
  recorded: baz_asset; foo_asset was not made

baz_asset alone, with the foo that always returns both
  'materialize': foo_asset (unexpected), baz_asset
  'discard', the default: baz_asset; output-discarded: foo.foo_1
  'error': the run failed, OUTPUT_NOT_SELECTED

Why bar need not look at selectedOutputs
  bar{bar_1} → foo{foo_1}; bar returned bar_2 too, which is no asset
  recorded under 'materialize': foo_asset

9 examples, all as asserted
`;

test('every founding example runs, holds, and prints its account', async () => {
  expect(await start(['examples/founding/main.ts'])).toEqual({ code: 0, stdout: account, stderr: '' });
});
