/** Every example of the document that Sluice started from, run and asserted. Usage: main.ts */
import { barNeedsNoSelectionExample } from './bar-needs-no-selection.ts';
import { bazAssetAloneExample } from './baz-asset-alone.ts';
import { explicitKeysExample } from './explicit-keys.ts';
import { fooAssetAloneExample } from './foo-asset-alone.ts';
import { middleAssetExample } from './middle-asset.ts';
import type { Example } from './say.ts';
import { storeFilesExample } from './store-files.ts';
import { twoAssetsGraphExample } from './two-assets-graph.ts';
import { unexpectedMaterializationExample } from './unexpected-materialization.ts';
import { wholeGraphExample } from './whole-graph.ts';

const examples: readonly Example[] = [
  storeFilesExample,
  middleAssetExample,
  twoAssetsGraphExample,
  explicitKeysExample,
  wholeGraphExample,
  fooAssetAloneExample,
  bazAssetAloneExample,
  unexpectedMaterializationExample,
  barNeedsNoSelectionExample,
];

for (const { title, tell } of examples) {
  console.log(title);
  await tell((line) => console.log(`  ${line}`));
  console.log();
}
console.log(`${examples.length} examples, all as asserted`);
