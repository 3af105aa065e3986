import assert from 'node:assert/strict';
import { accountFor } from './account.ts';
import { firstForm } from './my-graph.ts';
import type { Example } from './say.ts';

/** The first form of `foo` returns `foo_1` also when `baz_asset` alone is selected. Three policies say what becomes of that. */
export const unexpectedMaterializationExample: Example = {
  title: 'baz_asset alone, with the foo that always returns both',
  tell: async (say) => {
    // What the founding document describes: foo_asset is recorded although nobody asked for it.
    const materialized = await accountFor(firstForm, { select: ['baz_asset'], unselectedOutputs: 'materialize' });
    assert.deepEqual(materialized.recorded, ['foo_asset (unexpected)', 'baz_asset']);
    assert.equal(await materialized.store.value('foo_asset'), 2);
    say(`'materialize': ${materialized.recorded.join(', ')}`);

    // Sluice's default: the emission goes nowhere, and a diagnostic event says so.
    const discarded = await accountFor(firstForm, { select: ['baz_asset'] });
    assert.deepEqual(discarded.recorded, ['baz_asset']);
    assert.deepEqual(discarded.discarded, ['foo.foo_1']);
    assert.equal(await discarded.store.latest('foo_asset'), undefined);
    say(`'discard', the default: ${discarded.recorded.join(', ')}; output-discarded: ${discarded.discarded.join(', ')}`);

    // For those who would rather hear of it: the step fails, and with it what is downstream.
    const refused = await accountFor(firstForm, { select: ['baz_asset'], unselectedOutputs: 'error' });
    assert.equal(refused.status, 'failed');
    assert.equal(refused.error, 'OUTPUT_NOT_SELECTED');
    assert.deepEqual(refused.recorded, []);
    say(`'error': the run ${refused.status}, ${refused.error}`);
  },
};
