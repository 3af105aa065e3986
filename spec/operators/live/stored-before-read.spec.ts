import { expect, test } from 'vitest';
import { memoryStore } from '../../../lib/memory/index.ts';
import { assetsFromGraph } from '../../../lib/model/assets-from-graph.ts';
import { define } from '../../../lib/model/definitions.ts';
import { graph } from '../../../lib/model/graph.ts';
import { op } from '../../../lib/model/op.ts';
import { input } from '../../../lib/model/port.ts';
import { source } from '../../../lib/model/source.ts';
import { feed, type Feed } from '../../../operators/live/feed.ts';
import { live } from '../../../operators/live/live.ts';

const report = op({ name: 'report', codeVersion: '1', inputs: { total: input<number>() }, run: ({ total }) => `total ${total}` });
const reports = graph('reports', { inputs: { total: input<number>() } }, (inputs) => report(inputs));
const definitions = define({ assets: [source<number>('total', { read: () => 1000 }), assetsFromGraph(reports)] });

const sums = (items: readonly number[], initial?: number): Feed<number> =>
  feed<number, number>({
    from: ({ offset }) => items.filter((item) => item > Number(offset ?? 0)),
    offset: String,
    fold: (sum, item) => (sum ?? 0) + item,
    ...(initial !== undefined && { initial }),
  });

test.each([
  ['what was read', undefined, 1000],
  ['its initial value', 0, 0],
])('a feed goes on from what is stored, and begins with %s', async (_, initial, start) => {
  const store = memoryStore();
  const serve = async (items: readonly number[]): Promise<unknown> => {
    const service = await live(definitions, { store, sources: { total: sums(items, initial) }, closeWhenDone: true });
    await service.closed;
    return store.value('reports');
  };
  expect(await serve([1, 2])).toBe(`total ${start + 3}`);
  expect(await serve([1, 2, 3])).toBe(`total ${start + 6}`);
  expect(await serve([1, 2, 3])).toBe(`total ${start + 6}`);
});
