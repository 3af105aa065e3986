import assert from 'node:assert/strict';
import { accountFor } from './account.ts';
import { secondForm } from './my-graph.ts';
import type { Example } from './say.ts';

/** Selecting `foo_asset` runs `bar` and `foo`, and asks each for what leads there. */
export const fooAssetAloneExample: Example = {
  title: 'foo_asset alone: baz is left out',
  tell: async (say) => {
    const { ran, recorded, discarded, store } = await accountFor(secondForm, { select: ['foo_asset'] });
    assert.equal(ran, 'bar{bar_1} → foo{foo_1}');
    assert.deepEqual(recorded, ['foo_asset']);
    assert.equal(await store.value('foo_asset'), 2);
    assert.deepEqual(discarded, ['bar.bar_2']);
    say(ran);
    say(`recorded: ${recorded.join(', ')}`);
  },
};
