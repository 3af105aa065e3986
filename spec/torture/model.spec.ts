import { describe, expect, test } from 'vitest';
import { compareWithModel, model } from './model.ts';

const quiet = { tell: () => undefined };

describe('a store on disk, one in memory and a list', () => {
  test('do the same, whatever is done in whatever order', async () => {
    const { passed, failures, counts } = await model.run({ count: model.short, seed: 1, ...quiet });
    expect(failures).toEqual([]);
    expect(passed).toBeGreaterThanOrEqual(model.short);
    const happened = [
      'append',
      'put',
      'duplicates',
      'VERSION_CONFLICT',
      'IDEMPOTENCY_CONFLICT',
      'crash',
      'reopen',
      'prune',
      'values removed',
    ];
    for (const what of [...happened, 'tail', 'tail with a cursor', 'compact', 'back up and restore'])
      expect(counts[what], what).toBeGreaterThan(0);
  });

  test('are told apart when one of them loses an append', async () => {
    const { failed } = await compareWithModel({ count: model.short, seed: 1, ...quiet }, { forgetful: true });
    expect(failed).toBe(1);
  });
});
