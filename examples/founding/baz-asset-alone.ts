import assert from 'node:assert/strict';
import { accountFor } from './account.ts';
import { secondForm } from './my-graph.ts';
import type { Example } from './say.ts';

/** Selecting `baz_asset` runs all three ops, and `foo` is asked for `foo_2` alone: that is what `baz` takes. */
export const bazAssetAloneExample: Example = {
  title: 'baz_asset alone: foo yields foo_2 and not foo_1',
  tell: async (say) => {
    const { ran, recorded, discarded, store } = await accountFor(secondForm, { select: ['baz_asset'] });
    assert.equal(ran, 'bar{bar_1, bar_2} → foo{foo_2} → baz{result}');
    assert.deepEqual(recorded, ['baz_asset']);
    assert.deepEqual(discarded, []);
    assert.equal(await store.value('baz_asset'), 5);
    assert.equal(await store.latest('foo_asset'), undefined);
    say(ran);
    say(`recorded: ${recorded.join(', ')}; foo_asset was not made`);
  },
};
