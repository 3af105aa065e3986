import { expect, test } from 'vitest';
import { z } from 'zod';
import { asset, define, input, materialize } from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';

test('a run tells of what it loaded that its own config would make another way (N5)', async () => {
  const top = asset({ key: 'top', config: z.number().default(1), codeVersion: '1', run: (_, { config }) => config });
  const out = asset({ key: 'out', inputs: { top: input<number>() }, codeVersion: '1', run: ({ top: x }) => x });
  const defs = define({ assets: [top, out] });
  const store = memoryStore();
  await materialize(defs, { store, config: { ops: { top: 2 } } });
  const stale = async (config: object): Promise<unknown> => (await materialize(defs, { store, select: ['out'], config })).staleInputs;
  expect(await stale({ ops: { top: 2 } })).toEqual([]);
  expect(await stale({ ops: { top: 3 } })).toEqual([{ key: 'top', cause: 'config', what: 'top:top' }]);
  expect(await stale({})).toEqual([{ key: 'top', cause: 'config', what: 'top:top' }]);
});
