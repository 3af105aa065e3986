import assert from 'node:assert/strict';
import { accountFor } from './account.ts';
import { secondForm } from './my-graph.ts';
import type { Example } from './say.ts';

/**
 * `bar` may return both of its values whatever is selected: neither is an output of the graph, so none can become an asset that nobody
 * asked for. `materialize`, which records what is emitted beyond the selection, shows it: there is nothing to record.
 */
export const barNeedsNoSelectionExample: Example = {
  title: 'Why bar need not look at selectedOutputs',
  tell: async (say) => {
    const { ran, recorded, discarded, status } = await accountFor(secondForm, { select: ['foo_asset'], unselectedOutputs: 'materialize' });
    assert.equal(status, 'succeeded');
    assert.equal(ran, 'bar{bar_1} → foo{foo_1}');
    assert.deepEqual(recorded, ['foo_asset']);
    assert.deepEqual(discarded, []);
    say(`${ran}; bar returned bar_2 too, which is no asset`);
    say(`recorded under 'materialize': ${recorded.join(', ')}`);
  },
};
