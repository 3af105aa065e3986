import assert from 'node:assert/strict';
import { materialize } from 'sluice';
import { firstForm, secondForm } from './my-graph.ts';
import type { Example } from './say.ts';

/** With everything selected the two forms of `foo` cannot be told apart. */
export const wholeGraphExample: Example = {
  title: 'my_graph: bar, foo and baz back foo_asset and baz_asset',
  tell: async (say) => {
    for (const [form, definitions] of Object.entries({ first: firstForm, second: secondForm })) {
      const result = await materialize(definitions);
      assert.deepEqual([result.value('foo_asset'), result.value('baz_asset')], [2, 5]);
      assert.deepEqual([...result.steps.keys()], ['bar', 'foo', 'baz']);
      say(`${form} form of foo: foo_asset = ${result.value('foo_asset')}, baz_asset = ${result.value('baz_asset')}`);
    }
  },
};
